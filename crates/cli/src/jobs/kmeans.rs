//! k-means.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int32Array, ListArray, UInt64Array};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::ident;
use springald_core::Session;
use springald_ml::{
    ClusteringEvaluator, DistanceMeasure, Features, InitMode, KMeans, KMeansModel,
    SilhouetteDistance,
};

use super::learning::{DataArgs, failed};
use crate::error::{Result, say};

/// Find clusters with k-means
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run kmeans points.parquet --features x,y --k 3 --seed 1
  springald run kmeans sample.txt --input-format libsvm --k 2
  springald run kmeans /opt/workspace/datain/points --features x,y --k 16 --max-iter 50 --no-silhouette \\
      --model-out /opt/workspace/dataout/clusters --predictions clustered.parquet

The rows are the clusters with their sizes and centres; cost, iterations and silhouette go to standard error. The
names and the meaning of the parameters are those of Spark ML.")]
pub(super) struct KmeansArgs {
    #[command(flatten)]
    data: DataArgs,

    /// Clusters to look for
    #[arg(long, value_name = "K", default_value_t = 2)]
    k: usize,

    /// Most iterations
    #[arg(long, value_name = "N", default_value_t = 20)]
    max_iter: usize,

    /// A centre that moves by less has come to rest
    #[arg(long, value_name = "T", default_value_t = 1e-4)]
    tol: f64,

    /// Decides every random choice
    #[arg(
        long,
        value_name = "S",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    seed: i64,

    /// Where to begin: k-means|| or random
    #[arg(long, value_name = "MODE", default_value = "k-means||")]
    init_mode: InitMode,

    /// euclidean or cosine
    #[arg(long, value_name = "NAME", default_value = "euclidean")]
    distance: DistanceMeasure,

    /// Leave out the silhouette, which takes two more passes over the data
    #[arg(long)]
    no_silhouette: bool,
}

pub(super) async fn run(session: &Session, args: &KmeansArgs) -> Result<SendableRecordBatchStream> {
    let (frame, features) = args.data.read(session).await?;
    let estimator = KMeans {
        k: args.k,
        max_iter: args.max_iter,
        tol: args.tol,
        seed: args.seed,
        init_mode: args.init_mode.clone(),
        distance_measure: args.distance,
        weight_col: args.data.weight.clone(),
        handle_invalid: args.data.handle_invalid(),
        ..KMeans::new(features.clone())
    };
    let model = estimator.fit(frame.clone()).await.map_err(failed)?;
    args.data
        .save(|folder, overwrite| model.save(folder, overwrite))?;
    args.data
        .write_predictions(|| model.transform(frame.clone()))
        .await?;
    if let Some(summary) = model.summary() {
        say(&format!(
            "cost {}, {} iterations{}",
            summary.cost,
            summary.iterations,
            match summary.converged {
                true => "",
                false => ", and the centres still moved",
            }
        ));
    }
    if !args.no_silhouette && model.k() > 1 {
        let evaluator = ClusteringEvaluator {
            weight_col: args.data.weight.clone(),
            distance_measure: match args.distance {
                DistanceMeasure::Euclidean => SilhouetteDistance::SquaredEuclidean,
                DistanceMeasure::Cosine => SilhouetteDistance::Cosine,
            },
            ..ClusteringEvaluator::new(features)
        };
        // Rows that the fit left out have no cluster.
        let predicted = model.transform(frame).map_err(failed)?;
        let predicted = predicted.filter(ident(&model.prediction_col).is_not_null())?;
        let silhouette = evaluator.evaluate(predicted).await.map_err(failed)?;
        say(&format!("silhouette {silhouette}"));
    }
    clusters(&model)
}

/// A row for each cluster.
fn clusters(model: &KMeansModel) -> Result<SendableRecordBatchStream> {
    let centres = model.centres();
    let sizes = model.summary().map_or(&[][..], |s| &s.cluster_sizes);
    let sizes = (0..centres.len()).map(|at| sizes.get(at).copied());
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "cluster".to_owned(),
            Arc::new(Int32Array::from_iter_values(0..centres.len() as i32)),
        ),
        ("size".to_owned(), Arc::new(UInt64Array::from_iter(sizes))),
    ];
    match &model.features {
        Features::Columns(names) => {
            for (at, name) in names.iter().enumerate() {
                let values = centres.iter().map(|centre| centre[at]);
                columns.push((
                    format!("centre_{name}"),
                    Arc::new(Float64Array::from_iter_values(values)),
                ));
            }
        }
        Features::Vector(_) => {
            let centres = centres
                .iter()
                .map(|centre| Some(centre.iter().copied().map(Some)));
            let centres = ListArray::from_iter_primitive::<Float64Type, _, _>(centres);
            columns.push(("centre".to_owned(), Arc::new(centres)));
        }
    }
    let batch = RecordBatch::try_from_iter(columns)?;
    let schema = batch.schema();
    let rows = futures::stream::iter([Ok(batch)]);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}
