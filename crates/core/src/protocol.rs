//! What the processes say to each other beside Ballista's own messages: JSON over the master's REST
//! routes (`/api/v1`, on both of its ports) and over Arrow Flight actions between master and workers.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::cache::Block;

/// The version that master, workers and clients must share; it travels as the product token of the
/// user agent, `springald/0.1.0`, on every gRPC call.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Milliseconds since the Unix epoch: what every `…_ms` of a moment holds.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// A worker as the master knows it: `GET /api/v1/workers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkerInfo {
    /// Ballista's executor id.
    pub id: String,
    /// Address that the other workers and the master reach.
    pub host: String,
    /// Arrow Flight port: shuffle data and actions.
    pub port: u16,
    pub state: WorkerState,
    pub cores: u32,
    pub cores_free: u32,
    /// Memory that tasks may use, in bytes.
    pub memory_bytes: u64,
    /// Resident memory of the process at the last heartbeat, in bytes.
    pub memory_used_bytes: u64,
    /// Cached data that it holds in memory and on disk, in bytes.
    pub cached_memory_bytes: u64,
    pub cached_disk_bytes: u64,
    /// Tasks running now.
    pub tasks: u32,
    /// Milliseconds since the last heartbeat.
    pub last_seen_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    Active,
    /// It was told to stop: it finishes what it runs, and gets nothing new.
    Draining,
    /// It has gone in order.
    Left,
    /// It has gone, or does not answer.
    Lost,
}

impl WorkerState {
    /// As it stands in JSON, in queries and in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }

    /// Whether the worker is still part of the cluster.
    pub fn is_member(self) -> bool {
        matches!(self, Self::Active | Self::Draining)
    }
}

/// A job as its client sees it, however many attempts it took: `GET /api/v1/jobs`, `GET /api/v1/jobs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobInfo {
    pub id: String,
    pub name: String,
    pub session: String,
    pub state: JobState,
    /// Why a waiting job waits, or why a failed one failed.
    pub message: Option<String>,
    /// Attempts begun, 1 unless a worker was lost under the job.
    pub attempts: u32,
    /// Milliseconds since the Unix epoch.
    pub submitted_at_ms: u64,
    pub started_at_ms: Option<u64>,
    pub ended_at_ms: Option<u64>,
    /// Stages known so far; the adaptive planner adds them as it goes.
    pub stages: u32,
    pub stages_done: u32,
    pub tasks: u32,
    pub tasks_running: u32,
    pub tasks_done: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it stands in JSON, in queries and in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A file of the workspace: `GET /api/v1/files?path=…`; `GET /api/v1/files/content?path=…&start=…&end=…` has its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileInfo {
    /// Below the workspace.
    pub path: String,
    pub bytes: u64,
    pub modified_ms: u64,
}

/// `GET /api/v1/cluster`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterInfo {
    pub version: String,
    pub started_at_ms: u64,
    /// The master's clock, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The shared volume, as the master mounts it.
    pub workspace: String,
    pub workers: u32,
    pub cores: u32,
    pub cores_free: u32,
    pub jobs_waiting: u32,
    pub jobs_running: u32,
}

/// `POST /api/v1/probe`: asks each worker (and the master) what it sees. With `full`, also the routes
/// between every two workers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProbeRequest {
    /// Files, folders or globs of the local file system or shared volume.
    #[serde(default)]
    pub paths: Vec<String>,
    /// `host:port` addresses to try to connect to.
    #[serde(default)]
    pub routes: Vec<String>,
    #[serde(default)]
    pub full: bool,
}

/// What one process answers to a [`ProbeRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProbeReport {
    /// Executor id, or `master`.
    pub id: String,
    pub host: String,
    pub version: String,
    pub cores: u32,
    pub memory_bytes: u64,
    pub disk_free_bytes: u64,
    pub work_dir: String,
    pub now_ms: u64,
    pub paths: Vec<PathReport>,
    pub routes: Vec<RouteReport>,
    /// Set when the process could not be asked; the other fields are then those of its registration.
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PathReport {
    pub path: String,
    pub exists: bool,
    pub files: u64,
    pub bytes: u64,
    /// Latest modification of a file under the path, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteReport {
    pub to: String,
    pub ok: bool,
    /// Time to connect.
    pub micros: u64,
    pub error: Option<String>,
}

/// A table or view of the cluster's catalog, kept by the master under `warehouse/catalog.json` of the
/// workspace: `GET /api/v1/catalog`, `PUT` and `DELETE /api/v1/catalog/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CatalogEntry {
    pub name: String,
    /// The `CREATE EXTERNAL TABLE` or `CREATE VIEW` statement that makes it.
    pub sql: String,
}

/// Body of `POST /api/v1/publish`: make what a finished write job staged visible, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishRequest {
    /// Folder that the job wrote to, `<target>/_staging-<id>/`.
    #[schema(pattern = "^(file://)?/([^/\\x00]+/)*_staging-[^/\\x00]+/?$")]
    pub staging: String,
    /// Folder that takes the files.
    #[schema(pattern = "^(file://)?/")]
    pub target: String,
    /// Whether they take the place of what is there.
    #[serde(default)]
    pub replace: bool,
}

/// Data that workers keep for a session: `GET /api/v1/cached`, `PUT` and `DELETE /api/v1/cached/{name}`. It is freed
/// when the session's `POST /api/v1/sessions/{id}/lease` ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CachedData {
    /// The session's id, a hyphen, and what is unique in it.
    pub name: String,
    pub session: String,
    pub blocks: Vec<Block>,
}

/// A session that the master knows of, by its jobs, by what it has cached, or because the master holds it itself:
/// `GET /api/v1/sessions`, `GET /api/v1/sessions/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    pub id: String,
    /// The name of its latest job or, of an interactive session, the one that it was given.
    pub name: String,
    /// Whether it takes statements at `POST /api/v1/sessions/{id}/statements`.
    pub interactive: bool,
    /// Jobs that the master remembers, those of them that wait or run, and those that failed.
    pub jobs: u32,
    pub jobs_active: u32,
    pub jobs_failed: u32,
    /// Statements that an interactive session remembers, and those of them that wait or run.
    pub statements: u32,
    pub statements_active: u32,
    /// What workers keep for it, in bytes of memory.
    pub cached_bytes: u64,
    /// Milliseconds since the Unix epoch.
    pub first_seen_ms: u64,
    pub last_seen_ms: u64,
}

/// Tells a worker to forget the blocks of all cached data whose name begins with `prefix`, but those in `keep`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetainCached {
    pub prefix: String,
    pub keep: Vec<String>,
}

/// The body of every answer of `/api/v1` that is not 2xx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    pub error: String,
}

/// Names of the Arrow Flight actions that a worker answers, body and result in JSON.
pub mod action {
    /// [`super::ProbeRequest`] → [`super::ProbeReport`].
    pub const PROBE: &str = "springald.probe";
    /// Empty → [`super::RunningTasks`].
    pub const TASKS: &str = "springald.tasks";
    /// [`super::RetainCached`] → `null`.
    pub const RETAIN: &str = "springald.retain";
    /// Empty → a text in OpenMetrics' form, without its end.
    pub const METRICS: &str = "springald.metrics";
    /// Empty → the last lines of the worker's log, oldest first, as texts.
    pub const LOG: &str = "springald.log";
}

/// The tasks that a worker really has, to tell a slow task from a lost one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunningTasks {
    pub tasks: Vec<TaskId>,
    /// Resident memory of the process, in bytes.
    pub memory_used_bytes: u64,
    /// Memory that tasks may use, in bytes.
    pub memory_bytes: u64,
    /// Cached data, in bytes.
    pub cached_memory_bytes: u64,
    pub cached_disk_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskId {
    pub job: String,
    pub stage: usize,
    pub task: usize,
}
