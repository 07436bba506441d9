//! Requests to make visible what a write job staged.

use std::fs;
use std::path::{Component, Path, PathBuf};

use springald_core::protocol::PublishRequest;
use springald_core::session::publish;
use springald_core::{Error, Result};

use crate::jobs::{Board, is_staging, local_path};

/// The checked paths of a request.
#[derive(Debug)]
pub(crate) struct Publication {
    staging: PathBuf,
    target: PathBuf,
    replace: bool,
}

impl Publication {
    /// Checks that both are plain local paths and the first a staging folder.
    pub(crate) fn new(request: &PublishRequest) -> Result<Self> {
        let staging = plain(&request.staging)?;
        let target = plain(&request.target)?;
        if !is_staging(&staging) {
            return Err(Error::invalid(format!(
                "{} is not a staging folder: its name must begin with `_staging-`",
                staging.display()
            )));
        }
        if target.starts_with(&staging) {
            return Err(Error::invalid(format!(
                "the target {} lies inside the staging folder",
                target.display()
            )));
        }
        Ok(Self {
            staging,
            target,
            replace: request.replace,
        })
    }

    /// Whether there is something to publish: a job of this master staged it, or the folder is there.
    pub(crate) fn is_there(&self, board: &Board) -> bool {
        board.staged(&self.staging).is_some() || self.staging.is_dir()
    }

    /// Moves the files of the attempt that succeeded into the target, then removes the staging folder.
    /// Returns the number of files. On failure those moved already are moved back.
    pub(crate) fn run(&self, board: &Board) -> Result<usize> {
        let source = match board.staged(&self.staging) {
            Some(attempt) => attempt,
            None => only_attempt(&self.staging)?,
        };
        self.publish(&source)
    }

    fn publish(&self, source: &Path) -> Result<usize> {
        publish(source, &self.staging, &self.target, self.replace)
    }
}

/// Where the files are when this master did not run the job: in the folder itself, or in the folder of an
/// attempt if there is one only.
fn only_attempt(staging: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(staging).map_err(|e| unreadable(staging, &e))?;
    let mut attempts = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| unreadable(staging, &e))?;
        if entry.file_name().to_string_lossy().starts_with("attempt-") {
            attempts.push(entry.path());
        }
    }
    match attempts.len() {
        0 => Ok(staging.to_owned()),
        1 => Ok(attempts.remove(0)),
        n => Err(Error::failed(format!(
            "{} holds the files of {n} attempts, and this master does not know which of them succeeded",
            staging.display()
        ))
        .with_hint("run the job again")),
    }
}

fn unreadable(folder: &Path, e: &std::io::Error) -> Error {
    Error::failed(format!(
        "reading {}: {e}: nothing was published",
        folder.display()
    ))
}

fn plain(path: &str) -> Result<PathBuf> {
    let clean = local_path(path);
    let climbs = clean.components().any(|c| c == Component::ParentDir);
    if !clean.is_absolute() || climbs || path.trim_start_matches("file://").contains("://") {
        return Err(Error::invalid(format!(
            "`{path}` is not an absolute local path without `..`"
        )));
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(target: &Path) -> Publication {
        Publication::new(&PublishRequest {
            staging: format!("{}/_staging-7/", target.display()),
            target: format!("file://{}/", target.display()),
            replace: false,
        })
        .unwrap()
    }

    fn stage(target: &Path, name: &str) {
        let path = target.join("_staging-7").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    #[test]
    fn files_of_one_attempt_are_moved_and_the_rest_removed() {
        let target = tempfile::tempdir().unwrap();
        stage(target.path(), "attempt-1/half.parquet");
        stage(target.path(), "attempt-2/a.parquet");
        stage(target.path(), "attempt-2/year=2026/b.parquet");
        let publication = publication(target.path());
        let source = target.path().join("_staging-7/attempt-2");
        assert_eq!(publication.publish(&source).unwrap(), 2);
        assert!(target.path().join("a.parquet").exists());
        assert!(target.path().join("year=2026/b.parquet").exists());
        assert!(!target.path().join("half.parquet").exists());
        assert!(!target.path().join("_staging-7").exists());
    }

    #[test]
    fn an_unknown_job_is_published_only_when_there_is_no_doubt() {
        let target = tempfile::tempdir().unwrap();
        let staging = target.path().join("_staging-7");
        stage(target.path(), "attempt-1/a.parquet");
        assert_eq!(only_attempt(&staging).unwrap(), staging.join("attempt-1"));
        stage(target.path(), "attempt-2/a.parquet");
        assert!(only_attempt(&staging).is_err());
    }

    #[test]
    fn paths_that_are_refused() {
        for (staging, target) in [
            ("/w/t/data", "/w/t"),
            ("/w/../_staging-1", "/w"),
            ("_staging-1", "/w"),
            ("s3://b/_staging-1", "/w"),
            ("/w/_staging-1", "s3://b/w"),
            ("/w/_staging-1", "/w/_staging-1/t"),
        ] {
            let request = PublishRequest {
                staging: staging.into(),
                target: target.into(),
                replace: false,
            };
            assert!(Publication::new(&request).is_err(), "{staging} {target}");
        }
    }
}
