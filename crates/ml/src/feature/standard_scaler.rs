//! Features brought to one scale.

use std::path::Path;

use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::ident;
use serde::{Deserialize, Serialize};

use crate::aggregates::{VECTOR_SPREAD, decode_spread, evaluate};
use crate::error::{MlError, Result};
use crate::functions::vector_scale;
use crate::model_files::{self, exact};
use crate::packing::no_rows;
use crate::vectors::Vectors;

const KIND: &str = "StandardScalerModel";

/// Divides each element of a column of vectors by its standard deviation (that of a sample, over n − 1), and with
/// `with_mean` takes its mean off before.
#[derive(Clone, Debug)]
pub struct StandardScaler {
    pub input_col: String,
    pub output_col: String,
    pub with_mean: bool,
    pub with_std: bool,
}

/// The means and standard deviations of the elements of vectors, and what scales by them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandardScalerModel {
    pub input_col: String,
    pub output_col: String,
    with_mean: bool,
    with_std: bool,
    #[serde(with = "exact")]
    mean: Vec<f64>,
    #[serde(with = "exact")]
    std: Vec<f64>,
}

impl StandardScaler {
    /// The defaults of Spark: no means are taken off, and standard deviations are divided by.
    pub fn new(input_col: impl Into<String>, output_col: impl Into<String>) -> Self {
        Self {
            input_col: input_col.into(),
            output_col: output_col.into(),
            with_mean: false,
            with_std: true,
        }
    }

    /// Finds means and standard deviations, in one pass.
    ///
    /// # Errors
    /// If there is no such column of vectors, there are no rows, or a vector is null or of another length. NaN in an
    /// element makes its mean NaN, as in Spark.
    pub async fn fit(&self, frame: DataFrame) -> Result<StandardScalerModel> {
        check_input(&frame, &self.input_col)?;
        let state = evaluate(&frame, &VECTOR_SPREAD, vec![ident(&self.input_col)]).await?;
        let spread = decode_spread(&state.ok_or_else(no_rows)?)?;
        let freedom = (spread.weight - 1.0).max(1.0);
        let std = spread.squares.iter().map(|s| (s / freedom).sqrt());
        Ok(StandardScalerModel {
            input_col: self.input_col.clone(),
            output_col: self.output_col.clone(),
            with_mean: self.with_mean,
            with_std: self.with_std,
            std: std.collect(),
            mean: spread.mean,
        })
    }
}

impl StandardScalerModel {
    /// The mean of each element.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each element, of a sample.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// Adds the scaled vectors to a frame, as dense ones. An element that was the same in all rows becomes 0.
    ///
    /// # Errors
    /// If there is no such column of vectors. A vector of another length fails the query later.
    pub fn transform(&self, frame: DataFrame) -> Result<DataFrame> {
        check_input(&frame, &self.input_col)?;
        let shift = if self.with_mean {
            self.mean.clone()
        } else {
            vec![0.0; self.mean.len()]
        };
        let factor = self.std.iter().map(|std| match (self.with_std, *std) {
            (false, _) => 1.0,
            (true, 0.0) => 0.0,
            (true, std) => 1.0 / std,
        });
        let factor: Vec<f64> = factor.collect();
        let scaled = vector_scale(ident(&self.input_col), &shift, &factor);
        Ok(frame.with_column(&self.output_col, scaled)?)
    }

    /// Writes the model into a folder, whole or not at all.
    ///
    /// # Errors
    /// If there is something at `path` and `overwrite` is not set or it is no model; or if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<()> {
        model_files::write(path, overwrite, KIND, self)
    }

    /// Reads a model that [`Self::save`] wrote.
    ///
    /// # Errors
    /// If there is none at `path`, it is another kind of model, from a newer version, or torn.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let model: Self = model_files::read(path, KIND)?;
        if model.mean.len() != model.std.len() {
            return Err(MlError::invalid(
                "the scaler has not as many means as standard deviations",
            ));
        }
        Ok(model)
    }
}

fn check_input(frame: &DataFrame, name: &str) -> Result<()> {
    let field = frame.schema().field_with_unqualified_name(name)?;
    let data_type: &DataType = field.data_type();
    if Vectors::is_vector(data_type) {
        return Ok(());
    }
    Err(MlError::invalid(format!(
        "the column {name} is of type {data_type}, which holds no vectors: make some with a \
         VectorAssembler"
    )))
}
