//! What the cluster used over the last minutes, for the lines on the overview.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use springald_core::protocol::WorkerInfo;
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;

const EVERY: Duration = Duration::from_secs(2);
/// Samples that are kept: a quarter of an hour.
pub(super) const KEPT: usize = 450;
/// The time that they span, in words.
pub(super) const SPAN: &str = "15 minutes";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) cores: u64,
    pub(super) cores_used: u64,
    pub(super) memory: u64,
    pub(super) memory_used: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Samples {
    ring: Mutex<VecDeque<Sample>>,
}

impl Samples {
    /// Takes samples until `stop`.
    pub(crate) async fn take(self: Arc<Self>, ledger: Arc<Ledger>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => self.push(Sample::of(&ledger.worker_infos())),
            }
        }
    }

    /// The samples, oldest first.
    pub(super) fn list(&self) -> Vec<Sample> {
        self.ring.lock().iter().copied().collect()
    }

    fn push(&self, sample: Sample) {
        let mut ring = self.ring.lock();
        if ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(sample);
    }
}

impl Sample {
    pub(super) fn of(workers: &[WorkerInfo]) -> Self {
        let there = workers.iter().filter(|worker| worker.state.is_member());
        there.fold(Self::default(), |sum, worker| Self {
            cores: sum.cores + u64::from(worker.cores),
            cores_used: sum.cores_used + u64::from(worker.cores.saturating_sub(worker.cores_free)),
            memory: sum.memory + worker.memory_bytes,
            memory_used: sum.memory_used + worker.memory_used_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_samples_go() {
        let samples = Samples::default();
        for cores in 0..KEPT as u64 + 2 {
            samples.push(Sample {
                cores,
                ..Sample::default()
            });
        }
        let kept = samples.list();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].cores, 2);
    }
}
