//! How calls wait for the engine: other threads of Python run meanwhile, and an interrupt ends the wait. What was
//! waited for is dropped then, which cancels its job.

use std::sync::LazyLock;
use std::time::Duration;

use pyo3::prelude::*;
use tokio::runtime::Runtime;

use crate::error::Result;

/// How often a wait looks for an interrupt.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[expect(clippy::expect_used, reason = "a process without threads runs nothing")]
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("springald")
        .build()
        .expect("threads can be started")
});

/// Runs `work` to its end, or until the user interrupts.
pub(crate) fn wait<T, E>(
    py: Python<'_>,
    work: impl Future<Output = std::result::Result<T, E>> + Send,
) -> Result<T>
where
    T: Send,
    E: Send + Into<crate::error::Failure>,
{
    let mut work = Box::pin(work);
    loop {
        let done = py.detach(|| {
            RUNTIME.block_on(async { tokio::time::timeout(LOOK_EVERY, &mut work).await })
        });
        match done {
            Ok(done) => return done.map_err(Into::into),
            Err(_) => py.check_signals()?,
        }
    }
}
