//! Sessions and tables for these tests.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, Float64Array, Int32Array, ListArray, RecordBatch, StructArray,
};
use datafusion::arrow::datatypes::{Field, Float64Type, Int32Type};
use datafusion::datasource::MemTable;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

/// A session with the functions of this crate and two partitions.
pub(crate) fn session() -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    for f in springald_ml::scalar_functions() {
        ctx.register_udf(f.as_ref().clone());
    }
    for f in springald_ml::aggregate_functions() {
        ctx.register_udaf(f.as_ref().clone());
    }
    ctx
}

/// A table of numbers, its rows cut into partitions before each of `cuts`.
pub(crate) fn table(
    ctx: &SessionContext,
    columns: &[(&str, Vec<f64>)],
    cuts: &[usize],
) -> DataFrame {
    let arrays = columns.iter().map(|(name, values)| {
        let array: ArrayRef = Arc::new(Float64Array::from(values.clone()));
        (*name, array)
    });
    let batch = RecordBatch::try_from_iter(arrays).unwrap();
    let mut partitions = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([batch.num_rows()]) {
        partitions.push(vec![batch.slice(start, end - start)]);
        start = end;
    }
    let table = MemTable::try_new(batch.schema(), partitions).unwrap();
    ctx.read_table(Arc::new(table)).unwrap()
}

/// A sparse column of rows of `width`, each a few entries.
fn sparse(rows: &[Vec<(i32, f64)>], width: i32) -> ArrayRef {
    let indices = rows
        .iter()
        .map(|row| Some(row.iter().map(|(i, _)| Some(*i))));
    let indices = ListArray::from_iter_primitive::<Int32Type, _, _>(indices);
    let values = rows
        .iter()
        .map(|row| Some(row.iter().map(|(_, v)| Some(*v))));
    let values = ListArray::from_iter_primitive::<Float64Type, _, _>(values);
    let sizes = Int32Array::from(vec![width; rows.len()]);
    let arrays: [(&str, ArrayRef); 3] = [
        ("size", Arc::new(sizes)),
        ("indices", Arc::new(indices)),
        ("values", Arc::new(values)),
    ];
    let fields: Vec<_> = (arrays.iter())
        .map(|(name, a)| Arc::new(Field::new(*name, a.data_type().clone(), true)))
        .collect();
    let arrays = arrays.into_iter().map(|(_, a)| a).collect();
    Arc::new(StructArray::try_new(fields.into(), arrays, None).unwrap())
}

/// A table of `label` and sparse `features` of `width`, in two partitions.
pub(crate) fn sparse_table(label: Vec<f64>, rows: &[Vec<(i32, f64)>], width: i32) -> DataFrame {
    let label: ArrayRef = Arc::new(Float64Array::from(label));
    let columns = [("label", label), ("features", sparse(rows, width))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let half = batch.num_rows() / 2;
    let partitions = vec![
        vec![batch.slice(0, half)],
        vec![batch.slice(half, batch.num_rows() - half)],
    ];
    let table = MemTable::try_new(batch.schema(), partitions).unwrap();
    session().read_table(Arc::new(table)).unwrap()
}

/// `data/` of the repository.
pub(crate) fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

/// Labels and feature columns of Spark's sample.
pub(crate) fn spark_sample() -> (Vec<f64>, Vec<Vec<f64>>) {
    let path = data().join("samples/sample_linear_regression_data.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut label, mut columns) = (Vec::new(), vec![Vec::new(); 10]);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        label.push(words.next().unwrap().parse().unwrap());
        columns.iter_mut().for_each(|c| c.push(0.0));
        for word in words {
            let (index, value) = word.split_once(':').unwrap();
            let column = &mut columns[index.parse::<usize>().unwrap() - 1];
            *column.last_mut().unwrap() = value.parse().unwrap();
        }
    }
    (label, columns)
}

/// Whether `a` is `b` to `tolerance`, of `b` or of 1 if `b` is smaller.
pub(crate) fn close(a: f64, b: f64, tolerance: f64, what: &str) {
    let scale = b.abs().max(1.0);
    assert!((a - b).abs() <= tolerance * scale, "{what}: {a} is not {b}");
}

/// Whether `a` is `b` to `digits` decimal digits.
pub(crate) fn digits(a: f64, b: f64, digits: i32, what: &str) {
    let error = (a - b).abs() / b.abs();
    assert!(error <= 10_f64.powi(-digits), "{what}: {a} is not {b}");
}
