//! The seam through which every task goes: Ballista's engine, with the plan bound to this worker, guarded
//! and listed.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::client_pool::BallistaClientPool;
use ballista_core::execution_plans::sort_shuffle::SortShuffleWriterExec;
use ballista_core::execution_plans::{
    RangeShuffleReaderExec, RangeShuffleWriterExec, ShuffleReaderExec, ShuffleWriterExec,
    collect_runtime_stats_reports,
};
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultQueryStageExec, ExecutionEngine, QueryStageExecutor, ShuffleWriterVariant,
};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use log::{debug, warn};
use springald_core::config::format_bytes;
use springald_core::protocol::TaskId;
use tracing::Instrument;

use crate::failure::told;
use crate::guard::{GuardExec, caught};
use crate::metrics::TaskTimer;
use crate::resources::Resources;
use crate::superseded;
use crate::tasks::{Task, Tasks};
use crate::views::compacted;
use crate::yielding::yielding;

/// How long a task waits for the end of an earlier attempt that was cancelled.
const ATTEMPT_ENDS: Duration = Duration::from_secs(10);

/// Makes the tasks of one registration with the master.
pub(crate) struct Engine {
    pub(crate) executor_id: String,
    /// Where the others reach this worker, for error messages.
    pub(crate) address: String,
    pub(crate) resources: Resources,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) clients: Arc<dyn BallistaClientPool>,
}

impl ExecutionEngine for Engine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        global_output_partition_ids: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        _config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        // Nobody catches a panic here, and a task without an answer is one that runs for ever.
        caught(|| {
            let id = TaskId {
                job: job_id.as_str().to_owned(),
                stage: stage_id,
                task: task_id,
            };
            self.stage(id, job_id, global_output_partition_ids, plan, work_dir)
        })?
    }
}

impl Engine {
    fn stage(
        &self,
        id: TaskId,
        job: JobId,
        partitions: Vec<usize>,
        writer: Arc<dyn ExecutionPlan>,
        work_dir: &str,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        superseded::remove(&writer, work_dir, &self.executor_id)?;
        let writer = self.bind_readers(writer, work_dir)?;
        let input = match writer.children()[..] {
            [input] => yielding(Arc::clone(input))?,
            _ => return Err(no_writer(&writer)),
        };
        let (stage, number) = (id.stage, id.task);
        let dir = work_dir.to_owned();
        let task = Task::new(&self.tasks, id);
        let guarded: Arc<dyn ExecutionPlan> = Arc::new(GuardExec::new(
            compacted(Arc::clone(&input)),
            Arc::clone(&task),
        ));

        let writer = if writer.is::<ShuffleWriterExec>() {
            let writer = ShuffleWriterExec::try_new(job, stage, guarded, dir)?
                .with_task_id(number)
                .with_global_output_partition_ids(partitions);
            ShuffleWriterVariant::Passthrough(writer)
        } else if writer.is::<RangeShuffleWriterExec>() {
            let writer =
                RangeShuffleWriterExec::try_new(job, stage, guarded, dir)?.with_task_id(number);
            ShuffleWriterVariant::Range(writer)
        } else if let Some(sort) = writer.downcast_ref::<SortShuffleWriterExec>() {
            let partitioning = sort.shuffle_output_partitioning().clone();
            let config = sort.config().clone();
            let writer =
                SortShuffleWriterExec::try_new(job, stage, guarded, dir, partitioning, config)?
                    .with_task_id(number)
                    .with_global_output_partition_ids(partitions);
            ShuffleWriterVariant::Sort(writer)
        } else {
            return Err(no_writer(&writer));
        };
        Ok(Arc::new(Stage {
            inner: DefaultQueryStageExec::new(writer),
            input,
            task,
            advice: format!(
                "the worker at {} has {} of memory for {} core(s): give it more with --memory, or fewer cores",
                self.address,
                format_bytes(self.resources.memory),
                self.resources.cores,
            ),
        }))
    }

    /// Tells the readers where this worker's files lie and how it reaches the others.
    fn bind_readers(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let bound = plan.transform_up(|node| {
            let bound: Arc<dyn ExecutionPlan> =
                if let Some(reader) = node.downcast_ref::<ShuffleReaderExec>() {
                    let reader = reader.with_work_dir(work_dir.to_owned());
                    Arc::new(reader.with_client_pool(Arc::clone(&self.clients)))
                } else if let Some(reader) = node.downcast_ref::<RangeShuffleReaderExec>() {
                    let reader = reader.with_work_dir(work_dir.to_owned());
                    Arc::new(reader.with_client_pool(Arc::clone(&self.clients)))
                } else {
                    return Ok(Transformed::no(node));
                };
            Ok(Transformed::yes(bound))
        })?;
        Ok(bound.data)
    }
}

fn no_writer(plan: &Arc<dyn ExecutionPlan>) -> DataFusionError {
    DataFusionError::Internal(format!(
        "a task's plan begins with {}, no shuffle writer",
        plan.name()
    ))
}

/// One task of a stage.
#[derive(Debug)]
struct Stage {
    inner: DefaultQueryStageExec,
    /// What the writer writes, below the nodes of ours.
    input: Arc<dyn ExecutionPlan>,
    task: Arc<Task>,
    /// What to do when the memory does not suffice.
    advice: String,
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task_id: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let id = self.task.id();
        if !self.task.tasks().supersede(id, ATTEMPT_ENDS).await {
            // Another worker may have better luck: this kind of error is tried again.
            let message = format!("an earlier attempt of task {id:?} does not end");
            return Err(DataFusionError::IoError(io::Error::other(message)));
        }
        let _running = self.task.begin();
        // Dropping this future is how Ballista cancels, but it does not reach the writer's own tasks.
        let _cancel_if_dropped = self.task.cancelled().clone().drop_guard();
        let timer = TaskTimer::start();
        let work = async {
            debug!("the task begins");
            let written = self.inner.execute_query_stage(task_id, context).await;
            match &written {
                Ok(_) => debug!("the task is done"),
                Err(e) => debug!("the task failed: {e}"),
            }
            written
        };
        let written = work.instrument(self.task.span().clone()).await;
        timer.end(&written, &self.inner.collect_plan_metrics());
        written.map_err(|e| told(e, &self.advice))
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        // Ballista looks for them from the writer down through nodes that it knows; it does not know ours.
        collect_runtime_stats_reports(&self.input).unwrap_or_else(|e| {
            warn!("task {:?} reports no statistics: {e}", self.task.id());
            Vec::new()
        })
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ballista_core::execution_plans::sort_shuffle::SortShuffleConfig;
    use ballista_core::extension::SessionConfigExt;
    use datafusion::physical_expr::Partitioning;
    use datafusion::physical_expr::expressions::col;
    use futures::{StreamExt, stream};
    use tokio::time::timeout;

    use super::*;
    use crate::clients::Clients;
    use crate::test_plan::{TestPlan, numbers, task_id};

    const SOON: Duration = Duration::from_secs(10);

    fn engine() -> Engine {
        Engine {
            executor_id: "me".to_owned(),
            address: "host:1".to_owned(),
            resources: Resources {
                cores: 2,
                cores_from: "a test",
                memory: 1 << 30,
                memory_from: "a test",
            },
            tasks: Arc::default(),
            clients: Arc::new(Clients::default()),
        }
    }

    fn passthrough(plan: TestPlan) -> Arc<dyn ExecutionPlan> {
        let plan = Arc::new(plan);
        Arc::new(ShuffleWriterExec::try_new("job".into(), 1, plan, String::new()).unwrap())
    }

    fn sort(plan: TestPlan) -> Arc<dyn ExecutionPlan> {
        let key = col("n", &plan.schema()).unwrap();
        let writer = SortShuffleWriterExec::try_new(
            "job".into(),
            1,
            Arc::new(plan),
            String::new(),
            Partitioning::Hash(vec![key], 2),
            SortShuffleConfig::default(),
        );
        Arc::new(writer.unwrap())
    }

    fn task(
        engine: &Engine,
        plan: Arc<dyn ExecutionPlan>,
        dir: &Path,
    ) -> Arc<dyn QueryStageExecutor> {
        let dir = dir.to_str().unwrap();
        let config = SessionConfig::new_with_ballista();
        engine
            .create_query_stage_exec("job".into(), 1, 5, vec![0], plan, dir, &config)
            .unwrap()
    }

    fn context() -> Arc<TaskContext> {
        let config = SessionConfig::new_with_ballista();
        Arc::new(TaskContext::default().with_session_config(config))
    }

    async fn rows(plan: Arc<dyn ExecutionPlan>) -> Result<u64> {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine();
        let task = task(&engine, plan, dir.path());
        let written = timeout(SOON, task.execute_query_stage(5, context()))
            .await
            .unwrap()?;
        // The writer and its input; the nodes of ours do not count.
        assert_eq!(task.collect_plan_metrics().len(), 1);
        assert!(engine.tasks.none_left(SOON).await);
        Ok(written.iter().map(|partition| partition.num_rows).sum())
    }

    #[tokio::test]
    async fn tasks_write_their_rows() {
        let plan = || TestPlan::batches(vec![numbers(100), numbers(23)]);
        assert_eq!(rows(passthrough(plan())).await.unwrap(), 123);
        assert_eq!(rows(sort(plan())).await.unwrap(), 123);
    }

    #[tokio::test]
    async fn cancelled_tasks_stop_writing() {
        for plan in [passthrough(TestPlan::endless()), sort(TestPlan::endless())] {
            let dir = tempfile::tempdir().unwrap();
            let engine = engine();
            let task = task(&engine, plan, dir.path());
            let run = tokio::spawn(async move { task.execute_query_stage(5, context()).await });
            while engine.tasks.list() != [task_id(5)] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            run.abort();
            assert!(engine.tasks.none_left(SOON).await, "the writer goes on");
        }
    }

    #[tokio::test]
    async fn a_new_attempt_ends_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine();
        let old = task(&engine, sort(TestPlan::endless()), dir.path());
        let old = tokio::spawn(async move { old.execute_query_stage(5, context()).await });
        while engine.tasks.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let new = task(
            &engine,
            sort(TestPlan::batches(vec![numbers(10)])),
            dir.path(),
        );
        let written = timeout(SOON, new.execute_query_stage(5, context()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(written.iter().map(|p| p.num_rows).sum::<u64>(), 10);
        assert!(
            old.await
                .unwrap()
                .unwrap_err()
                .to_string()
                .contains("cancelled")
        );
    }

    #[tokio::test]
    async fn panics_fail_the_task_with_their_message() {
        for plan in [
            passthrough(TestPlan::panics("oh dear")),
            sort(TestPlan::panics("oh dear")),
        ] {
            let e = rows(plan).await.unwrap_err();
            assert!(e.to_string().contains("oh dear"), "{e}");
        }
    }

    #[tokio::test]
    async fn too_little_memory_says_what_to_do() {
        let schema = numbers(0).schema();
        let plan = TestPlan::new(schema, || {
            let error = DataFusionError::ResourcesExhausted("no 10 MB".to_owned());
            stream::iter([Err(error.context("joining"))]).boxed()
        });
        let e = rows(passthrough(plan)).await.unwrap_err();
        let text = e.to_string();
        assert!(matches!(e, DataFusionError::ResourcesExhausted(_)), "{e:?}");
        assert!(
            text.contains("no 10 MB") && text.contains("host:1"),
            "{text}"
        );
        assert!(
            text.contains("1.0 GiB of memory for 2 core(s)") && text.contains("--memory"),
            "{text}"
        );
    }

    #[test]
    fn plans_without_a_writer_are_refused() {
        let config = SessionConfig::new();
        let plan = Arc::new(TestPlan::never());
        let e = engine().create_query_stage_exec("j".into(), 1, 1, vec![], plan, "/", &config);
        assert!(e.unwrap_err().to_string().contains("TestPlan"));
    }
}
