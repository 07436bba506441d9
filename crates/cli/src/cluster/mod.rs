//! Commands that list and change what a running cluster has: `workers`, `jobs`, `kill`.

mod jobs;
mod kill;
mod workers;

pub(crate) use jobs::{JobsArgs, jobs};
pub(crate) use kill::{KillArgs, kill};
pub(crate) use workers::{WorkersArgs, workers};
