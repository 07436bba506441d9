//! The cluster as a whole: what it has, what it sees, how it is set up, and whether it is there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use datafusion::config::ExtensionOptions;
use serde::Serialize;
use springald_core::config::SpringaldConfig;
use springald_core::protocol::{
    ClusterInfo, ProbeReport, ProbeRequest, VERSION, WorkerInfo, WorkerState, now_ms,
};
use springald_core::security;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Body;
use super::failure::Answer;
use super::{Rest, RestState};
use crate::ledger::Ledger;
use crate::probe;

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(get_cluster))
        .routes(routes!(list_workers))
        .routes(routes!(get_configuration))
        .routes(routes!(ask_all))
}

/// The cluster at a glance
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster", responses(
    (status = 200, description = "What there is, and what is free", body = ClusterInfo)
))]
async fn get_cluster(State(rest): State<Arc<Rest>>) -> Json<ClusterInfo> {
    let workers = active(&rest.ledger);
    let (jobs_waiting, jobs_running) = rest.board.counts();
    Json(ClusterInfo {
        version: VERSION.into(),
        started_at_ms: rest.started_at_ms,
        now_ms: now_ms(),
        workspace: rest.options.workspace.display().to_string(),
        workers: workers.len() as u32,
        cores: workers.iter().map(|worker| worker.cores).sum(),
        cores_free: workers.iter().map(|worker| worker.cores_free).sum(),
        jobs_waiting,
        jobs_running,
    })
}

/// The workers
#[utoipa::path(get, path = "/api/v1/workers", tag = "cluster", responses(
    (status = 200, description = "All that are registered", body = Vec<WorkerInfo>)
))]
async fn list_workers(State(rest): State<Arc<Rest>>) -> Json<Vec<WorkerInfo>> {
    Json(rest.ledger.worker_infos())
}

/// How the master was started, and the settings that sessions have.
#[derive(Debug, Serialize, ToSchema)]
struct Configuration {
    master: MasterSettings,
    /// The keys of sessions: `--conf`, `SET` and `SparkSession.config` take them.
    session: Vec<Setting>,
}

#[derive(Debug, Serialize, ToSchema)]
struct MasterSettings {
    version: String,
    /// What clients and workers connect to.
    url: String,
    workspace: String,
    /// A worker whose heartbeats stay away this long is lost.
    worker_timeout_seconds: u64,
    /// Batches that run at a time; 0 means that none are taken.
    batches_at_once: u32,
    asks_for_token: bool,
    speaks_tls: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct Setting {
    key: String,
    default: String,
    description: String,
}

/// Settings of the master, and of sessions
#[utoipa::path(get, path = "/api/v1/configuration", tag = "cluster", responses(
    (status = 200, description = "No secrets are among them", body = Configuration)
))]
async fn get_configuration(State(rest): State<Arc<Rest>>) -> Answer<Json<Configuration>> {
    let security = security()?;
    let keys = SpringaldConfig::default().entries().into_iter();
    Ok(Json(Configuration {
        master: MasterSettings {
            version: VERSION.into(),
            url: rest.url.clone(),
            workspace: rest.options.workspace.display().to_string(),
            worker_timeout_seconds: rest.options.worker_timeout.as_secs(),
            batches_at_once: rest.options.batches_at_once as u32,
            asks_for_token: security.asks_for_token(),
            speaks_tls: security.identity().is_some(),
        },
        session: keys
            .map(|entry| Setting {
                key: entry.key,
                default: entry.value.unwrap_or_default(),
                description: entry.description.to_owned(),
            })
            .collect(),
    }))
}

/// What the master and every worker see
///
/// Asks each for paths and addresses; with `full` also whether it reaches the others.
#[utoipa::path(post, path = "/api/v1/probe", tag = "cluster",
    request_body = ProbeRequest,
    responses((status = 200, description = "The master's report, then the workers'", body = Vec<ProbeReport>))
)]
async fn ask_all(
    State(rest): State<Arc<Rest>>,
    Body(request): Body<ProbeRequest>,
) -> Json<Vec<ProbeReport>> {
    let mut own = request.clone();
    if request.full {
        let addresses = rest.ledger.addresses();
        own.routes.extend(
            addresses
                .iter()
                .map(|(_, host, port)| format!("{host}:{port}")),
        );
    }
    let (master, workers) = tokio::join!(
        probe::look(&own, &rest.host, &rest.options.workspace),
        rest.workers.probe(&request)
    );
    let mut reports = vec![master];
    reports.extend(workers);
    Json(reports)
}

pub(super) fn active(ledger: &Ledger) -> Vec<WorkerInfo> {
    let mut workers = ledger.worker_infos();
    workers.retain(|worker| worker.state == WorkerState::Active);
    workers
}
