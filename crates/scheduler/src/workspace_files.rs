//! The workspace's files, for clients that do not mount it and must tell the columns of a table.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use springald_core::Error;
use springald_core::protocol::FileInfo;

use crate::refusal::Refusal;

/// Bytes that one answer may have; what a reader asks for at once is a footer or the first lines of a file.
const MOST_BYTES: u64 = 64 << 20;

/// The files at or under a path of the workspace, sorted; none if there is nothing.
///
/// # Errors
/// If the path leads out of the workspace, or a folder cannot be read.
pub(crate) fn list(workspace: &Path, path: &str) -> Result<Vec<FileInfo>, Refusal> {
    let Some(found) = find(workspace, path)? else {
        return Ok(vec![]);
    };
    let mut files = vec![];
    let mut left = vec![(found, path.trim_matches('/').to_owned())];
    while let Some((place, name)) = left.pop() {
        let failed = |e: std::io::Error| Error::failed(format!("reading {}: {e}", place.display()));
        let about = place.metadata().map_err(failed)?;
        if about.is_file() {
            let modified = about
                .modified()
                .ok()
                .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            files.push(FileInfo {
                path: name,
                bytes: about.len(),
                modified_ms: modified.map_or(0, |since| since.as_millis() as u64),
            });
            continue;
        }
        for entry in fs::read_dir(&place).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // What is linked from elsewhere is not the workspace's.
            if !entry.file_type().map_err(failed)?.is_symlink() {
                let below = entry.file_name();
                let below = below.to_string_lossy();
                let name = if name.is_empty() {
                    below.into_owned()
                } else {
                    format!("{name}/{below}")
                };
                left.push((entry.path(), name));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Some bytes of a file; fewer where it ends before.
///
/// # Errors
/// If there is no such file in the workspace, it cannot be read, or too much is asked for.
pub(crate) fn read(workspace: &Path, path: &str, range: Range<u64>) -> Result<Vec<u8>, Refusal> {
    let missing = || Refusal::Missing(format!("the workspace has no file `{path}`"));
    let place = find(workspace, path)?
        .filter(|place| place.is_file())
        .ok_or_else(missing)?;
    let length = range.end.saturating_sub(range.start);
    if length > MOST_BYTES {
        let error = Error::invalid(format!("{length} bytes are more than one answer has"));
        return Err(error
            .with_hint(format!("ask for {MOST_BYTES} at a time"))
            .into());
    }
    let failed = |e: std::io::Error| Error::failed(format!("reading {}: {e}", place.display()));
    let mut file = File::open(&place).map_err(failed)?;
    if range.start >= file.metadata().map_err(failed)?.len() {
        return Ok(vec![]);
    }
    file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    let mut bytes = vec![];
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Where a path of the workspace leads, links followed; `None` if there is nothing.
///
/// # Errors
/// If it leads out of the workspace.
pub(crate) fn find(workspace: &Path, path: &str) -> Result<Option<PathBuf>, Refusal> {
    let failed = |e: std::io::Error| Error::failed(format!("reading {}: {e}", workspace.display()));
    let root = workspace.canonicalize().map_err(failed)?;
    let Ok(place) = root.join(path.trim_start_matches('/')).canonicalize() else {
        return Ok(None);
    };
    if !place.starts_with(&root) {
        return Err(Refusal::Forbidden(format!(
            "`{path}` leads out of the workspace"
        )));
    }
    Ok(Some(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_workspace_and_no_others() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "no").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path();
        fs::create_dir_all(workspace.join("datain/t/k=1")).unwrap();
        fs::write(workspace.join("datain/t/k=1/a b.csv"), "x\n1\n").unwrap();
        fs::write(workspace.join("datain/t/0.csv"), "x\n").unwrap();
        std::os::unix::fs::symlink(outside.path(), workspace.join("datain/t/link")).unwrap();
        let names = |path| -> Vec<_> {
            let files = list(workspace, path).unwrap();
            files
                .into_iter()
                .map(|file| (file.path, file.bytes))
                .collect()
        };
        let both = [
            ("datain/t/0.csv".to_owned(), 2),
            ("datain/t/k=1/a b.csv".to_owned(), 4),
        ];
        assert_eq!(names("datain/t"), both);
        assert_eq!(names("/datain/"), both);
        assert_eq!(names("datain/t/0.csv"), both[..1]);
        assert!(names("nowhere").is_empty());
        assert_eq!(
            read(workspace, "datain/t/k=1/a b.csv", 2..100).unwrap(),
            b"1\n"
        );
        assert!(read(workspace, "datain/t", 0..1).is_err());
        for path in ["../x", "datain/t/link/secret", "datain/../.."] {
            assert!(read(workspace, path, 0..1).is_err(), "{path}");
        }
        assert!(list(workspace, "datain/t/link").is_err());
        assert!(read(workspace, "datain/t/0.csv", 0..MOST_BYTES + 1).is_err());
    }
}
