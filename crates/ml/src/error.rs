//! What can go wrong with an estimator.

use datafusion::error::DataFusionError;

/// An error of an estimator, an evaluator or a model's file.
#[derive(Debug, thiserror::Error)]
pub enum MlError {
    /// Parameters or data that no answer can be made from. The message names the parameter or column, and
    /// says what would do.
    #[error("{0}")]
    Invalid(String),
    /// The engine failed under a fit or a transform.
    #[error(transparent)]
    Engine(#[from] DataFusionError),
}

/// The result of this crate's estimators.
pub type Result<T, E = MlError> = std::result::Result<T, E>;

impl MlError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

impl From<MlError> for DataFusionError {
    fn from(error: MlError) -> Self {
        match error {
            MlError::Engine(error) => error,
            MlError::Invalid(_) => Self::External(Box::new(error)),
        }
    }
}
