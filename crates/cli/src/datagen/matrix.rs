//! Parquet files of doubles, which linear regression and k-means both read.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use serde_json::Value;

use super::files::{Made, Output, ParquetCompression, ParquetFile, TextFile, Total};
use super::rng::Rng;
use crate::error::Result;

/// Rows of each row group.
const GROUP_ROWS: usize = 131_072;
const BATCH_ROWS: usize = 8_192;

/// Size and place of a matrix.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct MatrixArgs {
    /// Rows of all files together
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(super) rows: u64,

    /// Number of files
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) files: u16,

    /// Another seed makes other data
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,

    /// Compression of the files. Random doubles hardly compress
    #[arg(long, value_enum, default_value_t = ParquetCompression::Snappy)]
    pub(super) compression: ParquetCompression,
}

/// Stream of the numbers that hold for all rows, such as coefficients; files have the streams from 0.
pub(super) const TRUTH: u64 = u64::MAX;

/// Writes `args.rows` rows of the named columns, each made by `fill` into a slice of one double a column. What
/// is true of the data goes beside it, to `_truth.json`, which readers of the folder pass over.
pub(super) fn make(
    name: &str,
    columns: &[String],
    args: &MatrixArgs,
    truth: &Value,
    output: &Output,
    fill: impl Fn(&mut Rng, &mut [f64]) + Sync,
) -> Result<Vec<Made>> {
    output.prepare(&output.folder)?;
    let fields: Vec<Field> = columns
        .iter()
        .map(|name| Field::new(name, DataType::Float64, false))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let files = u64::from(args.files);
    let made = output.each(
        name,
        args.files.into(),
        Total::Rows(args.rows),
        |i, progress| {
            // The first files have the rows that don't go into all.
            let rows = args.rows / files + u64::from((i as u64) < args.rows % files);
            let path = output.folder.join(format!("part-{i:05}.parquet"));
            let mut file = ParquetFile::create(path, &schema, args.compression, GROUP_ROWS)?;
            let mut rng = Rng::new(args.seed, i as u64);
            let mut row = vec![0.0; columns.len()];
            let mut left = rows;
            while left > 0 {
                let n = left.min(BATCH_ROWS as u64) as usize;
                let mut values: Vec<Vec<f64>> = vec![Vec::with_capacity(n); columns.len()];
                for _ in 0..n {
                    fill(&mut rng, &mut row);
                    for (column, value) in values.iter_mut().zip(&row) {
                        column.push(*value);
                    }
                }
                let arrays: Vec<ArrayRef> = values
                    .into_iter()
                    .map(|column| Arc::new(Float64Array::from(column)) as ArrayRef)
                    .collect();
                file.write(&RecordBatch::try_new(schema.clone(), arrays)?)?;
                progress.step(n as u64)?;
                left -= n as u64;
            }
            file.finish()
        },
    )?;
    write_truth(&output.folder, truth)?;
    Ok(vec![made])
}

fn write_truth(folder: &Path, truth: &Value) -> Result<()> {
    let mut file = TextFile::create(folder.join("_truth.json"))?;
    file.write(format!("{truth:#}\n").as_bytes())?;
    file.finish(1).map(drop)
}
