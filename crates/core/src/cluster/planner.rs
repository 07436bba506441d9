//! Turns a session's logical plans into jobs of the cluster.

use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::execution_plans::{DistributedExplainAnalyzeExec, DistributedQueryExec};
use ballista_core::extension::SessionConfigExt;
use ballista_core::planner::scans_only_information_schema;
use datafusion::catalog::Session;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion_proto::protobuf::LogicalPlanNode;

use super::job::JobExec;
use super::{ClusterClient, globs};
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
        if let LogicalPlan::Analyze(analyze) = plan {
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
        Ok(Arc::new(JobExec::new(
            Arc::clone(&self.client),
            plan.clone(),
            session.session_id().to_owned(),
        )))
    }
}

/// Plans about this session itself: its catalog, its settings, nothing at all.
fn runs_here(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    Ok(match plan {
        LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) => true,
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => false,
        plan => scans_only_information_schema(plan)?,
    })
}
