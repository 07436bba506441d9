//! How a page in a browser is kept up to date: its parts are rendered again about once a second, and those that differ
//! are sent as server-sent events `part`, each `{"id": …, "html": …}`. What is shown is made in one place that way.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::Pages;
use super::view::View;

/// A proxy in between may close what is silent.
const BEAT: Duration = Duration::from_secs(15);
/// A page where nothing seems to happen is looked at every so many rounds.
const IDLE_ROUNDS: u32 = 2;

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Path and query of the page.
    of: String,
}

#[derive(Serialize)]
struct Part<'a> {
    id: &'a str,
    html: &'a str,
}

/// What a browser shows, part by part.
struct Shown {
    pages: Arc<Pages>,
    view: View,
    tick: Interval,
    parts: HashMap<&'static str, String>,
    gone: bool,
    /// Of jobs; memory and the like change by themselves.
    changed: watch::Receiver<u64>,
}

pub(super) async fn events(
    State(pages): State<Arc<Pages>>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let view = wanted.of.parse::<Uri>().ok().and_then(|uri| View::of(&uri));
    let Some(view) = view else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
    Sse::new(updates(pages, view))
        .keep_alive(KeepAlive::new().interval(BEAT))
        .into_response()
}

fn updates(pages: Arc<Pages>, view: View) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut tick = tokio::time::interval(view.every());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changed = pages.records.changes();
    changed.mark_changed();
    let shown = Shown {
        changed,
        pages,
        view,
        tick,
        parts: HashMap::new(),
        gone: false,
    };
    let rounds = stream::unfold(shown, |mut shown| async move {
        if shown.gone {
            return None;
        }
        shown.tick.tick().await;
        let idle = shown.view.every() * IDLE_ROUNDS;
        let _ = tokio::time::timeout(idle, shown.changed.changed()).await;
        let events = shown.changes().await;
        Some((stream::iter(events.into_iter().map(Ok)), shown))
    });
    rounds.flatten()
}

impl Shown {
    async fn changes(&mut self) -> Vec<Event> {
        let Some(page) = self.pages.page(&self.view).await else {
            self.gone = true;
            return vec![Event::default().event("gone").data("")];
        };
        let mut events = vec![];
        for (id, content) in page.parts {
            let html = content.into_string();
            if self.parts.get(id) == Some(&html) {
                continue;
            }
            // Texts always have a form in JSON.
            if let Ok(event) = Event::default()
                .event("part")
                .json_data(Part { id, html: &html })
            {
                events.push(event);
            }
            self.parts.insert(id, html);
        }
        events
    }
}

impl View {
    /// How often the page is looked at again. Some ask workers or go through all jobs.
    fn every(&self) -> Duration {
        match self {
            Self::Overview | Self::Jobs(_) | Self::Job(_) => Duration::from_secs(1),
            Self::Worker(_) => Duration::from_secs(2),
            Self::Sessions | Self::Configuration => Duration::from_secs(3),
        }
    }
}
