//! What this master is, and the settings that sessions can make.

use ballista_core::BALLISTA_VERSION;
use datafusion::DATAFUSION_VERSION;
use datafusion::config::{ConfigEntry, ExtensionOptions};
use maud::{Markup, html};
use springald_core::config::{SpringaldConfig, from_environment};
use springald_core::protocol::VERSION;
use springald_core::{recent_log, security};

use super::Live;
use super::layout::{Page, Tab, facts, scrolled};
use super::text::{duration, moment};
use super::worker::log_lines;

pub(super) fn page(live: &Live) -> Page {
    let entries = SpringaldConfig::default().entries();
    Page {
        title: "Configuration".to_owned(),
        tab: Tab::Configuration,
        parts: vec![
            ("head", html! { h1 { "Configuration" } }),
            ("master", master(live)),
            ("settings", settings(&entries, &from_environment())),
            ("log", log_lines(&Ok(recent_log().lines()))),
        ],
        live: true,
    }
}

fn master(live: &Live) -> Markup {
    let options = &live.options;
    let (port, ui_port) = live.ports;
    let (token, tls) = match security() {
        Ok(security) => (security.asks_for_token(), security.identity().is_some()),
        Err(_) => (false, false),
    };
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let pairs = [
        ("Springald", html! { (VERSION) }),
        ("Ballista", html! { (BALLISTA_VERSION) }),
        ("DataFusion", html! { (DATAFUSION_VERSION) }),
        ("Started", moment(live.started_at_ms)),
        ("Listens on", html! { code { (options.host) } }),
        ("Clients and workers", html! { "port " (port) }),
        (
            "Pages and REST",
            html! {
                @match ui_port { Some(port) => { "port " (port) }, None => "no port" }
            },
        ),
        ("Reached at", html! { code { (live.url) } }),
        (
            "Workspace",
            html! { code { (options.workspace.display()) } },
        ),
        (
            "A worker is lost after",
            html! { (duration(options.worker_timeout.as_millis() as u64)) },
        ),
        ("Token asked for", html! { (yes(token)) }),
        ("TLS", html! { (yes(tls)) }),
        ("SQL from a page", html! { (yes(live.sql.is_some())) }),
    ];
    html! {
        h2 { "This master" }
        (facts(&pairs))
    }
}

/// `changed`: the ones that the environment of this process sets, for sessions that begin in it.
fn settings(entries: &[ConfigEntry], changed: &[(String, String)]) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Settings of a session" }
            thead {
                tr {
                    th scope="col" { "Key" }
                    th scope="col" { "Default" }
                    th scope="col" { "Meaning" }
                }
            }
            tbody {
                @for entry in entries {
                    tr {
                        th scope="row" { code { (entry.key) } }
                        td {
                            code { (entry.value.as_deref().unwrap_or("")) }
                            @if let Some((_, value)) = changed.iter().find(|(key, _)| *key == entry.key) {
                                " " span.sub { "here: " code { (value) } }
                            }
                        }
                        td.text { (entry.description) }
                    }
                }
            }
        }
    };
    html! {
        h2 { "Settings of a session" }
        p.sub {
            "Set with " code { "--conf KEY=VALUE" } ", " code { "SET KEY = VALUE" } " in SQL, "
            code { ".config(KEY, VALUE)" } " in Python, or the environment: "
            code { "SPRINGALD_JOB_TIMEOUT_SECONDS" } " is " code { "springald.job_timeout_seconds" }
            ". The engine's keys, " code { "datafusion.…" } " and " code { "ballista.…" } ", go the same ways; "
            code { "SHOW ALL" } " lists them."
        }
        (scrolled("scroll-settings", "Settings of a session", &table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_explained() {
        let entries = SpringaldConfig::default().entries();
        let changed = [("springald.app_name".to_owned(), "<mine>".to_owned())];
        let text = settings(&entries, &changed).into_string();
        for entry in entries {
            assert!(text.contains(&entry.key) && text.contains(entry.description));
        }
        assert!(text.contains("here: <code>&lt;mine&gt;"), "{text}");
    }
}
