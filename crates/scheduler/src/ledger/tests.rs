use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::{
    ExecutionError, FetchPartitionError, SuccessfulTask, TaskKilled,
};
use ballista_core::serde::protobuf::{FailedTask, TaskStatus, task_status};
use ballista_core::serde::scheduler::ExecutorMetadata;
use ballista_core::serde::scheduler::{
    ExecutorOperatingSystemSpecification, ExecutorSpecification, TaskKey,
};
use ballista_scheduler::state::execution_graph::TaskDescription;
use datafusion::arrow::datatypes::Schema;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::SessionConfig;
use springald_core::protocol::{RunningTasks, TaskId};

use super::*;
use crate::jobs::Waiting;

fn worker(id: &str, cores: u32) -> ExecutorMetadata {
    ExecutorMetadata {
        id: id.into(),
        host: id.into(),
        port: 1,
        grpc_port: 2,
        specification: ExecutorSpecification::default().with_vcores(cores),
        os_info: ExecutorOperatingSystemSpecification::default(),
    }
}

fn terms() -> Terms {
    Terms {
        session: "s".into(),
        arrival: 1,
        memory_per_core: 0,
        writes: false,
    }
}

fn task(job: &str, task_id: usize) -> TaskDescription {
    TaskDescription {
        session_id: "s".into(),
        key: TaskKey {
            job_id: job.into(),
            stage_id: 1,
            task_id,
        },
        stage_attempt_num: 0,
        task_attempt: 0,
        global_input_partition_ids: vec![task_id],
        vcores_consumed: 1,
        plan: Arc::new(EmptyExec::new(Arc::new(Schema::empty()))),
        session_config: Arc::new(SessionConfig::new()),
    }
}

fn status(job: &str, task_id: u32, status: task_status::Status) -> TaskStatus {
    TaskStatus {
        job_id: job.into(),
        stage_id: 1,
        task_id,
        status: Some(status),
        ..TaskStatus::default()
    }
}

fn done() -> task_status::Status {
    task_status::Status::Successful(SuccessfulTask::default())
}

fn failed(reason: FailedReason, retryable: bool) -> task_status::Status {
    task_status::Status::Failed(FailedTask {
        error: "Task failed due to IO error: IoError(\"full\")".into(),
        retryable,
        count_to_failures: retryable,
        failed_reason: Some(reason),
    })
}

fn free(ledger: &Ledger) -> Vec<u32> {
    ledger
        .offers(None)
        .0
        .iter()
        .map(|offer| offer.free)
        .collect()
}

fn ledger() -> Ledger {
    let ledger = Ledger::default();
    ledger.add_worker(&worker("a", 2));
    ledger.add_worker(&worker("b", 2));
    ledger
}

#[test]
fn a_task_ends_once() {
    let ledger = ledger();
    ledger.open("j", terms());
    ledger.begin("a", &task("j", 0));
    assert_eq!(free(&ledger), [1, 2]);
    assert_eq!(ledger.end("b", &status("j", 0, done())), Deliver::No);
    assert_eq!(ledger.end("a", &status("j", 0, done())), Deliver::Yes);
    assert_eq!(ledger.end("a", &status("j", 0, done())), Deliver::No);
    assert_eq!(free(&ledger), [2, 2]);
    assert_eq!(ledger.progress("j").done, 1);
}

#[test]
fn losing_a_worker_marks_what_it_touched_and_nothing_else() {
    let ledger = ledger();
    ledger.open("j", terms());
    ledger.open("k", terms());
    ledger.begin("a", &task("j", 0));
    ledger.begin("b", &task("k", 0));
    ledger.end("a", &status("j", 0, done()));
    assert_eq!(ledger.remove_worker("a").as_deref(), Some("a:1"));
    assert_eq!(
        ledger.cause("j"),
        Some(Cause::WorkerLost {
            worker: "a:1".into()
        })
    );
    assert_eq!(ledger.cause("k"), None);
    assert!(ledger.terms("j").is_none());
    let infos = ledger.worker_infos();
    assert_eq!(
        infos
            .iter()
            .filter(|w| w.state == WorkerState::Lost)
            .count(),
        1
    );
}

#[test]
fn failures_that_spoil_an_attempt_are_kept_from_ballista() {
    let ledger = ledger();
    ledger.open("j", terms());
    ledger.begin("a", &task("j", 0));
    let fetch = FailedReason::FetchPartitionError(FetchPartitionError::default());
    assert_eq!(
        ledger.end("a", &status("j", 0, failed(fetch, false))),
        Deliver::No
    );
    assert!(matches!(ledger.cause("j"), Some(Cause::FetchFailed { .. })));

    ledger.open("k", terms());
    ledger.begin("a", &task("k", 0));
    let error = FailedReason::ExecutionError(ExecutionError {});
    assert_eq!(
        ledger.end("a", &status("k", 0, failed(error, false))),
        Deliver::Yes
    );
    assert_eq!(ledger.last_failure("k").as_deref(), Some("a:1"));

    ledger.open(
        "w",
        Terms {
            writes: true,
            ..terms()
        },
    );
    ledger.begin("a", &task("w", 0));
    let killed = FailedReason::TaskKilled(TaskKilled {});
    assert_eq!(
        ledger.end("a", &status("w", 0, failed(killed, true))),
        Deliver::No
    );
    assert!(matches!(ledger.cause("w"), Some(Cause::WriteFailed { .. })));
}

#[test]
fn cores_of_a_closed_attempt_are_free_when_the_worker_says_so() {
    let ledger = ledger();
    ledger.open("j", terms());
    ledger.begin("a", &task("j", 0));
    ledger.close("j");
    assert_eq!(free(&ledger), [1, 2]);
    let has = RunningTasks {
        tasks: vec![TaskId {
            job: "j".into(),
            stage: 1,
            task: 0,
        }],
        memory_bytes: 8,
        ..RunningTasks::default()
    };
    let (strays, first) = ledger.reconcile("a", &has, Instant::now());
    assert_eq!((strays, first), (has.tasks.clone(), true));
    assert_eq!(free(&ledger), [1, 2]);
    let none = RunningTasks {
        memory_bytes: 8,
        ..RunningTasks::default()
    };
    let (strays, first) = ledger.reconcile("a", &none, Instant::now());
    assert_eq!((strays.len(), first), (0, false));
    assert_eq!(free(&ledger), [2, 2]);
}

#[test]
fn a_task_begun_after_the_question_is_not_missing() {
    let ledger = ledger();
    ledger.open("j", terms());
    let asked = Instant::now();
    ledger.begin("a", &task("j", 0));
    ledger.reconcile("a", &RunningTasks::default(), asked);
    assert_eq!(ledger.progress("j").running, 1);
    assert_eq!(ledger.cause("j"), None);
}

#[test]
fn why_a_job_waits() {
    let ledger = Ledger::default();
    ledger.open(
        "j",
        Terms {
            memory_per_core: 4,
            ..terms()
        },
    );
    assert_eq!(ledger.waiting("j"), Some(Waiting::NoWorker));
    ledger.add_worker(&worker("a", 2));
    let small = RunningTasks {
        memory_bytes: 6,
        ..RunningTasks::default()
    };
    ledger.reconcile("a", &small, Instant::now());
    let best = Some(("a:1".to_owned(), 3));
    assert_eq!(
        ledger.waiting("j"),
        Some(Waiting::Memory { asked: 4, best })
    );
    ledger.open("k", terms());
    assert_eq!(ledger.waiting("k"), None);
    ledger.open("l", terms());
    ledger.begin("a", &task("l", 0));
    ledger.begin("a", &task("l", 1));
    assert_eq!(
        ledger.waiting("k"),
        Some(Waiting::Busy { cores: 2, jobs: 1 })
    );
}
