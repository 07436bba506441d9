//! Two CSV logs that have ids in common.

use std::fmt::Write;

use chrono::DateTime;

use super::files::{Made, Output, Progress, TextFile, Total};
use super::rng::Rng;
use crate::error::{Error, Result};

/// 2026-01-01T00:00:00Z, in milliseconds since the Unix epoch.
const BEGIN: i64 = 1_767_225_600_000;
const LINES_A_STEP: u64 = 10_000;

/// Two logs for `springald run logjoin`: events.csv and actions.csv
#[derive(Debug, clap::Args)]
#[command(
    after_help = "events.csv has `id,timestamp,level,message`, one line for each id from 1 to N.
actions.csv has `id,user,action,duration_ms`, N lines for ids from the same range: some have
several, some none."
)]
pub(super) struct LogsArgs {
    /// Lines of each log
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: u64,

    /// Another seed makes other logs
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn make(args: &LogsArgs, output: &Output) -> Result<Vec<Made>> {
    output.prepare(&output.folder)?;
    let total = Total::Rows(2 * args.rows);
    let all = output.each("logs", 2, total, |i, progress| match i {
        0 => log(
            args,
            output,
            progress,
            "events.csv",
            "id,timestamp,level,message",
            event,
        ),
        _ => log(
            args,
            output,
            progress,
            "actions.csv",
            "id,user,action,duration_ms",
            action,
        ),
    })?;
    Ok(vec![all])
}

/// A log of `args.rows` lines; `line` writes the one of a number from 1.
fn log(
    args: &LogsArgs,
    output: &Output,
    progress: &Progress,
    name: &str,
    header: &str,
    line: impl Fn(u64, u64, &mut Rng, &mut String) -> std::fmt::Result,
) -> Result<Made> {
    let mut file = TextFile::create(output.folder.join(name))?;
    file.write(header.as_bytes())?;
    file.write(b"\n")?;
    let mut rng = Rng::new(args.seed, header.len() as u64);
    let mut text = String::new();
    let mut done = 0;
    while done < args.rows {
        let n = LINES_A_STEP.min(args.rows - done);
        text.clear();
        for number in done + 1..=done + n {
            line(number, args.rows, &mut rng, &mut text)
                .map_err(|e| Error::failed(format!("cannot write a line of {name}: {e}")))?;
        }
        file.write(text.as_bytes())?;
        progress.step(n)?;
        done += n;
    }
    file.finish(done)
}

fn event(number: u64, _rows: u64, rng: &mut Rng, text: &mut String) -> std::fmt::Result {
    const WHAT: [&str; 6] = [
        "started",
        "connection closed by peer",
        "cache miss, reading from disk",
        "retry 2 of 5",
        "request took longer than expected",
        "no such user",
    ];
    // About one event in 50 ms.
    let millis = BEGIN + (number as i64) * 50 + rng.below(50) as i64;
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    let level = match rng.below(100) {
        0..80 => "INFO",
        80..95 => "WARN",
        _ => "ERROR",
    };
    let node = rng.below(40);
    let what = rng.pick(&WHAT);
    writeln!(
        text,
        "{number},{},{level},\"node {node}: {what}\"",
        time.format("%Y-%m-%dT%H:%M:%S%.3fZ")
    )
}

fn action(_number: u64, rows: u64, rng: &mut Rng, text: &mut String) -> std::fmt::Result {
    const WHAT: [&str; 5] = ["login", "search", "upload", "download", "logout"];
    let id = 1 + rng.below(rows);
    let user = rng.below(10_000);
    let what = rng.pick(&WHAT);
    let duration = (-f64::ln(1.0 - rng.uniform()) * 120.0) as u64;
    writeln!(text, "{id},user{user:05},{what},{duration}")
}

#[cfg(test)]
mod tests {
    use super::super::files::testing;
    use super::*;

    #[test]
    fn both_logs_have_their_lines() {
        let (folder, output) = testing::output();
        let args = LogsArgs {
            rows: 12_345,
            seed: 1,
        };
        let made = make(&args, &output).unwrap();
        assert_eq!((made[0].files, made[0].rows), (2, 24_690));
        let files = testing::contents(folder.path());
        assert_eq!(files[0].0, "actions.csv");
        let text = |i: usize| std::str::from_utf8(&files[i].1).unwrap();
        assert_eq!(text(0).lines().count(), 12_346);
        assert_eq!(text(0).lines().next(), Some("id,user,action,duration_ms"));
        let ids = text(0)
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap());
        assert!(
            ids.map(|id| id.parse::<u64>().unwrap())
                .all(|id| (1..=12_345).contains(&id))
        );
        let last = text(1).lines().last().unwrap();
        assert!(last.starts_with("12345,2026-01-01T00:10:17."), "{last}");

        let (again, output) = testing::output();
        make(&args, &output).unwrap();
        assert!(files == testing::contents(again.path()));
    }
}
