//! Predictions of a number against the number.

use std::str::FromStr;

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::expr_fn::abs;
use datafusion::logical_expr::cast;
use datafusion::prelude::{DataFrame, ident};

use crate::aggregates::{least_squares, state};
use crate::error::{MlError, Result};
use crate::handle_invalid::HandleInvalid;
use crate::regression::fit::{FitStatistics, LabelSpread};
use crate::regression::{aggregate, no_rows};

/// Compares a column of predictions with a column of labels, as Spark ML's `RegressionEvaluator`.
///
/// Every metric comes from one pass that sums the moments of prediction, residual and label.
#[derive(Clone, Debug, PartialEq)]
pub struct RegressionEvaluator {
    pub metric: RegressionMetric,
    pub label_col: String,
    pub prediction_col: String,
    pub weight_col: Option<String>,
    /// Whether r² is about 0 and not about the label's mean, as it is for a model without an intercept.
    pub through_origin: bool,
    pub handle_invalid: HandleInvalid,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegressionMetric {
    /// `√(Σ w (y − ŷ)² / Σ w)`.
    #[default]
    Rmse,
    /// `Σ w (y − ŷ)² / Σ w`.
    Mse,
    /// `Σ w |y − ŷ| / Σ w`.
    Mae,
    /// `1 − Σ w (y − ŷ)² / Σ w (y − ȳ)²`.
    R2,
    /// The explained variance, `Σ w (ŷ − ȳ)² / Σ w`.
    Var,
}

impl FromStr for RegressionMetric {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "rmse" => Ok(Self::Rmse),
            "mse" => Ok(Self::Mse),
            "mae" => Ok(Self::Mae),
            "r2" => Ok(Self::R2),
            "var" => Ok(Self::Var),
            _ => Err(MlError::invalid(format!(
                "metricName is \"{name}\", and must be \"rmse\", \"mse\", \"mae\", \"r2\" or \"var\""
            ))),
        }
    }
}

impl RegressionMetric {
    /// Whether more is better.
    pub fn is_larger_better(self) -> bool {
        matches!(self, Self::R2 | Self::Var)
    }
}

impl Default for RegressionEvaluator {
    /// Spark ML's defaults: rmse of `prediction` against `label`.
    fn default() -> Self {
        Self {
            metric: RegressionMetric::Rmse,
            label_col: "label".to_owned(),
            prediction_col: "prediction".to_owned(),
            weight_col: None,
            through_origin: false,
            handle_invalid: HandleInvalid::Error,
        }
    }
}

impl RegressionEvaluator {
    /// # Errors
    /// If there are no rows, one is invalid and `handle_invalid` is [`HandleInvalid::Error`], or the engine fails.
    pub async fn evaluate(&self, data: DataFrame) -> Result<f64> {
        let number = |name: &String| cast(ident(name), DataType::Float64);
        let residual = number(&self.label_col) - number(&self.prediction_col);
        // The residual is a variable of its own: as a difference of sums it would lose the digits of a good fit.
        let variables = vec![
            number(&self.prediction_col),
            residual.clone(),
            abs(residual),
        ];
        let weight = self.weight_col.as_ref().map(ident);
        let sums = least_squares(
            self.handle_invalid,
            ident(&self.label_col),
            weight,
            variables,
        );
        let bytes = aggregate(data, sums).await?.ok_or_else(no_rows)?;
        let moments = state::decode(&bytes)?;
        if moments.weight() == 0.0 {
            let message = "every row has weight 0: there is nothing to evaluate";
            return Err(MlError::invalid(message));
        }
        let [prediction, residual, absolute, label] = [0, 1, 2, 3];
        let (mean, weight) = (moments.mean(), moments.weight());
        let offset = mean[prediction] - mean[label];
        let regression = moments.cross(prediction, prediction) + weight * offset * offset;
        let fit = FitStatistics::from_sums(
            &LabelSpread::of(&moments, label),
            moments.product(residual, residual),
            regression,
            !self.through_origin,
        );
        Ok(match self.metric {
            RegressionMetric::Rmse => fit.rmse(),
            RegressionMetric::Mse => fit.mse(),
            RegressionMetric::Mae => mean[absolute],
            RegressionMetric::R2 => fit.r2(),
            RegressionMetric::Var => fit.explained_variance(),
        })
    }
}
