//! A session's side of a cluster: the connection to its master, the jobs it sends and their results.

mod globs;
mod job;
mod local;
mod planner;
pub mod rest;
mod workspace_files;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use datafusion::error::Result as DataFusionResult;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};
use tonic::transport::{Channel, Endpoint};

pub use local::{LocalCluster, program};
pub(crate) use planner::ClusterPlanner;
pub(crate) use workspace_files::WorkspaceFiles;

use crate::error::{Error, Result};
use crate::protocol::{ClusterInfo, PathReport, ProbeRequest, VERSION};
use crate::security::security;
use crate::session::MAX_MESSAGE_BYTES;

/// How long a path that every worker saw is taken to be there without asking again.
const PATH_CHECK_TTL: Duration = Duration::from_secs(60);

/// How long a client waits for the master to take note of its last words.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Something that happens to a job of this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// The master took the job; it may wait for workers.
    Accepted { id: String },
    /// The job ended, well or not.
    Ended { id: String },
}

/// Hears of the session's jobs, for progress bars and cancelling.
pub type JobListener = Arc<dyn Fn(&JobEvent) + Send + Sync>;

/// The connection of a session to its master. One channel serves all of a session's jobs and results.
pub struct ClusterClient {
    pub(crate) host: String,
    pub(crate) port: u16,
    channel: Channel,
    rest: rest::Client,
    listener: Mutex<Option<JobListener>>,
    seen_paths: Mutex<HashMap<String, Instant>>,
    /// Calls whose outcome nobody waits for.
    background: Mutex<JoinSet<()>>,
    /// Makes them, also for frames that are dropped on a thread of another kind, as Python's are.
    runtime: Handle,
    /// Held at the master for the sessions that keep data with workers.
    leases: Mutex<HashMap<String, Lease>>,
}

/// An open call to the master; when it ends, the master frees what the session holds.
struct Lease {
    open: Arc<AtomicBool>,
    reader: AbortHandle,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl std::fmt::Debug for ClusterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClusterClient({}:{})", self.host, self.port)
    }
}

impl ClusterClient {
    /// Connects to a master and checks that it is of this version.
    ///
    /// # Errors
    /// If nobody listens there, or somebody of another version.
    pub async fn connect(host: &str, port: u16) -> Result<(Self, ClusterInfo)> {
        let rest = rest::Client::new(host, port)?;
        let info = rest.cluster().await?;
        if info.version != VERSION {
            return Err(Error::invalid(format!(
                "the master at {host}:{port} runs Springald {}, this client {VERSION}",
                info.version
            ))
            .with_hint("install the same version on both"));
        }
        let channel = endpoint(host, port)?
            .connect()
            .await
            .map_err(|e| Error::failed(format!("cannot reach the master at {host}:{port}: {e}")))?;
        let client = Self {
            host: host.to_owned(),
            port,
            channel,
            rest,
            listener: Mutex::new(None),
            seen_paths: Mutex::new(HashMap::new()),
            background: Mutex::default(),
            runtime: Handle::current(),
            leases: Mutex::default(),
        };
        Ok((client, info))
    }

    pub fn rest(&self) -> &rest::Client {
        &self.rest
    }

    /// Who hears of the jobs from now on.
    pub fn listen(&self, listener: Option<JobListener>) {
        *self.listener.lock() = listener;
    }

    pub(crate) fn tell(&self, event: &JobEvent) {
        let listener = self.listener.lock().clone();
        if let Some(listener) = listener {
            listener(event);
        }
    }

    /// Makes a call that nobody waits for, but [`Self::settle`].
    pub(crate) fn in_background(&self, call: impl Future<Output = ()> + Send + 'static) {
        let mut calls = self.background.lock();
        while calls.try_join_next().is_some() {}
        calls.spawn_on(call, &self.runtime);
    }

    /// Waits for the calls under way, for a process that is about to end; a second at most.
    pub async fn settle(&self) {
        let calls = std::mem::take(&mut *self.background.lock());
        let _ = tokio::time::timeout(SETTLE_LIMIT, calls.join_all()).await;
    }

    pub(crate) fn forget_cached(&self, name: String) {
        let rest = self.rest.clone();
        // Were this to fail, the data is freed with its session.
        self.in_background(async move {
            let _ = rest.delete_cached(&name).await;
        });
    }

    /// Sees to it that the master knows the session to be there, as long as this client is.
    pub(crate) async fn lease(&self, session: &str) -> Result<()> {
        let is_open = |lease: &Lease| lease.open.load(Ordering::Acquire);
        if self.leases.lock().get(session).is_some_and(is_open) {
            return Ok(());
        }
        let mut beats = self.rest.lease(session).await?;
        let open = Arc::new(AtomicBool::new(true));
        let closed = Arc::clone(&open);
        let reader = tokio::spawn(async move {
            while let Ok(Some(_)) = beats.chunk().await {}
            closed.store(false, Ordering::Release);
        });
        let lease = Lease {
            open,
            reader: reader.abort_handle(),
        };
        self.leases.lock().insert(session.to_owned(), lease);
        Ok(())
    }

    /// Lets the master free what the sessions of this client hold.
    pub(crate) fn end_leases(&self) {
        self.leases.lock().clear();
    }

    pub(crate) fn grpc(&self) -> SchedulerGrpcClient<Channel> {
        SchedulerGrpcClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn flight(
        &self,
    ) -> arrow_flight::flight_service_client::FlightServiceClient<Channel> {
        arrow_flight::flight_service_client::FlightServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Asks every worker whether it sees `paths` as the master does, so that a job over a folder that one
    /// worker does not mount fails at once and with its name.
    pub(crate) async fn check_paths(&self, paths: Vec<String>) -> DataFusionResult<()> {
        let now = Instant::now();
        let unknown: Vec<String> = {
            let seen = self.seen_paths.lock();
            paths
                .into_iter()
                .filter(|p| seen.get(p).is_none_or(|at| now - *at > PATH_CHECK_TTL))
                .collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let request = ProbeRequest {
            paths: unknown.clone(),
            ..Default::default()
        };
        // The check is a courtesy: where it cannot be made, the job itself tells.
        let Ok(reports) = self.rest.probe(&request).await else {
            return Ok(());
        };
        let workers = reports
            .iter()
            .filter(|r| r.id != "master" && r.error.is_none());
        for report in workers {
            if let Some(missing) = report.paths.iter().find(|p| !p.exists) {
                return Err(unseen(missing, &report.host, &reports).into());
            }
        }
        if reports.len() > 1 {
            let mut seen = self.seen_paths.lock();
            seen.extend(unknown.into_iter().map(|path| (path, now)));
        }
        Ok(())
    }
}

fn unseen(path: &PathReport, worker: &str, reports: &[crate::protocol::ProbeReport]) -> Error {
    let others = reports
        .iter()
        .filter(|r| r.id != "master")
        .filter(|r| r.paths.iter().any(|p| p.path == path.path && p.exists))
        .count();
    let message = if others == 0 {
        format!("no worker sees `{}`", path.path)
    } else {
        format!(
            "the worker at {worker} does not see `{}`, {others} other(s) do",
            path.path
        )
    };
    Error::invalid(message).with_hint(
        "put the data on the shared volume that every worker mounts; `springald doctor PATH` tells which do",
    )
}

fn endpoint(host: &str, port: u16) -> Result<Endpoint> {
    let wrong =
        |e: &dyn std::fmt::Display| Error::invalid(format!("`{host}:{port}` is no address: {e}"));
    let endpoint = Endpoint::from_shared(format!("http://{host}:{port}")).map_err(|e| wrong(&e))?;
    let endpoint = security()?.introduce(endpoint).map_err(|e| wrong(&e))?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(8))
        .keep_alive_while_idle(true)
        // Results come in large batches: the default window of 64 KiB would stall between them.
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(32 << 20))
}
