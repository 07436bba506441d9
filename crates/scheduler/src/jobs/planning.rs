//! How freely Ballista may plan an attempt, and a work-around for what its adaptive planner loses.
//!
//! Ballista 55 plans what is left of a job anew whenever a stage is done, and DataFusion's rules, run a second time,
//! may then turn a join round within a stage that runs already. That stage gets inputs that it had not, counts as
//! superseded under the number that it keeps, and is not run again; when all others are done, the job ends as a success
//! without its last stage, and so without rows (TPC-DS q33). A success that names no output is therefore not believed:
//! the next attempt may not turn joins round, and the one after that is planned once. To be tried without when Ballista
//! gives a stage that it supersedes a number of its own.

use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::SuccessfulJob;
use datafusion::prelude::SessionConfig;

/// From the fastest plans to the safest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planning {
    /// As the session has it.
    Free,
    /// Joins stay as Ballista's own rule first made them.
    FixedJoins,
    /// All at once, before anything runs.
    Static,
}

impl Planning {
    /// The settings of an attempt that is planned so.
    pub(super) fn of(self, config: &SessionConfig) -> SessionConfig {
        let config = config.clone();
        match self {
            Self::Free => config,
            Self::FixedJoins => config.set_bool("datafusion.optimizer.join_reordering", false),
            Self::Static => config.with_ballista_adaptive_query_planner(false),
        }
    }

    /// How to plan after an attempt that ended so, if its success is not to be believed.
    pub(super) fn doubt(self, success: &SuccessfulJob) -> Option<Self> {
        match self {
            _ if !success.partition_location.is_empty() => None,
            Self::Free => Some(Self::FixedJoins),
            Self::FixedJoins => Some(Self::Static),
            Self::Static => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::PartitionLocation;

    use super::*;

    #[test]
    fn a_success_without_output_is_doubted_twice() {
        let mut success = SuccessfulJob::default();
        let second = Planning::Free.doubt(&success).unwrap();
        let third = second.doubt(&success).unwrap();
        assert_eq!((second, third), (Planning::FixedJoins, Planning::Static));
        assert_eq!(third.doubt(&success), None);
        success.partition_location = vec![PartitionLocation::default()];
        assert_eq!(Planning::Free.doubt(&success), None);
    }

    #[test]
    fn each_is_a_setting() {
        let config = springald_core::session::config();
        let joins = |p: Planning| p.of(&config).options().optimizer.join_reordering;
        let adaptive = |p: Planning| p.of(&config).ballista_adaptive_query_planner_enabled();
        assert!(joins(Planning::Free) && adaptive(Planning::Free));
        assert!(!joins(Planning::FixedJoins) && adaptive(Planning::FixedJoins));
        assert!(!adaptive(Planning::Static));
    }
}
