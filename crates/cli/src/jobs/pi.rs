//! Pi by Monte Carlo: the share of random points of the unit square that lie in the quarter circle.
//!
//! ```text
//!  part 1   VALUES (1000000) ─ unnest(range(0, n)) ─ random(), random() ─ count ┐
//!  part 2   VALUES (1000000) ─ unnest(range(0, n)) ─ random(), random() ─ count ┼ UNION ALL ─ sum
//!  part 3   …                                                                   ┘
//! ```
//! Each part is a partition of the union, so each is a task of its own. Rows of the plan's leaves are what a
//! cluster can share out; a table function such as `range(0, n)` would be run whole by every task.

use std::time::Instant;

use datafusion::arrow::array::{AsArray, Float64Array, UInt64Array};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::execution::SendableRecordBatchStream;
use springald_core::Session;

use super::{column, one_row};
use crate::error::{Error, Result};

/// Points of each part: eight megabytes for each of the columns that a task holds at a time.
const SAMPLES: u64 = 1_000_000;

/// Parts of one query. A plan goes to every task, so its size times its parts is what the master sends;
/// more parts than this run as further queries.
const PARTS_A_QUERY: usize = 128;

/// Estimate pi from random points, a million for each partition
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run pi
  springald run pi 100 --master springald://localhost:7077
  springald run pi 10 --format json")]
pub(super) struct PiArgs {
    /// Tasks to spread the work over
    #[arg(default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    partitions: u32,
}

pub(super) async fn run(session: &Session, args: &PiArgs) -> Result<SendableRecordBatchStream> {
    let begun = Instant::now();
    let (mut samples, mut hits) = (0, 0);
    let mut left = args.partitions as usize;
    while left > 0 {
        let parts = left.min(PARTS_A_QUERY);
        let (more, inside) = count(session, parts).await?;
        samples += more;
        hits += inside;
        left -= parts;
    }
    let seconds = (begun.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    one_row(vec![
        (
            "pi",
            column::<Float64Array, _>(4.0 * hits as f64 / samples as f64),
        ),
        ("samples", column::<UInt64Array, _>(samples)),
        (
            "partitions",
            column::<UInt64Array, _>(u64::from(args.partitions)),
        ),
        ("seconds", column::<Float64Array, _>(seconds)),
    ])
}

/// Samples taken and those within the circle.
async fn count(session: &Session, parts: usize) -> Result<(u64, u64)> {
    let sql = query(parts);
    let explained = |e: datafusion::error::DataFusionError| session.explain(e.into(), &sql);
    let batches = session
        .sql(&sql)
        .await?
        .collect()
        .await
        .map_err(explained)?;
    let row = batches.iter().find(|batch| batch.num_rows() == 1);
    let values = row.and_then(|row| {
        let value = |i: usize| {
            row.column(i)
                .as_primitive_opt::<Int64Type>()
                .map(|a| a.value(0))
        };
        Some((value(0)? as u64, value(1)? as u64))
    });
    values
        .filter(|(samples, _)| *samples == parts as u64 * SAMPLES)
        .ok_or_else(|| Error::failed(format!("{parts} partitions gave another number of samples")))
}

fn query(parts: usize) -> String {
    // From VALUES, the number of points is no constant that planning would turn into a list of all of them.
    let part = format!(
        "SELECT random() AS x, random() AS y FROM (SELECT unnest(range(0, n)) AS i FROM (VALUES ({SAMPLES})) AS part(n))"
    );
    let all = vec![part; parts].join(" UNION ALL ");
    format!("SELECT count(*), count(*) FILTER (WHERE x * x + y * y <= 1) FROM ({all})")
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use springald_core::MasterUrl;

    use super::*;

    async fn session() -> Session {
        Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn three_parts_give_pi() {
        let rows = run(&session().await, &PiArgs { partitions: 3 })
            .await
            .unwrap();
        let rows: Vec<_> = rows.try_collect().await.unwrap();
        let pi = rows[0]
            .column(0)
            .as_primitive::<datafusion::arrow::datatypes::Float64Type>();
        // Standard deviation of the estimate is 1.64 / sqrt(3e6), about 0.001.
        assert!(
            (pi.value(0) - std::f64::consts::PI).abs() < 0.01,
            "{}",
            pi.value(0)
        );
    }

    #[tokio::test]
    async fn each_part_is_a_partition_and_a_small_one() {
        let session = session().await;
        let plan = session
            .sql(&query(5))
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let text = datafusion::physical_plan::displayable(plan.as_ref())
            .indent(true)
            .to_string();
        assert_eq!(text.matches("UnnestExec").count(), 5, "{text}");
        assert!(text.len() < 10_000, "{text}");
    }
}
