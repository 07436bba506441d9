//! Points around known centres.

use serde_json::json;

use super::files::{Made, Output};
use super::matrix::{self, MatrixArgs, TRUTH};
use super::rng::Rng;
use crate::error::Result;

/// Standard deviation of the points around their centre.
const POINTS: f64 = 2.0;
/// Standard deviation of the centres around the origin.
const CENTRES: f64 = 6.0;

/// Points x0, x1, … of k Gaussian clusters, equally likely
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Points have standard deviation 2 around their centre, centres 6 around the origin. \
DIR/_truth.json holds the centres."
)]
pub(super) struct KmeansArgs {
    #[command(flatten)]
    matrix: MatrixArgs,

    /// Number of columns
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    features: u16,

    /// Number of clusters
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    k: u16,
}

pub(super) fn make(args: &KmeansArgs, output: &Output) -> Result<Vec<Made>> {
    let features = usize::from(args.features);
    let mut rng = Rng::new(args.matrix.seed, TRUTH);
    let centres: Vec<Vec<f64>> = (0..args.k)
        .map(|_| (0..features).map(|_| CENTRES * rng.normal()).collect())
        .collect();
    let columns: Vec<String> = (0..features).map(|i| format!("x{i}")).collect();
    let truth = json!({ "centres": centres, "standard_deviation": POINTS });
    matrix::make(
        "kmeans",
        &columns,
        &args.matrix,
        &truth,
        output,
        |rng, row| {
            let centre = &centres[rng.below(centres.len() as u64) as usize];
            for (value, middle) in row.iter_mut().zip(centre) {
                *value = middle + POINTS * rng.normal();
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Float64Type;

    use super::super::files::{ParquetCompression, testing};
    use super::*;

    #[test]
    fn points_are_around_their_centres() {
        let (folder, output) = testing::output();
        let args = KmeansArgs {
            matrix: MatrixArgs {
                rows: 4_000,
                files: 1,
                seed: 3,
                compression: ParquetCompression::None,
            },
            features: 2,
            k: 3,
        };
        make(&args, &output).unwrap();
        let truth = std::fs::read(folder.path().join("_truth.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let rows = testing::read(&folder.path().join("part-00000.parquet"));
        assert_eq!((rows.num_rows(), rows.num_columns()), (4_000, 2));
        let column = |i: usize| rows.column(i).as_primitive::<Float64Type>().values();
        let nearest = |row: usize| {
            (0..3)
                .map(|c| {
                    (0..2)
                        .map(|i| {
                            (column(i)[row] - truth["centres"][c][i].as_f64().unwrap()).powi(2)
                        })
                        .sum::<f64>()
                })
                .fold(f64::INFINITY, f64::min)
        };
        let mean = (0..4_000).map(nearest).sum::<f64>() / 4_000.0;
        // Two columns of variance 4 each; less where clusters overlap.
        assert!(mean > 4.0 && mean < 8.5, "{mean}");
    }
}
