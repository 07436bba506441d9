//! What the workers keep for sessions: the master's list of it, and the end of it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures::stream::{self, Stream};
use parking_lot::Mutex;
use springald_core::protocol::CachedData;

use crate::uploads::Uploads;
use crate::workers::Workers;

/// A session's client is gone when it cannot be written to; an idle connection tells only then.
const BEAT_EVERY: Duration = Duration::from_secs(3);

pub(crate) struct Cached {
    workers: Arc<Workers>,
    uploads: Arc<Uploads>,
    data: Mutex<HashMap<String, CachedData>>,
}

impl Cached {
    pub(crate) fn new(workers: Arc<Workers>, uploads: Arc<Uploads>) -> Self {
        Self {
            workers,
            uploads,
            data: Mutex::default(),
        }
    }

    pub(crate) fn list(&self) -> Vec<CachedData> {
        let mut data: Vec<_> = self.data.lock().values().cloned().collect();
        data.sort_by(|a, b| a.name.cmp(&b.name));
        data
    }

    /// Enters what a fill made, and has the workers forget what earlier attempts at it left.
    pub(crate) async fn put(&self, data: CachedData) {
        let keep = data.blocks.iter().map(|block| block.id.clone()).collect();
        let name = data.name.clone();
        self.data.lock().insert(name.clone(), data);
        self.workers.retain_cached(name, keep).await;
    }

    pub(crate) async fn remove(&self, name: String) {
        self.data.lock().remove(&name);
        self.workers.retain_cached(name, vec![]).await;
    }

    /// The answer to a session's client that goes on until one of both goes; then the session's data is freed.
    pub(crate) fn lease(
        self: &Arc<Self>,
        session: String,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
        let lease = Lease {
            cached: Arc::clone(self),
            session,
        };
        let beat = tokio::time::interval(BEAT_EVERY);
        stream::unfold((beat, lease), |(mut beat, lease)| async move {
            beat.tick().await;
            Some((Ok(Bytes::from_static(b"\n")), (beat, lease)))
        })
    }
}

struct Lease {
    cached: Arc<Cached>,
    session: String,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let cached = Arc::clone(&self.cached);
        let session = std::mem::take(&mut self.session);
        cached.data.lock().retain(|_, data| data.session != session);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (uploads, ended) = (Arc::clone(&cached.uploads), session.clone());
            runtime.spawn_blocking(move || uploads.remove(&ended));
            // Also what a fill was just making.
            let prefix = format!("{session}-");
            runtime.spawn(async move { cached.workers.retain_cached(prefix, vec![]).await });
        }
    }
}
