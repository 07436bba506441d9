//! The tasks that run here now, from the moment they begin until nothing of them is left.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use springald_core::protocol::TaskId;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::spans;

/// All tasks of a worker.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    running: Mutex<Registry>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Registry {
    begun: u64,
    tasks: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    id: TaskId,
    since: Instant,
    cancel: CancellationToken,
}

impl Tasks {
    pub(crate) fn list(&self) -> Vec<TaskId> {
        let running = self.running.lock();
        running
            .tasks
            .values()
            .map(|entry| entry.id.clone())
            .collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.running.lock().tasks.len()
    }

    /// The jobs of all tasks that run for `age` or longer.
    pub(crate) fn jobs_older_than(&self, age: Duration) -> Vec<String> {
        let running = self.running.lock();
        let old = running
            .tasks
            .values()
            .filter(|entry| entry.since.elapsed() >= age);
        let mut jobs: Vec<String> = old.map(|entry| entry.id.job.clone()).collect();
        jobs.sort();
        jobs.dedup();
        jobs
    }

    /// Tells the tasks that `which` picks to stop; they end soon after.
    pub(crate) fn cancel(&self, which: impl Fn(&TaskId) -> bool) {
        for entry in self.running.lock().tasks.values() {
            if which(&entry.id) {
                entry.cancel.cancel();
            }
        }
    }

    /// Waits until no task runs, for `limit` at most; says whether none does.
    pub(crate) async fn none_left(&self, limit: Duration) -> bool {
        self.until(limit, || self.count() == 0).await
    }

    /// Cancels what runs of the same task and waits for its end: two of them would write the same files.
    /// Says whether it has ended within `limit`.
    pub(crate) async fn supersede(&self, id: &TaskId, limit: Duration) -> bool {
        self.cancel(|other| other == id);
        self.until(limit, || !self.list().contains(id)).await
    }

    /// Waits until a task runs.
    pub(crate) async fn some(&self) {
        self.when(|| self.count() > 0).await;
    }

    async fn until(&self, limit: Duration, done: impl FnMut() -> bool) -> bool {
        timeout(limit, self.when(done)).await.is_ok()
    }

    async fn when(&self, mut done: impl FnMut() -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change falls between the two.
            changed.as_mut().enable();
            if done() {
                return;
            }
            changed.await;
        }
    }
}

/// A task before, while and after it runs.
#[derive(Debug)]
pub(crate) struct Task {
    id: TaskId,
    cancel: CancellationToken,
    tasks: Arc<Tasks>,
    running: Mutex<Weak<Running>>,
    span: Span,
}

impl Task {
    pub(crate) fn new(tasks: &Arc<Tasks>, id: TaskId) -> Arc<Self> {
        Arc::new(Self {
            span: spans::of(&id),
            id,
            cancel: CancellationToken::new(),
            tasks: Arc::clone(tasks),
            running: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> &TaskId {
        &self.id
    }

    /// In which all of the task is to run, so that its log lines name it.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Lists the task as running until the last copy of the answer is dropped.
    pub(crate) fn begin(&self) -> Arc<Running> {
        let mut registry = self.tasks.running.lock();
        registry.begun += 1;
        let number = registry.begun;
        let entry = Entry {
            id: self.id.clone(),
            since: Instant::now(),
            cancel: self.cancel.clone(),
        };
        registry.tasks.insert(number, entry);
        self.tasks.changed.notify_waiters();
        let running = Arc::new(Running {
            number,
            tasks: Arc::clone(&self.tasks),
        });
        *self.running.lock() = Arc::downgrade(&running);
        running
    }

    /// Another copy of what [`Self::begin`] gave, while there is one.
    pub(crate) fn running(&self) -> Option<Arc<Running>> {
        self.running.lock().upgrade()
    }
}

/// Keeps a task in the list. Its streams hold copies: a task that was dropped runs on until they are gone.
#[derive(Debug)]
pub(crate) struct Running {
    number: u64,
    tasks: Arc<Tasks>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.running.lock().tasks.remove(&self.number);
        self.tasks.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn id(task: usize) -> TaskId {
        TaskId {
            job: "j".to_owned(),
            stage: 1,
            task,
        }
    }

    #[test]
    fn a_task_runs_while_a_part_of_it_does() {
        let tasks = Arc::new(Tasks::default());
        let task = Task::new(&tasks, id(3));
        assert_eq!(tasks.count(), 0);
        let future = task.begin();
        let stream = task.running().unwrap();
        assert_eq!(tasks.list(), [id(3)]);
        drop(future);
        assert_eq!(tasks.count(), 1);
        drop(stream);
        assert_eq!(tasks.count(), 0);
        assert!(task.running().is_none());
    }

    #[tokio::test]
    async fn a_task_that_begins_ends_the_wait_for_one() {
        let tasks = Arc::new(Tasks::default());
        let wait = tasks.some();
        tokio::pin!(wait);
        assert!(timeout(Duration::ZERO, &mut wait).await.is_err());
        let _running = Task::new(&tasks, id(1)).begin();
        assert!(timeout(SOON, wait).await.is_ok());
    }

    #[tokio::test]
    async fn a_new_attempt_waits_for_the_old_one() {
        let tasks = Arc::new(Tasks::default());
        let old = Task::new(&tasks, id(1));
        let other = Task::new(&tasks, id(2));
        let (running, _running_too) = (old.begin(), other.begin());
        assert!(!tasks.supersede(&id(1), Duration::from_millis(20)).await);
        assert!(old.cancelled().is_cancelled());
        assert!(!other.cancelled().is_cancelled());
        let ends = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(running);
        });
        assert!(tasks.supersede(&id(1), SOON).await);
        ends.await.unwrap();
        assert!(!tasks.none_left(Duration::from_millis(20)).await);
    }

    #[tokio::test]
    async fn jobs_and_their_tasks() {
        let tasks = Arc::new(Tasks::default());
        let task = Task::new(&tasks, id(1));
        let running = task.begin();
        assert_eq!(tasks.jobs_older_than(Duration::ZERO), ["j"]);
        assert!(tasks.jobs_older_than(SOON).is_empty());
        tasks.cancel(|id| id.job == "j");
        assert!(task.cancelled().is_cancelled());
        drop(running);
        assert!(tasks.none_left(SOON).await);
    }
}
