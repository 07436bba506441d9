//! All jobs: those that run, and the last of those that ended.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ballista_core::serde::protobuf::get_job_status_result::FlightProxy;
use ballista_core::serde::protobuf::{
    ExecuteQueryParams, FailedJob, GetJobStatusResult, JobStatus, QueuedJob, RunningJob, job_status,
};
use ballista_scheduler::cluster::JobState as BallistaJobs;
use ballista_scheduler::scheduler_server::JobIdGenerator;
use parking_lot::Mutex;
use springald_core::protocol::{JobInfo, JobState, now_ms};
use springald_core::record::AttemptRecord;
use tokio::sync::{mpsc, watch};
use tracing::{Instrument, error_span};

use super::driver::Driver;
use super::machine::Outcome;
use super::query::Query;
use crate::Ballista;
use crate::history::{Journal, Sealed};
use crate::ledger::Ledger;
use crate::records::measures::Measures;
use crate::records::stages::{Graph, partitions};
use crate::traces::Traces;
use crate::workers::Workers;

/// Results stay on the workers this long after a job has ended, for clients that read slowly; clients that
/// have read them say so.
pub(crate) const KEEP_RESULTS: Duration = Duration::from_secs(3600);
/// Ended jobs that are kept, and those with all details if the history has not got them.
const REMEMBER: usize = 1_000;
const REMEMBER_DETAILS: usize = 50;
/// Statuses of a job: queued, running, the end.
const STATUSES: usize = 8;

tokio::task_local! {
    static ATTEMPT_ID: String;
}

/// Lets the guard choose the id of an attempt, so that it is on the books before Ballista knows it.
#[derive(Debug)]
pub(crate) struct AttemptIds;

impl AttemptIds {
    /// Runs a submission whose job is to have this id.
    pub(crate) async fn with<F: Future>(id: String, submission: F) -> F::Output {
        ATTEMPT_ID.scope(id, submission).await
    }
}

#[async_trait::async_trait]
impl JobIdGenerator for AttemptIds {
    async fn next_id(&self) -> String {
        static STRAY: AtomicU64 = AtomicU64::new(0);
        ATTEMPT_ID
            .try_with(Clone::clone)
            .unwrap_or_else(|_| format!("unguarded-{}", STRAY.fetch_add(1, Ordering::Relaxed)))
    }
}

pub(crate) struct Board {
    pub(super) ballista: Arc<Ballista>,
    pub(super) finished: Arc<dyn BallistaJobs>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) workers: Arc<Workers>,
    /// `springald://host:port` for messages.
    pub(super) master: String,
    pub(super) journal: Journal,
    /// What the tasks of running jobs have measured.
    pub(crate) measures: Measures,
    pub(super) changes: watch::Sender<u64>,
    pub(super) traces: Option<Traces>,
    /// Distinguishes the jobs of this master from those of one that ran before it.
    epoch: String,
    count: AtomicU64,
    stopping: AtomicBool,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    all: HashMap<String, Arc<Job>>,
    ended: VecDeque<String>,
}

/// Who hears of each job.
pub(crate) struct Recorders {
    pub(crate) journal: Journal,
    pub(crate) traces: Option<Traces>,
}

/// A job that was taken, with what its client is told.
pub(crate) struct Submitted {
    pub(crate) id: String,
    pub(crate) statuses: mpsc::Receiver<GetJobStatusResult>,
}

/// One job.
pub(crate) struct Job {
    pub(super) id: String,
    pub(super) stop: mpsc::UnboundedSender<Outcome>,
    pub(super) record: Mutex<Record>,
    /// When it has ended.
    pub(super) sealed: OnceLock<Arc<Sealed>>,
}

pub(super) struct Record {
    pub(super) info: JobInfo,
    /// Ids of the attempts so far, the current one last.
    pub(super) attempts: Vec<String>,
    pub(super) attempt_records: Vec<AttemptRecord>,
    pub(super) sql: Option<String>,
    /// Those that differ from their defaults.
    pub(super) settings: Vec<(String, String)>,
    pub(super) status: JobStatus,
    /// The client has read the result.
    read: bool,
    /// The staging folder, and the folder in it that the successful attempt wrote.
    pub(super) staged: Option<(PathBuf, PathBuf)>,
}

impl Board {
    pub(crate) fn new(
        ballista: Arc<Ballista>,
        finished: Arc<dyn BallistaJobs>,
        ledger: Arc<Ledger>,
        workers: Arc<Workers>,
        master: String,
        epoch: String,
        Recorders { journal, traces }: Recorders,
    ) -> Self {
        Self {
            ballista,
            finished,
            ledger,
            workers,
            master,
            journal,
            measures: Measures::default(),
            changes: watch::Sender::new(0),
            epoch,
            traces,
            count: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            jobs: Mutex::default(),
        }
    }

    /// Takes a job and begins its first attempt. With `watched` it is cancelled when the receiver of its
    /// statuses is dropped.
    pub(crate) fn submit(
        self: &Arc<Self>,
        params: ExecuteQueryParams,
        watched: bool,
    ) -> springald_core::Result<Submitted> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(springald_core::Error::failed("the master is stopping"));
        }
        let query = Query::new(params)?;
        let arrival = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let id = format!("job-{}-{arrival:05}", self.epoch);
        let (statuses, receiver) = mpsc::channel(STATUSES);
        let (stop, stopped) = mpsc::unbounded_channel();
        let submitted_at_ms = now_ms();
        let record = Record {
            info: JobInfo {
                id: id.clone(),
                name: query.name.clone(),
                session: query.session.clone(),
                state: JobState::Waiting,
                message: None,
                attempts: 1,
                submitted_at_ms,
                started_at_ms: None,
                ended_at_ms: None,
                stages: 0,
                stages_done: 0,
                tasks: 0,
                tasks_running: 0,
                tasks_done: 0,
            },
            attempts: Vec::new(),
            attempt_records: Vec::new(),
            sql: query.sql.clone(),
            settings: query.changed.clone(),
            status: JobStatus {
                job_id: id.clone(),
                job_name: query.name.clone(),
                status: Some(job_status::Status::Queued(QueuedJob {
                    queued_at: submitted_at_ms,
                })),
            },
            read: false,
            staged: None,
        };
        let (sql, settings) = (record.sql.clone(), record.settings.clone());
        self.journal.submitted(record.info.clone(), sql, settings);
        let job = Arc::new(Job {
            id: id.clone(),
            stop,
            record: Mutex::new(record),
            sealed: OnceLock::new(),
        });
        self.jobs.lock().all.insert(id.clone(), Arc::clone(&job));
        let span = error_span!("job", job = id);
        let driver = Driver::new(
            Arc::clone(self),
            job,
            query,
            arrival,
            watched.then_some(statuses),
            stopped,
        );
        tokio::spawn(driver.run().instrument(span));
        self.changed();
        Ok(Submitted {
            id,
            statuses: receiver,
        })
    }

    /// Asks a job to end. `false` if it has ended already, `None` if there is none of this id.
    pub(crate) fn cancel(&self, id: &str, by: &str) -> Option<bool> {
        let job = self.job(id)?;
        if job.record.lock().info.state.is_final() {
            return Some(false);
        }
        let outcome = Outcome::Cancelled(format!("cancelled by {by}"));
        Some(job.stop.send(outcome).is_ok())
    }

    /// Ends every job, and waits until their clients have been told and their tasks stopped, at most
    /// `within`.
    pub(crate) async fn stop_all(&self, within: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        let running: Vec<Arc<Job>> = {
            let jobs = self.jobs.lock();
            jobs.all
                .values()
                .filter(|job| !job.record.lock().info.state.is_final())
                .cloned()
                .collect()
        };
        for job in &running {
            let _ = job
                .stop
                .send(Outcome::Failed("the master is stopping".into()));
        }
        // A driver drops its receiver when all is done.
        let over = futures::future::join_all(running.iter().map(|job| job.stop.closed()));
        let _ = tokio::time::timeout(within, over).await;
    }

    pub(crate) fn status(&self, id: &str) -> Option<GetJobStatusResult> {
        let job = self.job(id)?;
        let status = job.record.lock().status.clone();
        Some(result(status))
    }

    /// Ballista's id of the attempt that stands for the job.
    pub(crate) fn current_attempt(&self, id: &str) -> Option<String> {
        let job = self.job(id)?;
        let record = job.record.lock();
        record.attempts.last().cloned()
    }

    /// What a worker that holds data of an attempt is told: it runs as long as somebody may want that data,
    /// which includes a result that its client has not read.
    pub(crate) fn attempt_status(&self, attempt: &str) -> Option<GetJobStatusResult> {
        let (id, _) = attempt.rsplit_once('-')?;
        let job = self.job(id)?;
        let record = job.record.lock();
        let current = record.attempts.last().is_some_and(|last| last == attempt);
        let wanted = match record.info.state {
            JobState::Waiting | JobState::Running => true,
            JobState::Done => {
                let ended = record.info.ended_at_ms.unwrap_or_default();
                !record.read && now_ms().saturating_sub(ended) < KEEP_RESULTS.as_millis() as u64
            }
            JobState::Failed | JobState::Cancelled => false,
        };
        Some(result(match current && wanted {
            true => record.running(),
            false => record.failed("this attempt is over".into()),
        }))
    }

    /// Removes what the workers keep of a job that has ended.
    pub(crate) fn remove_data(&self, id: &str) {
        let Some(job) = self.job(id) else { return };
        let mut record = job.record.lock();
        if record.info.state.is_final() {
            record.read = true;
            for attempt in &record.attempts {
                self.workers.remove_data(attempt);
            }
        }
    }

    /// Where the successful attempt of the job wrote that staged into this folder.
    pub(crate) fn staged(&self, staging: &Path) -> Option<PathBuf> {
        let jobs = self.jobs.lock();
        jobs.all.values().find_map(|job| {
            let record = job.record.lock();
            let (folder, attempt) = record.staged.as_ref()?;
            (folder == staging && record.info.state == JobState::Done).then(|| attempt.clone())
        })
    }

    /// Jobs that wait and jobs that run.
    pub(crate) fn counts(&self) -> (u32, u32) {
        let jobs = self.jobs.lock();
        jobs.all.values().fold((0, 0), |(waiting, running), job| {
            match job.record.lock().info.state {
                JobState::Waiting => (waiting + 1, running),
                JobState::Running => (waiting, running + 1),
                _ => (waiting, running),
            }
        })
    }

    /// Partitions that wait for a core, of all jobs that are planned.
    pub(crate) fn pending_tasks(&self) -> usize {
        let running = self.ballista.state.task_manager.get_running_job_cache();
        let graphs = running.values().filter_map(|job| {
            let graph = job.execution_graph.try_read().ok()?;
            Some(graph.available_tasks())
        });
        graphs.sum()
    }

    pub(super) fn job(&self, id: &str) -> Option<Arc<Job>> {
        self.jobs.lock().all.get(id).cloned()
    }

    pub(super) fn all_jobs(&self) -> Vec<Arc<Job>> {
        self.jobs.lock().all.values().cloned().collect()
    }

    /// Keeps an ended job for a while.
    pub(super) fn retire(&self, id: &str) {
        let jobs = &mut *self.jobs.lock();
        jobs.ended.push_back(id.to_owned());
        let older = jobs.ended.iter().rev().nth(REMEMBER_DETAILS);
        if let Some(sealed) = older.and_then(|id| jobs.all.get(id)?.sealed.get()) {
            sealed.shed();
        }
        while jobs.ended.len() > REMEMBER {
            if let Some(oldest) = jobs.ended.pop_front() {
                jobs.all.remove(&oldest);
            }
        }
    }
}

impl Record {
    /// The status of a job that runs or ended badly, under its own id.
    pub(super) fn running(&self) -> JobStatus {
        self.with(job_status::Status::Running(RunningJob {
            queued_at: self.info.submitted_at_ms,
            started_at: self.info.started_at_ms.unwrap_or_default(),
            scheduler: String::new(),
        }))
    }

    pub(super) fn failed(&self, error: String) -> JobStatus {
        self.with(job_status::Status::Failed(FailedJob {
            error,
            queued_at: self.info.submitted_at_ms,
            started_at: self.info.started_at_ms.unwrap_or_default(),
            ended_at: now_ms(),
        }))
    }

    pub(super) fn with(&self, status: job_status::Status) -> JobStatus {
        JobStatus {
            job_id: self.info.id.clone(),
            job_name: self.info.name.clone(),
            status: Some(status),
        }
    }
}

/// Clients fetch results through the master: they need not reach a worker.
pub(super) fn result(status: JobStatus) -> GetJobStatusResult {
    GetJobStatusResult {
        status: Some(status),
        flight_proxy: Some(FlightProxy::Local(true)),
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) stages: u32,
    pub(super) stages_done: u32,
    pub(super) tasks: u32,
    pub(super) tasks_running: u32,
    pub(super) tasks_done: u32,
}

impl Counts {
    /// Tasks are counted in partitions: how many of them share a task is only known when it begins.
    pub(super) fn of(graph: &Graph) -> Self {
        use ballista_core::serde::protobuf::task_status::Status;

        let mut counts = Self {
            stages: graph.stage_count() as u32,
            stages_done: graph.completed_stages() as u32,
            ..Self::default()
        };
        for stage in graph.stages().values() {
            counts.tasks += partitions(stage) as u32;
            for task in stage.task_infos().unwrap_or_default() {
                let partitions = task.global_input_partition_ids.len() as u32;
                match task.task_status {
                    Status::Running(_) => counts.tasks_running += partitions,
                    Status::Successful(_) => counts.tasks_done += partitions,
                    Status::Failed(_) => {}
                }
            }
        }
        counts
    }
}
