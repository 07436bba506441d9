//! Columns as vectors.

use std::str::FromStr;

use datafusion::dataframe::DataFrame;
use datafusion::prelude::ident;

use crate::error::{MlError, Result};
use crate::functions::assemble_vector;

/// Puts columns of numbers, booleans and dense vectors one after another into one column of dense vectors.
#[derive(Clone, Debug)]
pub struct VectorAssembler {
    pub input_cols: Vec<String>,
    pub output_col: String,
    pub handle_invalid: AssembleInvalid,
}

/// What becomes of a row with a null or NaN among its inputs. As in Spark, infinities are numbers as any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssembleInvalid {
    /// The query fails, and says so.
    #[default]
    Error,
    /// The row is left out.
    Skip,
    /// The row stays, with NaN for nulls.
    Keep,
}

impl FromStr for AssembleInvalid {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "error" => Ok(Self::Error),
            "skip" => Ok(Self::Skip),
            "keep" => Ok(Self::Keep),
            other => Err(MlError::invalid(format!(
                "handleInvalid is '{other}': it is error, skip or keep"
            ))),
        }
    }
}

impl VectorAssembler {
    /// Fails on rows with nulls or NaN, as in Spark.
    pub fn new(input_cols: Vec<String>, output_col: impl Into<String>) -> Self {
        Self {
            input_cols,
            output_col: output_col.into(),
            handle_invalid: AssembleInvalid::Error,
        }
    }

    /// Adds the vectors to a frame.
    ///
    /// # Errors
    /// If a column is missing, is none of numbers, booleans and dense vectors, or the output is there already.
    pub fn transform(&self, frame: DataFrame) -> Result<DataFrame> {
        if self.input_cols.is_empty() {
            return Err(MlError::invalid(
                "VectorAssembler has no inputCols: name at least one column",
            ));
        }
        let output = &self.output_col;
        if frame.schema().has_column_with_unqualified_name(output) {
            let message = format!("there is a column {output} already: choose another outputCol");
            return Err(MlError::Invalid(message));
        }
        let inputs = self.input_cols.iter().map(ident).collect();
        let rule = match self.handle_invalid {
            AssembleInvalid::Error => "error",
            AssembleInvalid::Skip => "skip",
            AssembleInvalid::Keep => "keep",
        };
        let vector = assemble_vector(rule, inputs);
        let frame = frame.with_column(output, vector)?;
        if self.handle_invalid == AssembleInvalid::Skip {
            return Ok(frame.filter(ident(output).is_not_null())?);
        }
        Ok(frame)
    }
}
