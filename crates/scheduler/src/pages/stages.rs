//! The stages of a job as a table, and each in detail.

use maud::{Markup, html};
use springald_core::record::{StageRecord, StageState, TaskRecord};

use super::graph::{gist, tasks};
use super::layout::scrolled;
use super::operators;
use super::spread::{self, Spread, task_ms};
use super::text::{bytes, bytes_or_dash, count, counted, duration, state};

/// Tasks of a stage that are listed, the slowest ones.
const LISTED: usize = 100;

pub(super) fn table(stages: &[StageRecord], now: u64) -> Markup {
    let table = html! {
        table.stages {
            caption.unseen { "Stages" }
            thead {
                tr {
                    th scope="col" rowspan="2" { "Stage" }
                    th scope="col" rowspan="2" { "State" }
                    th.num scope="col" rowspan="2" { "Partitions" }
                    th.num scope="col" rowspan="2" { "Time" }
                    th.num scope="col" rowspan="2" {
                        abbr title="By the operators' own count, which leaves out what they wait for files" { "Computing" }
                    }
                    th.group scope="colgroup" colspan="2" { "Rows" }
                    th.group scope="colgroup" colspan="3" { "Bytes" }
                    th.group scope="colgroup" colspan="3" { "Time of a task" }
                    th.group scope="colgroup" colspan="3" { "Rows of a task" }
                }
                tr {
                    th.num scope="col" { "in" }
                    th.num scope="col" { "out" }
                    th.num scope="col" { abbr title="From other stages, over the network or the local disk" { "shuffled in" } }
                    th.num scope="col" { abbr title="For the next stages, or as the result" { "written" } }
                    th.num scope="col" { abbr title="To disk, for want of memory" { "spilled" } }
                    @for _ in 0..2 {
                        th.num scope="col" { "min" }
                        th.num scope="col" { "median" }
                        th.num scope="col" { "max" }
                    }
                }
            }
            tbody { @for stage in stages { (row(stage, stages, now)) } }
        }
    };
    scrolled("scroll-stages", "Stages", &table)
}

fn row(stage: &StageRecord, all: &[StageRecord], now: u64) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(format!("#stage-{}", stage.id)) { (stage.id) }
                " " span.gist { (gist(stage)) }
            }
            td { (state(stage.state.name())) }
            td.num { (partitions(stage)) }
            td.num { (time(stage, now)) }
            td.num { (duration(stage.cpu_ms)) }
            td.num { (count(stage.rows_in)) }
            td.num { (count(stage.rows_out)) }
            td.num { (bytes_or_dash(shuffled_in(stage, all))) }
            td.num { (bytes_or_dash(stage.bytes_out)) }
            td.num { (bytes_or_dash(stage.spilled_bytes)) }
            (spread_cells(spread::times(stage), duration))
            (spread_cells(spread::task_rows(stage), count))
        }
    }
}

/// What its inputs wrote, which it reads.
fn shuffled_in(stage: &StageRecord, all: &[StageRecord]) -> u64 {
    let inputs = all.iter().filter(|other| stage.inputs.contains(&other.id));
    inputs.map(|input| input.bytes_out).sum()
}

fn spread_cells(spread: Option<Spread>, shown: fn(u64) -> String) -> Markup {
    html! {
        @match spread {
            None => { td.num { "–" } td.num { "–" } td.num { "–" } }
            Some(spread) => {
                td.num { (shown(spread.min)) }
                td.num { (shown(spread.median)) }
                td.num {
                    (shown(spread.max))
                    @if let Some(times) = spread.skew() {
                        " " span.skew title="How many times the median" { (format!("{times:.1}×")) }
                    }
                }
            }
        }
    }
}

fn partitions(stage: &StageRecord) -> String {
    let text = tasks(stage);
    text.trim_end_matches(" partitions")
        .trim_end_matches(" partition")
        .to_owned()
}

fn time(stage: &StageRecord, now: u64) -> String {
    match stage.started_at_ms {
        Some(started) if stage.state != StageState::Waiting => {
            duration(stage.ended_at_ms.unwrap_or(now).saturating_sub(started))
        }
        _ => "–".to_owned(),
    }
}

/// The task that took longest, in a sentence.
pub(super) fn slowest(stages: &[StageRecord]) -> Markup {
    let Some((stage, task, ms)) = spread::slowest(stages) else {
        return html! {};
    };
    let many = stage.tasks.len() > 1;
    let median = spread::times(stage).map(|times| times.median);
    html! {
        p {
            "Slowest task: task " (task.id) " of "
            a href=(format!("#stage-{}", stage.id)) { "stage " (stage.id) }
            " on " code { (task.worker) } ", " b { (duration(ms)) }
            @if let Some(median) = median.filter(|median| many && *median > 0) {
                ", " (format!("{:.1}", ms as f64 / median as f64)) " times the median of its stage"
            }
            "."
        }
    }
}

/// A stage to open: its operators and its tasks.
pub(super) fn detail(stage: &StageRecord, now: u64) -> Markup {
    html! {
        details.stage id=(format!("stage-{}", stage.id)) open[stage.state == StageState::Failed] {
            summary {
                b { "Stage " (stage.id) } " "
                span.gist { (gist(stage)) } " "
                (state(stage.state.name())) " "
                span.sub {
                    (counted(stage.tasks.len() as u64, "task"))
                    @if stage.rows_out > 0 { ", " (count(stage.rows_out)) " rows out" }
                    @if !stage.inputs.is_empty() {
                        ", reads " (stage.inputs.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
                    }
                }
            }
            @if let Some(message) = &stage.message {
                pre.problem { (message) }
            }
            (operators::table(stage))
            (task_table(stage, now))
        }
    }
}

fn task_table(stage: &StageRecord, now: u64) -> Markup {
    let age = |task: &TaskRecord| {
        let started = task.started_at_ms.unwrap_or(task.launched_at_ms);
        task.ended_at_ms.unwrap_or(now).saturating_sub(started)
    };
    let mut tasks: Vec<&TaskRecord> = stage.tasks.iter().collect();
    tasks.sort_by_key(|task| {
        let failed = task.state == StageState::Failed;
        (!failed, std::cmp::Reverse(age(task)), task.id)
    });
    let left_out = tasks.len().saturating_sub(LISTED);
    tasks.truncate(LISTED);
    let median = spread::times(stage).map_or(0, |times| times.median);
    let skewed = spread::times(stage).is_some_and(|times| times.skew().is_some());
    let slow = |task: &TaskRecord| skewed && task_ms(task).is_some_and(|ms| ms > 2 * median);
    let table = html! {
        table {
            caption {
                "Tasks, the slowest first"
                @if left_out > 0 { "; " (count(left_out as u64)) " more left out" }
            }
            thead {
                tr {
                    th scope="col" { "Task" }
                    th scope="col" { "State" }
                    th scope="col" { "Worker" }
                    th.num scope="col" { "Partitions" }
                    th.num scope="col" { "Time" }
                    th.num scope="col" { abbr title="From being given out to its begin" { "Waited" } }
                    th.num scope="col" { "Rows" }
                    th.num scope="col" { "Written" }
                }
            }
            tbody {
                @for task in tasks {
                    tr {
                        th scope="row" {
                            (task.id)
                            @if let Some(message) = &task.message { div.why { (message) } }
                        }
                        td { (state(task.state.name())) }
                        td { (task.worker) }
                        td.num { (task.partitions) }
                        td.num.hot[slow(task)] { (duration(age(task))) }
                        td.num { (waited(task)) }
                        td.num { (count(task.rows)) }
                        td.num { (bytes(task.bytes)) }
                    }
                }
            }
        }
    };
    html! {
        @if !stage.tasks.is_empty() {
            (scrolled(&format!("scroll-tasks-{}", stage.id), "Tasks", &table))
        }
    }
}

fn waited(task: &TaskRecord) -> String {
    match task.started_at_ms {
        Some(started) => duration(started.saturating_sub(task.launched_at_ms)),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stage, task};
    use super::*;

    #[test]
    fn skew_is_to_be_seen() {
        let mut one = stage(1, &[]);
        one.bytes_out = 1 << 20;
        one.tasks = vec![task(0, 1_000), task(1, 1_000), task(2, 5_000)];
        let stages = [one, stage(2, &[1])];
        let text = table(&stages, 0).into_string();
        assert!(text.contains("5.0×"), "{text}");
        assert!(text.contains("<td class=\"num\">1.0 MiB</td>"), "{text}");
        assert_eq!(shuffled_in(&stages[1], &stages), 1 << 20);
        let text = slowest(&stages).into_string();
        assert!(text.contains("task 2 of"), "{text}");
        assert!(text.contains("5.0 times the median"), "{text}");
        assert_eq!(slowest(&stages[1..]).into_string(), "");
    }

    #[test]
    fn failures_come_first() {
        let mut one = stage(1, &[]);
        one.state = StageState::Failed;
        one.message = Some("no <memory>".into());
        one.tasks = (0..LISTED as u32 + 5).map(|id| task(id, 9)).collect();
        one.tasks[104].state = StageState::Failed;
        one.tasks[104].message = Some("disk & full".into());
        let text = detail(&one, 0).into_string();
        assert!(text.contains("open"), "{text}");
        assert!(text.contains("no &lt;memory&gt;"), "{text}");
        assert!(text.contains("disk &amp; full"), "{text}");
        assert!(text.contains("5 more left out"), "{text}");
    }
}
