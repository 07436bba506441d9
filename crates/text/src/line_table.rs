//! [`LineTable`]: a table of files of lines that can travel to the cluster.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Constraints, internal_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::ListingTable;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{
    Expr, LogicalPlan, TableProviderFilterPushDown, TableScan, TableType,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::TryStreamExt;

use crate::line_format::LineFormat;
use crate::records::Records;

/// A [`ListingTable`] of a [`LineFormat`].
///
/// DataFusion encodes a `ListingTable` itself and refuses one whose format it does not know, so
/// such a table goes through a codec only as another type: this one.
#[derive(Clone, Debug)]
pub struct LineTable {
    listing: ListingTable,
}

impl LineTable {
    /// Wraps `listing`.
    ///
    /// # Errors
    /// If its format is not a [`LineFormat`].
    pub fn try_new(listing: ListingTable) -> Result<Self> {
        if !listing.options().format.is::<LineFormat>() {
            return internal_err!("not a table of lines: {:?}", listing.options().format);
        }
        Ok(Self { listing })
    }

    /// The table inside.
    pub fn listing(&self) -> &ListingTable {
        &self.listing
    }

    /// To count the words of nothing is a mistake in the path, so no empty answer is given.
    async fn check_has_files(&self, state: &dyn Session) -> Result<()> {
        for url in self.listing.table_paths() {
            let store = state.runtime_env().object_store(url)?;
            let mut files = url.list_all_files(state, store.as_ref(), "").await?;
            if files.try_next().await?.is_none() {
                let glob = url.get_glob().as_ref().map_or("", |glob| glob.as_str());
                return plan_err!("word count: no file found at {url}{glob}");
            }
        }
        Ok(())
    }
}

#[async_trait]
impl TableProvider for LineTable {
    fn schema(&self) -> SchemaRef {
        self.listing.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.listing.constraints()
    }

    fn table_type(&self) -> TableType {
        self.listing.table_type()
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.listing.get_table_definition()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.listing.get_column_default(column)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let args = ScanArgs::default()
            .with_projection(projection.map(Vec::as_slice))
            .with_filters(Some(filters))
            .with_limit(limit);
        Ok(self.scan_with_args(state, args).await?.into_inner())
    }

    async fn scan_with_args<'a>(
        &self,
        state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        let result = self.listing.scan_with_args(state, args).await?;
        let format = self.listing.options().format.downcast_ref::<LineFormat>();
        let counts = format.is_some_and(|f| matches!(f.records(), Records::WordCount(_)));
        if counts && result.plan().is::<EmptyExec>() {
            self.check_has_files(state).await?;
        }
        Ok(result)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.listing.supports_filters_pushdown(filters)
    }
}

/// Puts a [`LineTable`] in the place of each [`ListingTable`] of a [`LineFormat`], however it came
/// into the plan, so that the plan can be encoded.
#[derive(Debug, Default)]
pub struct PortableTables;

impl AnalyzerRule for PortableTables {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let portable = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(scan) => portable(scan),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(portable.data)
    }

    fn name(&self) -> &str {
        "portable_tables"
    }
}

fn portable(mut scan: TableScan) -> Result<Transformed<LogicalPlan>> {
    // A source that is no provider, as in tests of planners, is none of ours either.
    let listing = source_as_provider(&scan.source)
        .ok()
        .and_then(|table| table.downcast_ref::<ListingTable>().cloned())
        .filter(|table| table.options().format.is::<LineFormat>());
    let Some(listing) = listing else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    scan.source = provider_as_source(Arc::new(LineTable::try_new(listing)?));
    Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
}
