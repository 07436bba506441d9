//! Correlated aggregates are computed for the keys that are asked for, not for all that there are.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, ExprSchema, JoinType, NullEquality, Result, TableReference};
use datafusion::logical_expr::{
    Aggregate, Expr, Join, JoinConstraint, LogicalPlan, LogicalPlanBuilder, Projection,
    UNNAMED_TABLE,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::{is_filtered, is_table};

/// `(F ⋈ Y) ⋈ γ(X)` on a key of the groups of `γ` becomes `(F ⋈ Y) ⋈ γ(X ⋉ F)` where F is a filtered table that has
/// the key, and X reads a table of Y. So do correlated subqueries over one table come out ("less than the average of
/// its own part": TPC-H q17 averaged 2,000,000 parts where it needs 2,000). That Y is read for both is what says
/// that F is what chooses: without knowing sizes, reading F once more is a small part of the whole.
#[derive(Debug)]
pub(super) struct RestrictAggregateKeys;

impl OptimizerRule for RestrictAggregateKeys {
    fn name(&self) -> &str {
        "restrict_aggregate_keys"
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
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(join) = plan else {
            return Ok(Transformed::no(plan));
        };
        // Rows of the right that have no partner are in neither result.
        let drops_right = matches!(join.join_type, JoinType::Inner | JoinType::Left)
            && join.null_equality == NullEquality::NullEqualsNothing;
        if drops_right {
            for (left, right) in &join.on {
                let (Expr::Column(left), Expr::Column(right)) = (left, right) else {
                    continue;
                };
                let Some(source) = source_of(&join.left, left) else {
                    continue;
                };
                let aggregates = Restriction {
                    source,
                    asking: &join.left,
                    config,
                };
                if let Some(restricted) = aggregates.restrict(&join.right, right)? {
                    let right = Arc::new(restricted);
                    return Ok(Transformed::yes(LogicalPlan::Join(Join { right, ..join })));
                }
            }
        }
        Ok(Transformed::no(LogicalPlan::Join(join)))
    }
}

/// A filtered table with all values that a key can have.
struct Source<'a> {
    table: &'a LogicalPlan,
    key: Column,
}

/// Where the values of `column` come from, if that is a filtered table.
fn source_of<'a>(plan: &'a LogicalPlan, column: &Column) -> Option<Source<'a>> {
    match plan {
        LogicalPlan::Join(join) => {
            let (inner, left) = match join.join_type {
                JoinType::Inner => (true, true),
                JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => (false, true),
                _ => (false, false),
            };
            let sides = [(left, &join.left), (inner, &join.right)];
            let found = sides
                .iter()
                .filter(|(kept, side)| *kept && side.schema().has_column(column))
                .find_map(|(_, side)| source_of(side, column));
            if found.is_some() || !inner || join.null_equality != NullEquality::NullEqualsNothing {
                return found;
            }
            // What the column has to equal, on the other side.
            join.on.iter().find_map(|on| match on {
                (Expr::Column(l), Expr::Column(r)) if l == column => source_of(&join.right, r),
                (Expr::Column(l), Expr::Column(r)) if r == column => source_of(&join.left, l),
                _ => None,
            })
        }
        LogicalPlan::Filter(filter) if !is_table(plan) => source_of(&filter.input, column),
        plan if is_table(plan) && is_filtered(plan) => Some(Source {
            table: plan,
            key: column.clone(),
        }),
        _ => None,
    }
}

/// The keys that `asking` has, for an aggregate that is joined to it.
struct Restriction<'a> {
    source: Source<'a>,
    asking: &'a LogicalPlan,
    config: &'a dyn OptimizerConfig,
}

impl Restriction<'_> {
    /// `plan` with the aggregate that makes groups of `column` over these keys alone; nothing if there is no such
    /// aggregate in it, or it would not pay.
    fn restrict(&self, plan: &LogicalPlan, column: &Column) -> Result<Option<LogicalPlan>> {
        let Some(at) = plan.schema().maybe_index_of_column(column) else {
            return Ok(None);
        };
        let input = match plan {
            LogicalPlan::Aggregate(aggregate) => return self.over_keys(aggregate, at),
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::Projection(projection) => &projection.input,
            _ => return Ok(None),
        };
        let below = match plan {
            LogicalPlan::Projection(Projection { expr, .. }) => match expr[at].clone().unalias() {
                Expr::Column(column) => column,
                _ => return Ok(None),
            },
            _ => Column::from(input.schema().qualified_field(at)),
        };
        match self.restrict(input, &below)? {
            None => Ok(None),
            Some(input) => Ok(Some(plan.with_new_exprs(plan.expressions(), vec![input])?)),
        }
    }

    fn over_keys(&self, aggregate: &Aggregate, at: usize) -> Result<Option<LogicalPlan>> {
        let Some(Expr::Column(group)) = aggregate.group_expr.get(at) else {
            return Ok(None);
        };
        let (rows, Source { table, key }) = (&aggregate.input, &self.source);
        let read = tables(rows)?;
        let chooses = tables(table)?.is_disjoint(&read);
        let pays = chooses && !tables(self.asking)?.is_disjoint(&read);
        if !pays || rows.schema().data_type(group)? != table.schema().data_type(key)? {
            return Ok(None);
        }
        let alias = self.config.alias_generator().next("__keys");
        let keys = LogicalPlanBuilder::from((*table).clone())
            .project([Expr::Column(key.clone())])?
            .alias(alias.as_str())?
            .build()?;
        let key = Expr::Column(Column::new(Some(alias), key.name()));
        let wanted = Join::try_new(
            Arc::clone(rows),
            Arc::new(keys),
            vec![(Expr::Column(group.clone()), key)],
            None,
            JoinType::LeftSemi,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        let restricted = Aggregate::try_new(
            Arc::new(LogicalPlan::Join(wanted)),
            aggregate.group_expr.clone(),
            aggregate.aggr_expr.clone(),
        )?;
        Ok(Some(LogicalPlan::Aggregate(restricted)))
    }
}

/// The tables that a plan reads, by name; those of `DataFrame`s have none, and are told by where they are.
fn tables(plan: &LogicalPlan) -> Result<HashSet<(TableReference, usize)>> {
    let mut tables = HashSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let place = match scan.table_name.table() {
                UNNAMED_TABLE => Arc::as_ptr(&scan.source).addr(),
                _ => 0,
            };
            tables.insert((scan.table_name.clone(), place));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(tables)
}
