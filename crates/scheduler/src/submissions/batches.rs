//! Batches: SQL texts, scripts and programs of the workspace, each run by `springald submit` as a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use springald_core::protocol::{JobState, now_ms};
use springald_core::submission::{Argument, BatchInfo, BatchRequest};
use springald_core::{Error, Result};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::process::{Ended, Running, STOP_WITHIN};
use super::store::{Store, Stored};
use crate::refusal::Refusal;
use crate::workspace_files;

/// Batches that may wait for their turn.
const MAX_WAITING: usize = 200;
/// Ended batches that are kept, with their logs.
const REMEMBER: usize = 1_000;

/// How batches are run.
#[derive(Debug)]
pub(crate) struct BatchOptions {
    pub(crate) workspace: PathBuf,
    /// The URL under which a process on this machine reaches the master.
    pub(crate) master: String,
    /// The `springald` command.
    pub(crate) program: Result<PathBuf>,
    /// How many run at a time; 0 takes none at all.
    pub(crate) at_once: usize,
}

/// Which batches to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct BatchFilter {
    pub(crate) states: Vec<JobState>,
    /// A part of the id, the name or the file, in any case.
    pub(crate) text: Option<String>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

pub(crate) struct Batches {
    options: BatchOptions,
    store: Store,
    slots: Semaphore,
    stopping: CancellationToken,
    /// Distinguishes the batches of this master from those of one that ran before it.
    epoch: String,
    count: AtomicU64,
    all: Mutex<BTreeMap<String, Arc<Batch>>>,
}

struct Batch {
    info: Mutex<BatchInfo>,
    /// Ends it; of the master's own.
    stop: CancellationToken,
    /// Cancelled when it has ended.
    over: CancellationToken,
}

/// What becomes of a batch.
struct End {
    state: JobState,
    message: Option<String>,
    exit_code: Option<i32>,
}

impl Batches {
    /// Reads what batches there were. Those that ran under a master before have failed; those that waited wait again.
    ///
    /// # Errors
    /// If their folder cannot be made.
    pub(crate) async fn open(options: BatchOptions) -> Result<Arc<Self>> {
        let store = Store::open(options.workspace.join("events/batches"))?;
        let batches = Arc::new(Self {
            slots: Semaphore::new(options.at_once),
            options,
            store,
            stopping: CancellationToken::new(),
            epoch: format!("{:x}", now_ms() / 1000),
            count: AtomicU64::new(0),
            all: Mutex::default(),
        });
        for stored in batches.store.load() {
            let Stored { info, process, .. } = stored;
            if let Some(process) = process {
                process.kill();
            }
            let batch = batches.add(info);
            let state = batch.info.lock().state;
            match state {
                JobState::Waiting => batches.begin(batch),
                JobState::Running => {
                    let message = "its master ended while it ran";
                    batches.finish(&batch, End::failed(message)).await;
                }
                _ => batch.over.cancel(),
            }
        }
        Ok(batches)
    }

    /// Takes a batch; it runs when its turn comes.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        request: BatchRequest,
    ) -> Result<BatchInfo, Refusal> {
        if self.options.at_once == 0 {
            return Err(Refusal::Forbidden(
                "this master runs no batches: it was started with --batches 0".to_owned(),
            ));
        }
        let waiting = |batch: &&Arc<Batch>| batch.info.lock().state == JobState::Waiting;
        if self.all.lock().values().filter(waiting).count() >= MAX_WAITING {
            return Err(Refusal::TooMany(format!(
                "{MAX_WAITING} batches wait already: send it again when some have ended"
            )));
        }
        let name = request.name().map(str::to_owned);
        let args = request.args().iter();
        let args = args.map(|Argument(arg)| arg.clone()).collect();
        let (sql, file) = match request {
            BatchRequest::Sql(batch) => (Some(batch.sql), None),
            BatchRequest::File(batch) => (None, Some(self.relative(&batch.file)?)),
        };
        let id = self.next_id();
        let named_as = file.as_deref().map(Path::new).and_then(Path::file_name);
        let info = BatchInfo {
            name: match (name, named_as) {
                (Some(name), _) => name,
                (None, Some(file)) => file.to_string_lossy().into_owned(),
                (None, None) => id.clone(),
            },
            id,
            state: JobState::Waiting,
            sql,
            file,
            args,
            message: None,
            exit_code: None,
            submitted_at_ms: now_ms(),
            started_at_ms: None,
            ended_at_ms: None,
            log_bytes: 0,
        };
        if let Some(sql) = &info.sql {
            self.store.save_sql(&info.id, sql).await?;
        }
        self.store.save(&Stored::new(info.clone(), None)).await?;
        log::info!("batch {} taken: {}", info.id, info.name);
        self.begin(self.add(info.clone()));
        Ok(info)
    }

    /// The batches that the filter lets through, the newest first, and how many there are without its limits.
    pub(crate) async fn list(&self, filter: &BatchFilter) -> (Vec<BatchInfo>, usize) {
        let (found, total) = {
            let all = self.all.lock();
            let found = all.values().rev();
            let found = found.filter(|batch| filter.admits(&batch.info.lock()));
            let found: Vec<_> = found.cloned().collect();
            let total = found.len();
            let page = found.into_iter().skip(filter.offset).take(filter.limit);
            (page.collect::<Vec<_>>(), total)
        };
        let mut infos = Vec::with_capacity(found.len());
        for batch in found {
            infos.push(self.info(&batch).await);
        }
        (infos, total)
    }

    pub(crate) async fn get(&self, id: &str) -> Result<BatchInfo, Refusal> {
        let batch = self.batch(id)?;
        Ok(self.info(&batch).await)
    }

    /// At most `limit` bytes of what a batch printed, from `offset` on, and how many there are in all.
    pub(crate) async fn log(
        &self,
        id: &str,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<u8>, u64), Refusal> {
        self.batch(id)?;
        Ok(self.store.read_log(id, offset, limit).await?)
    }

    /// Ends a batch, and says what has become of it.
    pub(crate) async fn cancel(&self, id: &str) -> Result<BatchInfo, Refusal> {
        let batch = self.batch(id)?;
        if batch.info.lock().state.is_final() {
            return Err(Refusal::Conflict(format!("batch `{id}` has ended already")));
        }
        batch.stop.cancel();
        let limit = STOP_WITHIN + Duration::from_secs(1);
        let _ = tokio::time::timeout(limit, batch.over.cancelled()).await;
        Ok(self.info(&batch).await)
    }

    /// Ends what runs, for a master that ends; what waits is begun by the next one.
    pub(crate) async fn stop_all(&self, within: Duration) {
        self.stopping.cancel();
        let running: Vec<_> = {
            let all = self.all.lock();
            let runs = |batch: &&Arc<Batch>| batch.info.lock().state == JobState::Running;
            all.values().filter(runs).cloned().collect()
        };
        let over = running.iter().map(|batch| batch.over.cancelled());
        let _ = tokio::time::timeout(within, futures::future::join_all(over)).await;
    }

    fn add(&self, info: BatchInfo) -> Arc<Batch> {
        let id = info.id.clone();
        let batch = Arc::new(Batch {
            info: Mutex::new(info),
            stop: self.stopping.child_token(),
            over: CancellationToken::new(),
        });
        self.all.lock().insert(id, Arc::clone(&batch));
        batch
    }

    fn batch(&self, id: &str) -> Result<Arc<Batch>, Refusal> {
        let batch = self.all.lock().get(id).cloned();
        batch.ok_or_else(|| Refusal::Missing(format!("this master knows no batch `{id}`")))
    }

    async fn info(&self, batch: &Batch) -> BatchInfo {
        let mut info = batch.info.lock().clone();
        if !info.state.is_final() {
            info.log_bytes = self.store.log_bytes(&info.id).await;
        }
        info
    }

    fn next_id(&self) -> String {
        loop {
            let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            let id = format!("batch-{}-{number:05}", self.epoch);
            // A master that was started in the same second may have used it.
            if !self.all.lock().contains_key(&id) {
                return id;
            }
        }
    }

    /// The file that is named by its path below the workspace, or by its whole one.
    fn find(&self, named: &str) -> Result<PathBuf, Refusal> {
        let workspace = &self.options.workspace;
        let below = Path::new(named).strip_prefix(workspace).ok();
        let below = below.and_then(Path::to_str).unwrap_or(named);
        match workspace_files::find(workspace, below)? {
            Some(file) if file.is_file() => Ok(file),
            _ => Err(Refusal::Missing(format!(
                "there is no file `{named}` in the workspace {}",
                workspace.display()
            ))),
        }
    }

    fn relative(&self, named: &str) -> Result<String, Refusal> {
        let file = self.find(named)?;
        let root = self.options.workspace.canonicalize().unwrap_or_default();
        let relative = file.strip_prefix(&root).unwrap_or(&file);
        match relative.to_str() {
            Some(relative) => Ok(relative.to_owned()),
            None => Err(Refusal::Missing(format!(
                "the path of `{named}` is no text"
            ))),
        }
    }

    fn begin(self: &Arc<Self>, batch: Arc<Batch>) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let slot = tokio::select! {
                biased;
                () = this.stopping.cancelled() => return,
                () = batch.stop.cancelled() => None,
                slot = this.slots.acquire() => slot.ok(),
            };
            let end = match slot {
                Some(_slot) => this.run(&batch).await.unwrap_or_else(|e| {
                    let hint = e.hint().map(|hint| format!("; {hint}"));
                    End::failed(e.message() + hint.unwrap_or_default().as_str())
                }),
                None => End::cancelled("cancelled before it began"),
            };
            this.finish(&batch, end).await;
        });
    }

    async fn run(&self, batch: &Batch) -> Result<End> {
        let id = batch.info.lock().id.clone();
        let log = self.store.new_log(&id).await?;
        let command = self.command(&batch.info.lock())?;
        let mut started = Stored::new(batch.info.lock().clone(), None);
        started.info.state = JobState::Running;
        started.info.started_at_ms = Some(now_ms());
        // Before there is a program, so that no master to come runs it a second time.
        self.save(&started).await;
        let running = Running::start(command, log)
            .map_err(|e| Error::failed(format!("starting the `springald` command: {e}")))?;
        started.process = running.mark();
        self.save(&started).await;
        *batch.info.lock() = started.info;
        let ended = running.wait(&batch.stop).await;
        let ended = ended.map_err(|e| Error::failed(format!("waiting for its end: {e}")))?;
        Ok(if self.stopping.is_cancelled() {
            End::failed("the master was stopped while it ran")
        } else if batch.stop.is_cancelled() {
            End::cancelled("cancelled by request")
        } else {
            End::of(ended)
        })
    }

    fn command(&self, info: &BatchInfo) -> Result<Command> {
        let program = match &self.options.program {
            Ok(program) => program,
            Err(e) => {
                let error = Error::failed(e.message());
                return Err(match e.hint() {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
        };
        let file = match &info.file {
            // Found again, as what is there may have changed meanwhile.
            Some(file) => self.find(file).map_err(Refusal::into_error)?,
            None => self.store.sql(&info.id),
        };
        let mut command = Command::new(program);
        command.args(["submit", "--master", &self.options.master]);
        match file.extension().is_some_and(|ending| ending == "py") {
            // A program makes its session itself; it takes settings from the environment.
            true => command.env("SPRINGALD_APP_NAME", &info.name),
            false => command.args(["--conf", &format!("springald.app_name={}", info.name)]),
        };
        command
            .arg(file)
            .args(&info.args)
            .current_dir(&self.options.workspace)
            // What a program prints is to be seen when it prints it.
            .env("PYTHONUNBUFFERED", "1");
        Ok(command)
    }

    async fn finish(&self, batch: &Batch, end: End) {
        let id = batch.info.lock().id.clone();
        let log_bytes = self.store.log_bytes(&id).await;
        let ended = {
            let info = &mut *batch.info.lock();
            info.state = end.state;
            info.message = end.message;
            info.exit_code = end.exit_code;
            info.ended_at_ms = Some(now_ms());
            info.log_bytes = log_bytes;
            Stored::new(info.clone(), None)
        };
        log::info!("batch {id} has ended: {}", ended.info.state.name());
        self.save(&ended).await;
        batch.over.cancel();
        self.forget_oldest().await;
    }

    /// A batch goes on also if the volume takes nothing; what the next master knows of it is old then.
    async fn save(&self, batch: &Stored) {
        if let Err(e) = self.store.save(batch).await {
            log::warn!("batch {}: {}", batch.info.id, e.message());
        }
    }

    async fn forget_oldest(&self) {
        let forgotten: Vec<String> = {
            let mut all = self.all.lock();
            let ended = all.iter();
            let ended = ended.filter(|(_, batch)| batch.info.lock().state.is_final());
            let ended: Vec<String> = ended.map(|(id, _)| id.clone()).collect();
            let surplus = ended.len().saturating_sub(REMEMBER);
            let forgotten = ended.into_iter().take(surplus);
            forgotten.inspect(|id| drop(all.remove(id))).collect()
        };
        for id in forgotten {
            self.store.remove(&id).await;
        }
    }
}

impl End {
    fn of(ended: Ended) -> Self {
        let failed = |message: String| Self {
            state: JobState::Failed,
            message: Some(message),
            exit_code: ended.code,
        };
        match (ended.code, ended.signal) {
            (Some(0), _) => Self {
                state: JobState::Done,
                message: None,
                exit_code: Some(0),
            },
            (Some(code), _) => failed(format!("it ended with status {code}: its log tells why")),
            (None, Some(signal)) => failed(format!("signal {signal} ended it")),
            (None, None) => failed("nobody knows how it ended".to_owned()),
        }
    }

    fn failed(message: impl Into<String>) -> Self {
        Self {
            state: JobState::Failed,
            message: Some(message.into()),
            exit_code: None,
        }
    }

    fn cancelled(message: &str) -> Self {
        Self {
            state: JobState::Cancelled,
            ..Self::failed(message)
        }
    }
}

impl BatchFilter {
    fn admits(&self, info: &BatchInfo) -> bool {
        let found = |text: &String| {
            let text = text.to_lowercase();
            let parts = [Some(&info.id), Some(&info.name), info.file.as_ref()];
            let mut parts = parts.into_iter().flatten();
            parts.any(|part| part.to_lowercase().contains(&text))
        };
        (self.states.is_empty() || self.states.contains(&info.state))
            && self.text.as_ref().is_none_or(found)
    }
}
