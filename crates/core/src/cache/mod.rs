//! Cached data: the partitions of a frame, held as Arrow batches where they were made.
//!
//! ```text
//! frame.cache()        a CachedTable over the frame's plan; nothing runs yet
//!   first use          a fill: each task of the frame's plan puts its rows into its process's BlockStore (CacheFillExec);
//!                      the rows of this job name the blocks
//!   each use           CachedScanExec, one partition a core, over the blocks each process holds
//!   dropped            the last frame over it frees the blocks
//! ```
//! On a cluster the processes are the workers: tasks go to the worker that holds their blocks, or fetch them from
//! there. A block that is gone with its worker makes the query fail with [`is_lost`], on which the session fills the
//! cache anew and sends the query again.

mod block;
mod codec;
mod fill;
mod scan;
mod site;
mod store;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use block::from_batch;
pub use block::{Block, BlockTicket};
pub(crate) use codec::{decode_exec, decode_table, encode_exec, encode_table};
pub use scan::CachedScanExec;
pub use site::CacheSite;
pub use store::{BlockStore, Reads, Usage};
pub(crate) use table::{CachedTable, FillTable, Filled, Owner, as_cached, cached_tables};
pub use table::{Caching, unpersist};

/// In the message of every error about a block that is not where it was; survives the way through tasks and jobs.
const LOST: &str = "cached data is lost";

/// Whether a query failed because cached data is not there any more.
pub(crate) fn is_lost(message: &str) -> bool {
    message.contains(LOST)
}
