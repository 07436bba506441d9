//! The data port: shuffle files for the other workers and results for the master, as Ballista serves them,
//! and actions of ours.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::SystemTime;

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, PollInfo, SchemaResult, Ticket,
};
use ballista_executor::flight_service::BallistaFlightService;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use parking_lot::RwLock;
use serde::Serialize;
use springald_core::cache::{BlockStore, BlockTicket};
use springald_core::process::resident_memory;
use springald_core::protocol::{
    ProbeReport, ProbeRequest, RetainCached, RunningTasks, VERSION, action,
};
use springald_core::{MAX_MESSAGE_BYTES, Server, engine_message, recent_log, security};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::error::{Error, Result};
use crate::memory::TaskMemory;
use crate::metrics::{self, Now};
use crate::options::authority;
use crate::probe;
use crate::resources::Resources;
use crate::tasks::Tasks;

/// Cached rows travel in messages of about this size.
const BLOCK_MESSAGE_BYTES: usize = 4 << 20;

/// What the data port tells of, over all registrations.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) resources: Resources,
    pub(crate) work_dir: PathBuf,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) cache: Arc<BlockStore>,
    memory: Arc<TaskMemory>,
    /// The registration that holds now; none while the worker waits for a master.
    member: RwLock<Option<Member>>,
    /// Transfers under way.
    open: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Member {
    id: String,
    host: String,
    files: String,
}

impl Desk {
    pub(crate) fn new(
        resources: Resources,
        work_dir: PathBuf,
        tasks: Arc<Tasks>,
        cache: Arc<BlockStore>,
        memory: Arc<TaskMemory>,
    ) -> Arc<Self> {
        Arc::new(Self {
            resources,
            work_dir,
            tasks,
            cache,
            memory,
            member: RwLock::default(),
            open: AtomicUsize::new(0),
        })
    }

    /// From now on serves the shuffle files in `files` for the executor `id`.
    pub(crate) fn joined(&self, id: &str, host: &str, files: &str) {
        *self.member.write() = Some(Member {
            id: id.to_owned(),
            host: host.to_owned(),
            files: files.to_owned(),
        });
    }

    /// From now on has no shuffle files to serve.
    pub(crate) fn left(&self) {
        *self.member.write() = None;
    }

    /// Transfers under way.
    pub(crate) fn open_transfers(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    fn member(&self) -> Result<Member, Status> {
        let member = self.member.read().clone();
        member.ok_or_else(|| {
            Status::unavailable("this worker is not part of a cluster at the moment")
        })
    }

    async fn probe(self: Arc<Self>, request: ProbeRequest) -> Result<ProbeReport, Status> {
        let Member { id, host, .. } = self.member()?;
        let ProbeRequest { paths, routes, .. } = request;
        let dir = self.work_dir.clone();
        let disk =
            tokio::task::spawn_blocking(move || (probe::paths(&paths), probe::disk_free(&dir)));
        let routes = probe::routes(&routes).await;
        let (paths, disk_free_bytes) = disk.await.map_err(|e| Status::internal(e.to_string()))?;
        Ok(ProbeReport {
            id,
            host,
            version: VERSION.to_owned(),
            cores: self.resources.cores as u32,
            memory_bytes: self.resources.pool(),
            disk_free_bytes,
            work_dir: self.work_dir.display().to_string(),
            now_ms: probe::millis(SystemTime::now()),
            paths,
            routes,
            error: None,
        })
    }

    fn metrics(&self) -> Result<String, Status> {
        let now = Now {
            cores: self.resources.cores,
            tasks: self.tasks.count(),
            transfers: self.open_transfers(),
            memory_limit: self.resources.pool(),
            memory_reserved: self.memory.reserved(),
            memory_resident: resident_memory(),
            disk_free: probe::disk_free(&self.work_dir),
            cached: self.cache.usage(),
            cache_reads: self.cache.reads(),
        };
        metrics::text(&now).map_err(|e| Status::internal(e.to_string()))
    }

    fn running_tasks(&self) -> RunningTasks {
        let cached = self.cache.usage();
        RunningTasks {
            tasks: self.tasks.list(),
            memory_used_bytes: resident_memory(),
            memory_bytes: self.resources.pool(),
            cached_memory_bytes: cached.memory,
            cached_disk_bytes: cached.disk,
        }
    }
}

/// The server of the data port.
pub(crate) struct DataPort {
    pub(crate) port: u16,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl DataPort {
    /// Listens on `port`, or on a free one if that is 0.
    pub(crate) async fn open(bind: IpAddr, port: u16, desk: Arc<Desk>) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::new(bind, port))
            .await
            .map_err(|e| {
                let address = authority(&bind.to_string(), port);
                Error::io(format!("cannot listen for data on {address}"), e)
            })?;
        let port = listener
            .local_addr()
            .map_err(|e| Error::io("cannot tell the data port", e))?
            .port();
        let stop = CancellationToken::new();
        let service = FlightServiceServer::new(DataService { desk })
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let router = Routes::new(service).into_axum_router();
        let server = Server::new(router, security()?)?;
        Ok(Self {
            port,
            server: tokio::spawn(server.serve(listener, stop.clone())),
            stop,
        })
    }

    /// Ends only if the server does, which it should not.
    pub(crate) async fn failed(&mut self) -> Error {
        let why = match (&mut self.server).await {
            Ok(()) => "it ended".to_owned(),
            Err(e) => e.to_string(),
        };
        Error::io(
            "the data port does not work any more",
            std::io::Error::other(why),
        )
    }
}

impl Drop for DataPort {
    fn drop(&mut self) {
        self.stop.cancel();
        self.server.abort();
    }
}

struct DataService {
    desk: Arc<Desk>,
}

impl DataService {
    /// Ballista's service over the files of the present registration.
    fn files(&self) -> Result<BallistaFlightService, Status> {
        Ok(BallistaFlightService::new(self.desk.member()?.files))
    }

    /// Cached rows, for a task of another worker.
    fn block(&self, block: &str) -> Result<Boxed<FlightData>, Status> {
        let rows = self.desk.cache.read(block);
        let rows = rows.map_err(|e| Status::internal(engine_message(&e)))?;
        let rows = rows.ok_or_else(|| Status::not_found("it does not have it any more"))?;
        let data = FlightDataEncoderBuilder::new()
            .with_max_flight_data_size(BLOCK_MESSAGE_BYTES)
            .build(rows.map_err(|e| FlightError::ExternalError(Box::new(e))));
        Ok(data.map_err(Status::from).boxed())
    }

    fn counted<T>(&self, stream: Boxed<T>) -> Boxed<T>
    where
        T: Send + 'static,
    {
        self.desk.open.fetch_add(1, Ordering::AcqRel);
        Box::pin(Counted {
            stream,
            desk: Arc::clone(&self.desk),
        })
    }
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

#[tonic::async_trait]
impl FlightService for DataService {
    type HandshakeStream = <BallistaFlightService as FlightService>::HandshakeStream;
    type ListFlightsStream = <BallistaFlightService as FlightService>::ListFlightsStream;
    type DoGetStream = <BallistaFlightService as FlightService>::DoGetStream;
    type DoPutStream = <BallistaFlightService as FlightService>::DoPutStream;
    type DoActionStream = <BallistaFlightService as FlightService>::DoActionStream;
    type ListActionsStream = <BallistaFlightService as FlightService>::ListActionsStream;
    type DoExchangeStream = <BallistaFlightService as FlightService>::DoExchangeStream;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        if let Some(BlockTicket { block }) = BlockTicket::decode(&request.get_ref().ticket) {
            return Ok(Response::new(self.counted(self.block(&block)?)));
        }
        let answer = self.files()?.do_get(request).await?;
        Ok(answer.map(|stream| self.counted(metrics::served(stream).boxed())))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        match request.get_ref().r#type.as_str() {
            action::PROBE => {
                let body = &request.get_ref().body;
                let asked = serde_json::from_slice(body).map_err(|e| {
                    Status::invalid_argument(format!(
                        "{} takes a probe request: {e}",
                        action::PROBE
                    ))
                })?;
                json(&Arc::clone(&self.desk).probe(asked).await?)
            }
            action::TASKS => json(&self.desk.running_tasks()),
            action::METRICS => json(&self.desk.metrics()?),
            action::RETAIN => {
                let body = &request.get_ref().body;
                let RetainCached { prefix, keep } = serde_json::from_slice(body)
                    .map_err(|e| Status::invalid_argument(e.to_string()))?;
                self.desk.cache.retain(&prefix, &keep);
                json(&())
            }
            action::LOG => json(&recent_log().lines()),
            // Among them the one by which shuffled data is fetched in blocks.
            _ => {
                let answer = self.files()?.do_action(request).await?;
                Ok(answer.map(|stream| self.counted(metrics::served(stream).boxed())))
            }
        }
    }

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        self.files()?.handshake(request).await
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.files()?.list_flights(request).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.files()?.get_flight_info(request).await
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        self.files()?.poll_flight_info(request).await
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        self.files()?.get_schema(request).await
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        self.files()?.do_put(request).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.files()?.do_exchange(request).await
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let ours = [
            (
                action::PROBE,
                "what this worker sees: paths, routes, versions",
            ),
            (action::TASKS, "the tasks that this worker runs now"),
            (action::RETAIN, "forgets cached data"),
            (
                action::METRICS,
                "counters and gauges of this worker, for Prometheus",
            ),
            (action::LOG, "the last lines of this worker's log"),
        ];
        let ours = stream::iter(ours.map(|(name, description)| {
            Ok(ActionType {
                r#type: name.to_owned(),
                description: description.to_owned(),
            })
        }));
        let ballistas = self.files()?.list_actions(request).await?;
        Ok(ballistas.map(|ballistas| ours.chain(ballistas).boxed()))
    }
}

fn json<T: Serialize>(answer: &T) -> Result<Response<Boxed<arrow_flight::Result>>, Status> {
    let body = serde_json::to_vec(answer).map_err(|e| Status::internal(e.to_string()))?;
    let result = arrow_flight::Result { body: body.into() };
    Ok(Response::new(stream::iter([Ok(result)]).boxed()))
}

/// A transfer that the desk counts until it is done or given up.
struct Counted<T> {
    stream: Boxed<T>,
    desk: Arc<Desk>,
}

impl<T> Stream for Counted<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(cx)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.desk.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use arrow_flight::flight_service_client::FlightServiceClient;
    use serde::de::DeserializeOwned;
    use tonic::transport::Channel;

    use super::*;
    use crate::tasks::Task;
    use crate::test_plan::task_id;

    fn desk(resources: Resources, work_dir: PathBuf) -> Arc<Desk> {
        let cache = BlockStore::new(1 << 20, None);
        let memory = TaskMemory::new(Arc::default(), 1 << 20, 2, Arc::clone(&cache));
        Desk::new(resources, work_dir, Arc::default(), cache, Arc::new(memory))
    }

    async fn port(work_dir: PathBuf) -> (Arc<Desk>, DataPort, FlightServiceClient<Channel>) {
        let resources = Resources::detect(Some(2), Some(1 << 30)).unwrap();
        let desk = desk(resources, work_dir);
        let port = DataPort::open(Ipv4Addr::LOCALHOST.into(), 0, Arc::clone(&desk))
            .await
            .unwrap();
        let url = format!("http://127.0.0.1:{}", port.port);
        let channel = tonic::transport::Endpoint::from_shared(url).unwrap();
        (
            desk,
            port,
            FlightServiceClient::new(channel.connect().await.unwrap()),
        )
    }

    async fn ask<T: DeserializeOwned>(
        client: &mut FlightServiceClient<Channel>,
        name: &str,
        body: &str,
    ) -> Result<T, Status> {
        let action = Action {
            r#type: name.to_owned(),
            body: body.to_owned().into(),
        };
        let mut answer = client.do_action(action).await?.into_inner();
        let result = answer.message().await?.unwrap();
        Ok(serde_json::from_slice(&result.body).unwrap())
    }

    #[tokio::test]
    async fn actions_answer_in_json() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.csv"), "1,2").unwrap();
        let (desk, _port, mut client) = port(dir.path().to_owned()).await;

        let e = ask::<ProbeReport>(&mut client, action::PROBE, "{}")
            .await
            .unwrap_err();
        assert_eq!(e.code(), tonic::Code::Unavailable);

        desk.joined("me", "host", dir.path().to_str().unwrap());
        let body = format!(r#"{{"paths": ["{}/*.csv"]}}"#, dir.path().display());
        let report: ProbeReport = ask(&mut client, action::PROBE, &body).await.unwrap();
        assert_eq!((report.id.as_str(), report.host.as_str()), ("me", "host"));
        assert_eq!((report.paths[0].files, report.paths[0].bytes), (1, 3));
        assert!(report.disk_free_bytes > 0 && report.now_ms > 0 && report.cores == 2);

        let running = Task::new(&desk.tasks, task_id(7)).begin();
        let tasks: RunningTasks = ask(&mut client, action::TASKS, "").await.unwrap();
        assert_eq!(tasks.tasks, [task_id(7)]);
        assert!(tasks.memory_used_bytes > 0 && tasks.memory_bytes > 0);
        let metrics: String = ask(&mut client, action::METRICS, "").await.unwrap();
        assert!(
            metrics.contains("\nspringald_worker_tasks_running 1\n"),
            "{metrics}"
        );
        drop(running);

        recent_log().push("a line of the log");
        let lines: Vec<String> = ask(&mut client, action::LOG, "").await.unwrap();
        assert!(lines.contains(&"a line of the log".to_owned()));

        let e = ask::<ProbeReport>(&mut client, action::PROBE, "nonsense")
            .await
            .unwrap_err();
        assert_eq!(e.code(), tonic::Code::InvalidArgument);
    }

    #[tokio::test]
    async fn other_actions_are_ballistas() {
        let dir = tempfile::tempdir().unwrap();
        let (desk, _port, mut client) = port(dir.path().to_owned()).await;
        desk.joined("me", "host", dir.path().to_str().unwrap());
        let e = ask::<RunningTasks>(&mut client, "no.such.action", "")
            .await
            .unwrap_err();
        assert_eq!(e.code(), tonic::Code::Unimplemented);
        // Known, and its body is no protobuf of a fetch.
        let e = ask::<RunningTasks>(&mut client, "IO_BLOCK_TRANSPORT", "x")
            .await
            .unwrap_err();
        assert_ne!(e.code(), tonic::Code::Unimplemented);
        let mut names = client.list_actions(Empty {}).await.unwrap().into_inner();
        assert_eq!(
            names.message().await.unwrap().unwrap().r#type,
            action::PROBE
        );
        assert_eq!(desk.open_transfers(), 0);
    }

    #[tokio::test]
    async fn the_port_is_free_again_afterwards() {
        let (_, first, client) = port(std::env::temp_dir()).await;
        let number = first.port;
        let desk = desk(Resources::detect(None, None).unwrap(), PathBuf::new());
        let taken = DataPort::open(Ipv4Addr::LOCALHOST.into(), number, Arc::clone(&desk)).await;
        assert!(taken.err().unwrap().hint().unwrap().contains("port"));
        drop((first, client));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        DataPort::open(Ipv4Addr::LOCALHOST.into(), number, desk)
            .await
            .unwrap();
    }
}
