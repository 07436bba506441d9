//! Data for a linear regression whose answer is known.

use serde_json::json;

use super::files::{Made, Output};
use super::matrix::{self, MatrixArgs, TRUTH};
use super::rng::Rng;
use crate::error::Result;

/// Standard deviation of what the features do not explain.
const NOISE: f64 = 0.5;

/// Features f0, f1, … and a label that is linear in them, plus noise
#[derive(Debug, clap::Args)]
#[command(
    after_help = "label = intercept + Σ coefficient·feature + noise, all of them standard normal but the \
noise, which has standard deviation 0.5. DIR/_truth.json holds intercept and coefficients."
)]
pub(super) struct LinregArgs {
    #[command(flatten)]
    matrix: MatrixArgs,

    /// Number of features
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    features: u16,
}

pub(super) fn make(args: &LinregArgs, output: &Output) -> Result<Vec<Made>> {
    let features = usize::from(args.features);
    let mut rng = Rng::new(args.matrix.seed, TRUTH);
    let intercept = rng.normal();
    let coefficients: Vec<f64> = (0..features).map(|_| rng.normal()).collect();
    let truth = json!({ "intercept": intercept, "coefficients": coefficients, "noise": NOISE });
    let mut columns: Vec<String> = (0..features).map(|i| format!("f{i}")).collect();
    columns.push("label".to_owned());
    matrix::make(
        "linreg",
        &columns,
        &args.matrix,
        &truth,
        output,
        |rng, row| {
            let mut label = intercept;
            for (value, coefficient) in row.iter_mut().zip(&coefficients) {
                *value = rng.normal();
                label += coefficient * *value;
            }
            row[features] = label + NOISE * rng.normal();
        },
    )
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Float64Type;

    use super::super::files::{ParquetCompression, testing};
    use super::*;

    fn args() -> LinregArgs {
        LinregArgs {
            matrix: MatrixArgs {
                rows: 10_001,
                files: 2,
                seed: 3,
                compression: ParquetCompression::Snappy,
            },
            features: 3,
        }
    }

    #[test]
    fn the_label_is_what_truth_says() {
        let (folder, output) = testing::output();
        let made = make(&args(), &output).unwrap();
        assert_eq!((made[0].files, made[0].rows), (2, 10_001));
        let truth = std::fs::read(folder.path().join("_truth.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let rows = testing::read(&folder.path().join("part-00000.parquet"));
        assert_eq!(rows.num_rows(), 5_001);
        assert_eq!(rows.schema().field(3).name(), "label");
        let column = |i: usize| rows.column(i).as_primitive::<Float64Type>().values();
        let residuals: Vec<f64> = (0..rows.num_rows())
            .map(|row| {
                let expected: f64 = (0..3)
                    .map(|i| truth["coefficients"][i].as_f64().unwrap() * column(i)[row])
                    .sum();
                column(3)[row] - expected - truth["intercept"].as_f64().unwrap()
            })
            .collect();
        let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
        let square = residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((square.sqrt() - NOISE).abs() < 0.02, "{square}");
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let made = |threads| {
            let (folder, mut output) = testing::output();
            output.threads = threads;
            make(&args(), &output).unwrap();
            testing::contents(folder.path())
        };
        assert!(made(1) == made(2));
    }
}
