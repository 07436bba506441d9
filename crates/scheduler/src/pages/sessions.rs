//! The sessions whose jobs are known.

use maud::{Markup, html};
use springald_core::protocol::{SessionInfo, now_ms};

use super::Pages;
use super::layout::{Page, Tab, scrolled};
use super::text::{ago, bytes_or_dash, count, encoded, state};
use crate::records::JobFilter;
use crate::submissions::known_sessions;

/// Sessions that are shown, the most recently used ones.
const SHOWN: usize = 200;

pub(super) async fn page(pages: &Pages) -> Page {
    let jobs = pages.records.list(&JobFilter::default()).await.jobs;
    let (open, cached) = match &pages.live {
        Some(live) => (live.interactive.list(), live.cached.list()),
        None => (vec![], vec![]),
    };
    let sessions = known_sessions(open, &jobs, &cached);
    Page {
        title: "Sessions".to_owned(),
        tab: Tab::Sessions,
        parts: vec![("sessions", list(&sessions, now_ms()))],
        live: true,
    }
}

fn list(sessions: &[SessionInfo], now: u64) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Sessions" }
            thead {
                tr {
                    th scope="col" { "Program" }
                    th scope="col" { "State" }
                    th.wide scope="col" { "Session" }
                    th.num scope="col" { "Jobs" }
                    th.num scope="col" { "Failed" }
                    th.num.wide scope="col" { "Cached" }
                    th.num scope="col" { "Last seen" }
                }
            }
            tbody {
                @for session in sessions.iter().take(SHOWN) {
                    tr {
                        th.job scope="row" {
                            a href=(format!("/jobs?text={}", encoded(&session.id))) { (if session.name.is_empty() { &session.id } else { &session.name }) }
                        }
                        td { (state(if session.jobs_active + session.statements_active > 0 { "running" } else { "idle" })) }
                        td.wide.id { (session.id) }
                        td.num { (count(session.jobs.into())) }
                        td.num { (count(session.jobs_failed.into())) }
                        td.num.wide { (bytes_or_dash(session.cached_bytes)) }
                        td.num { (ago(session.last_seen_ms, now)) }
                    }
                }
            }
        }
    };
    html! {
        h1 { "Sessions" }
        p.sub { "Programs and prompts that are known here by their jobs, by what they have cached, or because the master runs them." }
        @if sessions.is_empty() {
            p.none { "No session has run a job." }
        } @else {
            (scrolled("scroll-sessions", "Sessions", &table))
            @if sessions.len() > SHOWN {
                p.sub { "The " (SHOWN) " most recent of " (count(sessions.len() as u64)) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use springald_core::protocol::JobState;

    use super::super::tests::job;
    use super::*;

    #[test]
    fn jobs_make_sessions() {
        let mut jobs = vec![
            job("job-3", JobState::Done),
            job("job-2", JobState::Failed),
            job("job-1", JobState::Running),
        ];
        jobs[1].name = "<b>older</b>".into();
        jobs[2].session = "other".into();
        let sessions = known_sessions(vec![], &jobs, &[]);
        assert_eq!(sessions.len(), 2);
        assert_eq!(
            (sessions[0].id.as_str(), sessions[0].jobs_active),
            ("other", 1)
        );
        assert_eq!((sessions[1].jobs, sessions[1].jobs_failed), (2, 1));
        assert_eq!(sessions[1].name, jobs[0].name);
        let text = list(&sessions, 0).into_string();
        assert!(text.contains("href=\"/jobs?text=other\""), "{text}");
        assert!(list(&[], 0).into_string().contains("No session"));
    }
}
