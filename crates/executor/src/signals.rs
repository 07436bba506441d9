//! SIGTERM and SIGINT: the first asks a worker to leave in order, the second to leave at once.

use std::future::pending;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};

/// How often the process was told to end. Copies see the same.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<u32>);

impl Signals {
    /// Takes both signals over from the system for the rest of the process's life.
    pub(crate) fn install() -> Result<Self> {
        let cannot = |e| Error::io("cannot listen for signals", e);
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let (count, seen) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = terminate.recv() => {}
                    Some(()) = interrupt.recv() => {}
                    else => return,
                }
                count.send_modify(|n| *n += 1);
            }
        });
        Ok(Self(seen))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&self) {
        self.at_least(1).await;
    }

    /// Waits for the second.
    pub(crate) async fn second(&self) {
        self.at_least(2).await;
    }

    async fn at_least(&self, n: u32) {
        let mut seen = self.0.clone();
        if seen.wait_for(|count| *count >= n).await.is_err() {
            // Nobody listens any more, so there are no more signals.
            pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::sys::signal::{Signal, raise};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_first_and_the_second() {
        let signals = Signals::install().unwrap();
        let soon = Duration::from_secs(5);
        raise(Signal::SIGTERM).unwrap();
        timeout(soon, signals.first()).await.unwrap();
        assert!(
            timeout(Duration::from_millis(50), signals.second())
                .await
                .is_err()
        );
        raise(Signal::SIGINT).unwrap();
        timeout(soon, signals.second()).await.unwrap();
    }
}
