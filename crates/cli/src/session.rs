//! A session for one command: connected, watched, and ended by Ctrl-C.

use tokio::signal::unix::{SignalKind, signal};

use springald_core::Session;

use crate::cli::Global;
use crate::error::{Error, Result};
use crate::progress::JobWatch;

/// Runs `work` in a session of its own. Progress and waiting are shown on standard error meanwhile. Ctrl-C
/// and SIGTERM drop `work` where it stands, with whatever it would clean up, and cancel its jobs.
pub(crate) async fn with_session<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Session) -> Result<T>,
) -> Result<T> {
    let session = Session::connect(&global.master, &global.conf).await?;
    let watch = JobWatch::start(&session);
    let outcome = tokio::select! {
        outcome = work(&session) => outcome,
        () = told_to_stop() => Err(Error::Interrupted),
    };
    if matches!(outcome, Err(Error::Interrupted)) {
        watch.cancel_jobs().await;
    }
    session.settle().await;
    outcome
}

/// Returns when this process gets SIGINT or SIGTERM.
pub(crate) async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the signals end the process, which is what they are for.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
