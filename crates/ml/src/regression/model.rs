//! The fitted model.

use std::path::Path;

use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::solve::dot;
use super::summary::LinearRegressionSummary;
use crate::error::{MlError, Result};
use crate::features::Features;
use crate::functions::linear_predict;
use crate::model_files::{self, exact};

const KIND: &str = "LinearRegressionModel";

/// A linear model: `prediction = intercept + coefficients · features`.
#[derive(Clone, Debug)]
pub struct LinearRegressionModel {
    coefficients: Vec<f64>,
    intercept: f64,
    features: Features,
    prediction_col: String,
    summary: Option<Box<LinearRegressionSummary>>,
}

/// A model as it is saved.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(with = "exact")]
    coefficients: Vec<f64>,
    #[serde(with = "exact")]
    intercept: Vec<f64>,
    features: Features,
    prediction_col: String,
}

impl LinearRegressionModel {
    pub(super) fn new(
        coefficients: Vec<f64>,
        intercept: f64,
        features: Features,
        prediction_col: String,
    ) -> Self {
        Self {
            coefficients,
            intercept,
            features,
            prediction_col,
            summary: None,
        }
    }

    pub(super) fn with_summary(mut self, summary: LinearRegressionSummary) -> Self {
        self.summary = Some(Box::new(summary));
        self
    }

    /// The same model for other columns.
    #[must_use]
    pub fn with_columns(mut self, features: Features, prediction_col: impl Into<String>) -> Self {
        self.features = features;
        self.prediction_col = prediction_col.into();
        self
    }

    /// One number a feature, in the features' order and unit.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// 0 if it was not fitted.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The scale of Spark ML's robust loss; 1 for squared errors.
    pub fn scale(&self) -> f64 {
        1.0
    }

    pub fn num_features(&self) -> usize {
        self.coefficients.len()
    }

    /// Where `transform` finds the features.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The column `transform` adds.
    pub fn prediction_col(&self) -> &str {
        &self.prediction_col
    }

    /// How the model was fitted and fits; None of a model that was loaded.
    pub fn summary(&self) -> Option<&LinearRegressionSummary> {
        self.summary.as_deref()
    }

    /// The prediction for one row.
    ///
    /// # Errors
    /// If there are not as many features as coefficients.
    pub fn predict(&self, features: &[f64]) -> Result<f64> {
        if features.len() != self.num_features() {
            let (found, wanted) = (features.len(), self.num_features());
            return Err(MlError::invalid(format!(
                "the row has {found} features where the model has {wanted}"
            )));
        }
        Ok(self.intercept + dot(&self.coefficients, features))
    }

    /// `data` with the column of predictions, null where a feature is null.
    ///
    /// # Errors
    /// If `data` has no such features, or already has a column of that name.
    pub fn transform(&self, data: DataFrame) -> Result<DataFrame> {
        let name = &self.prediction_col;
        if data.schema().fields().iter().any(|f| f.name() == name) {
            return Err(MlError::invalid(format!(
                "there is a column \"{name}\" already: drop it, or set predictionCol to another name"
            )));
        }
        let features = match &self.features {
            Features::Columns(names) => names.iter().map(datafusion::prelude::ident).collect(),
            Features::Vector(name) => vec![datafusion::prelude::ident(name)],
        };
        let prediction = linear_predict(&self.coefficients, self.intercept, features);
        Ok(data.with_column(name, prediction)?)
    }

    /// Writes the model to a folder: whole, or not at all.
    ///
    /// # Errors
    /// If there is something at `path` and `overwrite` is false, or the folder cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<()> {
        let saved = Saved {
            coefficients: self.coefficients.clone(),
            intercept: vec![self.intercept],
            features: self.features.clone(),
            prediction_col: self.prediction_col.clone(),
        };
        model_files::write(path, overwrite, KIND, &saved)
    }

    /// Reads a model that [`save`](Self::save) wrote, to the last bit of every number.
    ///
    /// # Errors
    /// If there is no such model at `path`, a part of it is missing or damaged, or a newer version wrote it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let saved: Saved = model_files::read(path, KIND)?;
        let [intercept] = saved.intercept[..] else {
            return Err(MlError::invalid("the model has not one intercept"));
        };
        Ok(Self::new(
            saved.coefficients,
            intercept,
            saved.features,
            saved.prediction_col,
        ))
    }
}
