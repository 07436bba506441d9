//! Semi-joins go to the rows that they choose from, before these are joined to others.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, Projection};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::is_filtered;

/// `(A ⋈ B) ⋉ S` becomes `(A ⋉ S) ⋈ B` where the keys are A's alone and S is filtered. In TPC-H q18 the 57 orders that
/// are wanted are then known before `lineitem` is joined to all of them, and a cluster can send those few to where
/// `lineitem` is read instead of moving it. Spark has the same as `PushLeftSemiLeftAntiThroughJoin`. A subquery
/// without a filter mostly keeps all rows, and the join may be the one that leaves some out.
#[derive(Debug)]
pub(super) struct PushDownSemiJoin;

impl OptimizerRule for PushDownSemiJoin {
    fn name(&self) -> &str {
        "push_down_semi_join"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Join(semi) if moves(&semi) => push_down(semi),
            plan => Ok(Transformed::no(plan)),
        }
    }
}

fn moves(join: &Join) -> bool {
    join.join_type == JoinType::LeftSemi
        && join.filter.is_none()
        && !join.on.is_empty()
        && !join.on.iter().any(|(key, _)| key.is_volatile())
        && is_filtered(&join.right)
}

fn push_down(semi: Join) -> Result<Transformed<LogicalPlan>> {
    let keys: Vec<&Column> = semi.on.iter().flat_map(|(k, _)| k.column_refs()).collect();
    match semi.left.as_ref() {
        LogicalPlan::Projection(kept) if passes(kept, &keys) => {
            let input = over(&semi, Arc::clone(&kept.input))?;
            let kept = Projection::try_new(kept.expr.clone(), Arc::new(input))?;
            Ok(Transformed::yes(LogicalPlan::Projection(kept)))
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            let mut join = join.clone();
            if has_all(join.left.schema(), &keys) {
                join.left = Arc::new(over(&semi, join.left)?);
            } else if has_all(join.right.schema(), &keys) {
                join.right = Arc::new(over(&semi, join.right)?);
            } else {
                return Ok(Transformed::no(LogicalPlan::Join(semi)));
            }
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        _ => Ok(Transformed::no(LogicalPlan::Join(semi))),
    }
}

/// The semi-join over other rows.
fn over(semi: &Join, rows: Arc<LogicalPlan>) -> Result<LogicalPlan> {
    let join = Join::try_new(
        rows,
        Arc::clone(&semi.right),
        semi.on.clone(),
        None,
        semi.join_type,
        semi.join_constraint,
        semi.null_equality,
        semi.null_aware,
    )?;
    Ok(LogicalPlan::Join(join))
}

fn has_all(schema: &DFSchema, keys: &[&Column]) -> bool {
    keys.iter().all(|key| schema.has_column(key))
}

/// Whether a projection of columns over a join has the keys as they are.
fn passes(projection: &Projection, keys: &[&Column]) -> bool {
    let over_join =
        matches!(projection.input.as_ref(), LogicalPlan::Join(j) if j.join_type == JoinType::Inner);
    let has = |key: &Column| {
        let same = |e: &Expr| matches!(e, Expr::Column(column) if column == key);
        projection.expr.iter().any(same)
    };
    over_join && keys.iter().all(|key| has(key))
}
