//! For whoever watches the process.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use springald_core::protocol::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cluster::active;
use super::{Rest, RestState};

pub(super) fn alive<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::new().routes(routes!(is_alive))
}

/// Of a master.
pub(super) fn ready() -> OpenApiRouter<RestState> {
    OpenApiRouter::new().routes(routes!(is_ready))
}

/// Of a process that waits for nobody.
pub(super) fn ready_at_once<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::new().routes(routes!(is_ready_at_once))
}

/// Whether the process is there
#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "It is", body = String)
))]
async fn is_alive() -> &'static str {
    "ok\n"
}

/// Whether there is a worker
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "There is", body = String),
    (status = 503, description = "There is none", body = ApiError)
))]
async fn is_ready(State(rest): State<Arc<Rest>>) -> Result<String, (StatusCode, Json<ApiError>)> {
    match active(&rest.ledger).len() {
        0 => {
            let error = "not ready: no worker is registered".to_owned();
            Err((StatusCode::SERVICE_UNAVAILABLE, Json(ApiError { error })))
        }
        n => Ok(format!("ready: {n} workers\n")),
    }
}

/// Whether the records are read
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "They are", body = String)
))]
async fn is_ready_at_once() -> &'static str {
    "ready\n"
}
