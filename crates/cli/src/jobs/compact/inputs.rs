//! The files to compact, as they were when they were listed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// Endings that can be compacted; behind one of the text ones, a compression.
const FORMATS: [&str; 8] = [
    "parquet", "csv", "tsv", "json", "ndjson", "jsonl", "avro", "arrow",
];
const COMPRESSIONS: [&str; 4] = ["gz", "bz2", "xz", "zst"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// Files of one ending, by path; at least one.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) files: Vec<Input>,
}

impl Inputs {
    /// The files of a folder. Hidden files and such as `_SUCCESS` are no data.
    ///
    /// # Errors
    /// If there are none, or of several formats, or in folders such as `day=1`, whose names hold values that
    /// would be lost.
    pub(super) fn list(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut endings: BTreeMap<String, usize> = BTreeMap::new();
        for file in &files {
            *endings.entry(ending(&file.path)).or_default() += 1;
        }
        let shown = folder.display();
        match endings.len() {
            0 => Err(Error::invalid(format!("there is no file in {shown}"))),
            1 => {
                let ending = endings.into_keys().next().unwrap_or_default();
                match is_known(&ending) {
                    true => Ok(Self { files }),
                    false => Err(Error::invalid(format!(
                        "files that end in `{ending}` cannot be compacted"
                    ))
                    .with_hint(format!("known are .{}", FORMATS.join(", .")))),
                }
            }
            _ => {
                let counts: Vec<String> = endings.iter().map(|(e, n)| format!("{n} {e}")).collect();
                Err(Error::invalid(format!(
                    "{shown} holds files of several formats: {}",
                    counts.join(", ")
                ))
                .with_hint("compact takes a folder of one format; move the others elsewhere"))
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Files from all over the list, of about `bytes` together; at least one.
    pub(super) fn sample(&self, bytes: u64) -> Vec<Input> {
        let share = bytes as f64 / self.bytes().max(1) as f64;
        let step = ((1.0 / share) as usize).clamp(1, self.files.len());
        let mut left = bytes;
        let candidates = self.files.iter().step_by(step);
        let fitting = candidates.take_while(|file| {
            let fits = left > 0;
            left = left.saturating_sub(file.bytes);
            fits
        });
        fitting.cloned().collect()
    }

    /// The list cut into `n` pieces of about the same size.
    pub(super) fn groups(&self, n: usize) -> Vec<&[Input]> {
        let mut groups = Vec::new();
        let mut rest = self.files.as_slice();
        let mut left = self.bytes();
        for remaining in (1..=n).rev() {
            let share = left.div_ceil(remaining as u64);
            let mut bytes = 0;
            let mut cut = 0;
            while cut < rest.len() && (bytes < share || remaining == 1) {
                bytes += rest[cut].bytes;
                cut += 1;
            }
            let (group, others) = rest.split_at(cut);
            if !group.is_empty() {
                groups.push(group);
            }
            rest = others;
            left -= bytes;
        }
        groups
    }

    /// # Errors
    /// Names a file that is gone or was written to since it was listed.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        for file in &self.files {
            let now = look(&file.path).map_err(|e| cannot_read(&file.path, e))?;
            if now != *file {
                return Err(Error::failed(format!(
                    "{} was written to while it was read",
                    file.path.display()
                ))
                .with_hint("nothing was changed; run compact again when its writers are done"));
            }
        }
        Ok(())
    }

    /// Removes the files, but not one that was written to in the last moment.
    pub(super) fn delete(&self) -> Result<()> {
        for file in &self.files {
            match look(&file.path) {
                Ok(now) if now == *file => std::fs::remove_file(&file.path)
                    .map_err(|e| Error::io(format!("cannot remove {}", file.path.display()), e))?,
                Ok(_) => super::warn(&format!(
                    "{} was written to since it was read, so it stays",
                    file.path.display()
                )),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(cannot_read(&file.path, e)),
            }
        }
        Ok(())
    }
}

fn collect(folder: &Path, files: &mut Vec<Input>) -> Result<()> {
    let failed = |e: io::Error| {
        cannot_read(folder, e).with_hint(
            "run compact where the shared volume is mounted, at the same path as on the workers",
        )
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with(['.', '_']) {
            continue;
        }
        if !path.is_dir() {
            files.push(look(&path).map_err(|e| cannot_read(&path, e))?);
        } else if name.contains('=') {
            return Err(
                Error::invalid(format!("{} is a partition of a table", path.display())).with_hint(
                    "its name holds a value that the files lack; compact one such folder at a time",
                ),
            );
        } else {
            collect(&path, files)?;
        }
    }
    Ok(())
}

fn cannot_read(path: &Path, e: io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), e)
}

fn look(path: &Path) -> io::Result<Input> {
    let metadata = path.metadata()?;
    Ok(Input {
        path: path.to_owned(),
        bytes: metadata.len(),
        modified: metadata.modified()?,
    })
}

/// `.csv`, `.csv.gz`, or nothing.
pub(super) fn ending(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut parts = name.rsplit('.');
    let last = parts.next().unwrap_or_default();
    match (parts.next(), parts.next()) {
        (None, _) => String::new(),
        (Some(inner), Some(_)) if COMPRESSIONS.contains(&last) => format!(".{inner}.{last}"),
        _ => format!(".{last}"),
    }
}

fn is_known(ending: &str) -> bool {
    let ending = ending.trim_start_matches('.');
    let (format, compression) = match ending.split_once('.') {
        Some((format, compression)) => (format, Some(compression)),
        None => (ending, None),
    };
    let text = !matches!(format, "parquet" | "avro" | "arrow");
    FORMATS.contains(&format) && compression.is_none_or(|c| text && COMPRESSIONS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(sizes: &[u64]) -> Inputs {
        let file = |(i, bytes): (usize, &u64)| Input {
            path: format!("{i}").into(),
            bytes: *bytes,
            modified: SystemTime::UNIX_EPOCH,
        };
        Inputs {
            files: sizes.iter().enumerate().map(file).collect(),
        }
    }

    fn sizes(groups: &[&[Input]]) -> Vec<u64> {
        groups
            .iter()
            .map(|g| g.iter().map(|f| f.bytes).sum())
            .collect()
    }

    #[test]
    fn groups_hold_every_file_once() {
        assert_eq!(sizes(&inputs(&[10; 12]).groups(3)), [40, 40, 40]);
        assert_eq!(sizes(&inputs(&[100, 1, 1, 1]).groups(3)), [100, 2, 1]);
        assert_eq!(sizes(&inputs(&[5]).groups(4)), [5]);
        assert_eq!(inputs(&[0, 0, 7]).groups(2).concat().len(), 3);
        assert_eq!(inputs(&[7, 0, 0]).groups(2).concat().len(), 3);
    }

    #[test]
    fn a_sample_is_spread_and_never_empty() {
        let all = inputs(&[10; 100]);
        let paths: Vec<_> = all
            .sample(50)
            .iter()
            .map(|f| f.path.display().to_string())
            .collect();
        assert_eq!(paths, ["0", "20", "40", "60", "80"]);
        assert_eq!(inputs(&[1000]).sample(1).len(), 1);
    }

    #[test]
    fn endings() {
        assert_eq!(ending(Path::new("/a.b/x.csv.gz")), ".csv.gz");
        assert_eq!(ending(Path::new("x.2024.csv")), ".csv");
        assert_eq!(ending(Path::new("x")), "");
        assert!(is_known(".csv.gz") && is_known(".parquet"));
        assert!(!is_known(".parquet.gz") && !is_known(".txt") && !is_known(""));
    }
}
