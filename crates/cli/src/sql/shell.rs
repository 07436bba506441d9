//! The prompt: lines with editing and history, statements that end with a semicolon.

use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter};
use springald_core::Session;
use springald_core::session::split_statements;

use super::{SqlArgs, statement};
use crate::cli::Global;
use crate::error::{Error, Exit, Result, SUCCESS, report, say};
use crate::output::Printer;
use crate::progress::JobWatch;
use crate::session::told_to_stop;

const PROMPT: &str = "springald> ";
const KEYWORDS: [&str; 34] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "UNION ALL",
    "WITH",
    "AS",
    "DISTINCT",
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "CASE",
    "WHEN",
    "BETWEEN",
    "CREATE EXTERNAL TABLE",
    "STORED AS PARQUET LOCATION",
    "CREATE VIEW",
    "CREATE TABLE",
    "INSERT INTO",
    "COPY",
    "DROP TABLE",
    "DESCRIBE",
    "SHOW TABLES",
    "EXPLAIN ANALYZE",
    "SET",
];
const HELP: &str = "\
Statements end with a semicolon and may take several lines.
  SELECT * FROM 'file.parquet' LIMIT 5;    a file, folder or glob is a table
  SHOW TABLES;    DESCRIBE t;              what is there
  EXPLAIN ANALYZE SELECT …;                where the time goes
  COPY (SELECT …) TO 'out.csv';            rows into a file
  \\timing    show or hide times      \\q or Ctrl-D    leave
Ctrl-C ends the running statement, on the cluster too.";

pub(super) async fn run(args: &SqlArgs, global: &Global) -> Result<Exit> {
    let session = Session::connect(&global.master, &global.conf).await?;
    let printer = Printer::stdout(args.output.format);
    let mut editor = editor()?;
    let history = history_file();
    if let Some(history) = &history {
        // The first time there is none.
        let _ = editor.load_history(history);
    }
    say(&format!(
        "Springald {} on {}; \\? for help",
        springald_core::protocol::VERSION,
        session.master()
    ));
    let mut timing = true;
    loop {
        if let Some(helper) = editor.helper_mut() {
            helper.tables = table_names(&session);
        }
        // The editor blocks its thread while a person thinks.
        let read = tokio::task::spawn_blocking(move || {
            let line = editor.readline(PROMPT);
            (editor, line)
        });
        let line;
        (editor, line) = read
            .await
            .map_err(|e| Error::failed(format!("the prompt failed: {e}")))?;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(Error::failed(format!("cannot read a line: {e}"))),
        };
        let _ = editor.add_history_entry(line.trim());
        if let Some(history) = &history {
            // Losing the history is no reason to stop.
            let _ = editor.save_history(history);
        }
        match line.trim().trim_end_matches(';') {
            "" => {}
            "\\q" | "quit" | "exit" => break,
            "\\?" | "help" => say(HELP),
            "\\timing" => {
                timing = !timing;
                say(if timing {
                    "times are shown"
                } else {
                    "times are hidden"
                });
            }
            command if command.starts_with('\\') => {
                say(&format!("no command `{command}`; \\? for help"))
            }
            _ => {
                for sql in split_statements(&line) {
                    if !one(&session, sql, printer, timing).await {
                        break;
                    }
                }
            }
        }
    }
    Ok(SUCCESS)
}

/// Runs a statement until it is done or Ctrl-C; whether the next one of the line should run.
async fn one(session: &Session, sql: &str, printer: Printer, timing: bool) -> bool {
    let watch = JobWatch::start(session);
    let outcome = tokio::select! {
        outcome = statement(session, sql, printer, None) => outcome,
        () = told_to_stop() => Err(Error::Interrupted),
    };
    if matches!(outcome, Err(Error::Interrupted)) {
        watch.cancel_jobs().await;
    }
    drop(watch);
    match outcome {
        Ok(done) => {
            if timing {
                say(&done.to_string());
            }
            true
        }
        Err(e) => {
            report(&e);
            false
        }
    }
}

fn editor() -> Result<Editor<Assistant, FileHistory>> {
    let config = Config::builder().auto_add_history(false).build();
    let mut editor = Editor::with_config(config)
        .map_err(|e| Error::failed(format!("cannot use this terminal: {e}")))?;
    editor.set_helper(Some(Assistant::default()));
    Ok(editor)
}

fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("springald");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}

fn table_names(session: &Session) -> Vec<String> {
    let schema = session
        .context()
        .catalog("datafusion")
        .and_then(|c| c.schema("public"));
    schema
        .map(|schema| schema.table_names())
        .unwrap_or_default()
}

/// Completes table names and keywords, and asks for more lines until the semicolon.
#[derive(Default, Helper, Highlighter, Hinter)]
struct Assistant {
    tables: Vec<String>,
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(match is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = line[..pos]
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| {
                at + line[at..].chars().next().map_or(1, char::len_utf8)
            });
        Ok((start, self.candidates(&line[start..pos])))
    }
}

impl Assistant {
    fn candidates(&self, word: &str) -> Vec<Pair> {
        if word.is_empty() {
            return vec![];
        }
        let begins = |name: &str| {
            name.get(..word.len())
                .is_some_and(|b| b.eq_ignore_ascii_case(word))
        };
        let tables = self.tables.iter().map(String::as_str);
        tables
            .chain(KEYWORDS)
            .filter(|name| begins(name))
            .map(|name| Pair {
                display: name.to_owned(),
                replacement: name.to_owned(),
            })
            .collect()
    }
}

/// Whether what was typed can be run: a command, nothing, or statements of which the last one has its end.
fn is_complete(input: &str) -> bool {
    let input = input.trim();
    if input.is_empty() || input.starts_with('\\') || matches!(input, "quit" | "exit" | "help") {
        return true;
    }
    // With one statement more after the end, the end was not in a quote or comment.
    input.ends_with(';')
        && split_statements(&format!("{input} x")).len() > split_statements(input).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon() {
        assert!(is_complete("SELECT 1;"));
        assert!(is_complete("\\q") && is_complete("quit") && is_complete(""));
        assert!(!is_complete("SELECT 1"));
        assert!(!is_complete("SELECT ';"));
        assert!(!is_complete("SELECT 1 -- ;"));
        assert!(is_complete("SELECT 1; SELECT 2;"));
    }

    #[test]
    fn names_and_keywords_are_completed() {
        let assistant = Assistant {
            tables: vec!["selection".into()],
        };
        let found: Vec<_> = assistant
            .candidates("sel")
            .into_iter()
            .map(|p| p.replacement)
            .collect();
        assert_eq!(found, ["selection", "SELECT"]);
    }
}
