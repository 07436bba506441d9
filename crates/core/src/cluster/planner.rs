//! Turns a session's logical plans into jobs of the cluster.

use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::execution_plans::{DistributedExplainAnalyzeExec, DistributedQueryExec};
use ballista_core::extension::SessionConfigExt;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, UNNAMED_TABLE};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion_proto::protobuf::LogicalPlanNode;

use super::job::JobExec;
use super::{ClusterClient, globs};
use crate::cache::{as_cached, cached_tables};
use crate::codec;
use crate::error::Error;
use crate::session::description;
use crate::session::system::is_system_table;

/// A planner whose plans are one node: send the logical plan to the master and read what comes back.
#[derive(Debug)]
pub(crate) struct ClusterPlanner {
    client: Arc<ClusterClient>,
}

impl ClusterPlanner {
    pub(crate) fn new(client: Arc<ClusterClient>) -> Self {
        Self { client }
    }
}

impl ClusterPlanner {
    fn job(&self, plan: LogicalPlan, session: &dyn Session) -> Arc<dyn ExecutionPlan> {
        Arc::new(JobExec::new(
            Arc::clone(&self.client),
            plan,
            session.session_id().to_owned(),
            description::current(session.config()),
        ))
    }

    /// Reads nothing of each cached table: a job that we send has its caches filled, one that Ballista sends has not.
    async fn fill_caches(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<()> {
        for table in cached_tables(plan)? {
            let nothing = LogicalPlanBuilder::scan(UNNAMED_TABLE, provider_as_source(table), None)?
                .limit(0, Some(0))?
                .build()?;
            collect(self.job(nothing, session), session.task_ctx()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl QueryPlanner for ClusterPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if runs_here(plan)? {
            return DefaultPhysicalPlanner::default()
                .create_physical_plan(plan, session)
                .await;
        }
        let plan = &globs::resolve(plan, session).await?;
        make_portable(plan, session).await?;
        if let LogicalPlan::Analyze(analyze) = plan {
            self.fill_caches(plan, session).await?;
            let url = format!("http://{}:{}", self.client.host, self.client.port);
            let query = DistributedQueryExec::<LogicalPlanNode>::with_extension(
                url.clone(),
                session.config().ballista_config(),
                analyze.input.as_ref().clone(),
                codec::logical(),
                session.session_id().to_owned(),
            );
            return Ok(Arc::new(
                DistributedExplainAnalyzeExec::<LogicalPlanNode>::new(
                    Arc::new(query),
                    url,
                    Arc::clone(analyze.schema.inner()),
                    analyze.verbose,
                ),
            ));
        }
        Ok(self.job(plan.clone(), session))
    }
}

/// Makes the plans of the cached tables that `plan` reads ready to travel.
async fn make_portable(plan: &LogicalPlan, session: &dyn Session) -> Result<()> {
    for table in cached_tables(plan)? {
        if let Some(table) = as_cached(&table).filter(|table| table.portable().is_none()) {
            let portable = globs::resolve(table.plan(), session).await?;
            Box::pin(make_portable(&portable, session)).await?;
            table.set_portable(portable);
        }
    }
    Ok(())
}

/// Plans about this session itself: its catalog, its settings, nothing at all; and about the cluster's records.
fn runs_here(plan: &LogicalPlan) -> Result<bool> {
    match plan {
        LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) => Ok(true),
        LogicalPlan::Explain(explain) => reads_records_only(&explain.plan),
        LogicalPlan::Analyze(analyze) => reads_records_only(&analyze.input),
        plan => reads_records_only(plan),
    }
}

/// Whether all tables of a plan are in `information_schema` or `system`, of which workers know nothing.
fn reads_records_only(plan: &LogicalPlan) -> Result<bool> {
    let (mut records, mut others) = (false, false);
    // Subqueries scan tables too, and `apply` does not descend into them.
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            match scan.table_name.schema() == Some("information_schema") || is_system_table(scan) {
                true => records = true,
                false => others = true,
            }
        }
        Ok(match records && others {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    if records && others {
        let error = Error::invalid(
            "one query cannot read tables of `system` or `information_schema` and others: \
             those are read by this process, these by the workers",
        );
        return Err(error
            .with_hint("keep them as a table first: CREATE TABLE t AS SELECT * FROM system.jobs")
            .into());
    }
    Ok(records)
}
