//! The document of the interface, and a whole master without workers that answers as it says.

use std::collections::HashSet;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::document::complete;
use super::{history_api, master_api};
use crate::{Master, MasterOptions};

struct Running {
    workspace: TempDir,
    base: String,
    client: Client,
    _master: Master,
}

impl Running {
    async fn start() -> Self {
        let workspace = tempfile::tempdir().unwrap();
        let master = Master::start(MasterOptions {
            port: 0,
            ui_port: Some(0),
            workspace: workspace.path().to_owned(),
            ..MasterOptions::default()
        });
        let master = master.await.unwrap();
        Self {
            workspace,
            base: format!("http://{}", master.ui_addr().unwrap()),
            client: Client::builder().no_proxy().build().unwrap(),
            _master: master,
        }
    }

    async fn call(&self, call: &str, headers: &[(&str, &str)], body: Option<&str>) -> Response {
        let (method, path) = call.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        request.send().await.unwrap()
    }

    async fn json(&self, call: &str, body: Option<&str>) -> (StatusCode, Value) {
        let kind = [("content-type", "application/json")];
        let headers: &[_] = if body.is_some() { &kind } else { &[] };
        let answer = self.call(call, headers, body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let value = serde_json::from_str(&text);
        (
            status,
            value.unwrap_or_else(|e| panic!("{call}: {e}: {text}")),
        )
    }
}

fn document(asks_for_token: bool) -> Value {
    let api = serde_json::to_value(master_api().into_openapi()).unwrap();
    complete(api, asks_for_token)
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut all = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (call, operation) in item.as_object().unwrap() {
            all.push((format!("{call} {path}"), operation));
        }
    }
    all
}

#[test]
fn every_operation_is_described() {
    let document = document(true);
    let operations = operations(&document);
    assert!(operations.len() > 30, "{}", operations.len());
    let tags: HashSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = HashSet::new();
    for (name, operation) in operations {
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{name}"
        );
        assert!(operation["summary"].is_string(), "{name}");
        assert!(
            tags.contains(operation["tags"][0].as_str().unwrap()),
            "{name}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{name}"
        );
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{name} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/json"]["schema"];
                assert_eq!(
                    schema["$ref"], "#/components/schemas/ApiError",
                    "{name} {status}"
                );
            }
        }
        let body = &operation["requestBody"];
        assert!(body.is_null() || body["required"] == true, "{name}");
        let open = name.ends_with("z");
        assert_eq!(responses.contains_key("401"), !open, "{name}");
        assert_eq!(operation["security"] == json!([]), open, "{name}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            assert!(parameter["description"].is_string(), "{name} {parameter}");
            assert!(schema["type"].is_string(), "{name} {parameter}");
        }
    }
    assert_eq!(document["security"], json!([{ "token": [] }]));
}

#[test]
fn a_history_server_reads_only() {
    let api = serde_json::to_value(history_api().into_openapi()).unwrap();
    let document = complete(api, false);
    let names: Vec<String> = operations(&document)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"get /api/v1/jobs/{id}/record".to_owned()),
        "{names:?}"
    );
    assert!(
        names.iter().all(|name| name.starts_with("get ")),
        "{names:?}"
    );
}

#[test]
fn what_is_referred_to_is_there() {
    fn references(value: &Value, found: &mut HashSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.clone());
                }
                fields.values().for_each(|value| references(value, found));
            }
            _ => {}
        }
    }
    let document = document(false);
    assert!(document.get("security").is_none());
    let mut found = HashSet::new();
    references(&document, &mut found);
    assert!(found.len() > 15, "{found:?}");
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
}

#[test]
fn bodies_say_what_they_take() {
    let document = document(false);
    let schemas = &document["components"]["schemas"];
    let batch = &schemas["FileBatch"];
    assert_eq!(batch["additionalProperties"], false);
    assert_eq!(batch["required"], json!(["file"]));
    assert_eq!(
        schemas["BatchRequest"]["oneOf"].as_array().unwrap().len(),
        2
    );
    assert_eq!(schemas["Block"]["properties"]["cores"]["maximum"], u32::MAX);
    let statement = &schemas["StatementRequest"]["properties"]["limit"];
    assert_eq!(
        (&statement["minimum"], &statement["maximum"]),
        (&json!(1), &json!(10000))
    );
}

#[tokio::test]
async fn the_page_and_its_parts_are_served() {
    let master = Running::start().await;
    let page = master.call("GET /api/v1/docs", &[], None).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    for part in ["/api/v1/docs/page.js", "/api/v1/docs/page.css"] {
        assert!(page.contains(part), "{page}");
        let answer = master.call(&format!("GET {part}"), &[], None).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    let (_, document) = master.json("GET /api/v1/openapi.json", None).await;
    assert_eq!(document["openapi"], "3.1.0");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_json() {
    let master = Running::start().await;
    for (call, body, status) in [
        ("GET /api/v1/none", None, 404),
        ("GET /api/v1/jobs/", None, 404),
        ("GET /api/state", None, 404),
        ("GET /api/v1/jobs/none", None, 404),
        ("GET /api/v1/jobs/%FF", None, 400),
        ("GET /api/v1/jobs?limit=0", None, 400),
        ("GET /api/v1/jobs?sate=done", None, 400),
        ("GET /api/v1/batches/none/log?offset=x", None, 400),
        ("DELETE /api/v1/batches/none", None, 404),
        ("PUT /api/v1/cluster", Some("{}"), 405),
        ("POST /api/v1/batches", Some("{"), 400),
        ("POST /api/v1/batches", Some("[]"), 400),
        ("POST /api/v1/batches", Some(r#"{"sql":1}"#), 400),
        (
            "POST /api/v1/batches",
            Some(r#"{"file":"/etc/x.sql"}"#),
            404,
        ),
        ("POST /api/v1/batches", Some(r#"{"file":"x.sql"}"#), 404),
        ("POST /api/v1/sessions", Some(r#"{"name":""}"#), 400),
        (
            "POST /api/v1/sessions/none/statements",
            Some(r#"{"sql":"SELECT 1"}"#),
            404,
        ),
        (
            "POST /api/v1/sessions/none/statements",
            Some(r#"{"sql":"SELECT 1","limit":0}"#),
            400,
        ),
        ("GET /api/v1/sessions/none/statements/x", None, 400),
        ("POST /api/v1/sessions/a.b/lease", None, 400),
        (
            "POST /api/v1/publish",
            Some(r#"{"staging":"/nowhere/_staging-1","target":"/nowhere"}"#),
            404,
        ),
    ] {
        let (got, error) = master.json(call, body).await;
        assert_eq!(got.as_u16(), status, "{call} {body:?}: {error}");
        assert!(error["error"].is_string(), "{call}: {error}");
    }
    let wrong = master.call("PATCH /api/v1/batches", &[], None).await;
    assert_eq!(wrong.status(), 405);
    let allowed = wrong.headers()["allow"].to_str().unwrap();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    let large = "x".repeat(super::MAX_JSON + 1);
    let (got, _) = master.json("POST /api/v1/batches", Some(&large)).await;
    assert_eq!(got, 413);
    let kind = [("content-type", "application/xml")];
    let answer = master
        .call("POST /api/v1/batches", &kind, Some("<a/>"))
        .await;
    assert_eq!(answer.status(), 415);
}

#[tokio::test]
async fn other_sites_change_nothing() {
    let master = Running::start().await;
    let body = r#"{"name":"t","sql":"CREATE VIEW t AS SELECT 1"}"#;
    let json = ("content-type", "application/json");
    for headers in [
        [json, ("origin", "http://evil.example")],
        [json, ("origin", "null")],
        [json, ("sec-fetch-site", "cross-site")],
    ] {
        let answer = master
            .call("PUT /api/v1/catalog/t", &headers, Some(body))
            .await;
        assert_eq!(answer.status(), 403, "{headers:?}");
        let read = master.call("GET /api/v1/catalog", &headers, None).await;
        assert_eq!(read.status(), 200);
    }
    let form = [("content-type", "text/plain")];
    let answer = master
        .call("POST /api/v1/jobs/x/cancel", &form, Some("x"))
        .await;
    assert_eq!(answer.status(), 415);
    // A page of the master's own has its secret, in two places.
    let page = master.call("GET /api/v1/docs", &[], None).await;
    let cookie = page.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let page = page.text().await.unwrap();
    let (_, secret) = page.split_once("csrf-token\" content=\"").unwrap();
    let (secret, _) = secret.split_once('"').unwrap();
    let own = [json, ("origin", &master.base), ("cookie", cookie)];
    let answer = master.call("PUT /api/v1/catalog/t", &own, Some(body)).await;
    assert_eq!(answer.status(), 403);
    let own = [own[0], own[1], own[2], ("x-csrf-token", secret)];
    let answer = master.call("PUT /api/v1/catalog/t", &own, Some(body)).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn batches_are_listed_in_pages() {
    let master = Running::start().await;
    std::fs::write(master.workspace.path().join("x.sql"), "SELECT 1").unwrap();
    let mut places = vec![];
    for name in ["one", "with two", "with three"] {
        let body = json!({ "file": "x.sql", "name": name }).to_string();
        let kind = [("content-type", "application/json")];
        let taken = master
            .call("POST /api/v1/batches", &kind, Some(&body))
            .await;
        assert_eq!(taken.status(), 201);
        places.push(taken.headers()["location"].to_str().unwrap().to_owned());
    }
    let page = master
        .call("GET /api/v1/batches?search=WITH&limit=1", &[], None)
        .await;
    assert_eq!(page.headers()["x-total-count"], "2");
    let page: Value = page.json().await.unwrap();
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(page[0]["name"], "with three");
    let (_, one) = master.json(&format!("GET {}", places[0]), None).await;
    assert_eq!(
        (&one["name"], &one["file"]),
        (&json!("one"), &json!("x.sql"))
    );
    let log = master
        .call(&format!("GET {}/log", places[0]), &[], None)
        .await;
    assert_eq!(log.headers()["content-type"], "text/plain; charset=utf-8");
    assert!(log.headers().contains_key("x-log-size"));
}

#[tokio::test]
async fn an_interactive_session_is_one_of_the_master() {
    let master = Running::start().await;
    let (status, session) = master
        .json("POST /api/v1/sessions", Some(r#"{"name":"mine"}"#))
        .await;
    assert_eq!(status, 201, "{session}");
    let place = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    // Nothing of it needs a worker.
    let body = r#"{"sql":"SET springald.job_wait_seconds = 1; SHOW springald.job_wait_seconds"}"#;
    let (status, statement) = master
        .json(&format!("POST {place}/statements"), Some(body))
        .await;
    assert_eq!(
        (status.as_u16(), &statement["number"]),
        (201, &json!(1)),
        "{statement}"
    );
    let (_, done) = master
        .json(&format!("GET {place}/statements/1?wait=20"), None)
        .await;
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["result"]["rows"][0][1], "1", "{done}");
    let (_, all) = master.json(&format!("GET {place}/statements"), None).await;
    assert_eq!(all[0]["result"], Value::Null);
    let (_, sessions) = master.json("GET /api/v1/sessions", None).await;
    assert_eq!(
        (&sessions[0]["name"], &sessions[0]["interactive"]),
        (&json!("mine"), &json!(true))
    );
    let closed = master.call(&format!("DELETE {place}"), &[], None).await;
    assert_eq!(closed.status(), 204);
    let (status, _) = master.json(&format!("GET {place}/statements"), None).await;
    assert_eq!(status, 404);
}
