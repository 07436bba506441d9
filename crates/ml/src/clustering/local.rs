//! k-means of weighted points in memory.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::distance::{DistanceMeasure, normalize};
use crate::kernels::{Centres, LloydSums, Scratch, lloyd_step, nearest};

/// Iterations of Lloyd's algorithm at most, as Spark has it.
const ITERATIONS: usize = 30;
/// Multiplications that are spent on beginning again from other random centres.
const WORK: usize = 200_000_000;
/// Beginnings at most, of which the cheapest is kept.
const RESTARTS: usize = 8;

/// `k` centres of weighted points, row-major, `width` numbers each: k-means++ and Lloyd's algorithm.
///
/// The next centre is the best of a few that are drawn with a probability proportional to their weighted squared
/// distance (greedy k-means++): D. Arthur, S. Vassilvitskii, *k-means++: the advantages of careful seeding*, SODA
/// (2007), section 4.
pub(super) fn weighted_kmeans(
    points: &[f64],
    weights: &[f64],
    width: usize,
    k: usize,
    seed: u64,
    measure: DistanceMeasure,
) -> Vec<f64> {
    let once = (points.len() * k * ITERATIONS).max(1);
    let restarts = (WORK / once).clamp(1, RESTARTS);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut best = (f64::INFINITY, Vec::new());
    for _ in 0..restarts {
        let centres = plus_plus(points, weights, width, k, &mut random);
        let (cost, centres) = lloyd(points, weights, width, centres, measure);
        if cost < best.0 || best.1.is_empty() {
            best = (cost, centres);
        }
    }
    best.1
}

fn plus_plus(
    points: &[f64],
    weights: &[f64],
    width: usize,
    k: usize,
    random: &mut ChaCha8Rng,
) -> Vec<f64> {
    let point = |at: usize| &points[at * width..(at + 1) * width];
    let trials = 2 + (k as f64).ln() as usize;
    let mut centres = point(draw(weights, random)).to_vec();
    let mut costs = added(points, width, centres.clone(), None);
    while centres.len() < k * width {
        let chances: Vec<f64> = costs.iter().zip(weights).map(|(c, w)| c * w).collect();
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..trials {
            let candidate = draw(&chances, random);
            let left = added(points, width, point(candidate).to_vec(), Some(&costs));
            let cost = left.iter().zip(weights).map(|(c, w)| c * w).sum();
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, candidate, left));
            }
        }
        let Some((_, chosen, left)) = best else { break };
        centres.extend_from_slice(point(chosen));
        costs = left;
    }
    centres
}

/// The squared distance of each point from the nearest centre once `centre` is one too.
fn added(points: &[f64], width: usize, centre: Vec<f64>, before: Option<&Vec<f64>>) -> Vec<f64> {
    let count = points.len() / width;
    let (mut found, mut distances) = (vec![0; count], vec![0.0; count]);
    let centres = Centres::new(centre, width);
    nearest(
        &centres,
        points,
        &mut Scratch::default(),
        &mut found,
        &mut distances,
    );
    if let Some(before) = before {
        let pairs = distances.iter_mut().zip(before);
        pairs.for_each(|(distance, before)| *distance = distance.min(*before));
    }
    distances
}

/// The place of a number drawn with a probability proportional to it.
fn draw(chances: &[f64], random: &mut ChaCha8Rng) -> usize {
    let mut left = random.random::<f64>() * chances.iter().sum::<f64>();
    for (at, chance) in chances.iter().enumerate() {
        left -= chance;
        if left < 0.0 && *chance > 0.0 {
            return at;
        }
    }
    // Rounding ran past the end.
    chances
        .iter()
        .rposition(|chance| *chance > 0.0)
        .unwrap_or(0)
}

fn lloyd(
    points: &[f64],
    weights: &[f64],
    width: usize,
    mut centres: Vec<f64>,
    measure: DistanceMeasure,
) -> (f64, Vec<f64>) {
    let k = centres.len() / width;
    let mut sums = LloydSums::new(k, width);
    let mut scratch = Scratch::default();
    let mut cost = f64::INFINITY;
    for _ in 0..ITERATIONS {
        sums.clear();
        let laid_out = Centres::new(centres.clone(), width);
        lloyd_step(&laid_out, points, Some(weights), &mut scratch, &mut sums);
        if sums.cost >= cost {
            break;
        }
        cost = sums.cost;
        centres = moved_centres(&centres, width, &sums.sums, &sums.weights, measure);
    }
    (cost, centres)
}

/// Each centre at the mean of its rows; one without rows stays. By cosine, means are brought to length 1, and one
/// whose rows cancel out stays too.
pub(super) fn moved_centres(
    centres: &[f64],
    width: usize,
    sums: &[f64],
    weights: &[f64],
    measure: DistanceMeasure,
) -> Vec<f64> {
    let mut moved = centres.to_vec();
    let rows = sums.chunks_exact(width).zip(weights);
    for (centre, (sum, weight)) in moved.chunks_exact_mut(width).zip(rows) {
        if *weight <= 0.0 {
            continue;
        }
        let mut mean: Vec<f64> = sum.iter().map(|sum| sum / weight).collect();
        if measure == DistanceMeasure::Euclidean || normalize(&mut mean) {
            centre.copy_from_slice(&mean);
        }
    }
    moved
}
