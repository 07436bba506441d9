//! Sessions: all that the master knows of, and interactive ones that take statements.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use serde::Deserialize;
use springald_core::protocol::{ApiError, SessionInfo};
use springald_core::rest::{LARGEST_PAGE, TOTAL_COUNT};
use springald_core::submission::{MAX_NAME, plain};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Body, Named, Within};
use super::failure::{Answer, Failure};
use super::{Rest, RestState};
use crate::records::JobFilter;
use crate::submissions::{StatementInfo, StatementRequest, known_sessions};

/// Sessions in an answer if the question names no number.
const DEFAULT_PAGE: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, create_session))
        .routes(routes!(get_session, close_session))
        .routes(routes!(list_statements, submit_statement))
        .routes(routes!(get_statement, cancel_statement))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SessionQuery {
    /// Only sessions with this in their name or id, in any case.
    search: Option<String>,
    /// Leave out so many of those seen last.
    #[param(value_type = Option<u32>, maximum = 1000000000)]
    offset: Option<Within<0, 1_000_000_000>>,
    /// At most so many; 1000 if it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    limit: Option<Within<1, LARGEST_PAGE>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WaitQuery {
    /// Seconds to wait for the statement's end, before it is answered how far it is.
    #[param(value_type = Option<u32>, maximum = 30)]
    wait: Option<Within<0, 30>>,
}

/// Body of `POST /api/v1/sessions`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionRequest {
    /// A name for lists, and for the jobs of the session.
    #[serde(default = "unnamed")]
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*$")]
    name: String,
}

/// Sessions, the one seen last first
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(SessionQuery), responses(
    (status = 200, description = "Those with jobs or cached data, and the interactive ones", body = Vec<SessionInfo>,
     headers(("x-total-count" = u64, description = "How many there are in all")))
))]
async fn list_sessions(
    State(rest): State<Arc<Rest>>,
    Asked(query): Asked<SessionQuery>,
) -> ([(&'static str, String); 1], Json<Vec<SessionInfo>>) {
    let mut sessions = sessions(&rest).await;
    if let Some(search) = query.search {
        let search = search.to_lowercase();
        let found = |text: &str| text.to_lowercase().contains(&search);
        sessions.retain(|session| found(&session.name) || found(&session.id));
    }
    let total = sessions.len();
    let offset = query.offset.map_or(0, |offset| offset.0 as usize);
    let limit = query.limit.map_or(DEFAULT_PAGE, |limit| limit.0 as usize);
    let page = sessions.into_iter().skip(offset).take(limit).collect();
    ([(TOTAL_COUNT, total.to_string())], Json(page))
}

/// Begin an interactive session
///
/// It is closed when nobody asks it for anything for 30 minutes.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions",
    request_body = SessionRequest,
    responses(
        (status = 201, description = "It takes statements", body = SessionInfo,
         headers(("location" = String, description = "Where to ask for it"))),
        (status = 429, description = "Too many are open already", body = ApiError)
    )
)]
async fn create_session(
    State(rest): State<Arc<Rest>>,
    Body(request): Body<SessionRequest>,
) -> Answer<(
    StatusCode,
    [(header::HeaderName, String); 1],
    Json<SessionInfo>,
)> {
    plain("name", &request.name, 1, MAX_NAME).map_err(Failure::invalid)?;
    let session = rest.interactive.create(&request.name).await?;
    let place = format!("/api/v1/sessions/{}", session.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(session),
    ))
}

/// One session
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "What is known of it", body = SessionInfo),
        (status = 404, description = "There is no such session", body = ApiError)
    )
)]
async fn get_session(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<SessionInfo>> {
    let mut sessions = sessions(&rest).await.into_iter();
    let found = sessions.find(|session| session.id == id);
    let unknown = || Failure::missing(format!("this master knows no session `{id}`"));
    found.map(Json).ok_or_else(unknown)
}

/// Close an interactive session
///
/// What it runs is ended, and what it cached is freed.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "It is closed"),
        (status = 404, description = "There is no such interactive session", body = ApiError)
    )
)]
async fn close_session(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<StatusCode> {
    rest.interactive.close(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Statements of an interactive session, the newest first
#[utoipa::path(get, path = "/api/v1/sessions/{id}/statements", tag = "sessions",
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "Those that it remembers, without their rows", body = Vec<StatementInfo>),
        (status = 404, description = "There is no such interactive session", body = ApiError)
    )
)]
async fn list_statements(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<Vec<StatementInfo>>> {
    Ok(Json(rest.interactive.statements(&id)?))
}

/// Run a statement in an interactive session
///
/// It runs when those before it have ended.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/statements", tag = "sessions",
    params(("id" = String, Path, description = "Id of the session")),
    request_body = StatementRequest,
    responses(
        (status = 201, description = "It was taken", body = StatementInfo,
         headers(("location" = String, description = "Where to ask for its rows"))),
        (status = 404, description = "There is no such interactive session", body = ApiError),
        (status = 429, description = "Too many statements of the session wait already", body = ApiError)
    )
)]
async fn submit_statement(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
    Body(request): Body<StatementRequest>,
) -> Answer<(
    StatusCode,
    [(header::HeaderName, String); 1],
    Json<StatementInfo>,
)> {
    request.check().map_err(Failure::invalid)?;
    let statement = rest.interactive.submit(&id, request)?;
    let place = format!("/api/v1/sessions/{id}/statements/{}", statement.number);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(statement),
    ))
}

/// One statement, with its rows when it is done
#[utoipa::path(get, path = "/api/v1/sessions/{id}/statements/{number}", tag = "sessions",
    params(
        ("id" = String, Path, description = "Id of the session"),
        ("number" = u32, Path, description = "Number of the statement"),
        WaitQuery
    ),
    responses(
        (status = 200, description = "As it is now, or as it ended", body = StatementInfo),
        (status = 404, description = "There is no such session or statement", body = ApiError)
    )
)]
async fn get_statement(
    State(rest): State<Arc<Rest>>,
    Named((id, number)): Named<(String, u32)>,
    Asked(query): Asked<WaitQuery>,
) -> Answer<Json<StatementInfo>> {
    let wait = Duration::from_secs(query.wait.map_or(0, |wait| wait.0));
    Ok(Json(rest.interactive.statement(&id, number, wait).await?))
}

/// End a statement
#[utoipa::path(delete, path = "/api/v1/sessions/{id}/statements/{number}", tag = "sessions",
    params(
        ("id" = String, Path, description = "Id of the session"),
        ("number" = u32, Path, description = "Number of the statement")
    ),
    responses(
        (status = 200, description = "What has become of it", body = StatementInfo),
        (status = 404, description = "There is no such session or statement", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)
    )
)]
async fn cancel_statement(
    State(rest): State<Arc<Rest>>,
    Named((id, number)): Named<(String, u32)>,
) -> Answer<Json<StatementInfo>> {
    Ok(Json(rest.interactive.cancel(&id, number).await?))
}

fn unnamed() -> String {
    "interactive".to_owned()
}

async fn sessions(rest: &Rest) -> Vec<SessionInfo> {
    let jobs = rest.records.list(&JobFilter::default()).await.jobs;
    known_sessions(rest.interactive.list(), &jobs, &rest.cached.list())
}
