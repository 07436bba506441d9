//! From moments to coefficients.

use futures::FutureExt;

use crate::error::{MlError, Result};
use crate::kernels::dense::{Cholesky, minimum_norm};
use crate::kernels::moments::Moments;
use crate::kernels::quasi_newton::{Objective, QuasiNewton, Value};

/// What is minimised: `½ Σ w (y − b − xβ)² / (σ_y² Σ w) + (λ / σ_y) (α Σ|β'ⱼ| + ½ (1 − α) Σ β'ⱼ²)`.
///
/// `λ` is `reg_param`, `α` is `elastic_net_param`, and `β'ⱼ = βⱼ σⱼ / σ_y` with `standardization`. Without it, the
/// terms are divided by `σⱼ` and `σⱼ²`, so that `β` itself is what is penalised. This is Spark ML's objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Penalty {
    pub(crate) reg_param: f64,
    pub(crate) elastic_net_param: f64,
    pub(crate) standardization: bool,
    pub(crate) fit_intercept: bool,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
}

/// Which standard deviation the objective is scaled by. Spark's two solvers differ here, and so do their answers when there
/// is a penalty, by `√(n / (n − 1))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// `√(Σ w (x − mean)² / Σ w)`: the normal solver.
    Population,
    /// `√(Σ w (x − mean)² / (Σ w − Σ w² / Σ w))`: the l-bfgs solver.
    Sample,
}

#[derive(Clone, Debug)]
pub(crate) struct Solution {
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
    /// The objective at the start and after each iteration; one 0 if none was needed.
    pub(crate) objective_history: Vec<f64>,
    /// The diagonal of `(XᵀWX + penalty)⁻¹`, the intercept last if there is one; None unless that was solved directly
    /// and had an inverse.
    pub(crate) inverse_diagonal: Option<Vec<f64>>,
}

impl Penalty {
    /// Least squares with an intercept.
    pub(crate) const NONE: Self = Self {
        reg_param: 0.0,
        elastic_net_param: 0.0,
        standardization: true,
        fit_intercept: true,
        max_iter: 100,
        tol: 1e-6,
    };

    /// The weights of `|β'ⱼ|` and of `½ β'ⱼ²` for features of standard deviations `scales` and a label's `label_scale`.
    pub(crate) fn weights(&self, scales: &[f64], label_scale: f64) -> (Vec<f64>, Vec<f64>) {
        let strength = self.reg_param / label_scale;
        let (l1, l2) = (
            self.elastic_net_param * strength,
            (1.0 - self.elastic_net_param) * strength,
        );
        let weights = |weight: f64, power: i32| {
            let of = |scale: &f64| match (self.standardization, *scale) {
                (true, _) => weight,
                (false, 0.0) => 0.0,
                (false, scale) => weight / scale.powi(power),
            };
            scales.iter().map(of).collect()
        };
        (weights(l1, 1), weights(l2, 2))
    }
}

/// What a label leaves to be done.
pub(crate) enum Label {
    /// Nothing: the coefficients are 0 and the intercept is this.
    Constant(f64),
    /// Divide it by this.
    Scale(f64),
}

impl Label {
    /// # Errors
    /// If the label is constant, not 0, and penalised without an intercept: its scale is undefined.
    pub(crate) fn of(mean: f64, deviation: f64, penalty: &Penalty) -> Result<Self> {
        if deviation > 0.0 {
            return Ok(Self::Scale(deviation));
        }
        if penalty.fit_intercept || mean == 0.0 {
            return Ok(Self::Constant(mean));
        }
        if penalty.reg_param > 0.0 {
            let message = "the label is constant, so regParam has no scale without an intercept: set \
                           regParam to 0, or fitIntercept to true";
            return Err(MlError::invalid(message));
        }
        Ok(Self::Scale(mean.abs()))
    }
}

/// Solves for the coefficients of features, the label being the last variable.
///
/// By Spark's iterations if there is an L1 penalty or the scale is that of the l-bfgs solver, else directly by Cholesky.
/// If the features are collinear (or more than the rows) and nothing penalises it, the direct coefficients are those of
/// least norm in the scaled space, which is where Spark's fall-back converges to as well. A constant feature has
/// coefficient 0.
///
/// # Errors
/// If there are no rows of positive weight, moments are not finite, or as [`Label::of`].
pub(crate) fn solve(moments: &Moments, penalty: &Penalty, scale: Scale) -> Result<Solution> {
    let weight = moments.weight();
    if moments.is_empty() {
        return Err(no_rows());
    }
    if weight == 0.0 {
        let message = "every row has weight 0: there is nothing to fit";
        return Err(MlError::invalid(message));
    }
    let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
    if !(weight.is_finite() && finite(moments.mean()) && finite(moments.triangle())) {
        let message = "the cross-products of features and label are not finite: there is a NaN or an \
                       infinity among them, or numbers too large to square";
        return Err(MlError::invalid(message));
    }
    let features = moments.variables() - 1;
    let divisor = match scale {
        Scale::Population => weight,
        Scale::Sample => weight - moments.weight_squares() / weight,
    };
    let deviation = |i: usize| match divisor > 0.0 {
        true => (moments.cross(i, i) / divisor).sqrt(),
        false => 0.0,
    };
    let mean = moments.mean();
    let label_mean = mean[features];
    let label_scale = match Label::of(label_mean, deviation(features), penalty)? {
        Label::Scale(scale) => scale,
        Label::Constant(intercept) => {
            return Ok(Solution {
                coefficients: vec![0.0; features],
                intercept,
                objective_history: vec![0.0],
                inverse_diagonal: None,
            });
        }
    };
    let scales: Vec<f64> = (0..features).map(deviation).collect();
    let product = |i: usize, j: usize| match penalty.fit_intercept {
        true => moments.cross(i, j) / weight,
        false => moments.product(i, j) / weight,
    };
    let scaled = |value: f64, scale: f64| if scale > 0.0 { value / scale } else { 0.0 };
    let mut gram = vec![0.0; features * features];
    for i in 0..features {
        for j in i..features {
            let value = scaled(scaled(product(i, j), scales[i]), scales[j]);
            gram[i * features + j] = value;
            gram[j * features + i] = value;
        }
    }
    let target: Vec<f64> = (0..features)
        .map(|i| scaled(product(i, features), scales[i]) / label_scale)
        .collect();
    let (l1, l2) = penalty.weights(&scales, label_scale);
    let varying: Vec<usize> = (0..features).filter(|i| scales[*i] > 0.0).collect();

    let mut beta = vec![0.0; features];
    let mut objective_history = vec![0.0];
    let mut inverse_diagonal = None;
    if scale == Scale::Sample || l1.iter().any(|l1| *l1 > 0.0) {
        let quadratic = Quadratic {
            gram: &gram,
            target: &target,
            l2: &l2,
            offset: 0.5 * product(features, features) / (label_scale * label_scale),
        };
        let iterations = QuasiNewton {
            l1: &l1,
            max_iter: penalty.max_iter,
            tol: penalty.tol,
        };
        let found = iterations.minimise(&quadratic).now_or_never();
        let found = found.ok_or_else(|| MlError::invalid("the fit was interrupted"))??;
        beta = found.x;
        objective_history = found.history;
    } else {
        // Constant features are zero rows of the matrix: they are left out, not solved for.
        let n = varying.len();
        let mut matrix = Vec::with_capacity(n * n);
        for (at, i) in varying.iter().enumerate() {
            matrix.extend(varying.iter().map(|j| gram[i * features + j]));
            matrix[at * n + at] += l2[*i];
        }
        let target: Vec<f64> = varying.iter().map(|i| target[*i]).collect();
        let solved = match Cholesky::new(&matrix, n) {
            Some(factor) => {
                if n == features {
                    let means: Vec<f64> = (0..n).map(|i| mean[i] / scales[i]).collect();
                    let diagonal = factor.inverse_diagonal();
                    let mut inverse: Vec<f64> = (diagonal.iter().zip(&scales))
                        .map(|(d, scale)| d / (weight * scale * scale))
                        .collect();
                    if penalty.fit_intercept {
                        let at_means = factor.solve(&means);
                        let extra: f64 = means.iter().zip(at_means).map(|(a, b)| a * b).sum();
                        inverse.push((1.0 + extra) / weight);
                    }
                    inverse_diagonal = Some(inverse);
                }
                factor.solve(&target)
            }
            None => minimum_norm(&matrix, n, &target).map_or_else(
                || Err(MlError::invalid("the features' matrix has no eigenvalues")),
                |(solved, _)| Ok(solved),
            )?,
        };
        for (i, solved) in varying.iter().zip(solved) {
            beta[*i] = solved;
        }
    }
    let coefficients: Vec<f64> = (beta.iter().zip(&scales))
        .map(|(b, scale)| scaled(b * label_scale, *scale))
        .collect();
    let intercept = match penalty.fit_intercept {
        true => label_mean - dot(&coefficients, mean),
        false => 0.0,
    };
    Ok(Solution {
        coefficients,
        intercept,
        objective_history,
        inverse_diagonal,
    })
}

/// `offset + ½ βᵀGβ − tᵀβ + ½ Σ l2ⱼβⱼ²`. No pass over data: an answer is at hand.
struct Quadratic<'a> {
    /// `G`, symmetric, row by row.
    gram: &'a [f64],
    /// `t`.
    target: &'a [f64],
    l2: &'a [f64],
    offset: f64,
}

impl Objective for Quadratic<'_> {
    type Detail = ();
    type Error = MlError;

    async fn at(&self, beta: &[f64]) -> Result<Value<()>> {
        let mut value = self.offset;
        let mut gradient = Vec::with_capacity(beta.len());
        for (j, row) in self.gram.chunks_exact(beta.len().max(1)).enumerate() {
            let product = dot(row, beta) + self.l2[j] * beta[j];
            gradient.push(product - self.target[j]);
            value += beta[j] * (0.5 * product - self.target[j]);
        }
        Ok(Value {
            value,
            gradient,
            detail: (),
        })
    }
}

/// The sum of products; what one slice has more of is left out.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn no_rows() -> MlError {
    MlError::invalid(
        "there are no rows to fit: the input is empty, or every row was left out by handleInvalid",
    )
}
