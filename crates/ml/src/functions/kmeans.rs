//! `kmeans_predict(vector, centres, distance)` and `kmeans_distance(vector, centres, distance)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::pack::{nulls, require_vectors, to_unit_length};
use super::row_function::{RowFunction, scalar, text};
use crate::clustering::DistanceMeasure;
use crate::kernels::{Scratch, nearest};
use crate::rows::{decode_centres, row_major};
use crate::vectors::Vectors;

/// The number of the nearest centre, as an `Int32`. Null for a null, and for a row with NaN or an infinity.
pub(super) const PREDICT: RowFunction = RowFunction {
    name: "kmeans_predict",
    returns: |types, _| check(types).map(|()| DataType::Int32),
    invoke: |args| {
        let found = find(args)?;
        let centres = Int32Array::new(
            found.nearest.into_iter().map(|c| c as i32).collect(),
            found.nulls,
        );
        Ok(ColumnarValue::Array(Arc::new(centres) as ArrayRef))
    },
};

/// The distance from the nearest centre: Euclidean (not squared), or one minus the cosine.
pub(super) const DISTANCE: RowFunction = RowFunction {
    name: "kmeans_distance",
    returns: |types, _| check(types).map(|()| DataType::Float64),
    invoke: |args| {
        let found = find(args)?;
        let measure = found.measure;
        let distances = found.distances.into_iter().map(|d| measure.distance(d));
        let distances = Float64Array::new(distances.collect(), found.nulls);
        Ok(ColumnarValue::Array(Arc::new(distances) as ArrayRef))
    },
};

struct Found {
    measure: DistanceMeasure,
    nearest: Vec<u32>,
    /// Squared, and for cosine, of rows of length 1.
    distances: Vec<f64>,
    nulls: Option<NullBuffer>,
}

fn check(types: &[DataType]) -> Result<()> {
    match types {
        [vectors, _, _] => require_vectors(vectors),
        _ => plan_err!("takes a vector, the centres and the name of a distance"),
    }
}

fn find(args: &ScalarFunctionArgs) -> Result<Found> {
    let array = args.args[0].to_array(args.number_rows)?;
    let vectors = Vectors::try_new(&array)?;
    let centres = decode_centres(scalar(args, 1)?)?;
    let measure: DistanceMeasure = text(args, 2)?.parse()?;
    let width = centres.width();
    let mut nulls = nulls(&vectors);
    let mut rows = row_major(&vectors, width)?;
    if measure == DistanceMeasure::Cosine {
        rows = to_unit_length(rows, width, nulls.as_ref())?.into();
    }
    let mut found = vec![0; vectors.len()];
    let mut distances = vec![0.0; vectors.len()];
    nearest(
        &centres,
        &rows,
        &mut Scratch::default(),
        &mut found,
        &mut distances,
    );
    if !distances.iter().sum::<f64>().is_finite() {
        let finite: Vec<bool> = distances.iter().map(|d| d.is_finite()).collect();
        nulls = NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::from(finite)));
    }
    Ok(Found {
        measure,
        nearest: found,
        distances,
        nulls,
    })
}
