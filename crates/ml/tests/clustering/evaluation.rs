//! The silhouette.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::prelude::DataFrame;
use springald_ml::{ClusteringEvaluator, SilhouetteDistance};

use crate::{close, features, session, spark};

fn labelled(rows: &[Vec<f64>], labels: &[i64], weights: &[f64]) -> DataFrame {
    let mut columns: Vec<(String, ArrayRef)> = (0..rows[0].len())
        .map(|at| {
            let column = Float64Array::from_iter_values(rows.iter().map(|row| row[at]));
            (format!("x{at}"), Arc::new(column) as ArrayRef)
        })
        .collect();
    columns.push((
        "prediction".into(),
        Arc::new(Int64Array::from(labels.to_vec())),
    ));
    columns.push((
        "weight".into(),
        Arc::new(Float64Array::from(weights.to_vec())),
    ));
    session()
        .read_batch(RecordBatch::try_from_iter(columns).unwrap())
        .unwrap()
}

#[tokio::test]
async fn it_is_sparks() {
    let spark = spark::read();
    let weights: Vec<f64> = (0..150).map(|row| 1.0 + f64::from(row % 3)).collect();
    for expected in &spark.silhouettes {
        let evaluator = ClusteringEvaluator {
            distance_measure: expected.distance_measure.parse().unwrap(),
            weight_col: expected.weighted.then(|| "weight".to_owned()),
            ..ClusteringEvaluator::new(features(4))
        };
        let found = evaluator
            .evaluate(labelled(&spark.iris, &spark.species, &weights))
            .await;
        close(&[found.unwrap()], &[expected.value], 1e-12);
    }
}

/// Rousseeuw's definition, pair by pair.
fn pair_by_pair(rows: &[Vec<f64>], labels: &[i64]) -> f64 {
    let distance =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum() };
    let mut total = 0.0;
    for (at, row) in rows.iter().enumerate() {
        let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for (other, label) in labels.iter().enumerate() {
            if other != at {
                let (sum, count) = sums.entry(*label).or_default();
                *sum += distance(row, &rows[other]);
                *count += 1.0;
            }
        }
        let Some((sum, count)) = sums.remove(&labels[at]) else {
            continue;
        };
        let within = sum / count;
        let means = sums.values().map(|(sum, count)| sum / count);
        let nearest = means.fold(f64::INFINITY, f64::min);
        total += (nearest - within) / nearest.max(within);
    }
    total / rows.len() as f64
}

#[tokio::test]
async fn sums_say_what_pairs_say_far_from_zero_too() {
    let near: Vec<Vec<f64>> = spark::sixteen()[..200].to_vec();
    let far: Vec<Vec<f64>> = near
        .iter()
        .map(|row| row.iter().map(|x| x + 1e7).collect())
        .collect();
    // Cluster 99 has one row.
    let labels: Vec<i64> = (0..200)
        .map(|row| if row == 5 { 99 } else { row % 16 })
        .collect();
    for (rows, tolerance) in [(near, 1e-12), (far, 1e-9)] {
        let expected = pair_by_pair(&rows, &labels);
        let evaluator = ClusteringEvaluator::new(features(16));
        let found = evaluator
            .evaluate(labelled(&rows, &labels, &[1.0; 200]))
            .await
            .unwrap();
        close(&[found], &[expected], tolerance);
    }
}

#[tokio::test]
async fn what_has_no_silhouette_says_why() {
    let rows = vec![vec![1.0], vec![0.0]];
    let evaluator = ClusteringEvaluator::new(features(1));
    let e = evaluator
        .evaluate(labelled(&rows, &[1, 1], &[1.0; 2]))
        .await
        .unwrap_err();
    assert!(e.to_string().contains("at least two clusters"), "{e}");
    let evaluator = ClusteringEvaluator {
        distance_measure: SilhouetteDistance::Cosine,
        ..evaluator
    };
    let e = evaluator
        .evaluate(labelled(&rows, &[1, 2], &[1.0; 2]))
        .await
        .unwrap_err();
    assert!(e.to_string().contains("a row of zeros"), "{e}");
    assert!("euclidean".parse::<SilhouetteDistance>().is_err());
}
