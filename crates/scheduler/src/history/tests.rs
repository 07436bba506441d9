//! Files that are written, read, torn and removed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use springald_core::protocol::{JobInfo, JobState};
use springald_core::record::{
    AttemptRecord, JobRecord, OperatorRecord, StageRecord, StageState, TaskRecord,
};
use tempfile::TempDir;

use super::{Archive, HistoryOptions, HistoryServer, Journal, Retention};

const WITHIN: Duration = Duration::from_secs(10);

fn info(id: &str, state: JobState) -> JobInfo {
    JobInfo {
        id: id.into(),
        name: "a \"name\"\n<script>".into(),
        session: "s".into(),
        state,
        message: (state == JobState::Failed).then(|| "it broke".into()),
        attempts: 1,
        submitted_at_ms: 1_000,
        started_at_ms: Some(1_100),
        ended_at_ms: state.is_final().then_some(2_000),
        stages: 2,
        stages_done: 1,
        tasks: 4,
        tasks_running: 1,
        tasks_done: 2,
    }
}

fn task(id: u32) -> TaskRecord {
    TaskRecord {
        id,
        worker_id: "w".into(),
        worker: "host:1".into(),
        state: StageState::Done,
        partitions: 2,
        launched_at_ms: 1_100,
        started_at_ms: Some(1_101),
        ended_at_ms: Some(1_200),
        rows: 10,
        bytes: 100,
        message: None,
    }
}

fn stage(id: u32, state: StageState, tasks: u32) -> StageRecord {
    let operator = |depth: u32| OperatorRecord {
        depth,
        name: "FilterExec".into(),
        detail: "a@0 > 1".into(),
        rows: Some(10),
        cpu_ms: Some(0.25),
        spilled_bytes: None,
        metrics: vec![("output_batches".into(), 3)],
    };
    StageRecord {
        id,
        state,
        inputs: vec![],
        partitions: 4,
        started_at_ms: Some(1_101),
        ended_at_ms: None,
        rows_in: 20,
        rows_out: 10 * u64::from(tasks),
        bytes_out: 100 * u64::from(tasks),
        spilled_bytes: 0,
        cpu_ms: 1,
        tasks: (0..tasks).map(task).collect(),
        operators: (0..8).map(operator).collect(),
        message: None,
    }
}

fn attempt(ended_at_ms: Option<u64>) -> AttemptRecord {
    AttemptRecord {
        number: 1,
        started_at_ms: 1_050,
        ended_at_ms,
        message: None,
    }
}

fn record(id: &str) -> JobRecord {
    JobRecord {
        job: info(id, JobState::Done),
        sql: Some("SELECT 'ü'\nFROM t".into()),
        plan: Some("A\n  B".into()),
        settings: vec![("k".into(), "v".into())],
        attempts: vec![attempt(Some(2_000))],
        stages: vec![stage(1, StageState::Done, 3), stage(2, StageState::Done, 3)],
    }
}

fn journal(folder: &Path) -> Journal {
    let retention = Retention::default();
    Journal::start(folder.to_owned(), retention, "springald://m:7077").unwrap()
}

/// Writes a job with its whole life.
fn live(journal: &Journal, id: &str) {
    begin(journal, id);
    journal.seal(record(id));
}

/// Writes the beginning of a job.
fn begin(journal: &Journal, id: &str) {
    let settings = vec![("k".into(), "v".into())];
    let sql = Some("SELECT 'ü'\nFROM t".into());
    journal.submitted(info(id, JobState::Waiting), sql, settings);
    journal.attempt(info(id, JobState::Waiting), attempt(None));
    journal.planned(id, "A\n  B".into());
    journal.stage(id, 1, stage(1, StageState::Running, 0));
    journal.task(id, 1, 1, task(0));
    journal.task(id, 1, 1, task(1));
    journal.progress(info(id, JobState::Running));
}

async fn ids(archive: &Arc<Archive>) -> Vec<String> {
    let listed = archive.list().await;
    assert!(listed.fresh);
    let mut ids: Vec<_> = listed.jobs.iter().map(|job| job.id.clone()).collect();
    ids.sort();
    ids
}

fn reader(folder: &Path) -> Arc<Archive> {
    Arc::new(Archive::new(folder.to_owned(), false))
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[tokio::test]
async fn what_is_written_is_read_while_it_is_written() {
    let folder = TempDir::new().unwrap();
    let archive = reader(folder.path());
    assert!(ids(&archive).await.is_empty());
    let journal = journal(folder.path());
    live(&journal, "job-1");
    begin(&journal, "job-2");
    journal.flush(WITHIN).await;
    assert_eq!(ids(&archive).await, ["job-1", "job-2"]);
    assert_eq!(archive.record("job-1").await.unwrap(), record("job-1"));

    let running = archive.record("job-2").await.unwrap();
    assert_eq!(running.job.state, JobState::Running);
    assert_eq!(running.sql.as_deref(), Some("SELECT 'ü'\nFROM t"));
    assert_eq!(running.plan.as_deref(), Some("A\n  B"));
    assert_eq!(running.stages[0].tasks, [task(0), task(1)]);
    assert_eq!(running.stages[0].rows_out, 20);

    journal.stage("job-2", 1, stage(1, StageState::Done, 0));
    journal.seal(record("job-2"));
    journal.flush(WITHIN).await;
    assert_eq!(archive.record("job-2").await.unwrap(), record("job-2"));
    assert_eq!(archive.record("job-3").await, None);
    assert_eq!(journal.lost(), 0);
}

#[tokio::test]
async fn a_sealed_record_stays_in_memory_until_it_is_in_a_file() {
    let folder = TempDir::new().unwrap();
    // A file stands where the folder should be.
    let path = folder.path().join("events");
    fs::write(&path, "").unwrap();
    let journal = journal(&path);
    let first = journal.seal(record("job-1"));
    journal.flush(WITHIN).await;
    assert!(journal.lost() > 0);
    assert_eq!(*first.unwritten().unwrap(), record("job-1"));
    first.shed();
    assert!(first.unwritten().unwrap().stages.is_empty());

    fs::remove_file(&path).unwrap();
    let second = journal.seal(record("job-2"));
    journal.flush(WITHIN).await;
    assert!(second.unwritten().is_none());
    assert_eq!(ids(&reader(&path)).await, ["job-2"]);

    let off = Retention {
        bytes: 0,
        ..Retention::default()
    };
    let off = Journal::start(path, off, "m").unwrap();
    assert!(!off.is_on() && off.seal(record("job-3")).unwritten().is_some());
}

#[tokio::test]
async fn a_job_whose_master_died_has_failed_and_keeps_what_it_did() {
    let folder = TempDir::new().unwrap();
    let first = journal(folder.path());
    begin(&first, "job-1");
    first.flush(WITHIN).await;
    let archive = reader(folder.path());
    let master = Arc::new(Archive::new(folder.path().to_owned(), true));
    assert_eq!(ids(&archive).await, ["job-1"]);
    assert!(ids(&master).await.is_empty(), "another master runs it");

    drop(first);
    let died = tokio::time::timeout(WITHIN, async {
        loop {
            let info = archive.info("job-1").await.unwrap();
            if info.state.is_final() {
                return info;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let died = died.await.unwrap();
    assert_eq!(died.state, JobState::Failed);
    assert!(
        died.message
            .as_ref()
            .unwrap()
            .contains("its master stopped")
    );
    assert!(died.ended_at_ms.is_some() && died.tasks_running == 0);
    for archive in [archive, master] {
        let record = archive.record("job-1").await.unwrap();
        assert_eq!(record.job, died);
        assert_eq!(record.stages[0].state, StageState::Failed);
        assert_eq!(record.stages[0].tasks.len(), 2);
        assert_eq!(record.attempts[0].message, died.message);
    }
}

#[tokio::test]
async fn a_torn_last_line_costs_that_line_only() {
    let folder = TempDir::new().unwrap();
    let writer = journal(folder.path());
    live(&writer, "job-1");
    begin(&writer, "job-2");
    writer.flush(WITHIN).await;
    drop(writer);
    let whole = fs::read(only_file(folder.path())).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    for end in last..=whole.len() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("jobs-0000000000001-00001.jsonl");
        fs::write(&path, &whole[..end]).unwrap();
        let archive = reader(folder.path());
        assert_eq!(ids(&archive).await, ["job-1", "job-2"], "{end}");
        assert_eq!(archive.record("job-1").await.unwrap(), record("job-1"));
        let torn = archive.record("job-2").await.unwrap();
        assert_eq!(torn.stages[0].tasks.len(), 2);
        assert_eq!(torn.job.state, JobState::Failed);

        // Whoever writes next does so in a file of its own.
        let next = journal(folder.path());
        live(&next, "job-3");
        next.flush(WITHIN).await;
        assert_eq!(ids(&archive).await, ["job-1", "job-2", "job-3"]);
        assert_eq!(fs::read(&path).unwrap().len(), end);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let writer = journal(folder.path());
    live(&writer, "job-1");
    writer.flush(WITHIN).await;
    drop(writer);
    let path = only_file(folder.path());
    let text = fs::read_to_string(&path).unwrap();
    let strange = [
        r#"{"v":1,"at_ms":5,"id":"job-1","event":"applause","loud":true}"#,
        r#"{"v":9,"at_ms":5,"id":"job-9","event":"ended","job":{}}"#,
        r#"{"v":1,"at_ms":5,"id":"job-8","event":"ended","job":{"id":3}}"#,
        "",
        "torn in the mid",
        "\u{0}\u{0}",
    ];
    let newer = text.replace("\"event\":\"ended\",", "\"event\":\"ended\",\"mood\":[1],");
    fs::write(&path, format!("{}\n{newer}", strange.join("\n"))).unwrap();
    let archive = reader(folder.path());
    assert_eq!(ids(&archive).await, ["job-1"]);
    assert_eq!(archive.record("job-1").await.unwrap(), record("job-1"));
}

#[tokio::test]
async fn removed_files_are_forgotten_and_new_ones_follow() {
    let folder = TempDir::new().unwrap();
    let events = folder.path().join("events");
    let writer = journal(&events);
    live(&writer, "job-1");
    writer.flush(WITHIN).await;
    let archive = reader(&events);
    assert_eq!(ids(&archive).await, ["job-1"]);
    assert!(archive.has_prefix("job-") && !archive.has_prefix("jab"));

    fs::remove_dir_all(&events).unwrap();
    assert!(ids(&archive).await.is_empty());
    assert_eq!(archive.record("job-1").await, None);
    live(&writer, "job-2");
    writer.flush(WITHIN).await;
    assert_eq!(ids(&archive).await, ["job-2"]);

    // Another file under the same name.
    let path = only_file(&events);
    let text = fs::read_to_string(&path).unwrap().replace("job-2", "job-x");
    fs::remove_file(&path).unwrap();
    fs::write(&path, text).unwrap();
    assert_eq!(ids(&archive).await, ["job-x"]);
}

/// Prints how long ten thousand jobs take to read and to list.
#[tokio::test]
async fn ten_thousand_jobs() {
    const JOBS: usize = 10_000;
    let folder = TempDir::new().unwrap();
    let writer = journal(folder.path());
    for n in 0..JOBS {
        live(&writer, &format!("job-{n:05}"));
        if n % 500 == 499 {
            writer.flush(WITHIN).await;
        }
    }
    writer.flush(WITHIN).await;
    assert_eq!(writer.lost(), 0);
    let files = fs::read_dir(folder.path()).unwrap();
    let bytes: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();

    let begun = Instant::now();
    let archive = reader(folder.path());
    archive.open();
    let opened = begun.elapsed();
    let begun = Instant::now();
    let listed = archive.list().await.jobs;
    let listing = begun.elapsed();
    let begun = Instant::now();
    let last = archive.record("job-09999").await.unwrap();
    let reading = begun.elapsed();
    println!(
        "{JOBS} jobs in {} MiB: opened in {opened:?}, listed in {listing:?}, one record in {reading:?}",
        bytes >> 20
    );
    assert_eq!(listed.len(), JOBS);
    assert_eq!(last, record("job-09999"));
}

#[tokio::test]
async fn a_history_server_answers_from_the_folder_alone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let folder = TempDir::new().unwrap();
    let options = |events: &Path| HistoryOptions {
        host: "127.0.0.1".into(),
        port: 0,
        events: events.to_owned(),
    };
    let missing = HistoryServer::start(options(&folder.path().join("none"))).await;
    assert!(missing.err().unwrap().to_string().contains("none"));

    let server = HistoryServer::start(options(folder.path())).await.unwrap();
    let addr = server.addr();
    let get = |path: &'static str| async move {
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(get("/healthz").await.contains("200 OK"));
    let journal = journal(folder.path());
    live(&journal, "job-1");
    journal.flush(WITHIN).await;
    assert!(
        get("/api/v1/jobs?state=done&limit=5")
            .await
            .contains("job-1")
    );
    assert!(!get("/api/v1/jobs?search=nothing").await.contains("job-1"));
    let answer = get("/api/v1/jobs/job-1/record").await;
    let expected = serde_json::to_string(&record("job-1")).unwrap();
    assert!(answer.ends_with(&expected), "{answer}");
    let lines = get("/api/v1/records?detail=job&job=job-1,job-2").await;
    assert!(
        lines.contains("SELECT") && !lines.contains("FilterExec"),
        "{lines}"
    );
    for (path, status) in [
        ("/api/v1/jobs/none", "404"),
        ("/api/v1/jobs?state=lost", "400"),
        ("/api/v1/records?detail=all", "400"),
        ("/api/v1/workers", "404"),
    ] {
        let answer = get(path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains("{\"error\":"), "{answer}");
    }
    server.serve_until(async {}).await;
}
