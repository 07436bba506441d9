//! What is around every page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use springald_core::protocol::VERSION;

use super::assets;
use super::csrf;

/// A page, in parts that can be renewed one by one.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) tab: Tab,
    /// The name of each part, unique on its page, and what is in it; an empty one is not seen.
    pub(super) parts: Vec<(&'static str, Markup)>,
    /// Whether what it shows can change.
    pub(super) live: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Jobs,
    Sessions,
    Sql,
    Configuration,
    None,
}

/// What the frame says of the process.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// The master's URL; none for the history.
    pub(super) url: Option<String>,
    pub(super) sql: bool,
    /// Whether there is a login to end.
    pub(super) login: bool,
    /// For whoever may not look around yet.
    pub(super) bare: bool,
}

/// The whole document.
pub(super) fn document(frame: &Frame, page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · Springald" }
                link rel="icon" type="image/svg+xml" href=(assets::ICON.address());
                link rel="stylesheet" href=(assets::STYLE.address());
                script src=(assets::SCRIPT.address()) defer {}
                @if page.live {
                    noscript { meta http-equiv="refresh" content="10"; }
                }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (header(frame, page))
                main #content tabindex="-1" data-live[page.live] {
                    @for (name, content) in &page.parts {
                        section.part id=(format!("part-{name}")) data-part=(name) { (content) }
                    }
                }
                p #announcement .unseen role="status" {}
                footer {
                    span { "Springald " (VERSION) }
                    @if frame.url.is_some() && !frame.bare {
                        a href="/api/v1/docs" { "REST" }
                    }
                    @if page.live {
                        noscript { span { "Renewed every 10 s" } }
                    }
                }
            }
        }
    }
}

fn header(frame: &Frame, page: &Page) -> Markup {
    let link = |tab: Tab, address: &str, name: &str| {
        html! {
            a href=(address) aria-current=[(tab == page.tab).then_some("page")] { (name) }
        }
    };
    html! {
        header.top {
            a.brand href="/" {
                svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
                    path d="M3 20h18M6 20l5-9M16 20l-5-9M4 14 20 4" {}
                    circle cx="20" cy="4" r="1.8" {}
                }
                "Springald"
            }
            @if !frame.bare {
                nav aria-label="Pages" {
                    @if frame.url.is_some() { (link(Tab::Overview, "/", "Overview")) }
                    (link(Tab::Jobs, "/jobs", "Jobs"))
                    (link(Tab::Sessions, "/sessions", "Sessions"))
                    @if frame.sql { (link(Tab::Sql, "/sql", "SQL")) }
                    @if frame.url.is_some() { (link(Tab::Configuration, "/configuration", "Configuration")) }
                }
                div.aside {
                    @match &frame.url {
                        Some(url) => code.place { (url) },
                        None => span.place { "History" },
                    }
                    @if page.live {
                        button #live type="button" hidden { "Live" }
                    }
                    @if frame.login {
                        form method="post" action="/logout" {
                            (secret())
                            button type="submit" { "Log out" }
                        }
                    }
                }
            }
        }
    }
}

/// The hidden field of every form that changes something.
pub(super) fn secret() -> Markup {
    html! { input type="hidden" name="csrf" value=(csrf::token()); }
}

/// A page that says why there is none.
pub(super) fn message(frame: &Frame, status: StatusCode, title: &str, text: &str) -> Response {
    let page = Page {
        title: title.to_owned(),
        tab: Tab::None,
        parts: vec![("message", html! { h1 { (title) } p { (text) } })],
        live: false,
    };
    (status, document(frame, &page)).into_response()
}

/// Pairs of a name and what stands for it.
pub(super) fn facts(pairs: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in pairs {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A table that is moved sideways where it is wider than the page; `id` is unique on the page.
pub(super) fn scrolled(id: &str, label: &str, content: &Markup) -> Markup {
    html! {
        div.scroll id=(id) tabindex="0" role="region" aria-label=(label) { (content) }
    }
}
