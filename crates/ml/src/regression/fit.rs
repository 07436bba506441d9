//! How well coefficients fit the rows behind some moments.

use super::solve::dot;
use crate::kernels::moments::Moments;

/// Sums of squares of label and prediction, by Spark ML's definitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FitStatistics {
    weight: f64,
    /// `Σ w (y − ŷ)²`.
    pub(crate) residual: f64,
    /// What `residual` is compared with in r².
    total: f64,
    /// `Σ w (ŷ − ȳ)²`.
    regression: f64,
}

impl FitStatistics {
    /// Of a linear model of all variables but the last, which is the label.
    pub(crate) fn new(
        moments: &Moments,
        coefficients: &[f64],
        intercept: f64,
        fit_intercept: bool,
    ) -> Self {
        let (weight, mean) = (moments.weight(), moments.mean());
        let label = LabelSpread::of(moments, coefficients.len());
        let mut explained = 0.0;
        let mut shared = 0.0;
        for (i, b) in coefficients.iter().enumerate().filter(|(_, b)| **b != 0.0) {
            let row: f64 = (coefficients.iter().enumerate())
                .map(|(j, c)| c * moments.cross(i, j))
                .sum();
            explained += b * row;
            shared += b * moments.cross(i, coefficients.len());
        }
        let offset = intercept + dot(coefficients, mean) - label.mean;
        let offset = weight * offset * offset;
        // Rounding can leave less than nothing of a perfect fit.
        let residual = (label.squares - 2.0 * shared + explained).max(0.0) + offset;
        Self::from_sums(&label, residual, explained + offset, fit_intercept)
    }

    /// From the two sums that depend on predictions.
    pub(crate) fn from_sums(
        label: &LabelSpread,
        residual: f64,
        regression: f64,
        fit_intercept: bool,
    ) -> Self {
        let total = if !fit_intercept {
            label.squares + label.weight * label.mean * label.mean
        } else if label.weight_squares == label.weight {
            label.squares
        } else {
            // Spark multiplies the unbiased variance by Σ w − 1, which is the sum of squares only if all weights are 1.
            let freedom = label.weight - label.weight_squares / label.weight;
            label.squares / freedom * (label.weight - 1.0)
        };
        Self {
            weight: label.weight,
            residual,
            total,
            regression,
        }
    }

    pub(crate) fn mse(&self) -> f64 {
        self.residual / self.weight
    }

    pub(crate) fn rmse(&self) -> f64 {
        self.mse().sqrt()
    }

    pub(crate) fn r2(&self) -> f64 {
        1.0 - self.residual / self.total
    }

    pub(crate) fn explained_variance(&self) -> f64 {
        self.regression / self.weight
    }
}

/// Weight, mean and spread of a label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelSpread {
    pub(crate) weight: f64,
    pub(crate) weight_squares: f64,
    pub(crate) mean: f64,
    /// `Σ w (y − ȳ)²`.
    pub(crate) squares: f64,
}

impl LabelSpread {
    /// Of one of the variables of some moments.
    pub(crate) fn of(moments: &Moments, label: usize) -> Self {
        Self {
            weight: moments.weight(),
            weight_squares: moments.weight_squares(),
            mean: moments.mean()[label],
            squares: moments.cross(label, label),
        }
    }
}
