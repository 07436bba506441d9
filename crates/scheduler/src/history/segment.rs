//! The files of the history: `jobs-<start of the master in ms>-<number>.jsonl`, so that their names sort by time. Each
//! master writes files of its own, and holds a lock on the last of them while it lives.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file is left for the next one at this size or age, as the history is pruned by whole files.
const SEGMENT_BYTES: u64 = 16 << 20;
const SEGMENT_AGE: Duration = Duration::from_secs(24 * 3600);
/// Where files cannot be locked, a master that has written so recently is taken to be alive.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// The name of a file: the master that writes it, by its start in ms, and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentName {
    pub(super) master: u64,
    pub(super) number: u32,
}

impl SegmentName {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let inner = name.strip_prefix("jobs-")?.strip_suffix(".jsonl")?;
        let (master, number) = inner.split_once('-')?;
        Some(Self {
            master: master.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    pub(super) fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("jobs-{:013}-{:05}.jsonl", self.master, self.number))
    }
}

/// A file as a look at the folder shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: SegmentName,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
    /// Tells a file from another one of its name.
    pub(super) inode: u64,
}

/// The files of a folder, oldest first; a folder that is not there has none.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut segments = vec![];
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(SegmentName::parse) else {
            continue;
        };
        match entry.metadata() {
            Ok(found) if found.is_file() => segments.push(Segment {
                name,
                bytes: found.len(),
                modified: found.modified()?,
                inode: found.ino(),
            }),
            // Pruned meanwhile.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
            Ok(_) => {}
        }
    }
    segments.sort_by_key(|segment| segment.name);
    Ok(segments)
}

/// Whether a process holds the file as its own.
pub(super) fn is_held(folder: &Path, segment: &Segment) -> bool {
    let Ok(file) = File::open(segment.name.path(folder)) else {
        return false;
    };
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => segment
            .modified
            .elapsed()
            .is_ok_and(|silent| silent < SILENT_FOR),
    }
}

/// Appends to the files of one master.
pub(super) struct Writer {
    folder: PathBuf,
    next: SegmentName,
    /// The first line of each file.
    preface: Vec<u8>,
    open: Option<Open>,
}

struct Open {
    file: File,
    path: PathBuf,
    inode: u64,
    bytes: u64,
    since: SystemTime,
    /// The last write may have left a line without its end.
    torn: bool,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, master: u64, preface: Vec<u8>) -> Self {
        Self {
            folder,
            next: SegmentName { master, number: 1 },
            preface,
            open: None,
        }
    }

    /// Appends whole lines, in a new file if there is none, the last one is full or somebody removed it.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| !open.can_go_on()) {
            self.sync();
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let written = open.write(lines);
        self.open = Some(open);
        written
    }

    /// Has what was written outlive a failure of the machine.
    pub(super) fn sync(&self) {
        if let Some(open) = &self.open
            && let Err(e) = open.file.sync_data()
        {
            log::debug!("syncing {}: {e}", open.path.display());
        }
    }

    /// The file that is written now, and must not be pruned.
    pub(super) fn current(&self) -> Option<SegmentName> {
        let open = self.open.is_some();
        open.then_some(SegmentName {
            number: self.next.number - 1,
            ..self.next
        })
    }

    fn begin(&mut self) -> io::Result<Open> {
        fs::create_dir_all(&self.folder)?;
        loop {
            let path = self.next.path(&self.folder);
            let made = OpenOptions::new().append(true).create_new(true).open(&path);
            self.next.number += 1;
            let file = match made {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            lock(&file, &path);
            let mut open = Open {
                inode: file.metadata()?.ino(),
                file,
                path,
                bytes: 0,
                since: SystemTime::now(),
                torn: false,
            };
            if let Err(e) = open.write(&self.preface) {
                // Or a full volume would fill with beginnings.
                let _ = fs::remove_file(&open.path);
                return Err(e);
            }
            return Ok(open);
        }
    }
}

/// Takes the lock that says that this master lives.
fn lock(file: &File, path: &Path) {
    const TRIES: usize = 20;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return,
            // Whoever looks whether a file is held, holds it for a moment.
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(Duration::from_millis(5)),
            Err(TryLockError::Error(e)) => {
                log::debug!("{} cannot be locked: {e}", path.display());
                return;
            }
        }
    }
}

impl Open {
    fn can_go_on(&self) -> bool {
        let there = fs::metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        let old = self.since.elapsed().is_ok_and(|age| age >= SEGMENT_AGE);
        there && !old && self.bytes < SEGMENT_BYTES
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(lines)?;
        self.torn = false;
        self.bytes += lines.len() as u64;
        Ok(())
    }
}

/// Removes files that are older than `age`, and then the oldest until all fit into `bytes`; never `current`, nor one that
/// another master writes. Gives how many went.
pub(super) fn prune(
    folder: &Path,
    current: Option<SegmentName>,
    age: Option<Duration>,
    bytes: u64,
) -> io::Result<usize> {
    let segments = list(folder)?;
    let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let mut removed = 0;
    for segment in &segments {
        let old = segment.modified.elapsed().unwrap_or_default();
        let too_old = age.is_some_and(|age| old > age);
        let keep = !too_old && total <= bytes;
        if keep || current == Some(segment.name) || is_held(folder, segment) {
            continue;
        }
        match fs::remove_file(segment.name.path(folder)) {
            Ok(()) => removed += 1,
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        total = total.saturating_sub(segment.bytes);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<SegmentName> {
        list(folder).unwrap().into_iter().map(|s| s.name).collect()
    }

    #[test]
    fn names_sort_by_time_and_others_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for (master, number) in [(1_763_757_045_123, 2), (1_763_757_045_123, 1), (9, 3)] {
            let name = SegmentName { master, number };
            fs::write(name.path(folder), "").unwrap();
        }
        for other in ["jobs-1.jsonl", "jobs-a-1.jsonl", "x.jsonl", "jobs-1-1.json"] {
            fs::write(folder.join(other), "").unwrap();
        }
        fs::create_dir(folder.join("batches")).unwrap();
        let found: Vec<_> = names(folder).iter().map(|n| (n.master, n.number)).collect();
        assert_eq!(
            found,
            [(9, 3), (1_763_757_045_123, 1), (1_763_757_045_123, 2)]
        );
        assert!(list(&folder.join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_removed_file_is_followed_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("events");
        let mut writer = Writer::new(folder.clone(), 7, b"first\n".to_vec());
        writer.append(b"a\n").unwrap();
        let first = list(&folder).unwrap().remove(0);
        assert!(is_held(&folder, &first));
        assert_eq!(writer.current(), Some(first.name));
        fs::remove_dir_all(&folder).unwrap();
        writer.append(b"b\n").unwrap();
        let second = writer.current().unwrap();
        assert_eq!(names(&folder), [second]);
        assert_eq!(fs::read(second.path(&folder)).unwrap(), b"first\nb\n");
        drop(writer);
        assert!(!is_held(&folder, &list(&folder).unwrap()[0]));
    }

    #[test]
    fn a_new_master_leaves_the_files_of_another_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let taken = SegmentName {
            master: 7,
            number: 1,
        }
        .path(folder);
        fs::write(&taken, "torn").unwrap();
        Writer::new(folder.to_owned(), 7, vec![])
            .append(b"a\n")
            .unwrap();
        assert_eq!(fs::read(taken).unwrap(), b"torn");
        assert_eq!(names(folder).len(), 2);
    }

    #[test]
    fn the_oldest_go_first_and_what_is_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let now = SystemTime::now();
        for number in 1..=4 {
            let path = SegmentName { master: 1, number }.path(folder);
            fs::write(&path, [b'x'; 100]).unwrap();
            let age = Duration::from_secs(u64::from(5 - number) * 3600);
            File::open(&path).unwrap().set_modified(now - age).unwrap();
        }
        let mut writer = Writer::new(folder.to_owned(), 2, vec![]);
        writer.append(&[b'y'; 100]).unwrap();
        let numbers = || -> Vec<_> { names(folder).iter().map(|n| (n.master, n.number)).collect() };
        let hours = |n: u64| Some(Duration::from_secs(n * 3600 + 1800));
        assert_eq!(
            prune(folder, writer.current(), hours(10), 1_000).unwrap(),
            0
        );
        assert_eq!(prune(folder, writer.current(), hours(3), 1_000).unwrap(), 1);
        assert_eq!(numbers(), [(1, 2), (1, 3), (1, 4), (2, 1)]);
        assert_eq!(prune(folder, writer.current(), None, 250).unwrap(), 2);
        assert_eq!(numbers(), [(1, 4), (2, 1)]);
        assert_eq!(prune(folder, writer.current(), None, 0).unwrap(), 1);
        assert_eq!(numbers(), [(2, 1)]);
    }
}
