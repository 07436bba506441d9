//! Commands that list and change what a running cluster has: `workers`, `jobs`, `batches`, `kill`.

mod batches;
mod job;
mod jobs;
mod kill;
mod workers;

pub(crate) use batches::{BatchesArgs, batches};
pub(crate) use jobs::{JobsArgs, jobs};
pub(crate) use kill::{KillArgs, kill};
pub(crate) use workers::{WorkersArgs, workers};

use serde_json::Value;
use springald_core::protocol::{JobState, now_ms};

/// A state of jobs and batches, as a flag names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Running => Self::Running,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

/// How long something ran, or runs by now.
fn ran_ms(started_at_ms: Option<u64>, ended_at_ms: Option<u64>) -> Value {
    let until = ended_at_ms.unwrap_or_else(now_ms);
    started_at_ms.map_or(Value::Null, |started| until.saturating_sub(started).into())
}
