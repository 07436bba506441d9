//! What is recorded of a job: one form for its page, REST, the history's files and the `system` tables.
//! Times are milliseconds since the Unix epoch.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::protocol::JobInfo;

/// Everything that is known of one job: `GET /api/v1/jobs/{id}/record`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobRecord {
    pub job: JobInfo,
    /// The statement as it was written, if the job came from one.
    pub sql: Option<String>,
    /// The physical plan before it was cut into stages, indented.
    pub plan: Option<String>,
    /// The settings that differ from their defaults, as `(key, value)`.
    pub settings: Vec<(String, String)>,
    pub attempts: Vec<AttemptRecord>,
    /// The stages of the last attempt, by id.
    pub stages: Vec<StageRecord>,
}

/// One run of a job's plan; a second one follows when a worker was lost under the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptRecord {
    /// From 1.
    pub number: u32,
    pub started_at_ms: u64,
    pub ended_at_ms: Option<u64>,
    /// Why it was given up.
    pub message: Option<String>,
}

/// A part of a job between two shuffles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StageRecord {
    pub id: u32,
    pub state: StageState,
    /// The stages whose output this one reads.
    pub inputs: Vec<u32>,
    pub partitions: u32,
    pub started_at_ms: Option<u64>,
    pub ended_at_ms: Option<u64>,
    /// Rows that came in from files or other stages.
    pub rows_in: u64,
    pub rows_out: u64,
    /// Bytes written for the next stages, or as the result.
    pub bytes_out: u64,
    pub spilled_bytes: u64,
    /// Processor time of its operators, over all tasks.
    pub cpu_ms: u64,
    pub tasks: Vec<TaskRecord>,
    /// Its plan from the top, with what was measured.
    pub operators: Vec<OperatorRecord>,
    /// Why it failed.
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl StageState {
    /// As it stands in JSON, in queries and in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The work of one worker on some partitions of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskRecord {
    pub id: u32,
    /// Executor id of its worker, and the worker's `host:port`.
    pub worker_id: String,
    pub worker: String,
    pub state: StageState,
    pub partitions: u32,
    pub launched_at_ms: u64,
    pub started_at_ms: Option<u64>,
    pub ended_at_ms: Option<u64>,
    /// What it wrote.
    pub rows: u64,
    pub bytes: u64,
    /// Why it failed.
    pub message: Option<String>,
}

/// One operator of a stage, over all its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperatorRecord {
    /// Distance from the top of the stage's plan.
    pub depth: u32,
    /// `HashJoinExec`.
    pub name: String,
    /// What stands behind the name in a plan.
    pub detail: String,
    pub rows: Option<u64>,
    pub cpu_ms: Option<f64>,
    pub spilled_bytes: Option<u64>,
    /// Further measures by name, as the engine names them.
    pub metrics: Vec<(String, u64)>,
}
