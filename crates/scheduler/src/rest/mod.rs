//! The REST interface, `/api/v1`, and the health routes; both ports of the master serve them.
//!
//! A route is added together with its documentation (`#[utoipa::path]`, [`OpenApiRouter`]), so that none is without.
//!
//! | module | routes |
//! |---|---|
//! | `cluster`, `health` | cluster, workers, configuration, probe; whether the process is there |
//! | `jobs`, `records`, `batches`, `sessions` | work: list, watch, end; take it |
//! | `catalog`, `cached`, `files`, `internal` | tables and views, data that workers keep, what processes ask each other |
//! | `docs` | the document, and the page to try it |
//!
//! | module | for all of them |
//! |---|---|
//! | `extract` | what a request says, checked |
//! | `failure` | answers that are not 2xx |
//! | `guard` | who may change something from a browser |
//! | `document` | what the document says of every operation |

mod batches;
mod cached;
mod catalog;
mod cluster;
mod docs;
mod document;
mod extract;
mod failure;
mod files;
mod guard;
mod health;
mod internal;
mod jobs;
mod records;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::Method;
use axum::{Extension, Router, middleware};
use springald_core::{Result, security};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::cached::Cached;
use crate::catalog::Catalog;
use crate::jobs::Board;
use crate::ledger::Ledger;
use crate::master::MasterOptions;
use crate::records::Records;
use crate::submissions::{Batches, Interactive};
use crate::uploads::Uploads;
use crate::workers::Workers;
use failure::Failure;

/// Bytes of a body in JSON at most. The blocks of cached data are the longest: some 150 bytes for each.
const MAX_JSON: usize = 16 << 20;

/// What the routes show and change.
pub(crate) struct Rest {
    pub(crate) board: Arc<Board>,
    pub(crate) records: Arc<Records>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) catalog: Catalog,
    pub(crate) cached: Arc<Cached>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) batches: Arc<Batches>,
    pub(crate) interactive: Arc<Interactive>,
    pub(crate) options: MasterOptions,
    /// `springald://host:port`, what clients and workers connect to.
    pub(crate) url: String,
    pub(crate) host: String,
    pub(crate) started_at_ms: u64,
}

/// [`Rest`], as routes are given it: whole, or the part of it that a history server has, too.
#[derive(Clone)]
struct RestState(Arc<Rest>);

impl FromRef<RestState> for Arc<Rest> {
    fn from_ref(state: &RestState) -> Self {
        Arc::clone(&state.0)
    }
}

impl FromRef<RestState> for Arc<Records> {
    fn from_ref(state: &RestState) -> Self {
        Arc::clone(&state.0.records)
    }
}

/// The routes of a master.
///
/// # Errors
/// If what the environment says of tokens and certificates cannot be read.
pub(crate) fn routes(rest: Arc<Rest>) -> Result<Router> {
    served(master_api(), RestState(rest))
}

/// The routes of a history server: those that read jobs.
///
/// # Errors
/// If what the environment says of tokens and certificates cannot be read.
pub(crate) fn history_routes(records: Arc<Records>) -> Result<Router> {
    served(history_api(), records)
}

fn served<S: Clone + Send + Sync + 'static>(api: OpenApiRouter<S>, state: S) -> Result<Router> {
    let (router, api) = api.split_for_parts();
    let document = document::document(api, security()?.asks_for_token())?;
    Ok(router
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(document))
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .layer(middleware::from_fn(guard::guard))
        .with_state(state))
}

/// Every route of a master, with its documentation.
fn master_api() -> OpenApiRouter<RestState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(cluster::routes())
        .merge(jobs::reading())
        .merge(jobs::ending())
        .merge(records::routes())
        .merge(batches::routes())
        .merge(sessions::routes())
        .merge(catalog::routes())
        .merge(cached::routes())
        .merge(files::routes())
        .merge(internal::routes())
        .merge(health::alive())
        .merge(health::ready())
        .merge(docs::routes())
}

fn history_api() -> OpenApiRouter<Arc<Records>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(jobs::reading())
        .merge(records::routes())
        .merge(health::alive())
        .merge(health::ready_at_once())
        .merge(docs::routes())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Springald",
        description = "The master of a Springald cluster. Every error is an object with the words for a person in \
                       `error`. Changes are asked for in JSON.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "cluster", description = "The cluster, its workers and settings"),
        (name = "jobs", description = "Jobs of all sessions: list, watch, end"),
        (name = "batches", description = "SQL texts, scripts and programs that the master runs"),
        (name = "sessions", description = "Sessions, and interactive ones that take statements"),
        (name = "catalog", description = "Tables and views that sessions share"),
        (name = "cached", description = "Data that workers keep for sessions"),
        (name = "health", description = "For whoever watches the process; needs no token"),
        (name = "documentation", description = "This document, and the page to try it"),
        (name = "internal", description = "What Springald's own processes ask each other; it changes with them")
    )
)]
struct Document;

async fn wrong_method(method: Method) -> Failure {
    Failure::wrong_method(&method)
}
