//! Frames in random parts.

use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, lit};

use crate::error::{MlError, Result};
use crate::functions::row_uniform;

/// Splits the rows of a frame into one part for each weight, with sizes in proportion to the weights on average.
///
/// Where a row goes is decided by a hash of all its values and the seed, and not by its place: the parts are the same
/// in whatever order and partitions the rows come, they never overlap, and each row is in one of them. Equal rows go to
/// the same part.
///
/// # Errors
/// If there are no weights, or one is negative or not finite, or all are zero; or the frame has no columns.
pub fn random_split(frame: &DataFrame, weights: &[f64], seed: i64) -> Result<Vec<DataFrame>> {
    let total: f64 = weights.iter().sum();
    let fine = |weight: &f64| *weight >= 0.0 && weight.is_finite();
    let usable = weights.iter().all(fine) && total > 0.0 && total.is_finite();
    if !usable {
        let message = format!("weights are {weights:?}: they are 0 or more, and not all 0");
        return Err(MlError::Invalid(message));
    }
    let columns = frame.schema().columns().into_iter().map(Expr::Column);
    let columns: Vec<Expr> = columns.collect();
    if columns.is_empty() {
        return Err(MlError::invalid("a frame without columns cannot be split"));
    }
    let mut before = 0.0;
    let parts = weights.iter().enumerate().map(|(at, weight)| {
        let start = before / total;
        before += weight;
        // The last part has everything that is left, whatever rounding did to the sum.
        let end = if at + 1 == weights.len() {
            1.0
        } else {
            before / total
        };
        let number = row_uniform(seed, columns.clone());
        let within = number.clone().gt_eq(lit(start)).and(number.lt(lit(end)));
        Ok(frame.clone().filter(within)?)
    });
    parts.collect()
}
