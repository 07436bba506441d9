//! Filling a cache: the rows of each partition go into this process's store, and one row says so.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};

use super::block::{Block, schema, to_batch};
use super::site::CacheSite;

/// Puts the rows of its input into the store of the process that runs it, a block for each partition. Its own rows are
/// the blocks.
#[derive(Debug)]
pub(crate) struct CacheFillExec {
    /// Of the cached data.
    pub(super) name: String,
    pub(super) input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl CacheFillExec {
    pub(super) fn new(name: String, input: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            name,
            input,
            properties: Arc::new(properties),
        }
    }
}

impl ExecutionPlan for CacheFillExec {
    fn name(&self) -> &'static str {
        "CacheFillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The partitions are what is cached; nobody is to deal them out anew just below.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(self.name.clone(), input))),
            _ => Err(DataFusionError::Internal(
                "CacheFillExec has one input".to_owned(),
            )),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let site = CacheSite::of(&context)?;
        let mut writer = site
            .store
            .writer(&self.name, self.input.schema(), context.memory_pool());
        let mut rows = self.input.execute(partition, context)?;
        let filled = async move {
            while let Some(batch) = rows.next().await {
                writer.push(&batch?)?;
            }
            let block = writer.finish()?.map(|(id, rows, bytes)| Block {
                id,
                rows,
                bytes,
                worker: site.address.clone(),
                cores: site.cores as u32,
            });
            to_batch(block.as_slice())
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema(),
            stream::once(filled),
        )))
    }
}

impl DisplayAs for CacheFillExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "CacheFillExec: {}", self.name)
    }
}
