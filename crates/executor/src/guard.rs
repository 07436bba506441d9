//! The node between a task's plan and its shuffle writer that lets the task be stopped and its panics told.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::Span;

use crate::tasks::{Running, Task};

/// Passes its input through until the task is cancelled, and turns a panic below it into an error.
///
/// ```text
///   shuffle writer      its coordinator is a task of its own that nobody aborts: only an
///        │              error from below ends it before its input does
///    GuardExec
///        │
///   the stage's plan
/// ```
///
/// It has no metrics, so that the list of operators that a task reports is the one the master planned.
#[derive(Debug)]
pub(crate) struct GuardExec {
    input: Arc<dyn ExecutionPlan>,
    task: Arc<Task>,
}

impl GuardExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, task: Arc<Task>) -> Self {
        Self { input, task }
    }
}

impl DisplayAs for GuardExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "GuardExec")
    }
}

impl ExecutionPlan for GuardExec {
    fn name(&self) -> &str {
        "GuardExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(Self::new(input, Arc::clone(&self.task))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let span = self.task.span();
        let input = span.in_scope(|| caught(|| self.input.execute(partition, context)))??;
        Ok(Box::pin(GuardStream {
            schema: input.schema(),
            input: Some(input),
            cancelled: Box::pin(self.task.cancelled().clone().cancelled_owned()),
            span: span.clone(),
            _running: self.task.running(),
        }))
    }
}

struct GuardStream {
    schema: SchemaRef,
    /// Gone after the end, an error of ours, or a panic.
    input: Option<SendableRecordBatchStream>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Writers poll their input from tasks of their own.
    span: Span,
    _running: Option<Arc<Running>>,
}

impl Stream for GuardStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _in_span = this.span.enter();
        let Some(input) = &mut this.input else {
            return Poll::Ready(None);
        };
        if this.cancelled.as_mut().poll(cx).is_ready() {
            this.input = None;
            let error = DataFusionError::Execution("the task was cancelled".to_owned());
            return Poll::Ready(Some(Err(error)));
        }
        let polled = caught(|| input.poll_next_unpin(cx)).unwrap_or_else(|e| {
            // What is left of the input after a panic is not to be trusted.
            this.input = None;
            Poll::Ready(Some(Err(e)))
        });
        if let Poll::Ready(None) = polled {
            this.input = None;
        }
        polled
    }
}

impl RecordBatchStream for GuardStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Runs `f`; a panic in it becomes an error with its message.
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let message = message(panic.as_ref());
        DataFusionError::Execution(format!("internal error: a task panicked: {message}"))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it left no message")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::TryStreamExt;
    use tokio::time::timeout;

    use super::*;
    use crate::tasks::Tasks;
    use crate::test_plan::{TestPlan, numbers, task_id};

    fn guarded(plan: TestPlan) -> (Arc<Tasks>, Arc<Task>, Result<SendableRecordBatchStream>) {
        let tasks = Arc::new(Tasks::default());
        let task = Task::new(&tasks, task_id(1));
        let running = task.begin();
        let guard = GuardExec::new(Arc::new(plan), Arc::clone(&task));
        let stream = guard.execute(0, Arc::default());
        drop(running);
        (tasks, task, stream)
    }

    #[tokio::test]
    async fn batches_pass() {
        let (tasks, _, stream) = guarded(TestPlan::batches(vec![numbers(3), numbers(2)]));
        let mut stream = stream.unwrap();
        let mut rows = 0;
        while let Some(batch) = stream.try_next().await.unwrap() {
            rows += batch.num_rows();
            assert_eq!(tasks.count(), 1);
        }
        assert_eq!(rows, 5);
        drop(stream);
        assert_eq!(tasks.count(), 0);
    }

    #[tokio::test]
    async fn cancelling_wakes_a_stream_that_waits() {
        let (tasks, task, stream) = guarded(TestPlan::never());
        let mut stream = stream.unwrap();
        let waits = tokio::spawn(async move { stream.try_next().await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        task.cancelled().cancel();
        let ended = timeout(Duration::from_secs(5), waits)
            .await
            .unwrap()
            .unwrap();
        assert!(ended.unwrap_err().to_string().contains("cancelled"));
        assert_eq!(tasks.count(), 0);
    }

    #[tokio::test]
    async fn panics_keep_their_message() {
        let (_, _, stream) = guarded(TestPlan::panics("index 7 of 3"));
        let mut stream = stream.unwrap();
        let e = stream.try_next().await.unwrap_err();
        assert!(e.to_string().contains("index 7 of 3"), "{e}");
        assert!(stream.try_next().await.unwrap().is_none());
    }
}
