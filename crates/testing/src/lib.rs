//! Clusters of real processes for tests.
//!
//! [`Cluster`] starts a master and workers of the built `springald` binary on free ports, in a
//! workspace of its own; tests ask it by [`Cluster::sql`], look at it by [`Cluster::get`], and break
//! it by [`Cluster::signal_worker`] and its kin. Every wait has a limit, every process dies with the
//! test, and a test that fails prints the ends of the logs.
//!
//! | variable | what it changes |
//! |---|---|
//! | `SPRINGALD_BIN` | the binary under test; else the one that cargo built beside the test |
//! | `SPRINGALD_TEST_SF` | TPC-H's scale factor, `0.1`; `1` compares with the published answers too |
//! | `SPRINGALD_TEST_KILLS` | workers killed in each of the failure tests, 3 |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test harness fails by panicking, and may sleep"
)]

mod cluster;
mod command;
mod mount;
mod process;
mod rows;
mod samples;
mod tpch;
mod wait;

pub use cluster::{Cluster, ClusterSpec};
pub use command::{Output, binary, run, springald};
pub use mount::{SmallDisk, can_mount};
pub use nix::sys::signal::Signal;
pub use process::Process;
pub use rows::Rows;
pub use samples::samples;
pub use tpch::{Strings, Tpch, query as tpch_query};
pub use wait::{eventually, within};
