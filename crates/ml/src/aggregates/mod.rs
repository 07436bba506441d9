//! Aggregate functions: partial on the workers, merged once, by name. Their partial states are bytes.

mod accumulate;
mod binary;
mod cluster_spreads;
mod gradient;
mod kmeans_sample;
mod kmeans_step;
mod least_squares;
mod linear_regression;
mod observations;
mod regression;
pub(crate) mod state;
mod vector_spread;

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::AggregateUDF;

pub(crate) use binary::{bytes_literal, evaluate};
pub(crate) use cluster_spreads::decode_clusters;
pub(crate) use gradient::{Gradient, Spread};
pub(crate) use kmeans_sample::decode_sample;
pub(crate) use kmeans_step::StepTotals;
pub(crate) use least_squares::feature_types;
pub use regression::linear_regression;
pub(crate) use regression::{least_squares, least_squares_folds, least_squares_gradient};
pub(crate) use vector_spread::decode_spread;

pub(crate) static KMEANS_STEP: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(kmeans_step::FUNCTION.into()));
pub(crate) static KMEANS_SAMPLE: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(kmeans_sample::FUNCTION.into()));
pub(crate) static VECTOR_SPREAD: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(vector_spread::FUNCTION.into()));
pub(crate) static CLUSTER_SPREADS: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(cluster_spreads::FUNCTION.into()));

/// The aggregate functions of this crate, for a session's registry.
pub fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let clustering = [
        &KMEANS_STEP,
        &KMEANS_SAMPLE,
        &VECTOR_SPREAD,
        &CLUSTER_SPREADS,
    ];
    let clustering = clustering.map(|function| Arc::clone(function));
    clustering
        .into_iter()
        .chain(regression::functions())
        .collect()
}
