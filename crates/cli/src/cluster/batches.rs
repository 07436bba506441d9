//! `springald batches`.

use std::io::Write;
use std::time::Duration;

use springald_core::protocol::JobState;
use springald_core::rest::{Client, ListFilter};
use springald_core::submission::BatchInfo;

use super::{State, ran_ms};
use crate::cli::ClusterArgs;
use crate::error::{Error, Exit, FAILED, Result, SUCCESS, say};
use crate::output::{Format, Kind, Listing, Printer};

/// How often a log that is followed is asked for more.
const ASK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald submit --detach report.sql               sends one
  springald batches
  springald batches --state failed --limit 5
  springald batches batch-6740b1c2-00003
  springald batches batch-6740b1c2-00003 --log
  springald batches batch-6740b1c2-00003 --follow    until it has ended
  springald kill batch-6740b1c2-00003")]
pub(crate) struct BatchesArgs {
    /// Show this batch only
    id: Option<String>,

    /// Print what the batch has printed
    #[arg(long, requires = "id", conflicts_with = "format")]
    log: bool,

    /// Print what the batch prints until it has ended; the status tells whether it succeeded
    #[arg(long, requires = "id", conflicts_with = "format")]
    follow: bool,

    /// Only batches in this state; may be repeated
    #[arg(long, value_enum, conflicts_with = "id")]
    state: Vec<State>,

    /// Only batches with this text in their name, file or id
    #[arg(long, value_name = "TEXT", conflicts_with = "id")]
    search: Option<String>,

    /// Only so many, the newest
    #[arg(long, value_name = "N", conflicts_with = "id", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: Option<u16>,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// How rows are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn batches(args: BatchesArgs) -> Result<Exit> {
    let client = args.cluster.client("batches")?;
    let printer = Printer::stdout(args.format);
    let Some(id) = &args.id else {
        let listed = client
            .batches_like(&ListFilter {
                states: args.state.into_iter().map(Into::into).collect(),
                search: args.search,
                limit: args.limit.map(usize::from),
            })
            .await?;
        let mut batches = listed.items;
        // The newest at the end, where the eye is after a long list.
        batches.reverse();
        printer.print_listing(&listing(&batches))?;
        if args.limit.is_none() && listed.total > batches.len() {
            say(&format!(
                "these are the newest {} of {}; --limit shows more",
                batches.len(),
                listed.total
            ));
        }
        return Ok(SUCCESS);
    };
    if args.follow {
        return follow(&client, id).await;
    }
    if args.log {
        print_log(&client, id, 0).await?;
        return Ok(SUCCESS);
    }
    let batch = client.batch(id).await?;
    printer.print_listing(&listing(&[batch]))?;
    Ok(SUCCESS)
}

async fn follow(client: &Client, id: &str) -> Result<Exit> {
    let mut offset = 0;
    loop {
        // Asked before the log: what it printed last is in the log then.
        let batch = client.batch(id).await?;
        offset = print_log(client, id, offset).await?;
        if batch.state.is_final() {
            if let Some(message) = &batch.message {
                say(&format!("{id} {}: {message}", batch.state.name()));
            }
            return Ok(match batch.state {
                JobState::Done => SUCCESS,
                _ => FAILED,
            });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Prints a log from `offset` to its end by now, which it gives.
async fn print_log(client: &Client, id: &str, mut offset: u64) -> Result<u64> {
    let mut out = std::io::stdout();
    loop {
        let part = client.batch_log(id, offset).await?;
        offset += part.bytes.len() as u64;
        out.write_all(&part.bytes).map_err(Error::Stdout)?;
        out.flush().map_err(Error::Stdout)?;
        if part.bytes.is_empty() || offset >= part.total {
            return Ok(offset);
        }
    }
}

fn listing(batches: &[BatchInfo]) -> Listing {
    let mut listing = Listing::new(&[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("state", Kind::Text),
        ("submitted_at_ms", Kind::Time),
        ("ran_ms", Kind::Millis),
        ("exit_code", Kind::Number),
        ("log_bytes", Kind::Bytes),
        ("message", Kind::Text),
    ]);
    for batch in batches {
        listing.push(vec![
            batch.id.as_str().into(),
            batch.name.as_str().into(),
            batch.state.name().into(),
            batch.submitted_at_ms.into(),
            ran_ms(batch.started_at_ms, batch.ended_at_ms),
            batch.exit_code.into(),
            batch.log_bytes.into(),
            batch.message.clone().into(),
        ]);
    }
    listing
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        args: BatchesArgs,
    }

    #[test]
    fn a_log_is_of_one_batch() {
        let parse = |line: &str| Only::try_parse_from(line.split(' '));
        assert!(parse("batches b-1 --log").is_ok());
        assert!(parse("batches b-1 --follow").is_ok());
        assert!(parse("batches --log").is_err());
        assert!(parse("batches b-1 --state done").is_err());
        assert!(parse("batches --limit 0").is_err());
    }
}
