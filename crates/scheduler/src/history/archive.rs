//! The history as its files tell it. In memory are the jobs' [`JobInfo`]s and where in which file the rest is; the rest
//! is read when it is asked for. A look at the folder takes in what came to the files, and forgets those that are gone.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use springald_core::protocol::{JobInfo, JobState};
use springald_core::record::JobRecord;

use super::event::{Event, Head, Line};
use super::fold::fold;
use super::segment::{self, Segment, SegmentName};

/// Nobody waits longer than this for a volume that does not answer; what was seen last is shown then.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// Read from a file at once.
const CHUNK: usize = 1 << 20;
/// A line longer than this is none of ours.
const MAX_LINE: usize = 256 << 20;

/// What is said of a job whose master died under it.
const DIED: &str = "its master stopped while the job was running; what it wrote may be left behind";

pub(crate) struct Archive {
    folder: PathBuf,
    /// A master knows its own jobs better than files do, and does not show what others run now.
    of_master: bool,
    /// Held while files are read, so that the jobs can be listed meanwhile.
    looker: Mutex<Looker>,
    jobs: RwLock<Jobs>,
}

/// How far each file was read.
#[derive(Default)]
struct Looker {
    files: HashMap<SegmentName, Taken>,
    /// A file that cannot be read is told of once.
    complained: bool,
}

#[derive(Clone, Copy)]
struct Taken {
    inode: u64,
    /// Bytes of whole lines that were read.
    bytes: u64,
}

#[derive(Default)]
struct Jobs {
    all: HashMap<String, Entry>,
    /// Masters that live, of those with jobs that have not ended.
    alive: HashSet<u64>,
}

#[derive(Default)]
struct Entry {
    info: Option<Arc<JobInfo>>,
    /// The file that `info` comes from.
    home: Option<SegmentName>,
    /// The line that has everything, of an ended job.
    details: Option<Place>,
    /// The lines to put the details together from, as long as there is no such line.
    lines: Vec<Place>,
    /// The last that was heard of the job.
    at_ms: u64,
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: SegmentName,
    offset: u64,
    bytes: u32,
}

/// The jobs as they are listed.
pub(crate) struct Listed {
    pub(crate) jobs: Vec<Arc<JobInfo>>,
    /// Whether the folder could be looked at just now.
    pub(crate) fresh: bool,
}

impl Archive {
    /// The history in `folder`, which need not be there yet, for a master or for somebody who only reads it.
    pub(crate) fn new(folder: PathBuf, of_master: bool) -> Self {
        Self {
            folder,
            of_master,
            looker: Mutex::default(),
            jobs: RwLock::default(),
        }
    }

    /// All jobs, in no order.
    pub(crate) async fn list(self: &Arc<Self>) -> Listed {
        let fresh = self.refresh().await.is_some();
        let jobs = self.jobs.read();
        let jobs = jobs
            .all
            .values()
            .filter_map(|entry| self.shown(&jobs, entry));
        Listed {
            jobs: jobs.collect(),
            fresh,
        }
    }

    pub(crate) async fn info(self: &Arc<Self>, id: &str) -> Option<JobInfo> {
        self.refresh().await;
        self.known(id).map(|info| info.as_ref().clone())
    }

    /// Everything about one job; without what cannot be read any more.
    pub(crate) async fn record(self: &Arc<Self>, id: &str) -> Option<JobRecord> {
        self.refresh().await;
        self.seen_record(id).await
    }

    /// As [`Self::record`], of a job that was there at the last look.
    pub(crate) async fn seen_record(self: &Arc<Self>, id: &str) -> Option<JobRecord> {
        let info = self.known(id)?;
        let archive = Arc::clone(self);
        let id = id.to_owned();
        let read =
            tokio::task::spawn_blocking(move || archive.read_record(&id, info.as_ref().clone()));
        read.await.ok()
    }

    /// Whether ids that begin so have been given.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        let jobs = self.jobs.read();
        jobs.all.keys().any(|id| id.starts_with(prefix))
    }

    /// Looks at the folder now. `None` if the volume does not answer in time, else whether something is new.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Option<bool> {
        let archive = Arc::clone(self);
        let look = tokio::task::spawn_blocking(move || {
            let mut looker = archive.looker.try_lock_for(LOOK_WITHIN)?;
            archive.look(&mut looker)
        });
        tokio::time::timeout(LOOK_WITHIN, look).await.ok()?.ok()?
    }

    /// Looks at the folder, however long it takes: the first look of a master.
    pub(crate) fn open(&self) {
        self.look(&mut self.looker.lock());
    }

    /// `None` if the folder cannot be read.
    fn look(&self, looker: &mut Looker) -> Option<bool> {
        let segments = match segment::list(&self.folder) {
            Ok(segments) => segments,
            Err(e) => {
                self.complain(looker, &self.folder.display(), &e);
                return None;
            }
        };
        let mut changed = self.forget_removed(looker, &segments);
        for segment in &segments {
            let from = looker.files.get(&segment.name).map_or(0, |read| read.bytes);
            if segment.bytes == from {
                continue;
            }
            match self.take_in(segment, from) {
                Ok(to) => {
                    let read = Taken {
                        inode: segment.inode,
                        bytes: to,
                    };
                    changed |= to > from;
                    looker.files.insert(segment.name, read);
                }
                // Pruned meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => {
                    self.complain(looker, &segment.name.path(&self.folder).display(), &e);
                    return None;
                }
            }
        }
        changed |= self.find_living(&segments);
        looker.complained = false;
        Some(changed)
    }

    fn complain(&self, looker: &mut Looker, what: &dyn std::fmt::Display, e: &io::Error) {
        if !std::mem::replace(&mut looker.complained, true) {
            log::warn!("the history of jobs cannot be read: {what}: {e}");
        }
    }

    /// Forgets what was in files that are gone, or are others now under the same name.
    fn forget_removed(&self, looker: &mut Looker, segments: &[Segment]) -> bool {
        let there: HashMap<SegmentName, &Segment> = segments
            .iter()
            .map(|segment| (segment.name, segment))
            .collect();
        let mut gone = HashSet::new();
        looker.files.retain(|name, read| {
            let same = there
                .get(name)
                .is_some_and(|now| now.inode == read.inode && now.bytes >= read.bytes);
            if !same {
                gone.insert(*name);
            }
            same
        });
        if gone.is_empty() {
            return false;
        }
        self.jobs.write().all.retain(|_, entry| {
            entry.lines.retain(|place| !gone.contains(&place.file));
            entry.details = entry.details.filter(|place| !gone.contains(&place.file));
            if entry.home.is_some_and(|home| gone.contains(&home)) {
                entry.home = None;
                entry.info = None;
            }
            entry.info.is_some() || !entry.lines.is_empty()
        });
        true
    }

    /// Reads the whole lines of a file from `offset` on, and gives where they end.
    fn take_in(&self, segment: &Segment, offset: u64) -> io::Result<u64> {
        let mut file = File::open(segment.name.path(&self.folder))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut buffer: Vec<u8> = vec![];
        let mut start = offset;
        loop {
            let filled = buffer.len();
            buffer.resize(filled + CHUNK, 0);
            let read = file.read(&mut buffer[filled..])?;
            buffer.truncate(filled + read);
            if read == 0 {
                return Ok(start);
            }
            let new = &buffer[filled..];
            let Some(end) = new.iter().rposition(|byte| *byte == b'\n') else {
                if buffer.len() > MAX_LINE {
                    return Err(io::Error::other("a line without an end"));
                }
                continue;
            };
            let whole = filled + end + 1;
            self.apply_all(segment.name, start, &buffer[..whole]);
            start += whole as u64;
            buffer.drain(..whole);
        }
    }

    fn apply_all(&self, file: SegmentName, start: u64, lines: &[u8]) {
        let mut jobs = self.jobs.write();
        let mut offset = start;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let place = Place {
                file,
                offset,
                bytes: line.len() as u32,
            };
            offset += line.len() as u64;
            jobs.apply(place, line);
        }
    }

    /// Finds out which masters live, of those with unfinished jobs.
    fn find_living(&self, segments: &[Segment]) -> bool {
        let masters: HashSet<u64> = {
            let jobs = self.jobs.read();
            let unfinished = jobs.all.values().filter(|entry| !entry.is_over());
            unfinished
                .filter_map(|entry| Some(entry.home?.master))
                .collect()
        };
        let lives = |master: &u64| {
            let last = segments
                .iter()
                .rfind(|segment| segment.name.master == *master);
            last.is_some_and(|last| segment::is_held(&self.folder, last))
        };
        let alive: HashSet<u64> = masters.into_iter().filter(lives).collect();
        let mut jobs = self.jobs.write();
        let changed = jobs.alive != alive;
        jobs.alive = alive;
        changed
    }

    fn known(&self, id: &str) -> Option<Arc<JobInfo>> {
        let jobs = self.jobs.read();
        jobs.all.get(id).and_then(|entry| self.shown(&jobs, entry))
    }

    /// A job as it is shown: one that has not ended has failed if its master is gone.
    fn shown(&self, jobs: &Jobs, entry: &Entry) -> Option<Arc<JobInfo>> {
        let info = entry.info.as_ref()?;
        if info.state.is_final() {
            return Some(Arc::clone(info));
        }
        match entry
            .home
            .is_some_and(|home| jobs.alive.contains(&home.master))
        {
            true if self.of_master => None,
            true => Some(Arc::clone(info)),
            false => Some(Arc::new(JobInfo {
                state: JobState::Failed,
                message: Some(DIED.to_owned()),
                ended_at_ms: Some(entry.at_ms),
                tasks_running: 0,
                ..info.as_ref().clone()
            })),
        }
    }

    fn read_record(&self, id: &str, info: JobInfo) -> JobRecord {
        let (details, lines) = match self.jobs.read().all.get(id) {
            Some(entry) => (entry.details, entry.lines.clone()),
            None => (None, vec![]),
        };
        if let Some(place) = details {
            let line = self.read_lines(&[place]).pop();
            if let Some(Event::Record { record }) = line.map(|line| line.event) {
                return record.of_job(info);
            }
            log::warn!("the record of job {id} cannot be read");
        }
        let events = self.read_lines(&lines).into_iter().map(|line| line.event);
        fold(events, &info).of_job(info)
    }

    /// The lines at these places, without those that cannot be read.
    fn read_lines(&self, places: &[Place]) -> Vec<Line> {
        let mut lines = vec![];
        let mut open: Option<(SegmentName, File)> = None;
        for place in places {
            if open.as_ref().is_none_or(|(name, _)| *name != place.file) {
                open = match File::open(place.file.path(&self.folder)) {
                    Ok(file) => Some((place.file, file)),
                    Err(_) => continue,
                };
            }
            let Some((_, file)) = &open else { continue };
            let mut line = vec![0; place.bytes as usize];
            if file.read_exact_at(&mut line, place.offset).is_ok()
                && let Ok(line) = serde_json::from_slice(&line)
            {
                lines.push(line);
            }
        }
        lines
    }
}

impl Jobs {
    fn apply(&mut self, place: Place, line: &[u8]) {
        /// The lines that tell how a job is.
        #[derive(Deserialize)]
        struct OfJob {
            job: JobInfo,
        }
        let Some(head) = Head::of(line) else { return };
        if head.id.is_empty() {
            return;
        }
        let info = match head.event {
            "submitted" | "attempt" | "progress" | "ended" => {
                match serde_json::from_slice::<OfJob>(line) {
                    Ok(OfJob { job }) => Some(Arc::new(job)),
                    Err(_) => return,
                }
            }
            "planned" | "stage" | "task" | "record" => None,
            _ => return,
        };
        let entry = match self.all.get_mut(head.id) {
            Some(entry) => entry,
            None => self.all.entry(head.id.to_owned()).or_default(),
        };
        entry.at_ms = entry.at_ms.max(head.at_ms);
        if let Some(info) = info {
            entry.info = Some(info);
            entry.home = Some(place.file);
        }
        match head.event {
            "record" => {
                entry.details = Some(place);
                entry.lines = vec![];
            }
            "progress" | "ended" => {}
            _ if entry.details.is_none() => entry.lines.push(place),
            _ => {}
        }
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        self.info.as_ref().is_none_or(|info| info.state.is_final())
    }
}
