//! Making what a write job staged visible: every file of it, or none.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use springald_core::protocol::PublishRequest;
use springald_core::{Error, Result};

use crate::jobs::{Board, is_staging, local_path};

/// The checked paths of a request.
#[derive(Debug)]
pub(crate) struct Publication {
    staging: PathBuf,
    target: PathBuf,
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
        Ok(Self { staging, target })
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
        let files = files_below(source).map_err(|e| failed("reading", source, &e))?;
        let moves: Vec<(PathBuf, PathBuf)> = files
            .into_iter()
            .map(|file| {
                let inside = file.strip_prefix(source).unwrap_or(&file);
                (file.clone(), self.target.join(inside))
            })
            .collect();
        if let Some((_, taken)) = moves.iter().find(|(_, to)| to.exists()) {
            return Err(Error::invalid(format!(
                "{} exists already: nothing was published",
                taken.display()
            )));
        }
        for (done, (from, to)) in moves.iter().enumerate() {
            if let Err(e) = rename(from, to) {
                for (from, to) in moves[..done].iter().rev() {
                    if let Err(e) = fs::rename(to, from) {
                        log::error!("moving {} back to {}: {e}", to.display(), from.display());
                    }
                }
                return Err(failed("moving a file to", to, &e));
            }
        }
        // The files are where they belong; what is left behind here disturbs nobody.
        if let Err(e) = fs::remove_dir_all(&self.staging) {
            log::warn!("removing {}: {e}", self.staging.display());
        }
        Ok(moves.len())
    }
}

/// Where the files are when this master did not run the job: in the folder itself, or in the folder of an
/// attempt if there is one only.
fn only_attempt(staging: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(staging).map_err(|e| failed("reading", staging, &e))?;
    let mut attempts = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failed("reading", staging, &e))?;
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

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files.sort();
    Ok(files)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)
}

fn failed(doing: &str, path: &Path, e: &io::Error) -> Error {
    let error = Error::failed(format!(
        "{doing} {}: {e}: nothing was published",
        path.display()
    ));
    match e.kind() {
        ErrorKind::CrossesDevices => error.with_hint("stage below the target, in the same file system"),
        ErrorKind::NotFound => error.with_hint("the job may have written nothing, or the master mounts another volume than the workers"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(target: &Path) -> Publication {
        Publication::new(&PublishRequest {
            staging: format!("{}/_staging-7/", target.display()),
            target: format!("file://{}/", target.display()),
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
    fn nothing_is_moved_if_something_is_in_the_way() {
        let target = tempfile::tempdir().unwrap();
        stage(target.path(), "a.parquet");
        stage(target.path(), "b.parquet");
        fs::write(target.path().join("b.parquet"), "old").unwrap();
        let source = target.path().join("_staging-7");
        let e = publication(target.path()).publish(&source).unwrap_err();
        assert!(e.message().contains("b.parquet"), "{e}");
        assert!(!target.path().join("a.parquet").exists());
        assert!(source.join("a.parquet").exists());
    }

    #[test]
    fn what_was_moved_is_moved_back() {
        let target = tempfile::tempdir().unwrap();
        stage(target.path(), "a.parquet");
        stage(target.path(), "z/b.parquet");
        // A file where a folder is needed makes the second move fail.
        fs::write(target.path().join("z"), "a file").unwrap();
        let source = target.path().join("_staging-7");
        assert!(publication(target.path()).publish(&source).is_err());
        assert!(source.join("a.parquet").exists());
        assert!(!target.path().join("a.parquet").exists());
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
            };
            assert!(Publication::new(&request).is_err(), "{staging} {target}");
        }
    }
}
