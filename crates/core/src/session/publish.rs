//! Making what a write staged visible: every file of it, or none.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where what is replaced waits, inside the staging folder, until its successors are in place.
const REPLACED: &str = "_replaced";

/// Moves the files below `source` into `target`, in place of what is there or, without `replace`, beside it; then
/// removes `staging`, which holds `source` or is it. Returns the number of files. On failure all that moved is moved back.
///
/// # Errors
/// If the folders cannot be read or written or, without `replace`, a file of that name is in `target` already.
pub fn publish(source: &Path, staging: &Path, target: &Path, replace: bool) -> Result<usize> {
    let files = files_below(source).map_err(|e| failed("reading", source, &e))?;
    let mut moves = vec![];
    if replace {
        let old = others_in(target, staging).map_err(|e| failed("reading", target, &e))?;
        let aside = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_owned();
            (path, staging.join(REPLACED).join(name))
        };
        moves.extend(old.into_iter().map(aside));
    }
    let replaced = moves.len();
    moves.extend(files.into_iter().map(|file| {
        let inside = file.strip_prefix(source).unwrap_or(&file).to_owned();
        (file, target.join(inside))
    }));
    if !replace && let Some((_, taken)) = moves.iter().find(|(_, to)| to.exists()) {
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
    if let Err(e) = fs::remove_dir_all(staging)
        && e.kind() != ErrorKind::NotFound
    {
        log::warn!("removing {}: {e}", staging.display());
    }
    Ok(moves.len() - replaced)
}

/// What is in `target` beside the staging folder.
fn others_in(target: &Path, staging: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(target) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut others = vec![];
    for entry in entries {
        let path = entry?.path();
        if !staging.starts_with(&path) {
            others.push(path);
        }
    }
    Ok(others)
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(folder) {
            // No rows, no files: some formats then make not even the folder.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
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
        ErrorKind::CrossesDevices => {
            error.with_hint("stage below the target, in the same file system")
        }
        ErrorKind::NotFound => error.with_hint(
            "the job may have written nothing, or the master mounts another volume than the workers",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(target: &Path, name: &str) -> PathBuf {
        let staging = target.join("_staging-7");
        let path = staging.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
        staging
    }

    #[test]
    fn nothing_is_moved_if_something_is_in_the_way() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        let staging = stage(target, "k=1/a");
        stage(target, "b");
        fs::write(target.join("b"), "old").unwrap();
        let e = publish(&staging, &staging, target, false).unwrap_err();
        assert!(e.message().contains('b'), "{e}");
        assert!(staging.join("k=1/a").exists() && !target.join("k=1/a").exists());

        fs::remove_file(target.join("b")).unwrap();
        assert_eq!(publish(&staging, &staging, target, false).unwrap(), 2);
        assert!(target.join("k=1/a").exists() && target.join("b").exists());
        assert!(!staging.exists());
    }

    #[test]
    fn what_was_moved_is_moved_back() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        let staging = stage(target, "a");
        stage(target, "z/b");
        // A file where a folder is needed makes the second move fail.
        fs::write(target.join("z"), "a file").unwrap();
        assert!(publish(&staging, &staging, target, false).is_err());
        assert!(staging.join("a").exists() && !target.join("a").exists());
    }

    #[test]
    fn what_is_replaced_goes_and_comes_back_on_failure() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        fs::create_dir_all(target.join("k=1")).unwrap();
        fs::write(target.join("k=1/old"), "").unwrap();
        let staging = stage(target, "attempt-1/k=1/new");
        let source = staging.join("attempt-1");
        // A name that is too long for the file system.
        let long = staging.join("x".repeat(200));
        let nowhere = target.join("x".repeat(300));
        fs::write(&long, "").unwrap();
        assert!(publish(&source, &staging, &nowhere, true).is_err());
        assert!(source.join("k=1/new").exists());

        assert_eq!(publish(&source, &staging, target, true).unwrap(), 1);
        assert!(target.join("k=1/new").exists());
        assert!(!target.join("k=1/old").exists() && !staging.exists());
    }
}
