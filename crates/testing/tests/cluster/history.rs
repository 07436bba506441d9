//! Records of jobs: what they say, that they outlive their master, and the tables made of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use springald_testing::{Cluster, ClusterSpec, Process, Signal, Strings, Tpch, springald, within};

use crate::JOINS;

const LIMIT: Duration = Duration::from_secs(30);

/// Two shuffles, and a limit at the end.
const GROUPED: &str = "SELECT n_name, count(*) AS n FROM supplier JOIN nation ON s_nationkey = n_nationkey \
                       GROUP BY n_name ORDER BY n DESC, n_name LIMIT 3";

fn cluster() -> Cluster {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let cluster = Cluster::start(ClusterSpec::default());
    cluster.sql(&tpch.tables()).ok();
    cluster
}

/// The job whose record shows `sql`, when it is `state`.
fn job_of(cluster: &Cluster, sql: &str, state: &str) -> Value {
    within(LIMIT, &format!("a {state} job"), || {
        let jobs = cluster.jobs().into_iter();
        let mut records = jobs
            .filter(|job| job["state"] == state)
            .filter_map(|job| record(cluster, job["id"].as_str()?));
        records.find(|record| record["sql"] == sql)
    })
}

fn record(cluster: &Cluster, id: &str) -> Option<Value> {
    cluster.get(&format!("/api/v1/jobs/{id}/record"))
}

fn id(record: &Value) -> &str {
    record["job"]["id"].as_str().expect("an id")
}

fn stages(record: &Value) -> &Vec<Value> {
    record["stages"].as_array().expect("stages")
}

/// The lines of the history's files.
fn lines(events: &Path) -> Vec<String> {
    let mut lines = vec![];
    for entry in fs::read_dir(events).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let text = fs::read_to_string(path).expect("a file of text");
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

/// Waits until the record of a job is in a file, as a machine that fails may take what is not.
fn wait_for_file(cluster: &Cluster, id: &str) {
    let events = cluster.workspace().join("events");
    let sealed = format!("\"id\":\"{id}\",\"event\":\"record\"");
    within(LIMIT, "the record is in a file", || {
        let mut lines = lines(&events).into_iter();
        lines.find(|line| line.contains(&sealed)).map(drop)
    });
}

#[test]
fn a_record_tells_what_a_job_did() {
    let cluster = cluster();
    cluster.sql(GROUPED).ok();
    let record = job_of(&cluster, GROUPED, "done");
    assert!(
        record["plan"].as_str().expect("a plan").contains("Exec"),
        "{record}"
    );
    assert_eq!(
        record["attempts"].as_array().map(Vec::len),
        Some(1),
        "{record}"
    );
    let stages = stages(&record);
    assert!(stages.len() >= 2, "{record}");
    let by_id = |id: &Value| stages.iter().find(|stage| stage["id"] == *id);
    for stage in stages {
        assert_eq!(stage["state"], "done", "{stage}");
        let tasks = stage["tasks"].as_array().expect("tasks");
        assert!(!tasks.is_empty(), "{stage}");
        for task in tasks {
            assert!(
                task["worker"]
                    .as_str()
                    .is_some_and(|name| name.contains(':')),
                "{task}"
            );
            assert!(
                task["ended_at_ms"].as_u64() >= task["started_at_ms"].as_u64(),
                "{task}"
            );
        }
        let rows: u64 = tasks.iter().filter_map(|task| task["rows"].as_u64()).sum();
        assert_eq!(stage["rows_out"], rows, "{stage}");
        assert!(
            stage["operators"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
            "{stage}"
        );
        for input in stage["inputs"].as_array().expect("inputs") {
            assert!(by_id(input).is_some(), "stage {input} is missing: {record}");
        }
    }
    let supplier = stages
        .iter()
        .flat_map(|stage| stage["operators"].as_array().into_iter().flatten());
    let mut scans = supplier.filter(|operator| {
        operator["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("supplier"))
    });
    let scan = scans.next().expect("the scan of a table");
    assert_eq!(scan["rows"], 1_000, "{scan}");
    let last = stages.iter().max_by_key(|stage| stage["id"].as_u64());
    assert_eq!(last.expect("a last stage")["rows_out"], 3, "{record}");
}

#[test]
fn a_running_job_is_seen_from_within() {
    let cluster = cluster();
    let mut client = cluster.spawn("client", &["sql", "--format", "csv", "-e", JOINS]);
    let running = within(LIMIT, "a running task", || {
        let jobs = cluster.jobs();
        let job = jobs.iter().find(|job| job["state"] == "running")?;
        let record = record(&cluster, job["id"].as_str()?)?;
        let running = stages(&record)
            .iter()
            .any(|stage| stage["state"] == "running");
        running.then_some(record)
    });
    assert_eq!(running["sql"], JOINS.trim());
    assert!(running["plan"].is_string(), "{running}");
    client.kill();
    let cancelled = job_of(&cluster, JOINS.trim(), "cancelled");
    let ended = |stage: &Value| stage["state"] != "running";
    assert!(stages(&cancelled).iter().all(ended), "{cancelled}");
}

#[test]
fn jobs_outlive_their_master() {
    let mut cluster = cluster();
    cluster.sql(GROUPED).ok();
    let before = job_of(&cluster, GROUPED, "done");
    wait_for_file(&cluster, id(&before));
    // Under way when the master dies.
    let mut client = cluster.spawn("client", &["sql", "-e", JOINS]);
    let events = cluster.workspace().join("events");
    let running = cluster.wait_for_job("the job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    let running = running["id"].as_str().expect("an id").to_owned();
    within(LIMIT, "a stage of it is written", || {
        let mut lines = lines(&events).into_iter();
        let stage = format!("\"id\":\"{running}\",\"event\":\"stage\"");
        lines.find(|line| line.contains(&stage)).map(drop)
    });
    cluster.kill_master();
    client.wait(LIMIT).expect("the client ends");
    cluster.restart_master();

    assert_eq!(record(&cluster, id(&before)), Some(before.clone()));
    let dead = record(&cluster, &running).expect("the job that ran");
    assert_eq!(dead["job"]["state"], "failed", "{dead}");
    let message = dead["job"]["message"].as_str().expect("a message");
    assert!(message.contains("master stopped"), "{message}");
    assert!(!stages(&dead).is_empty(), "{dead}");
    let jobs = cluster.jobs();
    for id in [id(&before), &running] {
        assert_eq!(jobs.iter().filter(|job| job["id"] == id).count(), 1, "{id}");
    }

    // Deleting the files clears the history, also of this master's own jobs.
    cluster.wait_for_workers(2);
    cluster.sql(GROUPED).ok();
    let jobs = cluster.jobs();
    let newest = jobs
        .first()
        .and_then(|job| job["id"].as_str())
        .expect("a job");
    wait_for_file(&cluster, newest);
    fs::remove_dir_all(&events).expect("the files can be removed");
    assert_eq!(cluster.jobs(), Vec::<Value>::new());
    assert_eq!(record(&cluster, id(&before)), None);
    cluster.sql(GROUPED).ok();
    job_of(&cluster, GROUPED, "done");
}

#[test]
fn a_history_server_shows_the_same_from_a_copy() {
    let cluster = cluster();
    cluster.sql(GROUPED).ok();
    cluster
        .sql("SELECT 1 / (n_nationkey - n_nationkey) FROM nation")
        .refused(&[]);
    let done = job_of(&cluster, GROUPED, "done");
    for job in cluster.jobs() {
        wait_for_file(&cluster, job["id"].as_str().expect("an id"));
    }
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(cluster.workspace().join("events")).expect("the folder is there") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
        }
    }
    let server = Server::start(copy.path());
    assert_eq!(server.get("/api/v1/jobs"), cluster.get("/api/v1/jobs"));
    let path = format!("/api/v1/jobs/{}/record", id(&done));
    assert_eq!(server.get(&path), Some(done));

    // It follows what is written to the folder, and stops when it is told to.
    let live = Server::start(&cluster.workspace().join("events"));
    cluster.sql("SELECT count(*) AS followed FROM nation").ok();
    let followed = job_of(&cluster, "SELECT count(*) AS followed FROM nation", "done");
    within(LIMIT, "the new job", || {
        live.get(&format!("/api/v1/jobs/{}", id(&followed)))
            .filter(|job| job["state"] == "done")
    });
    live.stop();
}

#[test]
fn records_are_tables() {
    let cluster = cluster();
    cluster.sql(GROUPED).ok();
    let done = job_of(&cluster, GROUPED, "done");
    let id = id(&done);
    let one = |sql: &str| cluster.sql(sql).rows().rows[0].clone();

    let job = one(&format!(
        "SELECT state, sql, ended_at >= submitted_at, arrow_typeof(submitted_at) FROM system.jobs WHERE job_id = '{id}'"
    ));
    assert_eq!(job[..3], ["done", GROUPED, "true"]);
    assert!(
        job[3].contains("Timestamp") && job[3].contains("UTC"),
        "{job:?}"
    );
    let joined = one(&format!(
        "SELECT count(DISTINCT s.stage_id), count(*), count(DISTINCT w.worker_id) > 0 \
         FROM system.jobs j JOIN system.stages s ON s.job_id = j.job_id \
         JOIN system.tasks t ON t.job_id = s.job_id AND t.stage_id = s.stage_id \
         LEFT JOIN system.workers w ON w.worker_id = t.worker_id \
         WHERE j.job_id = '{id}'"
    ));
    let tasks: usize = stages(&done)
        .iter()
        .map(|stage| stage["tasks"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(
        joined,
        [
            stages(&done).len().to_string(),
            tasks.to_string(),
            "true".to_owned()
        ]
    );
    assert_eq!(
        one("SELECT sum(cores) FROM system.workers WHERE state = 'active'"),
        ["2"]
    );
    assert_eq!(one("SELECT count(*) FROM system.cache"), ["0"]);
    let sessions =
        one("SELECT count(*) = count(DISTINCT session_id), sum(jobs) > 0 FROM system.sessions");
    assert_eq!(sessions, ["true", "true"]);

    let before = cluster.jobs().len();
    cluster.sql("EXPLAIN SELECT * FROM system.jobs").ok();
    assert_eq!(
        cluster.jobs().len(),
        before,
        "tables of records are no work for the cluster"
    );
    cluster
        .sql("SELECT * FROM system.jobs, nation")
        .refused(&["system", "CREATE TABLE"]);
    cluster
        .sql("CREATE TABLE kept AS SELECT job_id, name FROM system.jobs")
        .ok();
    let kept = one("SELECT count(*) > 0 FROM kept, nation");
    assert_eq!(kept, ["true"]);
}

/// A `springald history` of its own.
struct Server {
    process: Process,
    port: u16,
    _log: tempfile::NamedTempFile,
}

impl Server {
    fn start(events: &Path) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut command = springald();
        command
            .args(["history", "--port", "0", "--events"])
            .arg(events);
        let process = Process::spawn("history", command, log.path());
        let port = within(LIMIT, "the history server is ready", || {
            let printed = process.printed();
            let (_, rest) = printed.split_once("ready at http://127.0.0.1:")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        Self {
            process,
            port,
            _log: log,
        }
    }

    fn get(&self, path: &str) -> Option<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let url = format!("http://127.0.0.1:{}{path}", self.port);
            let response = reqwest::get(url).await.ok()?.error_for_status().ok()?;
            response.json().await.ok()
        })
    }

    fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(LIMIT).expect("it stops");
        assert!(status.success(), "{}", self.process.printed());
    }
}
