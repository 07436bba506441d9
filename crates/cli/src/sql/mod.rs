//! `springald sql`: statements from the command line, from files, from a pipe, or at a prompt.

mod shell;

use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use datafusion::logical_expr::LogicalPlan;
use springald_core::Session;
use springald_core::session::split_statements;

use crate::cli::{Global, OutputArgs};
use crate::error::{Error, Exit, Result, SUCCESS, say};
use crate::output::{OutputPath, Printer, write_output};
use crate::session::with_session;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  springald sql                                                  a prompt
  springald sql -e \"SELECT * FROM 'trips.parquet' LIMIT 5\"       one statement
  springald sql -f report.sql --format csv > report.csv          a file of statements
  echo 'SELECT 1' | springald sql                                a pipe
  springald sql --master springald://localhost:7077 \\
    -e \"SELECT city, avg(fare) FROM 'trips/*.parquet' GROUP BY city\" --output fares.parquet")]
pub(crate) struct SqlArgs {
    /// Run statements and leave; may be repeated
    #[arg(short, long, value_name = "SQL")]
    execute: Vec<String>,

    /// Run the statements of a file and leave, `-` for standard input; may be repeated
    #[arg(short, long, value_name = "FILE", conflicts_with = "execute")]
    file: Vec<String>,

    /// Say on standard error how long each statement took
    #[arg(long)]
    timing: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: SqlArgs, global: Global) -> Result<Exit> {
    let scripts = scripts(&args)?;
    if scripts.is_empty() {
        return shell::run(&args, &global).await;
    }
    let printer = Printer::stdout(args.output.format);
    with_session(&global, async |session| {
        let statements: Vec<&str> = scripts.iter().flat_map(|s| split_statements(s)).collect();
        let last = statements.len().saturating_sub(1);
        for (index, sql) in statements.into_iter().enumerate() {
            // A script sets things up and then asks; what it asks last is what the file is for.
            let output = args.output.output.as_ref().filter(|_| index == last);
            let done = statement(session, sql, printer, output).await?;
            if args.timing {
                say(&done.to_string());
            }
        }
        Ok(SUCCESS)
    })
    .await
}

/// What the command line gives to run; nothing at a terminal means a prompt.
fn scripts(args: &SqlArgs) -> Result<Vec<String>> {
    if !args.execute.is_empty() {
        return Ok(args.execute.clone());
    }
    if !args.file.is_empty() {
        return args.file.iter().map(|path| read_script(path)).collect();
    }
    match std::io::stdin().is_terminal() {
        true => Ok(vec![]),
        false => Ok(vec![read_script("-")?]),
    }
}

fn read_script(path: &str) -> Result<String> {
    let failed = |e| Error::io(format!("cannot read {path}"), e);
    if path == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// What a statement did, for the line after it.
struct Done {
    /// Rows shown or written; none for a statement that has none.
    rows: Option<u64>,
    truncated: bool,
    elapsed: Duration,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        match self.rows {
            Some(1) => write!(f, "1 row in {seconds:.4} s"),
            Some(n) if self.truncated => {
                write!(
                    f,
                    "the first {n} rows in {seconds:.4} s; --output FILE or --format csv gives all"
                )
            }
            Some(n) => write!(f, "{n} rows in {seconds:.4} s"),
            None => write!(f, "done in {seconds:.4} s"),
        }
    }
}

/// Runs one statement and shows its rows, or writes them to `output`.
async fn statement(
    session: &Session,
    sql: &str,
    printer: Printer,
    output: Option<&OutputPath>,
) -> Result<Done> {
    let begun = Instant::now();
    let in_words = |e: Error| match e {
        Error::Core(e) => Error::Core(session.explain(e, sql)),
        e => e,
    };
    let frame = session.sql(sql).await?;
    let (rows, truncated) = if matches!(frame.logical_plan(), LogicalPlan::EmptyRelation(_)) {
        (None, false)
    } else {
        let stream = frame
            .execute_stream()
            .await
            .map_err(|e| in_words(e.into()))?;
        match output {
            Some(path) => {
                let rows = write_output(stream, path).await.map_err(in_words)?;
                (Some(rows), false)
            }
            None => {
                let printed = printer.print_stream(stream).await.map_err(in_words)?;
                (Some(printed.rows), printed.truncated)
            }
        }
    };
    Ok(Done {
        rows,
        truncated,
        elapsed: begun.elapsed(),
    })
}
