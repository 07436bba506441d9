//! The word count operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::plan_err;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{SessionContext, col};
use serde::{Deserialize, Serialize};

use crate::breaks::Breaks;
use crate::line_format::LineFormat;
use crate::line_table::LineTable;
use crate::location::table_url;
use crate::records::Records;

const WORD: &str = "word";
const COUNT: &str = "count";
/// Files of a folder that are counted: all but hidden ones and such as `_SUCCESS`.
const VISIBLE_FILES: &str = "[!._]*";

/// What is a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// What stands between white space, as Unicode and [`char::is_whitespace`] define it.
    #[default]
    Whitespace,
    /// The words of Unicode's text segmentation (UAX 29), so without punctuation; white space
    /// always separates them.
    UnicodeWords,
    /// What stands between these characters. Line ends always separate; a space only if it is
    /// one of the characters.
    Separators(String),
}

impl Tokens {
    /// The bytes that separate words whatever else is around them. A file is cut only there.
    pub(crate) fn breaks(&self) -> Breaks {
        match self {
            Self::Whitespace | Self::UnicodeWords => Breaks::Whitespace,
            Self::Separators(separators) => Breaks::separators(separators),
        }
    }
}

/// What to count, and how much of it to return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordCountOptions {
    /// What is a word.
    pub tokens: Tokens,
    /// Count `The` and `the` as `the`, by Unicode's rules.
    pub lowercase: bool,
    /// Leave out words of fewer characters.
    pub min_length: usize,
    /// Words to leave out. With `lowercase` they are to be lower-case themselves.
    pub stop_words: BTreeSet<String>,
    /// Return only this many words, the most frequent first, equally frequent ones by name.
    /// `None` returns all, in no order.
    pub top: Option<usize>,
}

/// `word: Utf8`, `count: Int64`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(WORD, DataType::Utf8, false),
        Field::new(COUNT, DataType::Int64, false),
    ]))
}

pub(crate) fn check(options: &WordCountOptions) -> Result<()> {
    match &options.tokens {
        Tokens::Separators(separators) if separators.is_empty() => {
            plan_err!("word count: no separators given; name at least one character")
        }
        _ => Ok(()),
    }
}

/// Counts the words of the files at `paths`: columns `word: Utf8`, `count: Int64`.
///
/// ```text
///  scan      each task counts the words of its byte range in a table of its own
///  partial   sum(count) by word, so that a task that read many files sends each word once
///  shuffle   by hash of the word
///  final     sum(count) by word; sort and limit if `top` is given
/// ```
/// A path is a file, a folder (whose hidden files and those that start with `_` are left out) or a
/// glob, local or a URL. Compressed files are read by their ending. Bytes that are not UTF-8 become
/// U+FFFD.
///
/// # Errors
/// If the options make no sense, or the paths are in different stores. A path without files is an
/// error when the query runs.
pub fn word_count(
    ctx: &SessionContext,
    paths: &[String],
    options: WordCountOptions,
) -> Result<DataFrame> {
    let top = options.top;
    let partial = ctx.read_table(partial_counts(paths, options)?)?;
    let (state, partial) = partial.into_parts();
    let counts = counts_of(LogicalPlanBuilder::from(partial), top)?.build()?;
    Ok(DataFrame::new(state, counts))
}

/// The counts of all words, or of the `top` most frequent ones, of the partial counts in a plan.
pub(crate) fn counts_of(
    partial: LogicalPlanBuilder,
    top: Option<usize>,
) -> Result<LogicalPlanBuilder> {
    let counts = partial.aggregate(vec![col(WORD)], vec![sum(col(COUNT)).alias(COUNT)])?;
    match top {
        None => Ok(counts),
        Some(top) => counts
            .sort(vec![
                col(COUNT).sort(false, false),
                col(WORD).sort(true, false),
            ])?
            .limit(0, Some(top)),
    }
}

/// The table under [`word_count`]: partial counts of the words of the files at `paths`.
pub(crate) fn partial_counts(
    paths: &[String],
    options: WordCountOptions,
) -> Result<Arc<dyn TableProvider>> {
    check(&options)?;
    let urls = paths.iter().map(|path| url(path));
    let urls = urls.collect::<Result<Vec<_>>>()?;
    let Some(first) = urls.first() else {
        return plan_err!("word count: no path given");
    };
    if let Some(other) = urls
        .iter()
        .find(|url| url.object_store() != first.object_store())
    {
        return plan_err!(
            "word count: {first} and {other} are in different stores; count them one by one"
        );
    }
    let format = LineFormat::new(Records::WordCount(options));
    let listing = ListingOptions::new(Arc::new(format)).with_file_extension("");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(listing)
        .with_schema(schema());
    Ok(Arc::new(LineTable::try_new(ListingTable::try_new(
        config,
    )?)?))
}

/// The files of `path`, without hidden ones.
fn url(path: &str) -> Result<ListingTableUrl> {
    let url = table_url(path)?;
    if url.is_collection() && url.get_glob().is_none() {
        return url.with_glob(VISIBLE_FILES);
    }
    Ok(url)
}
