//! What a cluster says of itself.

use std::time::{Duration, Instant};

use springald_core::protocol::{ClusterInfo, ProbeReport, ProbeRequest, WorkerInfo};
use springald_core::rest::Client;
use tokio::net::TcpStream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that was found out. A later fact is `None` or empty where an earlier one failed.
#[derive(Debug)]
pub(super) struct Facts {
    /// `host:port` of the master.
    pub(super) master: String,
    /// Time to connect, or why not.
    pub(super) connect: Result<Duration, String>,
    pub(super) cluster: Option<Result<ClusterInfo, String>>,
    pub(super) workers: Vec<WorkerInfo>,
    /// Quick reports without routes and paths: their clocks can be compared with each other.
    pub(super) reports: Vec<ProbeReport>,
    /// Reports with routes and paths, which may take as long as a connection needs to fail.
    pub(super) full_reports: Vec<ProbeReport>,
    /// Why the workers or the reports could not be had.
    pub(super) errors: Vec<String>,
}

impl Facts {
    pub(super) async fn gather(host: &str, port: u16, paths: &[String]) -> Self {
        let mut facts = Self {
            master: format!("{host}:{port}"),
            connect: connect(host, port).await,
            cluster: None,
            workers: Vec::new(),
            reports: Vec::new(),
            full_reports: Vec::new(),
            errors: Vec::new(),
        };
        if facts.connect.is_err() {
            return facts;
        }
        let client = match Client::new(host, port) {
            Ok(client) => client,
            Err(e) => {
                facts.cluster = Some(Err(e.message()));
                return facts;
            }
        };
        let cluster = client.cluster().await.map_err(|e| e.message());
        let answered = cluster.is_ok();
        facts.cluster = Some(cluster);
        if !answered {
            return facts;
        }
        let full = ProbeRequest {
            paths: paths.to_vec(),
            routes: Vec::new(),
            full: true,
        };
        let (workers, reports) = (
            client.workers().await,
            client.probe(&ProbeRequest::default()).await,
        );
        let full_reports = client.probe(&full).await;
        facts.workers = facts.kept(workers);
        facts.reports = facts.kept(reports);
        facts.full_reports = facts.kept(full_reports);
        facts
    }

    fn kept<T>(&mut self, answer: springald_core::Result<Vec<T>>) -> Vec<T> {
        answer.unwrap_or_else(|e| {
            self.errors.push(e.message());
            Vec::new()
        })
    }
}

async fn connect(host: &str, port: u16) -> Result<Duration, String> {
    let begun = Instant::now();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(begun.elapsed()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}
