//! Jobs: list, watch, end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use serde::Deserialize;
use springald_core::protocol::{ApiError, JobInfo, JobState};
use springald_core::record::JobRecord;
use springald_core::rest::{LARGEST_PAGE, TOTAL_COUNT};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Named, States, Within};
use super::failure::{Answer, Failure};
use super::{Rest, RestState};
use crate::records::{JobFilter, Records};

/// Jobs in an answer if the question names no number.
const DEFAULT_PAGE: usize = 1_000;

/// What a history server answers, too.
pub(super) fn reading<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Records>: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(get_job))
        .routes(routes!(get_record))
}

pub(super) fn ending() -> OpenApiRouter<RestState> {
    OpenApiRouter::new()
        .routes(routes!(cancel_job))
        .routes(routes!(cancel_job_by_post))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct JobQuery {
    /// Only jobs in one of these states; with commas between them.
    #[serde(default)]
    #[param(value_type = Vec<JobState>, style = Form, explode = false, required = false)]
    state: States,
    /// Only jobs with this in their name, session or id, in any case.
    search: Option<String>,
    /// Leave out so many of the newest.
    #[param(value_type = Option<u32>, maximum = 1000000000)]
    offset: Option<Within<0, 1_000_000_000>>,
    /// At most so many; 1000 if it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    limit: Option<Within<1, LARGEST_PAGE>>,
}

/// Jobs, the newest first
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery), responses(
    (status = 200, description = "A page of the jobs that the query lets through", body = Vec<JobInfo>,
     headers(("x-total-count" = u64, description = "How many it lets through in all")))
))]
async fn list_jobs(
    State(records): State<Arc<Records>>,
    Asked(query): Asked<JobQuery>,
) -> ([(&'static str, String); 1], Json<Vec<JobInfo>>) {
    let filter = JobFilter {
        states: query.state.0,
        text: query.search,
        offset: query.offset.map_or(0, |offset| offset.0 as usize),
        limit: Some(query.limit.map_or(DEFAULT_PAGE, |limit| limit.0 as usize)),
    };
    let page = records.list(&filter).await;
    ([(TOTAL_COUNT, page.total.to_string())], Json(page.jobs))
}

/// One job
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "As it is now, or as it ended", body = JobInfo),
        (status = 404, description = "There is no such job", body = ApiError)
    )
)]
async fn get_job(
    State(records): State<Arc<Records>>,
    Named(id): Named<String>,
) -> Answer<Json<JobInfo>> {
    let job = records.info(&id).await;
    job.map(Json).ok_or_else(|| unknown(&id))
}

/// One job with its attempts, stages and tasks
#[utoipa::path(get, path = "/api/v1/jobs/{id}/record", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "All that is known of it", body = JobRecord),
        (status = 404, description = "There is no such job", body = ApiError)
    )
)]
async fn get_record(
    State(records): State<Arc<Records>>,
    Named(id): Named<String>,
) -> Answer<Json<JobRecord>> {
    let record = records.get(&id).await;
    record.map(Json).ok_or_else(|| unknown(&id))
}

/// End a job
///
/// Its client gets an error.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "It ends", body = JobInfo),
        (status = 404, description = "There is no such job", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)
    )
)]
async fn cancel_job(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<JobInfo>> {
    cancel(&rest, &id).await
}

/// End a job, for callers that know GET and POST alone
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job")),
    responses(
        (status = 200, description = "It ends", body = JobInfo),
        (status = 404, description = "There is no such job", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)
    )
)]
async fn cancel_job_by_post(
    State(rest): State<Arc<Rest>>,
    Named(id): Named<String>,
) -> Answer<Json<JobInfo>> {
    cancel(&rest, &id).await
}

async fn cancel(rest: &Rest, id: &str) -> Answer<Json<JobInfo>> {
    let cancelled = rest.board.cancel(id, "request") == Some(true);
    // It may also be one that a master before this one ran.
    let job = rest.records.info(id).await.ok_or_else(|| unknown(id))?;
    match cancelled {
        true => Ok(Json(job)),
        false => Err(Failure::conflict(format!("job `{id}` has ended already"))),
    }
}

fn unknown(id: &str) -> Failure {
    Failure::missing(format!("this master knows no job `{id}`"))
}
