//! Joins that give way: without it a cancelled task with a fan-out join runs on for minutes.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};

/// `plan` with a [`CooperativeExec`] over each join. In DataFusion 55 only leaves and exchanges count against a task's
/// budget, and one batch of a leaf may become thousands of a join: the operators above would poll them all before the
/// task yields and can see that it was cancelled. It has no metrics, so that the list of operators that a task
/// reports is the one the master planned. This can go when joins count by themselves.
pub(crate) fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let yielding = plan.transform_up(|node| {
        let join = node.is::<HashJoinExec>()
            || node.is::<SortMergeJoinExec>()
            || node.is::<NestedLoopJoinExec>()
            || node.is::<CrossJoinExec>();
        Ok(match join {
            true => {
                Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)
            }
            false => Transformed::no(node),
        })
    })?;
    Ok(yielding.data)
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn joins_are_wrapped_and_nothing_else() {
        let context = SessionContext::new();
        let sql = "SELECT count(*) FROM (VALUES (1), (2)) a(x) CROSS JOIN (VALUES (3)) b(y)";
        let plan = context
            .sql(sql)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        let metrics = |plan: &Arc<dyn ExecutionPlan>| {
            ballista_core::utils::collect_plan_metrics(plan.as_ref()).len()
        };
        let wrapped = yielding(Arc::clone(&plan)).unwrap();
        let nodes = |plan: &Arc<dyn ExecutionPlan>| {
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            shown.matches("CooperativeExec").count()
        };
        // DataFusion wraps leaves by itself.
        assert_eq!(nodes(&wrapped), nodes(&plan) + 1);
        assert_eq!(metrics(&plan), metrics(&wrapped));
    }
}
