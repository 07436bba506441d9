//! How good predictions are.

mod clustering;
mod regression;

pub use clustering::{ClusteringEvaluator, SilhouetteDistance};
pub use regression::{RegressionEvaluator, RegressionMetric};
