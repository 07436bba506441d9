//! Rows that sessions sent: Arrow files under `uploads/<session>/<upload>/` of the workspace, where every worker
//! reads them. They go with their session.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures::TryStreamExt;
use springald_core::{Error, Result};
use tokio::io::AsyncWriteExt;

/// What a master finds when it starts and nobody has touched for so long is of a session that ended without it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Bytes of one file at most. Clients send 16 MiB of rows in one, unless a single batch of theirs has more.
pub(crate) const MAX_PART: u64 = 2 << 30;

pub(crate) struct Uploads {
    folder: PathBuf,
}

impl Uploads {
    pub(crate) fn new(workspace: &Path) -> Self {
        let uploads = Self {
            folder: workspace.join("uploads"),
        };
        uploads.remove_forgotten();
        uploads
    }

    /// Keeps one file of an upload. It has its name when it is whole.
    pub(crate) async fn put(
        &self,
        session: &str,
        upload: &str,
        part: usize,
        body: Body,
    ) -> Result<()> {
        let folder = self.folder.join(segment(session)?).join(segment(upload)?);
        let failed = |e: io::Error| {
            Error::failed(format!("cannot keep rows in {}: {e}", folder.display()))
                .with_hint("the master must be able to write to its workspace, and have room there")
        };
        tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
        let partial = folder.join(format!("_part-{part:05}"));
        let mut file = tokio::fs::File::create(&partial).await.map_err(failed)?;
        let mut body = body.into_data_stream().map_err(io::Error::other);
        let mut length = 0;
        while let Some(bytes) = body.try_next().await.map_err(failed)? {
            length += bytes.len() as u64;
            if length > MAX_PART {
                let _ = tokio::fs::remove_file(&partial).await;
                return Err(Error::invalid(format!(
                    "a file of an upload is larger than {} MiB",
                    MAX_PART >> 20
                )));
            }
            file.write_all(&bytes).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        let whole = folder.join(format!("part-{part:05}.arrow"));
        tokio::fs::rename(&partial, &whole).await.map_err(failed)
    }

    /// Removes what a session sent.
    pub(crate) fn remove(&self, session: &str) {
        let Ok(name) = segment(session) else { return };
        remove(&self.folder.join(name));
    }

    fn remove_forgotten(&self) {
        let Ok(sessions) = fs::read_dir(&self.folder) else {
            return;
        };
        let now = SystemTime::now();
        for session in sessions.flatten() {
            let touched = session.metadata().and_then(|m| m.modified());
            let age = touched.map(|at| now.duration_since(at).unwrap_or_default());
            if age.is_ok_and(|age| age > FORGOTTEN_AFTER) {
                remove(&session.path());
            }
        }
    }
}

fn remove(folder: &Path) {
    if let Err(e) = fs::remove_dir_all(folder)
        && e.kind() != io::ErrorKind::NotFound
    {
        log::warn!("removing {}: {e}", folder.display());
    }
}

/// A name that is one folder below another, and no way out of it.
fn segment(name: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return Ok(name);
    }
    Err(Error::invalid(format!(
        "`{name}` is no name of a session or upload"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_kept_until_the_session_goes() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(dir.path());
        uploads
            .put("s-1", "u", 3, Body::from("rows"))
            .await
            .unwrap();
        let file = dir.path().join("uploads/s-1/u/part-00003.arrow");
        assert_eq!(fs::read_to_string(&file).unwrap(), "rows");
        uploads.remove("s-1");
        assert!(!file.exists());
        for name in ["..", "", "a/b", ".", "a b"] {
            assert!(uploads.put(name, "u", 0, Body::empty()).await.is_err());
        }
    }
}
