//! Centres to begin with.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use datafusion::prelude::ident;

use super::distance::DistanceMeasure;
use super::kmeans::{KMeans, step};
use super::local::weighted_kmeans;
use crate::aggregates::{KMEANS_SAMPLE, bytes_literal, decode_sample, evaluate};
use crate::error::Result;
use crate::kernels::mix;
use crate::packing::{FEATURES, Packed, no_rows};
use crate::rows::encode_centres;

/// Rows of length 1 that are closer than this, squared, differ by rounding only.
const SAME_DIRECTION: f64 = 1e-28;

/// `k` different rows, or as many as there are: those with the smallest random numbers.
pub(super) async fn random(params: &KMeans, data: &Packed) -> Result<Vec<f64>> {
    let rows = sample(params, data, None, params.k, 0).await?;
    if rows.is_empty() {
        return Err(no_rows());
    }
    Ok(distinct(rows, data.width, params.distance_measure))
}

/// k-means||: B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii, *Scalable K-Means++*, VLDB (2012).
///
/// One row begins. In each of `initSteps` rounds, `2k` more rows are drawn, each next one with a probability
/// proportional to its weighted squared distance from the rows drawn so far: the variant of the paper's section 5
/// with exactly so many rows, which needs one pass a round. All rows then go to the nearest drawn one, and k-means++
/// finds `k` centres among the means of these groups, by their weights. If no more than `k` different rows were drawn,
/// they are the centres.
pub(super) async fn parallel(params: &KMeans, data: &Packed) -> Result<Vec<f64>> {
    let width = data.width;
    let mut drawn = sample(params, data, None, 1, 0).await?;
    if drawn.is_empty() {
        return Err(no_rows());
    }
    for round in 1..=params.init_steps {
        let rows = sample(params, data, Some(&drawn), 2 * params.k, round).await?;
        if rows.is_empty() {
            break;
        }
        drawn.extend(rows);
    }
    let drawn = distinct(drawn, width, params.distance_measure);
    if drawn.len() / width <= params.k {
        return Ok(drawn);
    }
    let groups = step(data, &drawn).await?;
    let means = super::local::moved_centres(
        &drawn,
        width,
        &groups.sums,
        &groups.weights,
        params.distance_measure,
    );
    let seed = mix(params.seed as u64);
    let measure = params.distance_measure;
    let centres = weighted_kmeans(&means, &groups.weights, width, params.k, seed, measure);
    Ok(centres)
}

async fn sample(
    params: &KMeans,
    data: &Packed,
    centres: Option<&[f64]>,
    rows: usize,
    round: usize,
) -> Result<Vec<f64>> {
    let seed = mix(mix(params.seed as u64).wrapping_add(round as u64));
    let centres = centres.map(|centres| encode_centres(centres, data.width));
    let arguments = vec![
        ident(FEATURES),
        data.weight.clone(),
        bytes_literal(centres),
        lit(rows as i64),
        lit(ScalarValue::Int64(Some(seed as i64))),
    ];
    let state = evaluate(&data.frame, &KMEANS_SAMPLE, arguments).await?;
    Ok(match state {
        Some(state) => decode_sample(&state)?,
        None => Vec::new(),
    })
}

/// Rows without those that came before. Sampled rows are different, but by cosine they may be so by rounding only.
fn distinct(rows: Vec<f64>, width: usize, measure: DistanceMeasure) -> Vec<f64> {
    if measure == DistanceMeasure::Euclidean {
        return rows;
    }
    let mut kept: Vec<f64> = Vec::new();
    for row in rows.chunks_exact(width) {
        let squares = |other: &[f64]| -> f64 {
            let differences = row.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
            differences.sum()
        };
        if !kept
            .chunks_exact(width)
            .any(|other| squares(other) <= SAME_DIRECTION)
        {
            kept.extend_from_slice(row);
        }
    }
    kept
}
