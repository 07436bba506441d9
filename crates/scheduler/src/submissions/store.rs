//! What is kept of batches, in `events/batches` of the workspace: `<id>.json` says what is known of one, `<id>.log` is
//! what it printed, `<id>.sql` its text.

use std::fs;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use springald_core::submission::BatchInfo;
use springald_core::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::process::Mark;

/// The form of the files; one that a later master wrote is left alone.
const VERSION: u32 = 1;

pub(super) struct Store {
    folder: PathBuf,
}

/// One `<id>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    #[serde(rename = "v")]
    version: u32,
    #[serde(flatten)]
    pub(super) info: BatchInfo,
    /// The program, while it runs.
    pub(super) process: Option<Mark>,
}

impl Stored {
    pub(super) fn new(info: BatchInfo, process: Option<Mark>) -> Self {
        Self {
            version: VERSION,
            info,
            process,
        }
    }
}

impl Store {
    /// Makes the folder if need be.
    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(|e| {
            Error::failed(format!("making the folder {}: {e}", folder.display()))
                .with_hint("the master must be able to write to its workspace")
        })?;
        Ok(Self { folder })
    }

    /// All batches, the oldest first. What cannot be read is passed over.
    pub(super) fn load(&self) -> Vec<Stored> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut batches = vec![];
        for file in files {
            let path = file.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            match read(&path) {
                Ok(batch) if batch.version == VERSION => batches.push(batch),
                Ok(batch) => log::warn!(
                    "{} has version {}, and this master reads {VERSION}: it is passed over",
                    path.display(),
                    batch.version
                ),
                Err(e) => log::warn!("{} cannot be read: {e}", path.display()),
            }
        }
        batches.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        batches
    }

    /// Writes beside the file and renames, so that a master that dies here leaves the old one or the new one.
    pub(super) async fn save(&self, batch: &Stored) -> Result<()> {
        let path = self.path(&batch.info.id, "json");
        let beside = path.with_extension("new");
        let written = async {
            tokio::fs::write(&beside, serde_json::to_vec_pretty(batch)?).await?;
            tokio::fs::rename(&beside, &path).await
        };
        written.await.map_err(|e: io::Error| failed(&path, &e))
    }

    pub(super) async fn save_sql(&self, id: &str, sql: &str) -> Result<()> {
        let path = self.sql(id);
        let written = tokio::fs::write(&path, sql).await;
        written.map_err(|e| failed(&path, &e))
    }

    pub(super) fn sql(&self, id: &str) -> PathBuf {
        self.path(id, "sql")
    }

    /// A log to write to, empty.
    pub(super) async fn new_log(&self, id: &str) -> Result<tokio::fs::File> {
        let path = self.path(id, "log");
        let file = tokio::fs::File::create(&path).await;
        file.map_err(|e| failed(&path, &e))
    }

    pub(super) async fn log_bytes(&self, id: &str) -> u64 {
        let log = tokio::fs::metadata(self.path(id, "log")).await;
        log.map_or(0, |log| log.len())
    }

    /// At most `limit` bytes of a log from `offset` on, and how many there are in all. A batch that has not begun has
    /// an empty one.
    pub(super) async fn read_log(
        &self,
        id: &str,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<u8>, u64)> {
        let path = self.path(id, "log");
        let read = async {
            let mut log = match tokio::fs::File::open(&path).await {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok((vec![], 0)),
                log => log?,
            };
            let total = log.metadata().await?.len();
            let mut bytes = vec![];
            if offset < total {
                log.seek(SeekFrom::Start(offset)).await?;
                // What is printed meanwhile is left for the next call.
                let limit = limit.min(total - offset);
                log.take(limit).read_to_end(&mut bytes).await?;
            }
            Ok((bytes, total))
        };
        read.await.map_err(|e: io::Error| {
            Error::failed(format!("reading the log {}: {e}", path.display()))
        })
    }

    pub(super) async fn remove(&self, id: &str) {
        for ending in ["log", "sql", "json"] {
            let path = self.path(id, ending);
            if let Err(e) = tokio::fs::remove_file(&path).await
                && e.kind() != ErrorKind::NotFound
            {
                log::warn!("removing {}: {e}", path.display());
            }
        }
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }
}

fn read(path: &Path) -> io::Result<Stored> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn failed(path: &Path, e: &io::Error) -> Error {
    Error::failed(format!("writing {}: {e}", path.display()))
        .with_hint("the master must be able to write to its workspace, and have room there")
}

#[cfg(test)]
mod tests {
    use springald_core::protocol::JobState;

    use super::*;

    fn info(id: &str) -> BatchInfo {
        BatchInfo {
            id: id.into(),
            name: "n".into(),
            state: JobState::Running,
            sql: Some("SELECT 1".into()),
            file: None,
            args: vec!["--format".into(), "csv".into()],
            message: None,
            exit_code: None,
            submitted_at_ms: 1,
            started_at_ms: Some(2),
            ended_at_ms: None,
            log_bytes: 0,
        }
    }

    #[tokio::test]
    async fn batches_are_found_again_and_broken_ones_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("batches")).unwrap();
        let batches = ["b-2", "b-1"].map(|id| Stored::new(info(id), None));
        for batch in &batches {
            store.save(batch).await.unwrap();
        }
        let later = r#"{"v":2,"id":"b-3"}"#;
        fs::write(store.path("b-3", "json"), later).unwrap();
        fs::write(store.path("b-4", "json"), "{ torn").unwrap();
        let ids: Vec<String> = store.load().into_iter().map(|b| b.info.id).collect();
        assert_eq!(ids, ["b-1", "b-2"]);
        assert_eq!(store.load()[1], batches[0]);
    }

    #[tokio::test]
    async fn a_log_is_read_in_parts() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().to_owned()).unwrap();
        assert_eq!(store.read_log("b", 0, 9).await.unwrap(), (vec![], 0));
        fs::write(store.path("b", "log"), "0123456789").unwrap();
        assert_eq!(store.log_bytes("b").await, 10);
        let part = async |offset, limit| store.read_log("b", offset, limit).await.unwrap().0;
        assert_eq!(part(0, 4).await, b"0123");
        assert_eq!(part(8, 4).await, b"89");
        assert_eq!(part(11, 4).await, b"");
        store.remove("b").await;
        assert_eq!(store.log_bytes("b").await, 0);
    }
}
