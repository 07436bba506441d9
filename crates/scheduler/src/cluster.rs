//! Ballista's view of the workers, with our books behind it: binding and counting of cores are ours, the
//! rest is its in-memory state.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;

use crate::ledger::Ledger;
use crate::placement;

pub(crate) struct LedgerClusterState {
    inner: InMemoryClusterState,
    ledger: Arc<Ledger>,
}

impl LedgerClusterState {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            inner: InMemoryClusterState::default(),
            ledger,
        }
    }
}

#[async_trait::async_trait]
impl ClusterState for LedgerClusterState {
    async fn bind_schedulable_tasks(
        &self,
        _distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        Ok(placement::bind(&self.ledger, &active_jobs, executors.as_ref()).await)
    }

    /// Cores come back when the ledger sees their task end, not when Ballista subtracts.
    async fn unbind_tasks(&self, _slots: Vec<ExecutorSlot>) -> Result<()> {
        Ok(())
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        self.inner.register_executor(metadata.clone(), spec).await?;
        log::info!(
            "worker {}:{} registered with {} cores",
            metadata.host,
            metadata.port,
            metadata.specification.vcores
        );
        self.ledger.add_worker(&metadata);
        Ok(())
    }

    /// Every way to lose a worker ends here, before Ballista touches the jobs that it served.
    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        if let Some(worker) = self.ledger.remove_worker(executor_id) {
            log::warn!("worker {worker} is gone");
        }
        self.inner.remove_executor(executor_id).await
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}
