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
    use arrow::datatypes::Schema;
    use ballista_core::utils::collect_plan_metrics;
    use datafusion::physical_plan::empty::EmptyExec;

    use super::*;

    #[test]
    fn a_join_is_wrapped_and_its_metrics_stay_the_only_ones() {
        let side = || Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
        let join: Arc<dyn ExecutionPlan> = Arc::new(CrossJoinExec::new(side(), side()));
        let wrapped = yielding(Arc::clone(&join)).unwrap();
        assert!(wrapped.is::<CooperativeExec>());
        assert!(wrapped.children()[0].is::<CrossJoinExec>());
        let reported = |plan: &Arc<dyn ExecutionPlan>| collect_plan_metrics(plan.as_ref()).len();
        assert_eq!(reported(&join), reported(&wrapped));
    }
}
