//! The guard above the planner: a client's job is a handle over one or more attempts, each of them a job
//! of Ballista's. Ballista's adaptive planner does not survive the loss of a worker, so an attempt that
//! lost one is ended and the job begun again, a bounded number of times, and the client sees one job.
//!
//! [`machine`] decides, [`watch`] keeps the time, [`driver`] does it; the board holds all jobs.

mod board;
mod driver;
mod ending;
mod machine;
mod message;
mod planning;
mod query;
mod recording;
mod watch;

pub(crate) use board::{AttemptIds, Board, KEEP_RESULTS, Recorders};
pub(crate) use machine::Cause;
pub(crate) use message::{clean, is_shuffle_trouble};
pub(crate) use query::{is_staging, local_path};
pub(crate) use recording::Known;
pub(crate) use watch::Waiting;
