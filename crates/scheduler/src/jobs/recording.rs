//! What is kept of a job: its record, live and when it has ended, and the lines of the history on the way there.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use springald_core::protocol::{JobInfo, now_ms};
use springald_core::record::{AttemptRecord, JobRecord, StageRecord, StageState};
use tokio::sync::watch;

use super::board::{Board, Counts, Job, Record};
use crate::ledger::Progress;
use crate::metrics::metrics;
use crate::records::stages::{self, Graph};

/// Ballista tells of an attempt's end a moment before it has put away the graph.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS: usize = 15;

/// A job of this master.
pub(crate) struct Known<T> {
    pub(crate) job: T,
    /// The history's files have it.
    pub(crate) written: bool,
}

/// What the graph of an attempt shows.
pub(super) struct Seen {
    counts: Counts,
    plan: String,
    stages: Vec<StageRecord>,
}

impl Board {
    /// A number that changes when a job, or a task of one, begins, ends or waits for something else.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) async fn info(&self, id: &str) -> Option<Known<JobInfo>> {
        let job = self.job(id)?;
        Some(self.known(&job).await)
    }

    /// All jobs that this master still knows, in no order.
    pub(crate) async fn infos(&self) -> Vec<Known<JobInfo>> {
        let all = self.all_jobs();
        let mut infos = Vec::with_capacity(all.len());
        for job in all {
            infos.push(self.known(&job).await);
        }
        infos
    }

    async fn known(&self, job: &Job) -> Known<JobInfo> {
        self.refresh(job).await;
        Known {
            job: job.record.lock().info.clone(),
            written: job.is_written(),
        }
    }

    /// The record of a job as it is now, of one in a file without the parts that are there alone.
    pub(crate) async fn record(&self, id: &str) -> Option<Known<JobRecord>> {
        let job = self.job(id)?;
        let record = match job.sealed.get() {
            Some(sealed) => match sealed.unwritten() {
                Some(record) => record.as_ref().clone(),
                None => {
                    let job = job.record.lock().whole(None);
                    return Some(Known { job, written: true });
                }
            },
            None => {
                let seen = self.see(&job).await;
                job.record.lock().whole(seen)
            }
        };
        Some(Known {
            job: record,
            written: false,
        })
    }

    /// Brings the counts of stages and tasks up to date.
    async fn refresh(&self, job: &Job) {
        let attempt = {
            let record = job.record.lock();
            if record.info.state.is_final() {
                return;
            }
            record.attempts.last().cloned()
        };
        let Some(attempt) = attempt else { return };
        if let Some(counts) = self.with_graph(&attempt, Counts::of).await {
            job.record.lock().count(counts);
        }
    }

    async fn see(&self, job: &Job) -> Option<Seen> {
        let attempt = job.record.lock().attempts.last().cloned()?;
        let measures = self.measures.of(&attempt);
        let places = self.ledger.places(&attempt);
        let look = |graph: &Graph| Seen {
            counts: Counts::of(graph),
            plan: stages::plan(graph),
            stages: stages::stages(graph, &measures, &places),
        };
        self.with_graph(&attempt, look).await
    }

    /// Looks at the graph of an attempt that runs or has ended, if it is planned yet.
    async fn with_graph<T>(&self, attempt: &str, look: impl FnOnce(&Graph) -> T) -> Option<T> {
        let running = self.ballista.state.task_manager.get_running_job_cache();
        if let Some(cached) = running.get(attempt) {
            return Some(look(&**cached.execution_graph.read().await));
        }
        match self.finished.get_execution_graph(&attempt.into()).await {
            Ok(Some(graph)) => Some(look(&*graph)),
            _ => None,
        }
    }

    /// Makes the record of a job that has ended, and leaves it to the history.
    pub(super) async fn seal(&self, job: &Job) {
        let attempt = job.record.lock().attempts.last().cloned();
        let mut seen = None;
        if let Some(attempt) = &attempt {
            for _ in 0..LOOKS {
                seen = self.see(job).await;
                if seen.is_some() {
                    break;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            self.forget_measures(attempt);
        }
        let record = job.record.lock().whole(seen);
        metrics().job_ended(&record.job);
        if let Some(traces) = &self.traces {
            traces.ended(&record);
        }
        // Set once, as a job ends once.
        let _ = job.sealed.set(self.journal.seal(record));
        self.changed();
        self.retire(&job.id);
    }

    /// The attempt is recorded, or another takes its place.
    pub(super) fn forget_measures(&self, attempt: &str) {
        self.measures.close(attempt);
        self.ledger.forget_places(attempt);
    }
}

impl Job {
    fn is_written(&self) -> bool {
        let sealed = self.sealed.get();
        sealed.is_some_and(|sealed| sealed.unwritten().is_none())
    }
}

impl Record {
    pub(super) fn count(&mut self, counts: Counts) {
        let info = &mut self.info;
        info.stages = counts.stages;
        info.stages_done = counts.stages_done;
        info.tasks = counts.tasks;
        info.tasks_running = match info.state.is_final() {
            true => 0,
            false => counts.tasks_running,
        };
        info.tasks_done = counts.tasks_done;
    }

    fn whole(&mut self, seen: Option<Seen>) -> JobRecord {
        let (mut stages, mut plan) = (vec![], None);
        if let Some(seen) = seen {
            self.count(seen.counts);
            stages = seen.stages;
            plan = Some(seen.plan);
        }
        stages::settle(&mut stages, self.info.state);
        JobRecord {
            job: self.info.clone(),
            sql: self.sql.clone(),
            plan,
            settings: self.settings.clone(),
            attempts: self.attempt_records.clone(),
            stages,
        }
    }

    /// Notes the beginning of an attempt.
    pub(super) fn begin_attempt(&mut self, number: u32) -> AttemptRecord {
        let attempt = AttemptRecord {
            number,
            started_at_ms: now_ms(),
            ended_at_ms: None,
            message: None,
        };
        self.attempt_records.push(attempt.clone());
        attempt
    }

    /// Notes the end of the last attempt; `None` if it has ended, or none had begun.
    pub(super) fn end_attempt(&mut self, message: Option<String>) -> Option<AttemptRecord> {
        let attempt = self.attempt_records.last_mut()?;
        if attempt.ended_at_ms.is_some() {
            return None;
        }
        attempt.ended_at_ms = Some(now_ms());
        attempt.message = message;
        Some(attempt.clone())
    }
}

/// What the history knows of a running attempt.
#[derive(Default)]
pub(super) struct Notes {
    progress: Progress,
    planned: bool,
    stages: HashMap<usize, StageState>,
    tasks: HashSet<(usize, usize)>,
}

impl Notes {
    /// Leaves to the history what is new since the last look, and wakes who watches the jobs.
    pub(super) fn look(&mut self, board: &Board, job: &Job, attempt: &str, progress: Progress) {
        if self.progress == progress {
            return;
        }
        board.changed();
        if board.journal.is_on() {
            let running = board.ballista.state.task_manager.get_running_job_cache();
            let graph = running.get(attempt).map(|job| &job.execution_graph);
            // A graph that is being changed is looked at the next time.
            let Some(Ok(graph)) = graph.map(|graph| graph.try_read()) else {
                return;
            };
            self.write(board, job, attempt, &**graph);
        }
        self.progress = progress;
    }

    fn write(&mut self, board: &Board, job: &Job, attempt: &str, graph: &Graph) {
        let journal = &board.journal;
        let (info, number) = {
            let record = &mut *job.record.lock();
            record.count(Counts::of(graph));
            (record.info.clone(), record.info.attempts)
        };
        if !self.planned {
            self.planned = true;
            journal.planned(&job.id, stages::plan(graph));
        }
        let places = board.ledger.places(attempt);
        let measures = board.measures.of(attempt);
        for (id, stage) in graph.stages() {
            for task in ended_tasks(stage) {
                if self.tasks.insert((*id, task.task_id)) {
                    let task = stages::task(*id, task, &places);
                    journal.task(&job.id, number, *id as u32, task);
                }
            }
            let state = stages::state(stage);
            if state != StageState::Waiting && self.stages.insert(*id, state) != Some(state) {
                let stage = stages::stage_alone(*id, stage, &measures);
                journal.stage(&job.id, number, stage);
            }
        }
        journal.progress(info);
    }
}

fn ended_tasks(stage: &ExecutionStage) -> impl Iterator<Item = &TaskInfo> {
    let tasks = stage.task_infos().unwrap_or_default().iter();
    tasks.filter(|task| stages::has_ended(task))
}
