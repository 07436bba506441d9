//! Rules over logical plans that DataFusion has not, for every session: those of a process and those of a cluster.

mod aggregate_keys;
mod join_order;
mod semi_joins;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection};
use datafusion::optimizer::{Optimizer, OptimizerRule};

use aggregate_keys::RestrictAggregateKeys;
pub(crate) use join_order::JoinOrder;
use semi_joins::PushDownSemiJoin;

/// DataFusion's rules with ours among them.
pub(crate) fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Vec::new();
    for rule in Optimizer::default().rules {
        let name = rule.name().to_owned();
        rules.push(rule);
        match name.as_str() {
            // Joins are joins now, and not conditions over cross joins.
            "eliminate_cross_join" => rules.push(Arc::new(PushDownSemiJoin) as _),
            // Each condition is where the table is that it is about.
            "push_down_filter" => rules.push(Arc::new(RestrictAggregateKeys)),
            _ => {}
        }
    }
    rules
}

/// Whether some rows of what `plan` reads are left out by a condition or a limit.
fn is_filtered(plan: &LogicalPlan) -> bool {
    let here = match plan {
        LogicalPlan::Filter(filter) => leaves_out(&filter.predicate),
        LogicalPlan::TableScan(scan) => scan.fetch.is_some() || scan.filters.iter().any(leaves_out),
        LogicalPlan::Limit(_) => true,
        _ => false,
    };
    here || plan.inputs().into_iter().any(is_filtered)
}

/// Whether a condition is more than that keys are not null, which DataFusion adds under joins.
fn leaves_out(condition: &Expr) -> bool {
    split_conjunction(condition)
        .into_iter()
        .any(|part| !matches!(part, Expr::IsNotNull(_)))
}

/// Whether a plan is a table, some columns of it perhaps, by other names perhaps (so are the tables of `DataFrame`s), with
/// conditions that say the same whenever they are asked.
fn is_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => {
            scan.fetch.is_none() && !scan.filters.iter().any(Expr::is_volatile)
        }
        LogicalPlan::Filter(Filter {
            predicate, input, ..
        }) => !predicate.is_volatile() && is_table(input),
        LogicalPlan::Projection(kept) => {
            let is_column = |e: &Expr| matches!(e.clone().unalias(), Expr::Column(_));
            kept.expr.iter().all(is_column) && is_table(&kept.input)
        }
        LogicalPlan::SubqueryAlias(alias) => is_table(&alias.input),
        _ => false,
    }
}

/// Whether a projection leaves columns out and does no more.
fn is_columns(projection: &Projection) -> bool {
    let is_column = |e: &Expr| matches!(e, Expr::Column(_));
    projection.expr.iter().all(is_column)
}
