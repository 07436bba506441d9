//! The estimator: parameters, checks, `fit`.

use std::str::FromStr;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, ident};

use super::fit::FitStatistics;
use super::iterative;
use super::model::LinearRegressionModel;
use super::solve::{Penalty, Scale, Solution, no_rows, solve};
use super::summary::LinearRegressionSummary;
use crate::aggregates::{least_squares, state};
use crate::error::{MlError, Result};
use crate::features::Features;
use crate::handle_invalid::HandleInvalid;
use crate::kernels::moments::Moments;
use crate::vectors::Vectors;

/// Most features whose cross-products of all pairs are summed, as in Spark ML: 4096 make a state of 67 MB.
pub(super) const MAX_NORMAL_FEATURES: usize = 4096;

/// Linear regression by least squares, with Spark ML's parameters, names, defaults and objective.
///
/// ```text
/// ½ Σ w (y − b − xβ)² / (σ_y² Σ w) + (λ / σ_y) (α Σ|β'ⱼ| + ½ (1 − α) Σ β'ⱼ²)
/// ```
/// where `λ` is `reg_param`, `α` is `elastic_net_param`, `σ` are standard deviations and `β'ⱼ = βⱼ σⱼ / σ_y`; without
/// `standardization` the terms of the penalty are divided by `σⱼ` and `σⱼ²`.
///
/// One pass over the data sums the moments of label and features; what follows needs no more of the data. Above 4096
/// features each iteration is a pass over the cached input. Where Spark iterates (under an L1 penalty, and with solver
/// "l-bfgs") these are Spark's iterations: the same in number, and the same answer where they are ended early.
///
/// A constant feature has coefficient 0. A constant label has all coefficients 0, the intercept being the label.
/// Where features are collinear, or more than the rows, and `reg_param` is 0, the coefficients are those of least norm
/// for standardised features, to which Spark's fall-back converges as well.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearRegression {
    pub features: Features,
    pub label_col: String,
    pub prediction_col: String,
    /// A column of numbers of at least 0. A row of weight `w` counts as `w` rows.
    pub weight_col: Option<String>,
    /// At least 0.
    pub reg_param: f64,
    /// From 0, where the penalty is L2, to 1, where it is L1.
    pub elastic_net_param: f64,
    pub fit_intercept: bool,
    pub standardization: bool,
    /// Most iterations.
    pub max_iter: usize,
    /// Iterations end, as in Spark, when the gradient's length is at most this part of the objective, or the last 20
    /// objectives are within this part of the first.
    pub tol: f64,
    pub solver: Solver,
    pub loss: Loss,
    pub handle_invalid: HandleInvalid,
}

/// How the coefficients are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// `Normal` up to 4096 features, `LBfgs` above.
    #[default]
    Auto,
    /// From the moments, scaled by population standard deviations as Spark's normal solver does.
    Normal,
    /// Scaled by sample standard deviations as Spark's l-bfgs solver does, which under a penalty moves the answer by
    /// a part in `2n`. From the moments as well, unless there are more than 4096 features. As in Spark, there are no
    /// standard errors.
    LBfgs,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    #[default]
    SquaredError,
    /// Known by name only: a fit refuses it.
    Huber,
}

impl FromStr for Solver {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "normal" => Ok(Self::Normal),
            "l-bfgs" => Ok(Self::LBfgs),
            _ => Err(MlError::invalid(format!(
                "solver is \"{name}\", and must be \"auto\", \"normal\" or \"l-bfgs\""
            ))),
        }
    }
}

impl FromStr for Loss {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "squaredError" => Ok(Self::SquaredError),
            "huber" => Ok(Self::Huber),
            _ => Err(MlError::invalid(format!(
                "loss is \"{name}\", and must be \"squaredError\""
            ))),
        }
    }
}

impl LinearRegression {
    /// Spark ML's defaults: no penalty, an intercept, 100 iterations, tolerance 1e-6.
    pub fn new(features: Features, label_col: impl Into<String>) -> Self {
        Self {
            features,
            label_col: label_col.into(),
            prediction_col: "prediction".to_owned(),
            weight_col: None,
            reg_param: 0.0,
            elastic_net_param: 0.0,
            fit_intercept: true,
            standardization: true,
            max_iter: 100,
            tol: 1e-6,
            solver: Solver::Auto,
            loss: Loss::SquaredError,
            handle_invalid: HandleInvalid::Error,
        }
    }

    /// Fits a model to the rows of `data`.
    ///
    /// # Errors
    /// If a parameter is outside its range, the rows allow no answer (there are none, or an invalid one and
    /// `handle_invalid` is [`HandleInvalid::Error`]), or the engine fails.
    pub async fn fit(&self, data: DataFrame) -> Result<LinearRegressionModel> {
        self.check()?;
        let width = self.width(&data).await?;
        if width > MAX_NORMAL_FEATURES {
            if self.solver == Solver::Normal {
                return Err(MlError::invalid(format!(
                    "solver \"normal\" takes up to {MAX_NORMAL_FEATURES} features, and there are {width}: use \
                     \"auto\" or \"l-bfgs\""
                )));
            }
            let (solution, count, fit) = iterative::fit(self, &data).await?;
            return Ok(self.model(data, solution, count, fit));
        }
        let sums = least_squares(
            self.handle_invalid,
            self.label(),
            self.weight(),
            self.feature_exprs(),
        );
        let Some(bytes) = aggregate(data.clone(), sums).await? else {
            return Err(no_rows());
        };
        let moments = state::decode(&bytes)?;
        self.fit_moments(data, &moments, &self.penalty())
    }

    /// The model of rows whose moments are known.
    pub(super) fn fit_moments(
        &self,
        data: DataFrame,
        moments: &Moments,
        penalty: &Penalty,
    ) -> Result<LinearRegressionModel> {
        let solution = solve(moments, penalty, self.scale())?;
        let fit = FitStatistics::new(
            moments,
            &solution.coefficients,
            solution.intercept,
            self.fit_intercept,
        );
        Ok(self.model(data, solution, moments.count(), fit))
    }

    fn model(
        &self,
        data: DataFrame,
        solution: Solution,
        count: u64,
        fit: FitStatistics,
    ) -> LinearRegressionModel {
        let model = LinearRegressionModel::new(
            solution.coefficients.clone(),
            solution.intercept,
            self.features.clone(),
            self.prediction_col.clone(),
        );
        let summary = LinearRegressionSummary::new(self, model.clone(), data, solution, count, fit);
        model.with_summary(summary)
    }

    /// # Errors
    /// If a parameter is outside its range. The message names it.
    pub(super) fn check(&self) -> Result<()> {
        check_range("regParam", self.reg_param, f64::MAX)?;
        check_range("elasticNetParam", self.elastic_net_param, 1.0)?;
        check_range("tol", self.tol, f64::MAX)?;
        if self.features == Features::Columns(Vec::new()) {
            return Err(MlError::invalid(
                "there are no features: name at least one column",
            ));
        }
        if self.loss == Loss::Huber {
            let message = "loss \"huber\" is not supported: use \"squaredError\"";
            return Err(MlError::invalid(message));
        }
        Ok(())
    }

    pub(super) fn penalty(&self) -> Penalty {
        Penalty {
            reg_param: self.reg_param,
            elastic_net_param: self.elastic_net_param,
            standardization: self.standardization,
            fit_intercept: self.fit_intercept,
            max_iter: self.max_iter,
            tol: self.tol,
        }
    }

    pub(super) fn scale(&self) -> Scale {
        match self.solver {
            Solver::LBfgs => Scale::Sample,
            Solver::Auto | Solver::Normal => Scale::Population,
        }
    }

    pub(super) fn label(&self) -> Expr {
        ident(&self.label_col)
    }

    pub(super) fn weight(&self) -> Option<Expr> {
        self.weight_col.as_ref().map(ident)
    }

    /// Columns one by one, which the kernel takes without a copy, or the vector.
    pub(super) fn feature_exprs(&self) -> Vec<Expr> {
        match &self.features {
            Features::Columns(names) => names.iter().map(ident).collect(),
            Features::Vector(name) => vec![ident(name)],
        }
    }

    /// The number of features. The first row tells it where the type does not.
    pub(super) async fn width(&self, data: &DataFrame) -> Result<usize> {
        let name = match &self.features {
            Features::Columns(names) => return Ok(names.len()),
            Features::Vector(name) => name,
        };
        let column = data.clone().select(vec![ident(name)])?;
        match column.schema().field(0).data_type() {
            DataType::FixedSizeList(_, width) => return Ok(*width as usize),
            other if Vectors::is_vector(other) => {}
            other => {
                return Err(MlError::invalid(format!(
                    "column \"{name}\" is of type {other}, and holds no vectors: make some with vector(a, b, …)"
                )));
            }
        }
        let first = column
            .filter(ident(name).is_not_null())?
            .limit(0, Some(1))?
            .collect()
            .await?;
        match first.iter().find(|b| b.num_rows() > 0) {
            Some(batch) => Ok(Vectors::try_new(batch.column(0).as_ref())?.width(0)),
            None => Err(no_rows()),
        }
    }
}

/// Runs one aggregate that answers bytes over all rows.
pub(crate) async fn aggregate(data: DataFrame, function: Expr) -> Result<Option<Vec<u8>>> {
    let batches = data.aggregate(vec![], vec![function])?.collect().await?;
    let Some(batch) = batches.iter().find(|b| b.num_rows() > 0) else {
        return Ok(None);
    };
    match ScalarValue::try_from_array(batch.column(0), 0)? {
        ScalarValue::Binary(bytes) | ScalarValue::BinaryView(bytes) => Ok(bytes),
        _ => Err(MlError::invalid(format!(
            "an aggregate answered {} where bytes were due",
            batch.column(0).data_type()
        ))),
    }
}

pub(super) fn check_range(name: &str, value: f64, max: f64) -> Result<()> {
    if value >= 0.0 && value <= max {
        return Ok(());
    }
    let range = match max {
        f64::MAX => "a finite number of at least 0".to_owned(),
        max => format!("a number from 0 to {max}"),
    };
    Err(MlError::invalid(format!(
        "{name} is {value}, and must be {range}"
    )))
}
