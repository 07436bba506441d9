//! The folder of a worker: shuffle data, one folder for each time it joined a master, and spilled data.
//!
//! ```text
//! springald-worker-4711/         or what --work-dir says
//!   .springald-worker.lock       held while the worker lives
//!   executor-<id>/<job>/<stage>/ shuffle data of the jobs of one registration
//!   spill/                       what operators spill
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use log::{info, warn};

use crate::error::{Error, Result};

const LOCK: &str = ".springald-worker.lock";
const TEMPORARY: &str = "springald-worker-";
const EXECUTOR: &str = "executor-";
const SPILL: &str = "spill";

/// The worker's folder, its own while this lives, and emptied when it drops.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    /// Made by us under the temporary folder, and removed with what is in it.
    temporary: bool,
    _lock: File,
}

impl WorkDir {
    /// Takes `dir`, or a new folder under `temp`, and empties it of what a dead worker left there.
    ///
    /// # Errors
    /// If another worker has the folder, or it cannot be made.
    pub(crate) fn open(dir: Option<&Path>, temp: &Path) -> Result<Self> {
        let taken = match dir {
            Some(dir) => {
                let dir = std::path::absolute(dir).map_err(|e| cannot("use", dir, e))?;
                Self::take(dir, false)?
            }
            None => {
                remove_left_behind(temp);
                Self::take_temporary(temp)?
            }
        };
        taken.empty()?;
        fs::create_dir_all(taken.spill()).map_err(|e| cannot("make", &taken.spill(), e))?;
        Ok(taken)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where operators spill.
    pub(crate) fn spill(&self) -> PathBuf {
        self.path.join(SPILL)
    }

    /// A new folder for the shuffle data of the executor `id`. Each registration has its own: what a task of
    /// an earlier one still writes can then never be taken for data of this one.
    pub(crate) fn executor(&self, id: &str) -> Result<PathBuf> {
        let dir = self.path.join(format!("{EXECUTOR}{id}"));
        fs::create_dir_all(&dir).map_err(|e| cannot("make", &dir, e))?;
        Ok(dir)
    }

    /// The folder of this process id, or the first variant of it that is free: containers that share a
    /// temporary folder may have the same ids.
    fn take_temporary(temp: &Path) -> Result<Self> {
        let name = format!("{TEMPORARY}{}", std::process::id());
        let mut variant = 1;
        loop {
            let dir = match variant {
                1 => temp.join(&name),
                n => temp.join(format!("{name}-{n}")),
            };
            match Self::take(dir, true) {
                Err(Error::WorkDirInUse { .. }) if variant < 100 => variant += 1,
                other => return other,
            }
        }
    }

    fn take(path: PathBuf, temporary: bool) -> Result<Self> {
        fs::create_dir_all(&path).map_err(|e| cannot("make", &path, e))?;
        let file = path.join(LOCK);
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .map_err(|e| cannot("write to", &file, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let _ = lock.read_to_string(&mut process);
                return Err(Error::WorkDirInUse { dir: path, process });
            }
            Err(TryLockError::Error(e)) => return Err(cannot("lock", &file, e)),
        }
        lock.set_len(0)
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .map_err(|e| cannot("write to", &file, e))?;
        Ok(Self {
            path,
            temporary,
            _lock: lock,
        })
    }

    /// Removes what a worker makes here, and nothing else: the folder may be the user's.
    fn empty(&self) -> Result<()> {
        let entries = fs::read_dir(&self.path).map_err(|e| cannot("read", &self.path, e))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(EXECUTOR) || name == SPILL {
                fs::remove_dir_all(entry.path()).map_err(|e| cannot("remove", &entry.path(), e))?;
            }
        }
        Ok(())
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let done = if self.temporary {
            fs::remove_dir_all(&self.path)
        } else {
            let emptied = self.empty().map_err(io::Error::other);
            emptied.and_then(|()| fs::remove_file(self.path.join(LOCK)))
        };
        if let Err(e) = done {
            warn!("cannot clean up {}: {e}", self.path.display());
        }
    }
}

/// Removes the temporary folders whose workers are dead: nobody holds their locks.
fn remove_left_behind(temp: &Path) {
    for entry in fs::read_dir(temp).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY)) else {
            continue;
        };
        let path = entry.path();
        let dead = match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // Made a moment ago and not locked yet, or its worker died right there.
            Err(_) => !Path::new("/proc").join(rest).exists(),
        };
        if dead && fs::remove_dir_all(&path).is_ok() {
            info!(
                "removed {}, left behind by a worker that died",
                path.display()
            );
        }
    }
}

fn cannot(what: &str, path: &Path, source: io::Error) -> Error {
    Error::io(
        format!("cannot {what} the work folder {}", path.display()),
        source,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_of_the_users_keeps_what_is_not_ours() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("mine");
        fs::create_dir_all(dir.join("executor-old/job")).unwrap();
        fs::create_dir_all(dir.join("spill/x")).unwrap();
        fs::create_dir_all(dir.join("photos")).unwrap();

        let work_dir = WorkDir::open(Some(&dir), temp.path()).unwrap();
        assert_eq!(names(&dir), [LOCK, "photos", "spill"]);
        let executor = work_dir.executor("one").unwrap();
        fs::write(executor.join("data"), "x").unwrap();
        drop(work_dir);
        assert_eq!(names(&dir), ["photos"]);
    }

    #[test]
    fn two_workers_do_not_share_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("shared");
        let first = WorkDir::open(Some(&dir), temp.path()).unwrap();
        let e = WorkDir::open(Some(&dir), temp.path()).unwrap_err();
        assert!(
            e.to_string().contains(&std::process::id().to_string()),
            "{e}"
        );
        assert!(e.hint().unwrap().contains("--work-dir"));
        drop(first);
        WorkDir::open(Some(&dir), temp.path()).unwrap();
    }

    #[test]
    fn temporary_folders_go_with_their_worker() {
        let temp = tempfile::tempdir().unwrap();
        let first = WorkDir::open(None, temp.path()).unwrap();
        let second = WorkDir::open(None, temp.path()).unwrap();
        assert_ne!(first.path(), second.path());
        assert!(first.spill().is_dir());
        drop(first);
        drop(second);
        assert!(names(temp.path()).is_empty());
    }

    #[test]
    fn dead_workers_folders_are_removed_and_living_ones_kept() {
        let temp = tempfile::tempdir().unwrap();
        let living = WorkDir::open(None, temp.path()).unwrap();
        let dead = temp.path().join("springald-worker-1-2");
        fs::create_dir_all(dead.join("executor-x")).unwrap();
        fs::write(dead.join(LOCK), "1").unwrap();
        let other = temp.path().join("other");
        fs::create_dir(&other).unwrap();

        remove_left_behind(temp.path());
        assert!(!dead.exists());
        assert!(other.exists() && living.path().exists());
    }
}
