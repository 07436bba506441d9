//! The page that runs SQL and shows a table. Each run has a session of its own, connected to this master as any other
//! client is; it ends with the request, and what it runs is cancelled with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use maud::{Markup, html};
use serde::Deserialize;
use springald_core::session::split_statements;
use springald_core::{Error, MasterUrl, Result, Session};
use tokio::sync::Semaphore;

use super::layout::{Page, Tab, scrolled, secret};
use super::text::{count, duration, rows};
use super::{Pages, csrf, layout, refused};

/// Rows that are shown of one result.
const ROWS: usize = 1_000;
/// Characters of one value.
const CELL: usize = 2_000;
/// Columns of one result.
const COLUMNS: usize = 200;
/// What all statements of a run have together.
const WITHIN: Duration = Duration::from_secs(120);
/// Runs at a time, as results are held in the master's memory.
const AT_A_TIME: usize = 4;

/// Runs what the page is given.
pub(crate) struct SqlPage {
    /// How this process reaches itself.
    master: MasterUrl,
    free: Semaphore,
}

impl SqlPage {
    pub(crate) fn new(master: MasterUrl) -> Self {
        Self {
            master,
            free: Semaphore::new(AT_A_TIME),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    sql: String,
}

/// What one statement gave.
#[derive(Debug, Default)]
struct Answer {
    statement: String,
    /// Name, type, and whether it is a number.
    columns: Vec<(String, String, bool)>,
    /// None for null.
    rows: Vec<Vec<Option<String>>>,
    /// There were more rows.
    more: bool,
    took: Duration,
}

pub(super) async fn form(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    match sql_page(&pages) {
        Some(_) => pages.answer(&headers, &page("", &[], None)),
        None => turned_off(&pages),
    }
}

pub(super) async fn run(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Response {
    let Some(sql_page) = sql_page(&pages) else {
        return turned_off(&pages);
    };
    if let Err(why) = csrf::check(&headers, &given.csrf) {
        return refused(&pages, why);
    }
    let mut answers = vec![];
    let ended = match sql_page.free.try_acquire() {
        Ok(_place) => {
            let work = statements(&sql_page.master, &given.sql, &mut answers);
            match tokio::time::timeout(WITHIN, work).await {
                Ok(ended) => ended,
                Err(_) => Err(Error::failed(format!(
                    "not done within {}, and cancelled",
                    duration(WITHIN.as_millis() as u64)
                ))
                .with_hint("`springald sql` and `springald submit` wait as long as it takes")),
            }
        }
        Err(_) => Err(
            Error::failed(format!("{AT_A_TIME} others run SQL from this page"))
                .with_hint("wait until one is done"),
        ),
    };
    let shown = page(&given.sql, &answers, ended.err().as_ref());
    pages.answer(&headers, &shown)
}

fn sql_page(pages: &Pages) -> Option<&SqlPage> {
    pages.live.as_ref()?.sql.as_ref()
}

fn turned_off(pages: &Pages) -> Response {
    layout::message(
        &pages.frame(),
        StatusCode::NOT_FOUND,
        "No SQL from a page",
        "It is turned off: the master was started with --no-sql-page, or this is the history. Use `springald sql`.",
    )
}

/// Runs the statements one after the other; what they gave is there also if one fails.
async fn statements(master: &MasterUrl, sql: &str, answers: &mut Vec<Answer>) -> Result<()> {
    let name = ("springald.app_name".to_owned(), "SQL page".to_owned());
    let session = Session::connect(master, &[name]).await?;
    for statement in split_statements(sql) {
        let begun = Instant::now();
        let frame = session.sql(statement).await?;
        let mut answer = Answer {
            statement: statement.to_owned(),
            ..Answer::default()
        };
        if !matches!(frame.logical_plan(), LogicalPlan::EmptyRelation(_)) {
            let read = read(frame, &mut answer).await;
            read.map_err(|e| session.explain(e, statement))?;
        }
        answer.took = begun.elapsed();
        answers.push(answer);
    }
    session.settle().await;
    Ok(())
}

async fn read(frame: DataFrame, answer: &mut Answer) -> Result<()> {
    answer.columns = frame
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let kind = field.data_type();
            (field.name().clone(), kind.to_string(), kind.is_numeric())
        })
        .collect();
    // With a limit in its plan a query does no more than it must. What is no query must stay what it is.
    let frame = match frame.logical_plan() {
        LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Copy(_) => frame,
        _ => frame.limit(0, Some(ROWS + 1))?,
    };
    let mut batches = frame.execute_stream().await?;
    while let Some(batch) = batches.next().await {
        add(&batch?, answer)?;
        if answer.more {
            break;
        }
    }
    Ok(())
}

fn add(batch: &RecordBatch, answer: &mut Answer) -> Result<()> {
    let options = FormatOptions::default();
    let formatters = batch
        .columns()
        .iter()
        .take(COLUMNS)
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Error::failed(format!("cannot show the rows: {e}")))?;
    for row in 0..batch.num_rows() {
        if answer.rows.len() >= ROWS {
            answer.more = true;
            return Ok(());
        }
        let cells = formatters.iter().zip(batch.columns());
        let cells = cells.map(|(formatter, column)| {
            // A column of nothing but nulls has no nulls of its own.
            let null = column
                .logical_nulls()
                .is_some_and(|nulls| nulls.is_null(row));
            (!null).then(|| cut(formatter.value(row).to_string()))
        });
        answer.rows.push(cells.collect());
    }
    Ok(())
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(CELL) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn page(sql: &str, answers: &[Answer], problem: Option<&Error>) -> Page {
    Page {
        title: "SQL".to_owned(),
        tab: Tab::Sql,
        parts: vec![
            ("editor", editor(sql)),
            ("problem", problem_part(problem)),
            ("answers", shown(answers)),
        ],
        live: false,
    }
}

fn editor(sql: &str) -> Markup {
    let lines = sql.lines().count().clamp(6, 24);
    html! {
        h1 { "SQL" }
        form.sql method="post" action="/sql" data-busy="Running…" {
            (secret())
            label.unseen for="sql" { "Statements, with a semicolon between two" }
            textarea #sql name="sql" rows=(lines) spellcheck="false" autocapitalize="off" autocomplete="off"
                autofocus required placeholder="SELECT * FROM '/opt/workspace/datain/file.parquet'"
                // A browser takes the first line break of a text away.
                { "\n" (sql) }
            div.buttons {
                button.main type="submit" { "Run" }
                span.sub {
                    "Ctrl+Enter runs it too. The first " (count(ROWS as u64)) " rows are shown; after "
                    (WITHIN.as_secs() / 60) " minutes, or when you leave the page, it is cancelled."
                }
            }
        }
    }
}

fn problem_part(problem: Option<&Error>) -> Markup {
    html! {
        @if let Some(problem) = problem {
            pre.problem role="alert" {
                (problem.message())
                @if let Some(hint) = problem.hint() { "\n" (hint) }
            }
        }
    }
}

fn shown(answers: &[Answer]) -> Markup {
    html! {
        @for (at, answer) in answers.iter().enumerate() {
            @if answers.len() > 1 { pre.code { (answer.statement) } }
            (result(at, answer))
        }
    }
}

fn result(at: usize, answer: &Answer) -> Markup {
    let took = duration(answer.took.as_millis() as u64);
    if answer.columns.is_empty() {
        return html! { p.sub { "Done in " (took) "." } };
    }
    let columns: Vec<_> = answer.columns.iter().take(COLUMNS).collect();
    let table = html! {
        table.result {
            caption {
                @if answer.more { "The first " }
                (rows(answer.rows.len() as u64)) " in " (took)
                @if answer.columns.len() > COLUMNS { "; the first " (COLUMNS) " columns" }
            }
            thead {
                tr {
                    @for (name, kind, number) in &columns {
                        th.num[*number] scope="col" { (name) span.type { (kind) } }
                    }
                }
            }
            tbody {
                @for row in &answer.rows {
                    tr {
                        @for (cell, (_, _, number)) in row.iter().zip(&columns) {
                            td.num[*number] {
                                @match cell {
                                    Some(text) => (text),
                                    None => span.null { "null" },
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    scrolled(&format!("result-{at}"), "Result", &table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: MasterUrl = MasterUrl::Local { threads: Some(1) };

    async fn answers(sql: &str) -> (Vec<Answer>, Result<()>) {
        let mut answers = vec![];
        let ended = statements(&LOCAL, sql, &mut answers).await;
        (answers, ended)
    }

    #[tokio::test]
    async fn rows_are_shown_as_text() {
        let (answers, ended) =
            answers("SELECT 1 AS n, NULL AS nothing, '<i>' AS \"<b>\"; SELECT 2").await;
        ended.unwrap();
        let text = page("SELECT", &answers, None)
            .parts
            .into_iter()
            .map(|(_, part)| part.into_string())
            .collect::<String>();
        assert!(text.contains("1 row in"), "{text}");
        assert!(text.contains("<span class=\"null\">null"), "{text}");
        assert!(
            text.contains("&lt;i&gt;") && text.contains("&lt;b&gt;"),
            "{text}"
        );
        assert!(!text.contains("<i>") && !text.contains("<b>"), "{text}");
        assert_eq!(answers.len(), 2);
    }

    #[tokio::test]
    async fn long_results_are_cut() {
        let sql = "SELECT repeat('x', 3000) AS x FROM generate_series(1, 5000)";
        let (answers, ended) = answers(sql).await;
        ended.unwrap();
        assert_eq!((answers[0].rows.len(), answers[0].more), (ROWS, true));
        let cell = answers[0].rows[0][0].as_ref().unwrap();
        assert_eq!(cell.chars().count(), CELL + 1);
    }

    #[tokio::test]
    async fn what_was_done_before_a_mistake_is_shown() {
        let (answers, ended) = answers("SELECT 1; EXPLAIN SELECT 2; SELEC 3").await;
        assert_eq!(answers.len(), 2);
        let e = ended.unwrap_err();
        assert!(e.message().contains("syntax error"), "{e}");
        let text = problem_part(Some(&e)).into_string();
        assert!(text.contains("role=\"alert\""), "{text}");
    }

    #[test]
    fn the_statement_comes_back() {
        let text = editor("\nSELECT '</textarea><script>'").into_string();
        assert!(text.contains("\n\nSELECT"), "{text}");
        assert!(!text.contains("<script"), "{text}");
    }
}
