//! A regularisation path with cross-validation, from one pass over the data.

use datafusion::prelude::DataFrame;

use super::fit::FitStatistics;
use super::linear::{LinearRegression, MAX_NORMAL_FEATURES, aggregate, check_range};
use super::model::LinearRegressionModel;
use super::solve::{Penalty, no_rows, solve};
use crate::aggregates::{least_squares_folds, state};
use crate::error::{MlError, Result};
use crate::kernels::moments::Moments;

/// Fits for every pair of penalties, and the model of the best.
#[derive(Clone, Debug)]
pub struct RegularizationPath {
    /// In the order asked for: every `elastic_net_param` of the first `reg_param`, then of the next.
    pub points: Vec<PathPoint>,
    /// Which point has the least `cv_rmse_mean`; the first of equals.
    pub best: usize,
    /// The model of the best point, fitted to all rows.
    pub best_model: LinearRegressionModel,
}

/// One pair of penalties.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPoint {
    pub reg_param: f64,
    pub elastic_net_param: f64,
    /// Of the fit to all rows, as is `intercept`.
    pub coefficients: Vec<f64>,
    pub intercept: f64,
    /// The mean over the folds of the root mean squared error on a fold of the fit to the others.
    pub cv_rmse_mean: f64,
    /// The sample standard deviation of the same.
    pub cv_rmse_std: f64,
}

impl LinearRegression {
    /// Fits every pair of `reg_params` and `elastic_net_params`, with `folds`-fold cross-validation.
    ///
    /// The data is read once: the moments of each fold are summed, and those of all other folds merged from
    /// them. Which fold a row is in depends on a hash of its label, its features and `seed`, so it is the same
    /// however the rows are partitioned, and equal rows are never on both sides. `reg_param` and `elastic_net_param` of
    /// `self` are not used.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); if `folds` is not 2 to 1000, a list is empty, a fold has no rows (too few rows for so
    /// many folds), or there are more than 4096 features.
    pub async fn path(
        &self,
        data: DataFrame,
        reg_params: &[f64],
        elastic_net_params: &[f64],
        folds: usize,
        seed: u64,
    ) -> Result<RegularizationPath> {
        self.check()?;
        if reg_params.is_empty() || elastic_net_params.is_empty() {
            let message = "a path needs at least one regParam and one elasticNetParam";
            return Err(MlError::invalid(message));
        }
        for reg_param in reg_params {
            check_range("regParam", *reg_param, f64::MAX)?;
        }
        for elastic_net_param in elastic_net_params {
            check_range("elasticNetParam", *elastic_net_param, 1.0)?;
        }
        if !(2..=1000).contains(&folds) {
            return Err(MlError::invalid(format!(
                "folds is {folds}, and must be 2 to 1000"
            )));
        }
        let width = self.width(&data).await?;
        if width > MAX_NORMAL_FEATURES {
            return Err(MlError::invalid(format!(
                "a path takes up to {MAX_NORMAL_FEATURES} features, and there are {width}: fit each penalty by itself"
            )));
        }
        let sums = least_squares_folds(
            folds,
            seed,
            self.handle_invalid,
            self.label(),
            self.weight(),
            self.feature_exprs(),
        );
        let bytes = aggregate(data.clone(), sums).await?.ok_or_else(no_rows)?;
        let folds = state::decode_folds(&bytes)?
            .into_iter()
            .enumerate()
            .map(|(at, fold)| {
                fold.filter(|m| m.weight() > 0.0).ok_or_else(|| {
                    MlError::invalid(format!(
                        "fold {at} of {folds} has no rows of positive weight: ask for fewer folds, or give more rows"
                    ))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let (all, others) = leave_each_out(&folds)?;

        let mut points = Vec::with_capacity(reg_params.len() * elastic_net_params.len());
        for reg_param in reg_params {
            for elastic_net_param in elastic_net_params {
                let penalty = Penalty {
                    reg_param: *reg_param,
                    elastic_net_param: *elastic_net_param,
                    ..self.penalty()
                };
                let mut errors = Vec::with_capacity(folds.len());
                for (fold, other) in folds.iter().zip(&others) {
                    let s = solve(other, &penalty, self.scale())?;
                    let on_fold = FitStatistics::new(fold, &s.coefficients, s.intercept, true);
                    errors.push(on_fold.rmse());
                }
                let solution = solve(&all, &penalty, self.scale())?;
                let (mean, std) = mean_and_std(&errors);
                points.push(PathPoint {
                    reg_param: *reg_param,
                    elastic_net_param: *elastic_net_param,
                    coefficients: solution.coefficients,
                    intercept: solution.intercept,
                    cv_rmse_mean: mean,
                    cv_rmse_std: std,
                });
            }
        }
        let mut best = 0;
        for (at, point) in points.iter().enumerate() {
            if point.cv_rmse_mean < points[best].cv_rmse_mean {
                best = at;
            }
        }
        let penalty = Penalty {
            reg_param: points[best].reg_param,
            elastic_net_param: points[best].elastic_net_param,
            ..self.penalty()
        };
        Ok(RegularizationPath {
            best_model: self.fit_moments(data, &all, &penalty)?,
            points,
            best,
        })
    }
}

/// The moments of all folds, and of all but each. Merged from both ends, so that nothing is subtracted and no digit lost.
fn leave_each_out(folds: &[Moments]) -> Result<(Moments, Vec<Moments>)> {
    let width = folds[0].variables();
    if let Some(other) = folds.iter().find(|m| m.variables() != width) {
        let (one, other) = (width - 1, other.variables() - 1);
        return Err(MlError::invalid(format!(
            "some rows have {one} features and others {other}: all vectors of a column must have one length"
        )));
    }
    let mut after = vec![Moments::new(width)];
    for fold in folds.iter().rev() {
        let mut sum = fold.clone();
        sum.merge(&after[after.len() - 1]);
        after.push(sum);
    }
    let mut before = Moments::new(width);
    let mut others = Vec::with_capacity(folds.len());
    for (at, fold) in folds.iter().enumerate() {
        let mut other = before.clone();
        other.merge(&after[folds.len() - 1 - at]);
        others.push(other);
        before.merge(fold);
    }
    Ok((before, others))
}

fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}
