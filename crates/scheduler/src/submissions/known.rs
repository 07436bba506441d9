//! The sessions that the master knows of.

use std::collections::HashMap;
use std::sync::Arc;

use springald_core::protocol::{SessionInfo, now_ms};

use super::Interactive;
use crate::cached::Cached;
use crate::records::{JobFilter, Records};

/// What tells of sessions: their jobs, their cached data, and the master's own among them.
pub(crate) struct KnownSessions {
    pub(crate) records: Arc<Records>,
    pub(crate) cached: Arc<Cached>,
    pub(crate) interactive: Arc<Interactive>,
}

impl KnownSessions {
    /// All sessions, the one seen last first.
    pub(crate) async fn list(&self) -> Vec<SessionInfo> {
        let now = now_ms();
        let open = self.interactive.list().into_iter();
        let mut sessions: HashMap<String, SessionInfo> =
            open.map(|session| (session.id.clone(), session)).collect();
        for job in self.records.list(&JobFilter::default()).await.jobs {
            let active = !job.state.is_final();
            let seen = match active {
                true => now,
                false => job.ended_at_ms.unwrap_or(job.submitted_at_ms),
            };
            // The newest job comes first, and names the session.
            let session = sessions
                .entry(job.session)
                .or_insert_with_key(|id| empty(id, &job.name, job.submitted_at_ms));
            session.jobs += 1;
            session.jobs_active += u32::from(active);
            session.first_seen_ms = session.first_seen_ms.min(job.submitted_at_ms);
            session.last_seen_ms = session.last_seen_ms.max(seen);
        }
        for data in self.cached.list() {
            let bytes: u64 = data.blocks.iter().map(|block| block.bytes).sum();
            let session = sessions
                .entry(data.session)
                .or_insert_with_key(|id| empty(id, "", now));
            session.cached_bytes = session.cached_bytes.saturating_add(bytes);
            // Data is kept only for sessions that are there.
            session.last_seen_ms = now;
        }
        let mut sessions: Vec<SessionInfo> = sessions.into_values().collect();
        sessions.sort_by(|a, b| (b.last_seen_ms, &a.id).cmp(&(a.last_seen_ms, &b.id)));
        sessions
    }
}

fn empty(id: &str, name: &str, seen_ms: u64) -> SessionInfo {
    SessionInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        interactive: false,
        jobs: 0,
        jobs_active: 0,
        statements: 0,
        statements_active: 0,
        cached_bytes: 0,
        first_seen_ms: seen_ms,
        last_seen_ms: seen_ms,
    }
}
