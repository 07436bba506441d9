//! Tables and views that sessions share.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use springald_core::protocol::{ApiError, CatalogEntry};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Body, Named};
use super::failure::{Answer, Failure};
use super::{Rest, RestState};

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(list_catalog))
        .routes(routes!(get_entry, put_entry, remove_entry))
}

/// All tables and views, by name
#[utoipa::path(get, path = "/api/v1/catalog", tag = "catalog", responses(
    (status = 200, description = "With the statements that make them", body = Vec<CatalogEntry>)
))]
async fn list_catalog(State(rest): State<Arc<Rest>>) -> Json<Vec<CatalogEntry>> {
    Json(rest.catalog.list())
}

/// One table or view
#[utoipa::path(get, path = "/api/v1/catalog/{name}", tag = "catalog",
    params(("name" = String, Path, description = "Its name, in any case")),
    responses(
        (status = 200, description = "With the statement that makes it", body = CatalogEntry),
        (status = 404, description = "There is none of this name", body = ApiError)
    )
)]
async fn get_entry(
    State(rest): State<Arc<Rest>>,
    Named(name): Named<String>,
) -> Answer<Json<CatalogEntry>> {
    let entry = rest.catalog.get(&name);
    entry.map(Json).ok_or_else(|| unknown(&name))
}

/// Define a table or view, for the sessions to come
#[utoipa::path(put, path = "/api/v1/catalog/{name}", tag = "catalog",
    params(("name" = String, Path, description = "Its name")),
    request_body = CatalogEntry,
    responses(
        (status = 204, description = "It is defined, in place of what had this name"),
        (status = 409, description = "The body has another name", body = ApiError)
    )
)]
async fn put_entry(
    State(rest): State<Arc<Rest>>,
    Named(name): Named<String>,
    Body(entry): Body<CatalogEntry>,
) -> Answer<StatusCode> {
    if entry.name.to_lowercase() != name.to_lowercase() {
        return Err(Failure::conflict(format!(
            "the entry is named `{}`, the path `{name}`",
            entry.name
        )));
    }
    blocking(move || rest.catalog.put(entry)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a table or view
///
/// Its files stay.
#[utoipa::path(delete, path = "/api/v1/catalog/{name}", tag = "catalog",
    params(("name" = String, Path, description = "Its name, in any case")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, description = "There is none of this name", body = ApiError)
    )
)]
async fn remove_entry(
    State(rest): State<Arc<Rest>>,
    Named(name): Named<String>,
) -> Answer<StatusCode> {
    let wanted = name.clone();
    match blocking(move || rest.catalog.remove(&wanted)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&name)),
    }
}

fn unknown(name: &str) -> Failure {
    Failure::missing(format!("the catalog has no table or view `{name}`"))
}

/// Files are touched on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static, E: Into<Failure> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(e) => Err(Failure::broken(e.to_string())),
    }
}
