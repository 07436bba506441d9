//! Batches: SQL texts, scripts and programs that the master runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use serde::Deserialize;
use springald_core::protocol::{ApiError, JobState};
use springald_core::rest::{LOG_SIZE, TOTAL_COUNT};
use springald_core::submission::{BatchInfo, BatchRequest};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Body, Named, States, Within};
use super::failure::Answer;
use super::{Rest, RestState};
use crate::submissions::BatchFilter;

/// Batches in an answer if the question names no number.
const DEFAULT_PAGE: usize = 100;
/// Bytes of a log in an answer, at most and if the question names no number.
const LOG_PART: u64 = 1 << 20;

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(list_batches, submit_batch))
        .routes(routes!(get_batch, cancel_batch))
        .routes(routes!(get_batch_log))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct BatchQuery {
    /// Only batches in one of these states; with commas between them.
    #[serde(default)]
    #[param(value_type = Vec<JobState>, style = Form, explode = false, required = false)]
    state: States,
    /// Only batches with this in their name, file or id, in any case.
    search: Option<String>,
    /// Leave out so many of the newest.
    #[param(value_type = Option<u32>, maximum = 1000000000)]
    offset: Option<Within<0, 1_000_000_000>>,
    /// At most so many; 100 if it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<Within<1, 1_000>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// The first byte of the answer.
    #[param(value_type = Option<u64>, maximum = 1000000000)]
    offset: Option<Within<0, 1_000_000_000>>,
    /// Bytes of the answer at most; 1048576 if it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1048576)]
    limit: Option<Within<1, LOG_PART>>,
}

/// Batches, the newest first
#[utoipa::path(get, path = "/api/v1/batches", tag = "batches", params(BatchQuery), responses(
    (status = 200, description = "A page of the batches that the query lets through", body = Vec<BatchInfo>,
     headers(("x-total-count" = u64, description = "How many it lets through in all")))
))]
async fn list_batches(
    State(rest): State<Arc<Rest>>,
    Asked(query): Asked<BatchQuery>,
) -> ([(&'static str, String); 1], Json<Vec<BatchInfo>>) {
    let filter = BatchFilter {
        states: query.state.0,
        text: query.search,
        offset: query.offset.map_or(0, |offset| offset.0 as usize),
        limit: query.limit.map_or(DEFAULT_PAGE, |limit| limit.0 as usize),
    };
    let (batches, total) = rest.batches.list(&filter).await;
    ([(TOTAL_COUNT, total.to_string())], Json(batches))
}

/// Run a SQL text, or a file of the workspace
///
/// The master runs `springald submit` with it, in the workspace, when its turn comes.
#[utoipa::path(post, path = "/api/v1/batches", tag = "batches",
    request_body = BatchRequest,
    responses(
        (status = 201, description = "It was taken", body = BatchInfo,
         headers(("location" = String, description = "Where to ask for it"))),
        (status = 404, description = "There is no such file in the workspace", body = ApiError),
        (status = 429, description = "Too many wait already", body = ApiError)
    )
)]
async fn submit_batch(
    State(rest): State<Arc<Rest>>,
    Body(request): Body<BatchRequest>,
) -> Answer<(
    StatusCode,
    [(header::HeaderName, String); 1],
    Json<BatchInfo>,
)> {
    let batch = rest.batches.submit(request).await?;
    let place = format!("/api/v1/batches/{}", batch.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(batch),
    ))
}

/// One batch
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "batches",
    params(("id" = String, Path, description = "Id of the batch")),
    responses(
        (status = 200, description = "As it is now, or as it ended", body = BatchInfo),
        (status = 404, description = "There is no such batch", body = ApiError)
    )
)]
async fn get_batch(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<BatchInfo>> {
    Ok(Json(rest.batches.get(&id).await?))
}

/// What a batch has printed
#[utoipa::path(get, path = "/api/v1/batches/{id}/log", tag = "batches",
    params(("id" = String, Path, description = "Id of the batch"), LogQuery),
    responses(
        (status = 200, description = "Both outputs of the program, as they came", body = String,
         headers(("x-log-size" = u64, description = "Bytes that there are in all by now"))),
        (status = 404, description = "There is no such batch", body = ApiError)
    )
)]
async fn get_batch_log(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
    Asked(query): Asked<LogQuery>,
) -> Answer<([(&'static str, String); 2], Vec<u8>)> {
    let offset = query.offset.map_or(0, |offset| offset.0);
    let limit = query.limit.map_or(LOG_PART, |limit| limit.0);
    let (bytes, total) = rest.batches.log(&id, offset, limit).await?;
    let kind = "text/plain; charset=utf-8".to_owned();
    Ok((
        [("content-type", kind), (LOG_SIZE, total.to_string())],
        bytes,
    ))
}

/// End a batch
///
/// The program gets SIGTERM and, if it goes on for 5 s, SIGKILL, with all that it started.
#[utoipa::path(delete, path = "/api/v1/batches/{id}", tag = "batches",
    params(("id" = String, Path, description = "Id of the batch")),
    responses(
        (status = 200, description = "What has become of it", body = BatchInfo),
        (status = 404, description = "There is no such batch", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)
    )
)]
async fn cancel_batch(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<BatchInfo>> {
    Ok(Json(rest.batches.cancel(&id).await?))
}
