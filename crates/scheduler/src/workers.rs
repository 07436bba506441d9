//! What the master does with workers beside giving them tasks: asks each about once a second what it runs,
//! notices within seconds when its process is gone, stops tasks that nobody wants, and passes on probes.
//!
//! A worker that does not answer is not lost yet (it may be paused, or busy); only its heartbeats decide
//! that. A worker whose port refuses connections is: its process has ended.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::Action;
use arrow_flight::flight_service_client::FlightServiceClient;
use ballista_core::JobId;
use ballista_core::serde::protobuf::UpdateTaskStatusParams;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_scheduler::state::execution_graph::RunningTaskInfo;
use futures::StreamExt;
use futures::future::join_all;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use springald_core::protocol::{
    ProbeReport, ProbeRequest, RetainCached, RunningTasks, TaskId, action,
};
use springald_core::{MAX_MESSAGE_BYTES, security};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use crate::Ballista;
use crate::ledger::Ledger;

const ASK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const PROBE_WITHIN: Duration = Duration::from_secs(5);
/// Who scrapes the master waits for no more than ten seconds.
const SCRAPE_WITHIN: Duration = Duration::from_secs(2);

pub(crate) struct Workers {
    ballista: Arc<Ballista>,
    ledger: Arc<Ledger>,
    watched: Mutex<HashSet<String>>,
}

impl Workers {
    pub(crate) fn new(ballista: Arc<Ballista>, ledger: Arc<Ledger>) -> Self {
        Self {
            ballista,
            ledger,
            watched: Mutex::default(),
        }
    }

    /// Begins to watch the workers that are not watched yet. Called after each registration and, in case
    /// one was missed, now and then.
    pub(crate) fn watch_new(self: &Arc<Self>) {
        for (id, host, port) in self.ledger.addresses() {
            if self.watched.lock().insert(id.clone()) {
                tokio::spawn(Arc::clone(self).watch(id, host, port));
            }
        }
    }

    /// Takes a worker off the books at once; its attempts are run again.
    pub(crate) async fn remove(&self, id: &str, reason: &str) {
        let executors = &self.ballista.state.executor_manager;
        if let Err(e) = executors.remove_executor(id, Some(reason.to_owned())).await {
            log::warn!("removing worker {id}: {e}");
        }
    }

    /// Looks whether the processes of these workers are still there, and removes those that are not.
    pub(crate) async fn verify(&self, ids: &[String]) {
        let addresses = self.ledger.addresses();
        let suspects = addresses.iter().filter(|(id, ..)| ids.contains(id));
        join_all(suspects.map(|(id, host, port)| self.remove_if_refused(id, host, *port))).await;
    }

    /// Tells workers to stop tasks. A worker that has not begun a task yet ignores this; it is told again
    /// when it says that it runs it.
    pub(crate) async fn cancel(&self, tasks: Vec<RunningTaskInfo>) {
        if tasks.is_empty() {
            return;
        }
        if let Err(e) = self
            .ballista
            .state
            .executor_manager
            .cancel_running_tasks(tasks)
            .await
        {
            log::warn!("cancelling tasks: {e}");
        }
    }

    pub(crate) fn remove_data(&self, attempt: &str) {
        self.ballista
            .state
            .executor_manager
            .clean_up_job_data(JobId::from(attempt));
    }

    /// Makes Ballista offer the free cores again: it does so after each status, even one without tasks.
    pub(crate) async fn offer_again(&self) {
        let Some((id, ..)) = self.ledger.addresses().into_iter().next() else {
            return;
        };
        let nothing = UpdateTaskStatusParams {
            executor_id: id,
            task_status: vec![],
        };
        let request = tonic::Request::new(nothing);
        if let Err(e) = SchedulerGrpc::update_task_status(self.ballista.as_ref(), request).await {
            log::warn!("offering free cores again: {e}");
        }
    }

    /// Tells every worker which blocks of cached data to keep. One that does not hear it frees them when it leaves.
    pub(crate) async fn retain_cached(&self, prefix: String, keep: Vec<String>) {
        let Ok(body) = serde_json::to_vec(&RetainCached { prefix, keep }) else {
            return;
        };
        let told = self.ledger.addresses().into_iter().map(|(_, host, port)| {
            let body = body.clone();
            async move {
                let told = match client(&host, port) {
                    Ok(mut client) => {
                        ask::<()>(&mut client, action::RETAIN, body, ANSWER_WITHIN).await
                    }
                    Err(e) => Err(e),
                };
                if let Err(e) = told {
                    log::debug!("worker {host}:{port} did not free cached data: {e}");
                }
            }
        });
        join_all(told).await;
    }

    /// What each worker counts, by its `host:port`: a text in OpenMetrics' form, or `None` of one that does not answer.
    pub(crate) async fn metrics(&self) -> Vec<(String, Option<String>)> {
        let asked = self
            .ledger
            .addresses()
            .into_iter()
            .map(|(_, host, port)| async move {
                let answer = async {
                    let mut client = client(&host, port)?;
                    ask::<String>(&mut client, action::METRICS, Vec::new(), SCRAPE_WITHIN).await
                };
                let text = match answer.await {
                    Ok(text) => Some(text),
                    Err(e) => {
                        log::debug!("worker {host}:{port} gives no metrics: {e}");
                        None
                    }
                };
                (format!("{host}:{port}"), text)
            });
        join_all(asked).await
    }

    /// Asks every worker what it sees of paths and routes, with `full` also whether it reaches the others.
    pub(crate) async fn probe(&self, request: &ProbeRequest) -> Vec<ProbeReport> {
        let addresses = self.ledger.addresses();
        let asked = addresses.iter().map(|(id, host, port)| {
            let mut request = request.clone();
            if request.full {
                let others = addresses.iter().filter(|(other, ..)| other != id);
                request
                    .routes
                    .extend(others.map(|(_, host, port)| format!("{host}:{port}")));
            }
            self.probe_one(id, host, *port, request)
        });
        join_all(asked).await
    }

    /// What one worker says of its machine and folder, if it is registered.
    pub(crate) async fn look_at(&self, id: &str) -> Option<ProbeReport> {
        let (id, host, port) = self.address(id)?;
        let request = ProbeRequest::default();
        Some(self.probe_one(&id, &host, port, request).await)
    }

    /// The last lines of a worker's log, oldest first, or why they cannot be had.
    pub(crate) async fn log(&self, id: &str) -> Result<Vec<String>, String> {
        let Some((_, host, port)) = self.address(id) else {
            return Err("the worker is not registered any more".to_owned());
        };
        let mut client = client(&host, port)?;
        ask(&mut client, action::LOG, Vec::new(), ANSWER_WITHIN).await
    }

    fn address(&self, id: &str) -> Option<(String, String, u16)> {
        let mut addresses = self.ledger.addresses().into_iter();
        addresses.find(|(known, ..)| known == id)
    }

    async fn probe_one(
        &self,
        id: &str,
        host: &str,
        port: u16,
        request: ProbeRequest,
    ) -> ProbeReport {
        let answer = async {
            let mut client = client(host, port)?;
            let body = serde_json::to_vec(&request).map_err(|e| e.to_string())?;
            ask::<ProbeReport>(&mut client, action::PROBE, body, PROBE_WITHIN).await
        };
        answer.await.unwrap_or_else(|error| {
            let infos = self.ledger.worker_infos();
            let info = infos.into_iter().find(|info| info.id == id);
            ProbeReport {
                id: id.to_owned(),
                host: host.to_owned(),
                version: String::new(),
                cores: info.as_ref().map_or(0, |info| info.cores),
                memory_bytes: info.as_ref().map_or(0, |info| info.memory_bytes),
                disk_free_bytes: 0,
                work_dir: String::new(),
                now_ms: 0,
                paths: vec![],
                routes: vec![],
                error: Some(format!("worker {host}:{port} did not answer: {error}")),
            }
        })
    }

    /// Asks one worker again and again until it is off the books.
    async fn watch(self: Arc<Self>, id: String, host: String, port: u16) {
        let mut flight = match client(&host, port) {
            Ok(client) => client,
            Err(e) => {
                log::warn!("worker {host}:{port} cannot be asked what it runs: {e}");
                return;
            }
        };
        while self.ledger.knows_worker(&id) {
            let asked = Instant::now();
            match ask::<RunningTasks>(&mut flight, action::TASKS, Vec::new(), ANSWER_WITHIN).await {
                Ok(says) => self.heard(&id, says, asked).await,
                Err(e) => {
                    log::debug!("worker {host}:{port} did not answer: {e}");
                    if !self.ledger.is_young(&id) {
                        self.remove_if_refused(&id, &host, port).await;
                    }
                }
            }
            let pause = match self.ledger.is_young(&id) {
                true => ASK_EVERY / 4,
                false => ASK_EVERY,
            };
            tokio::time::sleep(pause).await;
        }
        self.watched.lock().remove(&id);
    }

    async fn heard(&self, id: &str, says: RunningTasks, asked: Instant) {
        let (strays, first) = self.ledger.reconcile(id, &says, asked);
        if first {
            // Jobs that ask for memory could not be placed on it so far.
            self.offer_again().await;
        }
        let strays = strays.into_iter().map(|stray: TaskId| RunningTaskInfo {
            task_id: stray.task,
            job_id: stray.job.into(),
            stage_id: stray.stage,
            executor_id: id.to_owned(),
        });
        self.cancel(strays.collect()).await;
    }

    async fn remove_if_refused(&self, id: &str, host: &str, port: u16) {
        if refuses(host, port).await {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.ledger.knows_worker(id) && refuses(host, port).await {
                self.remove(id, "its process has ended: its port refuses connections")
                    .await;
            }
        }
    }
}

async fn refuses(host: &str, port: u16) -> bool {
    let connected =
        tokio::time::timeout(Duration::from_secs(1), TcpStream::connect((host, port))).await;
    matches!(connected, Ok(Err(e)) if e.kind() == ErrorKind::ConnectionRefused)
}

/// A connection to a worker's data port, made when first used and again when it breaks.
fn client(host: &str, port: u16) -> Result<FlightServiceClient<Channel>, String> {
    let endpoint =
        Endpoint::from_shared(format!("http://{host}:{port}")).map_err(|e| e.to_string())?;
    let security = security().map_err(|e| e.message())?;
    let endpoint = security.introduce(endpoint).map_err(|e| e.to_string())?;
    let channel = endpoint.connect_timeout(ANSWER_WITHIN).connect_lazy();
    Ok(FlightServiceClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES))
}

async fn ask<A: DeserializeOwned>(
    client: &mut FlightServiceClient<Channel>,
    kind: &str,
    body: Vec<u8>,
    within: Duration,
) -> Result<A, String> {
    let action = Action {
        r#type: kind.to_owned(),
        body: body.into(),
    };
    let answer = async {
        let mut results = client.do_action(action).await?.into_inner();
        results.next().await.transpose()
    };
    let result = tokio::time::timeout(within, answer)
        .await
        .map_err(|_| format!("no answer within {} s", within.as_secs()))?
        .map_err(|status| status.message().to_owned())?
        .ok_or_else(|| "an empty answer".to_owned())?;
    serde_json::from_slice(&result.body).map_err(|e| format!("an answer that cannot be read: {e}"))
}
