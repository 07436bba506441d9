//! The page of one job.

use maud::{Markup, html};
use springald_core::protocol::{JobInfo, JobState, now_ms};
use springald_core::record::{AttemptRecord, JobRecord};

use super::Pages;
use super::chart::progress;
use super::graph::{graph, work};
use super::jobs::took;
use super::layout::{Page, Tab, facts, scrolled, secret};
use super::stages;
use super::text::{ago, bytes_or_dash, count, counted, duration, encoded, moment, state};
use super::timeline::timeline;

pub(super) async fn page(pages: &Pages, id: &str) -> Option<Page> {
    let record = pages.records.get(id).await?;
    Some(render(&record, pages.live.is_some(), now_ms()))
}

/// `live`: there is a master that could kill it.
fn render(record: &JobRecord, live: bool, now: u64) -> Page {
    let job = &record.job;
    let goes_on = live && !job.state.is_final();
    Page {
        title: title(job).to_owned(),
        tab: Tab::Jobs,
        parts: vec![
            ("head", head(job)),
            // A part of its own: it does not change while somebody aims at it.
            ("kill", kill(job, goes_on)),
            ("state", progress_and_message(job)),
            ("facts", job_facts(record, now)),
            ("statement", statement(record)),
            ("graph", stage_graph(record, now)),
            ("timeline", times(record, now)),
            ("stages", stage_table(record, now)),
            ("details", details(record, now)),
            ("attempts", attempts(&record.attempts, now)),
            ("plan", plan(record)),
            ("settings", settings(record)),
        ],
        // A job that has ended is still looked at again: its record is completed a moment later.
        live,
    }
}

fn title(job: &JobInfo) -> &str {
    match job.name.trim() {
        "" => &job.id,
        name => name,
    }
}

fn head(job: &JobInfo) -> Markup {
    html! {
        p.path { a href="/jobs" { "Jobs" } }
        h1 { (title(job)) " " (state(job.state.name())) }
        // What a screen reader is told when it changes.
        data.unseen data-announce value=(format!("Job {} is {}", title(job), job.state.name())) {}
    }
}

/// In two steps, which need no script: a job of hours should not end with a slip of the finger.
fn kill(job: &JobInfo, goes_on: bool) -> Markup {
    html! {
        @if goes_on {
            details.kill id="kill" {
                summary { "Kill…" }
                form method="post" action=(format!("/jobs/{}/kill", encoded(&job.id))) {
                    (secret())
                    button.danger type="submit" { "Kill this job" }
                }
            }
        }
    }
}

fn progress_and_message(job: &JobInfo) -> Markup {
    let (done, running, all) = (
        u64::from(job.tasks_done),
        u64::from(job.tasks_running),
        u64::from(job.tasks),
    );
    html! {
        @if !job.state.is_final() && all > 0 {
            div.doing {
                p {
                    (count(done)) " of " (counted(all, "task")) " done, " (count(running)) " running · "
                    (job.stages_done) " of " (counted(job.stages.into(), "stage"))
                }
                (progress(done, running, all))
            }
        }
        @if let Some(message) = &job.message {
            @match job.state {
                JobState::Failed => { pre.problem { (message) } }
                _ => { p.note { (message) } }
            }
        }
    }
}

fn job_facts(record: &JobRecord, now: u64) -> Markup {
    let job = &record.job;
    let stages = &record.stages;
    let mut workers: Vec<&str> = stages
        .iter()
        .flat_map(|stage| &stage.tasks)
        .map(|task| task.worker.as_str())
        .collect();
    workers.sort_unstable();
    workers.dedup();
    let read_by_others = |id: u32| stages.iter().any(|stage| stage.inputs.contains(&id));
    let shuffled: u64 = stages
        .iter()
        .filter(|stage| read_by_others(stage.id))
        .map(|stage| stage.bytes_out)
        .sum();
    let spilled: u64 = stages.iter().map(|stage| stage.spilled_bytes).sum();
    let waited = job
        .started_at_ms
        .or(job.ended_at_ms)
        .unwrap_or(now)
        .saturating_sub(job.submitted_at_ms);
    let session = html! {
        a.id href=(format!("/jobs?text={}", encoded(&job.session))) { (job.session) }
    };
    let mut pairs = vec![
        ("Time", html! { (took(job, now)) }),
        ("of which waiting", html! { (duration(waited)) }),
        ("Stages", html! { (job.stages_done) " of " (job.stages) }),
        (
            "Tasks",
            html! { (count(job.tasks_done.into())) " of " (count(job.tasks.into())) },
        ),
    ];
    if !stages.is_empty() {
        pairs.extend([
            ("Time of tasks", html! { (duration(work(stages, now))) }),
            ("Shuffled", html! { (bytes_or_dash(shuffled)) }),
            ("Spilled", html! { (bytes_or_dash(spilled)) }),
            ("Workers", html! { (workers.len()) }),
        ]);
    }
    pairs.extend([
        ("Attempts", html! { (job.attempts) }),
        ("Submitted", moment(job.submitted_at_ms)),
    ]);
    if let Some(ended) = job.ended_at_ms {
        pairs.push(("Ended", ago(ended, now)));
    }
    pairs.extend([("Session", session), ("Id", html! { span.id { (job.id) } })]);
    facts(&pairs)
}

fn statement(record: &JobRecord) -> Markup {
    html! {
        @if let Some(sql) = &record.sql {
            h2 { "Statement" }
            pre.code #statement tabindex="0" { code { (sql) } }
        }
    }
}

fn stage_graph(record: &JobRecord, now: u64) -> Markup {
    html! {
        @if !record.stages.is_empty() {
            h2 { "Stages" }
            (graph(&record.stages, now))
        }
    }
}

fn times(record: &JobRecord, now: u64) -> Markup {
    let drawn = timeline(&record.stages, now);
    html! {
        @if !drawn.0.is_empty() {
            h2 { "Tasks by worker" }
            (drawn)
            (stages::slowest(&record.stages))
        }
    }
}

fn stage_table(record: &JobRecord, now: u64) -> Markup {
    html! {
        @if record.stages.is_empty() {
            @if record.job.state.is_final() { p.none { "No stage was begun." } }
        } @else {
            h2 { "Stages in numbers" }
            (stages::table(&record.stages, now))
        }
    }
}

fn details(record: &JobRecord, now: u64) -> Markup {
    html! {
        @if !record.stages.is_empty() {
            h2 { "Stages in detail" }
            @for stage in &record.stages { (stages::detail(stage, now)) }
        }
    }
}

/// One attempt without a word is what everybody expects.
fn attempts(attempts: &[AttemptRecord], now: u64) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Attempts" }
            thead {
                tr {
                    th.num scope="col" { "Attempt" }
                    th scope="col" { "Begun" }
                    th.num scope="col" { "Time" }
                    th scope="col" { "Given up because" }
                }
            }
            tbody {
                @for attempt in attempts {
                    tr {
                        th.num scope="row" { (attempt.number) }
                        td { (moment(attempt.started_at_ms)) }
                        td.num { (duration(attempt.ended_at_ms.unwrap_or(now).saturating_sub(attempt.started_at_ms))) }
                        td.text { (attempt.message.as_deref().unwrap_or("–")) }
                    }
                }
            }
        }
    };
    html! {
        @if attempts.len() > 1 || attempts.iter().any(|attempt| attempt.message.is_some()) {
            h2 { "Attempts" }
            (scrolled("scroll-attempts", "Attempts", &table))
        }
    }
}

fn plan(record: &JobRecord) -> Markup {
    html! {
        @if let Some(plan) = &record.plan {
            details id="whole-plan" {
                summary { h2 { "Plan before it was cut into stages" } }
                pre.code tabindex="0" { (plan) }
            }
        }
    }
}

fn settings(record: &JobRecord) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Settings that differ from their defaults" }
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } } }
            tbody {
                @for (key, value) in &record.settings {
                    tr { th scope="row" { code { (key) } } td.text { (value) } }
                }
            }
        }
    };
    html! {
        @if !record.settings.is_empty() {
            details id="settings" {
                summary { h2 { "Settings that differ from their defaults" } }
                (scrolled("scroll-settings", "Settings", &table))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use springald_core::record::StageState;

    use super::super::tests::{job, operator, record, stage, task};
    use super::*;

    fn text(record: &JobRecord, live: bool) -> String {
        let page = render(record, live, 10_000);
        page.parts
            .into_iter()
            .map(|(_, part)| part.into_string())
            .collect()
    }

    #[test]
    fn a_job_of_nothing() {
        let text = text(&record(job("job-1", JobState::Cancelled)), true);
        assert!(text.contains("No stage was begun."), "{text}");
        assert!(!text.contains("Kill"), "it has ended: {text}");
        assert!(!text.contains("Attempts</h2>"), "{text}");
    }

    #[test]
    fn only_a_master_kills() {
        let running = record(job("job-1", JobState::Running));
        assert!(text(&running, true).contains("action=\"/jobs/job-1/kill\""));
        assert!(!text(&running, false).contains("/kill"));
    }

    #[test]
    fn everything_that_users_wrote_stays_text() {
        let evil = "</pre><script>alert(1)</script>";
        let mut odd = record(job("job-1", JobState::Failed));
        odd.job.name = evil.into();
        odd.job.session = evil.into();
        odd.job.message = Some(evil.into());
        odd.sql = Some(evil.into());
        odd.plan = Some(evil.into());
        odd.settings = vec![(evil.into(), evil.into())];
        odd.attempts = vec![AttemptRecord {
            number: 1,
            started_at_ms: 5,
            ended_at_ms: None,
            message: Some(evil.into()),
        }];
        odd.stages = vec![stage(1, &[7])];
        odd.stages[0].state = StageState::Failed;
        odd.stages[0].message = Some(evil.into());
        odd.stages[0].operators = vec![operator(evil)];
        odd.stages[0].operators[0].detail = evil.into();
        odd.stages[0].operators[0].metrics = vec![(evil.into(), 1)];
        odd.stages[0].tasks = vec![task(1, 5)];
        odd.stages[0].tasks[0].worker = evil.into();
        odd.stages[0].tasks[0].message = Some(evil.into());
        let text = text(&odd, true);
        assert!(!text.contains("<script"), "{text}");
        assert!(text.matches("&lt;script&gt;").count() > 12, "{text}");
    }

    #[test]
    fn a_name_of_nothing_and_one_without_end() {
        let mut odd = job("job-1", JobState::Waiting);
        odd.name = "  ".into();
        assert_eq!(title(&odd), "job-1");
        odd.name = "n".repeat(5_000);
        assert!(text(&record(odd), true).contains("nnnn"));
    }

    #[test]
    fn progress_is_in_words_too() {
        let mut running = job("job-1", JobState::Running);
        (running.tasks, running.tasks_done, running.tasks_running) = (1_200, 34, 2);
        let text = text(&record(running), true);
        assert!(text.contains("34 of 1,200 tasks done, 2 running"), "{text}");
        assert!(text.contains("aria-valuenow=\"34\""), "{text}");
    }
}
