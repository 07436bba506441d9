//! The order of inner joins, by what the statistics of files say. DataFusion joins tables as a query names them, so
//! TPC-H q7 and q21 move all of `lineitem` before they look at `nation`, of which a row or two count.

mod cost;
mod size;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use size::Size;
use tree::JoinTree;

/// Another order is taken if it costs less than this part of the one that the query has: estimates are rough, and who
/// wrote the query may know better.
const WORTH: f64 = 0.8;

/// DataFusion's planner, with inner joins in order first. It is a planner, and no rule, as rules know no statistics:
/// those of logical plans have none to ask, and those of physical plans are not asked by Ballista's adaptive planner.
#[derive(Debug)]
pub(crate) struct JoinOrder;

#[async_trait]
impl QueryPlanner for JoinOrder {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = in_order(plan, session).await?;
        DefaultPhysicalPlanner::default()
            .create_physical_plan(&plan, session)
            .await
    }
}

/// `plan` with joins of three and more tables in the order that costs least, where all of them have statistics.
async fn in_order(plan: &LogicalPlan, session: &dyn Session) -> Result<LogicalPlan> {
    if !session.config_options().optimizer.join_reordering {
        return Ok(plan.clone());
    }
    let mut sizes: HashMap<LogicalPlan, Option<Size>> = HashMap::new();
    plan.apply(|node| {
        Ok(match JoinTree::of(node) {
            None => TreeNodeRecursion::Continue,
            Some(tree) => {
                sizes.extend(tree.leaves.into_iter().map(|leaf| (leaf, None)));
                TreeNodeRecursion::Jump
            }
        })
    })?;
    if sizes.is_empty() {
        return Ok(plan.clone());
    }
    for (leaf, size) in &mut sizes {
        *size = Size::of(leaf, session).await?;
    }
    let ordered = plan.clone().transform_down(|node| {
        let Some(tree) = JoinTree::of(&node) else {
            return Ok(Transformed::no(node));
        };
        let node = match better(&tree, &sizes) {
            Some(order) => tree.build(&order)?,
            None => node,
        };
        Ok(Transformed::new(node, true, TreeNodeRecursion::Jump))
    })?;
    Ok(ordered.data)
}

fn better(tree: &JoinTree, sizes: &HashMap<LogicalPlan, Option<Size>>) -> Option<cost::Order> {
    let sizes: Option<Vec<&Size>> = tree.leaves.iter().map(|l| sizes.get(l)?.as_ref()).collect();
    let model = tree.model(&sizes?);
    let best = model.best()?;
    (model.cost(&best) < WORTH * model.cost(&tree.order)).then_some(best)
}
