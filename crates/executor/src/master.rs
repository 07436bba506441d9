//! The master, as a worker calls it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ballista_core::extension::EndpointOverrideFn;
use ballista_core::serde::protobuf::executor_status::Status as Alive;
use ballista_core::serde::protobuf::job_status::Status as Job;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutorRegistration, ExecutorStatus, ExecutorStoppedParams, GetJobStatusParams,
    HeartBeatParams,
};
use log::warn;
use springald_core::{MAX_MESSAGE_BYTES, security};
use std::sync::Arc;
use tokio::net::{UdpSocket, lookup_host};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, Result};
use crate::options::WorkerOptions;

/// For calls that a master answers at once or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Where the master is and how to call it.
#[derive(Debug, Clone)]
pub(crate) struct Master {
    /// `host:port`.
    pub(crate) address: String,
    host: String,
    port: u16,
    endpoint: Endpoint,
}

impl Master {
    pub(crate) fn new(options: &WorkerOptions) -> Result<Self> {
        let address = options.master();
        let wrong = |e: &dyn std::fmt::Display| {
            Error::options(
                format!("`{address}` is no address of a master: {e}"),
                "write it like springald://host:7077",
            )
        };
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| wrong(&e))?;
        let endpoint = security()
            .map_err(|e| wrong(&e))?
            .introduce(endpoint)
            .map_err(|e| wrong(&e))?
            .connect_timeout(Duration::from_secs(5))
            // Registration takes longest: the master calls back before it answers.
            .timeout(Duration::from_secs(20))
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        Ok(Self {
            host: options.master_host.clone(),
            port: options.master_port,
            address,
            endpoint,
        })
    }

    pub(crate) async fn connect(
        &self,
    ) -> Result<SchedulerGrpcClient<Channel>, tonic::transport::Error> {
        let channel = self.endpoint.connect().await?;
        Ok(SchedulerGrpcClient::new(channel)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
            .max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// For the calls that Ballista makes by itself. The master names its own address in each task, for the
    /// report; what the worker was told is the one that is known to work.
    pub(crate) fn endpoint_override(&self) -> EndpointOverrideFn {
        let endpoint = self.endpoint.clone();
        Arc::new(move |_| Ok(endpoint.clone()))
    }

    /// The address of this machine on the way to the master.
    pub(crate) async fn own_address(&self) -> std::io::Result<IpAddr> {
        let mut found = lookup_host((self.host.as_str(), self.port)).await?;
        let to = found.next().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Connecting a datagram socket sends nothing; it only chooses the route.
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(to).await?;
        Ok(socket.local_addr()?.ip())
    }
}

/// Whether the master still works on a job; `None` if it does not say.
pub(crate) async fn job_is_alive(
    master: &mut SchedulerGrpcClient<Channel>,
    job: &str,
) -> Option<bool> {
    let params = GetJobStatusParams {
        job_id: job.to_owned(),
    };
    let answer = master
        .get_job_status(quick(params))
        .await
        .ok()?
        .into_inner();
    // A job without a status is one that this master never had, or has forgotten.
    let status = answer.status.and_then(|job| job.status);
    Some(matches!(status, Some(Job::Queued(_) | Job::Running(_))))
}

/// Tells the master at once, not with the next heartbeat, to give this worker no more tasks.
pub(crate) async fn say_terminating(
    master: &mut SchedulerGrpcClient<Channel>,
    metadata: &ExecutorRegistration,
) {
    let heartbeat = HeartBeatParams {
        executor_id: metadata.id.clone(),
        metrics: vec![],
        status: Some(ExecutorStatus {
            status: Some(Alive::Terminating(String::new())),
        }),
        metadata: Some(metadata.clone()),
    };
    if let Err(e) = master.heart_beat_from_executor(quick(heartbeat)).await {
        warn!(
            "cannot tell the master that this worker leaves: {}",
            e.message()
        );
    }
}

/// Tells the master that this worker is gone.
pub(crate) async fn say_stopped(master: &mut SchedulerGrpcClient<Channel>, id: &str, reason: &str) {
    let stopped = ExecutorStoppedParams {
        executor_id: id.to_owned(),
        reason: reason.to_owned(),
    };
    if let Err(e) = master.executor_stopped(quick(stopped)).await {
        warn!(
            "cannot tell the master that this worker is gone: {}",
            e.message()
        );
    }
}

fn quick<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_WITHIN);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(host: &str) -> Result<Master> {
        Master::new(&WorkerOptions {
            master_host: host.to_owned(),
            ..WorkerOptions::default()
        })
    }

    #[tokio::test]
    async fn own_address_is_on_the_way_to_the_master() {
        assert!(
            master("127.0.0.1")
                .unwrap()
                .own_address()
                .await
                .unwrap()
                .is_loopback()
        );
    }

    #[test]
    fn calls_of_ballista_go_to_the_address_that_the_worker_was_told() {
        let master = master("127.0.0.1").unwrap();
        let elsewhere = Endpoint::from_static("http://unknown:1");
        let endpoint = master.endpoint_override()(elsewhere).unwrap();
        assert_eq!(endpoint.uri(), "http://127.0.0.1:7077/");
    }

    #[test]
    fn nonsense_is_no_master() {
        let e = master("not a host").unwrap_err();
        assert!(e.to_string().contains("not a host:7077"), "{e}");
    }
}
