//! The records of many jobs at once, for the tables of a client's schema `system`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use springald_core::record::JobRecord;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use crate::records::{JobFilter, Records};

/// Records that are read at a time, while others are on their way.
const READ_AHEAD: usize = 4;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Records>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(some_records))
}

/// How much of each record is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Detail {
    /// The job, its text and its attempts.
    Job,
    /// Its stages too, with their tasks.
    #[default]
    Stages,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Ids, with commas between them; all jobs if there are none.
    job: Option<String>,
    /// How much of each: the job, or its stages, too.
    #[serde(default)]
    #[param(inline)]
    detail: Detail,
}

/// The records of jobs, newest first, each on a line of its own
#[utoipa::path(get, path = "/api/v1/records", tag = "internal", params(Wanted), responses(
    (status = 200, description = "One JobRecord a line", body = String, content_type = "application/x-ndjson")
))]
async fn some_records(
    State(records): State<Arc<Records>>,
    Asked(Wanted { job, detail }): Asked<Wanted>,
) -> Response {
    // Also when all are named: what was removed meanwhile is not there any more.
    let listed = records.list(&JobFilter::default()).await.jobs;
    let mut ids: Vec<String> = listed.into_iter().map(|job| job.id).collect();
    if let Some(named) = job {
        ids.retain(|id| named.split(',').any(|named| named == id));
    }
    let lines = stream::iter(ids)
        .map(move |id| {
            let records = Arc::clone(&records);
            async move { records.get_listed(&id).await }
        })
        .buffered(READ_AHEAD)
        .filter_map(move |record| async move { Some(line(reduced(record?, detail))) });
    let kind = (header::CONTENT_TYPE, "application/x-ndjson");
    ([kind], Body::from_stream(lines)).into_response()
}

fn reduced(mut record: JobRecord, detail: Detail) -> JobRecord {
    record.plan = None;
    record.settings = vec![];
    if detail == Detail::Job {
        record.stages = vec![];
    }
    for stage in &mut record.stages {
        stage.operators = vec![];
    }
    record
}

fn line(record: JobRecord) -> serde_json::Result<Bytes> {
    let mut line = serde_json::to_vec(&record)?;
    line.push(b'\n');
    Ok(line.into())
}
