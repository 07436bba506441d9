//! Aggregates inside expressions, such as `sum(a) / count(b) + 1`: the engine computes the aggregates alone, and a
//! projection over them makes the expressions.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Expr, GroupingSet};
use datafusion::prelude::DataFrame;

pub(crate) fn aggregate(
    frame: DataFrame,
    groups: Vec<Expr>,
    outputs: Vec<Expr>,
) -> Result<DataFrame> {
    let calls = find_aggregate_exprs(&outputs);
    // What stands in an output for what the aggregation has made: its groups and its calls.
    let mut made: Vec<(Expr, String)> = vec![];
    for group in groups_of(&groups) {
        let name = group.schema_name().to_string();
        made.push((group.clone().unalias(), name));
    }
    let group_names: Vec<String> = made.iter().map(|(_, name)| name.clone()).collect();
    let mut aggregates = vec![];
    for (at, call) in calls.into_iter().enumerate() {
        // The engine knows `grouping` only without an alias.
        let is_grouping =
            matches!(&call, Expr::AggregateFunction(f) if f.func.name() == "grouping");
        let (aggregate, name) = match is_grouping {
            true => (call.clone(), call.schema_name().to_string()),
            false => {
                let name = format!("#{at}");
                (call.clone().alias(&name), name)
            }
        };
        aggregates.push(aggregate);
        made.push((call, name));
    }
    if groups.is_empty() && aggregates.is_empty() {
        // One row for all rows, whatever they are.
        let count = datafusion::functions_aggregate::expr_fn::count(datafusion::prelude::lit(1));
        aggregates.push(count);
    }
    let aggregated = frame.aggregate(groups, aggregates)?;
    let mut columns: Vec<Expr> = group_names.iter().map(column).collect();
    for output in outputs {
        let name = output.schema_name().to_string();
        let over = output.unalias().transform_down(|expr| {
            Ok(match made.iter().find(|(known, _)| *known == expr) {
                Some((_, name)) => Transformed::new(column(name), true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            })
        })?;
        columns.push(over.data.alias(name));
    }
    aggregated.select(columns)
}

fn groups_of(groups: &[Expr]) -> Vec<&Expr> {
    groups
        .iter()
        .flat_map(|group| match group {
            Expr::GroupingSet(GroupingSet::Rollup(inner) | GroupingSet::Cube(inner)) => {
                inner.iter().collect()
            }
            group => vec![group],
        })
        .collect()
}

fn column(name: &String) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
