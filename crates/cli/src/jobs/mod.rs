//! `springald run`: jobs that come with springald. Each is a file here; they run on a cluster and in this
//! process alike, and answer with rows.

mod compact;
mod kmeans;
mod learning;
mod linreg;
mod logjoin;
mod pi;
mod wordcount;

use std::sync::Arc;

use clap::{Args, FromArgMatches, Subcommand};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use springald_core::Session;

use crate::cli::{Global, OutputArgs};
use crate::error::{Error, Exit, Result, SUCCESS, say};
use crate::output::{Printer, write_output};
use crate::session::with_session;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run pi 10
  springald run wordcount /opt/workspace/datain/books --top 20
  springald run linreg trips.parquet --features distance,hour --label fare
  springald run kmeans points.parquet --features x,y --k 16
  springald run --master springald://localhost:7077 logjoin 1 1000 events.csv actions.csv joined
  springald run compact /opt/workspace/datain/small /opt/workspace/datain/large")]
pub(crate) struct RunArgs {
    #[command(subcommand)]
    job: Job,

    #[command(flatten)]
    global: Global,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Job {
    Pi(pi::PiArgs),
    Wordcount(wordcount::WordcountArgs),
    Linreg(linreg::LinregArgs),
    Kmeans(kmeans::KmeansArgs),
    Logjoin(logjoin::LogjoinArgs),
    Compact(compact::CompactArgs),
}

#[cfg(test)]
impl RunArgs {
    pub(crate) fn global(&self) -> &Global {
        &self.global
    }
}

pub(crate) async fn run(args: RunArgs) -> Result<Exit> {
    let RunArgs {
        job,
        global,
        output,
    } = args;
    let global = global.named(match &job {
        Job::Pi(_) => "pi",
        Job::Wordcount(_) => "wordcount",
        Job::Linreg(_) => "linreg",
        Job::Kmeans(_) => "kmeans",
        Job::Logjoin(_) => "logjoin",
        Job::Compact(_) => "compact",
    });
    with_session(&global, async |session| {
        let rows = match &job {
            Job::Pi(args) => pi::run(session, args).await,
            Job::Wordcount(args) => wordcount::run(session, args).await,
            Job::Linreg(args) => linreg::run(session, args).await,
            Job::Kmeans(args) => kmeans::run(session, args).await,
            Job::Logjoin(args) => logjoin::run(session, args).await,
            Job::Compact(args) => compact::run(session, args).await,
        };
        show(rows?, &output).await
    })
    .await?;
    Ok(SUCCESS)
}

/// The rows of a job that is named as on the command line, `linreg PATH …`: one that writes nothing, and whose rows
/// are its whole answer.
pub(crate) async fn rows_again(
    session: &Session,
    arguments: &[String],
) -> Result<SendableRecordBatchStream> {
    let line = std::iter::once("run").chain(arguments.iter().map(String::as_str));
    let command = RunArgs::augment_args(clap::Command::new("run"));
    let job = command
        .try_get_matches_from(line)
        .and_then(|matches| RunArgs::from_arg_matches(&matches))
        .map(|args| args.job);
    match job {
        Ok(Job::Linreg(args)) => linreg::run(session, &args).await,
        Ok(_) => Err(Error::usage(
            format!("the job `{}` cannot be repeated", arguments.join(" ")),
            "linreg can; run others with `springald run`",
        )),
        Err(e) => Err(Error::usage(
            format!("`{}` names no job: {e}", arguments.join(" ")),
            "`springald run --help` lists the jobs",
        )),
    }
}

async fn show(rows: SendableRecordBatchStream, output: &OutputArgs) -> Result<()> {
    match &output.output {
        Some(path) => {
            write_output(rows, path).await?;
        }
        None => {
            let printed = Printer::stdout(output.format).print_stream(rows).await?;
            if printed.truncated {
                say(&format!(
                    "the first {} rows; --output FILE or another --format gives them all",
                    printed.rows
                ));
            }
        }
    }
    Ok(())
}

/// One row as a result.
fn one_row(columns: Vec<(&str, ArrayRef)>) -> Result<SendableRecordBatchStream> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let schema = batch.schema();
    let rows = futures::stream::iter([Ok(batch)]);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// One value as a column.
fn column<A: datafusion::arrow::array::Array + From<Vec<T>> + 'static, T>(value: T) -> ArrayRef {
    Arc::new(A::from(vec![value]))
}

/// Counts of rows and files that a query gives in its only row.
async fn single_u64(session: &Session, sql: &str) -> Result<u64> {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::compute::cast;
    use datafusion::arrow::datatypes::{DataType, UInt64Type};

    let explained = |e: datafusion::error::DataFusionError| session.explain(e.into(), sql);
    let batches = session.sql(sql).await?.collect().await.map_err(explained)?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    let value = first.map(|batch| cast(batch.column(0), &DataType::UInt64));
    match value.transpose()? {
        Some(counts) => Ok(counts.as_primitive::<UInt64Type>().value(0)),
        None => Ok(0),
    }
}
