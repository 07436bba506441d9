//! Scalar functions over vectors.

mod kmeans;
mod linear_predict;
pub(crate) mod names;
mod pack;
mod row_function;
mod row_uniform;
mod scale;
mod silhouette;
mod vector;
mod vector_to_array;

use std::sync::{Arc, LazyLock};

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ScalarUDF, lit};

use crate::aggregates::state;

macro_rules! functions {
    ($($name:ident = $function:expr;)*) => {
        $(static $name: LazyLock<Arc<ScalarUDF>> =
            LazyLock::new(|| Arc::new(ScalarUDF::from($function)));)*

        /// The scalar functions of this crate, for a session's registry.
        pub fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
            vec![$(Arc::clone(&$name)),*]
        }
    };
}

functions! {
    VECTOR = vector::VECTOR;
    ASSEMBLE_VECTOR = vector::ASSEMBLE;
    PACK_VECTOR = pack::PACK;
    VECTOR_FINITE = pack::FINITE;
    VECTOR_SCALE = scale::SCALE;
    VECTOR_TO_ARRAY = vector_to_array::VECTOR_TO_ARRAY;
    KMEANS_PREDICT = kmeans::PREDICT;
    KMEANS_DISTANCE = kmeans::DISTANCE;
    SILHOUETTE = silhouette::SILHOUETTE;
    ROW_UNIFORM = row_uniform::ROW_UNIFORM;
    LINEAR_PREDICT = linear_predict::LinearPredict::default();
}

/// `vector(x0, x1, …)`: numbers and dense vectors as one dense vector, null if one of them is null.
pub fn vector(numbers: Vec<Expr>) -> Expr {
    VECTOR.call(numbers)
}

/// `vector` for `VectorAssembler`; `handle_invalid` is `error`, `skip` or `keep`.
pub(crate) fn assemble_vector(handle_invalid: &str, numbers: Vec<Expr>) -> Expr {
    let arguments = std::iter::once(lit(handle_invalid)).chain(numbers);
    ASSEMBLE_VECTOR.call(arguments.collect())
}

/// Vectors of any kind as dense ones of a known width; with `unit`, of length 1.
pub(crate) fn pack_vector(vector: Expr, width: usize, unit: bool) -> Expr {
    PACK_VECTOR.call(vec![vector, lit(width as i64), lit(unit)])
}

/// Whether a vector is neither null nor has NaN or an infinity in it.
pub(crate) fn vector_finite(vector: Expr) -> Expr {
    VECTOR_FINITE.call(vec![vector])
}

/// `(x − shift)·factor` by element.
pub(crate) fn vector_scale(vector: Expr, shift: &[f64], factor: &[f64]) -> Expr {
    VECTOR_SCALE.call(vec![vector, binary(scale::encode(shift, factor))])
}

/// The number of the nearest of the encoded centres.
pub(crate) fn kmeans_predict(vector: Expr, centres: Vec<u8>, distance: &str) -> Expr {
    KMEANS_PREDICT.call(vec![vector, binary(centres), lit(distance)])
}

/// The distance from the nearest of the encoded centres.
pub(crate) fn kmeans_distance(vector: Expr, centres: Vec<u8>, distance: &str) -> Expr {
    KMEANS_DISTANCE.call(vec![vector, binary(centres), lit(distance)])
}

/// The silhouette of a row among the encoded clusters.
pub(crate) fn silhouette(vector: Expr, cluster: Expr, weight: Expr, clusters: Vec<u8>) -> Expr {
    SILHOUETTE.call(vec![vector, cluster, weight, binary(clusters)])
}

/// A number in (0, 1) that belongs to the values of a row.
pub(crate) fn row_uniform(seed: i64, columns: Vec<Expr>) -> Expr {
    ROW_UNIFORM.call(std::iter::once(lit(seed)).chain(columns).collect())
}

/// `intercept + coefficients · features`, the features being numbers or one vector; null where one is null.
pub(crate) fn linear_predict(coefficients: &[f64], intercept: f64, features: Vec<Expr>) -> Expr {
    let text = state::to_text(&[intercept]) + &state::to_text(coefficients);
    let mut args = vec![lit(text)];
    args.extend(features);
    LINEAR_PREDICT.call(args)
}

fn binary(bytes: Vec<u8>) -> Expr {
    lit(ScalarValue::Binary(Some(bytes)))
}
