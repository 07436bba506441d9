//! One step of Lloyd's algorithm over dense rows.
//!
//! Distances are compared as `|c|²/2 − x·c`, a product of matrices without the term that all centres of a row
//! share. Such scores lose digits where rows and centres lie far from zero, so both are first moved by the
//! mean of the centres. Where the two best scores of a row are closer than their rounding error, its distances
//! are computed again as `Σ(x − c)²`, and of equal ones the first centre wins. The distance of the winner is
//! always `Σ(x − c)²`: a row that equals its centre is at exactly zero.
//!
//! S. Lloyd, *Least squares quantization in PCM*, IEEE Transactions on Information Theory 28 (1982).

use multiversion::{multiversion, target::match_target};

/// Rows that go through the kernel side by side, one to a lane.
const LANES: usize = 8;
/// Centres that share one load of the rows. `LANES × TILE` sums fill half of AVX2's registers, and keep both of
/// its multipliers busy.
const TILE: usize = 4;
/// Numbers of a row that are loaded at once.
const QUAD: usize = 4;
/// Bytes of transposed rows that stay in the nearest cache while all centres pass over them.
const BLOCK_BYTES: usize = 16 * 1024;

/// Centres of clusters, laid out for [`nearest`] and [`lloyd_step`].
#[derive(Clone, Debug)]
pub struct Centres {
    width: usize,
    /// Row-major.
    values: Vec<f64>,
    /// The mean of the centres: what they and the rows are moved by.
    origin: Vec<f64>,
    /// The moved centres, `TILE` of them interleaved; the last tile is filled up with zeros.
    tiles: Vec<[f64; TILE]>,
    /// Half the squared norms of the moved centres, infinite for the filling.
    half_norms: Vec<[f64; TILE]>,
    /// The largest squared norm of a moved centre.
    largest_norm: f64,
}

impl Centres {
    /// Takes centres row by row, `width` (at least 1) numbers each.
    pub fn new(values: Vec<f64>, width: usize) -> Self {
        let count = values.len() / width;
        let mut origin = vec![0.0; width];
        for centre in values.chunks_exact(width) {
            let terms = origin.iter_mut().zip(centre);
            terms.for_each(|(sum, value)| *sum += value / count as f64);
        }
        let groups = count.div_ceil(TILE);
        let mut tiles = vec![[0.0; TILE]; groups * width];
        let mut half_norms = vec![[f64::INFINITY; TILE]; groups];
        let mut largest_norm = 0.0_f64;
        for (at, centre) in values.chunks_exact(width).enumerate() {
            let (group, lane) = (at / TILE, at % TILE);
            let mut norm = 0.0;
            for (column, (value, origin)) in centre.iter().zip(&origin).enumerate() {
                let moved = value - origin;
                tiles[group * width + column][lane] = moved;
                norm += moved * moved;
            }
            half_norms[group][lane] = norm / 2.0;
            largest_norm = largest_norm.max(norm);
        }
        Self {
            width,
            values,
            origin,
            tiles,
            half_norms,
            largest_norm,
        }
    }

    /// Numbers of a centre.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many centres there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    fn centre(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// A bound on the rounding error of the difference of two scores of a row that is `distance` away from its
    /// centre. Both are sums of `width` products; see N. Higham, *Accuracy and Stability of Numerical
    /// Algorithms*, 2nd ed., section 3.1. The norm of the row is at most that of its centre plus the distance.
    #[inline(always)]
    fn tie(&self, distance: f64) -> f64 {
        let terms = (self.width + 4) as f64;
        f64::EPSILON * terms * (4.0 * self.largest_norm + distance)
    }
}

/// What one pass over rows adds up for each centre.
#[derive(Clone, Debug, PartialEq)]
pub struct LloydSums {
    /// Rows that are nearest to each centre.
    pub counts: Vec<u64>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// Their weighted sums, row-major.
    pub sums: Vec<f64>,
    /// Their weighted squared distances, of all centres together.
    pub cost: f64,
}

impl LloydSums {
    /// Zeros, for `count` centres of `width` numbers.
    pub fn new(count: usize, width: usize) -> Self {
        Self {
            counts: vec![0; count],
            weights: vec![0.0; count],
            sums: vec![0.0; count * width],
            cost: 0.0,
        }
    }

    /// Makes zeros of all sums.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.weights.fill(0.0);
        self.sums.fill(0.0);
        self.cost = 0.0;
    }
}

/// Working memory of the kernels, to be kept between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Groups of moved rows: for each group, `width` times `LANES` values.
    rows: Vec<[f64; LANES]>,
    best: Vec<[f64; LANES]>,
    second: Vec<[f64; LANES]>,
    index: Vec<[u64; LANES]>,
    nearest: Vec<u32>,
    distances: Vec<f64>,
}

/// Adds rows (row-major) and their weights, or 1 each, to `sums`. A row with NaN or infinity makes the cost NaN
/// or infinite.
pub fn lloyd_step(
    centres: &Centres,
    rows: &[f64],
    weights: Option<&[f64]>,
    scratch: &mut Scratch,
    sums: &mut LloydSums,
) {
    step_kernel(centres, rows, weights.unwrap_or(&[]), scratch, sums);
}

/// The nearest centre of each row (row-major), and its squared distance.
pub fn nearest(
    centres: &Centres,
    rows: &[f64],
    scratch: &mut Scratch,
    nearest: &mut [u32],
    distances: &mut [f64],
) {
    nearest_kernel(centres, rows, scratch, nearest, distances);
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn step_kernel(
    centres: &Centres,
    rows: &[f64],
    weights: &[f64],
    scratch: &mut Scratch,
    sums: &mut LloydSums,
) {
    match_target! {
        "x86_64+avx512f+avx512dq+avx512vl+avx512bw+fma" => step::<true>(centres, rows, weights, scratch, sums),
        "x86_64+avx2+fma" => step::<true>(centres, rows, weights, scratch, sums),
        "aarch64+neon" => step::<true>(centres, rows, weights, scratch, sums),
        _ => step::<false>(centres, rows, weights, scratch, sums),
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn nearest_kernel(
    centres: &Centres,
    rows: &[f64],
    scratch: &mut Scratch,
    nearest: &mut [u32],
    distances: &mut [f64],
) {
    match_target! {
        "x86_64+avx512f+avx512dq+avx512vl+avx512bw+fma" => assign::<true>(centres, rows, scratch, nearest, distances),
        "x86_64+avx2+fma" => assign::<true>(centres, rows, scratch, nearest, distances),
        "aarch64+neon" => assign::<true>(centres, rows, scratch, nearest, distances),
        _ => assign::<false>(centres, rows, scratch, nearest, distances),
    }
}

/// Rows of a block, a multiple of `LANES`.
#[inline(always)]
fn block_rows(width: usize) -> usize {
    (BLOCK_BYTES / (8 * LANES * width)).max(1) * LANES
}

#[inline(always)]
fn step<const FMA: bool>(
    centres: &Centres,
    rows: &[f64],
    weights: &[f64],
    scratch: &mut Scratch,
    sums: &mut LloydSums,
) {
    let width = centres.width;
    let block = block_rows(width);
    let mut nearest = std::mem::take(&mut scratch.nearest);
    let mut distances = std::mem::take(&mut scratch.distances);
    nearest.resize(block, 0);
    distances.resize(block, 0.0);
    let mut cost = 0.0;
    for (at, rows) in rows.chunks(block * width).enumerate() {
        let count = rows.len() / width;
        let (nearest, distances) = (&mut nearest[..count], &mut distances[..count]);
        assign_block::<FMA>(centres, rows, scratch, nearest, distances);
        let found = rows
            .chunks_exact(width)
            .zip(nearest.iter().zip(&*distances));
        for (row, (values, (centre, distance))) in found.enumerate() {
            let weight = weights.get(at * block + row).copied().unwrap_or(1.0);
            let centre = *centre as usize;
            cost = fma::<FMA>(weight, *distance, cost);
            sums.counts[centre] += 1;
            sums.weights[centre] += weight;
            let into = &mut sums.sums[centre * width..(centre + 1) * width];
            for (sum, value) in into.iter_mut().zip(values) {
                *sum = fma::<FMA>(weight, *value, *sum);
            }
        }
    }
    sums.cost += cost;
    scratch.nearest = nearest;
    scratch.distances = distances;
}

#[inline(always)]
fn assign<const FMA: bool>(
    centres: &Centres,
    rows: &[f64],
    scratch: &mut Scratch,
    nearest: &mut [u32],
    distances: &mut [f64],
) {
    let width = centres.width;
    let block = block_rows(width);
    let out = nearest.chunks_mut(block).zip(distances.chunks_mut(block));
    for (rows, (nearest, distances)) in rows.chunks(block * width).zip(out) {
        assign_block::<FMA>(centres, rows, scratch, nearest, distances);
    }
}

#[allow(
    clippy::needless_range_loop,
    reason = "lanes of several arrays go side by side"
)]
#[inline(always)]
fn assign_block<const FMA: bool>(
    centres: &Centres,
    rows: &[f64],
    scratch: &mut Scratch,
    nearest: &mut [u32],
    distances: &mut [f64],
) {
    let width = centres.width;
    let groups = transpose(rows, &centres.origin, &mut scratch.rows);
    for lanes in [&mut scratch.best, &mut scratch.second] {
        lanes.clear();
        lanes.resize(groups, [f64::INFINITY; LANES]);
    }
    scratch.index.clear();
    scratch.index.resize(groups, [0; LANES]);
    let tiles = centres.tiles.chunks_exact(width).zip(&centres.half_norms);
    for (tile, (centre, half_norms)) in tiles.enumerate() {
        let groups = scratch.rows.chunks_exact(width);
        let found = scratch.best.iter_mut().zip(&mut scratch.second);
        let found = found.zip(&mut scratch.index);
        for (rows, ((best, second), index)) in groups.zip(found) {
            let scores = scores::<FMA>(rows, centre, half_norms);
            // Kept in locals, so that the choice below is made without branches.
            let (mut first, mut next, mut at) = (*best, *second, *index);
            for (lane_of_tile, scores) in scores.iter().enumerate() {
                let centre = (tile * TILE + lane_of_tile) as u64;
                for lane in 0..LANES {
                    let better = scores[lane] < first[lane];
                    let loser = if better { first[lane] } else { scores[lane] };
                    next[lane] = if loser < next[lane] {
                        loser
                    } else {
                        next[lane]
                    };
                    at[lane] = if better { centre } else { at[lane] };
                    first[lane] = if better { scores[lane] } else { first[lane] };
                }
            }
            (*best, *second, *index) = (first, next, at);
        }
    }
    let out = nearest.iter_mut().zip(distances.iter_mut());
    for (row, (values, (nearest, distance))) in rows.chunks_exact(width).zip(out).enumerate() {
        let (group, lane) = (row / LANES, row % LANES);
        let centre = scratch.index[group][lane] as usize;
        *nearest = centre as u32;
        *distance = squared_distance::<FMA>(values, centres.centre(centre));
        let lead = scratch.second[group][lane] - scratch.best[group][lane];
        if lead <= centres.tie(*distance) {
            (*nearest, *distance) = nearest_exactly::<FMA>(centres, values);
        }
    }
}

/// Moves rows by `origin`, and writes them to groups of `LANES`: the first column of all, the second, and so on.
/// The last group is filled up with zeros. Returns how many groups there are.
#[allow(
    clippy::needless_range_loop,
    reason = "lanes of several arrays go side by side"
)]
#[inline(always)]
fn transpose(rows: &[f64], origin: &[f64], out: &mut Vec<[f64; LANES]>) -> usize {
    let width = origin.len();
    let groups = (rows.len() / width).div_ceil(LANES);
    out.resize(groups * width, [0.0; LANES]);
    let (full, rest) = rows.split_at(rows.len() / (LANES * width) * (LANES * width));
    let mut out = out.chunks_exact_mut(width);
    for (rows, out) in full.chunks_exact(LANES * width).zip(&mut out) {
        // Four columns at once are loads of four numbers and shuffles, and not eight single loads each.
        let quads = width / QUAD;
        for quad in 0..quads {
            let at = quad * QUAD;
            let mut loaded = [[0.0; QUAD]; LANES];
            for (lane, loaded) in loaded.iter_mut().enumerate() {
                let row = lane * width + at;
                loaded.copy_from_slice(&rows[row..row + QUAD]);
            }
            for (column, out) in out[at..at + QUAD].iter_mut().enumerate() {
                for lane in 0..LANES {
                    out[lane] = loaded[lane][column] - origin[at + column];
                }
            }
        }
        for column in quads * QUAD..width {
            for lane in 0..LANES {
                out[column][lane] = rows[lane * width + column] - origin[column];
            }
        }
    }
    if let Some(out) = out.next() {
        out.fill([0.0; LANES]);
        for (lane, row) in rest.chunks_exact(width).enumerate() {
            for (out, (value, origin)) in out.iter_mut().zip(row.iter().zip(origin)) {
                out[lane] = value - origin;
            }
        }
    }
    groups
}

/// `|c|²/2 − x·c` of `TILE` centres and `LANES` rows.
#[inline(always)]
fn scores<const FMA: bool>(
    rows: &[[f64; LANES]],
    centres: &[[f64; TILE]],
    half_norms: &[f64; TILE],
) -> [[f64; LANES]; TILE] {
    let mut scores = [[0.0; LANES]; TILE];
    for (scores, half_norm) in scores.iter_mut().zip(half_norms) {
        *scores = [*half_norm; LANES];
    }
    for (values, centres) in rows.iter().zip(centres) {
        for (scores, centre) in scores.iter_mut().zip(centres) {
            for (score, value) in scores.iter_mut().zip(values) {
                *score = fma::<FMA>(-value, *centre, *score);
            }
        }
    }
    scores
}

#[cold]
#[inline(never)]
fn nearest_exactly<const FMA: bool>(centres: &Centres, row: &[f64]) -> (u32, f64) {
    let mut nearest = (0, f64::INFINITY);
    for (at, centre) in centres.values.chunks_exact(centres.width).enumerate() {
        let distance = squared_distance::<FMA>(row, centre);
        if distance < nearest.1 {
            nearest = (at as u32, distance);
        }
    }
    nearest
}

#[allow(
    clippy::needless_range_loop,
    reason = "lanes of several arrays go side by side"
)]
#[inline(always)]
fn squared_distance<const FMA: bool>(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a_blocks, a_rest) = a.as_chunks::<4>();
    let (b_blocks, b_rest) = b.as_chunks::<4>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..4 {
            let difference = a[lane] - b[lane];
            sums[lane] = fma::<FMA>(difference, difference, sums[lane]);
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        let difference = a - b;
        sums[lane] = fma::<FMA>(difference, difference, sums[lane]);
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// `a·b + c`, fused where the processor can: elsewhere a fused one is a call into a library.
#[inline(always)]
fn fma<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{row_hash, uniform};

    /// Numbers from -1 to 1 that look random.
    fn numbers(seed: u64, count: usize) -> Vec<f64> {
        let number = |at| 2.0 * uniform(row_hash(seed, &[at as f64])) - 1.0;
        (0..count).map(number).collect()
    }

    fn by_hand(centres: &[f64], rows: &[f64], width: usize) -> Vec<(u32, f64)> {
        let nearest = |row: &[f64]| {
            let mut nearest = (0, f64::INFINITY);
            for (at, centre) in centres.chunks_exact(width).enumerate() {
                let squares = row.iter().zip(centre).map(|(x, c)| (x - c) * (x - c));
                let distance: f64 = squares.sum();
                if distance < nearest.1 {
                    nearest = (at as u32, distance);
                }
            }
            nearest
        };
        rows.chunks_exact(width).map(nearest).collect()
    }

    fn run(centres: &[f64], rows: &[f64], width: usize) -> Vec<(u32, f64)> {
        let count = rows.len() / width;
        let (mut found, mut distances) = (vec![0; count], vec![0.0; count]);
        let centres = Centres::new(centres.to_vec(), width);
        let mut scratch = Scratch::default();
        nearest(&centres, rows, &mut scratch, &mut found, &mut distances);
        found.into_iter().zip(distances).collect()
    }

    #[test]
    fn finds_what_pairs_find_in_every_shape() {
        for width in [1, 2, 3, 4, 5, 8, 16, 17, 100, 300] {
            for count in [1, 2, 3, 4, 5, 16, 33] {
                for rows in [1, 7, 8, 9, 130] {
                    let centres = numbers(1, count * width);
                    let rows = numbers(2, rows * width);
                    let expected = by_hand(&centres, &rows, width);
                    let found = run(&centres, &rows, width);
                    for (found, expected) in found.iter().zip(&expected) {
                        assert_eq!(found.0, expected.0, "{width} {count}");
                        assert!((found.1 - expected.1).abs() <= 1e-13 * expected.1);
                    }
                }
            }
        }
    }

    #[test]
    fn far_from_zero_no_digits_are_lost() {
        let width = 4;
        // Multiples of 2^-20 stay exact beside 2^30, so the answer is that of the rows as they were.
        let grid = |v: Vec<f64>| {
            v.iter()
                .map(|x| (x * 1048576.0).round() / 1048576.0)
                .collect()
        };
        let centres: Vec<f64> = grid(numbers(3, 9 * width));
        let rows: Vec<f64> = grid(numbers(4, 500 * width));
        let expected = by_hand(&centres, &rows, width);
        let far = |v: &[f64]| v.iter().map(|x| x + 1073741824.0).collect::<Vec<_>>();
        assert_eq!(run(&far(&centres), &far(&rows), width), expected);
    }

    #[test]
    fn of_equal_distances_the_first_centre_wins() {
        // Between two of five centres each time, whose mean (0.64) no double holds.
        let centres = [0.0, 0.2, 0.4, 0.8, 1.8];
        let rows = [0.1, 1.3, 5.0, -3.0];
        let found = run(&centres, &rows, 1);
        let places: Vec<u32> = found.iter().map(|f| f.0).collect();
        assert_eq!(places, [0, 3, 4, 0]);
        let equal = [[1.0, 2.0], [3.0, 3.0], [1.0, 2.0], [3.0, 3.0]].concat();
        let found = run(&equal, &[3.0, 3.0, 1.0, 2.0], 2);
        assert_eq!(found, [(1, 0.0), (0, 0.0)]);
        // The corners of a square, and its middle.
        let corners = [[7.1, 7.1], [7.3, 7.1], [7.1, 7.3], [7.3, 7.3]].concat();
        assert_eq!(run(&corners, &[7.1, 7.3], 2), [(2, 0.0)]);
    }

    #[test]
    fn adds_up_rows_by_centre() {
        let width = 3;
        let centres = numbers(5, 5 * width);
        let rows = numbers(6, 1000 * width);
        let weights: Vec<f64> = (0..1000).map(|row| f64::from(row % 4)).collect();
        let laid_out = Centres::new(centres.clone(), width);
        let mut sums = LloydSums::new(5, width);
        let mut scratch = Scratch::default();
        lloyd_step(&laid_out, &rows, Some(&weights), &mut scratch, &mut sums);
        let mut expected = LloydSums::new(5, width);
        for (row, (centre, distance)) in by_hand(&centres, &rows, width).into_iter().enumerate() {
            let centre = centre as usize;
            expected.counts[centre] += 1;
            expected.weights[centre] += weights[row];
            expected.cost += weights[row] * distance;
            for column in 0..width {
                expected.sums[centre * width + column] += weights[row] * rows[row * width + column];
            }
        }
        assert_eq!(sums.counts, expected.counts);
        assert_eq!(sums.weights, expected.weights);
        assert!((sums.cost / expected.cost - 1.0).abs() < 1e-13);
        for (sum, expected) in sums.sums.iter().zip(&expected.sums) {
            assert!((sum - expected).abs() < 1e-12, "{sum} {expected}");
        }
        sums.clear();
        lloyd_step(
            &laid_out,
            &[0.0, f64::NAN, 0.0],
            None,
            &mut scratch,
            &mut sums,
        );
        assert!(sums.cost.is_nan());
    }
}
