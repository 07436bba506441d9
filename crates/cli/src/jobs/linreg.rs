//! Linear regression.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use springald_core::Session;
use springald_ml::{Features, LinearRegression, LinearRegressionModel};

use super::learning::{DataArgs, column, failed};
use crate::error::{Result, say};

/// Fit a linear regression, with an elastic net penalty if asked for
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run linreg trips.parquet --features distance,hour --label fare
  springald run linreg sample.txt --input-format libsvm --reg-param 0.3 --elastic-net-param 0.8
  springald run linreg /opt/workspace/datain/trips --features distance,hour --label fare \\
      --model-out /opt/workspace/dataout/fares --predictions predicted.parquet

The rows are the coefficients, with standard errors, t and p values where there is no penalty; RMSE and r2 go
to standard error. The names and the meaning of the parameters are those of Spark ML.")]
pub(super) struct LinregArgs {
    #[command(flatten)]
    data: DataArgs,

    /// The column to predict
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    label: String,

    /// How much coefficients are kept small; 0 is least squares
    #[arg(long, value_name = "R", default_value_t = 0.0)]
    reg_param: f64,

    /// From 0, ridge, to 1, lasso
    #[arg(long, value_name = "E", default_value_t = 0.0)]
    elastic_net_param: f64,

    /// Most iterations, where the penalty needs them
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_iter: usize,

    /// Where iterations end
    #[arg(long, value_name = "T", default_value_t = 1e-6)]
    tol: f64,

    /// Let the fit go through the origin
    #[arg(long)]
    no_intercept: bool,

    /// Apply the penalty to the features as they are, not scaled to a standard deviation of 1
    #[arg(long)]
    no_standardization: bool,
}

pub(super) async fn run(session: &Session, args: &LinregArgs) -> Result<SendableRecordBatchStream> {
    let (frame, features) = args.data.read(session).await?;
    column(&frame, &args.label, "--label")?;
    let estimator = LinearRegression {
        weight_col: args.data.weight.clone(),
        reg_param: args.reg_param,
        elastic_net_param: args.elastic_net_param,
        fit_intercept: !args.no_intercept,
        standardization: !args.no_standardization,
        max_iter: args.max_iter,
        tol: args.tol,
        handle_invalid: args.data.handle_invalid(),
        ..LinearRegression::new(features, &args.label)
    };
    let model = estimator.fit(frame.clone()).await.map_err(failed)?;
    args.data
        .save(|folder, overwrite| model.save(folder, overwrite))?;
    args.data
        .write_predictions(|| model.transform(frame))
        .await?;
    if let Some(summary) = model.summary() {
        say(&format!(
            "{} rows, {} iterations, RMSE {}, r2 {}, adjusted r2 {}",
            summary.num_instances(),
            summary.total_iterations(),
            summary.root_mean_squared_error(),
            summary.r2(),
            summary.r2adj(),
        ));
    }
    coefficients(&model)
}

/// A row for each coefficient, and one for the intercept, which comes last in the statistics, too.
fn coefficients(model: &LinearRegressionModel) -> Result<SendableRecordBatchStream> {
    let mut terms = match model.features() {
        Features::Columns(names) => names.clone(),
        Features::Vector(name) => (0..model.num_features())
            .map(|at| format!("{name}[{at}]"))
            .collect(),
    };
    terms.push("intercept".to_owned());
    let mut values = model.coefficients().to_vec();
    values.push(model.intercept());

    let summary = model.summary();
    // There are none under a penalty, nor for more features than rows.
    let statistic = |values: Option<springald_ml::Result<Vec<f64>>>| -> ArrayRef {
        let values = values.and_then(Result::ok).unwrap_or_default();
        let values = (0..terms.len()).map(|at| values.get(at).copied());
        Arc::new(Float64Array::from_iter(values))
    };
    let std_errors = statistic(summary.map(|s| s.coefficient_standard_errors()));
    let t_values = statistic(summary.map(|s| s.t_values()));
    let p_values = statistic(summary.map(|s| s.p_values()));
    let columns: [(&str, ArrayRef); 5] = [
        ("term", Arc::new(StringArray::from(terms))),
        ("coefficient", Arc::new(Float64Array::from(values))),
        ("std_error", std_errors),
        ("t_value", t_values),
        ("p_value", p_values),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let schema = batch.schema();
    let rows = futures::stream::iter([Ok(batch)]);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}
