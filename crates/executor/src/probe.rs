//! What this machine sees: files, and whom it reaches. `doctor` compares it over all workers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use springald_core::protocol::{PathReport, RouteReport};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// Files counted under one path at most; a folder of more is named in the error.
const MOST_FILES: u64 = 10_000;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Looks at each path. Folders and globs are taken with all that is in them, and always in the same order,
/// so that two machines that see the same files report the same.
pub(crate) fn paths(paths: &[String]) -> Vec<PathReport> {
    paths.iter().map(|path| look(path)).collect()
}

/// Tries to connect to each `host:port`, all at once.
pub(crate) async fn routes(routes: &[String]) -> Vec<RouteReport> {
    join_all(routes.iter().map(|to| connect(to))).await
}

/// Bytes free on the volume of `dir`.
pub(crate) fn disk_free(dir: &Path) -> u64 {
    nix::sys::statvfs::statvfs(dir)
        .map(|volume| volume.blocks_available() * volume.fragment_size())
        .unwrap_or(0)
}

/// Milliseconds since the Unix epoch.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64)
}

fn look(path: &str) -> PathReport {
    let mut seen = Seen::default();
    let error = match seen.take(path) {
        Ok(()) if seen.files > MOST_FILES => Some(format!(
            "more than {MOST_FILES} files; only the first were counted"
        )),
        Ok(()) => None,
        Err(e) => Some(e),
    };
    PathReport {
        path: path.to_owned(),
        exists: seen.exists,
        files: seen.files.min(MOST_FILES),
        bytes: seen.bytes,
        modified_ms: seen.modified_ms,
        error,
    }
}

#[derive(Default)]
struct Seen {
    exists: bool,
    files: u64,
    bytes: u64,
    modified_ms: u64,
}

impl Seen {
    fn take(&mut self, path: &str) -> Result<(), String> {
        let local = local_path(path)?;
        if fs::symlink_metadata(&local).is_ok() {
            return self.walk(&local);
        }
        // Only what is no file of that very name is a pattern.
        let pattern = local.to_string_lossy();
        if !pattern.contains(['*', '?', '[']) {
            return Ok(());
        }
        let matches = glob::glob(&pattern).map_err(|e| format!("not a pattern: {e}"))?;
        for found in matches {
            self.walk(&found.map_err(|e| e.to_string())?)?;
        }
        Ok(())
    }

    fn walk(&mut self, path: &Path) -> Result<(), String> {
        if self.files > MOST_FILES {
            return Ok(());
        }
        let shown = |e: std::io::Error| format!("{}: {e}", path.display());
        // Follows links: what counts is what a reader of the path gets.
        let metadata = fs::metadata(path).map_err(shown)?;
        self.exists = true;
        if !metadata.is_dir() {
            self.files += 1;
            if self.files <= MOST_FILES {
                self.bytes += metadata.len();
                let modified = metadata.modified().map_or(0, millis);
                self.modified_ms = self.modified_ms.max(modified);
            }
            return Ok(());
        }
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .map_err(shown)?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()
            .map_err(shown)?;
        entries.sort();
        entries.iter().try_for_each(|entry| self.walk(entry))
    }
}

/// The path behind a `file://` URL, or the path itself.
fn local_path(path: &str) -> Result<PathBuf, String> {
    if !path.contains("://") {
        return Ok(path.into());
    }
    let url = Url::parse(path).map_err(|e| format!("not a URL: {e}"))?;
    if url.scheme() != "file" {
        return Err(format!("{}:// is not on a file system", url.scheme()));
    }
    url.to_file_path()
        .map_err(|()| "not a path of this machine".to_owned())
}

async fn connect(to: &str) -> RouteReport {
    let begun = Instant::now();
    let error = match timeout(CONNECT_LIMIT, TcpStream::connect(to)).await {
        Ok(Ok(_)) => None,
        Ok(Err(e)) => Some(e.to_string()),
        Err(_) => Some(format!("no answer within {CONNECT_LIMIT:?}")),
    };
    RouteReport {
        to: to.to_owned(),
        ok: error.is_none(),
        micros: begun.elapsed().as_micros() as u64,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: impl AsRef<Path>) -> PathReport {
        look(path.as_ref().to_str().unwrap())
    }

    #[test]
    fn files_folders_and_globs() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("2026/01");
        fs::create_dir_all(&sub).unwrap();
        fs::write(dir.path().join("a.csv"), "12345").unwrap();
        fs::write(sub.join("b.csv"), "123").unwrap();
        fs::write(sub.join("c [1].json"), "1").unwrap();

        let file = one(dir.path().join("a.csv"));
        assert!(file.exists && file.error.is_none());
        assert_eq!((file.files, file.bytes), (1, 5));
        assert!(file.modified_ms > 1_600_000_000_000);

        let folder = one(dir.path());
        assert_eq!((folder.files, folder.bytes), (3, 9));

        let glob = one(dir.path().join("**/*.csv"));
        assert_eq!((glob.files, glob.bytes), (2, 8));

        let brackets = one(sub.join("c [1].json"));
        assert_eq!(brackets.files, 1);

        let url = Url::from_file_path(sub.join("c [1].json")).unwrap();
        assert_eq!(look(url.as_str()).files, 1);
    }

    #[test]
    fn what_is_not_there() {
        let missing = look("/no/such/folder");
        assert!(!missing.exists && missing.error.is_none());
        assert!(!look("/no/such/*.csv").exists);
        let store = look("s3://bucket/key");
        assert!(!store.exists);
        assert!(store.error.unwrap().contains("s3://"));
    }

    #[test]
    fn an_empty_folder_exists() {
        let dir = tempfile::tempdir().unwrap();
        let report = one(dir.path());
        assert!(report.exists);
        assert_eq!(report.files, 0);
        assert!(disk_free(dir.path()) > 0);
    }

    #[tokio::test]
    async fn routes_that_are_and_are_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let reports = routes(&[
            open.clone(),
            "127.0.0.1:1".to_owned(),
            "nonsense".to_owned(),
        ])
        .await;
        assert!(reports[0].ok && reports[0].to == open);
        assert!(!reports[1].ok && reports[1].error.is_some());
        assert!(!reports[2].ok);
    }
}
