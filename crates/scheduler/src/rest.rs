//! The REST interface, `/api/v1`, and the health routes; both ports of the master serve them.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body as RawBody;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use springald_core::Error;
use springald_core::protocol::{
    ApiError, CachedData, CatalogEntry, ClusterInfo, JobInfo, JobState, ProbeReport, ProbeRequest,
    PublishRequest, VERSION, WorkerInfo, WorkerState,
};

use crate::cached::Cached;
use crate::catalog::Catalog;
use crate::jobs::Board;
use crate::ledger::Ledger;
use crate::master::now_ms;
use crate::probe;
use crate::publish::Publication;
use crate::uploads::Uploads;
use crate::workers::Workers;

/// What the routes show and change.
pub(crate) struct Rest {
    pub(crate) board: Arc<Board>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) catalog: Catalog,
    pub(crate) cached: Arc<Cached>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) workspace: PathBuf,
    pub(crate) host: String,
    pub(crate) started_at_ms: u64,
}

pub(crate) fn routes(rest: Arc<Rest>) -> Router {
    Router::new()
        .route("/api/v1/cluster", get(cluster))
        .route("/api/v1/workers", get(workers))
        .route("/api/v1/jobs", get(jobs))
        .route("/api/v1/jobs/{id}", get(job).delete(cancel))
        .route("/api/v1/jobs/{id}/cancel", post(cancel))
        .route("/api/v1/probe", post(ask))
        .route("/api/v1/catalog", get(catalog))
        .route(
            "/api/v1/catalog/{name}",
            get(entry).put(put_entry).delete(remove_entry),
        )
        .route("/api/v1/cached", get(cached))
        .route(
            "/api/v1/cached/{name}",
            put(put_cached).delete(remove_cached),
        )
        .route("/api/v1/sessions/{id}/lease", post(lease))
        .route(
            "/api/v1/sessions/{id}/uploads/{upload}/{part}",
            put(put_upload),
        )
        .route("/api/v1/publish", post(publish))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(rest)
}

/// An answer that is not 2xx.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(ApiError { error: self.1 })).into_response()
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let status = match e {
            Error::Invalid { .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let message = match e.hint() {
            Some(hint) => format!("{}; {hint}", e.message()),
            None => e.message(),
        };
        Self(status, message)
    }
}

impl From<JsonRejection> for Failure {
    fn from(e: JsonRejection) -> Self {
        Self(StatusCode::BAD_REQUEST, e.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(e: QueryRejection) -> Self {
        Self(StatusCode::BAD_REQUEST, e.body_text())
    }
}

type Answer<T> = Result<T, Failure>;
type Body<T> = Result<Json<T>, JsonRejection>;

async fn cluster(State(rest): State<Arc<Rest>>) -> Json<ClusterInfo> {
    let workers = active(&rest.ledger);
    let (jobs_waiting, jobs_running) = rest.board.counts();
    Json(ClusterInfo {
        version: VERSION.into(),
        started_at_ms: rest.started_at_ms,
        now_ms: now_ms(),
        workspace: rest.workspace.display().to_string(),
        workers: workers.len() as u32,
        cores: workers.iter().map(|worker| worker.cores).sum(),
        cores_free: workers.iter().map(|worker| worker.cores_free).sum(),
        jobs_waiting,
        jobs_running,
    })
}

async fn workers(State(rest): State<Arc<Rest>>) -> Json<Vec<WorkerInfo>> {
    Json(rest.ledger.worker_infos())
}

#[derive(Deserialize)]
struct JobFilter {
    state: Option<JobState>,
}

async fn jobs(
    State(rest): State<Arc<Rest>>,
    filter: Result<Query<JobFilter>, QueryRejection>,
) -> Answer<Json<Vec<JobInfo>>> {
    let Query(filter) = filter?;
    let mut jobs = rest.board.infos().await;
    if let Some(state) = filter.state {
        jobs.retain(|job| job.state == state);
    }
    Ok(Json(jobs))
}

async fn job(State(rest): State<Arc<Rest>>, Path(id): Path<String>) -> Answer<Json<JobInfo>> {
    rest.board
        .info(&id)
        .await
        .map(Json)
        .ok_or_else(|| no_job(&id))
}

async fn cancel(State(rest): State<Arc<Rest>>, Path(id): Path<String>) -> Answer<Json<JobInfo>> {
    match rest.board.cancel(&id, "request") {
        None => return Err(no_job(&id)),
        Some(false) => {
            let message = format!("job `{id}` has ended already");
            return Err(Failure(StatusCode::CONFLICT, message));
        }
        Some(true) => {}
    }
    rest.board
        .info(&id)
        .await
        .map(Json)
        .ok_or_else(|| no_job(&id))
}

async fn ask(
    State(rest): State<Arc<Rest>>,
    request: Body<ProbeRequest>,
) -> Answer<Json<Vec<ProbeReport>>> {
    let Json(request) = request?;
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
        probe::look(&own, &rest.host, &rest.workspace),
        rest.workers.probe(&request)
    );
    let mut reports = vec![master];
    reports.extend(workers);
    Ok(Json(reports))
}

async fn catalog(State(rest): State<Arc<Rest>>) -> Json<Vec<CatalogEntry>> {
    Json(rest.catalog.list())
}

async fn entry(
    State(rest): State<Arc<Rest>>,
    Path(name): Path<String>,
) -> Answer<Json<CatalogEntry>> {
    rest.catalog
        .get(&name)
        .map(Json)
        .ok_or_else(|| no_entry(&name))
}

async fn put_entry(
    State(rest): State<Arc<Rest>>,
    Path(name): Path<String>,
    entry: Body<CatalogEntry>,
) -> Answer<StatusCode> {
    let Json(entry) = entry?;
    if entry.name.to_lowercase() != name.to_lowercase() {
        let message = format!("the entry is named `{}`, the path `{name}`", entry.name);
        return Err(Failure(StatusCode::BAD_REQUEST, message));
    }
    blocking(move || rest.catalog.put(entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_entry(
    State(rest): State<Arc<Rest>>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let wanted = name.clone();
    match blocking(move || rest.catalog.remove(&wanted)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_entry(&name)),
    }
}

async fn cached(State(rest): State<Arc<Rest>>) -> Json<Vec<CachedData>> {
    Json(rest.cached.list())
}

async fn put_cached(
    State(rest): State<Arc<Rest>>,
    Path(name): Path<String>,
    data: Body<CachedData>,
) -> Answer<StatusCode> {
    let Json(data) = data?;
    if data.name != name || !name.starts_with(&format!("{}-", data.session)) {
        let message = format!("the data is named `{}`, the path `{name}`", data.name);
        return Err(Failure(StatusCode::BAD_REQUEST, message));
    }
    rest.cached.put(data).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_cached(State(rest): State<Arc<Rest>>, Path(name): Path<String>) -> StatusCode {
    rest.cached.remove(name).await;
    StatusCode::NO_CONTENT
}

async fn lease(State(rest): State<Arc<Rest>>, Path(session): Path<String>) -> Response {
    RawBody::from_stream(rest.cached.lease(session)).into_response()
}

async fn put_upload(
    State(rest): State<Arc<Rest>>,
    Path((session, upload, part)): Path<(String, String, usize)>,
    body: RawBody,
) -> Answer<StatusCode> {
    rest.uploads.put(&session, &upload, part, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn publish(
    State(rest): State<Arc<Rest>>,
    request: Body<PublishRequest>,
) -> Answer<Json<usize>> {
    let Json(request) = request?;
    let publication = Publication::new(&request)?;
    Ok(Json(blocking(move || publication.run(&rest.board)).await?))
}

async fn ready(State(rest): State<Arc<Rest>>) -> Response {
    match active(&rest.ledger).len() {
        0 => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: no worker is registered\n",
        )
            .into_response(),
        n => format!("ready: {n} workers\n").into_response(),
    }
}

fn active(ledger: &Ledger) -> Vec<WorkerInfo> {
    let mut workers = ledger.worker_infos();
    workers.retain(|worker| worker.state == WorkerState::Active);
    workers
}

fn no_job(id: &str) -> Failure {
    Failure(
        StatusCode::NOT_FOUND,
        format!("this master knows no job `{id}`"),
    )
}

fn no_entry(name: &str) -> Failure {
    Failure(
        StatusCode::NOT_FOUND,
        format!("the catalog has no table or view `{name}`"),
    )
}

/// Files are touched on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> springald_core::Result<T> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(e) => Err(Failure(StatusCode::INTERNAL_SERVER_ERROR, e.to_string())),
    }
}
