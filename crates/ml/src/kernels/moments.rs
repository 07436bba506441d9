//! Count, weights, means and centred cross-products of several variables.

use super::syrk::{self, LANES, Totals};

/// Rows that are packed and multiplied together. Their panels (`8 × 8 × 256` bytes each) stay in the second cache
/// while every pair of them is multiplied.
pub const BLOCK_ROWS: usize = 256;

/// Weighted moments of `d` variables: what least squares needs of any number of rows.
///
/// With weights `w` and rows `z`, `mean = Σ w z / Σ w` and `cross = Σ w (z − mean)(z − mean)ᵀ`. Rows are added in
/// blocks about the running mean, and two sets of moments are merged by the pairwise update of Chan, Golub and
/// LeVeque ("Algorithms for computing the sample variance", 1983). Means have a low part, what rounding took from them:
/// so a mean that is large beside the spread costs no digits. A constant variable has cross-products of exactly 0.
///
/// Numbers are taken as they are: a NaN or an infinity spreads to everything it touches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    weight: f64,
    weight_squares: f64,
    mean: Vec<f64>,
    /// What is to be added to `mean`, less than half a unit in its last place.
    mean_low: Vec<f64>,
    cross: Vec<f64>,
}

/// Rows as the kernel takes them, all of the same length.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// One slice a variable.
    Columns(&'a [&'a [f64]]),
    /// The first `width` variables row by row, and the last as a column.
    Vectors {
        values: &'a [f64],
        width: usize,
        last: &'a [f64],
    },
}

/// Memory that is used again from one call to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    panels: Vec<f64>,
    root_weights: Vec<f64>,
    sums: Vec<f64>,
    shift: Vec<f64>,
}

impl Moments {
    /// No rows yet, of `variables` variables.
    pub fn new(variables: usize) -> Self {
        Self {
            mean: vec![0.0; variables],
            mean_low: vec![0.0; variables],
            cross: vec![0.0; triangle(variables)],
            ..Self::default()
        }
    }

    /// Moments from their parts; `None` if their lengths do not fit together.
    pub fn from_parts(
        count: u64,
        weight: f64,
        weight_squares: f64,
        mean: Vec<f64>,
        mean_low: Vec<f64>,
        cross: Vec<f64>,
    ) -> Option<Self> {
        let fit = mean_low.len() == mean.len() && cross.len() == triangle(mean.len());
        fit.then_some(Self {
            count,
            weight,
            weight_squares,
            mean,
            mean_low,
            cross,
        })
    }

    /// Rows, those of weight 0 included.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// `Σ w`.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// `Σ w²`.
    pub fn weight_squares(&self) -> f64 {
        self.weight_squares
    }

    /// Variables.
    pub fn variables(&self) -> usize {
        self.mean.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `mean[i]`, of each variable.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What rounding took from each mean.
    pub fn mean_low(&self) -> &[f64] {
        &self.mean_low
    }

    /// The centred cross-products' upper triangle, row by row.
    pub fn triangle(&self) -> &[f64] {
        &self.cross
    }

    /// `Σ w (zᵢ − meanᵢ)(zⱼ − meanⱼ)`.
    pub fn cross(&self, i: usize, j: usize) -> f64 {
        let (i, j) = if i <= j { (i, j) } else { (j, i) };
        self.cross[row_start(self.variables(), i) + j - i]
    }

    /// `Σ w zᵢ zⱼ`, about zero.
    pub fn product(&self, i: usize, j: usize) -> f64 {
        self.cross(i, j) + self.weight * self.mean[i] * self.mean[j]
    }

    /// Bytes on the heap.
    pub fn size(&self) -> usize {
        let means = self.mean.capacity() + self.mean_low.capacity();
        (means + self.cross.capacity()) * size_of::<f64>()
    }

    /// Adds rows, each of weight 1 or of its entry in `weights`, none of which may be negative.
    pub fn add(&mut self, rows: Rows<'_>, weights: Option<&[f64]>, scratch: &mut Scratch) {
        debug_assert_eq!(rows.variables(), self.variables());
        let total = rows.len();
        for start in (0..total).step_by(BLOCK_ROWS) {
            let end = total.min(start + BLOCK_ROWS);
            let weights = weights.map(|w| &w[start..end]);
            self.add_block(rows.slice(start, end), start, end, weights, scratch);
        }
    }

    /// Adds rows `start..end`, whose weights are `weights`.
    fn add_block(
        &mut self,
        rows: Block<'_>,
        start: usize,
        end: usize,
        weights: Option<&[f64]>,
        scratch: &mut Scratch,
    ) {
        let Scratch {
            panels,
            root_weights,
            sums,
            shift,
        } = scratch;
        let count = end - start;
        self.count += count as u64;
        let added = match weights {
            None => count as f64,
            Some(weights) => weights.iter().sum(),
        };
        self.weight_squares += match weights {
            None => count as f64,
            Some(weights) => weights.iter().map(|w| w * w).sum(),
        };
        if added == 0.0 {
            return;
        }
        root_weights.clear();
        root_weights.extend(weights.into_iter().flatten().map(|w| w.sqrt()));
        if self.weight == 0.0 {
            rows.block_mean(shift, count);
            self.mean.copy_from_slice(shift);
            self.mean_low.fill(0.0);
        }
        let columns = self.variables();
        panels.resize(columns.div_ceil(LANES) * LANES * count, 0.0);
        rows.pack(&self.mean, panels, count);
        if !root_weights.is_empty() {
            syrk::scale_rows(panels, count, root_weights);
        }
        let roots = (!root_weights.is_empty()).then_some(root_weights.as_slice());
        syrk::column_sums(panels, count, roots, sums);
        // About the old mean m as it is rounded, rows have the weight w, the sums s and the products Σ w z zᵀ, and the
        // rows before have the weight W and, as m is off by e, the sums W e and the products cross + W e eᵀ. Of both
        // together, t = s + W e being their sums, cross' = cross + W e eᵀ + Σ w z zᵀ − t tᵀ / (W + w).
        let old_weight = self.weight;
        self.weight += added;
        for (sum, low) in sums.iter_mut().zip(&self.mean_low) {
            *sum += old_weight * low;
        }
        let scale = 1.0 / self.weight;
        let totals = Totals {
            sums,
            scale,
            low: &self.mean_low,
            weight: old_weight,
        };
        syrk::add_products(panels, count, columns, totals, &mut self.cross);
        for ((mean, low), sum) in self
            .mean
            .iter_mut()
            .zip(&mut self.mean_low)
            .zip(sums.iter())
        {
            (*mean, *low) = two_sum(*mean, sum * scale);
        }
    }

    /// Adds the rows behind `other`, which must be of the same variables.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(other.variables(), self.variables());
        self.count += other.count;
        self.weight_squares += other.weight_squares;
        if other.weight == 0.0 {
            return;
        }
        if self.weight == 0.0 {
            self.weight = other.weight;
            self.mean.copy_from_slice(&other.mean);
            self.mean_low.copy_from_slice(&other.mean_low);
            self.cross.copy_from_slice(&other.cross);
            return;
        }
        let weight = self.weight + other.weight;
        let (high, low) = (
            self.mean.iter().zip(&other.mean),
            self.mean_low.iter().zip(&other.mean_low),
        );
        let delta: Vec<f64> = high
            .zip(low)
            .map(|((a, b), (a_low, b_low))| (b - a) + (b_low - a_low))
            .collect();
        let scale = self.weight * (other.weight / weight);
        let mut at = 0;
        for (i, di) in delta.iter().enumerate() {
            let row = delta.len() - i;
            let (mine, theirs) = (&mut self.cross[at..at + row], &other.cross[at..at + row]);
            for ((mine, theirs), dj) in mine.iter_mut().zip(theirs).zip(&delta[i..]) {
                *mine += theirs + scale * di * dj;
            }
            at += row;
        }
        let step = other.weight / weight;
        for ((mean, low), delta) in self.mean.iter_mut().zip(&mut self.mean_low).zip(&delta) {
            (*mean, *low) = two_sum(*mean, *low + delta * step);
        }
        self.weight = weight;
    }
}

impl<'a> Rows<'a> {
    /// Rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.first().map_or(0, |c| c.len()),
            Self::Vectors { last, .. } => last.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Variables.
    pub fn variables(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.len(),
            Self::Vectors { width, .. } => width + 1,
        }
    }

    fn slice(self, start: usize, end: usize) -> Block<'a> {
        Block {
            rows: self,
            start,
            end,
        }
    }
}

/// Some rows of many.
struct Block<'a> {
    rows: Rows<'a>,
    start: usize,
    end: usize,
}

impl<'a> Block<'a> {
    fn vectors(&self, values: &'a [f64], width: usize) -> &'a [f64] {
        &values[self.start * width..self.end * width]
    }

    /// Writes each variable's unweighted mean to `out`: exactly the constant, if it is one.
    fn block_mean(&self, out: &mut Vec<f64>, count: usize) {
        out.clear();
        let mean = |values: &[f64]| {
            let first = values[0];
            first + values.iter().map(|v| v - first).sum::<f64>() / count as f64
        };
        match self.rows {
            Rows::Columns(columns) => {
                out.extend(columns.iter().map(|c| mean(&c[self.start..self.end])));
            }
            Rows::Vectors {
                values,
                width,
                last,
            } => {
                out.resize(width + 1, 0.0);
                let values = self.vectors(values, width);
                for row in values.chunks_exact(width.max(1)) {
                    for ((out, value), first) in out.iter_mut().zip(row).zip(values) {
                        *out += value - first;
                    }
                }
                for (out, first) in out.iter_mut().zip(&values[..width]) {
                    *out = first + *out / count as f64;
                }
                out[width] = mean(&last[self.start..self.end]);
            }
        }
    }

    /// Writes the rows, less `shift`, to panels of [`LANES`] variables, each row by row.
    fn pack(&self, shift: &[f64], panels: &mut [f64], count: usize) {
        let panel_len = count * LANES;
        match self.rows {
            Rows::Columns(columns) => {
                let groups = columns.chunks(LANES).zip(shift.chunks(LANES));
                for (panel, (columns, shift)) in panels.chunks_exact_mut(panel_len).zip(groups) {
                    let mut slices: [&[f64]; LANES] = [&[]; LANES];
                    for (slice, column) in slices.iter_mut().zip(columns) {
                        *slice = &column[self.start..self.end];
                    }
                    syrk::pack_columns(&slices[..columns.len()], shift, panel);
                }
            }
            Rows::Vectors {
                values,
                width,
                last,
            } => {
                let values = self.vectors(values, width);
                for (at, panel) in panels.chunks_exact_mut(panel_len).enumerate() {
                    let first = at * LANES;
                    let used = width.saturating_sub(first).min(LANES);
                    syrk::pack_vectors(values, width, first, &shift[first..first + used], panel);
                }
                let (panel, lane) = (width / LANES, width % LANES);
                let label = panels[panel * panel_len..].chunks_exact_mut(LANES);
                for (out, value) in label.zip(&last[self.start..self.end]) {
                    out[lane] = value - shift[width];
                }
            }
        }
    }
}

/// `a + b` rounded, and what rounding took from it (Knuth's two-sum).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// Where row `i` of a packed upper triangle of `d` variables begins.
pub fn row_start(d: usize, i: usize) -> usize {
    i * (2 * d - i + 1) / 2
}

/// Entries of a packed upper triangle of `d` variables.
pub fn triangle(d: usize) -> usize {
    d * (d + 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[Vec<f64>], weights: Option<&[f64]>) -> Moments {
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let mut moments = Moments::new(columns.len());
        moments.add(Rows::Columns(&slices), weights, &mut Scratch::default());
        moments
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        let scale = b.abs().max(f64::MIN_POSITIVE);
        assert!((a - b).abs() <= tolerance * scale, "{a} is not {b}");
    }

    /// `0, 1, …, n − 1` has mean `(n − 1) / 2` and squares `n (n² − 1) / 12` about it.
    #[test]
    fn an_arithmetic_progression_has_closed_forms() {
        for n in [1, 2, 255, 256, 257, 1000] {
            for d in [1, 3, 8, 9, 17, 21] {
                let columns: Vec<Vec<f64>> = (0..d)
                    .map(|j| (0..n).map(|i| (i * (j + 1)) as f64).collect())
                    .collect();
                let moments = of(&columns, None);
                let n = n as f64;
                let squares = n * (n * n - 1.0) / 12.0;
                for i in 0..d {
                    close(moments.mean()[i], (n - 1.0) / 2.0 * (i + 1) as f64, 1e-13);
                    for j in i..d {
                        let want = squares * ((i + 1) * (j + 1)) as f64;
                        close(moments.cross(i, j), want, 1e-12);
                    }
                }
            }
        }
    }

    #[test]
    fn a_large_mean_costs_no_digits_and_a_constant_is_exactly_one() {
        let n = 10_000;
        let line: Vec<f64> = (0..n).map(|i| 1e9 + i as f64).collect();
        let moments = of(&[line, vec![0.1; n]], None);
        let n = n as f64;
        close(moments.cross(0, 0), n * (n * n - 1.0) / 12.0, 1e-12);
        assert_eq!(moments.mean()[1], 0.1);
        assert_eq!(moments.cross(1, 1), 0.0);
        assert_eq!(moments.cross(0, 1), 0.0);
    }

    #[test]
    fn rows_are_columns_and_weights_are_repeats() {
        let columns: Vec<Vec<f64>> = (0..11)
            .map(|j| (0..600).map(|i| ((i * (j + 3)) % 17) as f64).collect())
            .collect();
        let weights: Vec<f64> = (0..600).map(|i| (i % 4) as f64).collect();
        let weighted = of(&columns, Some(&weights));
        let repeated: Vec<Vec<f64>> = columns
            .iter()
            .map(|c| {
                let repeats = |(i, x): (usize, &f64)| std::iter::repeat_n(*x, i % 4);
                c.iter().enumerate().flat_map(repeats).collect()
            })
            .collect();
        let repeated = of(&repeated, None);
        assert_eq!(weighted.count(), 600);
        assert_eq!(weighted.weight(), repeated.weight());
        let values: Vec<f64> = (0..600)
            .flat_map(|i| columns[..10].iter().map(move |c| c[i]))
            .collect();
        let mut rows = Moments::new(11);
        let vectors = Rows::Vectors {
            values: &values,
            width: 10,
            last: &columns[10],
        };
        rows.add(vectors, Some(&weights), &mut Scratch::default());
        for i in 0..11 {
            for j in i..11 {
                close(weighted.cross(i, j), repeated.cross(i, j), 1e-11);
                close(rows.cross(i, j), weighted.cross(i, j), 1e-13);
            }
        }
    }

    #[test]
    fn any_split_merges_to_the_same() {
        let columns: Vec<Vec<f64>> = (0..5)
            .map(|j| {
                (0..1000)
                    .map(|i| ((i * i * (j + 1)) % 101) as f64 + 1e6)
                    .collect()
            })
            .collect();
        let whole = of(&columns, None);
        for cuts in [vec![0, 1000], vec![1, 999], vec![300, 300, 700], vec![999]] {
            let mut merged = Moments::new(5);
            let mut start = 0;
            let mut parts = Vec::new();
            for end in cuts.into_iter().chain([1000]) {
                let part: Vec<Vec<f64>> = columns.iter().map(|c| c[start..end].to_vec()).collect();
                parts.push(of(&part, None));
                start = end;
            }
            parts.iter().rev().for_each(|part| merged.merge(part));
            assert_eq!(merged.count(), 1000);
            for i in 0..5 {
                close(merged.mean()[i], whole.mean()[i], 1e-15);
                for j in i..5 {
                    let scale = (whole.cross(i, i) * whole.cross(j, j)).sqrt();
                    let difference = (merged.cross(i, j) - whole.cross(i, j)).abs();
                    assert!(difference <= 1e-13 * scale, "{i} {j} {difference}");
                }
            }
        }
    }
}
