//! Fits with more features than there could be cross-products of: one gradient a pass.
//!
//! The iterations begin at 0, so that they stay in the row space, and end at the least norm where features are collinear.

use datafusion::prelude::{DataFrame, ident};

use super::fit::{FitStatistics, LabelSpread};
use super::linear::{LinearRegression, aggregate};
use super::solve::{Label, Solution, dot, no_rows};
use crate::aggregates::{Gradient, Spread, least_squares_gradient};
use crate::error::{MlError, Result};
use crate::functions::vector;
use crate::handle_invalid::HandleInvalid;
use crate::kernels::quasi_newton::{Objective, QuasiNewton, Value};

const FEATURES: &str = "features";
const LABEL: &str = "label";
const WEIGHT: &str = "weight";

/// Fits by gradients over the cached input. Answers the solution, the rows, and how well it fits them.
pub(super) async fn fit(
    params: &LinearRegression,
    data: &DataFrame,
) -> Result<(Solution, u64, FitStatistics)> {
    let features = match params.feature_exprs() {
        mut one if one.len() == 1 => one.remove(0),
        many => vector(many),
    };
    let mut columns = vec![features.alias(FEATURES), params.label().alias(LABEL)];
    columns.extend(params.weight().map(|w| w.alias(WEIGHT)));
    let passes = Passes {
        data: data.clone().select(columns)?.cache().await?,
        rule: params.handle_invalid,
        weighted: params.weight_col.is_some(),
    };
    let spread = Spread::decode(&passes.run(&[]).await?)?;
    let count = spread.count as u64;
    if spread.weight == 0.0 {
        return Err(MlError::invalid(
            "every row has weight 0: there is nothing to fit",
        ));
    }
    let label = LabelSpread {
        weight: spread.weight,
        weight_squares: spread.weight_squares,
        mean: spread.label_mean,
        squares: spread.label_squares,
    };
    let freedom = spread.weight - spread.weight_squares / spread.weight;
    let deviation = |squares: f64| {
        if freedom > 0.0 {
            (squares / freedom).sqrt()
        } else {
            0.0
        }
    };
    let penalty = params.penalty();
    let label_scale = match Label::of(label.mean, deviation(label.squares), &penalty)? {
        Label::Scale(scale) => scale,
        Label::Constant(intercept) => {
            let solution = Solution {
                coefficients: vec![0.0; spread.means.len()],
                intercept,
                objective_history: vec![0.0],
                inverse_diagonal: None,
            };
            let fit = FitStatistics::from_sums(&label, 0.0, 0.0, params.fit_intercept);
            return Ok((solution, count, fit));
        }
    };
    let scales: Vec<f64> = spread.squares.iter().map(|s| deviation(*s)).collect();
    let (l1, l2) = penalty.weights(&scales, label_scale);
    let problem = Problem {
        passes: &passes,
        spread: &spread,
        scales,
        label_scale,
        l2,
        fit_intercept: penalty.fit_intercept,
    };
    let iterations = QuasiNewton {
        l1: &l1,
        max_iter: penalty.max_iter,
        tol: penalty.tol,
    };
    let minimum = iterations.minimise(&problem).await?;
    let best = minimum.detail;
    let gradient = &best.sums;
    let with_label = dot(&best.coefficients, &gradient.products)
        + best.intercept * gradient.residual
        + gradient.loss;
    // Σ w (ŷ − ȳ)² by ŷ = y − r.
    let regression =
        label.squares - 2.0 * (with_label - label.mean * gradient.residual) + gradient.loss;
    let fit = FitStatistics::from_sums(
        &label,
        gradient.loss,
        regression.max(0.0),
        params.fit_intercept,
    );
    let solution = Solution {
        coefficients: best.coefficients,
        intercept: best.intercept,
        objective_history: minimum.history,
        inverse_diagonal: None,
    };
    Ok((solution, count, fit))
}

/// The cached input, and how it is read.
struct Passes {
    data: DataFrame,
    rule: HandleInvalid,
    weighted: bool,
}

impl Passes {
    async fn run(&self, coefficients: &[f64]) -> Result<Vec<u8>> {
        let weight = self.weighted.then(|| ident(WEIGHT));
        let sums = least_squares_gradient(
            self.rule,
            ident(LABEL),
            weight,
            ident(FEATURES),
            coefficients,
        );
        aggregate(self.data.clone(), sums)
            .await?
            .ok_or_else(no_rows)
    }
}

/// The objective in the scaled space, without the L1 part.
struct Problem<'a> {
    passes: &'a Passes,
    spread: &'a Spread,
    scales: Vec<f64>,
    label_scale: f64,
    l2: Vec<f64>,
    fit_intercept: bool,
}

/// What a pass found at a point, in the data's own scale.
#[derive(Clone)]
struct Found {
    coefficients: Vec<f64>,
    intercept: f64,
    sums: Gradient,
}

impl Objective for Problem<'_> {
    type Detail = Found;
    type Error = MlError;

    async fn at(&self, beta: &[f64]) -> Result<Value<Found>> {
        let scaled = |b: f64, scale: f64| if scale > 0.0 { b / scale } else { 0.0 };
        let coefficients: Vec<f64> = (beta.iter().zip(&self.scales))
            .map(|(b, scale)| scaled(b * self.label_scale, *scale))
            .collect();
        let intercept = match self.fit_intercept {
            true => self.spread.label_mean - dot(&coefficients, &self.spread.means),
            false => 0.0,
        };
        let mut literal = vec![intercept];
        literal.extend_from_slice(&coefficients);
        let sums = Gradient::decode(&self.passes.run(&literal).await?)?;
        let scale = 1.0 / (self.spread.weight * self.label_scale);
        let mut gradient = Vec::with_capacity(beta.len());
        let mut value = 0.5 * sums.loss * scale / self.label_scale;
        for (j, b) in beta.iter().enumerate() {
            let mean = match self.fit_intercept {
                true => self.spread.means[j],
                false => 0.0,
            };
            let product = sums.products[j] - mean * sums.residual;
            gradient.push(self.l2[j] * b - scaled(product * scale, self.scales[j]));
            value += 0.5 * self.l2[j] * b * b;
        }
        let detail = Found {
            coefficients,
            intercept,
            sums,
        };
        Ok(Value {
            value,
            gradient,
            detail,
        })
    }
}
