//! The master's own books: which worker offers what, which task holds which of its cores, and which
//! workers each attempt of a job has touched.
//!
//! Ballista counts free cores by adding and subtracting, and loses some when a worker is lost or a stage
//! is rolled back, until nothing is free any more. Here a core is free unless a task that is known to hold
//! it is found in [`State::tasks`], and a task leaves the books when it ends, when its worker is gone, or
//! when the worker says that it does not have it. That also makes each end of a task count exactly once:
//! Ballista would add the rows of a task twice if its status arrived twice.

mod attempts;
mod places;
mod tasks;
#[cfg(test)]
mod tests;
mod workers;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use springald_core::protocol::{WorkerInfo, WorkerState};
use tokio::sync::Notify;

use crate::jobs::Cause;
pub(crate) use places::Places;
pub(crate) use workers::TaskNow;

/// What placement has to know of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) session: Arc<str>,
    /// Jobs run in this order, lowest first.
    pub(crate) arrival: u64,
    /// Bytes that a worker must offer for each of its cores.
    pub(crate) memory_per_core: u64,
    /// The attempt writes files; see [`Cause::WriteFailed`].
    pub(crate) writes: bool,
}

/// A worker with free cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) worker: String,
    /// `host:port` of its data port.
    pub(crate) address: String,
    pub(crate) free: u32,
    /// Bytes for each core, once the worker has said.
    pub(crate) memory_per_core: Option<u64>,
}

impl Offer {
    pub(crate) fn suits(&self, memory_per_core: u64) -> bool {
        memory_per_core == 0 || self.memory_per_core.is_some_and(|m| m >= memory_per_core)
    }
}

/// How far an attempt is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) done: u64,
    pub(crate) running: u32,
}

/// What to do with a task's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deliver {
    /// Hand it on to Ballista.
    Yes,
    /// It is a repetition, or of an attempt that is over or about to be.
    No,
}

#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    workers: HashMap<String, Worker>,
    gone: VecDeque<(Instant, WorkerInfo)>,
    tasks: HashMap<TaskRef, Held>,
    attempts: HashMap<String, Attempt>,
    places: HashMap<String, Places>,
}

struct Worker {
    host: String,
    port: u16,
    cores: u32,
    memory: Option<u64>,
    memory_used: u64,
    /// Cached data in memory and on disk.
    cached: (u64, u64),
    draining: bool,
    since: Instant,
    heard: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TaskRef {
    job: String,
    stage: usize,
    stage_attempt: usize,
    task: usize,
}

struct Held {
    worker: String,
    session: Arc<str>,
    cores: u32,
    begun: Instant,
    /// Since when the worker has said that it does not have the task.
    missing: Option<Instant>,
}

struct Attempt {
    terms: Terms,
    workers: HashSet<String>,
    begun: u64,
    ended: u64,
    done: u64,
    cause: Option<Cause>,
    last_failure: Option<String>,
    changed: Arc<Notify>,
}

impl State {
    fn load(&self, worker: &str) -> (u32, u32) {
        self.tasks
            .values()
            .filter(|held| held.worker == worker)
            .fold((0, 0), |(tasks, cores), held| {
                (tasks + 1, cores + held.cores)
            })
    }

    fn offers(&self, alive: Option<&HashSet<String>>, with_busy: bool) -> Vec<Offer> {
        let mut held: HashMap<&str, u32> = HashMap::new();
        for task in self.tasks.values() {
            *held.entry(task.worker.as_str()).or_default() += task.cores;
        }
        let mut offers: Vec<Offer> = self
            .workers
            .iter()
            .filter(|(id, worker)| {
                !worker.draining && alive.is_none_or(|alive| alive.contains(*id))
            })
            .map(|(id, worker)| Offer {
                worker: id.clone(),
                address: worker.name(),
                free: worker
                    .cores
                    .saturating_sub(held.get(id.as_str()).copied().unwrap_or(0)),
                memory_per_core: worker.memory.map(|bytes| worker.per_core(bytes)),
            })
            .filter(|offer| with_busy || offer.free > 0)
            .collect();
        offers.sort_by(|a, b| a.worker.cmp(&b.worker));
        offers
    }

    fn name(&self, worker: &str) -> String {
        self.workers
            .get(worker)
            .map_or_else(|| worker.to_owned(), Worker::name)
    }
}

impl Worker {
    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn per_core(&self, bytes: u64) -> u64 {
        bytes / u64::from(self.cores.max(1))
    }

    fn info(&self, id: &str, state: WorkerState) -> WorkerInfo {
        WorkerInfo {
            id: id.to_owned(),
            host: self.host.clone(),
            port: self.port,
            state,
            cores: self.cores,
            cores_free: self.cores,
            memory_bytes: self.memory.unwrap_or(0),
            memory_used_bytes: self.memory_used,
            cached_memory_bytes: self.cached.0,
            cached_disk_bytes: self.cached.1,
            tasks: 0,
            last_seen_ms: self.heard.elapsed().as_millis() as u64,
        }
    }
}

impl Attempt {
    fn mark(&mut self, cause: Cause) {
        if self.cause.is_none() {
            self.cause = Some(cause);
        }
        self.changed.notify_one();
    }
}
