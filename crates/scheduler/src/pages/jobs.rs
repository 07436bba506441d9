//! The list of jobs, and the tables of jobs that other pages show, too.

use maud::{Markup, html};
use springald_core::protocol::{JobInfo, JobState, now_ms};

use super::Pages;
use super::chart::progress;
use super::layout::{Page, Tab, scrolled};
use super::text::{ago, count, counted, duration, encoded, state};
use super::view::JobsView;
use crate::records::{JobFilter, JobPage};

/// Jobs of one page.
const A_PAGE: usize = 50;

pub(super) async fn page(pages: &Pages, view: &JobsView) -> Page {
    let filter = JobFilter {
        states: view.state.into_iter().collect(),
        text: view.text.clone(),
        offset: view.page.saturating_mul(A_PAGE),
        limit: Some(A_PAGE),
    };
    let found = pages.records.list(&filter).await;
    let now = now_ms();
    Page {
        title: "Jobs".to_owned(),
        tab: Tab::Jobs,
        parts: vec![
            // Not renewed under somebody's fingers: it only changes with the address.
            ("filter", filter_form(view)),
            ("list", list(view, &found, now)),
        ],
        live: true,
    }
}

fn filter_form(view: &JobsView) -> Markup {
    html! {
        h1 { "Jobs" }
        form.filter method="get" action="/jobs" role="search" {
            label for="text" { "Name, session or id" }
            input #text type="search" name="text" value=[view.text.as_deref()];
            label for="state" { "State" }
            select #state name="state" {
                option value="" { "any" }
                @for one in JobState::ALL {
                    option value=(one.name()) selected[view.state == Some(one)] { (one.name()) }
                }
            }
            button type="submit" { "Show" }
            @if *view != JobsView::default() {
                a href="/jobs" { "All" }
            }
        }
    }
}

fn list(view: &JobsView, found: &JobPage, now: u64) -> Markup {
    let first = view.page.saturating_mul(A_PAGE);
    let last = first + found.jobs.len();
    html! {
        @if found.jobs.is_empty() {
            p.none {
                @match (found.total, view.text.is_some() || view.state.is_some()) {
                    (0, false) => "There is no job yet.",
                    (0, true) => "No job is like that.",
                    _ => { "There are no more jobs. " a href=(view.address(0)) { "First page" } }
                }
            }
        } @else {
            (all_table("jobs", &found.jobs, now))
            nav.pager aria-label="Parts of the list" {
                @if view.page > 0 {
                    a rel="prev" href=(view.address(view.page - 1)) { "Newer" }
                }
                span { (count(first as u64 + 1)) "–" (count(last as u64)) " of " (counted(found.total as u64, "job")) }
                @if last < found.total {
                    a rel="next" href=(view.address(view.page + 1)) { "Older" }
                }
            }
        }
    }
}

/// Jobs of any state.
pub(super) fn all_table(id: &str, jobs: &[JobInfo], now: u64) -> Markup {
    table(id, "Jobs", jobs, now, true)
}

/// Jobs that have ended.
pub(super) fn ended_table(id: &str, jobs: &[JobInfo], now: u64) -> Markup {
    table(id, "Ended jobs", jobs, now, false)
}

fn table(id: &str, caption: &str, jobs: &[JobInfo], now: u64, progresses: bool) -> Markup {
    let table = html! {
        table {
            caption.unseen { (caption) }
            thead {
                tr {
                    th scope="col" { "Job" }
                    th scope="col" { "State" }
                    th.wide scope="col" { "Session" }
                    th.num scope="col" { "Submitted" }
                    th.num scope="col" { "Took" }
                    th.num.wide scope="col" { "Tasks" }
                }
            }
            tbody {
                @for job in jobs {
                    tr {
                        th.job scope="row" { (name(job)) (why(job)) }
                        td { (state(job.state.name())) }
                        td.wide { (session(job)) }
                        td.num { (ago(job.submitted_at_ms, now)) }
                        td.num { (took(job, now)) }
                        td.num.wide {
                            @if progresses && job.state == JobState::Running {
                                (count(job.tasks_done.into())) " of " (count(job.tasks.into()))
                            } @else { (count(job.tasks.into())) }
                        }
                    }
                }
            }
        }
    };
    scrolled(&format!("scroll-{id}"), caption, &table)
}

/// Jobs that run or wait: how far they are, or what they wait for.
pub(super) fn active_table(id: &str, jobs: &[JobInfo], now: u64) -> Markup {
    let table = html! {
        table {
            caption.unseen { "Jobs that run or wait" }
            thead {
                tr {
                    th scope="col" { "Job" }
                    th scope="col" { "State" }
                    th.meter scope="col" { "Progress" }
                    th.wide scope="col" { "Session" }
                    th.num scope="col" { "Time" }
                }
            }
            tbody {
                @for job in jobs {
                    tr {
                        th.job scope="row" { (name(job)) (why(job)) }
                        td { (state(job.state.name())) }
                        td.meter {
                            @if job.tasks > 0 {
                                (count(job.tasks_done.into())) " of " (counted(job.tasks.into(), "task"))
                                (progress(job.tasks_done.into(), job.tasks_running.into(), job.tasks.into()))
                            }
                        }
                        td.wide { (session(job)) }
                        td.num { (took(job, now)) }
                    }
                }
            }
        }
    };
    scrolled(&format!("scroll-{id}"), "Jobs that run or wait", &table)
}

fn name(job: &JobInfo) -> Markup {
    let name = if job.name.trim().is_empty() {
        &job.id
    } else {
        &job.name
    };
    html! {
        a href=(format!("/jobs/{}", encoded(&job.id))) { (name) }
        @if *name != job.id { " " span.id.wide { (job.id) } }
    }
}

/// What a job waits for, or why it failed: the first line of it.
fn why(job: &JobInfo) -> Markup {
    let tells = matches!(job.state, JobState::Waiting | JobState::Failed);
    let message = job.message.as_deref().filter(|_| tells);
    html! {
        @if let Some(line) = message.and_then(|message| message.lines().next()) {
            div.why { (line) }
        }
    }
}

fn session(job: &JobInfo) -> Markup {
    html! {
        a.id href=(format!("/jobs?text={}", encoded(&job.session))) { (job.session) }
    }
}

/// From its submission to its end, or till now.
pub(super) fn took(job: &JobInfo, now: u64) -> String {
    let end = job.ended_at_ms.unwrap_or(now);
    duration(end.saturating_sub(job.submitted_at_ms))
}

#[cfg(test)]
mod tests {
    use super::super::tests::job;
    use super::*;

    #[test]
    fn names_stay_text() {
        let mut odd = job("job-1", JobState::Failed);
        odd.name = "<script>alert(1)</script>".into();
        odd.session = "\"><img src=x>".into();
        odd.message = Some("bad & <b>\nsecond line".into());
        for table in [
            all_table("a", std::slice::from_ref(&odd), 1),
            active_table("b", std::slice::from_ref(&odd), 1),
        ] {
            let text = table.into_string();
            assert!(
                !text.contains("<script") && !text.contains("<img"),
                "{text}"
            );
            assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
            assert!(text.contains("bad &amp; &lt;b&gt;"), "{text}");
            assert!(!text.contains("second line"), "{text}");
        }
    }

    #[test]
    fn lists_have_pages() {
        let jobs = vec![job("job-1", JobState::Done); A_PAGE];
        let view = JobsView {
            page: 1,
            ..JobsView::default()
        };
        let found = JobPage { jobs, total: 1_234 };
        let text = list(&view, &found, 1).into_string();
        assert!(text.contains("51–100 of 1,234 jobs"), "{text}");
        assert!(text.contains("rel=\"prev\" href=\"/jobs\""), "{text}");
        assert!(text.contains("href=\"/jobs?page=3\""), "{text}");
        let none = JobPage {
            jobs: vec![],
            total: 0,
        };
        assert!(
            list(&JobsView::default(), &none, 1)
                .into_string()
                .contains("no job yet")
        );
    }

    #[test]
    fn the_filter_keeps_what_was_asked() {
        let view = JobsView {
            state: Some(JobState::Failed),
            text: Some("a\"b".into()),
            page: 0,
        };
        let text = filter_form(&view).into_string();
        assert!(text.contains("value=\"a&quot;b\""), "{text}");
        assert!(text.contains("value=\"failed\" selected"), "{text}");
    }
}
