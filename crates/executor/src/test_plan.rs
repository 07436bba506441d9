//! A leaf for tests that does what a test wants.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt, stream};
use springald_core::protocol::TaskId;

type Rows = std::pin::Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

pub(crate) struct TestPlan {
    properties: Arc<PlanProperties>,
    rows: Box<dyn Fn() -> Rows + Send + Sync>,
}

impl TestPlan {
    pub(crate) fn new(schema: SchemaRef, rows: impl Fn() -> Rows + Send + Sync + 'static) -> Self {
        Self {
            properties: Arc::new(PlanProperties::new(
                EquivalenceProperties::new(schema),
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            )),
            rows: Box::new(rows),
        }
    }

    pub(crate) fn batches(batches: Vec<RecordBatch>) -> Self {
        let schema = batches[0].schema();
        Self::new(schema, move || {
            stream::iter(batches.clone().into_iter().map(Ok)).boxed()
        })
    }

    pub(crate) fn never() -> Self {
        Self::new(numbers(0).schema(), || stream::pending().boxed())
    }

    /// Batches without end.
    pub(crate) fn endless() -> Self {
        Self::new(numbers(0).schema(), || {
            stream::unfold((), |()| async {
                tokio::task::yield_now().await;
                Some((Ok(numbers(1000)), ()))
            })
            .boxed()
        })
    }

    pub(crate) fn panics(message: &'static str) -> Self {
        Self::new(numbers(0).schema(), move || {
            stream::poll_fn(move |_| panic!("{message}")).boxed()
        })
    }
}

/// One column `n` of 0, 1, 2, …
pub(crate) fn numbers(rows: i64) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
    let column = Int64Array::from_iter_values(0..rows);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap()
}

pub(crate) fn task_id(task: usize) -> TaskId {
    TaskId {
        job: "job".to_owned(),
        stage: 1,
        task,
    }
}

impl fmt::Debug for TestPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestPlan")
    }
}

impl DisplayAs for TestPlan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "TestPlan")
    }
}

impl ExecutionPlan for TestPlan {
    fn name(&self) -> &str {
        "TestPlan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(self.properties.eq_properties.schema());
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            (self.rows)(),
        )))
    }
}
