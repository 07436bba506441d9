//! Cached frames as tables.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::session_state::CacheFactory;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType, UNNAMED_TABLE};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::DataFrame;
use parking_lot::Mutex;

use super::block::{Block, from_batch, schema as blocks_schema};
use super::fill::CacheFillExec;
use super::scan::CachedScanExec;
use super::site::CacheSite;
use super::store::BlockStore;
use crate::cluster::ClusterClient;
use crate::error::Error;

/// Makes `DataFrame::cache` keep rows where they are made.
#[derive(Debug)]
pub struct Caching;

impl CacheFactory for Caching {
    fn create(&self, plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
        let plan = state.optimize(&plan)?;
        let schema = Arc::clone(plan.schema().inner());
        for (at, field) in schema.fields().iter().enumerate() {
            if schema.fields()[..at]
                .iter()
                .any(|f| f.name() == field.name())
            {
                return Err(Error::invalid(format!(
                    "cannot cache a frame with two columns called `{}`",
                    field.name()
                ))
                .with_hint("rename one of them first")
                .into());
            }
        }
        let table = CachedTable {
            plan,
            portable: OnceLock::new(),
            schema,
            filled: Mutex::default(),
            filling: tokio::sync::Mutex::default(),
        };
        LogicalPlanBuilder::scan(UNNAMED_TABLE, provider_as_source(Arc::new(table)), None)?.build()
    }
}

/// Frees the rows that `frame` holds cached. It can still be used: its rows are then cached anew.
pub fn unpersist(frame: &DataFrame) -> Result<()> {
    for table in cached_tables(frame.logical_plan())? {
        if let Some(table) = as_cached(&table) {
            table.forget();
        }
    }
    Ok(())
}

/// A frame whose rows are kept from their first use on, until the last frame over it is dropped.
#[derive(Debug)]
pub(crate) struct CachedTable {
    plan: LogicalPlan,
    /// The plan as it travels: with its globs resolved.
    portable: OnceLock<LogicalPlan>,
    schema: SchemaRef,
    filled: Mutex<Option<Arc<Filled>>>,
    /// Held while the cache is being filled, so that two queries at once fill it once.
    pub(crate) filling: tokio::sync::Mutex<()>,
}

/// Blocks that are held; dropping this frees them.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) owner: Owner,
}

/// Who holds the blocks.
#[derive(Debug)]
pub(crate) enum Owner {
    Here(Arc<BlockStore>),
    Workers(Arc<ClusterClient>),
}

impl Drop for Filled {
    fn drop(&mut self) {
        match &self.owner {
            Owner::Here(store) => store.retain(&self.name, &[]),
            Owner::Workers(client) => client.forget_cached(std::mem::take(&mut self.name)),
        }
    }
}

impl CachedTable {
    /// The rows, if they are held now. They stay as long as the answer.
    pub(crate) fn filled(&self) -> Option<Arc<Filled>> {
        self.filled.lock().clone()
    }

    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The plan to send away, once [`Self::set_portable`] was called.
    pub(crate) fn portable(&self) -> Option<&LogicalPlan> {
        self.portable.get()
    }

    pub(crate) fn set_portable(&self, plan: LogicalPlan) {
        let _ = self.portable.set(plan);
    }

    pub(crate) fn fill(&self, filled: Filled) -> Arc<Filled> {
        let filled = Arc::new(filled);
        *self.filled.lock() = Some(Arc::clone(&filled));
        filled
    }

    pub(crate) fn forget(&self) {
        self.filled.lock().take();
    }

    pub(super) fn blocks(&self) -> Option<Vec<Block>> {
        self.filled().map(|filled| filled.blocks.clone())
    }

    async fn fill_here(&self, state: &dyn Session) -> Result<Arc<Filled>> {
        let _one = self.filling.lock().await;
        if let Some(filled) = self.filled() {
            return Ok(filled);
        }
        let context: Arc<TaskContext> = state.task_ctx();
        let store = Arc::clone(&CacheSite::of(&context)?.store);
        let mut filled = Filled {
            name: uuid::Uuid::new_v4().to_string(),
            blocks: vec![],
            owner: Owner::Here(store),
        };
        let input = state.create_physical_plan(&self.plan).await?;
        let fill = Arc::new(CacheFillExec::new(filled.name.clone(), input));
        for batch in collect(fill, context).await? {
            from_batch(&batch, &mut filled.blocks)?;
        }
        Ok(self.fill(filled))
    }
}

#[async_trait]
impl TableProvider for CachedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filled = self.fill_here(state).await?;
        scan(&filled.blocks, &self.schema, projection)
    }
}

/// A cached table as the master gets to know it: its blocks.
#[derive(Debug)]
pub(super) struct BlocksTable {
    pub(super) schema: SchemaRef,
    pub(super) blocks: Vec<Block>,
}

#[async_trait]
impl TableProvider for BlocksTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        scan(&self.blocks, &self.schema, projection)
    }
}

fn scan(
    blocks: &[Block],
    schema: &SchemaRef,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let scan = CachedScanExec::try_new(blocks, Arc::clone(schema), projection.cloned())?;
    Ok(Arc::new(scan))
}

/// The job that fills a cache on a cluster, as a table of the blocks it made.
#[derive(Debug)]
pub(crate) struct FillTable {
    pub(crate) name: String,
    pub(crate) plan: LogicalPlan,
}

impl FillTable {
    /// The plan of the job.
    pub(crate) fn job(self) -> Result<LogicalPlan> {
        LogicalPlanBuilder::scan(UNNAMED_TABLE, provider_as_source(Arc::new(self)), None)?.build()
    }
}

#[async_trait]
impl TableProvider for FillTable {
    fn schema(&self) -> SchemaRef {
        blocks_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if projection.is_some_and(|columns| columns.len() != blocks_schema().fields().len()) {
            return exec_err!("a fill has no other columns than those of its blocks");
        }
        let input = state.create_physical_plan(&self.plan).await?;
        Ok(Arc::new(CacheFillExec::new(self.name.clone(), input)))
    }
}

/// The cached tables that a plan reads.
pub(crate) fn cached_tables(plan: &LogicalPlan) -> Result<Vec<Arc<dyn TableProvider>>> {
    let mut found = vec![];
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(table) = source_as_provider(&scan.source)
            && as_cached(&table).is_some()
        {
            found.push(table);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

pub(crate) fn as_cached(table: &Arc<dyn TableProvider>) -> Option<&CachedTable> {
    let table: &dyn Any = table.as_ref();
    table.downcast_ref()
}
