//! What a person sees while a command works: on a terminal a bar on standard error, elsewhere only what a
//! job waits for.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use springald_core::cluster::ClusterClient;
use springald_core::protocol::{JobInfo, JobState};
use springald_core::{JobEvent, Session};
use tokio::task::JoinHandle;

use crate::error::say;

/// How often the master is asked. The first time comes after one such interval, so that a quick query
/// shows no bar at all.
const INTERVAL: Duration = Duration::from_millis(400);

/// A bar on standard error that counts to `total`, in bytes where `in_bytes`; invisible where standard
/// error is no terminal.
pub(crate) fn bar(total: u64, in_bytes: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), draw_target());
    let template = match in_bytes {
        true => "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {eta}",
        false => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn draw_target() -> ProgressDrawTarget {
    match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(10),
        false => ProgressDrawTarget::hidden(),
    }
}

/// Watches the jobs that a session has on its cluster and shows how they get on, until it is dropped. In
/// local mode there are none to watch.
pub(crate) struct JobWatch {
    jobs: Arc<Jobs>,
    cluster: Option<Arc<ClusterClient>>,
    task: Option<JoinHandle<()>>,
}

impl JobWatch {
    pub(crate) fn start(session: &Session) -> Self {
        let jobs = Arc::new(Jobs::default());
        let cluster = session.cluster().map(Arc::clone);
        let task = cluster.clone().map(|cluster| {
            let heard = Arc::clone(&jobs);
            session.listen(Some(Arc::new(move |event| heard.hear(event))));
            tokio::spawn(Arc::clone(&jobs).watch(cluster))
        });
        Self {
            jobs,
            cluster,
            task,
        }
    }

    /// Cancels the jobs that run, as far as the master can be asked quickly.
    pub(crate) async fn cancel_jobs(&self) {
        let Some(cluster) = &self.cluster else {
            return;
        };
        let cancel = async {
            for id in self.jobs.running() {
                // A job that ended meanwhile needs no cancelling.
                let _ = cluster.rest().cancel(&id).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), cancel).await;
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        if let Some(cluster) = &self.cluster {
            cluster.listen(None);
        }
        if let Some(task) = &self.task {
            task.abort();
        }
        self.jobs.clear();
    }
}

#[derive(Default)]
struct Jobs {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Running jobs with what was last heard of them.
    jobs: BTreeMap<String, Option<JobInfo>>,
    bar: Option<ProgressBar>,
    /// The last reason to wait that was said, so that each is said once.
    said: Option<String>,
}

impl Jobs {
    fn hear(&self, event: &JobEvent) {
        let mut state = self.state.lock();
        match event {
            JobEvent::Accepted { id } => {
                state.jobs.insert(id.clone(), None);
            }
            JobEvent::Ended { id } => {
                state.jobs.remove(id);
                if state.jobs.is_empty() {
                    state.end();
                }
            }
        }
    }

    fn running(&self) -> Vec<String> {
        self.state.lock().jobs.keys().cloned().collect()
    }

    fn clear(&self) {
        let mut state = self.state.lock();
        state.jobs.clear();
        state.end();
    }

    async fn watch(self: Arc<Self>, cluster: Arc<ClusterClient>) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            for id in self.running() {
                if let Ok(info) = cluster.rest().job(&id).await {
                    self.state.lock().learn(info);
                }
            }
        }
    }
}

impl State {
    fn learn(&mut self, info: JobInfo) {
        let waits_for = match info.state {
            JobState::Waiting => info.message.clone(),
            _ => None,
        };
        // It may have ended while the master was asked.
        let Some(job) = self.jobs.get_mut(&info.id) else {
            return;
        };
        *job = Some(info);
        if let Some(reason) = waits_for {
            self.say_once(reason);
        } else {
            self.show();
        }
    }

    fn say_once(&mut self, reason: String) {
        if self.said.as_ref() != Some(&reason) {
            match &self.bar {
                Some(bar) => bar.suspend(|| say(&reason)),
                None => say(&reason),
            }
            self.said = Some(reason);
        }
    }

    fn show(&mut self) {
        let known = || self.jobs.values().flatten();
        let tasks: u32 = known().map(|job| job.tasks).sum();
        let done: u32 = known().map(|job| job.tasks_done).sum();
        let message = words(known());
        let bar = self.bar.get_or_insert_with(|| bar(0, false));
        bar.set_message(message);
        bar.set_length(tasks.into());
        bar.set_position(done.into());
    }

    fn end(&mut self) {
        self.said = None;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// `stage 2 of 5, 3 tasks running`.
fn words<'a>(jobs: impl Iterator<Item = &'a JobInfo> + Clone) -> String {
    let stages: u32 = jobs.clone().map(|job| job.stages).sum();
    let done: u32 = jobs.clone().map(|job| job.stages_done).sum();
    let running: u32 = jobs.clone().map(|job| job.tasks_running).sum();
    let attempt = jobs.map(|job| job.attempts).max().unwrap_or(1);
    let mut text = format!("{done} of {stages} stages, {running} tasks running");
    if attempt > 1 {
        text.push_str(&format!(", attempt {attempt}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, state: JobState, message: Option<&str>) -> JobInfo {
        JobInfo {
            id: id.into(),
            name: String::new(),
            session: String::new(),
            state,
            message: message.map(str::to_owned),
            attempts: 2,
            submitted_at_ms: 0,
            started_at_ms: None,
            ended_at_ms: None,
            stages: 3,
            stages_done: 1,
            tasks: 10,
            tasks_running: 2,
            tasks_done: 4,
        }
    }

    #[test]
    fn several_jobs_are_one_bar() {
        let jobs = [
            job("a", JobState::Running, None),
            job("b", JobState::Running, None),
        ];
        assert_eq!(
            words(jobs.iter()),
            "2 of 6 stages, 4 tasks running, attempt 2"
        );
    }

    #[test]
    fn a_job_that_ended_is_not_shown_again() {
        let jobs = Jobs::default();
        let id = || "a".to_owned();
        jobs.hear(&JobEvent::Accepted { id: id() });
        jobs.state.lock().learn(job("a", JobState::Running, None));
        assert!(jobs.state.lock().bar.is_some());
        jobs.hear(&JobEvent::Ended { id: id() });
        jobs.state.lock().learn(job("a", JobState::Running, None));
        assert!(jobs.state.lock().bar.is_none());
        assert!(jobs.running().is_empty());
    }

    #[test]
    fn a_reason_to_wait_is_kept_once() {
        let jobs = Jobs::default();
        jobs.hear(&JobEvent::Accepted { id: "a".into() });
        jobs.state
            .lock()
            .learn(job("a", JobState::Waiting, Some("no worker")));
        assert_eq!(jobs.state.lock().said.as_deref(), Some("no worker"));
        assert!(jobs.state.lock().bar.is_none());
    }
}
