//! What outlives a master: the record of each job, in files of the workspace's `events` folder.
//!
//! ```text
//!  jobs ── events ─▶ journal ── lines ─▶ events/jobs-*.jsonl ── looks ─▶ archive ─▶ records, history server
//!                    (a thread)                                          (a list, and where the rest is)
//! ```
//!
//! Who writes never waits, who reads knows the files alone: a master and a history server, or two masters one after the
//! other, agree by what is in the folder. docs/history.md has the form of the files.

mod archive;
mod event;
mod fold;
mod journal;
mod segment;
mod server;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use archive::Archive;
pub(crate) use journal::{Journal, Sealed};
pub use server::{HistoryOptions, HistoryServer};

/// How much of the history is kept. It is pruned by whole files, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What nobody has written to for longer goes; `None` keeps it.
    pub age: Option<Duration>,
    /// Bytes of all files together; 0 records nothing.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Some(Duration::from_secs(30 * 24 * 3600)),
            bytes: 1 << 30,
        }
    }
}
