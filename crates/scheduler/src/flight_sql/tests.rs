//! A master without workers, and a tool that speaks to it: whatever needs no worker works, and the rest waits.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetPrimaryKeys, CommandGetTables, SqlInfo};
use arrow_flight::{FlightInfo, Ticket};
use datafusion::arrow::array::{AsArray, RecordBatch, StringArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

use crate::{Master, MasterOptions};

type Tool = FlightSqlServiceClient<Channel>;

async fn start() -> (TempDir, Master) {
    let workspace = tempfile::tempdir().unwrap();
    let options = MasterOptions {
        port: 0,
        ui_port: None,
        workspace: workspace.path().to_owned(),
        ..MasterOptions::default()
    };
    let master = Master::start(options).await.unwrap();
    (workspace, master)
}

async fn connect(master: &Master) -> Tool {
    let endpoint = Endpoint::from_shared(format!("http://{}", master.addr())).unwrap();
    Tool::new(endpoint.connect().await.unwrap())
}

fn ticket(info: &FlightInfo) -> Ticket {
    let [endpoint] = &info.endpoint[..] else {
        panic!("one endpoint: {info:?}");
    };
    endpoint.ticket.clone().unwrap()
}

async fn fetch(tool: &mut Tool, info: FlightInfo) -> Vec<RecordBatch> {
    let announced = info.clone().try_decode_schema().unwrap();
    let rows = tool.do_get(ticket(&info)).await.unwrap();
    let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    for batch in &batches {
        assert_eq!(*batch.schema(), announced);
    }
    batches
}

async fn rows(tool: &mut Tool, sql: &str) -> String {
    let info = tool.execute(sql.to_owned(), None).await.unwrap();
    let batches = fetch(tool, info).await;
    pretty_format_batches(&batches).unwrap().to_string()
}

/// The value of a setting in the session of this tool.
async fn patience(tool: &mut Tool) -> String {
    let sql = "SELECT value FROM information_schema.df_settings WHERE name = 'springald.job_wait_seconds'";
    let info = tool.execute(sql.to_owned(), None).await.unwrap();
    let batches = fetch(tool, info).await;
    batches[0].column(0).as_string::<i32>().value(0).to_owned()
}

fn message(e: &FlightError) -> (tonic::Code, String) {
    match e {
        FlightError::Tonic(status) => (status.code(), status.message().to_owned()),
        e => panic!("{e}"),
    }
}

#[tokio::test]
async fn tables_that_one_tool_makes_are_there_for_the_others() {
    let (workspace, master) = start().await;
    let (mut maker, mut other) = (connect(&master).await, connect(&master).await);
    assert!(!rows(&mut other, "SHOW TABLES").await.contains("answers"));
    let made = maker
        .execute_update(
            "CREATE VIEW answers AS SELECT 42 AS answer".to_owned(),
            None,
        )
        .await;
    assert_eq!(made.unwrap(), 0);
    assert!(rows(&mut other, "SHOW TABLES").await.contains("answers"));
    let catalog = workspace.path().join("warehouse/catalog.json");
    assert!(
        std::fs::read_to_string(catalog)
            .unwrap()
            .contains("answers")
    );

    let asked = CommandGetTables {
        catalog: Some("datafusion".to_owned()),
        db_schema_filter_pattern: Some("public".to_owned()),
        table_name_filter_pattern: Some("ans%".to_owned()),
        table_types: vec!["VIEW".to_owned()],
        include_schema: true,
    };
    let info = other.get_tables(asked).await.unwrap();
    let tables = fetch(&mut other, info).await;
    assert_eq!(tables[0].column(2).as_string::<i32>().value(0), "answers");
    assert_eq!(tables[0].num_rows(), 1);
}

#[tokio::test]
async fn sessions_belong_to_a_connection_or_to_a_handshake() {
    let (_workspace, master) = start().await;
    let (mut one, mut two) = (connect(&master).await, connect(&master).await);
    let set = |seconds: u32| format!("SET springald.job_wait_seconds = {seconds}");
    one.execute_update(set(7), None).await.unwrap();
    assert_eq!(patience(&mut one).await, "7");
    assert_eq!(patience(&mut two).await, "60");

    two.handshake("anybody", "anything").await.unwrap();
    two.execute_update(set(8), None).await.unwrap();
    // Another connection of the same tool.
    let mut three = connect(&master).await;
    three.set_token(two.token().unwrap().clone());
    assert_eq!(patience(&mut three).await, "8");
    assert_eq!(patience(&mut one).await, "7");
}

#[tokio::test]
async fn prepared_queries_take_parameters_over_the_wire() {
    let (_workspace, master) = start().await;
    let mut tool = connect(&master).await;
    let sql = "SELECT count(*) AS n FROM information_schema.df_settings WHERE name = ?";
    let mut prepared = tool.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "n");
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 1);
    for (name, found) in [("springald.app_name", "1"), ("no.such", "0")] {
        let names = Arc::new(StringArray::from(vec![name])) as _;
        let parameters = RecordBatch::try_from_iter([("1", names)]).unwrap();
        prepared.set_parameters(parameters).unwrap();
        let info = prepared.execute().await.unwrap();
        let batches = fetch(&mut tool, info).await;
        let shown = pretty_format_batches(&batches).unwrap().to_string();
        assert!(shown.contains(&format!("| {found} ")), "{shown}");
    }
    prepared.close().await.unwrap();

    let ddl = "CREATE VIEW later AS SELECT 1 AS n";
    let mut prepared = tool.prepare(ddl.to_owned(), None).await.unwrap();
    assert!(prepared.dataset_schema().unwrap().fields().is_empty());
    assert!(!rows(&mut tool, "SHOW TABLES").await.contains("later"));
    assert_eq!(prepared.execute_update().await.unwrap(), 0);
    assert!(rows(&mut tool, "SHOW TABLES").await.contains("later"));
}

#[tokio::test]
async fn tools_learn_what_this_is_and_what_went_wrong() {
    let (_workspace, master) = start().await;
    let mut tool = connect(&master).await;
    let asked = vec![SqlInfo::FlightSqlServerName];
    let info = tool.get_sql_info(asked).await.unwrap();
    assert_eq!(fetch(&mut tool, info).await[0].num_rows(), 1);
    let keys = CommandGetPrimaryKeys {
        catalog: None,
        db_schema: None,
        table: "t".to_owned(),
    };
    let info = tool.get_primary_keys(keys).await.unwrap();
    let none = fetch(&mut tool, info).await;
    assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);

    for (sql, words) in [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM no_such_table", "there is no table"),
        ("SET springald.app_nam = 'x'", "did you mean"),
    ] {
        let e = tool.execute(sql.to_owned(), None).await.unwrap_err();
        let (code, text) = message(&e);
        assert_eq!(code, tonic::Code::InvalidArgument, "{text}");
        assert!(text.contains(words), "{text}");
    }
    let info = tool.execute("SHOW TABLES".to_owned(), None).await.unwrap();
    fetch(&mut tool, info.clone()).await;
    let again = tool.do_get(ticket(&info)).await.err().unwrap();
    assert_eq!(message(&again).0, tonic::Code::NotFound);
}

#[tokio::test]
async fn a_job_ends_when_its_tool_lets_go_of_the_rows() {
    let (_workspace, master) = start().await;
    let mut tool = connect(&master).await;
    let sql = "SELECT column1 FROM (VALUES (1), (2)) ORDER BY column1";
    let info = tool.execute(sql.to_owned(), None).await.unwrap();
    assert!(master.jobs().await.is_empty(), "it runs when it is fetched");
    let mut rows = tool.do_get(ticket(&info)).await.unwrap();
    // There is no worker, so it waits.
    let waits = timeout(Duration::from_millis(500), rows.try_next()).await;
    assert!(waits.is_err());
    assert_eq!(master.jobs().await, ["waiting"]);
    drop(rows);
    timeout(Duration::from_secs(5), async {
        while master.jobs().await != ["cancelled"] {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

impl Master {
    /// The states of all jobs.
    async fn jobs(&self) -> Vec<String> {
        let url = format!("http://{}/api/v1/jobs", self.addr());
        let jobs = reqwest::get(url).await.unwrap();
        let jobs: Vec<serde_json::Value> = jobs.json().await.unwrap();
        jobs.iter()
            .map(|job| job["state"].as_str().unwrap().to_owned())
            .collect()
    }
}
