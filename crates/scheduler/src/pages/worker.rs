//! The page of one worker; what it says of itself is asked for when somebody looks.

use maud::{Markup, html};
use springald_core::protocol::{CachedData, ProbeReport, WorkerInfo};

use super::Live;
use super::chart::bar;
use super::layout::{Page, Tab, facts, scrolled};
use super::text::{bytes, count, counted, duration, encoded, state};
use crate::ledger::TaskNow;

/// What is on the page.
struct Worker {
    info: WorkerInfo,
    tasks: Vec<TaskNow>,
    cached: Vec<CachedData>,
    /// None if it left just now.
    probe: Option<ProbeReport>,
    log: Result<Vec<String>, String>,
}

pub(super) async fn page(live: &Live, id: &str) -> Option<Page> {
    let mut workers = live.ledger.worker_infos().into_iter();
    let info = workers.find(|worker| worker.id == id)?;
    let (probe, log) = if info.state.is_member() {
        tokio::join!(live.workers.look_at(id), live.workers.log(id))
    } else {
        (None, Err("the worker is gone".to_owned()))
    };
    let worker = Worker {
        tasks: live.ledger.tasks_now(id),
        cached: live.cached.list(),
        info,
        probe,
        log,
    };
    Some(worker.page())
}

impl Worker {
    fn page(&self) -> Page {
        Page {
            title: format!("Worker {}", self.address()),
            tab: Tab::Overview,
            parts: vec![
                ("head", self.head()),
                ("facts", self.facts()),
                ("tasks", self.tasks()),
                ("cached", self.cached()),
                ("log", log_lines(&self.log)),
            ],
            live: true,
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.info.host, self.info.port)
    }

    fn head(&self) -> Markup {
        let word = self.info.state.name();
        html! {
            p.path { a href="/" { "Overview" } }
            h1 { "Worker " (self.address()) " " (state(word)) }
            data.unseen data-announce value=(format!("The worker is {word}")) {}
        }
    }

    fn facts(&self) -> Markup {
        let info = &self.info;
        let busy = info.cores.saturating_sub(info.cores_free);
        let mut pairs = vec![
            (
                "Cores",
                html! { (busy) " of " (info.cores) " busy" (bar(busy.into(), info.cores.into())) },
            ),
            (
                "Memory",
                html! {
                    (bytes(info.memory_used_bytes)) " used, " (bytes(info.memory_bytes)) " for tasks"
                    (bar(info.memory_used_bytes, info.memory_bytes))
                },
            ),
            (
                "Cached in memory",
                html! { (bytes(info.cached_memory_bytes)) },
            ),
            ("Cached on disk", html! { (bytes(info.cached_disk_bytes)) }),
        ];
        if let Some(probe) = &self.probe {
            match &probe.error {
                Some(why) => pairs.push(("Disk", html! { span.why { (why) } })),
                None => pairs.extend([
                    ("Disk free", html! { (bytes(probe.disk_free_bytes)) }),
                    ("Work folder", html! { code { (probe.work_dir) } }),
                    ("Version", html! { (probe.version) }),
                ]),
            }
        }
        pairs.push(("Id", html! { span.id { (info.id) } }));
        facts(&pairs)
    }

    fn tasks(&self) -> Markup {
        let table = html! {
            table {
                caption.unseen { "Tasks now" }
                thead {
                    tr {
                        th scope="col" { "Job" }
                        th.num scope="col" { "Stage" }
                        th.num scope="col" { "Task" }
                        th.num scope="col" { "Cores" }
                        th.num scope="col" { "Time" }
                    }
                }
                tbody {
                    @for task in &self.tasks {
                        // An attempt is named after its job and its number.
                        @let job = task.attempt.rsplit_once('-').map_or(task.attempt.as_str(), |(job, _)| job);
                        tr {
                            th scope="row" { a href=(format!("/jobs/{}", encoded(job))) { (job) } }
                            td.num { (task.stage) }
                            td.num { (task.task) }
                            td.num { (task.cores) }
                            td.num { (duration(task.age_ms)) }
                        }
                    }
                }
            }
        };
        html! {
            h2 { "Tasks now" }
            @if self.tasks.is_empty() { p.none { "None." } }
            @else { (scrolled("scroll-tasks", "Tasks now", &table)) }
        }
    }

    fn cached(&self) -> Markup {
        let address = self.address();
        // What each of the cached tables has here: name, session, blocks, rows, bytes.
        let here: Vec<_> = self
            .cached
            .iter()
            .filter_map(|data| {
                let blocks = data.blocks.iter().filter(|block| block.worker == address);
                let sum = blocks.fold((0u64, 0u64, 0u64), |sum, block| {
                    (sum.0 + 1, sum.1 + block.rows, sum.2 + block.bytes)
                });
                (sum.0 > 0).then_some((data, sum))
            })
            .collect();
        let table = html! {
            table {
                caption.unseen { "Cached partitions" }
                thead {
                    tr {
                        th scope="col" { "Data" }
                        th.wide scope="col" { "Session" }
                        th.num scope="col" { "Partitions here" }
                        th.num scope="col" { "of" }
                        th.num scope="col" { "Rows" }
                        th.num scope="col" { "Bytes" }
                    }
                }
                tbody {
                    @for (data, (blocks, rows, size)) in &here {
                        tr {
                            th.id scope="row" { (data.name) }
                            td.wide { a.id href=(format!("/jobs?text={}", encoded(&data.session))) { (data.session) } }
                            td.num { (count(*blocks)) }
                            td.num { (count(data.blocks.len() as u64)) }
                            td.num { (count(*rows)) }
                            td.num { (bytes(*size)) }
                        }
                    }
                }
            }
        };
        html! {
            @if !here.is_empty() {
                h2 { "Cached partitions" }
                (scrolled("scroll-cached", "Cached partitions", &table))
            }
        }
    }
}

/// The last lines of a log, the newest at the end, where it stays in view.
pub(super) fn log_lines(log: &Result<Vec<String>, String>) -> Markup {
    html! {
        h2 { "Log" }
        @match log {
            Err(why) => { p.none { "The log cannot be shown: " (why) "." } }
            Ok(lines) if lines.is_empty() => { p.none { "Nothing was logged." } }
            Ok(lines) => {
                p.sub { "The last " (counted(lines.len() as u64, "line")) }
                pre.log #log-lines tabindex="0" data-tail role="region" aria-label="Log" {
                    @for line in lines {
                        span class=[level(line)] { (line) } "\n"
                    }
                }
            }
        }
    }
}

/// Lines begin with the time and the level.
fn level(line: &str) -> Option<&'static str> {
    line.split_whitespace().take(2).find_map(|word| match word {
        "WARN" => Some("warn"),
        "ERROR" => Some("error"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use springald_core::protocol::{Block, WorkerState};

    use super::super::tests::worker;
    use super::*;

    fn text(worker: &Worker) -> String {
        let parts = worker.page().parts.into_iter();
        parts.map(|(_, part)| part.into_string()).collect()
    }

    #[test]
    fn a_worker_with_all_there_can_be() {
        let block = |worker: &str| Block {
            id: "b".into(),
            rows: 10,
            bytes: 2048,
            worker: worker.into(),
            cores: 2,
        };
        let info = worker("w-1", WorkerState::Active);
        let here = format!("{}:{}", info.host, info.port);
        let text = text(&Worker {
            info,
            tasks: vec![TaskNow {
                attempt: "job-5f-00001-2".into(),
                stage: 3,
                task: 4,
                cores: 1,
                age_ms: 1_500,
            }],
            cached: vec![CachedData {
                name: "s-1".into(),
                session: "s".into(),
                blocks: vec![block(&here), block("elsewhere:1"), block(&here)],
            }],
            probe: None,
            log: Ok(vec![
                "2026-01-01T00:00:00Z  WARN a: <b>".into(),
                "2026-01-01T00:00:00Z  INFO a: c".into(),
            ]),
        });
        assert!(text.contains("href=\"/jobs/job-5f-00001\""), "{text}");
        assert!(text.contains("4.0 KiB") && text.contains("1.5 s"), "{text}");
        assert!(text.contains("<span class=\"warn\">2026"), "{text}");
        assert!(text.contains("&lt;b&gt;"), "{text}");
    }

    #[test]
    fn a_worker_that_left() {
        let text = text(&Worker {
            info: worker("w-1", WorkerState::Lost),
            tasks: vec![],
            cached: vec![],
            probe: None,
            log: Err("the worker is lost".into()),
        });
        assert!(
            text.contains("cannot be shown: the worker is lost."),
            "{text}"
        );
        assert!(!text.contains("Cached partitions"), "{text}");
    }
}
