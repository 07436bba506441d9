//! Unions in this process: the rows of the first part come before those of the second, as Spark's do.

use std::fmt;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};

/// Batches that a partition may be ahead of its turn.
const AHEAD: usize = 4;

/// Has the partitions of a union come one after the other, where they would come as they are ready.
#[derive(Debug)]
pub(super) struct UnionsInOrder;

impl PhysicalOptimizerRule for UnionsInOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The end of a plan comes together outside of it.
        if is_union(plan.as_ref()) {
            return Ok(Arc::new(InOrderExec::new(plan)));
        }
        let ordered = |node: Arc<dyn ExecutionPlan>| {
            let Some(merge) = node.downcast_ref::<CoalescePartitionsExec>() else {
                return Ok(Transformed::no(node));
            };
            if !is_union(merge.input().as_ref()) {
                return Ok(Transformed::no(node));
            }
            let rows = Arc::new(InOrderExec::new(Arc::clone(merge.input())));
            let ordered: Arc<dyn ExecutionPlan> = match merge.fetch() {
                None => rows,
                fetch => Arc::new(GlobalLimitExec::new(rows, 0, fetch)),
            };
            Ok(Transformed::yes(ordered))
        };
        plan.transform_up(ordered).data()
    }

    fn name(&self) -> &str {
        "unions_in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A union, or what makes each of its rows into one or none.
fn is_union(plan: &dyn ExecutionPlan) -> bool {
    if plan.is::<UnionExec>() {
        return true;
    }
    let keeps_order =
        plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || plan.is::<LocalLimitExec>();
    match plan.children().as_slice() {
        [input] if keeps_order => is_union(input.as_ref()),
        _ => false,
    }
}

/// All partitions of its input as one, in their order. They run side by side, each a few batches ahead of its turn.
#[derive(Debug)]
struct InOrderExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl InOrderExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            input,
            properties: Arc::new(properties),
        }
    }
}

impl ExecutionPlan for InOrderExec {
    fn name(&self) -> &'static str {
        "InOrderExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

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
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => internal_err!("InOrderExec has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition > 0 {
            return internal_err!("InOrderExec has one partition");
        }
        let count = self.input.output_partitioning().partition_count();
        let parts = (0..count).map(|part| {
            let rows = self.input.execute(part, Arc::clone(&context))?;
            Ok(spawn_buffered(rows, AHEAD))
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.input.schema(),
            stream::iter(parts).flatten(),
        )))
    }
}

impl DisplayAs for InOrderExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "InOrderExec")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    use crate::master_url::MasterUrl;
    use crate::session::Session;

    #[tokio::test(flavor = "multi_thread")]
    async fn parts_come_in_their_order() {
        let session = Session::connect(&MasterUrl::Local { threads: Some(4) }, &[])
            .await
            .unwrap();
        let numbers = async |from: i64, to: i64| {
            let parts = Some(1);
            session.range(from, to, 1, parts).await.unwrap()
        };
        for turn in 0..20 {
            let first = numbers(0, 1000).await;
            let rest = numbers(1000, 1003).await.union(numbers(1003, 1005).await);
            let all = first.union(rest.unwrap()).unwrap();
            let shown = all.clone().limit(998, Some(6)).unwrap();
            for (frame, wanted) in [(all, 0..1005), (shown, 998..1004)] {
                let batches = frame.collect().await.unwrap();
                let ids = batches
                    .iter()
                    .flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec());
                assert!(ids.eq(wanted), "turn {turn}");
            }
        }
    }
}
