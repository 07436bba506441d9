//! Weighted means and sums of squared deviations.

/// The weight, the mean and the squared deviations of rows, column by column.
///
/// A row moves the mean, so deviations are never a difference of large sums: B. Welford, *Note on a Method for
/// Calculating Corrected Sums of Squares and Products*, Technometrics 4 (1962), with weights as in D. West,
/// CACM 22 (1979). Parts are merged as in T. Chan, G. Golub, R. LeVeque, *Updating Formulae and a Pairwise
/// Algorithm for Computing Sample Variances*, COMPSTAT (1982).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) weight: f64,
    pub(crate) mean: Vec<f64>,
    /// Weighted sums of squared deviations from the mean.
    pub(crate) squares: Vec<f64>,
}

impl Spread {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            weight: 0.0,
            mean: vec![0.0; width],
            squares: vec![0.0; width],
        }
    }

    pub(crate) fn add(&mut self, row: &[f64], weight: f64) {
        if weight == 0.0 {
            return;
        }
        self.weight += weight;
        let share = weight / self.weight;
        for ((mean, squares), value) in self.mean.iter_mut().zip(&mut self.squares).zip(row) {
            let deviation = value - *mean;
            *mean += share * deviation;
            *squares += weight * deviation * (value - *mean);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.weight == 0.0 {
            return;
        }
        let weight = self.weight + other.weight;
        let share = other.weight / weight;
        let between = self.weight * share;
        let others = other.mean.iter().zip(&other.squares);
        let own = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (other_mean, other_squares)) in own.zip(others) {
            let deviation = other_mean - *mean;
            *mean += share * deviation;
            *squares += other_squares + between * deviation * deviation;
        }
        self.weight = weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mean_costs_no_digits() {
        // 1e9 + 4, 7, 13, 16: mean 1e9 + 10 and squared deviations 90, the example of Welford's critics.
        let rows = [4.0, 7.0, 13.0, 16.0].map(|x| [1e9 + x]);
        let mut all = Spread::new(1);
        let mut parts = [Spread::new(1), Spread::new(1), Spread::new(1)];
        for (at, row) in rows.iter().enumerate() {
            all.add(row, 1.0);
            parts[at % 2].add(row, 1.0);
        }
        let [mut first, second, empty] = parts;
        first.merge(&second);
        first.merge(&empty);
        for spread in [all, first] {
            assert_eq!((spread.weight, spread.mean[0]), (4.0, 1e9 + 10.0));
            assert!((spread.squares[0] - 90.0).abs() < 1e-6, "{spread:?}");
        }
        let mut weighted = Spread::new(1);
        weighted.add(&[1.0], 3.0);
        weighted.add(&[5.0], 1.0);
        weighted.add(&[100.0], 0.0);
        assert_eq!((weighted.mean[0], weighted.squares[0]), (2.0, 12.0));
    }
}
