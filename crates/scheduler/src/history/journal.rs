//! The writing of the history: jobs leave what happened in a queue of bounded length, and one thread writes it. No job
//! waits for the volume; what cannot be written is counted and missing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use springald_core::protocol::{JobInfo, VERSION, now_ms};
use springald_core::record::{AttemptRecord, JobRecord, StageRecord, TaskRecord};
use tokio::sync::oneshot;

use super::Retention;
use super::event::{self, Details, Event, Line, encode};
use super::segment::{SegmentName, Writer, prune};

/// Events that wait to be written.
const QUEUE: usize = 8_192;
/// Events that are written at once.
const BATCH: usize = 512;
/// What was written is on the disk after this long at most.
const SYNC_EVERY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// A volume that has taken everything for so long is well again.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The handle that the master's parts have.
#[derive(Clone)]
pub(crate) struct Journal {
    /// `None` if nothing is to be recorded.
    queue: Option<SyncSender<Entry>>,
    losses: Arc<Losses>,
}

enum Entry {
    Event {
        at_ms: u64,
        id: String,
        /// On the heap, as the queue has room for all of its entries from the beginning.
        event: Box<Event>,
    },
    Ended {
        at_ms: u64,
        record: Arc<JobRecord>,
        sealed: Arc<Sealed>,
    },
    Flush(oneshot::Sender<()>),
}

/// The record of an ended job, in memory until it is in a file.
pub(crate) struct Sealed {
    record: Mutex<Option<Arc<JobRecord>>>,
}

impl Sealed {
    /// `None` once a file has it.
    pub(crate) fn unwritten(&self) -> Option<Arc<JobRecord>> {
        self.record.lock().clone()
    }

    /// Forgets the largest parts, if no file has them.
    pub(crate) fn shed(&self) {
        if let Some(record) = &mut *self.record.lock() {
            let record = Arc::make_mut(record);
            record.stages = vec![];
            record.plan = None;
        }
    }
}

#[derive(Default)]
struct Losses {
    count: AtomicU64,
    /// What was lost since it was last said that all goes well, and when the last of it was.
    now: Mutex<Option<(u64, Instant)>>,
}

impl Losses {
    /// Counts what is lost, and says so if it is the first for some time.
    fn add(&self, events: u64, why: impl FnOnce() -> String) {
        self.count.fetch_add(events, Ordering::Relaxed);
        let mut now = self.now.lock();
        let before = now.map_or(0, |(lost, _)| lost);
        *now = Some((before + events, Instant::now()));
        if before == 0 {
            log::warn!(
                "{}; jobs go on, and what happens meanwhile is missing in the history",
                why()
            );
        }
    }

    /// Something was written. A volume that is merely slow takes and refuses by turns, which is not told each time.
    fn over(&self) {
        let mut now = self.now.lock();
        if let Some((lost, last)) = *now
            && last.elapsed() >= WELL_AFTER
        {
            *now = None;
            log::warn!("the history is written again; {lost} events are missing in it");
        }
    }
}

impl Journal {
    /// Begins to record in `folder`. `address` is the master's, for readers.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(folder: PathBuf, retention: Retention, address: &str) -> io::Result<Self> {
        let losses = Arc::new(Losses::default());
        if retention.bytes == 0 {
            return Ok(Self {
                queue: None,
                losses,
            });
        }
        let (queue, entries) = sync_channel(QUEUE);
        let started = now_ms();
        let mut preface = vec![];
        let master = Event::Master {
            version: VERSION.to_owned(),
            address: address.to_owned(),
        };
        encode(&line(started, String::new(), master), &mut preface);
        let recorder = Recorder {
            writer: Writer::new(folder.clone(), started, preface),
            folder,
            retention,
            losses: Arc::clone(&losses),
            pruned: None,
            unsynced: false,
        };
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || recorder.run(&entries))?;
        Ok(Self {
            queue: Some(queue),
            losses,
        })
    }

    /// Whether anything is recorded.
    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Events that could not be written so far.
    pub(crate) fn lost(&self) -> u64 {
        self.losses.count.load(Ordering::Relaxed)
    }

    pub(crate) fn submitted(
        &self,
        job: JobInfo,
        sql: Option<String>,
        settings: Vec<(String, String)>,
    ) {
        self.event(job.id.clone(), Event::Submitted { job, sql, settings });
    }

    pub(crate) fn attempt(&self, job: JobInfo, attempt: AttemptRecord) {
        self.event(job.id.clone(), Event::Attempt { job, attempt });
    }

    pub(crate) fn progress(&self, job: JobInfo) {
        self.event(job.id.clone(), Event::Progress { job });
    }

    pub(crate) fn planned(&self, id: &str, plan: String) {
        self.event(id.to_owned(), Event::Planned { plan });
    }

    pub(crate) fn stage(&self, id: &str, attempt: u32, stage: StageRecord) {
        self.event(id.to_owned(), Event::Stage { attempt, stage });
    }

    pub(crate) fn task(&self, id: &str, attempt: u32, stage: u32, task: TaskRecord) {
        let task = Event::Task {
            attempt,
            stage,
            task,
        };
        self.event(id.to_owned(), task);
    }

    /// A job's end, of which the record is still to come.
    pub(crate) fn ended(&self, job: JobInfo) {
        self.event(job.id.clone(), Event::Ended { job });
    }

    /// The record of a job that has ended; it stays in memory until it is in a file.
    pub(crate) fn seal(&self, record: JobRecord) -> Arc<Sealed> {
        let record = Arc::new(record);
        let sealed = Arc::new(Sealed {
            record: Mutex::new(Some(Arc::clone(&record))),
        });
        self.send(Entry::Ended {
            at_ms: now_ms(),
            record,
            sealed: Arc::clone(&sealed),
        });
        sealed
    }

    /// Waits until what was left here is written, at most `within`.
    pub(crate) async fn flush(&self, within: Duration) {
        let Some(queue) = &self.queue else { return };
        let (done, written) = oneshot::channel();
        let mut flush = Entry::Flush(done);
        let wait = async {
            while let Err(TrySendError::Full(back)) = queue.try_send(flush) {
                flush = back;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            // An error means that the thread is gone, and with it what it had.
            let _ = written.await;
        };
        if tokio::time::timeout(within, wait).await.is_err() {
            log::warn!("the end of the history could not be written in time");
        }
    }

    fn event(&self, id: String, event: Event) {
        self.send(Entry::Event {
            at_ms: now_ms(),
            id,
            event: Box::new(event),
        });
    }

    fn send(&self, entry: Entry) {
        if let Some(queue) = &self.queue
            && queue.try_send(entry).is_err()
        {
            self.losses.add(1, || {
                "the volume takes the history of jobs too slowly".to_owned()
            });
        }
    }
}

/// The thread that writes.
struct Recorder {
    folder: PathBuf,
    writer: Writer,
    retention: Retention,
    losses: Arc<Losses>,
    /// When it was pruned last, and which file was written then.
    pruned: Option<(Instant, Option<SegmentName>)>,
    unsynced: bool,
}

impl Recorder {
    fn run(mut self, entries: &Receiver<Entry>) {
        loop {
            self.prune();
            match entries.recv_timeout(SYNC_EVERY) {
                Ok(first) => {
                    let more = entries.try_iter().take(BATCH - 1);
                    self.write(std::iter::once(first).chain(more));
                }
                Err(RecvTimeoutError::Timeout) => self.sync(),
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
        }
    }

    fn write(&mut self, entries: impl Iterator<Item = Entry>) {
        let mut lines = vec![];
        let mut events = 0;
        let mut records = vec![];
        let mut flushes = vec![];
        for entry in entries {
            match entry {
                Entry::Event { at_ms, id, event } => {
                    encode(&line(at_ms, id, *event), &mut lines);
                    events += 1;
                }
                Entry::Ended {
                    at_ms,
                    record,
                    sealed,
                } => {
                    let id = &record.job.id;
                    let job = record.job.clone();
                    encode(&line(at_ms, id.clone(), Event::Ended { job }), &mut lines);
                    let details = Details::of(&record);
                    let record = Event::Record { record: details };
                    encode(&line(at_ms, id.clone(), record), &mut lines);
                    events += 2;
                    records.push(sealed);
                }
                Entry::Flush(done) => flushes.push(done),
            }
        }
        if !lines.is_empty() {
            match self.writer.append(&lines) {
                Ok(()) => {
                    self.unsynced = true;
                    records
                        .iter()
                        .for_each(|sealed| *sealed.record.lock() = None);
                    self.losses.over();
                }
                Err(e) => self.losses.add(events, || {
                    let folder = self.folder.display();
                    format!("the history of jobs cannot be written to {folder}: {e}")
                }),
            }
        }
        if !flushes.is_empty() {
            self.sync();
        }
        for done in flushes {
            // Whoever waited has given up.
            let _ = done.send(());
        }
    }

    fn sync(&mut self) {
        if std::mem::take(&mut self.unsynced) {
            self.writer.sync();
        }
    }

    /// At the beginning, after each new file, and now and then.
    fn prune(&mut self) {
        let current = self.writer.current();
        if self
            .pruned
            .is_some_and(|(at, file)| file == current && at.elapsed() < PRUNE_EVERY)
        {
            return;
        }
        self.pruned = Some((Instant::now(), current));
        let Retention { age, bytes } = self.retention;
        match prune(&self.folder, current, age, bytes) {
            Ok(0) => {}
            Ok(files) => log::info!("removed {files} old files of the history"),
            Err(e) => log::warn!(
                "old files of the history in {} cannot be removed: {e}",
                self.folder.display()
            ),
        }
    }
}

fn line(at_ms: u64, id: String, event: Event) -> Line {
    Line {
        v: event::VERSION,
        at_ms,
        id,
        event,
    }
}
