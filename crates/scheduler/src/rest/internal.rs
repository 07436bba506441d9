//! What Springald's own processes ask of the master beside what is for everybody.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use springald_core::protocol::{ApiError, PublishRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::catalog::blocking;
use super::extract::{Body, Named, SessionId};
use super::failure::{Answer, Failure};
use super::{Rest, RestState};
use crate::publish::Publication;
use crate::uploads::MAX_PART;

const BINARY: &str = "application/octet-stream";

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(hold_lease))
        .routes(routes!(put_upload))
        .routes(routes!(publish))
}

/// Hold what a session has on the cluster
///
/// The answer goes on until one of both ends it; then what the session cached and uploaded is removed.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/lease", tag = "internal",
    params(("id" = String, Path, description = "Id of the session", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "A line end every few seconds", content_type = "application/octet-stream"))
)]
async fn hold_lease(
    State(rest): State<Arc<Rest>>,
    Named(SessionId(session)): Named<SessionId>,
) -> Response {
    let lease = RawBody::from_stream(rest.cached.lease(session));
    ([(header::CONTENT_TYPE, BINARY)], lease).into_response()
}

/// Send one Arrow file of a session's rows
#[utoipa::path(put, path = "/api/v1/sessions/{id}/uploads/{upload}/{part}", tag = "internal",
    params(
        ("id" = String, Path, description = "Id of the session", max_length = 64, pattern = "^[A-Za-z0-9_-]+$"),
        ("upload" = String, Path, description = "Id of the upload", max_length = 64, pattern = "^[A-Za-z0-9_-]+$"),
        ("part" = u32, Path, description = "Number of the file, from 0")
    ),
    request_body(content(("application/octet-stream"))),
    responses((status = 204, description = "It is kept until the session's lease ends"))
)]
async fn put_upload(
    State(rest): State<Arc<Rest>>,
    Named((SessionId(session), SessionId(upload), part)): Named<(SessionId, SessionId, u32)>,
    headers: HeaderMap,
    body: RawBody,
) -> Answer<StatusCode> {
    let value = |name| headers.get(name)?.to_str().ok();
    if value(header::CONTENT_TYPE) != Some(BINARY) {
        return Err(Failure::wrong_kind(BINARY));
    }
    let length = value(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_PART) {
        return Err(Failure::too_large(MAX_PART as usize));
    }
    let part = part as usize;
    rest.uploads.put(&session, &upload, part, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make visible what a job has written
#[utoipa::path(post, path = "/api/v1/publish", tag = "internal",
    request_body = PublishRequest,
    responses(
        (status = 200, description = "How many files there are", body = usize, content_type = "application/json"),
        (status = 404, description = "There is no such staging folder", body = ApiError)
    )
)]
async fn publish(
    State(rest): State<Arc<Rest>>,
    Body(request): Body<PublishRequest>,
) -> Answer<Json<usize>> {
    let publication = Publication::new(&request)?;
    let files = blocking(move || match publication.is_there(&rest.board) {
        true => publication.run(&rest.board).map(Some),
        false => Ok(None),
    });
    let none = || Failure::missing(format!("there is no folder {}", request.staging));
    files.await?.map(Json).ok_or_else(none)
}
