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

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use springald_core::protocol::JobState;

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

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
