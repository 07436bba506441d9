//! Fits with more features than there could be cross-products of: one gradient a pass.
//!
//! Orthant-wise limited-memory quasi-Newton (Andrew and Gao, "Scalable Training of L1-Regularized Log-Linear Models",
//! 2007); without an L1 penalty this is plain L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.5). It
//! begins at 0, so that it stays in the row space, and ends at the least norm where features are collinear.

use std::collections::VecDeque;

use datafusion::prelude::{DataFrame, ident};

use super::fit::{FitStatistics, LabelSpread};
use super::linear::{LinearRegression, aggregate};
use super::solve::{Label, Penalty, Solution, dot, no_rows};
use crate::aggregates::{Gradient, Spread, least_squares_gradient};
use crate::error::{MlError, Result};
use crate::functions::vector;
use crate::handle_invalid::HandleInvalid;

const FEATURES: &str = "features";
const LABEL: &str = "label";
const WEIGHT: &str = "weight";

/// Pairs of steps and changes of the gradient that are kept, as in Spark.
const MEMORY: usize = 10;
/// Halvings of a step before the search gives up: the point is then as good as rounding lets it be.
const MAX_HALVINGS: usize = 40;
/// What part of the slope a step has to win (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;

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
                scaled: vec![0.0; spread.means.len()],
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
        l1,
        l2,
        penalty,
    };
    let (best, objective_history) = problem.minimise().await?;
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
        objective_history,
        inverse_diagonal: None,
        scaled: best.beta,
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

/// The objective in the scaled space.
struct Problem<'a> {
    passes: &'a Passes,
    spread: &'a Spread,
    scales: Vec<f64>,
    label_scale: f64,
    l1: Vec<f64>,
    l2: Vec<f64>,
    penalty: Penalty,
}

/// A point, and what a pass found there.
struct Point {
    beta: Vec<f64>,
    coefficients: Vec<f64>,
    intercept: f64,
    sums: Gradient,
    /// With the L1 part.
    objective: f64,
    /// Without it.
    gradient: Vec<f64>,
}

impl Problem<'_> {
    async fn minimise(&self) -> Result<(Point, Vec<f64>)> {
        let mut at = self.evaluate(vec![0.0; self.scales.len()]).await?;
        let mut history = vec![at.objective];
        let mut memory = Memory::default();
        for _ in 0..self.penalty.max_iter {
            let slope = self.pseudo_gradient(&at);
            if slope.iter().all(|g| g.abs() <= self.penalty.tol) {
                break;
            }
            let mut direction = memory.direction(&slope);
            // A step must not go up along any coordinate that the L1 part bends.
            for (j, d) in direction.iter_mut().enumerate() {
                if self.l1[j] > 0.0 && *d * slope[j] >= 0.0 {
                    *d = 0.0;
                }
            }
            if dot(&direction, &slope) >= 0.0 {
                memory = Memory::default();
                direction = slope.iter().map(|g| -g).collect();
            }
            let step = match memory.is_empty() {
                true => 1.0 / dot(&slope, &slope).sqrt().max(1.0),
                false => 1.0,
            };
            let Some(next) = self.search(&at, &direction, &slope, step).await? else {
                break;
            };
            memory.push(
                difference(&next.beta, &at.beta),
                difference(&next.gradient, &at.gradient),
            );
            at = next;
            history.push(at.objective);
        }
        Ok((at, history))
    }

    async fn evaluate(&self, beta: Vec<f64>) -> Result<Point> {
        let scaled = |b: f64, scale: f64| if scale > 0.0 { b / scale } else { 0.0 };
        let coefficients: Vec<f64> = (beta.iter().zip(&self.scales))
            .map(|(b, scale)| scaled(b * self.label_scale, *scale))
            .collect();
        let intercept = match self.penalty.fit_intercept {
            true => self.spread.label_mean - dot(&coefficients, &self.spread.means),
            false => 0.0,
        };
        let mut literal = vec![intercept];
        literal.extend_from_slice(&coefficients);
        let sums = Gradient::decode(&self.passes.run(&literal).await?)?;
        let scale = 1.0 / (self.spread.weight * self.label_scale);
        let mut gradient = Vec::with_capacity(beta.len());
        let mut objective = 0.5 * sums.loss * scale / self.label_scale;
        for (j, b) in beta.iter().enumerate() {
            let mean = match self.penalty.fit_intercept {
                true => self.spread.means[j],
                false => 0.0,
            };
            let product = sums.products[j] - mean * sums.residual;
            gradient.push(self.l2[j] * b - scaled(product * scale, self.scales[j]));
            objective += self.l1[j] * b.abs() + 0.5 * self.l2[j] * b * b;
        }
        Ok(Point {
            beta,
            coefficients,
            intercept,
            sums,
            objective,
            gradient,
        })
    }

    /// The steepest slope of the objective, L1 part and all.
    fn pseudo_gradient(&self, at: &Point) -> Vec<f64> {
        let of = |((b, g), l1): ((&f64, &f64), &f64)| match *b {
            b if b > 0.0 => g + l1,
            b if b < 0.0 => g - l1,
            _ if g + l1 < 0.0 => g + l1,
            _ if g - l1 > 0.0 => g - l1,
            _ => 0.0,
        };
        let terms = at.beta.iter().zip(&at.gradient).zip(&self.l1);
        terms.map(of).collect()
    }

    /// The first point along `direction` that is low enough; None if there is none.
    async fn search(
        &self,
        at: &Point,
        direction: &[f64],
        slope: &[f64],
        mut step: f64,
    ) -> Result<Option<Point>> {
        for _ in 0..MAX_HALVINGS {
            let beta: Vec<f64> = (0..direction.len())
                .map(|j| {
                    let moved = at.beta[j] + step * direction[j];
                    // An L1 coordinate stays in the orthant it is in, or goes into.
                    let side = if at.beta[j] != 0.0 {
                        at.beta[j]
                    } else {
                        -slope[j]
                    };
                    if self.l1[j] > 0.0 && moved * side <= 0.0 {
                        0.0
                    } else {
                        moved
                    }
                })
                .collect();
            let won = dot(&difference(&beta, &at.beta), slope);
            // What is left to win is less than rounding: no pass could tell.
            if -won <= f64::EPSILON * at.objective.abs() {
                return Ok(None);
            }
            let next = self.evaluate(beta).await?;
            if next.objective <= at.objective + SUFFICIENT * won {
                return Ok(Some(next));
            }
            step *= 0.5;
        }
        Ok(None)
    }
}

/// The curvature seen in the last steps.
#[derive(Default)]
struct Memory(VecDeque<(Vec<f64>, Vec<f64>, f64)>);

impl Memory {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let curvature = dot(&step, &change);
        if curvature <= 0.0 {
            return;
        }
        if self.0.len() == MEMORY {
            self.0.pop_front();
        }
        self.0.push_back((step, change, 1.0 / curvature));
    }

    /// Minus the approximate inverse Hessian times `slope`.
    fn direction(&self, slope: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = slope.iter().map(|g| -g).collect();
        let mut factors = Vec::with_capacity(self.0.len());
        for (step, change, rho) in self.0.iter().rev() {
            let factor = rho * dot(step, &q);
            q.iter_mut().zip(change).for_each(|(q, y)| *q -= factor * y);
            factors.push(factor);
        }
        if let Some((_, change, rho)) = self.0.back() {
            let scale = 1.0 / (rho * dot(change, change));
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for ((step, change, rho), factor) in self.0.iter().zip(factors.iter().rev()) {
            let turn = factor - rho * dot(change, &q);
            q.iter_mut().zip(step).for_each(|(q, s)| *q += turn * s);
        }
        q
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
