//! The stages of a job as a drawing: what each does, how far it is, and what went from one to the next.

use std::fmt::Write;

use maud::{Markup, html};
use springald_core::record::{StageRecord, StageState};

use super::dag::{self, BOX_HEIGHT, BOX_WIDTH, Placed, Way};
use super::layout::scrolled;
use super::text::{bytes, count, duration, percent, short_count};

/// Kinds of operators that are named on a box.
const NAMED: usize = 3;
/// Space inside a box.
const PAD: u32 = 10;

pub(super) fn graph(stages: &[StageRecord], now: u64) -> Markup {
    let inputs: Vec<(u32, Vec<u32>)> = stages
        .iter()
        .map(|stage| (stage.id, stage.inputs.clone()))
        .collect();
    let drawing = dag::drawing(&inputs);
    let all_work = work(stages, now);
    let stage = |id: u32| stages.iter().find(|stage| stage.id == id);
    let label = format!(
        "{} stages and the rows between them; the table below says the same",
        stages.len()
    );
    let svg = html! {
        svg.graph width=(drawing.width) height=(drawing.height)
            viewBox=(format!("0 0 {} {}", drawing.width, drawing.height)) role="group" aria-label=(label) {
            @for way in &drawing.ways { (line(way)) }
            @for way in first_ways(&drawing.ways) {
                @if let Some(from) = stage(way.from) { (carried(way, from)) }
            }
            @for placed in &drawing.boxes {
                @if let Some(stage) = stage(placed.stage) { (stage_box(placed, stage, all_work, now)) }
            }
        }
    };
    scrolled("scroll-graph", "Graph of stages", &svg)
}

/// One way of each stage: what it writes is said once, where it begins.
fn first_ways(ways: &[Way]) -> impl Iterator<Item = &Way> {
    ways.iter()
        .enumerate()
        .filter(|(at, way)| !ways[..*at].iter().any(|other| other.from == way.from))
        .map(|(_, way)| way)
}

fn line(way: &Way) -> Markup {
    let mut path = String::new();
    for (at, (x, y)) in way.points.iter().enumerate() {
        // Writing to a text does not fail.
        let _ = match (
            at,
            at.checked_sub(1).and_then(|before| way.points.get(before)),
        ) {
            // From the right of a box, or of a place on the way, to the left of the next.
            (at, Some((from_x, from_y))) if at % 2 == 1 => {
                let middle = (from_x + x) / 2;
                write!(path, "C{middle} {from_y} {middle} {y} {x} {y}")
            }
            (0, _) | (_, None) => write!(path, "M{x} {y}"),
            _ => write!(path, "L{x} {y}"),
        };
    }
    html! { path.way d=(path) {} }
}

/// Rows above the way, bytes below it.
fn carried(way: &Way, from: &StageRecord) -> Markup {
    let Some((x, y)) = way.points.first() else {
        return html! {};
    };
    html! {
        @if from.state != StageState::Waiting {
            text.carried x=(x + 8) y=(y - 6) { (short_count(from.rows_out)) " rows" }
            text.carried x=(x + 8) y=(y + 15) { (bytes(from.bytes_out)) }
        }
    }
}

fn stage_box(placed: &Placed, stage: &StageRecord, all_work: u64, now: u64) -> Markup {
    let word = stage.state.name();
    let (x, y) = (placed.x, placed.y);
    let own_work = work(std::slice::from_ref(stage), now);
    let share = percent(own_work as f64, all_work as f64);
    let says = format!(
        "Stage {}: {}, {word}, {}, {} rows out, {} written, {share:.0} % of the time of all tasks",
        stage.id,
        gist(stage),
        tasks(stage),
        count(stage.rows_out),
        bytes(stage.bytes_out),
    );
    html! {
        a href=(format!("#stage-{}", stage.id)) aria-label=(says) {
            g.stage.(word) {
                title { (says) }
                rect x=(x) y=(y) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="6" {}
                text.name x=(x + PAD) y=(y + 18) { "Stage " (stage.id) }
                text.time x=(x + BOX_WIDTH - PAD) y=(y + 18) { (time(stage, now)) }
                text x=(x + PAD) y=(y + 35) { (gist(stage)) }
                text.quiet x=(x + PAD) y=(y + 51) { (tasks(stage)) }
                @if share >= 1.0 {
                    text.time.quiet x=(x + BOX_WIDTH - PAD) y=(y + 51) { (format!("{share:.0} % of work")) }
                    rect.heat x=(x + 4) y=(y + BOX_HEIGHT - 6) rx="1.5" height="3"
                        width=(format!("{:.1}", share / 100.0 * f64::from(BOX_WIDTH - 8))) {}
                }
            }
        }
    }
}

/// Milliseconds that tasks run, all together. (Operators count their computing only, not what they wait for files.)
pub(super) fn work(stages: &[StageRecord], now: u64) -> u64 {
    let tasks = stages.iter().flat_map(|stage| &stage.tasks);
    let spans = tasks.filter_map(|task| Some((task.started_at_ms?, task.ended_at_ms)));
    spans
        .map(|(started, ended)| ended.unwrap_or(now).saturating_sub(started))
        .sum()
}

fn time(stage: &StageRecord, now: u64) -> String {
    match (stage.state, stage.started_at_ms) {
        (StageState::Waiting, _) | (_, None) => String::new(),
        (_, Some(started)) => duration(stage.ended_at_ms.unwrap_or(now).saturating_sub(started)),
    }
}

/// Tasks are counted by partitions, as how many share a task is only known when it begins.
pub(super) fn tasks(stage: &StageRecord) -> String {
    let done: u64 = stage
        .tasks
        .iter()
        .filter(|task| task.state == StageState::Done)
        .map(|task| u64::from(task.partitions))
        .sum();
    match (stage.state, stage.partitions) {
        (StageState::Done, 1) => "1 partition".to_owned(),
        (StageState::Done, all) => format!("{all} partitions"),
        (_, all) => format!("{} of {all} partitions", count(done.min(all.into()))),
    }
}

/// What a stage does, in the order in which rows come by: `scan, filter, join`.
pub(super) fn gist(stage: &StageRecord) -> String {
    let mut kinds: Vec<&str> = vec![];
    for operator in stage.operators.iter().rev() {
        if let Some(kind) = kind(&operator.name)
            && !kinds.contains(&kind)
        {
            kinds.push(kind);
        }
    }
    match kinds.len() {
        0 if stage.inputs.is_empty() => "rows".to_owned(),
        0 => "pass on".to_owned(),
        // The last ones say most: what was done with the rows.
        n => kinds[n.saturating_sub(NAMED)..].join(", "),
    }
}

fn kind(operator: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 11] = [
        ("DataSource", "scan"),
        ("CacheRead", "read cached"),
        ("CacheFill", "cache"),
        ("Filter", "filter"),
        ("Join", "join"),
        ("WindowAgg", "window"),
        ("Aggregate", "aggregate"),
        ("Sort", "sort"),
        ("Union", "union"),
        ("Limit", "limit"),
        ("DataSink", "write"),
    ];
    // Shuffles are the ways between the boxes, and sort only by partition.
    if operator.contains("Shuffle") {
        return None;
    }
    KINDS
        .into_iter()
        .find(|(part, _)| operator.contains(part))
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{operator, stage, task};
    use super::*;

    #[test]
    fn what_a_stage_does() {
        let mut one = stage(1, &[]);
        assert_eq!(gist(&one), "rows");
        one.operators = [
            "SortShuffleWriterExec",
            "AggregateExec",
            "HashJoinExec",
            "FilterExec",
            "DataSourceExec",
            "DataSourceExec",
        ]
        .map(operator)
        .to_vec();
        assert_eq!(gist(&one), "filter, join, aggregate");
        assert_eq!(gist(&stage(2, &[1])), "pass on");
    }

    #[test]
    fn rows_and_bytes_stand_on_the_ways() {
        let mut stages = vec![stage(1, &[]), stage(2, &[1]), stage(3, &[1, 2])];
        stages[0].rows_out = 1_500_000;
        stages[0].bytes_out = 3 << 20;
        for (at, ms) in [(0, 300), (1, 95)] {
            let mut ended = task(0, 5);
            ended.started_at_ms = Some(1_000);
            ended.ended_at_ms = Some(1_000 + ms);
            stages[at].tasks = vec![ended];
        }
        stages[2].state = StageState::Waiting;
        stages[2].tasks = vec![task(0, 5)];
        let text = graph(&stages, 0).into_string();
        assert_eq!(text.matches("1.5 M rows").count(), 1, "{text}");
        assert!(text.contains("3.0 MiB"), "{text}");
        assert_eq!(text.matches("class=\"way\"").count(), 3, "{text}");
        assert!(text.contains("75 % of work"), "{text}");
        assert!(text.contains("href=\"#stage-3\""), "{text}");
        assert!(text.contains("1 of 2 partitions"), "{text}");
        assert!(!text.contains("style="), "the policy lets no style in");
    }
}
