//! The schema `system`: what the master knows of jobs, workers, caches and sessions, as tables. A scan asks the
//! master's REST routes when it runs, in this process; no job comes of it, so looking on is no work for the cluster.

mod columns;
mod records;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::source_as_provider;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableScan, TableType,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionContext;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::cluster::ClusterClient;
use crate::error::Error;
use columns::JobRow;
use records::{Detail, records};

/// The tables' catalog is the one that the session's own are in.
const CATALOG: &str = "datafusion";
const SCHEMA: &str = "system";

/// Gives a session the tables of its cluster. One that runs in this process has them too, and they say that there is
/// nothing to read.
pub(super) fn attach(context: &SessionContext, cluster: Option<&Arc<ClusterClient>>) {
    let schema = Arc::new(SystemSchema {
        cluster: cluster.map(Arc::clone),
    });
    if let Some(catalog) = context.catalog(CATALOG)
        && let Err(e) = catalog.register_schema(SCHEMA, schema)
    {
        log::warn!("the tables of `{SCHEMA}` are missing: {e}");
    }
}

/// Whether a scan reads a table of this schema.
pub(crate) fn is_system_table(scan: &TableScan) -> bool {
    source_as_provider(&scan.source)
        .is_ok_and(|table| table.downcast_ref::<SystemTable>().is_some())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jobs,
    Stages,
    Tasks,
    Workers,
    Cache,
    Sessions,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Jobs,
        Self::Stages,
        Self::Tasks,
        Self::Workers,
        Self::Cache,
        Self::Sessions,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Stages => "stages",
            Self::Tasks => "tasks",
            Self::Workers => "workers",
            Self::Cache => "cache",
            Self::Sessions => "sessions",
        }
    }

    fn schema(self) -> Result<SchemaRef> {
        let empty = match self {
            Self::Jobs => columns::jobs(&[]),
            Self::Stages => columns::stages(&[]),
            Self::Tasks => columns::tasks(&[]),
            Self::Workers => columns::workers(&[]),
            Self::Cache => columns::cache(&[]),
            Self::Sessions => columns::sessions(&[]),
        };
        Ok(empty?.schema())
    }
}

#[derive(Debug)]
struct SystemSchema {
    cluster: Option<Arc<ClusterClient>>,
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        Kind::ALL.map(|kind| kind.name().to_owned()).to_vec()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(SystemTable {
            kind,
            schema: kind.schema()?,
            cluster: self.cluster.clone(),
        })))
    }

    fn table_exist(&self, name: &str) -> bool {
        Kind::ALL.iter().any(|kind| kind.name() == name)
    }
}

#[derive(Debug)]
struct SystemTable {
    kind: Kind,
    schema: SchemaRef,
    cluster: Option<Arc<ClusterClient>>,
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    /// The records of a few jobs are fetched alone; everything else is filtered here.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let use_of = |filter: &&Expr| match named_jobs(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(use_of).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(cluster) = &self.cluster else {
            let error = Error::invalid(format!(
                "`system.{}` is a table of a cluster, and this session runs in its own process, \
                 which keeps no records",
                self.kind.name()
            ));
            return Err(error
                .with_hint("connect to a cluster: --master springald://HOST:7077")
                .into());
        };
        let reads = |name: &str| match (projection, self.schema.index_of(name)) {
            (Some(columns), Ok(column)) => columns.contains(&column),
            (None, Ok(_)) => true,
            (_, Err(_)) => false,
        };
        let scan = Scan {
            kind: self.kind,
            schema: Arc::clone(&self.schema),
            cluster: Arc::clone(cluster),
            jobs: filters.iter().find_map(named_jobs),
            with_sql: reads(columns::SQL),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(scan)],
            projection,
            None,
            false,
            limit,
        )?))
    }
}

/// The jobs that a filter lets through, if it names them: `job_id = 'x'`, `job_id IN ('x', 'y')`.
fn named_jobs(filter: &Expr) -> Option<Vec<String>> {
    let is_id = |e: &Expr| matches!(e, Expr::Column(column) if column.name == columns::JOB_ID);
    let text = |e: &Expr| match e {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => {
            let value = match (is_id(left), is_id(right)) {
                (true, false) => right,
                (false, true) => left,
                _ => return None,
            };
            Some(vec![text(value)?])
        }
        Expr::InList(list) if !list.negated && is_id(&list.expr) => {
            list.list.iter().map(text).collect()
        }
        _ => None,
    }
}

/// One reading of a table.
#[derive(Clone)]
struct Scan {
    kind: Kind,
    schema: SchemaRef,
    cluster: Arc<ClusterClient>,
    jobs: Option<Vec<String>>,
    /// The text of jobs is in their records alone.
    with_sql: bool,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "system.{}", self.kind.name())?;
        match &self.jobs {
            Some(jobs) => write!(f, " of {} jobs", jobs.len()),
            None => Ok(()),
        }
    }
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let scan = self.clone();
        let rows = stream::once(async move { scan.open().await }).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        ))
    }
}

impl Scan {
    async fn open(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let rest = self.cluster.rest();
        let all = match self.kind {
            Kind::Workers => columns::workers(&rest.workers().await?)?,
            Kind::Cache => columns::cache(&rest.cached().await?)?,
            Kind::Sessions => columns::sessions(&rest.sessions().await?)?,
            Kind::Jobs if !self.with_sql => {
                let row = |job| JobRow { job, sql: None };
                let rows: Vec<_> = rest.jobs().await?.into_iter().map(row).collect();
                columns::jobs(&rows)?
            }
            Kind::Jobs => return self.of_records(Detail::Job, columns::job_rows).await,
            Kind::Stages => return self.of_records(Detail::Stages, columns::stage_rows).await,
            Kind::Tasks => return self.of_records(Detail::Stages, columns::task_rows).await,
        };
        Ok(stream::iter([Ok(all)]).boxed())
    }

    async fn of_records(
        &self,
        detail: Detail,
        rows: fn(Vec<crate::record::JobRecord>) -> Result<RecordBatch>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let records = records(&self.cluster, self.jobs.as_deref(), detail).await?;
        Ok(records.map(move |some| rows(some?)).boxed())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;
    use crate::{MasterUrl, Session};

    #[test]
    fn filters_that_name_jobs_are_known() {
        let one = Some(vec!["a".to_owned()]);
        assert_eq!(named_jobs(&col("job_id").eq(lit("a"))), one);
        assert_eq!(named_jobs(&lit("a").eq(col("job_id"))), one);
        let two = col("job_id").in_list(vec![lit("a"), lit("b")], false);
        assert_eq!(named_jobs(&two).map(|jobs| jobs.len()), Some(2));
        for other in [
            col("job_id").in_list(vec![lit("a")], true),
            col("job_id").eq(col("state")),
            col("state").eq(lit("done")),
            col("job_id").gt(lit("a")),
        ] {
            assert_eq!(named_jobs(&other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_local_session_says_that_it_keeps_no_records() {
        let local = MasterUrl::Local { threads: Some(1) };
        let session = Session::connect(&local, &[]).await.unwrap();
        for kind in Kind::ALL {
            let sql = format!("SELECT * FROM system.{}", kind.name());
            let frame = session.sql(&sql).await.unwrap();
            let e = Error::from(frame.collect().await.unwrap_err());
            let e = session.explain(e, &sql);
            assert!(e.message().contains(kind.name()), "{e}");
            assert!(
                e.hint().is_some_and(|hint| hint.contains("--master")),
                "{e}"
            );
        }
        assert!(session.sql("SELECT * FROM system.nothing").await.is_err());
        session.sql("DESCRIBE system.jobs").await.unwrap();
    }
}
