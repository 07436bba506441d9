//! How much a table has, before and after its conditions.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::Session;
use datafusion::common::ColumnStatistics;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Like, LogicalPlan};
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::scalar::ScalarValue;

use super::cost::Leaf;

/// Bytes of a value whose type does not say how many it has.
const WIDE: usize = 24;

/// The part of a table that has a text with a pattern. DataFusion takes a fifth for all conditions that it knows nothing
/// of; of texts far fewer have three letters and more in common.
const ALIKE: f64 = 0.05;
const LETTERS: usize = 3;

/// What is estimated of a table with conditions.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) leaf: Leaf,
    /// The most distinct values that each column can have.
    pub(super) distinct: Vec<f64>,
}

impl Size {
    /// The size of a table, if its files say how many rows they have.
    pub(super) async fn of(leaf: &LogicalPlan, session: &dyn Session) -> Result<Option<Self>> {
        let plan = DefaultPhysicalPlanner::default()
            .create_physical_plan(leaf, session)
            .await?;
        let mut source: &Arc<dyn ExecutionPlan> = &plan;
        while let [input] = source.children()[..] {
            source = input;
        }
        let (context, all) = (StatisticsContext::new(), StatisticsArgs::new());
        let unfiltered = context.compute(source.as_ref(), &all)?;
        let statistics = context.compute(plan.as_ref(), &all)?;
        let (Some(&rows), Some(&all_rows)) = (
            statistics.num_rows.get_value(),
            unfiltered.num_rows.get_value(),
        ) else {
            return Ok(None);
        };
        let all_rows = all_rows.max(1) as f64;
        let part = if has_pattern(leaf)? { ALIKE } else { 1.0 };
        let fields = leaf.schema().fields();
        let columns = &statistics.column_statistics;
        Ok(Some(Self {
            leaf: Leaf {
                rows: (rows as f64).min(part * all_rows).max(1.0),
                all_rows,
                width: fields.iter().map(|f| width(f.data_type())).sum(),
            },
            distinct: columns
                .iter()
                .map(|c| distinct(c).map_or(all_rows, |d| d.min(all_rows)))
                .collect(),
        }))
    }
}

/// Whether all rows of a table have to be like a pattern.
fn has_pattern(leaf: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    leaf.apply(|node| {
        let conditions = match node {
            LogicalPlan::Filter(filter) => std::slice::from_ref(&filter.predicate),
            LogicalPlan::TableScan(scan) => scan.filters.as_slice(),
            _ => &[],
        };
        let mut parts = conditions.iter().flat_map(split_conjunction);
        found |= parts.any(is_pattern);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn is_pattern(condition: &Expr) -> bool {
    let Expr::Like(Like {
        negated: false,
        pattern,
        ..
    }) = condition
    else {
        return false;
    };
    let pattern = pattern.as_literal().and_then(ScalarValue::try_as_str);
    let letters = |text: &str| text.chars().filter(|c| !matches!(c, '%' | '_')).count();
    pattern.flatten().is_some_and(|p| letters(p) >= LETTERS)
}

fn width(data_type: &DataType) -> f64 {
    data_type.primitive_width().unwrap_or(WIDE) as f64
}

fn distinct(column: &ColumnStatistics) -> Option<f64> {
    if let Some(count) = column.distinct_count.get_value() {
        return Some((*count).max(1) as f64);
    }
    let (min, max) = (column.min_value.get_value()?, column.max_value.get_value()?);
    let whole = min.data_type().is_integer() || min.data_type().is_temporal();
    let distance = max.distance(min).filter(|_| whole)?;
    Some(distance as f64 + 1.0)
}
