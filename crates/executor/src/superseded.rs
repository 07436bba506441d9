//! Shuffle files of this worker that are no longer the ones to read.
//!
//! Ballista names a shuffle file by job, stage and task, and a reader takes a file of that name on its own
//! disk before it asks the worker that the master named. But a stage that is rolled back numbers its tasks
//! anew: the file of that name here may come from the attempt before and hold other rows, or from a task
//! that failed half way. It must go before the reader looks.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;

use ballista_core::execution_plans::range_shuffle::index_path;
use ballista_core::execution_plans::sort_shuffle::get_index_path;
use ballista_core::execution_plans::{RangeShuffleReaderExec, ShuffleReaderExec};
use ballista_core::serde::scheduler::PartitionLocation;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use log::info;

/// Removes the files in `work_dir` that `plan` would take for data that the master says is on another worker
/// than `executor`.
pub(crate) fn remove(plan: &Arc<dyn ExecutionPlan>, work_dir: &str, executor: &str) -> Result<()> {
    plan.apply(|node| {
        let partitions = if let Some(reader) = node.downcast_ref::<ShuffleReaderExec>() {
            &reader.partition
        } else if let Some(reader) = node.downcast_ref::<RangeShuffleReaderExec>() {
            &reader.partition
        } else {
            return Ok(TreeNodeRecursion::Continue);
        };
        for location in partitions.iter().flatten() {
            remove_unless_ours(location, work_dir, executor)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn remove_unless_ours(location: &PartitionLocation, work_dir: &str, executor: &str) -> Result<()> {
    if location.executor_meta.id == executor {
        return Ok(());
    }
    let file = location.path(work_dir)?;
    match fs::remove_file(&file) {
        Ok(()) => {
            info!(
                "removed {}: the master now has it on {}",
                file.display(),
                location.executor_meta.host
            );
            // Whichever there is.
            for index in [get_index_path(&file), index_path(&file)] {
                let _ = fs::remove_file(index);
            }
            Ok(())
        }
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::scheduler::{
        ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification, PartitionId,
        PartitionStats,
    };
    use datafusion::physical_expr::Partitioning;

    use super::*;
    use crate::test_plan::numbers;

    fn location(executor: &str, file: u64, sorted: bool) -> PartitionLocation {
        PartitionLocation {
            map_partition_id: 0,
            partition_id: PartitionId {
                job_id: "job".into(),
                stage_id: 1,
                partition_id: 0,
            },
            executor_meta: ExecutorMetadata {
                id: executor.to_owned(),
                host: "elsewhere".to_owned(),
                port: 1,
                grpc_port: 2,
                specification: ExecutorSpecification::default(),
                os_info: ExecutorOperatingSystemSpecification::default(),
            },
            partition_stats: PartitionStats::default(),
            file_id: Some(file),
            is_sort_shuffle: sorted,
        }
    }

    #[test]
    fn only_files_that_others_now_own_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let work_dir = dir.path().to_str().unwrap();
        let locations = vec![
            location("me", 0, true),
            location("other", 1, true),
            location("me", 2, false),
            location("other", 3, false),
            location("other", 4, false),
        ];
        for location in &locations[..4] {
            let file = location.path(work_dir).unwrap();
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "x").unwrap();
            fs::write(get_index_path(&file), "x").unwrap();
        }
        let reader = ShuffleReaderExec::try_new(
            1,
            vec![locations.clone()],
            numbers(0).schema(),
            Partitioning::UnknownPartitioning(1),
        )
        .unwrap();
        let plan: Arc<dyn ExecutionPlan> = Arc::new(reader);
        remove(&plan, work_dir, "me").unwrap();
        let left: Vec<bool> = locations
            .iter()
            .map(|location| location.path(work_dir).unwrap().exists())
            .collect();
        assert_eq!(left, [true, false, true, false, false]);
    }
}
