//! The sessions that the master knows of.

use std::collections::HashMap;

use springald_core::protocol::{CachedData, JobInfo, JobState, SessionInfo, now_ms};

/// All sessions, the one seen last first: those that are `open` at the master itself, and those that `jobs` (the newest
/// first) and `cached` data tell of.
pub(crate) fn known_sessions(
    open: Vec<SessionInfo>,
    jobs: &[JobInfo],
    cached: &[CachedData],
) -> Vec<SessionInfo> {
    let now = now_ms();
    let open = open.into_iter();
    let mut sessions: HashMap<String, SessionInfo> =
        open.map(|session| (session.id.clone(), session)).collect();
    for job in jobs {
        let active = !job.state.is_final();
        let seen = match active {
            true => now,
            false => job.ended_at_ms.unwrap_or(job.submitted_at_ms),
        };
        // The newest job comes first, and names the session.
        let session = sessions
            .entry(job.session.clone())
            .or_insert_with_key(|id| empty(id, &job.name, job.submitted_at_ms));
        session.jobs += 1;
        session.jobs_active += u32::from(active);
        session.jobs_failed += u32::from(job.state == JobState::Failed);
        session.first_seen_ms = session.first_seen_ms.min(job.submitted_at_ms);
        session.last_seen_ms = session.last_seen_ms.max(seen);
    }
    for data in cached {
        let bytes: u64 = data.blocks.iter().map(|block| block.bytes).sum();
        let session = sessions
            .entry(data.session.clone())
            .or_insert_with_key(|id| empty(id, "", now));
        session.cached_bytes = session.cached_bytes.saturating_add(bytes);
        // Data is kept only for sessions that are there.
        session.last_seen_ms = now;
    }
    let mut sessions: Vec<SessionInfo> = sessions.into_values().collect();
    sessions.sort_by(|a, b| (b.last_seen_ms, &a.id).cmp(&(a.last_seen_ms, &b.id)));
    sessions
}

fn empty(id: &str, name: &str, seen_ms: u64) -> SessionInfo {
    SessionInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        interactive: false,
        jobs: 0,
        jobs_active: 0,
        jobs_failed: 0,
        statements: 0,
        statements_active: 0,
        cached_bytes: 0,
        first_seen_ms: seen_ms,
        last_seen_ms: seen_ms,
    }
}
