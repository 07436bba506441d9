//! The words of text files, counted.

use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::col;
use springald_core::Session;
use springald_text::{WordCountOptions, word_count};

use crate::error::Result;

/// Count the words of text files, the most frequent first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run wordcount book.txt --top 10
  springald run wordcount '/opt/workspace/datain/*.txt' more.txt.gz --lowercase
  springald run wordcount /opt/workspace/datain/books --output counts.parquet")]
pub(super) struct WordcountArgs {
    /// Files, folders or globs; compressed files by their ending
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,

    /// Only the N most frequent words
    #[arg(long, value_name = "N")]
    top: Option<usize>,

    /// Count `The` and `the` as one
    #[arg(long)]
    lowercase: bool,

    /// Leave out words of fewer characters
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    min_length: usize,
}

pub(super) async fn run(
    session: &Session,
    args: &WordcountArgs,
) -> Result<SendableRecordBatchStream> {
    let options = WordCountOptions {
        lowercase: args.lowercase,
        min_length: args.min_length,
        top: args.top,
        ..Default::default()
    };
    let mut counts = word_count(session.context(), &args.paths, options)?;
    if args.top.is_none() {
        counts = counts.sort(vec![
            col("count").sort(false, false),
            col("word").sort(true, false),
        ])?;
    }
    Ok(counts.execute_stream().await?)
}
