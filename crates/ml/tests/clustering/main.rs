//! Clustering and features against closed forms and against Spark.

#![allow(clippy::unwrap_used, reason = "tests")]

mod evaluation;
mod feature;
mod kmeans;
mod spark;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use springald_ml::Features;

fn session() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3))
}

/// A frame with columns `x0`, `x1`, … and `row`, the number of the row, and maybe `weight`. Its rows are split into
/// partitions of `sizes`, in turn, until there are none left; a size may be 0.
fn frame(rows: &[Vec<f64>], weights: Option<&[f64]>, sizes: &[usize]) -> DataFrame {
    let mut partitions = Vec::new();
    let mut start = 0;
    for size in sizes.iter().cycle() {
        let end = rows.len().min(start + size);
        partitions.push(vec![batch(
            &rows[start..end],
            start,
            weights.map(|w| &w[start..end]),
            rows,
        )]);
        start = end;
        if start == rows.len() {
            break;
        }
    }
    let schema = partitions[0][0].schema();
    let table = MemTable::try_new(schema, partitions).unwrap();
    session().read_table(Arc::new(table)).unwrap()
}

fn batch(
    part: &[Vec<f64>],
    start: usize,
    weights: Option<&[f64]>,
    all: &[Vec<f64>],
) -> RecordBatch {
    let column = |at: usize| part.iter().map(|row| row[at]).collect::<Vec<f64>>();
    let mut columns: Vec<(String, ArrayRef)> = (0..all[0].len())
        .map(|at| {
            (
                format!("x{at}"),
                Arc::new(Float64Array::from(column(at))) as ArrayRef,
            )
        })
        .collect();
    let numbers = (start..start + part.len()).map(|row| row as i64);
    let numbers = Arc::new(Int64Array::from_iter_values(numbers));
    columns.push(("row".to_owned(), numbers));
    if let Some(weights) = weights {
        let weights = Arc::new(Float64Array::from(weights.to_vec()));
        columns.push(("weight".to_owned(), weights));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

fn features(width: usize) -> Features {
    Features::Columns((0..width).map(|at| format!("x{at}")).collect())
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * expected.abs().max(1.0),
            "{found} is not {expected}"
        );
    }
}
