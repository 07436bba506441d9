//! Leaving in order: no new tasks, the ones that run are finished, and what they wrote is served as long as
//! a running job may need it.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ballista_executor::executor_server::TERMINATING;
use log::{info, warn};
use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};
use crate::janitor::jobs_with_files;
use crate::master::{job_is_alive, say_stopped, say_terminating};
use crate::round::{Loss, Round};
use crate::signals::Signals;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks in a row that must find nothing. The report of the last task, and a client that comes for a result
/// that is just ready, have that long.
const QUIET_LOOKS: u32 = 4;

/// Looks in a row at which the master does not answer before the worker leaves without it. A whole cluster is
/// often told to end at once.
const SILENT_LOOKS: u32 = 8;

/// Takes the worker out of the cluster, within `limit`.
///
/// # Errors
/// If a second signal says to leave at once.
pub(crate) async fn leave(
    round: Round,
    mut loss: Loss,
    limit: Duration,
    signals: &Signals,
) -> Result<()> {
    // Ballista's heartbeats say so from now on, and the master hands out nothing more.
    TERMINATING.store(true, Ordering::Release);
    let mut master = round.client.clone();
    let done = async {
        say_terminating(&mut master, &round.metadata).await;
        until_unneeded(&round, limit).await;
        say_stopped(
            &mut master,
            &round.metadata.id,
            "the worker was told to end",
        )
        .await;
    };
    tokio::select! {
        () = done => {}
        // Nothing can be reported to a master that is gone.
        why = loss.happens() => warn!("leaving without the master: {why}"),
        () = signals.second() => {
            let unfinished = Needs { jobs: Vec::new(), ..Needs::of(&round) };
            return Err(Error::Interrupted { unfinished: unfinished.to_string() });
        }
    }
    round.end(loss).await;
    Ok(())
}

async fn until_unneeded(round: &Round, limit: Duration) {
    let end = Instant::now() + limit;
    let mut said = Needs::default();
    let (mut quiet, mut silent) = (0, 0);
    while quiet < QUIET_LOOKS {
        let left = end.saturating_duration_since(Instant::now());
        let mut needs = Needs::of(round);
        match needs.keep_running_jobs(round).await {
            true => silent = 0,
            false => silent += 1,
        }
        if silent >= SILENT_LOOKS {
            warn!("leaving in spite of {needs}: the master does not answer");
            return;
        }
        if needs.none() {
            quiet += 1;
        } else if left.is_zero() {
            warn!("leaving after {limit:?} in spite of {needs}");
            return;
        } else {
            quiet = 0;
            if needs != said {
                info!(
                    "waiting for {needs}; {} s at most, a second signal leaves at once",
                    left.as_secs()
                );
                said = needs;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What would be lost if the worker left now.
#[derive(Debug, Default, PartialEq)]
struct Needs {
    tasks: usize,
    transfers: usize,
    /// Jobs with shuffle files here.
    jobs: Vec<String>,
}

impl Needs {
    fn of(round: &Round) -> Self {
        Self {
            tasks: round.tasks().count(),
            transfers: round.open_transfers(),
            jobs: jobs_with_files(&round.files),
        }
    }

    /// Forgets the jobs that are over. The master tells; it sends no word to a worker that leaves. Says
    /// whether it answered.
    async fn keep_running_jobs(&mut self, round: &Round) -> bool {
        let mut master = round.client.clone();
        let mut answered = true;
        let mut running = Vec::new();
        for job in self.jobs.drain(..) {
            // One question without an answer is enough.
            let alive = match answered {
                true => job_is_alive(&mut master, &job).await,
                false => None,
            };
            answered = alive.is_some();
            if alive != Some(false) {
                running.push(job);
            }
        }
        self.jobs = running;
        answered
    }

    fn none(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let Self {
            tasks,
            transfers,
            jobs,
        } = self;
        write!(
            f,
            "{tasks} task{}, {transfers} transfer{}",
            plural(*tasks),
            plural(*transfers)
        )?;
        if !jobs.is_empty() {
            write!(
                f,
                ", the shuffle data of job{} {}",
                plural(jobs.len()),
                jobs.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_in_words() {
        let mut needs = Needs::default();
        assert!(needs.none());
        needs.tasks = 1;
        assert_eq!(needs.to_string(), "1 task, 0 transfers");
        needs.jobs = vec!["a".to_owned(), "b".to_owned()];
        assert!(needs.to_string().ends_with("the shuffle data of jobs a, b"));
        assert!(!needs.none());
    }
}
