//! The words of text files, counted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::col;
use springald_core::{Error, Session};
use springald_text::{Tokens, WordCountOptions, word_count};

use crate::error::Result;

/// Count the words of text files, the most frequent first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run wordcount book.txt --top 10
  springald run wordcount '/opt/workspace/datain/*.txt' more.txt.gz --lowercase
  springald run wordcount /opt/workspace/datain/books --unicode --lowercase --stop-words stop.txt
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

    /// Words are what Unicode takes for words (UAX 29), without punctuation, not what stands between white space
    #[arg(long, conflicts_with = "separators")]
    unicode: bool,

    /// Words are what stands between these characters
    #[arg(long, value_name = "CHARACTERS")]
    separators: Option<String>,

    /// A file with words to leave out, one a line
    #[arg(long, value_name = "FILE")]
    stop_words: Option<PathBuf>,
}

pub(super) async fn run(
    session: &Session,
    args: &WordcountArgs,
) -> Result<SendableRecordBatchStream> {
    let tokens = match &args.separators {
        Some(separators) => Tokens::Separators(separators.clone()),
        None if args.unicode => Tokens::UnicodeWords,
        None => Tokens::Whitespace,
    };
    let stop_words = match &args.stop_words {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|e| {
                Error::invalid(format!(
                    "cannot read the stop words in {}: {e}",
                    file.display()
                ))
            })?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        None => BTreeSet::new(),
    };
    let options = WordCountOptions {
        tokens,
        stop_words,
        lowercase: args.lowercase,
        min_length: args.min_length,
        top: args.top,
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
