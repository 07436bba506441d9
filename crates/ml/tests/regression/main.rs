//! Linear regression against Spark, NIST's certified values and closed forms. One binary: linking the engine takes longer than
//! all of these tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;
mod estimator;
mod nist;
mod spark;
mod sql;
