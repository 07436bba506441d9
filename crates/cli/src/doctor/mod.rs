//! `springald doctor`: what is wrong with a cluster, and how to mend it.
//!
//! Facts are gathered first, from the network; [`judge`] then turns them into checks without asking
//! anybody, which is what the tests exercise.

mod facts;
mod judge;

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::cli::ClusterArgs;
use crate::error::{Error, Exit, FAILED, Result, SUCCESS};
use crate::output::{Format, Kind, Listing, Printer};
use facts::Facts;
use judge::{Check, Status, judge};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald doctor --master springald://localhost:7077
  springald doctor /opt/workspace/datain/sales.parquet '/opt/workspace/logs/*.csv'
  springald doctor --format json | jq '.[] | select(.status == \"fail\")'

The exit status is 1 if a check failed.")]
pub(crate) struct DoctorArgs {
    /// Files, folders or globs of the shared volume that every worker must see alike
    paths: Vec<String>,

    #[command(flatten)]
    cluster: ClusterArgs,

    /// How checks are shown; `table` is one line each
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn run(args: DoctorArgs) -> Result<Exit> {
    let (host, port) = args.cluster.address("doctor")?;
    let paths = args
        .paths
        .iter()
        .map(|path| local_path(path))
        .collect::<Result<Vec<_>>>()?;
    let facts = Facts::gather(host, port, &paths).await;
    let checks = judge(&facts, &paths);
    match args.format {
        Format::Table => {
            let marks = Marks::for_terminal(io::stdout().is_terminal());
            write_lines(&checks, marks, &mut io::stdout().lock()).map_err(Error::Stdout)?;
        }
        format => Printer::stdout(format).print_listing(&listing(&checks))?,
    }
    match checks.iter().any(|check| check.status == Status::Fail) {
        true => Ok(FAILED),
        false => Ok(SUCCESS),
    }
}

/// The path as every worker will look for it. A worker's current folder is not this one.
fn local_path(path: &str) -> Result<String> {
    if let Some(local) = path.strip_prefix("file://") {
        return Ok(local.to_owned());
    }
    if path.contains("://") {
        return Err(Error::usage(
            format!("doctor cannot look at {path}"),
            "it checks paths of the shared volume; a store is read over the network by every worker alike",
        ));
    }
    std::path::absolute(path)
        .map(|path| path.display().to_string())
        .map_err(|e| Error::io(format!("cannot use the path `{path}`"), e))
}

#[derive(Debug, Clone, Copy)]
struct Marks {
    ok: &'static str,
    warn: &'static str,
    fail: &'static str,
    bold: (&'static str, &'static str),
}

impl Marks {
    fn for_terminal(is_terminal: bool) -> Self {
        match is_terminal {
            true => Self {
                ok: "\x1b[32m✓\x1b[0m",
                warn: "\x1b[33m!\x1b[0m",
                fail: "\x1b[31m✗\x1b[0m",
                bold: ("\x1b[1m", "\x1b[0m"),
            },
            false => Self {
                ok: "ok  ",
                warn: "WARN",
                fail: "FAIL",
                bold: ("", ""),
            },
        }
    }
}

fn write_lines(checks: &[Check], marks: Marks, out: &mut impl Write) -> io::Result<()> {
    for check in checks {
        let mark = match check.status {
            Status::Ok => marks.ok,
            Status::Warn => marks.warn,
            Status::Fail => marks.fail,
        };
        let (bold, plain) = marks.bold;
        writeln!(out, "{mark} {bold}{}{plain}: {}", check.name, check.detail)?;
        if let Some(mend) = &check.mend {
            writeln!(out, "       mend it: {mend}")?;
        }
    }
    Ok(())
}

fn listing(checks: &[Check]) -> Listing {
    let mut listing = Listing::new(&[
        ("check", Kind::Text),
        ("status", Kind::Text),
        ("detail", Kind::Text),
        ("mend", Kind::Text),
    ]);
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        listing.push(vec![
            check.name.as_str().into(),
            status.into(),
            check.detail.as_str().into(),
            check.mend.as_deref().map_or(Value::Null, Value::from),
        ]);
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_line_says_how_to_mend_it() {
        let checks = [
            Check::ok("master", "answers"),
            Check::fail("disk of w1", "full", "free some"),
        ];
        let mut out = Vec::new();
        write_lines(&checks, Marks::for_terminal(false), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "ok   master: answers\nFAIL disk of w1: full\n       mend it: free some\n"
        );
    }

    #[test]
    fn paths_are_made_absolute() {
        assert!(local_path("a/b").unwrap().starts_with('/'));
        assert_eq!(local_path("file:///a").unwrap(), "/a");
        assert!(local_path("s3://bucket/a").is_err());
    }
}
