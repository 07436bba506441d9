//! The front page: what the cluster has, what it does, and what waits for what.

use maud::{Markup, html};
use springald_core::protocol::{JobInfo, JobState, VERSION, WorkerInfo, now_ms};

use super::chart::{bar, sparkline};
use super::jobs;
use super::layout::{Page, Tab, scrolled};
use super::samples::{SPAN, Sample};
use super::text::{ago, bytes, bytes_or_dash, counted, duration, encoded, state};
use super::{Live, Pages};
use crate::records::JobFilter;

/// Ended jobs that are shown.
const ENDED: usize = 15;
/// Jobs that wait or run, of which there can be thousands.
const ACTIVE: usize = 100;

/// What is on the page.
struct Overview {
    url: String,
    workspace: String,
    started_at_ms: u64,
    now_ms: u64,
    workers: Vec<WorkerInfo>,
    samples: Vec<Sample>,
    active: Vec<JobInfo>,
    /// Jobs that wait and jobs that run.
    counts: (u32, u32),
    ended: Vec<JobInfo>,
}

pub(super) async fn page(pages: &Pages, live: &Live) -> Page {
    let of = |states: &[JobState], limit| JobFilter {
        states: states.to_vec(),
        limit: Some(limit),
        ..JobFilter::default()
    };
    let active = of(&[JobState::Running, JobState::Waiting], ACTIVE);
    let ended = [JobState::Done, JobState::Failed, JobState::Cancelled];
    let ended = of(&ended, ENDED);
    let (active, ended) = tokio::join!(pages.records.list(&active), pages.records.list(&ended));
    let overview = Overview {
        url: live.url.clone(),
        workspace: live.options.workspace.display().to_string(),
        started_at_ms: live.started_at_ms,
        now_ms: now_ms(),
        workers: live.ledger.worker_infos(),
        samples: live.samples.list(),
        active: active.jobs,
        counts: live.board.counts(),
        ended: ended.jobs,
    };
    overview.page()
}

impl Overview {
    fn page(&self) -> Page {
        Page {
            title: "Overview".to_owned(),
            tab: Tab::Overview,
            parts: vec![
                ("head", self.head()),
                ("now", self.now()),
                ("active", self.active()),
                ("workers", self.workers()),
                ("ended", self.ended()),
            ],
            live: true,
        }
    }

    fn head(&self) -> Markup {
        let age = self.now_ms.saturating_sub(self.started_at_ms);
        // Minutes will do, so that the line seldom changes.
        let up = match age {
            0..=59_999 => "for less than a minute".to_owned(),
            _ => format!(
                "for {}",
                duration(age / 60_000 * 60_000).replace(" 0 s", "")
            ),
        };
        html! {
            h1 { "Cluster" }
            p.sub {
                code { (self.url) } " · version " (VERSION) " · running " (up)
                " · workspace " code { (self.workspace) }
            }
        }
    }

    fn now(&self) -> Markup {
        let now = Sample::of(&self.workers);
        let there = self
            .workers
            .iter()
            .filter(|worker| worker.state.is_member())
            .count();
        let list = |of: fn(&Sample) -> u64| self.samples.iter().map(of).collect::<Vec<u64>>();
        let used = list(|sample| sample.cores_used);
        let most = used.iter().max().copied().unwrap_or(0);
        let cores = format!(
            "Cores in use over the last {SPAN}: now {} of {}, at most {most}",
            now.cores_used, now.cores
        );
        let memory = list(|sample| sample.memory_used);
        let most = memory.iter().max().copied().unwrap_or(0);
        let memory_label = format!(
            "Memory in use over the last {SPAN}: now {}, at most {}; tasks may use {}",
            bytes(now.memory_used),
            bytes(most),
            bytes(now.memory)
        );
        let (waiting, running) = self.counts;
        html! {
            div.tiles {
                div.tile.chart {
                    h2 { "Cores" }
                    p.figure { b { (now.cores_used) } " of " (now.cores) " busy" }
                    (sparkline(&cores, &used, &list(|sample| sample.cores)))
                }
                div.tile.chart {
                    h2 { "Memory" }
                    p.figure { b { (bytes(now.memory_used)) } " used, tasks may use " (bytes(now.memory)) }
                    (sparkline(&memory_label, &memory, &list(|sample| sample.memory)))
                }
                div.tile {
                    h2 { "Workers" }
                    p.figure { b { (there) } }
                }
                div.tile {
                    h2 { "Running" }
                    p.figure { b { (running) } " " (if running == 1 { "job" } else { "jobs" }) }
                }
                div.tile {
                    h2 { "Waiting" }
                    p.figure { b { (waiting) } " " (if waiting == 1 { "job" } else { "jobs" }) }
                }
            }
        }
    }

    fn active(&self) -> Markup {
        let (waiting, running) = self.counts;
        let more = (waiting + running) as usize > self.active.len();
        html! {
            h2 { "Running and waiting" }
            @if self.active.is_empty() {
                p.none {
                    "No job runs or waits."
                    @if self.workers.is_empty() {
                        " No worker is here either; start one: "
                        code { "springald worker --master " (self.url) }
                    }
                }
            } @else {
                (jobs::active_table("active", &self.active, self.now_ms))
                @if more {
                    p.more { a href="/jobs?state=running" { "All running jobs" } " " a href="/jobs?state=waiting" { "All waiting jobs" } }
                }
            }
        }
    }

    fn workers(&self) -> Markup {
        let table = html! {
            table {
                caption.unseen { "Workers" }
                thead {
                    tr {
                        th scope="col" { "Worker" }
                        th scope="col" { "State" }
                        th.meter scope="col" { "Cores" }
                        th.meter scope="col" { "Memory" }
                        th.num.wide scope="col" { "Cached" }
                        th.num scope="col" { "Tasks" }
                        th.num.wide scope="col" { "Heard" }
                    }
                }
                tbody { @for worker in &self.workers { (row(worker)) } }
            }
        };
        html! {
            @if !self.workers.is_empty() {
                h2 { "Workers" }
                (scrolled("scroll-workers", "Workers", &table))
            }
        }
    }

    fn ended(&self) -> Markup {
        html! {
            @if !self.ended.is_empty() {
                h2 { "Ended" }
                (jobs::ended_table("ended", &self.ended, self.now_ms))
                p.more { a href="/jobs" { "All jobs" } }
            }
        }
    }
}

fn row(worker: &WorkerInfo) -> Markup {
    let address = format!("{}:{}", worker.host, worker.port);
    let gone = !worker.state.is_member();
    let busy = worker.cores.saturating_sub(worker.cores_free);
    html! {
        tr {
            th scope="row" {
                @if gone { (address) }
                @else { a href=(format!("/workers/{}", encoded(&worker.id))) { (address) } }
            }
            td { (state(worker.state.name())) }
            td.meter {
                @if gone { (counted(worker.cores.into(), "core")) }
                @else { (busy) " of " (worker.cores) " busy" (bar(busy.into(), worker.cores.into())) }
            }
            td.meter {
                @if !gone {
                    (bytes(worker.memory_used_bytes)) span.wide { " used, " (bytes(worker.memory_bytes)) " for tasks" }
                    (bar(worker.memory_used_bytes, worker.memory_bytes))
                }
            }
            td.num.wide { (bytes_or_dash(worker.cached_memory_bytes + worker.cached_disk_bytes)) }
            td.num { (worker.tasks) }
            td.num.wide { (heard(worker)) }
        }
    }
}

/// Healthy workers are heard all the time; the seconds would be noise.
fn heard(worker: &WorkerInfo) -> Markup {
    let now = now_ms();
    html! {
        @if worker.last_seen_ms < 10_000 { "now" }
        @else { (ago(now.saturating_sub(worker.last_seen_ms), now)) }
    }
}

#[cfg(test)]
mod tests {
    use springald_core::protocol::WorkerState;

    use super::super::tests::{job, worker};
    use super::*;

    fn overview() -> Overview {
        Overview {
            url: "springald://m:7077".into(),
            workspace: "/w".into(),
            started_at_ms: 0,
            now_ms: 125_000,
            workers: vec![],
            samples: vec![],
            active: vec![],
            counts: (0, 0),
            ended: vec![],
        }
    }

    fn text(overview: &Overview) -> String {
        let parts = overview.page().parts.into_iter();
        parts.map(|(_, part)| part.into_string()).collect()
    }

    #[test]
    fn an_empty_cluster_says_how_to_begin() {
        let text = text(&overview());
        assert!(text.contains("No job runs or waits."), "{text}");
        assert!(
            text.contains("springald worker --master springald://m:7077"),
            "{text}"
        );
        assert!(text.contains("running for 2 min"), "{text}");
    }

    #[test]
    fn a_busy_cluster_says_why_a_job_waits() {
        let mut waiting = job("job-2", JobState::Waiting);
        waiting.message = Some("waiting for <memory>".into());
        let text = text(&Overview {
            workers: vec![
                worker("a", WorkerState::Active),
                worker("b", WorkerState::Lost),
            ],
            samples: vec![Sample::default(); 3],
            active: vec![waiting, job("job-1", JobState::Running)],
            counts: (1, 1),
            ended: vec![job("job-0", JobState::Failed)],
            ..overview()
        });
        assert!(text.contains("waiting for &lt;memory&gt;"), "{text}");
        assert!(text.contains("href=\"/workers/a\""), "{text}");
        assert!(!text.contains("href=\"/workers/b\""), "{text}");
        assert!(text.contains("now 1 of 2"), "{text}");
    }
}
