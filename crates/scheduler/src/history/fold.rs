//! The details of a job that has no line with all of them: it runs, or its master died under it.

use std::collections::BTreeMap;

use springald_core::protocol::JobInfo;
use springald_core::record::{AttemptRecord, StageRecord, StageState, TaskRecord};

use super::event::{Details, Event};

/// What a job's lines tell, in their order. `info` is how the job stands now.
pub(super) fn fold(events: impl IntoIterator<Item = Event>, info: &JobInfo) -> Details {
    let mut details = Details::default();
    let mut stages = Stages::default();
    for event in events {
        match event {
            Event::Submitted { sql, settings, .. } => {
                details.sql = sql;
                details.settings = settings;
            }
            Event::Attempt { attempt, .. } => put_attempt(&mut details.attempts, attempt),
            Event::Planned { plan } => details.plan = Some(plan),
            Event::Stage { attempt, stage } => stages.of(attempt).put(stage),
            Event::Task {
                attempt,
                stage,
                task,
            } => stages.of(attempt).put_task(stage, task),
            _ => {}
        }
    }
    details.stages = stages.last.into_values().collect();
    if info.state.is_final() {
        end(&mut details, info);
    }
    details
}

/// The second line of an attempt tells how it ended.
fn put_attempt(attempts: &mut Vec<AttemptRecord>, attempt: AttemptRecord) {
    match attempts.iter_mut().find(|a| a.number == attempt.number) {
        Some(known) => *known = attempt,
        None => attempts.push(attempt),
    }
}

/// Whatever ran when the master died did not end well.
fn end(details: &mut Details, info: &JobInfo) {
    for attempt in &mut details.attempts {
        if attempt.ended_at_ms.is_none() {
            attempt.ended_at_ms = info.ended_at_ms;
            attempt.message.clone_from(&info.message);
        }
    }
    for stage in &mut details.stages {
        if stage.state == StageState::Running {
            stage.state = StageState::Failed;
            stage.ended_at_ms = info.ended_at_ms;
            stage.message.clone_from(&info.message);
        }
    }
}

/// The stages of the last attempt.
#[derive(Default)]
struct Stages {
    attempt: u32,
    last: BTreeMap<u32, StageRecord>,
}

impl Stages {
    fn of(&mut self, attempt: u32) -> &mut Self {
        if attempt > self.attempt {
            self.attempt = attempt;
            self.last.clear();
        }
        self
    }

    fn put(&mut self, mut stage: StageRecord) {
        let known = self.last.remove(&stage.id);
        if stage.tasks.is_empty()
            && let Some(known) = known
        {
            stage.tasks = known.tasks;
        }
        self.last.insert(stage.id, stage);
    }

    fn put_task(&mut self, stage: u32, task: TaskRecord) {
        let stage = self.last.entry(stage).or_insert_with(|| begun(stage));
        if task.state == StageState::Done && stage.state == StageState::Running {
            stage.rows_out += task.rows;
            stage.bytes_out += task.bytes;
        }
        stage.started_at_ms = stage.started_at_ms.or(task.started_at_ms);
        stage.tasks.push(task);
    }
}

/// A stage of which nothing but a task is known.
fn begun(id: u32) -> StageRecord {
    StageRecord {
        id,
        state: StageState::Running,
        inputs: vec![],
        partitions: 0,
        started_at_ms: None,
        ended_at_ms: None,
        rows_in: 0,
        rows_out: 0,
        bytes_out: 0,
        spilled_bytes: 0,
        cpu_ms: 0,
        tasks: vec![],
        operators: vec![],
        message: None,
    }
}
