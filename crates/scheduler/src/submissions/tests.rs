//! Batches, with a script of the shell in the place of `springald submit`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use springald_core::protocol::JobState;
use springald_core::submission::{Argument, BatchInfo, BatchRequest, FileBatch, SqlBatch};

use super::{BatchFilter, BatchOptions, Batches};
use crate::refusal::Refusal;

/// The "SQL" of these tests is a script of the shell: see `testdata/program.sh`.
async fn open(workspace: &Path, at_once: usize) -> Arc<Batches> {
    let options = BatchOptions {
        workspace: workspace.to_owned(),
        master: "springald://m:1".into(),
        program: Ok(PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/submissions/testdata/program.sh"
        ))),
        at_once,
    };
    Batches::open(options).await.unwrap()
}

fn script(text: &str) -> BatchRequest {
    BatchRequest::Sql(SqlBatch {
        sql: text.into(),
        ..SqlBatch::default()
    })
}

async fn ended(batches: &Batches, id: &str) -> BatchInfo {
    let begun = Instant::now();
    loop {
        let info = batches.get(id).await.unwrap();
        if info.state.is_final() {
            return info;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{info:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn running(batches: &Batches, id: &str) {
    while batches.get(id).await.unwrap().state != JobState::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn log(batches: &Batches, id: &str) -> String {
    let (bytes, _) = batches.log(id, 0, 1 << 20).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_batch_runs_and_leaves_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 2).await;
    let request = BatchRequest::Sql(SqlBatch {
        sql: "echo with $1; pwd; exit 3".into(),
        args: vec![Argument("an argument".into())],
        name: Some("nightly".into()),
    });
    let id = batches.submit(request).await.unwrap().id;
    let info = ended(&batches, &id).await;
    assert_eq!((info.state, info.exit_code), (JobState::Failed, Some(3)));
    assert!(info.message.unwrap().contains("status 3"));
    let log = log(&batches, &id).await;
    assert!(
        log.starts_with("submit --master springald://m:1 --conf springald.app_name=nightly /"),
        "{log}"
    );
    assert!(log.contains("\nwith an argument\n"), "{log}");
    assert_eq!(info.log_bytes, log.len() as u64);
}

#[tokio::test]
async fn a_program_of_the_workspace_runs_there() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = dir.path().join("workspace");
    std::fs::create_dir_all(workspace.join("jobs")).unwrap();
    std::fs::write(workspace.join("jobs/x.py"), "echo $SPRINGALD_APP_NAME").unwrap();
    std::fs::write(dir.path().join("outside.py"), "").unwrap();
    let batches = open(&workspace, 2).await;
    let file = |file: &str| {
        BatchRequest::File(FileBatch {
            file: file.into(),
            ..FileBatch::default()
        })
    };
    let info = batches.submit(file("./jobs/x.py")).await.unwrap();
    assert_eq!(info.file.as_deref(), Some("jobs/x.py"));
    assert_eq!(ended(&batches, &info.id).await.state, JobState::Done);
    assert!(log(&batches, &info.id).await.ends_with("\nx.py\n"));
    let refused = batches.submit(file("../outside.py")).await.unwrap_err();
    assert!(matches!(refused, Refusal::Forbidden(_)), "{refused:?}");
    let refused = batches.submit(file("jobs/y.py")).await.unwrap_err();
    assert!(matches!(refused, Refusal::Missing(_)), "{refused:?}");
}

#[tokio::test]
async fn they_take_turns_and_are_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 1).await;
    let first = batches.submit(script("sleep 60")).await.unwrap().id;
    let second = batches.submit(script("echo 2")).await.unwrap().id;
    running(&batches, &first).await;
    let waiting = BatchFilter {
        states: vec![JobState::Waiting],
        limit: 9,
        ..BatchFilter::default()
    };
    let (listed, total) = batches.list(&waiting).await;
    assert_eq!((listed.len(), total), (1, 1));
    assert_eq!(listed[0].id, second);
    let cancelled = batches.cancel(&first).await.unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert_eq!(ended(&batches, &second).await.state, JobState::Done);
    let again = batches.cancel(&first).await.unwrap_err();
    assert!(matches!(again, Refusal::Conflict(_)), "{again:?}");
    let none = batches.cancel("batch-0-1").await.unwrap_err();
    assert!(matches!(none, Refusal::Missing(_)), "{none:?}");
}

#[tokio::test]
async fn lists_are_filtered_and_cut() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 2).await;
    let mut ids = vec![];
    for name in ["red", "green", "dark red"] {
        let request = BatchRequest::Sql(SqlBatch {
            sql: "true".into(),
            name: Some(name.into()),
            ..SqlBatch::default()
        });
        ids.push(batches.submit(request).await.unwrap().id);
    }
    let filter = BatchFilter {
        text: Some("RED".into()),
        limit: 1,
        ..BatchFilter::default()
    };
    let (listed, total) = batches.list(&filter).await;
    assert_eq!((listed[0].name.as_str(), total), ("dark red", 2));
    let filter = BatchFilter {
        offset: 1,
        ..filter
    };
    assert_eq!(batches.list(&filter).await.0[0].id, ids[0]);
}

#[tokio::test]
async fn the_next_master_knows_them() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 1).await;
    let done = batches.submit(script("echo done")).await.unwrap().id;
    ended(&batches, &done).await;
    let runs = batches.submit(script("sleep 60")).await.unwrap().id;
    let waits = batches.submit(script("echo waited")).await.unwrap().id;
    running(&batches, &runs).await;
    // As after SIGKILL: nothing is told to anybody, and the program goes on.
    let next = open(dir.path(), 1).await;
    assert_eq!(next.get(&done).await.unwrap().state, JobState::Done);
    let lost = next.get(&runs).await.unwrap();
    assert_eq!(lost.state, JobState::Failed);
    assert!(lost.message.unwrap().contains("its master ended"));
    assert_eq!(ended(&next, &waits).await.state, JobState::Done);
    assert!(log(&next, &done).await.ends_with("done\n"));
    // The program was ended by the next master.
    assert!(ended(&batches, &runs).await.message.is_some());
}

#[tokio::test]
async fn a_master_that_ends_ends_them() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 1).await;
    let runs = batches.submit(script("sleep 60")).await.unwrap().id;
    let waits = batches.submit(script("echo waited")).await.unwrap().id;
    running(&batches, &runs).await;
    batches.stop_all(Duration::from_secs(4)).await;
    let stopped = batches.get(&runs).await.unwrap();
    assert!(stopped.message.unwrap().contains("master was stopped"));
    let waiting = batches.get(&waits).await.unwrap();
    assert_eq!(waiting.state, JobState::Waiting);
}

#[tokio::test]
async fn a_master_may_run_none() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(dir.path(), 0).await;
    let refused = batches.submit(script("true")).await.unwrap_err();
    assert!(matches!(refused, Refusal::Forbidden(_)), "{refused:?}");
}
