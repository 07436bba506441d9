//! What a worker is told when it is started.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// How to run a worker. The default joins a master on this machine with all that this machine, or this
/// container, has.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Host name or address of the master.
    pub master_host: String,
    pub master_port: u16,
    /// Tasks at a time; `None` for the container's limit, else the machine's.
    pub cores: Option<usize>,
    /// Memory of the whole process, in bytes; `None` for the container's limit, else the machine's. Tasks
    /// get 70 % of it: the rest is for what no reservation counts.
    pub memory: Option<u64>,
    /// Folder for shuffle data and spilled data; `None` for a new one under the system's temporary folder.
    pub work_dir: Option<PathBuf>,
    /// Address that the master and the other workers reach this one at; `None` for the address from which
    /// this machine reaches the master.
    pub host: Option<String>,
    /// Address to listen on.
    pub bind: String,
    /// Port of shuffle data and actions (Arrow Flight), 0 for a free one.
    pub port: u16,
    /// Port on which the master hands out tasks, 0 for a free one.
    pub grpc_port: u16,
    /// Time between two heartbeats, in whole seconds. The master must wait for several of them.
    pub heartbeat: Duration,
    /// How long a worker that was told to end goes on for the sake of running jobs.
    pub drain_limit: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            master_host: "127.0.0.1".to_owned(),
            master_port: 7077,
            cores: None,
            memory: None,
            work_dir: None,
            host: None,
            bind: "0.0.0.0".to_owned(),
            port: 0,
            grpc_port: 0,
            heartbeat: Duration::from_secs(2),
            drain_limit: Duration::from_secs(30),
        }
    }
}

impl WorkerOptions {
    /// The address to listen on, once everything that can be wrong by itself was looked at.
    pub(crate) fn check(&self) -> Result<IpAddr> {
        if self.port != 0 && self.port == self.grpc_port {
            return Err(Error::options(
                format!(
                    "port {} cannot be both the data port and the task port",
                    self.port
                ),
                "give two different ports, or 0 for free ones",
            ));
        }
        if self.host.as_deref() == Some("") {
            return Err(Error::options(
                "the advertised host is empty",
                "name an address of this machine that the master and the other workers reach",
            ));
        }
        self.bind.parse().map_err(|_| {
            Error::options(
                format!("cannot listen on `{}`: it is no IP address", self.bind),
                "use 0.0.0.0 for all networks, or an address of this machine",
            )
        })
    }

    /// Ballista counts heartbeats in whole seconds.
    pub(crate) fn heartbeat_seconds(&self) -> u64 {
        (self.heartbeat.as_millis().div_ceil(1000) as u64).max(1)
    }

    /// `host:port` of the master, as a URL and the log have it.
    pub(crate) fn master(&self) -> String {
        authority(&self.master_host, self.master_port)
    }
}

/// `host:port`, with the brackets that an IPv6 address needs.
pub(crate) fn authority(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> WorkerOptions {
        WorkerOptions::default()
    }

    #[test]
    fn listens_on_addresses_only() {
        assert!(options().check().unwrap().is_unspecified());
        let named = WorkerOptions {
            bind: "localhost".to_owned(),
            ..options()
        };
        let e = named.check().unwrap_err();
        assert!(e.to_string().contains("localhost"), "{e}");
    }

    #[test]
    fn ports_differ() {
        let same = WorkerOptions {
            port: 7100,
            grpc_port: 7100,
            ..options()
        };
        assert!(same.check().unwrap_err().to_string().contains("7100"));
    }

    #[test]
    fn heartbeats_are_whole_seconds() {
        for (millis, seconds) in [(0, 1), (200, 1), (2000, 2), (2001, 3)] {
            let heartbeat = Duration::from_millis(millis);
            let options = WorkerOptions {
                heartbeat,
                ..options()
            };
            assert_eq!(options.heartbeat_seconds(), seconds);
        }
    }

    #[test]
    fn authorities() {
        assert_eq!(authority("master", 7077), "master:7077");
        assert_eq!(authority("10.0.0.1", 7077), "10.0.0.1:7077");
        assert_eq!(authority("::1", 7077), "[::1]:7077");
    }
}
