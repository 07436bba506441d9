//! How well clusters are apart.

use std::str::FromStr;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::ident;

use crate::aggregates::{CLUSTER_SPREADS, decode_clusters, evaluate};
use crate::error::{MlError, Result};
use crate::features::Features;
use crate::functions::silhouette;
use crate::handle_invalid::HandleInvalid;
use crate::packing::{FEATURES, WEIGHT, no_rows, pack};

/// The mean silhouette of clustered rows, from -1 to 1: how much nearer rows are to their own cluster than to the next.
///
/// As in Spark, the distance of a row from a cluster is its mean squared Euclidean distance (or mean of one minus the
/// cosine) from the rows of it, found from sums of each cluster in two passes; a row that is alone in its cluster
/// counts 0; rows count by their weight.
#[derive(Clone, Debug)]
pub struct ClusteringEvaluator {
    /// `featuresCol`, or several columns.
    pub features: Features,
    /// A column of whole numbers: which cluster a row is in.
    pub prediction_col: String,
    pub distance_measure: SilhouetteDistance,
    /// A column of weights, 0 or more. Without, each row weighs 1.
    pub weight_col: Option<String>,
}

/// The distance between rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SilhouetteDistance {
    #[default]
    SquaredEuclidean,
    /// One minus the cosine; a row of zeros is an error.
    Cosine,
}

impl FromStr for SilhouetteDistance {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "squaredEuclidean" => Ok(Self::SquaredEuclidean),
            "cosine" => Ok(Self::Cosine),
            other => Err(MlError::invalid(format!(
                "distanceMeasure is '{other}': it is squaredEuclidean or cosine"
            ))),
        }
    }
}

const CLUSTER: &str = "cluster";

impl ClusteringEvaluator {
    /// The defaults of Spark: column `prediction`, squared Euclidean distance, no weights.
    pub fn new(features: Features) -> Self {
        Self {
            features,
            prediction_col: "prediction".to_owned(),
            distance_measure: SilhouetteDistance::SquaredEuclidean,
            weight_col: None,
        }
    }

    /// The mean silhouette of the rows of a frame.
    ///
    /// # Errors
    /// If a column is missing or of the wrong type, there are no rows or fewer than two clusters, or a feature,
    /// prediction or weight is null.
    pub async fn evaluate(&self, frame: DataFrame) -> Result<f64> {
        // One minus the cosine is half the squared distance of rows of length 1, and halving all distances changes no
        // silhouette.
        let unit = self.distance_measure == SilhouetteDistance::Cosine;
        let cluster = ident(&self.prediction_col).alias(CLUSTER);
        let weight = self.weight_col.as_deref();
        let data = pack(
            frame,
            &self.features,
            weight,
            vec![cluster],
            unit,
            HandleInvalid::Error,
        )
        .await?;
        let arguments = vec![ident(FEATURES), data.weight.clone(), ident(CLUSTER)];
        let state = evaluate(&data.frame, &CLUSTER_SPREADS, arguments).await?;
        let state = state.ok_or_else(no_rows)?;
        let clusters = decode_clusters(&state)?;
        let found = clusters
            .values()
            .filter(|spread| spread.weight > 0.0)
            .count();
        if found < 2 {
            let message = format!(
                "the silhouette needs at least two clusters: {} has {found}",
                self.prediction_col
            );
            return Err(MlError::Invalid(message));
        }
        let (features, cluster) = (ident(FEATURES), ident(CLUSTER));
        let of_row = silhouette(features, cluster, data.weight.clone(), state);
        let weight = match weight {
            Some(_) => ident(WEIGHT),
            None => lit(1.0),
        };
        mean(data.frame, of_row, weight).await
    }
}

async fn mean(frame: DataFrame, value: Expr, weight: Expr) -> Result<f64> {
    let sums = vec![
        sum(value * weight.clone()).alias("sum"),
        sum(weight).alias("weight"),
    ];
    let batches = frame.aggregate(vec![], sums)?.collect().await?;
    let filled = batches.iter().find(|batch| batch.num_rows() > 0);
    let filled = filled.ok_or_else(no_rows)?;
    let sum = filled.column(0).as_primitive::<Float64Type>();
    let weight = filled.column(1).as_primitive::<Float64Type>();
    if sum.is_null(0) {
        return Err(no_rows());
    }
    Ok(sum.value(0) / weight.value(0))
}
