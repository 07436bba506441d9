//! The pages of a whole master without workers, and records for the tests of each page.

use std::path::Path;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use springald_core::protocol::{JobInfo, JobState, WorkerInfo, WorkerState};
use springald_core::record::{JobRecord, OperatorRecord, StageRecord, StageState, TaskRecord};
use tempfile::TempDir;

use super::csrf;
use crate::{Master, MasterOptions};

pub(super) fn job(id: &str, state: JobState) -> JobInfo {
    JobInfo {
        id: id.into(),
        name: "a job".into(),
        session: "a-session".into(),
        state,
        message: None,
        attempts: 1,
        submitted_at_ms: 1_000,
        started_at_ms: (state != JobState::Waiting).then_some(1_100),
        ended_at_ms: state.is_final().then_some(2_000),
        stages: 0,
        stages_done: 0,
        tasks: 0,
        tasks_running: 0,
        tasks_done: 0,
    }
}

pub(super) fn record(job: JobInfo) -> JobRecord {
    JobRecord {
        job,
        sql: None,
        plan: None,
        settings: vec![],
        attempts: vec![],
        stages: vec![],
    }
}

/// A stage of two partitions that is done, with nothing in it.
pub(super) fn stage(id: u32, inputs: &[u32]) -> StageRecord {
    StageRecord {
        id,
        state: StageState::Done,
        inputs: inputs.to_vec(),
        partitions: 2,
        started_at_ms: Some(1_000),
        ended_at_ms: Some(2_000),
        rows_in: 0,
        rows_out: 0,
        bytes_out: 0,
        spilled_bytes: 0,
        cpu_ms: 0,
        tasks: vec![],
        operators: vec![],
        message: None,
    }
}

/// A task that is done and took `ms`.
pub(super) fn task(id: u32, ms: u64) -> TaskRecord {
    TaskRecord {
        id,
        worker_id: "w".into(),
        worker: "host:1".into(),
        state: StageState::Done,
        partitions: 1,
        launched_at_ms: 1_000,
        started_at_ms: Some(1_010),
        ended_at_ms: Some(1_010 + ms),
        rows: 10,
        bytes: 100,
        message: None,
    }
}

pub(super) fn operator(name: &str) -> OperatorRecord {
    OperatorRecord {
        depth: 0,
        name: name.into(),
        detail: String::new(),
        rows: None,
        cpu_ms: None,
        spilled_bytes: None,
        metrics: vec![],
    }
}

/// A worker with two cores, one of them busy.
pub(super) fn worker(id: &str, state: WorkerState) -> WorkerInfo {
    WorkerInfo {
        id: id.into(),
        host: "10.0.0.1".into(),
        port: 4_000,
        state,
        cores: 2,
        cores_free: 1,
        memory_bytes: 1 << 30,
        memory_used_bytes: 1 << 29,
        cached_memory_bytes: 0,
        cached_disk_bytes: 0,
        tasks: 1,
        last_seen_ms: 100,
    }
}

async fn start(options: impl FnOnce(MasterOptions) -> MasterOptions) -> (TempDir, Master, String) {
    let workspace = tempfile::tempdir().unwrap();
    let path: &Path = workspace.path();
    let master = Master::start(options(MasterOptions {
        port: 0,
        ui_port: Some(0),
        workspace: path.to_owned(),
        ..MasterOptions::default()
    }))
    .await
    .unwrap();
    let base = format!("http://{}", master.ui_addr().unwrap());
    (workspace, master, base)
}

fn client() -> Client {
    // A proxy of the environment does not lead to this process.
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).unwrap().to_str().unwrap()
}

#[tokio::test]
async fn every_page_of_an_empty_cluster() {
    let (_workspace, _master, base) = start(|options| options).await;
    for path in [
        "/",
        "/jobs",
        "/sessions",
        "/configuration",
        "/sql",
        "/login",
    ] {
        let answer = client().get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "x-frame-options"), "DENY");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let text = answer.text().await.unwrap();
        assert!(text.starts_with("<!DOCTYPE html>"), "{path}: {text}");
        assert!(
            text.contains("<h1>") && text.contains("lang=\"en\""),
            "{path}"
        );
        for loaded in ["src=\"http", "href=\"http", "style=", "<style", "onclick"] {
            assert!(!text.contains(loaded), "{path} has {loaded}");
        }
    }
}

#[tokio::test]
async fn assets_are_kept_by_browsers() {
    let (_workspace, _master, base) = start(|options| options).await;
    let page = client().get(&base).send().await.unwrap().text().await;
    let page = page.unwrap();
    for (name, kind) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
        let begin = page.find(&format!("/assets/{name}")).unwrap();
        let address = page[begin..].split('"').next().unwrap();
        let answer = client().get(format!("{base}{address}")).send().await;
        let answer = answer.unwrap();
        assert!(header(&answer, "content-type").starts_with(kind));
        assert!(header(&answer, "cache-control").contains("immutable"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_workspace, _master, base) = start(|options| options).await;
    for path in ["/jobs/none", "/workers/none", "/assets/none"] {
        let answer = client().get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let events = client().get(format!("{base}/events?of=/nothing"));
    assert_eq!(events.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_are_renewed_by_events() {
    let (_workspace, _master, base) = start(|options| options).await;
    let mut answer = client()
        .get(format!("{base}/events?of=/"))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&answer, "content-type"), "text/event-stream");
    let mut text = String::new();
    while text.matches("event: part").count() < 5 {
        text.push_str(&String::from_utf8_lossy(
            &answer.chunk().await.unwrap().unwrap(),
        ));
    }
    assert!(
        text.contains("data: {\"id\":\"head\",\"html\":\"<h1>Cluster"),
        "{text}"
    );
}

#[tokio::test]
async fn changes_need_the_secret_of_a_page() {
    let (_workspace, _master, base) = start(|options| options).await;
    let page = client().get(&base).send().await.unwrap();
    let cookie = header(&page, "set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let kill = format!("{base}/jobs/none/kill");
    let secret = format!("csrf={}", csrf::token());
    let form = "application/x-www-form-urlencoded";
    let post = |body: String, cookie: Option<&str>, origin: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(form));
        for (name, value) in [("cookie", cookie), ("origin", origin)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        client().post(&kill).headers(headers).body(body).send()
    };
    let status = |answer: Result<Response, reqwest::Error>| answer.unwrap().status();
    let cookie = Some(cookie.as_str());
    // The job is not there, but the form was looked at.
    assert_eq!(
        status(post(secret.clone(), cookie, Some(&base)).await),
        StatusCode::NOT_FOUND
    );
    for (body, cookie, origin) in [
        (secret.clone(), None, None),
        (String::new(), cookie, None),
        ("csrf=0".to_owned(), cookie, None),
        (secret, cookie, Some("http://evil.example")),
    ] {
        let refused = post(body, cookie, origin).await;
        assert_eq!(status(refused), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn sql_can_be_turned_off() {
    let (_workspace, _master, base) = start(|options| MasterOptions {
        sql_page: false,
        ..options
    })
    .await;
    let answer = client().get(format!("{base}/sql")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let front = client().get(&base).send().await.unwrap().text().await;
    assert!(!front.unwrap().contains("href=\"/sql\""));
}
