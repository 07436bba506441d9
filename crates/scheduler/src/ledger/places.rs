//! Where each task of an attempt was sent, for the record of its job: Ballista forgets the worker of a task that failed,
//! and a worker that is lost has no name any more.

use std::collections::HashMap;

use super::Ledger;

/// A worker as it was when it got a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Executor id.
    pub(crate) id: String,
    /// `host:port` of its data port.
    pub(crate) name: String,
}

/// The places of an attempt's tasks, by stage and task.
pub(crate) type Places = HashMap<(usize, usize), Place>;

impl Ledger {
    /// Where the tasks of an attempt went, also of one that is closed.
    pub(crate) fn places(&self, job: &str) -> Places {
        let state = self.state.lock();
        state.places.get(job).cloned().unwrap_or_default()
    }

    /// The attempt's record is made.
    pub(crate) fn forget_places(&self, job: &str) {
        self.state.lock().places.remove(job);
    }
}
