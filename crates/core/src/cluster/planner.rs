//! Turns a session's logical plans into jobs of the cluster.

use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::execution_plans::{DistributedExplainAnalyzeExec, DistributedQueryExec};
use ballista_core::extension::SessionConfigExt;
use ballista_core::planner::scans_only_information_schema;
use datafusion::catalog::Session;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, UNNAMED_TABLE};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion_proto::protobuf::LogicalPlanNode;

use super::job::JobExec;
use super::{ClusterClient, globs};
use crate::cache::{as_cached, cached_tables};
use crate::codec;

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

/// Plans about this session itself: its catalog, its settings, nothing at all.
fn runs_here(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    Ok(match plan {
        LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) => true,
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => false,
        plan => scans_only_information_schema(plan)?,
    })
}
