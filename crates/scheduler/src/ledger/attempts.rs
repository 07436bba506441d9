//! What the ledger knows of the attempts of jobs.

use std::collections::HashSet;
use std::sync::Arc;

use ballista_scheduler::state::execution_graph::RunningTaskInfo;
use tokio::sync::Notify;

use super::{Attempt, Ledger, Places, Progress, Terms};
use crate::jobs::{Cause, Waiting};

impl Ledger {
    /// Enters an attempt before its plan is submitted: placement serves no other. The notice fires when
    /// the attempt begins its first task, and when it is marked.
    pub(crate) fn open(&self, job: &str, terms: Terms) -> Arc<Notify> {
        let changed = Arc::new(Notify::new());
        let attempt = Attempt {
            terms,
            workers: HashSet::new(),
            begun: 0,
            ended: 0,
            done: 0,
            cause: None,
            last_failure: None,
            changed: Arc::clone(&changed),
        };
        let mut state = self.state.lock();
        state.attempts.insert(job.to_owned(), attempt);
        state.places.insert(job.to_owned(), Places::new());
        changed
    }

    /// No task of the attempt is begun any more; those that still run keep their cores until they are gone.
    pub(crate) fn close(&self, job: &str) {
        self.state.lock().attempts.remove(job);
    }

    /// Why the attempt's rows do not count, if they do not.
    pub(crate) fn cause(&self, job: &str) -> Option<Cause> {
        self.state
            .lock()
            .attempts
            .get(job)
            .and_then(|attempt| attempt.cause.clone())
    }

    /// The worker on which a task of the attempt failed last.
    pub(crate) fn last_failure(&self, job: &str) -> Option<String> {
        self.state
            .lock()
            .attempts
            .get(job)
            .and_then(|attempt| attempt.last_failure.clone())
    }

    pub(crate) fn progress(&self, job: &str) -> Progress {
        let state = self.state.lock();
        let running = state.tasks.keys().filter(|task| task.job == job).count() as u32;
        match state.attempts.get(job) {
            Some(attempt) => Progress {
                begun: attempt.begun,
                ended: attempt.ended,
                done: attempt.done,
                running,
            },
            None => Progress {
                running,
                ..Progress::default()
            },
        }
    }

    /// Ids of the workers that ran a task of the attempt.
    pub(crate) fn touched(&self, job: &str) -> Vec<String> {
        let state = self.state.lock();
        match state.attempts.get(job) {
            Some(attempt) => attempt.workers.iter().cloned().collect(),
            None => Vec::new(),
        }
    }

    /// The tasks of an attempt that still hold cores.
    pub(crate) fn held(&self, job: &str) -> Vec<RunningTaskInfo> {
        let state = self.state.lock();
        state
            .tasks
            .iter()
            .filter(|(task, _)| task.job == job)
            .map(|(task, held)| RunningTaskInfo {
                task_id: task.task,
                job_id: task.job.as_str().into(),
                stage_id: task.stage,
                executor_id: held.worker.clone(),
            })
            .collect()
    }

    /// Why no task of the job begins, if a core is not simply about to be given to it.
    pub(crate) fn waiting(&self, job: &str) -> Option<Waiting> {
        let state = self.state.lock();
        let asked = state.attempts.get(job)?.terms.memory_per_core;
        let offers = state.offers(None, true);
        if offers.is_empty() {
            return Some(Waiting::NoWorker);
        }
        let suitable: Vec<_> = offers.iter().filter(|offer| offer.suits(asked)).collect();
        if suitable.is_empty() {
            let best = offers
                .iter()
                .filter_map(|offer| Some((offer.memory_per_core?, &offer.worker)))
                .max()
                .map(|(bytes, id)| (state.name(id), bytes));
            return Some(Waiting::Memory { asked, best });
        }
        if suitable.iter().any(|offer| offer.free > 0) {
            return None;
        }
        let cores = suitable
            .iter()
            .filter_map(|offer| state.workers.get(&offer.worker))
            .map(|worker| worker.cores)
            .sum();
        let others: HashSet<&str> = state
            .tasks
            .keys()
            .map(|task| task.job.as_str())
            .filter(|other| *other != job)
            .collect();
        Some(Waiting::Busy {
            cores,
            jobs: others.len(),
        })
    }
}
