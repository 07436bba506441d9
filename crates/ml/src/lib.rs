//! Kernels, aggregate functions and estimators over Arrow partitions.
//!
//! Everything runs where its `DataFrame` runs: in this process, or on a cluster whose workers know the
//! functions of [`scalar_functions`] and [`aggregate_functions`] by name.

mod aggregates;
mod bytes;
mod clustering;
mod error;
mod evaluation;
mod feature;
mod features;
mod functions;
mod handle_invalid;
pub mod kernels;
mod model_files;
mod packing;
mod regression;
mod rows;
pub mod vectors;

pub use aggregates::{aggregate_functions, linear_regression};
pub use clustering::{DistanceMeasure, InitMode, KMeans, KMeansModel, KMeansSummary};
pub use error::{MlError, Result};
pub use evaluation::{
    ClusteringEvaluator, RegressionEvaluator, RegressionMetric, SilhouetteDistance,
};
pub use feature::{
    AssembleInvalid, StandardScaler, StandardScalerModel, VectorAssembler, random_split,
};
pub use features::Features;
pub use functions::{scalar_functions, vector};
pub use handle_invalid::HandleInvalid;
pub use packing::dense_vectors;
pub use regression::{
    LinearRegression, LinearRegressionModel, LinearRegressionSummary, Loss, PathPoint,
    RegularizationPath, Solver,
};
