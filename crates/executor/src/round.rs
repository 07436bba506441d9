//! One registration with a master, from joining it to leaving or losing it. Each has an executor id of its
//! own, since a master does not take back one that it gave up, and a folder of its own.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::ids::new_instance_id;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::ExecutorRegistration;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::{ConfigProducer, RuntimeProducer};
use ballista_executor::executor::Executor;
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::executor_server;
use ballista_executor::metrics::LoggingMetricsCollector;
use ballista_executor::shutdown::{Shutdown, ShutdownNotifier};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use log::{info, warn};
use springald_core::cache::CacheSite;
use springald_core::{MAX_MESSAGE_BYTES, codec, security, session};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Channel;

use crate::clients::{Clients, peer};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::flight::Desk;
use crate::gate::{self, Gate};
use crate::master::Master;
use crate::memory::TaskMemory;
use crate::options::{WorkerOptions, authority};
use crate::tasks::Tasks;
use crate::work_dir::WorkDir;

/// How long the parts of a registration may take to end.
const PARTS_END: Duration = Duration::from_secs(5);
/// How long its tasks may take after they were cancelled.
const TASKS_END: Duration = Duration::from_secs(10);

/// What stays the same over all registrations of a worker.
pub(crate) struct Worker {
    pub(crate) options: WorkerOptions,
    pub(crate) bind: IpAddr,
    pub(crate) data_port: u16,
    pub(crate) master: Master,
    pub(crate) desk: Arc<Desk>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) memory: Arc<TaskMemory>,
    pub(crate) functions: Arc<BallistaFunctionRegistry>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) work_dir: WorkDir,
}

/// Why joining did not succeed.
pub(crate) enum NotJoined {
    /// The master cannot be reached, or does not take this worker now.
    Later(String),
    /// It never will.
    Never(Error),
}

/// A registration that holds.
pub(crate) struct Round {
    pub(crate) metadata: ExecutorRegistration,
    pub(crate) client: SchedulerGrpcClient<Channel>,
    /// Shuffle files of this registration.
    pub(crate) files: PathBuf,
    worker: Arc<Worker>,
    notifier: ShutdownNotifier,
    _gate: Option<Gate>,
}

/// The ways in which a registration can be lost.
pub(crate) struct Loss {
    /// Told when Ballista's heartbeats give up.
    heartbeats_ended: Shutdown,
    /// Told when the master takes the worker for dead.
    stopped: mpsc::Receiver<bool>,
    server: JoinHandle<Result<(), BallistaError>>,
}

impl Worker {
    /// Joins the master under a new id.
    pub(crate) async fn join(self: &Arc<Self>) -> Result<(Round, Loss), NotJoined> {
        let later = |what: &str, e: &dyn std::error::Error| {
            NotJoined::Later(format!("{what}: {}", chain(e)))
        };
        let host = match &self.options.host {
            Some(host) => host.clone(),
            None => {
                let address = self.master.own_address().await;
                address
                    .map_err(|e| later("no route to it", &e))?
                    .to_string()
            }
        };
        let client = self
            .master
            .connect()
            .await
            .map_err(|e| later("it does not answer", &e))?;

        let gate = self.gate().await;
        let (bind, gate) = gate.map_err(NotJoined::Never)?;
        let id = new_instance_id();
        let files = self.work_dir.executor(&id).map_err(NotJoined::Never)?;
        let grpc_port = self.grpc_port().map_err(NotJoined::Never)?;
        let gate = match gate {
            Some(own) => Some(Gate::open(own, grpc_port).await.map_err(NotJoined::Never)?),
            None => None,
        };
        let config = Arc::new(self.config(id, &host, bind, grpc_port, &files));
        let metadata = structure_executor_metadata(&config, config.vcores as u32);
        let executor = self.executor(&metadata, &host, &files);

        let notifier = ShutdownNotifier::new();
        let heartbeats_ended = notifier.subscribe_for_shutdown();
        let (stop, stopped) = mpsc::channel(10);
        // Before the master may send the first task.
        self.desk.joined(&metadata.id, &host, &executor.work_dir);
        let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> =
            BallistaCodec::new(codec::logical(), codec::physical());
        let started = executor_server::startup(
            client.clone(),
            Arc::clone(&config),
            Arc::new(executor),
            codec,
            stop,
            &notifier,
            Default::default(),
        );
        let server = match started.await {
            Ok(server) => server,
            Err(e) => {
                self.desk.left();
                let _ = std::fs::remove_dir_all(&files);
                return Err(self.not_joined(e, grpc_port));
            }
        };
        info!(
            "joined the master at {} as {} at {}, tasks at port {grpc_port}",
            self.master.address,
            metadata.id,
            authority(&host, self.data_port),
        );
        let round = Round {
            metadata,
            client,
            files,
            worker: Arc::clone(self),
            notifier,
            _gate: gate,
        };
        let loss = Loss {
            heartbeats_ended,
            stopped,
            server,
        };
        Ok((round, loss))
    }

    fn not_joined(&self, error: BallistaError, grpc_port: u16) -> NotJoined {
        match error {
            BallistaError::GrpcError(status)
                if matches!(
                    status.code(),
                    Code::FailedPrecondition | Code::Unauthenticated
                ) =>
            {
                NotJoined::Never(Error::Refused {
                    master: self.master.address.clone(),
                    message: status.message().to_owned(),
                })
            }
            BallistaError::GrpcError(status) => NotJoined::Later(format!(
                "it does not take this worker: {}",
                status.message()
            )),
            // A port that we chose may be taken meanwhile; one that the user chose stays taken.
            BallistaError::IoError(e)
                if e.kind() != ErrorKind::AddrInUse || self.options.grpc_port != 0 =>
            {
                let address = authority(&self.options.bind, grpc_port);
                NotJoined::Never(Error::io(
                    format!("cannot listen for tasks on {address}"),
                    e,
                ))
            }
            e => NotJoined::Later(e.to_string()),
        }
    }

    /// Where Ballista is to listen for tasks, and where a gate in front of it, if calls need one.
    async fn gate(&self) -> Result<(IpAddr, Option<IpAddr>)> {
        if !security()?.is_set() {
            return Ok((self.bind, None));
        }
        let own = if self.bind.is_unspecified() {
            let own = self.master.own_address().await;
            own.map_err(|e| Error::io("cannot tell the address of this worker", e))?
        } else {
            self.bind
        };
        Ok((gate::hidden(own).into(), Some(own)))
    }

    /// The port for tasks. Ballista binds it by itself and must be told a number.
    fn grpc_port(&self) -> Result<u16> {
        if self.options.grpc_port != 0 {
            return Ok(self.options.grpc_port);
        }
        TcpListener::bind(SocketAddr::new(self.bind, 0))
            .and_then(|listener| listener.local_addr())
            .map(|address| address.port())
            .map_err(|e| Error::io(format!("cannot listen on {}", self.bind), e))
    }

    fn config(
        &self,
        id: String,
        host: &str,
        bind: IpAddr,
        grpc_port: u16,
        files: &std::path::Path,
    ) -> ExecutorProcessConfig {
        let bind_host = match bind {
            IpAddr::V4(address) => address.to_string(),
            // Ballista appends the port.
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let message_size = u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX);
        ExecutorProcessConfig {
            executor_id: id,
            bind_host,
            external_host: Some(host.to_owned()),
            port: self.data_port,
            grpc_port,
            scheduler_host: self.options.master_host.clone(),
            scheduler_port: self.options.master_port,
            vcores: self.desk.resources.cores,
            task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
            work_dir: Some(files.display().to_string()),
            grpc_max_decoding_message_size: message_size,
            grpc_max_encoding_message_size: message_size,
            executor_heartbeat_interval_seconds: self.options.heartbeat_seconds(),
            override_create_grpc_client_endpoint: Some(self.master.endpoint_override()),
            ..ExecutorProcessConfig::default()
        }
    }

    fn executor(
        &self,
        metadata: &ExecutorRegistration,
        host: &str,
        files: &std::path::Path,
    ) -> Executor {
        let memory = Arc::clone(&self.memory);
        // For decoding plans only; each task then gets a runtime of its own.
        let runtime: RuntimeProducer = Arc::new(move |_| memory.runtime(1));
        let site = Arc::new(CacheSite::new(
            Arc::clone(&self.desk.cache),
            authority(host, self.data_port),
            self.desk.resources.cores,
        ));
        let config: ConfigProducer = Arc::new(move || {
            session::config()
                .with_ballista_override_create_grpc_client_endpoint(Arc::new(peer))
                .with_extension(Arc::clone(&site))
        });
        let engine = Engine {
            executor_id: metadata.id.clone(),
            address: authority(host, self.data_port),
            resources: self.desk.resources.clone(),
            tasks: Arc::clone(&self.tasks),
            clients: Arc::clone(&self.clients) as _,
        };
        Executor::new(
            metadata.clone(),
            &files.display().to_string(),
            runtime,
            config,
            Arc::clone(&self.functions),
            Arc::new(LoggingMetricsCollector::default()),
            self.desk.resources.cores,
            Arc::new(engine),
        )
        .with_session_runtime_cache(Some(Arc::clone(&self.memory) as _))
    }
}

impl Loss {
    /// Waits until the registration is lost, and says how.
    pub(crate) async fn happens(&mut self) -> String {
        tokio::select! {
            _ = self.stopped.recv() => "the master took this worker for dead".to_owned(),
            () = self.heartbeats_ended.recv() => "the master does not answer heartbeats".to_owned(),
            ended = &mut self.server => match ended {
                Ok(Err(e)) => format!("the task port does not work any more: {e}"),
                _ => "the task port does not work any more".to_owned(),
            },
        }
    }
}

impl Round {
    /// Stops everything of this registration and removes its files.
    pub(crate) async fn end(self, mut loss: Loss) {
        let Self {
            worker,
            notifier,
            files,
            ..
        } = self;
        worker.desk.left();
        worker.tasks.cancel(|_| true);
        let ShutdownNotifier {
            notify_shutdown,
            mut shutdown_complete_rx,
            shutdown_complete_tx,
        } = notifier;
        let _ = notify_shutdown.send(());
        drop((notify_shutdown, shutdown_complete_tx));
        if timeout(PARTS_END, shutdown_complete_rx.recv())
            .await
            .is_err()
        {
            warn!("the connection to the master does not end");
        }
        // A master that hangs would hold its connection, and with it the server, for ever. Until the server
        // is gone, a late message must find its receiver, so `loss` is kept.
        let server = &mut loss.server;
        if !server.is_finished() && timeout(PARTS_END, &mut *server).await.is_err() {
            server.abort();
        }
        if !worker.tasks.none_left(TASKS_END).await {
            warn!(
                "{} tasks go on although they were cancelled",
                worker.tasks.count()
            );
        }
        // No session of the next master knows of it.
        worker.desk.cache.retain("", &[]);
        if let Err(e) = std::fs::remove_dir_all(&files) {
            warn!("cannot remove {}: {e}", files.display());
        }
    }

    /// Cancels the tasks of a job that the master no longer knows.
    pub(crate) fn cancel_job(&self, job: &str) {
        self.worker.tasks.cancel(|task| task.job == job);
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.worker.tasks
    }

    pub(crate) fn open_transfers(&self) -> usize {
        self.worker.desk.open_transfers()
    }
}

/// An error with what caused it: `transport error: connection refused`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_errors_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("no answer")]
        struct Outer(#[source] std::io::Error);
        let e = Outer(std::io::Error::other("refused"));
        assert_eq!(chain(&e), "no answer: refused");
    }
}
