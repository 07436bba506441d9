//! The workspace's files, for clients that do not mount it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use springald_core::protocol::{ApiError, FileInfo};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::catalog::blocking;
use super::extract::{Asked, Within};
use super::failure::Answer;
use super::{Rest, RestState};
use crate::workspace_files;

/// Numbers of bytes that JavaScript still counts one by one.
const MOST: u64 = 1 << 53;

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(list_files))
        .routes(routes!(get_content))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FileQuery {
    /// A file or folder, below the workspace.
    path: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ContentQuery {
    /// A file, below the workspace.
    path: String,
    /// The first byte.
    #[param(value_type = u64, maximum = 9007199254740992_i64)]
    start: Within<0, MOST>,
    /// The byte after the last one; 64 MiB after the first at most.
    #[param(value_type = u64, maximum = 9007199254740992_i64)]
    end: Within<0, MOST>,
}

/// The files at or under a path of the workspace
#[utoipa::path(get, path = "/api/v1/files", tag = "internal", params(FileQuery), responses(
    (status = 200, description = "Sorted; none if there is nothing", body = Vec<FileInfo>),
    (status = 403, description = "The path leads out of the workspace", body = ApiError)
))]
async fn list_files(
    State(rest): State<Arc<Rest>>,
    Asked(query): Asked<FileQuery>,
) -> Answer<Json<Vec<FileInfo>>> {
    let files = blocking(move || workspace_files::list(&rest.options.workspace, &query.path));
    Ok(Json(files.await?))
}

/// Some bytes of a file of the workspace
#[utoipa::path(get, path = "/api/v1/files/content", tag = "internal", params(ContentQuery), responses(
    (status = 200, description = "Fewer than asked for where the file ends before", content_type = "application/octet-stream"),
    (status = 403, description = "The path leads out of the workspace", body = ApiError),
    (status = 404, description = "There is no such file", body = ApiError)
))]
async fn get_content(
    State(rest): State<Arc<Rest>>,
    Asked(query): Asked<ContentQuery>,
) -> Answer<Response> {
    let range = query.start.0..query.end.0;
    let bytes =
        blocking(move || workspace_files::read(&rest.options.workspace, &query.path, range));
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes.await?).into_response())
}
