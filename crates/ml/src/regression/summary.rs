//! How a model was fitted, and how it fits.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::functions::expr_fn::sqrt;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::cast;
use datafusion::prelude::{DataFrame, Expr, ident};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::fit::FitStatistics;
use super::linear::LinearRegression;
use super::model::LinearRegressionModel;
use super::solve::Solution;
use crate::error::{MlError, Result};
use crate::evaluation::{RegressionEvaluator, RegressionMetric};
use crate::handle_invalid::HandleInvalid;

/// The summary of a fit on its own rows, as Spark ML's `LinearRegressionTrainingSummary`.
///
/// All that follows from the fit's sums is at hand. What needs the rows again (mean absolute error, residuals)
/// is asynchronous, and reads the input of the fit once more.
#[derive(Clone, Debug)]
pub struct LinearRegressionSummary {
    model: LinearRegressionModel,
    data: DataFrame,
    label_col: String,
    weight_col: Option<String>,
    handle_invalid: HandleInvalid,
    fit_intercept: bool,
    num_instances: u64,
    fit: FitStatistics,
    inverse_diagonal: Option<Vec<f64>>,
    objective_history: Vec<f64>,
}

impl LinearRegressionSummary {
    pub(super) fn new(
        params: &LinearRegression,
        model: LinearRegressionModel,
        data: DataFrame,
        solution: Solution,
        num_instances: u64,
        fit: FitStatistics,
    ) -> Self {
        Self {
            model,
            data,
            label_col: params.label_col.clone(),
            weight_col: params.weight_col.clone(),
            handle_invalid: params.handle_invalid,
            fit_intercept: params.fit_intercept,
            num_instances,
            fit,
            inverse_diagonal: solution.inverse_diagonal,
            objective_history: solution.objective_history,
        }
    }

    /// Rows that were used, those of weight 0 included.
    pub fn num_instances(&self) -> u64 {
        self.num_instances
    }

    /// Rows less coefficients, less one for an intercept; below 0 if there are fewer rows than that.
    pub fn degrees_of_freedom(&self) -> i64 {
        let fitted = self.model.num_features() + usize::from(self.fit_intercept);
        self.num_instances as i64 - fitted as i64
    }

    /// `Σ w (y − ŷ)² / Σ w`.
    pub fn mean_squared_error(&self) -> f64 {
        self.fit.mse()
    }

    /// The square root of [`mean_squared_error`](Self::mean_squared_error).
    pub fn root_mean_squared_error(&self) -> f64 {
        self.fit.rmse()
    }

    /// `1 − Σ w (y − ŷ)² / Σ w (y − ȳ)²`, or about 0 and not the mean without an intercept. With weights, Spark's
    /// denominator `(Σ w − 1) · variance` is used.
    pub fn r2(&self) -> f64 {
        self.fit.r2()
    }

    /// r² adjusted by the degrees of freedom.
    pub fn r2adj(&self) -> f64 {
        let intercept = i64::from(self.fit_intercept);
        let rows = self.num_instances as i64 - intercept;
        1.0 - (1.0 - self.r2()) * rows as f64 / self.degrees_of_freedom() as f64
    }

    /// `Σ w (ŷ − ȳ)² / Σ w`.
    pub fn explained_variance(&self) -> f64 {
        self.fit.explained_variance()
    }

    /// The objective in the scaled space at the start and after each iteration; one 0 if none was needed.
    pub fn objective_history(&self) -> &[f64] {
        &self.objective_history
    }

    /// Iterations; 0 if the coefficients were solved for directly.
    pub fn total_iterations(&self) -> usize {
        self.objective_history.len().saturating_sub(1)
    }

    /// Standard errors of the coefficients, and of the intercept last if there is one.
    ///
    /// # Errors
    /// If there are none: after an iterative fit, or one with collinear or constant features.
    pub fn coefficient_standard_errors(&self) -> Result<Vec<f64>> {
        let Some(inverse) = &self.inverse_diagonal else {
            return Err(MlError::invalid(
                "this fit has no standard errors: they need solver \"auto\" or \"normal\", no L1 penalty, and \
                 features that are neither collinear nor constant",
            ));
        };
        let variance = self.fit.residual / self.degrees_of_freedom() as f64;
        Ok(inverse.iter().map(|d| (d * variance).sqrt()).collect())
    }

    /// Coefficients (the intercept last) by their standard errors.
    ///
    /// # Errors
    /// As [`coefficient_standard_errors`](Self::coefficient_standard_errors).
    pub fn t_values(&self) -> Result<Vec<f64>> {
        let errors = self.coefficient_standard_errors()?;
        let intercept = self.model.intercept();
        let estimates = self.model.coefficients().iter().chain([&intercept]);
        Ok(estimates.zip(errors).map(|(b, e)| b / e).collect())
    }

    /// Two-sided p-values of the t values, by Student's distribution.
    ///
    /// # Errors
    /// As [`coefficient_standard_errors`](Self::coefficient_standard_errors), and if there is no degree of freedom.
    pub fn p_values(&self) -> Result<Vec<f64>> {
        let t_values = self.t_values()?;
        let freedom = self.degrees_of_freedom();
        let student = StudentsT::new(0.0, 1.0, freedom as f64).map_err(|_| {
            MlError::invalid(format!(
                "p-values need a degree of freedom, and there are {freedom}: fit more rows, or fewer features"
            ))
        })?;
        Ok(t_values.iter().map(|t| 2.0 * student.sf(t.abs())).collect())
    }

    /// The input of the fit with the column of predictions.
    ///
    /// # Errors
    /// As [`LinearRegressionModel::transform`].
    pub fn predictions(&self) -> Result<DataFrame> {
        self.model.transform(self.data.clone())
    }

    /// One column, `residuals`: label less prediction of each row.
    ///
    /// # Errors
    /// As [`predictions`](Self::predictions).
    pub fn residuals(&self) -> Result<DataFrame> {
        let residual = self.residual().alias("residuals");
        Ok(self.predictions()?.select(vec![residual])?)
    }

    /// `Σ w |y − ŷ| / Σ w`, from one pass over the input.
    ///
    /// # Errors
    /// If the engine fails.
    pub async fn mean_absolute_error(&self) -> Result<f64> {
        let evaluator = RegressionEvaluator {
            metric: RegressionMetric::Mae,
            label_col: self.label_col.clone(),
            prediction_col: self.model.prediction_col().to_owned(),
            weight_col: self.weight_col.clone(),
            handle_invalid: self.handle_invalid,
            ..RegressionEvaluator::default()
        };
        evaluator.evaluate(self.predictions()?).await
    }

    /// The least and the largest of `√w (y − ŷ)`, from one pass over the input.
    ///
    /// # Errors
    /// If the engine fails.
    pub async fn deviance_residuals(&self) -> Result<[f64; 2]> {
        let residual = match &self.weight_col {
            None => self.residual(),
            Some(weight) => self.residual() * sqrt(cast(ident(weight), DataType::Float64)),
        };
        let batches = self
            .predictions()?
            .aggregate(vec![], vec![min(residual.clone()), max(residual)])?
            .collect()
            .await?;
        let first = batches.iter().find(|b| b.num_rows() > 0);
        let value = |at: usize| {
            let column = first?.column(at).as_primitive_opt::<Float64Type>()?;
            Some(column.value(0))
        };
        match (value(0), value(1)) {
            (Some(least), Some(largest)) => Ok([least, largest]),
            _ => Err(MlError::invalid(
                "there are no residuals: the input has no rows now",
            )),
        }
    }

    fn residual(&self) -> Expr {
        let label = cast(ident(&self.label_col), DataType::Float64);
        label - ident(self.model.prediction_col())
    }
}
