//! `silhouette(vector, cluster, weight, clusters, unit)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::pack::require_vectors;
use super::row_function::{RowFunction, scalar};
use crate::aggregates::decode_clusters;
use crate::error::MlError;
use crate::rows::{binary, row_major_without_nulls, weights};
use crate::vectors::Vectors;

/// The silhouette of a row by squared Euclidean distance, from the spreads of all clusters.
///
/// The mean squared distance of a row to the rows of a cluster is its squared distance from the cluster's mean plus
/// the cluster's squared deviations over its weight, so no pair of rows is looked at. This is what Spark's
/// `ClusteringEvaluator` computes, from sums about the mean rather than about zero.
///
/// P. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster analysis*, Journal
/// of Computational and Applied Mathematics 20 (1987).
pub(super) const SILHOUETTE: RowFunction = RowFunction {
    name: "silhouette",
    returns: |types, _| match types {
        [vectors, _, _, _] => require_vectors(vectors).map(|()| DataType::Float64),
        _ => plan_err!("silhouette takes a vector, its cluster, its weight and all clusters"),
    },
    invoke: silhouette,
};

fn silhouette(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let column = |at: usize| args.args[at].to_array(args.number_rows);
    let (vectors, labels, weight) = (column(0)?, column(1)?, column(2)?);
    let vectors = Vectors::try_new(&vectors)?;
    let labels = cast(&labels, &DataType::Int64)?;
    let labels = labels.as_primitive::<Int64Type>();
    let weights = weights(&weight)?;
    let bytes =
        binary(scalar(args, 3)?).ok_or_else(|| MlError::invalid("no clusters are given"))?;
    let clusters: Vec<Cluster> = decode_clusters(bytes)?
        .into_iter()
        .filter(|(_, spread)| spread.weight > 0.0)
        .map(|(number, spread)| Cluster {
            number,
            scatter: spread.squares.iter().sum::<f64>() / spread.weight,
            weight: spread.weight,
            mean: spread.mean,
        })
        .collect();
    let width = clusters.first().map_or(0, |cluster| cluster.mean.len());
    let rows = row_major_without_nulls(&vectors, width)?;
    let values = rows
        .chunks_exact(width.max(1))
        .enumerate()
        .map(|(at, row)| {
            let weight = weights.as_ref().map_or(1.0, |weights| weights.value(at));
            of_row(row, labels.value(at), weight, &clusters)
        });
    let values = Float64Array::from(values.collect::<Vec<f64>>());
    Ok(ColumnarValue::Array(Arc::new(values)))
}

struct Cluster {
    number: i64,
    weight: f64,
    mean: Vec<f64>,
    /// The mean squared distance of its rows from their mean.
    scatter: f64,
}

fn of_row(row: &[f64], number: i64, weight: f64, clusters: &[Cluster]) -> f64 {
    // (mean distance, weight) of the row's own cluster, and the least mean distance of the others.
    let (mut own, mut nearest) = (None, f64::INFINITY);
    for cluster in clusters {
        let from_mean = row
            .iter()
            .zip(&cluster.mean)
            .map(|(x, m)| (x - m) * (x - m));
        let distance = from_mean.sum::<f64>() + cluster.scatter;
        if cluster.number == number {
            own = Some((distance, cluster.weight));
        } else {
            nearest = nearest.min(distance);
        }
    }
    // A row alone in its cluster has no silhouette: 0, as Rousseeuw has it. So has a row of weight 0 in a cluster of
    // such rows, which counts nothing.
    let Some((distance, cluster_weight)) = own.filter(|(_, of_cluster)| *of_cluster > weight)
    else {
        return 0.0;
    };
    // The row itself is at distance zero, and does not count among the others.
    let within = distance * cluster_weight / (cluster_weight - weight);
    if within < nearest {
        1.0 - within / nearest
    } else if within > nearest {
        nearest / within - 1.0
    } else {
        0.0
    }
}
