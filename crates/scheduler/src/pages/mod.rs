//! The pages for a browser: of a running master, or of the history alone.
//!
//! ```text
//!  address ── view ──▶ overview, jobs, job, worker, sessions, configuration ──▶ parts ──┬─ layout   a whole document
//!                                                                                       └─ events   what has changed
//!  forms ── csrf ──▶ kill, sql, login
//! ```
//!
//! Everything is rendered here and works without a script; the script in `assets` only puts renewed parts in place.

mod assets;
mod chart;
mod configuration;
pub(crate) mod csrf;
mod dag;
mod events;
mod graph;
mod job;
mod jobs;
mod layout;
mod login;
mod operators;
mod overview;
mod samples;
mod sessions;
mod spread;
mod sql;
mod stages;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod view;
mod worker;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use springald_core::login::Logins;
use springald_core::security;

use crate::MasterOptions;
use crate::cached::Cached;
use crate::jobs::Board;
use crate::ledger::Ledger;
use crate::records::Records;
use crate::submissions::Interactive;
use crate::workers::Workers;
use layout::{Frame, Page, document};
use view::View;

pub(crate) use samples::Samples;
pub(crate) use sql::SqlPage;

/// What the pages show.
pub(crate) struct Pages {
    pub(crate) records: Arc<Records>,
    /// The browsers that have logged in at the server that serves these pages.
    pub(crate) logins: Arc<Logins>,
    /// None for the history: it shows jobs alone.
    pub(crate) live: Option<Live>,
}

/// The parts of a running master that pages show and change.
pub(crate) struct Live {
    pub(crate) options: MasterOptions,
    /// `springald://host:port`, as workers and clients reach it.
    pub(crate) url: String,
    /// The ports that are open: of everything, and of pages and REST.
    pub(crate) ports: (u16, Option<u16>),
    pub(crate) started_at_ms: u64,
    pub(crate) board: Arc<Board>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) cached: Arc<Cached>,
    pub(crate) interactive: Arc<Interactive>,
    pub(crate) samples: Arc<Samples>,
    /// None where SQL from a page is turned off.
    pub(crate) sql: Option<SqlPage>,
}

/// Everything a browser may do. It may load nothing from elsewhere, run no script and use no style but our own files,
/// and show these pages in no page of another site.
const POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

pub(crate) fn routes(pages: Pages) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/jobs", get(show))
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/kill", post(kill))
        .route("/workers/{id}", get(show))
        .route("/sessions", get(show))
        .route("/configuration", get(show))
        .route("/sql", get(sql::form).post(sql::run))
        .route("/login", get(login::form).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/events", get(events::events))
        .layer(middleware::map_response(not_kept))
        .merge(assets::routes())
        .layer(middleware::map_response(guarded))
        .with_state(Arc::new(pages))
}

impl Pages {
    /// None if there is nothing of this name.
    async fn page(&self, view: &View) -> Option<Page> {
        match (view, &self.live) {
            (View::Overview, Some(live)) => Some(overview::page(self, live).await),
            (View::Overview, None) => Some(jobs::page(self, &view::JobsView::default()).await),
            (View::Jobs(wanted), _) => Some(jobs::page(self, wanted).await),
            (View::Job(id), _) => job::page(self, id).await,
            (View::Worker(id), Some(live)) => worker::page(live, id).await,
            (View::Sessions, _) => Some(sessions::page(self).await),
            (View::Configuration, Some(live)) => Some(configuration::page(live)),
            (View::Worker(_) | View::Configuration, None) => None,
        }
    }

    fn frame(&self) -> Frame {
        Frame {
            url: self.live.as_ref().map(|live| live.url.clone()),
            sql: self.live.as_ref().is_some_and(|live| live.sql.is_some()),
            login: security().is_ok_and(|security| security.asks_for_token()),
            bare: false,
        }
    }

    /// A whole document, with the cookie that its forms need.
    fn answer(&self, headers: &HeaderMap, page: &Page) -> Response {
        let mut response = document(&self.frame(), page).into_response();
        if let Some(cookie) = csrf::new_cookie(headers) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

async fn show(State(pages): State<Arc<Pages>>, uri: Uri, headers: HeaderMap) -> Response {
    let page = match View::of(&uri) {
        Some(view) => pages.page(&view).await,
        None => None,
    };
    match page {
        Some(page) => pages.answer(&headers, &page),
        None => layout::message(
            &pages.frame(),
            StatusCode::NOT_FOUND,
            "Not found",
            "There is nothing of this name here, or not any more: workers that left are forgotten, and so are old jobs.",
        ),
    }
}

/// A form whose only field is the secret.
#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    csrf: String,
}

async fn kill(
    State(pages): State<Arc<Pages>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Secret>,
) -> Response {
    if let Err(why) = csrf::check(&headers, &form.csrf) {
        return refused(&pages, why);
    }
    let known = pages
        .live
        .as_ref()
        .and_then(|live| live.board.cancel(&id, "a page"));
    match known {
        // It may have ended a moment before: its page says how.
        Some(_) => Redirect::to(&format!("/jobs/{}", text::encoded(&id))).into_response(),
        None => layout::message(
            &pages.frame(),
            StatusCode::NOT_FOUND,
            "Not found",
            &format!("This master has no job {id} that could be killed."),
        ),
    }
}

fn refused(pages: &Pages, why: &str) -> Response {
    let text = format!("Nothing was changed: {why}.");
    layout::message(&pages.frame(), StatusCode::FORBIDDEN, "Refused", &text)
}

/// Pages show what is there now, and hold a secret.
async fn not_kept(mut response: Response) -> Response {
    let kept = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    response
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Our own forms must say where they come from.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
