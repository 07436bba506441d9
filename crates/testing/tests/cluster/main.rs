//! Real processes: the same answers as one process, and no hang or wrong answer when things break.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and may sleep"
)]

mod bad_input;
mod cancel;
mod clients;
mod failures;
mod jobs;
mod same_rows;
mod tpch;

use std::time::Duration;

use springald_testing::{Output, run, springald};

/// Runs one SQL text through `springald sql` with any master, for at most three minutes.
#[track_caller]
fn sql_on(master: &str, sql: &str) -> Output {
    let mut command = springald();
    command.args(["sql", "--master", master, "--format", "csv", "-e", sql]);
    run(command, Duration::from_secs(180))
}
