//! A whole master, without workers.

use std::path::Path;
use std::time::Duration;

use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, GetJobStatusResult, HeartBeatParams, KeyValuePair,
};
use datafusion::prelude::SessionContext;
use datafusion_proto::logical_plan::AsLogicalPlan;
use datafusion_proto::protobuf::LogicalPlanNode;
use springald_core::{Security, codec};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::*;

type Statuses = tonic::Streaming<GetJobStatusResult>;

fn options(workspace: &Path) -> MasterOptions {
    MasterOptions {
        port: 0,
        ui_port: Some(0),
        workspace: workspace.to_owned(),
        ..MasterOptions::default()
    }
}

async fn start() -> (TempDir, Master) {
    let workspace = tempfile::tempdir().unwrap();
    let master = Master::start(options(workspace.path())).await.unwrap();
    (workspace, master)
}

fn ours() -> String {
    Security::default().user_agent()
}

async fn client(master: &Master, agent: &str) -> SchedulerGrpcClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", master.addr())).unwrap();
    SchedulerGrpcClient::new(
        endpoint
            .user_agent(agent.to_owned())
            .unwrap()
            .connect()
            .await
            .unwrap(),
    )
}

async fn query(sql: &str, settings: &[(&str, &str)]) -> ExecuteQueryParams {
    let context = SessionContext::new();
    let plan = context.sql(sql).await.unwrap().into_unoptimized_plan();
    let mut bytes = vec![];
    LogicalPlanNode::try_from_logical_plan(&plan, codec::logical().as_ref())
        .unwrap()
        .try_encode(&mut bytes)
        .unwrap();
    let settings = settings.iter().map(|(key, value)| KeyValuePair {
        key: (*key).to_owned(),
        value: Some((*value).to_owned()),
    });
    ExecuteQueryParams {
        session_id: "s".into(),
        settings: settings.collect(),
        operation_id: "o".into(),
        query: Some(Query::LogicalPlan(bytes)),
    }
}

/// The id of the job, and the words that it failed with.
async fn failure(statuses: &mut Statuses) -> (String, String) {
    loop {
        let answer = statuses.message().await.unwrap().expect("a final status");
        let status = answer.status.unwrap();
        match status.status.unwrap() {
            Status::Failed(failed) => return (status.job_id, failed.error),
            Status::Successful(_) => panic!("nobody could have run it"),
            _ => {}
        }
    }
}

async fn http(master: &Master, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(master.ui_addr().unwrap()).await.unwrap();
    let request = format!(
        "{request} HTTP/1.1\r\nhost: m\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn makes_its_folders_and_stops() {
    let (workspace, master) = start().await;
    assert!(workspace.path().join("notebooks/jobs").is_dir());
    let addr = master.addr();
    master.serve_until(async {}).await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let (workspace, first) = start().await;
    let second = MasterOptions {
        port: first.addr().port(),
        ..options(workspace.path())
    };
    let e = Master::start(second).await.err().unwrap();
    assert!(
        e.to_string().contains(&first.addr().port().to_string()),
        "{e}"
    );
}

#[tokio::test]
async fn other_versions_are_refused() {
    let (_workspace, master) = start().await;
    let mut client = client(&master, "springald/0.0.1").await;
    let e = client
        .execute_query_push(query("SELECT 1", &[]).await)
        .await
        .unwrap_err();
    assert_eq!(e.code(), Code::FailedPrecondition);
    assert!(
        e.message().contains("this client Springald 0.0.1"),
        "{}",
        e.message()
    );
    let e = client
        .heart_beat_from_executor(HeartBeatParams::default())
        .await
        .unwrap_err();
    assert!(
        e.message().contains("this worker Springald 0.0.1"),
        "{}",
        e.message()
    );
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_fails_its_job_in_words() {
    let (_workspace, master) = start().await;
    let mut client = client(&master, &ours()).await;
    let mut params = query("SELECT 1", &[]).await;
    params.query = Some(Query::LogicalPlan(vec![7; 9]));
    let mut statuses = client
        .execute_query_push(params)
        .await
        .unwrap()
        .into_inner();
    let (_, error) = failure(&mut statuses).await;
    assert!(!error.contains("DataFusionError"), "{error}");
    assert!(
        statuses.message().await.unwrap().is_none(),
        "the stream ends"
    );
}

#[tokio::test]
async fn a_job_waits_says_why_and_gives_up() {
    let (_workspace, master) = start().await;
    let mut client = client(&master, &ours()).await;
    let settings = [
        ("springald.job_wait_seconds", "1"),
        ("springald.app_name", "patient"),
    ];
    let params = query("SELECT 1 AS a", &settings).await;
    let mut statuses = client
        .execute_query_push(params)
        .await
        .unwrap()
        .into_inner();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let jobs = http(&master, "GET /api/v1/jobs?state=waiting", "").await;
    assert!(
        jobs.contains("waiting for a worker: none is registered"),
        "{jobs}"
    );
    assert!(jobs.contains("patient"), "{jobs}");
    let (_, error) = failure(&mut statuses).await;
    assert!(
        error.starts_with("no worker has registered within 1 s"),
        "{error}"
    );
}

#[tokio::test]
async fn jobs_are_cancelled_by_request_and_when_their_client_goes() {
    let (_workspace, master) = start().await;
    let mut client = client(&master, &ours()).await;
    let params = query("SELECT 1 AS a", &[]).await;
    let mut statuses = client
        .execute_query_push(params.clone())
        .await
        .unwrap()
        .into_inner();
    let first = statuses
        .message()
        .await
        .unwrap()
        .unwrap()
        .status
        .unwrap()
        .job_id;
    let cancel = CancelJobParams {
        job_id: first.clone(),
    };
    assert!(
        client
            .cancel_job(cancel)
            .await
            .unwrap()
            .into_inner()
            .cancelled
    );
    assert_eq!(
        failure(&mut statuses).await,
        (first, "cancelled by its client".into())
    );

    let mut statuses = client
        .execute_query_push(params)
        .await
        .unwrap()
        .into_inner();
    let second = statuses
        .message()
        .await
        .unwrap()
        .unwrap()
        .status
        .unwrap()
        .job_id;
    drop(statuses);
    let job = loop {
        let job = http(&master, &format!("GET /api/v1/jobs/{second}"), "").await;
        if !job.contains("waiting") {
            break job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(job.contains("cancelled: its client went away"), "{job}");
}

#[tokio::test]
async fn jobs_of_a_stopping_master_are_told() {
    let (_workspace, master) = start().await;
    let mut client = client(&master, &ours()).await;
    let params = query("SELECT 1 AS a", &[]).await;
    let mut statuses = client
        .execute_query_push(params)
        .await
        .unwrap()
        .into_inner();
    let told = tokio::spawn(async move { failure(&mut statuses).await.1 });
    master
        .serve_until(tokio::time::sleep(Duration::from_millis(50)))
        .await;
    assert_eq!(told.await.unwrap(), "the master is stopping");
}

#[tokio::test]
async fn the_rest_interface_answers_in_json() {
    let (_workspace, master) = start().await;
    let cluster = http(&master, "GET /api/v1/cluster", "").await;
    assert!(
        cluster.contains("200 OK") && cluster.contains("\"workers\":0"),
        "{cluster}"
    );
    let entry = r#"{"name":"T","sql":"CREATE VIEW T AS SELECT 1"}"#;
    assert!(
        http(&master, "PUT /api/v1/catalog/t", entry)
            .await
            .contains("204")
    );
    assert!(
        http(&master, "PUT /api/v1/catalog/u", entry)
            .await
            .contains("409")
    );
    assert!(
        http(&master, "GET /api/v1/catalog", "")
            .await
            .contains("CREATE VIEW T")
    );
    assert!(
        http(&master, "DELETE /api/v1/catalog/t", "")
            .await
            .contains("204")
    );
    for (request, body, status) in [
        ("GET /api/v1/jobs/none", "", "404"),
        ("DELETE /api/v1/jobs/none", "", "404"),
        ("GET /api/v1/jobs?state=lost", "", "400"),
        ("DELETE /api/v1/catalog/t", "", "404"),
        ("POST /api/v1/publish", "{}", "400"),
        (
            "POST /api/v1/publish",
            r#"{"staging":"/w/x","target":"/w"}"#,
            "400",
        ),
        ("GET /api/v1/nothing", "", "404"),
    ] {
        let answer = http(&master, request, body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
        assert!(answer.contains("{\"error\":"), "{request}: {answer}");
    }
    let probe = http(
        &master,
        "POST /api/v1/probe",
        r#"{"paths":["/etc/hostname"]}"#,
    )
    .await;
    assert!(probe.contains("\"id\":\"master\""), "{probe}");
    assert!(http(&master, "GET /healthz", "").await.contains("200 OK"));
    assert!(http(&master, "GET /readyz", "").await.contains("503"));
}
