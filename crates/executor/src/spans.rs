//! Lines that are logged while a task runs say which: its job, attempt, stage and number stand in a span around it.

use std::any::Any;

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::FutureExt;
use futures::future::BoxFuture;
use springald_core::protocol::TaskId;
use tracing::{Instrument, Span, error_span};

/// The span of a task. (Of the highest level, so that it is there whichever lines are logged.)
pub(crate) fn of(task: &TaskId) -> Span {
    // An attempt is named by its job and a number.
    let (job, attempt) = task.job.rsplit_once('-').unwrap_or((&task.job, ""));
    error_span!("task", job, attempt, stage = task.stage, task = task.task)
}

/// Lets the parts of a task that operators run beside it be in its span, too. Once in a process is enough.
pub(crate) fn follow() {
    // Refused only if it is done already.
    let _ = set_join_set_tracer(&Follow);
}

struct Follow;

type Output = Box<dyn Any + Send>;

impl JoinSetTracer for Follow {
    fn trace_future(&self, future: BoxFuture<'static, Output>) -> BoxFuture<'static, Output> {
        future.in_current_span().boxed()
    }

    fn trace_block(
        &self,
        block: Box<dyn FnOnce() -> Output + Send>,
    ) -> Box<dyn FnOnce() -> Output + Send> {
        let span = Span::current();
        Box::new(move || span.in_scope(block))
    }
}
