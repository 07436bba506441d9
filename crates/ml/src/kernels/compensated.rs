//! Sums that remember what rounding took from them.

/// A vector of sums, each with the error of its additions beside it.
///
/// A. Neumaier, *Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen*, ZAMM 54 (1974), with
/// the error of each addition found as in D. Knuth, *The Art of Computer Programming*, vol. 2, section 4.2.2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CompensatedSums {
    pub(crate) sums: Vec<f64>,
    pub(crate) errors: Vec<f64>,
}

impl CompensatedSums {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            sums: vec![0.0; len],
            errors: vec![0.0; len],
        }
    }

    /// Adds `terms`, as many as there are sums.
    pub(crate) fn add(&mut self, terms: &[f64]) {
        for ((sum, error), term) in self.sums.iter_mut().zip(&mut self.errors).zip(terms) {
            let total = *sum + term;
            let of_term = total - *sum;
            *error += (*sum - (total - of_term)) + (term - of_term);
            *sum = total;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.add(&other.sums);
        for (error, other) in self.errors.iter_mut().zip(&other.errors) {
            *error += other;
        }
    }

    pub(crate) fn totals(&self) -> Vec<f64> {
        let parts = self.sums.iter().zip(&self.errors);
        parts.map(|(sum, error)| sum + error).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_plain_sums_lose() {
        let mut a = CompensatedSums::new(1);
        let mut b = CompensatedSums::new(1);
        for term in [1e100, 1.0] {
            a.add(&[term]);
        }
        for term in [1.0, -1e100] {
            b.add(&[term]);
        }
        a.merge(&b);
        assert_eq!(a.totals(), [2.0]);
    }
}
