//! The jobs of this master, and of those before it: what pages, REST and the `system` tables tell of them.

pub(crate) mod measures;
pub(crate) mod stages;

use std::collections::HashSet;
use std::sync::Arc;

use springald_core::protocol::{JobInfo, JobState};
use springald_core::record::JobRecord;
use tokio::sync::watch;

use crate::history::Archive;
use crate::jobs::{Board, Known};

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobFilter {
    pub(crate) states: Vec<JobState>,
    /// A part of the name, of the session or of the id, in any case.
    pub(crate) text: Option<String>,
    pub(crate) offset: usize,
    /// `None` for all.
    pub(crate) limit: Option<usize>,
}

/// A part of a list of jobs, newest first.
#[derive(Debug, Clone)]
pub(crate) struct JobPage {
    pub(crate) jobs: Vec<JobInfo>,
    /// How many the filter lets through in all.
    pub(crate) total: usize,
}

pub(crate) struct Records {
    /// The jobs of this process; a history server has none.
    board: Option<Arc<Board>>,
    archive: Arc<Archive>,
    changes: watch::Receiver<u64>,
}

impl Records {
    /// Those of a master.
    pub(crate) fn new(board: Arc<Board>, archive: Arc<Archive>) -> Self {
        Self {
            changes: board.changes(),
            board: Some(board),
            archive,
        }
    }

    /// Those in files alone; `changes` is told when there are new ones.
    pub(crate) fn of_archive(archive: Arc<Archive>, changes: watch::Receiver<u64>) -> Self {
        Self {
            board: None,
            archive,
            changes,
        }
    }

    /// Wakes who waits for it when a job, or a task of one, has begun, ended or waits for something else. Changes that
    /// come while nobody waits are one.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    pub(crate) async fn list(&self, filter: &JobFilter) -> JobPage {
        let mut jobs = self.all().await;
        jobs.retain(|job| filter.admits(job));
        jobs.sort_by(|a, b| {
            let time = |job: &JobInfo| (job.submitted_at_ms, job.id.len());
            time(b).cmp(&time(a)).then_with(|| b.id.cmp(&a.id))
        });
        let total = jobs.len();
        let some = jobs.into_iter().skip(filter.offset);
        let some = some.take(filter.limit.unwrap_or(usize::MAX));
        JobPage {
            jobs: some.map(Arc::unwrap_or_clone).collect(),
            total,
        }
    }

    pub(crate) async fn info(&self, id: &str) -> Option<JobInfo> {
        if let Some(board) = &self.board
            && let Some(Known {
                job,
                written: false,
            }) = board.info(id).await
        {
            return Some(job);
        }
        self.archive.info(id).await
    }

    pub(crate) async fn get(&self, id: &str) -> Option<JobRecord> {
        match self.live(id).await {
            Some(record) => Some(record),
            None => self.archive.record(id).await,
        }
    }

    /// As [`Self::get`], of a job that has just been listed.
    pub(crate) async fn get_listed(&self, id: &str) -> Option<JobRecord> {
        match self.live(id).await {
            Some(record) => Some(record),
            None => self.archive.seen_record(id).await,
        }
    }

    /// The record of a job that is not in the files.
    async fn live(&self, id: &str) -> Option<JobRecord> {
        let known = self.board.as_ref()?.record(id).await?;
        (!known.written).then_some(known.job)
    }

    /// This master's jobs that are not in files, and those that are: so that who removes the files removes the jobs.
    async fn all(&self) -> Vec<Arc<JobInfo>> {
        // What is written by now, the look that follows will find.
        let own = match &self.board {
            Some(board) => board.infos().await,
            None => vec![],
        };
        let listed = self.archive.list().await;
        let mut jobs: Vec<_> = own
            .into_iter()
            .filter(|known| !(known.written && listed.fresh))
            .map(|known| Arc::new(known.job))
            .collect();
        let own: HashSet<String> = jobs.iter().map(|job| job.id.clone()).collect();
        jobs.extend(listed.jobs.into_iter().filter(|job| !own.contains(&job.id)));
        jobs
    }
}

impl JobFilter {
    fn admits(&self, job: &JobInfo) -> bool {
        let found = |text: &String| {
            let text = text.to_lowercase();
            [&job.name, &job.session, &job.id]
                .iter()
                .any(|part| part.to_lowercase().contains(&text))
        };
        (self.states.is_empty() || self.states.contains(&job.state))
            && self.text.as_ref().is_none_or(found)
    }
}
