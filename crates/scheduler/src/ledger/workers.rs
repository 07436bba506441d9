//! What the ledger knows of workers.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ballista_core::serde::scheduler::ExecutorMetadata;
use springald_core::protocol::{RunningTasks, TaskId, WorkerInfo, WorkerState};

use super::{Ledger, Worker};
use crate::jobs::Cause;

/// A task that its worker does not have for this long is lost.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// Ballista's worker registers first and opens its data port then.
const OPENS_WITHIN: Duration = Duration::from_secs(5);
/// Workers that left are shown for this long, and so many at most.
const REMEMBER_GONE: Duration = Duration::from_secs(600);
const GONE_AT_MOST: usize = 8;

/// A task that a worker has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskNow {
    /// Id of the attempt; see [`crate::jobs::AttemptIds`].
    pub(crate) attempt: String,
    pub(crate) stage: usize,
    pub(crate) task: usize,
    pub(crate) cores: u32,
    /// Milliseconds since it was given out.
    pub(crate) age_ms: u64,
}

impl Ledger {
    /// The tasks of a worker, the oldest first.
    pub(crate) fn tasks_now(&self, worker: &str) -> Vec<TaskNow> {
        let state = self.state.lock();
        let held = state.tasks.iter().filter(|(_, held)| held.worker == worker);
        let mut tasks: Vec<TaskNow> = held
            .map(|(task, held)| TaskNow {
                attempt: task.job.clone(),
                stage: task.stage,
                task: task.task,
                cores: held.cores,
                age_ms: held.begun.elapsed().as_millis() as u64,
            })
            .collect();
        tasks.sort_by(|a, b| {
            let order = |t: &TaskNow| (t.stage, t.task);
            b.age_ms
                .cmp(&a.age_ms)
                .then_with(|| order(a).cmp(&order(b)))
        });
        tasks
    }

    pub(crate) fn add_worker(&self, metadata: &ExecutorMetadata) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let worker = Worker {
            host: metadata.host.clone(),
            port: metadata.port,
            cores: metadata.specification.vcores,
            memory: None,
            memory_used: 0,
            cached: (0, 0),
            draining: false,
            since: now,
            heard: now,
        };
        // A worker that came back is no longer gone.
        state.gone.retain(|(_, info)| {
            (info.host.as_str(), info.port) != (metadata.host.as_str(), metadata.port)
        });
        state.workers.insert(metadata.id.clone(), worker);
    }

    /// Forgets a worker and marks every attempt that it ran a part of: from here on their rows do not
    /// count, whatever Ballista makes of them.
    pub(crate) fn remove_worker(&self, id: &str) -> Option<String> {
        let mut state = self.state.lock();
        let worker = state.workers.remove(id)?;
        let name = worker.name();
        let gone = match worker.draining {
            true => WorkerState::Left,
            false => WorkerState::Lost,
        };
        let mut info = worker.info(id, gone);
        info.cores_free = 0;
        state.gone.push_back((Instant::now(), info));
        if state.gone.len() > GONE_AT_MOST {
            state.gone.pop_front();
        }
        state.tasks.retain(|_, held| held.worker != id);
        for attempt in state.attempts.values_mut() {
            if attempt.workers.contains(id) {
                attempt.mark(Cause::WorkerLost {
                    worker: name.clone(),
                });
            }
        }
        Some(name)
    }

    /// Other workers that registered under the same address: the process behind them is gone.
    pub(crate) fn predecessors(&self, id: &str, host: &str, port: u16) -> Vec<String> {
        let state = self.state.lock();
        let same = |(other, worker): &(&String, &Worker)| {
            other.as_str() != id && worker.host == host && worker.port == port
        };
        state
            .workers
            .iter()
            .filter(same)
            .map(|(id, _)| id.clone())
            .collect()
    }

    pub(crate) fn knows_worker(&self, id: &str) -> bool {
        self.state.lock().workers.contains_key(id)
    }

    pub(crate) fn heard(&self, id: &str, draining: bool) {
        if let Some(worker) = self.state.lock().workers.get_mut(id) {
            worker.heard = Instant::now();
            worker.draining = draining;
        }
    }

    /// Takes what a worker says of itself. Returns the tasks that it should not have, and whether its
    /// memory was not known before.
    pub(crate) fn reconcile(
        &self,
        id: &str,
        says: &RunningTasks,
        asked: Instant,
    ) -> (Vec<TaskId>, bool) {
        let now = Instant::now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(worker) = state.workers.get_mut(id) else {
            return (Vec::new(), false);
        };
        let first = worker.memory.replace(says.memory_bytes).is_none();
        worker.memory_used = says.memory_used_bytes;
        worker.cached = (says.cached_memory_bytes, says.cached_disk_bytes);
        let name = worker.name();

        let has: HashSet<(&str, usize, usize)> = says
            .tasks
            .iter()
            .map(|task| (task.job.as_str(), task.stage, task.task))
            .collect();
        let attempts = &mut state.attempts;
        state.tasks.retain(|task, held| {
            // Only what was begun before the question can be missing in the answer.
            if held.worker != id || held.begun >= asked {
                return true;
            }
            if has.contains(&(task.job.as_str(), task.stage, task.task)) {
                held.missing = None;
                return true;
            }
            let missing = now.saturating_duration_since(*held.missing.get_or_insert(now));
            match attempts.get_mut(&task.job) {
                Some(attempt) if missing >= LOST_AFTER => {
                    attempt.mark(Cause::TaskLost {
                        worker: name.clone(),
                    });
                    true
                }
                Some(_) => true,
                None => false,
            }
        });

        let strays = says
            .tasks
            .iter()
            .filter(|task| !attempts.contains_key(&task.job))
            .cloned()
            .collect();
        (strays, first)
    }

    /// What tasks may take of memory for each core, on the worker that offers least; nothing if none has said it yet.
    pub(crate) fn least_memory_per_core(&self) -> Option<u64> {
        let state = self.state.lock();
        let offered = state.workers.values().filter_map(|worker| {
            let free = worker.memory?.saturating_sub(worker.cached.0);
            Some(worker.per_core(free))
        });
        offered.min()
    }

    /// Whether the worker registered so recently that its data port may not be open yet.
    pub(crate) fn is_young(&self, id: &str) -> bool {
        let state = self.state.lock();
        let silent = |worker: &Worker| worker.memory.is_none();
        state
            .workers
            .get(id)
            .is_some_and(|worker| silent(worker) && worker.since.elapsed() < OPENS_WITHIN)
    }

    /// Ids and data addresses of all registered workers.
    pub(crate) fn addresses(&self) -> Vec<(String, String, u16)> {
        let state = self.state.lock();
        let mut all: Vec<_> = state
            .workers
            .iter()
            .map(|(id, worker)| (id.clone(), worker.host.clone(), worker.port))
            .collect();
        all.sort();
        all
    }

    pub(crate) fn worker_infos(&self) -> Vec<WorkerInfo> {
        let mut state = self.state.lock();
        state.gone.retain(|(at, _)| at.elapsed() < REMEMBER_GONE);
        let mut all: Vec<WorkerInfo> = state
            .gone
            .iter()
            .map(|(at, info)| {
                let mut info = info.clone();
                info.last_seen_ms += at.elapsed().as_millis() as u64;
                info
            })
            .collect();
        for (id, worker) in &state.workers {
            let kind = match worker.draining {
                true => WorkerState::Draining,
                false => WorkerState::Active,
            };
            let mut info = worker.info(id, kind);
            let (tasks, cores) = state.load(id);
            info.tasks = tasks;
            info.cores_free = info.cores.saturating_sub(cores);
            all.push(info);
        }
        all.sort_by(|a, b| (&a.host, a.port, &a.id).cmp(&(&b.host, b.port, &b.id)));
        all
    }
}
