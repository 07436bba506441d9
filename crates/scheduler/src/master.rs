//! The master process: what it listens on, and how its parts hang together.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::EndpointOverrideFn;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_scheduler::SessionBuilder;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::create_scheduler;
use springald_core::login::Logins;
use springald_core::protocol::{VERSION, now_ms};
use springald_core::{
    Error, MAX_MESSAGE_BYTES, MasterUrl, Result, Server, cluster, codec, security, session,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::transport::Endpoint;

use crate::Ballista;
use crate::cached::Cached;
use crate::catalog::Catalog;
use crate::cluster::LedgerClusterState;
use crate::flight_sql::FlightSql;
use crate::history::{Archive, Journal, Retention};
use crate::jobs::{AttemptIds, Board, KEEP_RESULTS, Recorders};
use crate::ledger::Ledger;
use crate::metrics::{self, Scrape};
use crate::pages::{self, Live, Pages, Samples, SqlPage, csrf};
use crate::records::Records;
use crate::rest::{self, Rest};
use crate::service::Service;
use crate::submissions::{BatchOptions, Batches, IDLE_LIMIT, Interactive};
use crate::traces::Traces;
use crate::uploads::Uploads;
use crate::workers::Workers;

/// The folders of the shared volume that every part of the cluster expects.
const WORKSPACE_FOLDERS: [&str; 6] = [
    "datain",
    "dataout",
    "events",
    "notebooks",
    "notebooks/jobs",
    "warehouse",
];
/// The engine's own record of an ended job. Ours is made at once, and a record takes some 150 KB of memory.
const KEEP_GRAPHS: Duration = Duration::from_secs(30);
/// The guard decides about jobs without workers; Ballista must not.
const NEVER: u64 = 365 * 24 * 3600;
/// A stopping master gives its jobs this long to end.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// And its history this long to be written.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// How a master is started.
#[derive(Debug, Clone)]
pub struct MasterOptions {
    /// Address to listen on, `0.0.0.0` for every one of the machine.
    pub host: String,
    /// Port for gRPC, Arrow Flight and REST; 0 takes a free one.
    pub port: u16,
    /// Port for the pages and REST; 0 takes a free one, `None` opens none.
    pub ui_port: Option<u16>,
    /// The shared volume. Missing folders of it are made.
    pub workspace: PathBuf,
    /// Name under which workers reach this master; by default `host`, or the name of the machine if the
    /// master listens on every address.
    pub external_host: Option<String>,
    /// A worker whose heartbeats stay away this long is lost.
    pub worker_timeout: Duration,
    /// Batches that run at a time, as processes beside the master; with 0 none are taken.
    pub batches_at_once: usize,
    /// How much of the history of jobs is kept.
    pub history: Retention,
    /// Whether a page runs SQL for whoever may see it.
    pub sql_page: bool,
}

impl Default for MasterOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 7077,
            ui_port: Some(8080),
            workspace: "/opt/workspace".into(),
            external_host: None,
            worker_timeout: Duration::from_secs(10),
            batches_at_once: 4,
            history: Retention::default(),
            sql_page: true,
        }
    }
}

/// A running master. It listens from [`Master::start`] on, and until [`Master::serve_until`] returns or it
/// is dropped.
pub struct Master {
    addr: SocketAddr,
    ui_addr: Option<SocketAddr>,
    board: Arc<Board>,
    batches: Arc<Batches>,
    journal: Journal,
    stop: CancellationToken,
    servers: Vec<tokio::task::JoinHandle<()>>,
}

impl Master {
    /// Binds the ports, reads the catalog, and serves.
    ///
    /// Fails if a port is taken, a folder of the workspace cannot be made, or the catalog cannot be read.
    pub async fn start(options: MasterOptions) -> Result<Self> {
        for folder in WORKSPACE_FOLDERS {
            let folder = options.workspace.join(folder);
            std::fs::create_dir_all(&folder).map_err(|e| {
                Error::failed(format!(
                    "making the workspace folder {}: {e}",
                    folder.display()
                ))
                .with_hint("give a folder that the master may write with --workspace")
            })?;
        }
        let catalog = Catalog::open(options.workspace.join("warehouse/catalog.json"))?;
        let uploads = Arc::new(Uploads::new(&options.workspace));
        let traces = Traces::from_environment()?;
        let (listener, addr) = bind(&options.host, options.port, "--port").await?;
        let ui = match options.ui_port {
            Some(port) => Some(bind(&options.host, port, "--ui-port").await?),
            None => None,
        };
        let host = external_host(&options);

        let ledger = Arc::new(Ledger::default());
        let config = Arc::new(config(&options, &host, addr.port()));
        let jobs = BallistaCluster::new_from_config(&config)
            .await
            .map_err(engine)?
            .job_state();
        let workers_state = Arc::new(LedgerClusterState::new(Arc::clone(&ledger)));
        let cluster = BallistaCluster::new(workers_state, Arc::clone(&jobs));
        let ballista: Arc<Ballista> =
            Arc::new(create_scheduler(cluster, config).await.map_err(engine)?);

        let workers = Arc::new(Workers::new(Arc::clone(&ballista), Arc::clone(&ledger)));
        let url = format!("springald://{host}:{}", addr.port());
        let events = options.workspace.join("events");
        let archive = open_archive(events.clone()).await?;
        let journal = Journal::start(events, options.history, &url)
            .map_err(|e| Error::failed(format!("starting the history of jobs: {e}")))?;
        let board = Arc::new(Board::new(
            Arc::clone(&ballista),
            jobs,
            Arc::clone(&ledger),
            Arc::clone(&workers),
            url.clone(),
            epoch(&archive),
            Recorders {
                journal: journal.clone(),
                traces,
            },
        ));
        let security = security()?;
        let records = Arc::new(Records::new(Arc::clone(&board), archive));
        let cached = Arc::new(Cached::new(Arc::clone(&workers), Arc::clone(&uploads)));
        let started_at_ms = now_ms();
        let itself = itself(&host, addr)?;
        let flight_sql = FlightSql::new(itself.clone())?;
        let scrape = Arc::new(Scrape {
            board: Arc::clone(&board),
            ledger: Arc::clone(&ledger),
            workers: Arc::clone(&workers),
            sessions: flight_sql.session_count(),
            journal: journal.clone(),
            started_at_ms,
        });
        let batches = Batches::open(BatchOptions {
            workspace: options.workspace.clone(),
            master: itself.to_string(),
            program: cluster::program(),
            at_once: options.batches_at_once,
        })
        .await?;
        let interactive = Interactive::new(itself.clone(), IDLE_LIMIT);
        let logins = Arc::new(Logins::default());
        let samples = Arc::new(Samples::default());
        csrf::own_name(&host);
        let pages = pages::routes(Pages {
            records: Arc::clone(&records),
            logins: Arc::clone(&logins),
            live: Some(Live {
                sql: options.sql_page.then(|| SqlPage::new(itself)),
                options: options.clone(),
                url: url.clone(),
                ports: (addr.port(), ui.as_ref().map(|(_, addr)| addr.port())),
                started_at_ms,
                board: Arc::clone(&board),
                ledger: Arc::clone(&ledger),
                workers: Arc::clone(&workers),
                cached: Arc::clone(&cached),
                interactive: Arc::clone(&interactive),
                samples: Arc::clone(&samples),
            }),
        });
        let rest = rest::routes(Arc::new(Rest {
            board: Arc::clone(&board),
            records,
            ledger: Arc::clone(&ledger),
            workers: Arc::clone(&workers),
            catalog,
            cached,
            uploads,
            batches: Arc::clone(&batches),
            interactive,
            url,
            host: host.clone(),
            started_at_ms,
            options,
        }))?;
        let rest = rest.merge(metrics::routes(scrape));
        let service = Service {
            ballista,
            board: Arc::clone(&board),
            ledger: Arc::clone(&ledger),
            workers: Arc::clone(&workers),
        };

        let stop = CancellationToken::new();
        let main = metrics::timed(grpc(service, flight_sql).merge(rest.clone()));
        let server = Server::new(main, security)?;
        let mut servers = vec![tokio::spawn(server.serve(listener, stop.clone()))];
        let mut ui_addr = None;
        if let Some((listener, addr)) = ui {
            ui_addr = Some(addr);
            let pages = metrics::timed(rest.merge(pages).fallback(not_found));
            let server = Server::new(pages, security)?.with_logins(logins);
            servers.push(tokio::spawn(server.serve(listener, stop.clone())));
        }
        tokio::spawn(samples.take(ledger, stop.clone()));
        tokio::spawn(watch_workers(workers, stop.clone()));
        log::info!(
            "Springald {VERSION} master at springald://{host}:{}",
            addr.port()
        );
        Ok(Self {
            addr,
            ui_addr,
            board,
            batches,
            journal,
            stop,
            servers,
        })
    }

    /// The address of gRPC, Flight and REST.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of the pages and REST, if a port was asked for.
    pub fn ui_addr(&self) -> Option<SocketAddr> {
        self.ui_addr
    }

    /// Serves until `shutdown` is ready. Then running jobs end, their clients told why, and the ports close.
    pub async fn serve_until(mut self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        log::info!("the master is stopping");
        tokio::join!(
            self.board.stop_all(STOP_WITHIN),
            self.batches.stop_all(STOP_WITHIN)
        );
        self.journal.flush(WRITE_WITHIN).await;
        self.stop.cancel();
        for server in std::mem::take(&mut self.servers) {
            if let Err(e) = server.await {
                log::warn!("a server ended badly: {e}");
            }
        }
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The history as it is before this master adds to it.
async fn open_archive(events: PathBuf) -> Result<Arc<Archive>> {
    let archive = Arc::new(Archive::new(events, true));
    let opened = Arc::clone(&archive);
    tokio::task::spawn_blocking(move || opened.open())
        .await
        .map_err(|e| Error::failed(format!("reading the history of jobs: {e}")))?;
    Ok(archive)
}

/// What the ids of this master's jobs begin with, unlike those of any master before it.
fn epoch(archive: &Archive) -> String {
    let mut seconds = now_ms() / 1000;
    while archive.has_prefix(&format!("job-{seconds:x}-")) {
        seconds += 1;
    }
    format!("{seconds:x}")
}

pub(crate) async fn bind(host: &str, port: u16, flag: &str) -> Result<(TcpListener, SocketAddr)> {
    let failed = |e: std::io::Error| {
        Error::failed(format!("listening on {host}:{port}: {e}")).with_hint(format!(
            "choose another address or port with --host and {flag}"
        ))
    };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

fn external_host(options: &MasterOptions) -> String {
    if let Some(host) = &options.external_host {
        return host.clone();
    }
    match options.host.as_str() {
        "0.0.0.0" | "::" | "[::]" => std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "localhost".into()),
        host => host.to_owned(),
    }
}

/// Where sessions of this process reach it: on this machine, or with TLS under the name that its certificate has.
fn itself(host: &str, addr: SocketAddr) -> Result<MasterUrl> {
    let here = match addr.ip() {
        _ if security()?.identity().is_some() => host.to_owned(),
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Ok(MasterUrl::Cluster {
        host: here,
        port: addr.port(),
    })
}

fn config(options: &MasterOptions, host: &str, port: u16) -> SchedulerConfig {
    let message_size = u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX);
    let sessions: SessionBuilder = Arc::new(|config| {
        // A runtime for each query: file listings that one query cached must not serve the next.
        let runtime = session::runtime_env(None)?;
        session::state(config, runtime)
    });
    let timeout = options.worker_timeout.as_secs().max(1);
    let mut config = SchedulerConfig::default()
        .with_scheduler_policy(TaskSchedulingPolicy::PushStaged)
        .with_hostname(host)
        .with_port(port)
        .with_enable_embedded_flight_proxy(true)
        .with_remove_executor_wait_secs(timeout)
        .with_no_executors_grace_period_seconds(NEVER)
        .with_finished_job_data_clean_up_interval_seconds(KEEP_RESULTS.as_secs())
        .with_finished_job_state_clean_up_interval_seconds(KEEP_GRAPHS.as_secs())
        .with_grpc_server_max_decoding_message_size(message_size)
        .with_grpc_server_max_encoding_message_size(message_size)
        .with_grpc_client_max_message_size(message_size)
        .with_override_config_producer(Arc::new(session::config))
        .with_override_session_builder(sessions)
        .with_override_create_grpc_client_endpoint(endpoint())
        .with_job_id_generator(Arc::new(AttemptIds));
    config.bind_host = options.host.clone();
    config.executor_timeout_seconds = timeout;
    config.expire_dead_executor_interval_seconds = 1;
    config.override_logical_codec = Some(codec::logical());
    config.override_physical_codec = Some(codec::physical());
    config
}

/// Connections from the master to its workers.
fn endpoint() -> EndpointOverrideFn {
    Arc::new(|endpoint: Endpoint| {
        Ok(security()?
            .introduce(endpoint)?
            .connect_timeout(Duration::from_secs(3)))
    })
}

/// The gRPC services, with a fallback for what no route takes.
fn grpc(service: Service, flight_sql: FlightSql) -> Router {
    let mut routes = RoutesBuilder::default();
    routes.add_service(
        SchedulerGrpcServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    );
    routes.add_service(
        FlightServiceServer::new(flight_sql)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES),
    );
    routes.routes().into_axum_router().fallback(not_found)
}

pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/grpc")) {
        let (parts, ()) = tonic::Status::unimplemented("this master has no such service")
            .into_http::<()>()
            .into_parts();
        return parts.into_response();
    }
    let error = springald_core::protocol::ApiError {
        error: "no such path; the interface is below /api/v1".into(),
    };
    (StatusCode::NOT_FOUND, axum::Json(error)).into_response()
}

/// Registrations start the watching of a worker; this catches the one that slipped through.
async fn watch_workers(workers: Arc<Workers>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => workers.watch_new(),
        }
    }
}

fn engine(e: ballista_core::error::BallistaError) -> Error {
    Error::from(e.into_datafusion())
}
