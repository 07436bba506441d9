//! How tasks enter the ledger and leave it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{FailedTask, TaskStatus, task_status};
use ballista_scheduler::state::execution_graph::TaskDescription;

use super::places::Place;
use super::{Deliver, Held, Ledger, Offer, TaskRef, Terms};
use crate::jobs::{Cause, clean, is_shuffle_trouble};
use crate::metrics::metrics;

impl Ledger {
    /// The workers with free cores, of `alive` only if given, and the cores that each session holds.
    pub(crate) fn offers(
        &self,
        alive: Option<&HashSet<String>>,
    ) -> (Vec<Offer>, HashMap<Arc<str>, u32>) {
        let state = self.state.lock();
        let mut sessions: HashMap<Arc<str>, u32> = HashMap::new();
        for held in state.tasks.values() {
            *sessions.entry(Arc::clone(&held.session)).or_default() += held.cores;
        }
        (state.offers(alive, false), sessions)
    }

    /// The terms of an attempt that may begin tasks.
    pub(crate) fn terms(&self, job: &str) -> Option<Terms> {
        let state = self.state.lock();
        let attempt = state.attempts.get(job)?;
        attempt.cause.is_none().then(|| attempt.terms.clone())
    }

    /// Enters a task, unless its attempt has just been closed: then it must not be launched.
    pub(crate) fn begin(&self, worker: &str, task: &TaskDescription) -> bool {
        let job = task.key.job_id.as_str();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let place = Place {
            id: worker.to_owned(),
            name: state.name(worker),
        };
        let Some(attempt) = state.attempts.get_mut(job) else {
            return false;
        };
        let id = (task.key.stage_id, task.key.task_id);
        if let Some(places) = state.places.get_mut(job) {
            places.insert(id, place);
        }
        attempt.workers.insert(worker.to_owned());
        attempt.begun += 1;
        if attempt.begun == 1 {
            attempt.changed.notify_one();
        }
        let key = TaskRef {
            job: job.to_owned(),
            stage: task.key.stage_id,
            stage_attempt: task.stage_attempt_num,
            task: task.key.task_id,
        };
        let held = Held {
            worker: worker.to_owned(),
            session: Arc::clone(&attempt.terms.session),
            cores: task.vcores_consumed,
            begun: Instant::now(),
            missing: None,
        };
        state.tasks.insert(key, held);
        true
    }

    /// Takes the status of a task that ended, frees its cores, and says whether Ballista may see it.
    pub(crate) fn end(&self, worker: &str, status: &TaskStatus) -> Deliver {
        let failure = match &status.status {
            Some(task_status::Status::Successful(_)) => None,
            Some(task_status::Status::Failed(failed)) => Some(failed),
            Some(task_status::Status::Running(_)) | None => return Deliver::No,
        };
        let key = TaskRef {
            job: status.job_id.clone(),
            stage: status.stage_id as usize,
            stage_attempt: status.stage_attempt_num as usize,
            task: status.task_id as usize,
        };
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state
            .tasks
            .get(&key)
            .is_none_or(|held| held.worker != worker)
        {
            return Deliver::No;
        }
        state.tasks.remove(&key);
        metrics().task_ended(failure.is_none());
        let name = state.name(worker);
        let Some(attempt) = state.attempts.get_mut(&key.job) else {
            return Deliver::No;
        };
        attempt.ended += 1;
        match failure {
            None => attempt.done += 1,
            Some(failed) => {
                attempt.last_failure = Some(name.clone());
                if let Some(cause) = cause_of(failed, &name, attempt.terms.writes) {
                    attempt.mark(cause);
                }
            }
        }
        match attempt.cause {
            None => Deliver::Yes,
            Some(_) => Deliver::No,
        }
    }
}

/// Why a failed task spoils its whole attempt. Ballista recovers from the rest by itself, and from none of
/// these under its adaptive planner.
fn cause_of(failed: &FailedTask, worker: &str, writes: bool) -> Option<Cause> {
    let fetch = matches!(
        failed.failed_reason,
        Some(
            FailedReason::FetchPartitionError(_)
                | FailedReason::ResultLost(_)
                | FailedReason::ExecutorLost(_)
        )
    );
    if fetch || is_shuffle_trouble(&failed.error) {
        return Some(Cause::FetchFailed {
            reader: worker.to_owned(),
            error: clean(&failed.error),
        });
    }
    (writes && failed.retryable).then(|| Cause::WriteFailed {
        worker: worker.to_owned(),
        error: clean(&failed.error),
    })
}
