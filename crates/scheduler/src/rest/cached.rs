//! Data that workers keep for sessions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use springald_core::protocol::{ApiError, CachedData};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Body, Named};
use super::failure::{Answer, Failure};
use super::{Rest, RestState};

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(list_cached))
        .routes(routes!(put_cached, remove_cached))
}

/// All cached data
#[utoipa::path(get, path = "/api/v1/cached", tag = "cached", responses(
    (status = 200, description = "With the blocks, and who holds them", body = Vec<CachedData>)
))]
async fn list_cached(State(rest): State<Arc<Rest>>) -> Json<Vec<CachedData>> {
    Json(rest.cached.list())
}

/// Enter what a session has filled the workers' stores with
#[utoipa::path(put, path = "/api/v1/cached/{name}", tag = "internal",
    params(("name" = String, Path, description = "The session's id, a hyphen, and what is unique in it")),
    request_body = CachedData,
    responses(
        (status = 204, description = "It is entered"),
        (status = 409, description = "The body has another name, or it is not the session's", body = ApiError)
    )
)]
async fn put_cached(
    State(rest): State<Arc<Rest>>,
    Named(name): Named<String>,
    Body(data): Body<CachedData>,
) -> Answer<StatusCode> {
    if data.name != name || !name.starts_with(&format!("{}-", data.session)) {
        return Err(Failure::conflict(format!(
            "the data is named `{}`, the path `{name}`",
            data.name
        )));
    }
    rest.cached.put(data).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Free cached data
///
/// A session that still has a frame over it makes it again when it is used.
#[utoipa::path(delete, path = "/api/v1/cached/{name}", tag = "cached",
    params(("name" = String, Path, description = "Name of the data")),
    responses((status = 204, description = "It is freed, if it was there"))
)]
async fn remove_cached(
    State(rest): State<Arc<Rest>>,
    Named(name): Named<String>,
) -> Answer<StatusCode> {
    rest.cached.remove(name).await;
    Ok(StatusCode::NO_CONTENT)
}
