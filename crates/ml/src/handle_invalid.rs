//! What becomes of rows that cannot be used.

use std::str::FromStr;

use crate::error::{MlError, Result};

/// What becomes of a row with a null, NaN or infinity where an estimator needs a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandleInvalid {
    /// The fit fails, and says what is wrong.
    #[default]
    Error,
    /// The row is left out.
    Skip,
}

impl FromStr for HandleInvalid {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "error" => Ok(Self::Error),
            "skip" => Ok(Self::Skip),
            other => Err(MlError::invalid(format!(
                "handleInvalid is '{other}': it is error or skip"
            ))),
        }
    }
}
