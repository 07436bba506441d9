//! Linear regression: estimator, model, summary.

pub(crate) mod fit;
mod iterative;
mod linear;
mod model;
mod path;
pub(crate) mod solve;
mod summary;

pub(crate) use linear::aggregate;
pub use linear::{LinearRegression, Loss, Solver};
pub use model::LinearRegressionModel;
pub use path::{PathPoint, RegularizationPath};
pub(crate) use solve::no_rows;
pub use summary::LinearRegressionSummary;
