//! Reading cached data.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, project_schema};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::block::Block;
use super::site::CacheSite;

/// Reads blocks. Its input is a table of their names, one partition for each of its own: Ballista gives a task its part
/// of a plan by cutting the leaves it knows, and it knows tables in memory.
#[derive(Debug)]
pub struct CachedScanExec {
    /// Of the cached data, before the projection.
    pub(super) schema: SchemaRef,
    pub(super) projection: Option<Vec<usize>>,
    pub(super) rows: u64,
    pub(super) names: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl CachedScanExec {
    pub(super) fn try_new(
        blocks: &[Block],
        schema: SchemaRef,
        projection: Option<Vec<usize>>,
    ) -> Result<Self> {
        let rows = blocks.iter().map(|block| block.rows).sum();
        let names = deal(blocks)
            .into_iter()
            .map(|blocks| Ok(vec![names_of(&blocks)?]))
            .collect::<Result<Vec<_>>>()?;
        let names = MemorySourceConfig::try_new_exec(&names, names_schema(), None)?;
        Self::over(names, schema, projection, rows)
    }

    pub(super) fn over(
        names: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        projection: Option<Vec<usize>>,
        rows: u64,
    ) -> Result<Self> {
        let partitions = names.output_partitioning().partition_count();
        let projected = project_schema(&schema, projection.as_ref())?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(projected),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            schema,
            projection,
            rows,
            names,
            properties: Arc::new(properties),
        })
    }

    /// For each partition the worker that holds its blocks, as `host:port`.
    pub fn holders(&self) -> Vec<Option<String>> {
        let source = self
            .names
            .downcast_ref::<datafusion::datasource::source::DataSourceExec>()
            .and_then(|exec| exec.data_source().downcast_ref::<MemorySourceConfig>());
        let partitions = source.map_or(&[][..], |source| source.partitions());
        partitions
            .iter()
            .map(|batches| {
                let batch = batches.first().filter(|batch| batch.num_rows() > 0)?;
                Some(batch.column(1).as_string_opt::<i32>()?.value(0).to_owned())
            })
            .collect()
    }
}

/// Divides the blocks into partitions, none with blocks of two holders: one for each core of a holder, of about the same
/// size.
fn deal(blocks: &[Block]) -> Vec<Vec<&Block>> {
    let mut largest_first: Vec<&Block> = blocks.iter().collect();
    largest_first.sort_by(|a, b| (&a.worker, b.bytes, &a.id).cmp(&(&b.worker, a.bytes, &b.id)));
    let mut partitions = vec![];
    for held in largest_first.chunk_by(|a, b| a.worker == b.worker) {
        let cores = held[0].cores.max(1) as usize;
        let mut dealt = vec![(0, vec![]); cores.min(held.len())];
        for &block in held {
            if let Some((bytes, blocks)) = dealt.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += block.bytes;
                blocks.push(block);
            }
        }
        partitions.extend(dealt.into_iter().map(|(_, blocks)| blocks));
    }
    if partitions.is_empty() {
        partitions.push(vec![]);
    }
    partitions
}

fn names_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![text("block"), text("worker")]))
}

fn names_of(blocks: &[&Block]) -> Result<RecordBatch> {
    let names = StringArray::from_iter_values(blocks.iter().map(|block| &block.id));
    let workers = StringArray::from_iter_values(blocks.iter().map(|block| &block.worker));
    Ok(RecordBatch::try_new(
        names_schema(),
        vec![Arc::new(names), Arc::new(workers)],
    )?)
}

impl ExecutionPlan for CachedScanExec {
    fn name(&self) -> &'static str {
        "CachedScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.names]
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
            (Some(names), true) => Ok(Arc::new(Self::over(
                names,
                Arc::clone(&self.schema),
                self.projection.clone(),
                self.rows,
            )?)),
            _ => Err(DataFusionError::Internal(
                "CachedScanExec has one input".to_owned(),
            )),
        }
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if args.partition().is_none() {
            statistics.num_rows = Precision::Exact(self.rows as usize);
        }
        Ok(Arc::new(statistics))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let site = CacheSite::of(&context)?;
        let schema = Arc::clone(&self.schema);
        let projection = self.projection.clone();
        let names = self.names.execute(partition, context)?;
        let rows = names
            .map_ok(|names| {
                let blocks = (0..names.num_rows()).map(|row| {
                    let text =
                        |at: usize| names.column(at).as_string::<i32>().value(row).to_owned();
                    Ok((text(0), text(1)))
                });
                stream::iter(blocks.collect::<Vec<Result<_>>>())
            })
            .try_flatten()
            .and_then(move |(block, worker)| {
                let (site, schema) = (Arc::clone(&site), Arc::clone(&schema));
                async move { site.read(&block, &worker, schema).await }
            })
            .try_flatten()
            .map(move |batch| match &projection {
                Some(columns) => Ok(batch?.project(columns)?),
                None => batch,
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

impl DisplayAs for CachedScanExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<_> = self
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        write!(f, "CachedScanExec: columns=[{}]", columns.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(id: u64, worker: &str, bytes: u64) -> Block {
        Block {
            id: id.to_string(),
            rows: 1,
            bytes,
            worker: worker.to_owned(),
            cores: 2,
        }
    }

    #[test]
    fn blocks_are_dealt_by_holder_and_size() {
        let blocks: Vec<_> = [
            (0, "a", 5),
            (1, "b", 1),
            (2, "a", 4),
            (3, "a", 3),
            (4, "a", 2),
        ]
        .map(|(id, worker, bytes)| block(id, worker, bytes))
        .into();
        let dealt: Vec<Vec<&str>> = deal(&blocks)
            .iter()
            .map(|blocks| blocks.iter().map(|block| block.id.as_str()).collect())
            .collect();
        assert_eq!(dealt, [vec!["0", "4"], vec!["2", "3"], vec!["1"]]);
        let schema = Arc::new(Schema::empty());
        let scan = CachedScanExec::try_new(&blocks, Arc::clone(&schema), None).unwrap();
        let holder = |name: &str| Some(name.to_owned());
        assert_eq!(scan.holders(), [holder("a"), holder("a"), holder("b")]);
        let none = CachedScanExec::try_new(&[], schema, None).unwrap();
        assert_eq!(none.holders(), [None]);
    }
}
