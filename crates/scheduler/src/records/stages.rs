//! The stages of an attempt, from Ballista's graph of it. The adaptive planner adds stages as it goes, so a look at a
//! running attempt shows those that are known by then.

use std::collections::BTreeSet;

use ballista_core::execution_plans::{
    RangeShuffleReaderExec, ShuffleReaderExec, UnresolvedShuffleExec,
};
use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use springald_core::protocol::JobState;
use springald_core::record::{OperatorRecord, StageRecord, StageState, TaskRecord};

use super::measures::{AttemptMeasures, OperatorMeasures, StageMeasures};
use crate::jobs::clean;
use crate::ledger::Places;

pub(crate) type Graph = dyn ExecutionGraph + Send + Sync;

/// Characters of an operator's description, and of a plan, that are kept. A scan can name thousands of files.
const MAX_DETAIL: usize = 2_000;
const MAX_PLAN: usize = 200_000;

/// The plan before it was cut into stages; the adaptive planner's as it is by now.
pub(crate) fn plan(graph: &Graph) -> String {
    let plan = graph.physical_plan();
    cut(
        displayable(plan.as_ref()).indent(false).to_string(),
        MAX_PLAN,
    )
}

/// All stages, by id.
pub(crate) fn stages(
    graph: &Graph,
    measures: &AttemptMeasures,
    places: &Places,
) -> Vec<StageRecord> {
    let mut stages: Vec<_> = graph
        .stages()
        .iter()
        .map(|(id, stage)| {
            let mut record = stage_alone(*id, stage, measures);
            let tasks = stage.task_infos().unwrap_or_default().iter();
            record.tasks = tasks.map(|info| task(*id, info, places)).collect();
            record
        })
        .collect();
    stages.sort_by_key(|stage| stage.id);
    stages
}

/// A stage without its tasks.
pub(crate) fn stage_alone(
    id: usize,
    stage: &ExecutionStage,
    measures: &AttemptMeasures,
) -> StageRecord {
    let none = StageMeasures::default();
    let measures = measures.get(&(id as u32)).unwrap_or(&none);
    let infos = stage.task_infos().unwrap_or_default();
    let mut operators = Operators {
        measures: measures.operators.iter(),
        records: vec![],
        rows_in: 0,
        inputs: BTreeSet::new(),
    };
    operators.visit(stage.plan(), 0);
    let state = state(stage);
    let ended = matches!(state, StageState::Done | StageState::Failed);
    let written = infos.iter().map(written);
    let (rows_out, bytes_out) = written.fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    StageRecord {
        id: id as u32,
        state,
        partitions: partitions(stage) as u32,
        started_at_ms: infos.iter().map(began).min(),
        ended_at_ms: infos.iter().filter_map(end).max().filter(|_| ended),
        rows_in: operators.rows_in,
        rows_out,
        bytes_out,
        spilled_bytes: sum(measures, |operator| operator.spilled_bytes),
        cpu_ms: sum(measures, |operator| operator.cpu_ns) / 1_000_000,
        tasks: vec![],
        inputs: operators.inputs.into_iter().collect(),
        operators: operators.records,
        message: match stage {
            ExecutionStage::Failed(stage) => Some(clean(&stage.error_message)),
            _ => None,
        },
    }
}

/// A task that was given to a worker.
pub(crate) fn task(stage: usize, info: &TaskInfo, places: &Places) -> TaskRecord {
    let (state, message) = match &info.task_status {
        Status::Running(_) => (StageState::Running, None),
        Status::Successful(_) => (StageState::Done, None),
        Status::Failed(failed) => (StageState::Failed, Some(clean(&failed.error))),
    };
    let place = places.get(&(stage, info.task_id));
    let (id, name) = place.map_or(("", ""), |place| (&place.id, &place.name));
    let (rows, bytes) = written(info);
    TaskRecord {
        id: info.task_id as u32,
        worker_id: id.to_owned(),
        worker: name.to_owned(),
        state,
        partitions: info.global_input_partition_ids.len() as u32,
        launched_at_ms: launched(info),
        started_at_ms: time(info.start_exec_time),
        ended_at_ms: end(info),
        rows,
        bytes,
        message,
    }
}

/// Whether a task is over, one way or the other.
pub(crate) fn has_ended(info: &TaskInfo) -> bool {
    !matches!(info.task_status, Status::Running(_))
}

/// Partitions that a stage works on; those of one that waits for others are not known.
pub(crate) fn partitions(stage: &ExecutionStage) -> usize {
    match stage {
        ExecutionStage::UnResolved(_) => 0,
        ExecutionStage::Resolved(stage) => stage.partitions,
        ExecutionStage::Running(stage) => stage.partitions,
        ExecutionStage::Successful(stage) => stage.partitions,
        ExecutionStage::Failed(stage) => stage.partitions,
    }
}

pub(crate) fn state(stage: &ExecutionStage) -> StageState {
    match stage {
        ExecutionStage::UnResolved(_) | ExecutionStage::Resolved(_) => StageState::Waiting,
        ExecutionStage::Running(stage) if stage.task_infos.is_empty() => StageState::Waiting,
        ExecutionStage::Running(_) => StageState::Running,
        ExecutionStage::Successful(_) => StageState::Done,
        ExecutionStage::Failed(_) => StageState::Failed,
    }
}

/// Says of stages that still ran when their job ended what became of them.
pub(crate) fn settle(stages: &mut [StageRecord], job: JobState) {
    // The adaptive planner leaves a stage behind when others show that its rows are not needed.
    let (end, message) = match job {
        JobState::Waiting | JobState::Running => return,
        JobState::Done => (
            StageState::Done,
            "left before its end: its rows were not needed any more",
        ),
        JobState::Failed | JobState::Cancelled => {
            (StageState::Failed, "stopped at the end of the job")
        }
    };
    for stage in stages {
        if stage.state != StageState::Running {
            continue;
        }
        stage.state = end;
        stage.message = Some(message.to_owned());
        stage.ended_at_ms = stage.tasks.iter().filter_map(|task| task.ended_at_ms).max();
        for task in &mut stage.tasks {
            if task.state == StageState::Running {
                task.state = StageState::Failed;
                task.message = Some(message.to_owned());
            }
        }
    }
}

/// Walks a stage's plan as its tasks do when they list what their operators measured.
struct Operators<'a> {
    measures: std::slice::Iter<'a, OperatorMeasures>,
    records: Vec<OperatorRecord>,
    rows_in: u64,
    inputs: BTreeSet<u32>,
}

impl Operators<'_> {
    fn visit(&mut self, plan: &dyn ExecutionPlan, depth: u32) {
        let none = OperatorMeasures::default();
        let measured = match plan.metrics() {
            Some(_) => self.measures.next().unwrap_or(&none),
            None => &none,
        };
        let children = plan.children();
        if children.is_empty() {
            self.rows_in += measured.rows.unwrap_or(0);
            self.inputs.extend(input(plan));
        }
        let name = plan.name().to_owned();
        let line = displayable(plan).one_line().to_string();
        let detail = line.trim_end().strip_prefix(&name).unwrap_or(&line);
        let detail = detail.trim_start_matches([':', ' ', ',']).trim_end();
        let others = measured.others.iter();
        self.records.push(OperatorRecord {
            depth,
            name,
            detail: cut(detail.to_owned(), MAX_DETAIL),
            rows: measured.rows,
            cpu_ms: measured.cpu_ns.map(|ns| ns as f64 / 1e6),
            spilled_bytes: measured.spilled_bytes,
            metrics: others.map(|(name, value)| (name.clone(), *value)).collect(),
        });
        for child in children {
            self.visit(child.as_ref(), depth + 1);
        }
    }
}

/// The stage that a leaf reads from.
fn input(leaf: &dyn ExecutionPlan) -> Option<u32> {
    let stage = if let Some(reader) = leaf.downcast_ref::<ShuffleReaderExec>() {
        reader.stage_id
    } else if let Some(reader) = leaf.downcast_ref::<RangeShuffleReaderExec>() {
        reader.stage_id
    } else {
        leaf.downcast_ref::<UnresolvedShuffleExec>()?.stage_id
    };
    Some(stage as u32)
}

fn sum(stage: &StageMeasures, get: impl Fn(&OperatorMeasures) -> Option<u64>) -> u64 {
    stage.operators.iter().filter_map(get).sum()
}

/// Rows and bytes that a task wrote.
fn written(info: &TaskInfo) -> (u64, u64) {
    match &info.task_status {
        Status::Successful(done) => done.partitions.iter().fold((0, 0), |(rows, bytes), file| {
            (rows + file.num_rows, bytes + file.num_bytes)
        }),
        _ => (0, 0),
    }
}

/// Ballista says 0 of what has not happened.
fn time(ms: u128) -> Option<u64> {
    u64::try_from(ms).ok().filter(|ms| *ms > 0)
}

fn launched(info: &TaskInfo) -> u64 {
    time(info.launch_time)
        .or_else(|| time(info.scheduled_time))
        .unwrap_or_default()
}

fn began(info: &TaskInfo) -> u64 {
    time(info.start_exec_time).unwrap_or_else(|| launched(info))
}

fn end(info: &TaskInfo) -> Option<u64> {
    match has_ended(info) {
        true => time(info.end_exec_time).or_else(|| time(info.finish_time)),
        false => None,
    }
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
