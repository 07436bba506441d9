//! Connections to the other workers, kept for the next fetch. Without them every partition fetched opens a
//! connection, and a large shuffle runs out of ports. (Ballista has such a pool; it is private.)

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::client::BallistaClient;
use ballista_core::client_pool::{BallistaClientPool, PooledClient};
use ballista_core::error::BallistaError;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::utils::GrpcClientConfig;
use parking_lot::Mutex;
use springald_core::security;
use tonic::transport::Endpoint;

/// How long a connection is kept without use.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

type Address = (String, u16, GrpcClientConfig);
type Idle = Mutex<HashMap<Address, Vec<(BallistaClient, Instant)>>>;

/// Connections to other workers that nobody uses at the moment.
#[derive(Default)]
pub(crate) struct Clients {
    idle: Arc<Idle>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clients")
    }
}

#[async_trait]
impl BallistaClientPool for Clients {
    async fn acquire(
        &self,
        host: &str,
        port: u16,
        config: &GrpcClientConfig,
        endpoint: Option<Arc<BallistaConfigGrpcEndpoint>>,
    ) -> Result<PooledClient, BallistaError> {
        self.evict_idle().await;
        let address = (host.to_owned(), port, config.clone());
        let kept = self.idle.lock().get_mut(&address).and_then(Vec::pop);
        let client = match kept {
            Some((client, _)) => client,
            None => {
                BallistaClient::try_new(
                    host,
                    port,
                    config.max_message_size,
                    config.use_tls,
                    endpoint,
                    config.io_retries_times,
                    config.io_retry_wait_time_ms,
                    config.initial_connection_window_size,
                    config.initial_stream_window_size,
                )
                .await?
            }
        };
        Ok(PooledClient::new(client, give_back(&self.idle, address)))
    }

    async fn evict_idle(&self) {
        self.idle.lock().retain(|_, clients| {
            clients.retain(|(_, since)| since.elapsed() < IDLE_LIMIT);
            !clients.is_empty()
        });
    }
}

fn give_back(idle: &Arc<Idle>, address: Address) -> Box<dyn FnOnce(BallistaClient) + Send> {
    let idle: Weak<Idle> = Arc::downgrade(idle);
    Box::new(move |client| {
        if let Some(idle) = idle.upgrade() {
            idle.lock()
                .entry(address)
                .or_default()
                .push((client, Instant::now()));
        }
    })
}

/// How to connect to another worker: one that is gone without a word (its machine is off, its process
/// stopped) must not hold up a fetch for ever.
pub(crate) fn peer(endpoint: Endpoint) -> Result<Endpoint, Box<dyn Error + Send + Sync>> {
    Ok(security()?
        .introduce(endpoint)?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(15)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(clients: &Clients) -> usize {
        clients.idle.lock().values().map(Vec::len).sum()
    }

    fn pooled(clients: &Clients, host: &str) -> PooledClient {
        let address = (host.to_owned(), 1, GrpcClientConfig::default());
        PooledClient::new(
            BallistaClient::new_for_test(host, 1),
            give_back(&clients.idle, address),
        )
    }

    #[tokio::test]
    async fn connections_come_back_and_are_used_again() {
        let clients = Clients::default();
        drop(pooled(&clients, "a"));
        pooled(&clients, "b").discard();
        assert_eq!(idle(&clients), 1);

        let again = clients
            .acquire("a", 1, &GrpcClientConfig::default(), None)
            .await
            .unwrap();
        assert_eq!(idle(&clients), 0);
        drop(again);
        assert_eq!(idle(&clients), 1);
    }

    #[tokio::test]
    async fn old_connections_go() {
        let clients = Clients::default();
        drop(pooled(&clients, "a"));
        for (_, since) in clients.idle.lock().values_mut().flatten() {
            *since -= IDLE_LIMIT;
        }
        clients.evict_idle().await;
        assert!(clients.idle.lock().is_empty());
    }
}
