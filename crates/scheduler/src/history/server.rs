//! The history without a master: what is in the folder, read-only, on a port of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use springald_core::login::Logins;
use springald_core::{Error, Result, Server, security};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Archive;
use crate::master::{bind, not_found};
use crate::pages::{self, Pages};
use crate::records::Records;
use crate::rest;

/// How often the folder is looked at for whoever follows running jobs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a history server is started.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// Address to listen on, `0.0.0.0` for every one of the machine.
    pub host: String,
    /// 0 takes a free one.
    pub port: u16,
    /// The folder that masters write to, `events` of the workspace, or a copy of it.
    pub events: PathBuf,
}

/// A running history server. It only reads its folder.
pub struct HistoryServer {
    addr: SocketAddr,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl HistoryServer {
    /// Binds the port, reads the folder, and serves.
    ///
    /// # Errors
    /// If the port is taken, or there is no such folder.
    pub async fn start(options: HistoryOptions) -> Result<Self> {
        let folder = options.events;
        if !folder.is_dir() {
            return Err(
                Error::invalid(format!("{} is no folder", folder.display())).with_hint(
                    "give the folder that the master writes to, `events` of its workspace, with --events",
                ),
            );
        }
        let (listener, addr) = bind(&options.host, options.port, "--port").await?;
        let archive = Arc::new(Archive::new(folder, false));
        let opened = Arc::clone(&archive);
        tokio::task::spawn_blocking(move || opened.open())
            .await
            .map_err(|e| Error::failed(format!("reading the history of jobs: {e}")))?;
        let (changes, changed) = watch::channel(0);
        let records = Arc::new(Records::of_archive(Arc::clone(&archive), changed));
        let stop = CancellationToken::new();
        let logins = Arc::new(Logins::default());
        let pages = pages::routes(Pages {
            records: Arc::clone(&records),
            logins: Arc::clone(&logins),
            live: None,
        });
        let routes = rest::history_routes(records)?
            .merge(pages)
            .fallback(not_found);
        let server = Server::new(routes, security()?)?.with_logins(logins);
        let server = tokio::spawn(server.serve(listener, stop.clone()));
        tokio::spawn(follow(archive, changes, stop.clone()));
        Ok(Self { addr, stop, server })
    }

    /// The address of the pages and REST.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is ready.
    pub async fn serve_until(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.stop.cancel();
        if let Err(e) = self.server.await {
            log::warn!("the history server ended badly: {e}");
        }
    }
}

/// Wakes who watches when the files have something new.
async fn follow(archive: Arc<Archive>, changes: watch::Sender<u64>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if changes.receiver_count() > 0 && archive.refresh().await == Some(true) {
            changes.send_modify(|n| *n += 1);
        }
    }
}
