//! Symmetric systems, solved by faer on one thread: fits run beside the engine's own threads.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef, Side};

/// How far below the largest diagonal entry a pivot or an eigenvalue counts as zero, times the order: what rounding
/// leaves of an exact linear dependence between columns is of this size.
const RANK_TOLERANCE: f64 = 10.0 * f64::EPSILON;

/// The Cholesky factor of a symmetric positive definite matrix.
pub struct Cholesky(Llt<f64>);

impl Cholesky {
    /// Factors a symmetric matrix of order `n`, row by row; `None` if it is singular to working precision.
    pub fn new(matrix: &[f64], n: usize) -> Option<Self> {
        let matrix = MatRef::from_row_major_slice(matrix, n, n);
        let largest = (0..n).map(|i| matrix[(i, i)]).fold(0.0, f64::max);
        let factor = Llt::new(matrix, Side::Lower).ok()?;
        let lower = factor.L();
        let limit = RANK_TOLERANCE * n as f64 * largest;
        (0..n)
            .all(|i| lower[(i, i)].powi(2) > limit)
            .then_some(Self(factor))
    }

    /// The `x` of `A x = b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = Mat::from_fn(b.len(), 1, |i, _| b[i]);
        self.0.solve_in_place(x.as_mut());
        (0..b.len()).map(|i| x[(i, 0)]).collect()
    }

    /// The diagonal of the inverse.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let n = self.0.L().nrows();
        let mut inverse = Mat::<f64>::identity(n, n);
        self.0.solve_in_place(inverse.as_mut());
        (0..n).map(|i| inverse[(i, i)]).collect()
    }
}

/// The `x` of least Euclidean norm among those that bring `A x` nearest to `b`, and the rank of `A`: a symmetric positive
/// semidefinite matrix of order `n`, row by row. `None` if `A` is not finite.
pub fn minimum_norm(matrix: &[f64], n: usize, b: &[f64]) -> Option<(Vec<f64>, usize)> {
    if n == 0 {
        return Some((Vec::new(), 0));
    }
    let eigen = MatRef::from_row_major_slice(matrix, n, n)
        .self_adjoint_eigen(Side::Lower)
        .ok()?;
    let (vectors, values) = (eigen.U(), eigen.S());
    let largest = (0..n).map(|i| values[i]).fold(0.0, f64::max);
    let limit = RANK_TOLERANCE * n as f64 * largest;
    let mut x = vec![0.0; n];
    let mut rank = 0;
    for k in (0..n).filter(|k| values[*k] > limit) {
        rank += 1;
        let projection: f64 = (0..n).map(|i| vectors[(i, k)] * b[i]).sum();
        let step = projection / values[k];
        for (i, x) in x.iter_mut().enumerate() {
            *x += step * vectors[(i, k)];
        }
    }
    Some((x, rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_inverts() {
        // [[4, 2], [2, 3]] has the inverse [[3, -2], [-2, 4]] / 8.
        let factor = Cholesky::new(&[4.0, 2.0, 2.0, 3.0], 2).unwrap();
        let x = factor.solve(&[8.0, 8.0]);
        assert!(
            (x[0] - 1.0).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15,
            "{x:?}"
        );
        let d = factor.inverse_diagonal();
        assert!(
            (d[0] - 0.375).abs() < 1e-15 && (d[1] - 0.5).abs() < 1e-15,
            "{d:?}"
        );
    }

    #[test]
    fn singular_systems_have_a_minimum_norm() {
        let ones = [1.0, 1.0, 1.0, 1.0];
        assert!(Cholesky::new(&ones, 2).is_none());
        let (x, rank) = minimum_norm(&ones, 2, &[3.0, 3.0]).unwrap();
        assert_eq!(rank, 1);
        assert!(
            (x[0] - 1.5).abs() < 1e-14 && (x[1] - 1.5).abs() < 1e-14,
            "{x:?}"
        );
    }
}
