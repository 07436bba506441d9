//! When each worker ran which tasks.

use std::collections::BTreeMap;

use maud::{Markup, html};
use springald_core::record::{StageRecord, StageState, TaskRecord};

use super::text::{bytes, counted, duration, percent, rows};

/// Tasks that are drawn; those of jobs with more are the longest ones.
const DRAWN: usize = 1_500;
/// Of one worker side by side; workers have no more cores than that.
const LANES: usize = 64;
const LANE: usize = 9;
/// Shades that tell a stage from the one before.
const SHADES: u32 = 4;
/// Times on the axis, about.
const TICKS: u64 = 6;

struct Bar<'a> {
    stage: u32,
    task: &'a TaskRecord,
    begin: u64,
    end: u64,
}

pub(super) fn timeline(stages: &[StageRecord], now: u64) -> Markup {
    let (bars, left_out) = bars(stages, now);
    let (Some(begin), Some(end)) = (
        bars.iter().map(|bar| bar.begin).min(),
        bars.iter().map(|bar| bar.end).max(),
    ) else {
        return html! {};
    };
    let end = end.max(begin + 1);
    let mut workers: BTreeMap<&str, Vec<Bar>> = BTreeMap::new();
    for bar in bars {
        workers.entry(&bar.task.worker).or_default().push(bar);
    }
    let ticks = ticks(end - begin);
    let x = |at: u64| format!("{:.3}%", percent((at - begin) as f64, (end - begin) as f64));
    html! {
        div.timeline {
            @for (worker, bars) in workers {
                div.row {
                    div.who { (worker) }
                    (lanes(worker, bars, &ticks, begin, end))
                }
            }
            div.row aria-hidden="true" {
                div.who {}
                svg.axis width="100%" height="18" {
                    @for tick in &ticks {
                        text x=(x(begin + tick)) y="13" { (duration(*tick)) }
                    }
                }
            }
        }
        @if left_out > 0 {
            p.sub { "The longest tasks; " (counted(left_out as u64, "shorter one")) " left out." }
        }
    }
}

/// Tasks that have begun, in order, and how many more there are than can be drawn.
fn bars(stages: &[StageRecord], now: u64) -> (Vec<Bar<'_>>, usize) {
    let mut bars: Vec<Bar> = stages
        .iter()
        .flat_map(|stage| stage.tasks.iter().map(move |task| (stage.id, task)))
        .filter(|(_, task)| task.state != StageState::Waiting)
        .map(|(stage, task)| {
            let begin = task.started_at_ms.unwrap_or(task.launched_at_ms);
            Bar {
                stage,
                task,
                begin,
                end: task.ended_at_ms.unwrap_or(now).max(begin),
            }
        })
        .collect();
    let left_out = bars.len().saturating_sub(DRAWN);
    if left_out > 0 {
        bars.sort_by_key(|bar| std::cmp::Reverse(bar.end - bar.begin));
        bars.truncate(DRAWN);
    }
    bars.sort_by_key(|bar| (bar.begin, bar.stage, bar.task.id));
    (bars, left_out)
}

fn lanes(worker: &str, bars: Vec<Bar>, ticks: &[u64], begin: u64, end: u64) -> Markup {
    let all = (end - begin) as f64;
    let part = |ms: u64| percent(ms as f64, all);
    let label = format!("Tasks on {worker}: {}", bars.len());
    let (placed, lanes) = in_lanes(bars);
    let height = lanes * LANE + 2;
    html! {
        svg.lanes width="100%" height=(height) role="img" aria-label=(label) {
            @for tick in ticks {
                @let at = format!("{:.3}%", part(*tick));
                line.tick x1=(at) x2=(at) y1="0" y2=(height) {}
            }
            @for (lane, bar) in &placed {
                rect class=(shade(bar)) rx="1.5" height=(LANE - 2) y=(lane * LANE + 2)
                    x=(format!("{:.3}%", part(bar.begin - begin)))
                    // Also what took no time is there.
                    width=(format!("{:.3}%", part(bar.end - bar.begin).max(0.15))) {
                    title { (says(bar)) }
                }
            }
        }
    }
}

/// Each bar in the first lane that is free when it begins.
fn in_lanes(bars: Vec<Bar<'_>>) -> (Vec<(usize, Bar<'_>)>, usize) {
    let mut free_from: Vec<u64> = vec![];
    let mut placed = Vec::with_capacity(bars.len());
    for bar in bars {
        let lane = match free_from.iter().position(|free| *free <= bar.begin) {
            Some(lane) => lane,
            None if free_from.len() < LANES => {
                free_from.push(0);
                free_from.len() - 1
            }
            None => LANES - 1,
        };
        free_from[lane] = free_from[lane].max(bar.end);
        placed.push((lane, bar));
    }
    (placed, free_from.len().max(1))
}

fn shade(bar: &Bar) -> String {
    match bar.task.state {
        StageState::Failed => "task failed".to_owned(),
        StageState::Running => format!("task running shade-{}", bar.stage % SHADES),
        _ => format!("task shade-{}", bar.stage % SHADES),
    }
}

fn says(bar: &Bar) -> String {
    let task = bar.task;
    let time = duration(bar.end - bar.begin);
    let mut text = format!(
        "Stage {}, task {}: {} {time}",
        bar.stage,
        task.id,
        task.state.name()
    );
    if task.state == StageState::Done {
        text.push_str(&format!(", {}, {}", rows(task.rows), bytes(task.bytes)));
    }
    if let Some(line) = task.message.as_deref().and_then(|m| m.lines().next()) {
        text.push_str(&format!(": {line}"));
    }
    text
}

/// Round times from 0 to `all` milliseconds.
fn ticks(all: u64) -> Vec<u64> {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const STEPS: [u64; 23] = [
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        20 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        20 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
    ];
    let wanted = all / TICKS;
    let step = STEPS.into_iter().find(|step| *step >= wanted);
    // Days: whole hours.
    let step = step.unwrap_or_else(|| wanted.div_ceil(HOUR) * HOUR).max(1);
    (0..=all / step)
        .map(|n| n * step)
        // A word at the very end would be cut off.
        .filter(|at| *at == 0 || percent(*at as f64, all as f64) < 95.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stage, task};
    use super::*;

    #[test]
    fn times_are_round() {
        assert_eq!(ticks(10_000), [0, 2_000, 4_000, 6_000, 8_000]);
        assert_eq!(ticks(1), [0]);
        assert_eq!(ticks(0), [0]);
        let days = ticks(90 * 3_600_000);
        assert!(
            days.len() <= 8 && days[1].is_multiple_of(3_600_000),
            "{days:?}"
        );
    }

    #[test]
    fn tasks_at_one_time_do_not_cover_each_other() {
        let mut one = stage(1, &[]);
        one.tasks = vec![task(0, 100), task(1, 100), task(2, 100)];
        one.tasks[2].started_at_ms = one.tasks[0].ended_at_ms;
        one.tasks[2].ended_at_ms = one.tasks[0].ended_at_ms.map(|end| end + 10);
        let stages = [one];
        let (bars, left_out) = bars(&stages, 0);
        let (placed, lanes) = in_lanes(bars);
        let order: Vec<_> = placed
            .iter()
            .map(|(lane, bar)| (*lane, bar.task.id))
            .collect();
        assert_eq!(
            (order, lanes, left_out),
            (vec![(0, 0), (1, 1), (0, 2)], 2, 0)
        );
    }

    #[test]
    fn nothing_and_very_much() {
        assert_eq!(timeline(&[stage(1, &[])], 5).into_string(), "");
        let mut one = stage(1, &[]);
        one.tasks = (0..DRAWN as u32 + 2).map(|id| task(id, 1)).collect();
        one.tasks[0].message = Some("<b>\nmore".into());
        one.tasks[0].state = StageState::Failed;
        let text = timeline(&[one], 5).into_string();
        assert!(text.contains("2 shorter ones left out"));
        assert!(text.contains("&lt;b&gt;") && !text.contains("more"));
        assert!(!text.contains("style="));
    }
}
