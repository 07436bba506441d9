//! How freely Ballista may plan an attempt: with joins as large as memory allows, and a work-around for what its
//! adaptive planner loses.
//!
//! Ballista 55 plans what is left of a job anew whenever a stage is done, and DataFusion's rules, run a second time,
//! may then turn a join round within a stage that runs already. That stage gets inputs that it had not, counts as
//! superseded under the number that it keeps, and is not run again; when all others are done, the job ends as a success
//! without its last stage, and so without rows (TPC-DS q33). A success that names no output is therefore not believed:
//! the next attempt may not turn joins round, and the one after that is planned once. To be tried without when Ballista
//! gives a stage that it supersedes a number of its own.

use ballista_core::config::BallistaConfig;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::SuccessfulJob;
use datafusion::prelude::SessionConfig;

/// Parts of a core's memory of which one may be a side of a hash join as its rows are. Joining takes two to four times
/// as much: the rows once more while they are put together, and the table over their keys.
const BUILD_SHARE: u64 = 8;

/// How an attempt is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planning {
    freedom: Freedom,
    /// Bytes that a partition of a hash join's smaller side may have, if that is more than Ballista's 64 MiB, over which
    /// it sorts both sides. Sorted joins can spill and hashed ones cannot, but take twice as long and more.
    build_bytes: Option<u64>,
}

fn ballistas_build_bytes() -> usize {
    BallistaConfig::default().hash_join_max_build_partition_bytes()
}

/// From the fastest plans to the safest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freedom {
    /// As the session has it.
    Free,
    /// Joins stay as Ballista's own rule first made them.
    FixedJoins,
    /// All at once, before anything runs.
    Static,
}

impl Planning {
    /// Of a first attempt on workers that offer `memory_per_core`, if they have said so.
    pub(super) fn first(memory_per_core: Option<u64>) -> Self {
        let share = memory_per_core.map(|bytes| bytes / BUILD_SHARE);
        Self {
            freedom: Freedom::Free,
            build_bytes: share.filter(|share| *share > ballistas_build_bytes() as u64),
        }
    }

    /// The settings of an attempt that is planned so.
    pub(super) fn of(self, config: &SessionConfig) -> SessionConfig {
        let mut config = config.clone();
        let asked = config
            .ballista_config()
            .hash_join_max_build_partition_bytes();
        if let Some(bytes) = self.build_bytes
            && asked == ballistas_build_bytes()
        {
            config = config.with_ballista_hash_join_max_build_partition_bytes(bytes as usize);
        }
        match self.freedom {
            Freedom::Free => config,
            Freedom::FixedJoins => config.set_bool("datafusion.optimizer.join_reordering", false),
            Freedom::Static => config.with_ballista_adaptive_query_planner(false),
        }
    }

    /// How to plan after an attempt that ended so, if its success is not to be believed.
    pub(super) fn doubt(self, success: &SuccessfulJob) -> Option<Self> {
        let freedom = match self.freedom {
            _ if !success.partition_location.is_empty() => return None,
            Freedom::Free => Freedom::FixedJoins,
            Freedom::FixedJoins => Freedom::Static,
            Freedom::Static => return None,
        };
        Some(Self { freedom, ..self })
    }

    /// How to plan after an attempt that failed so, if it was a hash join that did not fit into memory.
    pub(super) fn with_less_memory(self, error: &str) -> Option<Self> {
        let too_large = error.contains("Resources exhausted") && error.contains("HashJoinInput");
        (too_large && self.build_bytes.is_some()).then_some(Self {
            build_bytes: None,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::PartitionLocation;

    use super::*;

    fn build_bytes(planning: Planning, config: &SessionConfig) -> usize {
        let config = planning.of(config).ballista_config();
        config.hash_join_max_build_partition_bytes()
    }

    #[test]
    fn a_success_without_output_is_doubted_twice() {
        let mut success = SuccessfulJob::default();
        let first = Planning::first(None);
        let second = first.doubt(&success).unwrap();
        let third = second.doubt(&success).unwrap();
        assert_eq!(second.freedom, Freedom::FixedJoins);
        assert_eq!(third.freedom, Freedom::Static);
        assert_eq!(third.doubt(&success), None);
        success.partition_location = vec![PartitionLocation::default()];
        assert_eq!(first.doubt(&success), None);
    }

    #[test]
    fn each_is_a_setting() {
        let config = springald_core::session::config();
        let of = |freedom| {
            let build_bytes = None;
            let config = Planning {
                freedom,
                build_bytes,
            }
            .of(&config);
            let joins = config.options().optimizer.join_reordering;
            (joins, config.ballista_adaptive_query_planner_enabled())
        };
        assert_eq!(of(Freedom::Free), (true, true));
        assert_eq!(of(Freedom::FixedJoins), (false, true));
        assert!(!of(Freedom::Static).1);
    }

    #[test]
    fn joins_are_as_large_as_memory_allows() {
        let config = springald_core::session::config();
        let default = build_bytes(Planning::first(None), &config);
        assert_eq!(
            build_bytes(Planning::first(Some(256 << 20)), &config),
            default
        );
        let large = Planning::first(Some(4 << 30));
        assert_eq!(build_bytes(large, &config), 512 << 20);
        // Who has set it knows why.
        let asked = config.with_ballista_hash_join_max_build_partition_bytes(0);
        assert_eq!(build_bytes(large, &asked), 0);
    }

    #[test]
    fn a_join_that_did_not_fit_is_sorted_the_next_time() {
        let config = springald_core::session::config();
        let large = Planning::first(Some(4 << 30));
        let error = "Resources exhausted: Additional allocation failed for HashJoinInput[0] with top memory consumers";
        let sorted = large.with_less_memory(error).unwrap();
        assert_eq!(
            build_bytes(sorted, &config),
            build_bytes(Planning::first(None), &config)
        );
        assert_eq!(sorted.with_less_memory(error), None);
        assert_eq!(
            large.with_less_memory("Resources exhausted: ExternalSorter[1]"),
            None
        );
    }
}
