//! The life of a worker: it joins, works, loses the master, joins again, and leaves when it is told to.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ballista_executor::executor_server::TERMINATING;
use log::{info, warn};
use springald_core::cache::BlockStore;
use springald_core::config::format_bytes;
use springald_core::protocol::VERSION;
use springald_core::session;
use tokio::time::{Instant, sleep};

use crate::drain;
use crate::error::{Error, Result};
use crate::flight::{DataPort, Desk};
use crate::janitor;
use crate::master::Master;
use crate::memory::TaskMemory;
use crate::options::WorkerOptions;
use crate::pressure;
use crate::resources::Resources;
use crate::round::{Loss, NotJoined, Round, Worker};
use crate::signals::Signals;
use crate::spans;
use crate::tasks::Tasks;
use crate::work_dir::WorkDir;

/// Time between two tries to join.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// Time between two lines that say that the worker still waits for the master.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Runs a worker in this process until SIGTERM or SIGINT tells it to leave. It waits for a master that is
/// not there yet, and for one that is gone to come back, as long as it takes.
///
/// Takes both signals over from the process; runs on the current Tokio runtime, tasks on one of their own.
/// At most one worker may run in a process at a time.
///
/// # Errors
/// If an option cannot be carried out, the master is of another version, or a second signal cut the leaving
/// short.
pub async fn run(options: WorkerOptions) -> Result<()> {
    let bind = options.check()?;
    let resources = Resources::detect(options.cores, options.memory)?;
    let master = Master::new(&options)?;
    let signals = Signals::install()?;
    spans::follow();
    let work_dir = WorkDir::open(options.work_dir.as_deref(), &std::env::temp_dir())?;
    info!(
        "springald {VERSION} worker: cores {} ({}), memory {} ({}), {} of it for tasks, work folder {}",
        resources.cores,
        resources.cores_from,
        format_bytes(resources.memory),
        resources.memory_from,
        format_bytes(resources.pool()),
        work_dir.path().display(),
    );

    let base = session::runtime_env(Some(&work_dir.spill()))?;
    let cache = BlockStore::new(resources.cache() as usize, Some(&work_dir.spill()));
    let memory = TaskMemory::new(base, resources.pool(), resources.cores, Arc::clone(&cache));
    let memory = Arc::new(memory);
    let limit = resources.memory;
    let tasks = Arc::<Tasks>::default();
    let desk = Desk::new(
        resources,
        work_dir.path().to_owned(),
        Arc::clone(&tasks),
        cache,
        Arc::clone(&memory),
    );
    let mut data_port = DataPort::open(bind, options.port, Arc::clone(&desk)).await?;
    let worker = Arc::new(Worker {
        bind,
        data_port: data_port.port,
        master,
        desk,
        tasks,
        memory,
        functions: Arc::new(session::function_registry()),
        clients: Arc::default(),
        work_dir,
        options,
    });
    // Of the whole process: an earlier worker may have left in it.
    TERMINATING.store(false, Ordering::Release);
    tokio::select! {
        ended = live(&worker, &signals) => ended,
        never = pressure::look_after(limit, &worker.tasks) => match never {},
        error = data_port.failed() => Err(error),
    }
}

async fn live(worker: &Arc<Worker>, signals: &Signals) -> Result<()> {
    loop {
        let (round, mut loss) = tokio::select! {
            joined = join(worker) => joined?,
            () = signals.first() => return Ok(()),
        };
        let why = tokio::select! {
            why = loss.happens() => why,
            never = janitor::look_after(&round) => match never {},
            () = signals.first() => {
                info!("leaving the cluster");
                let limit = worker.options.drain_limit;
                drain::leave(round, loss, limit, signals).await?;
                info!("left the cluster");
                return Ok(());
            }
        };
        warn!(
            "lost the master at {}: {why}; joining again",
            worker.master.address
        );
        tokio::select! {
            () = round.end(loss) => {}
            () = signals.second() => {
                let unfinished = "while giving up what it had of a lost master".to_owned();
                return Err(Error::Interrupted { unfinished });
            }
        }
    }
}

/// Tries to join the master until it succeeds.
async fn join(worker: &Arc<Worker>) -> Result<(Round, Loss)> {
    let mut said: Option<Instant> = None;
    loop {
        match worker.join().await {
            Ok(joined) => return Ok(joined),
            Err(NotJoined::Never(e)) => return Err(e),
            Err(NotJoined::Later(why)) => {
                if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
                    info!("waiting for the master at {}: {why}", worker.master.address);
                    said = Some(Instant::now());
                }
                sleep(TRY_EVERY).await;
            }
        }
    }
}
