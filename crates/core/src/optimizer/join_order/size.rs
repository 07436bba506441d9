//! How much a table has, before and after its conditions.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::Session;
use datafusion::common::ColumnStatistics;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::cost::Leaf;

/// Bytes of a value whose type does not say how many it has.
const WIDE: usize = 24;

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
        let fields = leaf.schema().fields();
        let columns = &statistics.column_statistics;
        Ok(Some(Self {
            leaf: Leaf {
                rows: rows.max(1) as f64,
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
