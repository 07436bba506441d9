//! What nobody told the worker to stop or remove, because the message was lost or the master is a new one:
//! tasks and shuffle files of jobs that are over.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use log::{info, warn};
use tokio::time::{MissedTickBehavior, interval};

use crate::master::job_is_alive;
use crate::round::Round;

/// Time between two looks at the tasks; also their least age, for the master to know of them.
const TASKS: Duration = Duration::from_secs(5);
/// Looks at the tasks between two looks at the files.
const LOOKS: u32 = 12;
/// Files untouched for less are left alone: a client may take its time to fetch a result. The master removes
/// them after five minutes.
const FILES: Duration = Duration::from_secs(900);

/// Looks after a registration as long as it is polled.
pub(crate) async fn look_after(round: &Round) -> Infallible {
    let mut master = round.client.clone();
    let mut every = interval(TASKS);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0;
    loop {
        every.tick().await;
        for job in round.tasks().jobs_older_than(TASKS) {
            if job_is_alive(&mut master, &job).await == Some(false) {
                warn!("stopping the tasks of job {job}: the master has no such job running");
                round.cancel_job(&job);
            }
        }
        looks += 1;
        if looks % LOOKS == 0 {
            for job in jobs_with_files(&round.files) {
                let dir = round.files.join(&job);
                if untouched_for(&dir) > FILES
                    && job_is_alive(&mut master, &job).await == Some(false)
                {
                    info!("removing the data of job {job}, which is over");
                    if let Err(e) = tokio::fs::remove_dir_all(&dir).await {
                        warn!("cannot remove {}: {e}", dir.display());
                    }
                }
            }
        }
    }
}

/// The jobs that have shuffle files in `files`.
pub(crate) fn jobs_with_files(files: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(files).into_iter().flatten().flatten();
    let mut jobs: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    jobs.sort();
    jobs
}

/// Time since anything in `dir` was written.
fn untouched_for(dir: &Path) -> Duration {
    let mut latest = SystemTime::UNIX_EPOCH;
    let mut paths: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(path) = paths.pop() {
        let modified = path.metadata().and_then(|metadata| metadata.modified());
        latest = latest.max(modified.unwrap_or(SystemTime::UNIX_EPOCH));
        let below = std::fs::read_dir(&path).into_iter().flatten().flatten();
        paths.extend(below.map(|entry| entry.path()));
    }
    latest.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn jobs_and_the_age_of_their_files() {
        let dir = tempfile::tempdir().unwrap();
        assert!(jobs_with_files(&dir.path().join("none")).is_empty());
        let stage = dir.path().join("b/1/0");
        fs::create_dir_all(&stage).unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        assert_eq!(jobs_with_files(dir.path()), ["a", "b"]);

        let job = dir.path().join("b");
        let long_ago = SystemTime::now() - 2 * FILES;
        let data = stage.join("data.arrow");
        fs::write(&data, "x").unwrap();
        assert!(untouched_for(&job) < FILES);
        for path in [&data, &stage, &job.join("1"), &job] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        assert!(untouched_for(&job) > FILES);
        File::open(&data)
            .unwrap()
            .set_modified(SystemTime::now())
            .unwrap();
        assert!(untouched_for(&job) < FILES);
    }
}
