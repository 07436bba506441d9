//! `word_count('path' [, {option: value, …}])` in SQL.

use std::sync::Arc;

use datafusion::arrow::array::Array;
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, UNNAMED_TABLE};

use crate::word_count::{Tokens, WordCountOptions, counts_of, partial_counts};

const NAME: &str = "word_count";
const USAGE: &str = "word_count('path' or ['path', …] [, {tokens: 'whitespace' or 'unicode', separators: ',;', \
                     lowercase: true, min_length: 3, stop_words: ['the', …], top: 10}])";

/// The table function `word_count`: columns `word` and `count`, as [`crate::word_count`] makes them.
pub fn word_count_function() -> Arc<TableFunction> {
    Arc::new(TableFunction::new(
        NAME.to_owned(),
        Arc::new(WordCountFunction),
    ))
}

#[derive(Debug)]
struct WordCountFunction;

impl TableFunctionImpl for WordCountFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (paths, options) = match args.exprs() {
            [paths] => (paths, WordCountOptions::default()),
            [paths, options] => (paths, parse(options)?),
            _ => return plan_err!("it is called as {USAGE}"),
        };
        let Expr::Literal(paths, _) = paths else {
            return plan_err!("{paths} is no plain text; it is called as {USAGE}");
        };
        let top = options.top;
        let partial = provider_as_source(partial_counts(&texts(paths)?, options)?);
        let partial = LogicalPlanBuilder::scan(UNNAMED_TABLE, partial, None)?;
        let counts = counts_of(partial, top)?.build()?;
        Ok(Arc::new(ViewTable::new(counts, None)))
    }
}

/// The options in `{name: value, …}`, which the SQL planner makes a constant of before it calls.
fn parse(options: &Expr) -> Result<WordCountOptions> {
    let Expr::Literal(ScalarValue::Struct(given), _) = options else {
        return plan_err!("{options} holds no options; it is called as {USAGE}");
    };
    let mut parsed = WordCountOptions::default();
    for (field, value) in given.fields().iter().zip(given.columns()) {
        let value = ScalarValue::try_from_array(value, 0)?;
        match field.name().as_str() {
            "tokens" => match text(&value)?.as_str() {
                "whitespace" => parsed.tokens = Tokens::Whitespace,
                "unicode" => parsed.tokens = Tokens::UnicodeWords,
                other => return plan_err!("tokens are whitespace or unicode, not `{other}`"),
            },
            "separators" => parsed.tokens = Tokens::Separators(text(&value)?),
            "lowercase" => match value {
                ScalarValue::Boolean(Some(lowercase)) => parsed.lowercase = lowercase,
                other => return plan_err!("lowercase is true or false, not {other}"),
            },
            "min_length" => parsed.min_length = number("min_length", &value)?,
            "stop_words" => parsed.stop_words = texts(&value)?.into_iter().collect(),
            "top" => parsed.top = Some(number("top", &value)?),
            other => return plan_err!("there is no option `{other}`; it is called as {USAGE}"),
        }
    }
    Ok(parsed)
}

fn text(value: &ScalarValue) -> Result<String> {
    match value.try_as_str() {
        Some(Some(text)) => Ok(text.to_owned()),
        _ => plan_err!("{value} is no text; it is called as {USAGE}"),
    }
}

/// One text, or a list of them.
fn texts(value: &ScalarValue) -> Result<Vec<String>> {
    match value {
        ScalarValue::List(list) => {
            let texts = list.value(0);
            (0..texts.len())
                .map(|at| text(&ScalarValue::try_from_array(&texts, at)?))
                .collect()
        }
        one => Ok(vec![text(one)?]),
    }
}

fn number(option: &str, value: &ScalarValue) -> Result<usize> {
    match value {
        ScalarValue::Int64(Some(number)) if *number >= 0 => Ok(*number as usize),
        other => plan_err!("{option} is a whole number from 0 up, not {other}"),
    }
}
