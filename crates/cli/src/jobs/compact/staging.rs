//! The folder that becomes OUT by one rename.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{Error, Result};

/// A hidden folder beside OUT, on the same file system; it is removed when dropped before it is published.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    published: bool,
}

/// What is in OUT now.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// # Errors
/// If there is something in OUT and it may not be replaced, or OUT is no folder.
pub(super) fn check_target(out: &Path, overwrite: bool) -> Result<()> {
    let shown = out.display();
    let is_empty = match std::fs::read_dir(out) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) => return Err(Error::io(format!("cannot use the folder {shown}"), e)),
        Ok(mut entries) => entries.next().is_none(),
    };
    match is_empty || overwrite {
        true => Ok(()),
        false => Err(Error::invalid(format!("the folder {shown} is not empty"))
            .with_hint("name another one, or add --overwrite to replace what is in it")),
    }
}

impl Staging {
    pub(super) fn new(out: &Path) -> Result<Self> {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let folder = out.with_file_name(format!(".{name}.compact-{}", &unique[..8]));
        std::fs::create_dir_all(&folder)
            .map_err(|e| Error::io(format!("cannot make the folder {}", folder.display()), e))?;
        Ok(Self {
            folder,
            published: false,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows that the files say they hold.
    pub(super) fn count_rows(&self) -> Result<u64> {
        let mut rows = 0;
        for file in self.files()? {
            let unreadable = |e: &dyn std::fmt::Display| {
                Error::failed(format!(
                    "what was written to {} cannot be read: {e}",
                    file.display()
                ))
            };
            let opened = File::open(&file).map_err(|e| unreadable(&e))?;
            let reader = SerializedFileReader::new(opened).map_err(|e| unreadable(&e))?;
            rows += reader.metadata().file_metadata().num_rows() as u64;
        }
        Ok(rows)
    }

    /// Makes the files OUT, in one step if there is nothing in OUT. What is replaced is moved aside first, and
    /// back if the second step fails.
    pub(super) fn publish(mut self, out: &Path, overwrite: bool) -> Result<Published> {
        let failed = |e: io::Error| Error::io(format!("cannot put {} in place", out.display()), e);
        let mut published = Published { count: 0, bytes: 0 };
        for file in self.files()? {
            let name = format!("part-{:05}.parquet", published.count);
            published.count += 1;
            published.bytes += file.metadata().map_err(failed)?.len();
            std::fs::rename(&file, self.folder.join(name)).map_err(failed)?;
        }
        for folder in folders(&self.folder).map_err(failed)? {
            std::fs::remove_dir_all(folder).map_err(failed)?;
        }
        // What came into OUT since it was looked at is somebody's.
        check_target(out, overwrite)?;
        // An empty folder gives way to a renamed one; one with files in it does not.
        let aside = match std::fs::rename(&self.folder, out) {
            Ok(()) => None,
            Err(e) if overwrite && e.kind() == io::ErrorKind::DirectoryNotEmpty => {
                let aside = self.folder.with_extension("old");
                std::fs::rename(out, &aside).map_err(failed)?;
                if let Err(e) = std::fs::rename(&self.folder, out) {
                    // If this fails too, what was there is still whole, beside its place.
                    let _ = std::fs::rename(&aside, out);
                    return Err(failed(e));
                }
                Some(aside)
            }
            Err(e) => return Err(failed(e)),
        };
        self.published = true;
        if let Some(aside) = aside {
            remove(&aside)?;
        }
        Ok(published)
    }

    /// The Parquet files, in the order of their groups.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        parquet_files(&self.folder, &mut files)
            .map_err(|e| Error::io(format!("cannot read {}", self.folder.display()), e))?;
        files.sort();
        Ok(files)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Bytes of the Parquet files under a folder.
pub(super) fn folder_bytes(folder: &Path) -> Result<u64> {
    let total = || {
        let mut files = Vec::new();
        parquet_files(folder, &mut files)?;
        files
            .iter()
            .map(|file| file.metadata().map(|m| m.len()))
            .sum::<io::Result<u64>>()
    };
    total().map_err(|e| Error::io(format!("cannot read {}", folder.display()), e))
}

pub(super) fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", folder.display()), e))
        }
        _ => Ok(()),
    }
}

fn parquet_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // A query without rows makes no folder.
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            parquet_files(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}
