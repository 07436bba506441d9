//! Work that the master takes over REST.
//!
//! ```text
//!  POST /batches ──▶ batches ──▶ process     a program `springald submit …`, its output in a log
//!                       └──────▶ store       what is known of each batch, over restarts of the master
//!  POST /sessions ─▶ interactive ─▶ rows     a session of the master's own, one statement after the other
//! ```
//!
//! Both are clients of this master like any other: their jobs are guarded, recorded and listed.

mod batches;
mod interactive;
mod known;
mod process;
mod rows;
mod statement;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use batches::{BatchFilter, BatchOptions, Batches};
pub(crate) use interactive::{IDLE_LIMIT, Interactive};
pub(crate) use known::known_sessions;
pub(crate) use statement::{StatementInfo, StatementRequest};
