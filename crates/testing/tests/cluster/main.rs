//! Real processes: the same answers as one process, and no hang or wrong answer when things break.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and may sleep"
)]

mod bad_input;
mod cache;
mod cancel;
mod clients;
mod failures;
mod flight_sql;
mod history;
mod jobs;
mod learning;
mod metrics;
mod pages;
mod rest;
mod same_rows;
mod security;
mod tpch;

use std::time::Duration;

use springald_testing::{Output, run, springald};

/// Half a second of scans that write shuffle files, then some six of joins that read them, on two cores.
const JOINS: &str = "
    SELECT o_orderpriority, n_name, count(*) AS n, sum(a.l_quantity * b.l_quantity) AS weight
    FROM lineitem a
    JOIN lineitem b ON a.l_partkey = b.l_partkey
    JOIN orders ON b.l_orderkey = o_orderkey
    JOIN customer ON o_custkey = c_custkey
    JOIN nation ON c_nationkey = n_nationkey
    GROUP BY o_orderpriority, n_name
    ORDER BY o_orderpriority, n_name";

/// Runs one SQL text through `springald sql` with any master, for at most three minutes.
#[track_caller]
fn sql_on(master: &str, sql: &str) -> Output {
    let mut command = springald();
    command.args(["sql", "--master", master, "--format", "csv", "-e", sql]);
    run(command, Duration::from_secs(180))
}
