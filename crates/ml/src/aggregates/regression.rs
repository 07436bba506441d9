//! Calls of the aggregate functions of least squares.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{AggregateUDF, Expr};
use datafusion::prelude::lit;

use super::gradient::LeastSquaresGradient;
use super::least_squares::{LeastSquares, LeastSquaresFolds};
use super::linear_regression::LinearRegressionAggregate;
use super::state;
use crate::handle_invalid::HandleInvalid;

type Function = LazyLock<Arc<AggregateUDF>>;

static LEAST_SQUARES: Function =
    LazyLock::new(|| Arc::new(AggregateUDF::from(LeastSquares::default())));
static LEAST_SQUARES_FOLDS: Function =
    LazyLock::new(|| Arc::new(AggregateUDF::from(LeastSquaresFolds::default())));
static LEAST_SQUARES_GRADIENT: Function =
    LazyLock::new(|| Arc::new(AggregateUDF::from(LeastSquaresGradient::default())));
static LINEAR_REGRESSION: Function =
    LazyLock::new(|| Arc::new(AggregateUDF::from(LinearRegressionAggregate::default())));

/// The weighted moments of features and label, as bytes for [`state::decode`](super::state::decode); null if there are no rows.
pub(crate) fn least_squares(
    rule: HandleInvalid,
    label: Expr,
    weight: Option<Expr>,
    features: Vec<Expr>,
) -> Expr {
    let mut args = vec![skip(rule), label, weight_or_one(weight)];
    args.extend(features);
    LEAST_SQUARES.call(args)
}

/// The moments of each fold, as bytes for [`state::decode_folds`](super::state::decode_folds); null if there are no rows.
pub(crate) fn least_squares_folds(
    folds: usize,
    seed: u64,
    rule: HandleInvalid,
    label: Expr,
    weight: Option<Expr>,
    features: Vec<Expr>,
) -> Expr {
    let mut args = vec![lit(folds as i64), lit(seed as i64), skip(rule)];
    args.extend([label, weight_or_one(weight)]);
    args.extend(features);
    LEAST_SQUARES_FOLDS.call(args)
}

/// Loss and gradient at some coefficients, as bytes for [`Gradient::decode`](super::Gradient::decode); null if there are no rows.
pub(crate) fn least_squares_gradient(
    rule: HandleInvalid,
    label: Expr,
    weight: Option<Expr>,
    vector: Expr,
    coefficients: &[f64],
) -> Expr {
    LEAST_SQUARES_GRADIENT.call(vec![
        skip(rule),
        numbers_literal(coefficients),
        label,
        weight_or_one(weight),
        vector,
    ])
}

/// `linear_regression(y, [x1, x2, …] | vector [, weight])`: a least squares fit of each group's rows.
///
/// Answers a struct of `coefficients` (a list), `intercept`, `r2`, `rmse` and `n`, the rows used. Rows with a null in
/// `y`, in a feature or in the weight are left out, as SQL's `regr_slope` leaves them out. Where the rows leave the
/// coefficients open (collinear features, or fewer rows than features) they are those of least norm for standardised
/// features, as of [`LinearRegression`](crate::LinearRegression); a feature that is constant in a group has
/// coefficient 0. `r2` is null where `y` is constant. In a group without rows, or with a NaN or an infinity in
/// them, all but `n` is null.
pub fn linear_regression(label: Expr, features: Expr, weight: Option<Expr>) -> Expr {
    let args = [label, features].into_iter().chain(weight);
    LINEAR_REGRESSION.call(args.collect())
}

/// The aggregate functions of least squares.
pub(super) fn functions() -> [Arc<AggregateUDF>; 4] {
    [
        Arc::clone(&LEAST_SQUARES),
        Arc::clone(&LEAST_SQUARES_FOLDS),
        Arc::clone(&LEAST_SQUARES_GRADIENT),
        Arc::clone(&LINEAR_REGRESSION),
    ]
}

fn skip(rule: HandleInvalid) -> Expr {
    lit(rule == HandleInvalid::Skip)
}

/// Numbers as an argument of an aggregate. The engine makes a column of every argument, batch by batch, a literal being
/// repeated for each row: a dictionary holds it once.
fn numbers_literal(numbers: &[f64]) -> Expr {
    let value = Box::new(ScalarValue::Utf8(Some(state::to_text(numbers))));
    lit(ScalarValue::Dictionary(Box::new(DataType::Int8), value))
}

fn weight_or_one(weight: Option<Expr>) -> Expr {
    weight.unwrap_or_else(|| lit(1.0))
}
