//! Estimators that find groups of rows.

mod distance;
mod init;
mod kmeans;
mod local;
mod model;

pub(crate) use distance::normalize;

pub use distance::DistanceMeasure;
pub use kmeans::{InitMode, KMeans};
pub use model::{KMeansModel, KMeansSummary};
