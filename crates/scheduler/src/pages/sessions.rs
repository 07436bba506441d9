//! The sessions whose jobs are known.

use std::collections::HashMap;

use maud::{Markup, html};
use springald_core::protocol::{CachedData, JobInfo, JobState, now_ms};

use super::Pages;
use super::layout::{Page, Tab, scrolled};
use super::text::{ago, bytes_or_dash, count, encoded, state};
use crate::records::JobFilter;

/// Sessions that are shown, the most recently used ones.
const SHOWN: usize = 200;

/// What is known of one session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    session: String,
    /// The name of its newest job, which most often is that of the program.
    name: String,
    jobs: u64,
    active: u64,
    failed: u64,
    last_ms: u64,
    cached_bytes: u64,
}

pub(super) async fn page(pages: &Pages) -> Page {
    let jobs = pages.records.list(&JobFilter::default()).await.jobs;
    let cached = match &pages.live {
        Some(live) => live.cached.list(),
        None => vec![],
    };
    Page {
        title: "Sessions".to_owned(),
        tab: Tab::Sessions,
        parts: vec![("sessions", list(&rows(&jobs, &cached), now_ms()))],
        live: true,
    }
}

/// Of jobs, newest first.
fn rows(jobs: &[JobInfo], cached: &[CachedData]) -> Vec<Row> {
    let mut rows: HashMap<&str, Row> = HashMap::new();
    for job in jobs {
        let row = rows.entry(&job.session).or_insert_with(|| Row {
            session: job.session.clone(),
            name: job.name.clone(),
            ..Row::default()
        });
        row.jobs += 1;
        row.active += u64::from(!job.state.is_final());
        row.failed += u64::from(job.state == JobState::Failed);
        let last = job.ended_at_ms.unwrap_or(job.submitted_at_ms);
        row.last_ms = row.last_ms.max(last);
    }
    for data in cached {
        if let Some(row) = rows.get_mut(data.session.as_str()) {
            row.cached_bytes += data.blocks.iter().map(|block| block.bytes).sum::<u64>();
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| {
        let order = |row: &Row| (row.active > 0, row.last_ms);
        order(b)
            .cmp(&order(a))
            .then_with(|| a.session.cmp(&b.session))
    });
    rows
}

fn list(rows: &[Row], now: u64) -> Markup {
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
                    th.num scope="col" { "Last job" }
                }
            }
            tbody {
                @for row in rows.iter().take(SHOWN) {
                    tr {
                        th.job scope="row" {
                            a href=(format!("/jobs?text={}", encoded(&row.session))) { (row.name) }
                        }
                        td { (state(if row.active > 0 { "running" } else { "idle" })) }
                        td.wide.id { (row.session) }
                        td.num { (count(row.jobs)) }
                        td.num { (count(row.failed)) }
                        td.num.wide { (bytes_or_dash(row.cached_bytes)) }
                        td.num { (ago(row.last_ms, now)) }
                    }
                }
            }
        }
    };
    html! {
        h1 { "Sessions" }
        p.sub { "Programs and prompts whose jobs are known here." }
        @if rows.is_empty() {
            p.none { "No session has run a job." }
        } @else {
            (scrolled("scroll-sessions", "Sessions", &table))
            @if rows.len() > SHOWN {
                p.sub { "The " (SHOWN) " most recent of " (count(rows.len() as u64)) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        let rows = rows(&jobs, &[]);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].session.as_str(), rows[0].active), ("other", 1));
        assert_eq!((rows[1].jobs, rows[1].failed), (2, 1));
        assert_eq!(rows[1].name, jobs[0].name);
        let text = list(&rows, 0).into_string();
        assert!(text.contains("href=\"/jobs?text=other\""), "{text}");
        assert!(list(&[], 0).into_string().contains("No session"));
    }
}
