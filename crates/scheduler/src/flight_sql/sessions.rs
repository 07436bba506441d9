//! The sessions of Flight SQL's clients. A client that shook hands names its session in each call; any other has one for
//! each of its connections.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use parking_lot::Mutex;
use springald_core::{Connection, MasterUrl, Session, session_of};
use tokio::sync::OnceCell;
use tonic::{Extensions, Status};

use super::client::{Client, refused};

/// A session that nobody uses for so long is ended.
const IDLE: Duration = Duration::from_secs(2 * 3600);
/// Sessions at a time.
const MOST: usize = 1_000;
const SWEEP_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Sessions {
    /// This master itself, where the sessions send their jobs.
    master: MasterUrl,
    open: Mutex<HashMap<Key, Open>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Named(String),
    /// The address in memory of what stands for the connection, which is not given to another while `Open` knows it.
    Connection(usize),
}

struct Open {
    client: Arc<OnceCell<Arc<Client>>>,
    connection: Option<Weak<Connection>>,
    used: Instant,
}

impl Open {
    fn is_wanted(&self) -> bool {
        let gone = |connection: &Weak<Connection>| connection.strong_count() == 0;
        if self.connection.as_ref().is_some_and(gone) {
            return false;
        }
        // Rows on their way hold the client.
        let busy = |client: &Arc<Client>| Arc::strong_count(client) > 1;
        self.used.elapsed() < IDLE || self.client.get().is_some_and(busy)
    }
}

impl Sessions {
    /// Sessions with the master at this address. Those that nobody wants any more are ended while the answer lives.
    pub(super) fn new(master: MasterUrl) -> Arc<Self> {
        let sessions = Arc::new(Self {
            master,
            open: Mutex::default(),
        });
        let swept = Arc::downgrade(&sessions);
        tokio::spawn(async move {
            while let Some(sessions) = swept.upgrade() {
                sessions.sweep();
                drop(sessions);
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        });
        sessions
    }

    pub(super) fn count(&self) -> usize {
        self.open.lock().len()
    }

    /// The session of whoever makes this call, begun if there is none yet.
    pub(super) async fn of<T>(&self, request: &tonic::Request<T>) -> Result<Arc<Client>, Status> {
        let (key, connection) = key(
            request
                .metadata()
                .get(AUTHORIZATION.as_str())
                .and_then(|value| value.to_str().ok()),
            request.extensions(),
        )?;
        if self.count() >= MOST {
            self.sweep();
        }
        let client = {
            let mut open = self.open.lock();
            if !open.contains_key(&key) && open.len() >= MOST {
                return Err(Status::resource_exhausted(format!(
                    "there are {MOST} Flight SQL sessions already: close some, or try again later"
                )));
            }
            let session = open.entry(key).or_insert_with(|| Open {
                client: Arc::default(),
                connection,
                used: Instant::now(),
            });
            session.used = Instant::now();
            Arc::clone(&session.client)
        };
        let client = client.get_or_try_init(|| self.begin()).await?;
        Ok(Arc::clone(client))
    }

    async fn begin(&self) -> Result<Arc<Client>, Status> {
        let conf = [("springald.app_name".to_owned(), "Flight SQL".to_owned())];
        let session = Session::connect(&self.master, &conf).await;
        Ok(Arc::new(Client::new(session.map_err(refused)?)))
    }

    fn sweep(&self) {
        let mut ended = Vec::new();
        self.open.lock().retain(|_, open| {
            let wanted = open.is_wanted();
            match (wanted, open.client.get()) {
                (true, Some(client)) => client.sweep(),
                (false, Some(client)) => ended.push(Arc::clone(client)),
                _ => {}
            }
            wanted
        });
        // Sessions end here, not under the lock.
        drop(ended);
    }
}

fn key(
    authorization: Option<&str>,
    extensions: &Extensions,
) -> Result<(Key, Option<Weak<Connection>>), Status> {
    if let Some(name) = authorization.and_then(session_of) {
        return Ok((Key::Named(name.to_owned()), None));
    }
    let connection = extensions
        .get::<Arc<Connection>>()
        .ok_or_else(|| Status::internal("this call came on no connection of the master's"))?;
    let address = Arc::as_ptr(connection) as usize;
    Ok((Key::Connection(address), Some(Arc::downgrade(connection))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Arc<Connection> {
        Arc::new(Connection {
            peer: ([127, 0, 0, 1], 1).into(),
        })
    }

    fn open(connection: Option<&Arc<Connection>>) -> Open {
        Open {
            client: Arc::default(),
            connection: connection.map(Arc::downgrade),
            used: Instant::now(),
        }
    }

    #[test]
    fn sessions_are_those_of_a_handshake_or_of_a_connection() {
        let mut extensions = Extensions::new();
        assert!(key(None, &extensions).is_err());
        let (first, second) = (connection(), connection());
        extensions.insert(Arc::clone(&first));
        let (named, _) = key(Some("Bearer token/s1"), &extensions).unwrap();
        assert_eq!(named, Key::Named("s1".to_owned()));
        let (own, _) = key(Some("Bearer token"), &extensions).unwrap();
        assert_eq!(own, key(None, &extensions).unwrap().0);
        extensions.insert(second);
        assert_ne!(own, key(None, &extensions).unwrap().0);
    }

    #[test]
    fn sessions_end_with_their_connection_or_when_idle() {
        let alive = connection();
        assert!(open(Some(&alive)).is_wanted() && open(None).is_wanted());
        let of_it = open(Some(&alive));
        drop(alive);
        assert!(!of_it.is_wanted());
        let idle = Open {
            used: Instant::now().checked_sub(IDLE * 2).unwrap(),
            ..open(None)
        };
        assert!(!idle.is_wanted());
    }
}
