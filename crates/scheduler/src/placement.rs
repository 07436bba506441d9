//! Which task goes to which core: jobs in order of arrival, sessions in turn, tasks spread over workers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::execution_plans::{RangeShuffleReaderExec, ShuffleReaderExec};
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::job_status;
use ballista_core::serde::scheduler::TaskKey;
use ballista_scheduler::cluster::BoundTask;
use ballista_scheduler::state::execution_graph::{
    ExecutionGraphBox, TaskDescription, create_task_info,
};
use ballista_scheduler::state::execution_stage::RunningStage;
use ballista_scheduler::state::task_manager::JobInfoCache;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use springald_core::cache::CachedScanExec;
use tokio::sync::OwnedRwLockWriteGuard;

use crate::ledger::{Ledger, Offer, Terms};

/// A job with partitions that no task has taken yet.
struct Candidate {
    job: JobId,
    terms: Terms,
    graph: OwnedRwLockWriteGuard<ExecutionGraphBox>,
}

/// Gives the free cores of the workers in `alive` to tasks of `jobs`, and enters them in the ledger.
pub(crate) async fn bind(
    ledger: &Ledger,
    jobs: &HashMap<JobId, JobInfoCache>,
    alive: Option<&HashSet<String>>,
) -> Vec<BoundTask> {
    let (mut offers, mut sessions) = ledger.offers(alive);
    if offers.is_empty() {
        return Vec::new();
    }
    let mut candidates = candidates(ledger, jobs).await;
    let mut bound = Vec::new();
    while let Some(next) = next_turn(&candidates, &sessions) {
        let alone = candidates.len() == 1;
        let candidate = &mut candidates[next];
        let Some(task) = bind_one(candidate, &mut offers, alone) else {
            candidates.swap_remove(next);
            continue;
        };
        let (worker, description) = &task;
        if !ledger.begin(worker, description) {
            candidates.swap_remove(next);
            continue;
        }
        *sessions
            .entry(Arc::clone(&candidate.terms.session))
            .or_default() += description.vcores_consumed;
        bound.push(task);
    }
    bound
}

async fn candidates(ledger: &Ledger, jobs: &HashMap<JobId, JobInfoCache>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (job, info) in jobs {
        if !matches!(info.status, Some(job_status::Status::Running(_))) {
            continue;
        }
        let Some(terms) = ledger.terms(job.as_str()) else {
            continue;
        };
        let mut graph = Arc::clone(&info.execution_graph).write_owned().await;
        if graph.fetch_running_stage(&[]).is_some() {
            candidates.push(Candidate {
                job: job.clone(),
                terms,
                graph,
            });
        }
    }
    candidates
}

/// The session that holds fewest cores, and of it the oldest job.
fn next_turn(candidates: &[Candidate], sessions: &HashMap<Arc<str>, u32>) -> Option<usize> {
    let turns = candidates
        .iter()
        .map(|c| (&c.terms.session, c.terms.arrival));
    pick(turns, sessions)
}

fn pick<'a>(
    turns: impl Iterator<Item = (&'a Arc<str>, u64)>,
    sessions: &HashMap<Arc<str>, u32>,
) -> Option<usize> {
    turns
        .enumerate()
        .min_by_key(|(_, (session, arrival))| {
            (sessions.get(*session).copied().unwrap_or(0), *arrival)
        })
        .map(|(index, _)| index)
}

/// Takes the next partitions of a job to the worker with most free cores, or `None` if the job has none
/// left or no worker suits it.
fn bind_one(candidate: &mut Candidate, offers: &mut [Offer], alone: bool) -> Option<BoundTask> {
    let session_id = candidate.graph.session_id().to_owned();
    let stage = candidate.graph.fetch_running_stage(&[])?;
    let asked = candidate.terms.memory_per_core;
    let suitable = || {
        offers
            .iter()
            .filter(|offer| offer.free > 0 && offer.suits(asked))
    };
    let workers = suitable().count();
    let free: u32 = suitable().map(|offer| offer.free).sum();
    let chosen = offers
        .iter_mut()
        .filter(|offer| offer.free > 0 && offer.suits(asked))
        .max_by_key(|offer| offer.free)?;

    // Below a collapse every task would see a part of the input only, so one task takes it all; its plan is
    // driven by a single thread, whatever the number of partitions.
    let collapse = has_input_collapse(&stage.plan);
    let size = match collapse {
        true => usize::MAX,
        false => {
            let room = Room {
                pending: stage.pending.remaining(),
                here: chosen.free as usize,
                everywhere: free as usize,
                workers,
            };
            task_size(room, alone, limit(stage))
        }
    };
    let holders = cache_holders(&stage.plan, stage.pending.total_partitions());
    let partitions = match holders.is_empty() {
        true => stage.pending.next_slice(size),
        false => {
            let mut pending = stage.pending.next_slice(usize::MAX);
            let taken = take_held(&mut pending, size, &chosen.address, &holders);
            stage.pending.reschedule(pending);
            taken
        }
    };
    if partitions.is_empty() {
        return None;
    }
    let cores = if collapse { 1 } else { partitions.len() as u32 };

    let task_id = stage.task_infos.len();
    let task_attempt = partitions
        .iter()
        .filter_map(|partition| stage.task_failure_numbers.get(*partition).copied())
        .max()
        .unwrap_or(0);
    let mut info = create_task_info(chosen.worker.clone(), task_id);
    info.global_input_partition_ids = partitions.clone();
    info.vcores_consumed = cores;
    stage.task_infos.push(info);
    chosen.free = chosen.free.saturating_sub(cores);

    let description = TaskDescription {
        session_id,
        key: TaskKey {
            job_id: candidate.job.clone(),
            stage_id: stage.stage_id,
            task_id,
        },
        stage_attempt_num: stage.stage_attempt_num,
        task_attempt,
        global_input_partition_ids: partitions,
        vcores_consumed: cores,
        plan: Arc::clone(&stage.plan),
        session_config: Arc::clone(&stage.session_config),
    };
    Some((chosen.worker.clone(), description))
}

/// What there is to divide.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Partitions to be read.
    pending: usize,
    /// Free cores of the chosen worker, and of all.
    here: usize,
    everywhere: usize,
    /// Workers with a free core.
    workers: usize,
}

/// Partitions of the next task. One task of many partitions shares its plan, so the build side of a join
/// is made once for all of them; but its cores come back only when the last partition is done. So a task is
/// wide only when nobody else waits and everything fits into the free cores at once.
fn task_size(room: Room, alone: bool, limit: usize) -> usize {
    let wide = alone && room.pending <= room.everywhere;
    let size = match wide {
        true => room.pending.div_ceil(room.workers.max(1)).min(room.here),
        false => 1,
    };
    size.clamp(1, limit)
}

/// For each partition of a stage the address of the worker that holds the cached data it reads; empty if the stage
/// reads none. Of several scans under one stage the first counts: what is not at hand is fetched.
fn cache_holders(plan: &Arc<dyn ExecutionPlan>, partitions: usize) -> Vec<Option<String>> {
    let mut holders = vec![];
    // The closure never fails.
    let _ = plan.apply(|node| {
        let Some(scan) = node.downcast_ref::<CachedScanExec>() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        holders = scan.holders();
        Ok(TreeNodeRecursion::Stop)
    });
    match holders.len() == partitions {
        true => holders,
        false => vec![],
    }
}

/// Takes up to `size` of the pending partitions for the worker at `address`: those that it holds, else those that
/// nobody holds, else anybody's.
fn take_held(
    pending: &mut Vec<usize>,
    size: usize,
    address: &str,
    holders: &[Option<String>],
) -> Vec<usize> {
    let holder = |partition: usize| holders.get(partition).and_then(Option::as_deref);
    let rank = |partition: &usize| match holder(*partition) {
        Some(holder) if holder == address => 0,
        None => 1,
        Some(_) => 2,
    };
    pending.sort_by_key(rank);
    let best = pending.first().map(rank);
    let alike = pending.iter().take_while(|p| Some(rank(p)) == best).count();
    let mut taken: Vec<usize> = pending.drain(..size.min(alike)).collect();
    taken.sort_unstable();
    pending.sort_unstable();
    taken
}

/// `ballista.scheduler.max_partitions_per_task`, where 0 means any.
fn limit(stage: &RunningStage) -> usize {
    match stage
        .session_config
        .ballista_config()
        .max_partitions_per_task()
    {
        0 => usize::MAX,
        limit => limit,
    }
}

/// Whether a stage gathers its input into one partition anywhere above its leaves, walking down single
/// children as Ballista's own binding does (`stage_has_input_collapse`).
fn has_input_collapse(root: &Arc<dyn ExecutionPlan>) -> bool {
    fn only_child(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
        match plan.children().as_slice() {
            [child] => Some(Arc::clone(child)),
            _ => None,
        }
    }
    let mut node = only_child(root);
    while let Some(plan) = node {
        if plan.downcast_ref::<ShuffleReaderExec>().is_some()
            || plan.downcast_ref::<RangeShuffleReaderExec>().is_some()
        {
            return false;
        }
        if plan.output_partitioning().partition_count() == 1 {
            return true;
        }
        node = only_child(&plan);
    }
    false
}

#[cfg(test)]
mod tests {
    use ballista_core::extension::SessionConfigExt;
    use ballista_core::serde::scheduler::{
        ExecutorMetadata, ExecutorOperatingSystemSpecification, ExecutorSpecification,
    };
    use ballista_scheduler::planner::DefaultDistributedPlanner;
    use ballista_scheduler::state::execution_graph::{ExecutionGraph, StaticExecutionGraph};
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    #[test]
    fn cached_partitions_go_to_their_holders() {
        let holders: Vec<_> = ["a", "b", "a", "", "b"]
            .map(|holder| (!holder.is_empty()).then(|| holder.to_owned()))
            .into();
        let mut pending = vec![0, 1, 2, 3, 4];
        let mut take = |size, worker| take_held(&mut pending, size, worker, &holders);
        assert_eq!(take(9, "a"), [0, 2]);
        assert_eq!(take(1, "b"), [1]);
        assert_eq!(take(9, "a"), [3]);
        assert_eq!(take(9, "c"), [4]);
        assert_eq!(take(9, "c"), [0; 0]);
    }

    async fn job(name: &str, partitions: usize) -> (JobId, JobInfoCache) {
        let config = SessionConfig::new_with_ballista().with_target_partitions(partitions);
        let context = SessionContext::new_with_config(config);
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]; partitions]).unwrap();
        context.register_table("t", Arc::new(table)).unwrap();
        let sql = "SELECT id, count(*) FROM t GROUP BY id";
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let plan = context.state().create_physical_plan(&plan).await.unwrap();
        let id = JobId::from(name);
        let mut graph = StaticExecutionGraph::new(
            "m",
            &id,
            name,
            "engine-session",
            plan,
            0,
            Arc::new(context.copied_config()),
            &mut DefaultDistributedPlanner::new(),
            None,
        )
        .unwrap();
        graph.revive();
        (id, JobInfoCache::new(Box::new(graph)))
    }

    fn ledger(workers: &[(&str, u32)]) -> Ledger {
        let ledger = Ledger::default();
        for (id, cores) in workers {
            ledger.add_worker(&ExecutorMetadata {
                id: (*id).to_owned(),
                host: (*id).to_owned(),
                port: 1,
                grpc_port: 2,
                specification: ExecutorSpecification::default().with_vcores(*cores),
                os_info: ExecutorOperatingSystemSpecification::default(),
            });
        }
        ledger
    }

    fn terms(session: &str, arrival: u64) -> Terms {
        Terms {
            session: session.into(),
            arrival,
            memory_per_core: 0,
            writes: false,
        }
    }

    fn tasks_of(bound: &[BoundTask], job: &str) -> usize {
        bound
            .iter()
            .filter(|(_, task)| task.key.job_id.as_str() == job)
            .count()
    }

    #[tokio::test]
    async fn sessions_share_and_tasks_spread() {
        let ledger = ledger(&[("a", 2), ("b", 2)]);
        // Two jobs of one session came before the job of another.
        ledger.open("j1", terms("alice", 1));
        ledger.open("j2", terms("alice", 2));
        ledger.open("j3", terms("bob", 3));
        let jobs = HashMap::from([job("j1", 8).await, job("j2", 8).await, job("j3", 8).await]);
        let bound = bind(&ledger, &jobs, None).await;
        assert_eq!(bound.len(), 4);
        assert_eq!(tasks_of(&bound, "j1"), 2);
        assert_eq!(
            tasks_of(&bound, "j2"),
            0,
            "the older job of a session goes first"
        );
        assert_eq!(tasks_of(&bound, "j3"), 2);
        assert_eq!(bound.iter().filter(|(worker, _)| worker == "a").count(), 2);
        assert!(
            bind(&ledger, &jobs, None).await.is_empty(),
            "no core is given twice"
        );
    }

    #[tokio::test]
    async fn a_job_alone_takes_everything_in_few_tasks() {
        let ledger = ledger(&[("a", 4), ("b", 4)]);
        ledger.open("j", terms("alice", 1));
        let jobs = HashMap::from([job("j", 8).await]);
        let bound = bind(&ledger, &jobs, None).await;
        let sizes: Vec<u32> = bound.iter().map(|(_, task)| task.vcores_consumed).collect();
        assert_eq!(sizes, [4, 4]);
        assert!(ledger.offers(None).0.is_empty());
    }

    #[tokio::test]
    async fn attempts_that_are_closed_or_marked_get_nothing() {
        let ledger = ledger(&[("a", 2), ("b", 1)]);
        ledger.open("marked", terms("alice", 1));
        let jobs = HashMap::from([job("closed", 2).await, job("marked", 2).await]);
        let lost = HashSet::from(["b".to_owned()]);
        assert_eq!(bind(&ledger, &jobs, Some(&lost)).await.len(), 1);
        ledger.remove_worker("b");
        assert!(bind(&ledger, &jobs, None).await.is_empty());
    }

    #[tokio::test]
    async fn workers_that_are_not_alive_or_too_small_get_nothing() {
        let ledger = ledger(&[("a", 2)]);
        let greedy = Terms {
            memory_per_core: 1,
            ..terms("alice", 1)
        };
        ledger.open("j", greedy);
        let jobs = HashMap::from([job("j", 2).await]);
        assert!(bind(&ledger, &jobs, None).await.is_empty());
        ledger.open("j", terms("alice", 1));
        assert!(bind(&ledger, &jobs, Some(&HashSet::new())).await.is_empty());
        assert_eq!(
            bind(&ledger, &jobs, Some(&HashSet::from(["a".to_owned()])))
                .await
                .len(),
            1
        );
    }

    #[test]
    fn size_of_a_task() {
        let room = Room {
            pending: 6,
            here: 4,
            everywhere: 8,
            workers: 2,
        };
        assert_eq!(task_size(room, true, usize::MAX), 3);
        assert_eq!(task_size(room, true, 2), 2);
        assert_eq!(task_size(room, false, usize::MAX), 1);
        // more partitions than cores: a slow one must not hold back the cores of the others
        assert_eq!(task_size(Room { pending: 9, ..room }, true, usize::MAX), 1);
    }

    #[test]
    fn turns() {
        let (alice, bob): (Arc<str>, Arc<str>) = ("alice".into(), "bob".into());
        let turns = [(&alice, 1), (&alice, 2), (&bob, 3)];
        let held = |a, b| HashMap::from([(Arc::clone(&alice), a), (Arc::clone(&bob), b)]);
        assert_eq!(pick(turns.into_iter(), &held(0, 0)), Some(0));
        assert_eq!(pick(turns.into_iter(), &held(1, 0)), Some(2));
        assert_eq!(pick(turns.into_iter(), &held(1, 1)), Some(0));
        assert_eq!(pick(std::iter::empty(), &held(1, 1)), None);
    }
}
