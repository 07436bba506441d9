//! The REST interface with a real cluster behind it: batches, interactive sessions, lists, and who is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use serde_json::{Value, json};
use springald_testing::{Cluster, ClusterSpec, within};

const LIMIT: Duration = Duration::from_secs(60);

/// A query that runs for minutes.
const ENDLESS: &str =
    "WITH n AS (SELECT unnest(range(0, 10000)) AS v) SELECT count(*) FROM n a, n b, n c";

#[track_caller]
fn submit(cluster: &Cluster, request: &Value) -> String {
    let (status, batch) = cluster.call("POST", "/api/v1/batches", request);
    assert_eq!(status, 201, "{batch}");
    batch["id"].as_str().expect("a batch has an id").to_owned()
}

/// The batch when it is in one of these states.
#[track_caller]
fn wait_for(cluster: &Cluster, id: &str, states: &[&str]) -> Value {
    within(LIMIT, &format!("{id} is {states:?}"), || {
        let batch = cluster.get(&format!("/api/v1/batches/{id}"))?;
        states.contains(&batch["state"].as_str()?).then_some(batch)
    })
}

#[track_caller]
fn ended(cluster: &Cluster, id: &str) -> Value {
    wait_for(cluster, id, &["done", "failed", "cancelled"])
}

#[track_caller]
fn log(cluster: &Cluster, id: &str) -> String {
    let (status, log) = cluster.call("GET", &format!("/api/v1/batches/{id}/log"), &Value::Null);
    assert_eq!(status, 200, "{log}");
    match log {
        Value::String(text) => text,
        // A log may happen to be JSON.
        value => value.to_string(),
    }
}

#[test]
fn a_text_is_run_as_a_batch() {
    let cluster = Cluster::start(ClusterSpec::default());
    let id = submit(
        &cluster,
        &json!({
            "sql": "CREATE VIEW numbers AS SELECT unnest(range(1, 101)) AS n;
                    SELECT count(*) AS many, sum(n) AS total, '${who}' AS who FROM numbers",
            "args": ["--param", "who=the batch", "--format", "csv"],
            "name": "numbers of the night",
        }),
    );
    let batch = ended(&cluster, &id);
    assert_eq!(batch["state"], "done", "{batch}\n{}", log(&cluster, &id));
    assert!(log(&cluster, &id).contains("100,5050,the batch"));
    let named = cluster
        .jobs()
        .into_iter()
        .any(|job| job["name"] == "numbers of the night");
    assert!(named, "{:?}", cluster.jobs());
    let wrong = submit(&cluster, &json!({ "sql": "SELECT * FROM nowhere" }));
    let batch = ended(&cluster, &wrong);
    assert_eq!(
        (&batch["state"], &batch["exit_code"]),
        (&json!("failed"), &json!(1))
    );
    assert!(log(&cluster, &wrong).contains("there is no table `nowhere`"));
}

#[test]
fn a_program_of_the_workspace_gets_its_arguments() {
    let cluster = Cluster::start(ClusterSpec::default());
    let jobs = cluster.workspace().join("notebooks/jobs");
    fs::write(
        jobs.join("hello.py"),
        "import os, sys\nprint(sys.argv[1:], os.environ['SPRINGALD_MASTER'], os.getcwd())\n",
    )
    .unwrap();
    let args = ["--n", "10", "two words", "--format", "x"];
    let request = json!({ "file": "notebooks/jobs/hello.py", "args": args });
    let id = submit(&cluster, &request);
    let batch = ended(&cluster, &id);
    assert_eq!(batch["state"], "done", "{batch}\n{}", log(&cluster, &id));
    let port = cluster.url().rsplit_once(':').unwrap().1.to_owned();
    let workspace = cluster.workspace().canonicalize().unwrap();
    assert_eq!(
        log(&cluster, &id),
        format!(
            "['--n', '10', 'two words', '--format', 'x'] springald://127.0.0.1:{port} {}\n",
            workspace.display()
        )
    );
}

#[test]
fn a_batch_is_cancelled_with_its_jobs_and_processes() {
    let cluster = Cluster::start(ClusterSpec::default());
    let sql = submit(&cluster, &json!({ "sql": ENDLESS }));
    cluster.wait_for_job("the batch's job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    let (status, batch) = cluster.call("DELETE", &format!("/api/v1/batches/{sql}"), &Value::Null);
    assert_eq!(
        (status, &batch["state"]),
        (200, &json!("cancelled")),
        "{batch}"
    );
    within(Duration::from_secs(10), "its tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
    let (status, error) = cluster.call("DELETE", &format!("/api/v1/batches/{sql}"), &Value::Null);
    assert_eq!(status, 409, "{error}");

    // A program that does not want to end, and has started another.
    let program = cluster.workspace().join("deaf.py");
    fs::write(
        &program,
        "import signal, subprocess, sys, time\n\
         signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         child = subprocess.Popen(['sleep', '600'])\n\
         print(child.pid, flush=True)\n\
         time.sleep(600)\n",
    )
    .unwrap();
    let deaf = submit(&cluster, &json!({ "file": "deaf.py" }));
    let child = within(LIMIT, "the program has begun", || {
        let text = log(&cluster, &deaf);
        text.trim().parse::<u32>().ok()
    });
    cluster.springald(&["kill", &deaf]).ok();
    assert_eq!(ended(&cluster, &deaf)["state"], "cancelled");
    within(Duration::from_secs(5), "what it started ends", || {
        let stat = fs::read_to_string(format!("/proc/{child}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    });
}

#[test]
fn batches_outlive_their_master() {
    let mut cluster = Cluster::start(ClusterSpec::default());
    fs::write(
        cluster.workspace().join("long.py"),
        "import time\nprint('begun', flush=True)\ntime.sleep(600)\n",
    )
    .unwrap();
    let done = submit(&cluster, &json!({ "sql": "SELECT 42 AS answer" }));
    assert_eq!(ended(&cluster, &done)["state"], "done");
    let lost: Vec<String> = (0..4)
        .map(|_| submit(&cluster, &json!({ "file": "long.py" })))
        .collect();
    for id in &lost {
        wait_for(&cluster, id, &["running"]);
    }
    let waits = submit(&cluster, &json!({ "sql": "SELECT 'waited' AS s" }));
    assert_eq!(
        wait_for(&cluster, &waits, &["waiting"])["started_at_ms"],
        Value::Null
    );

    cluster.restart_master();
    assert_eq!(ended(&cluster, &done)["state"], "done");
    assert!(log(&cluster, &done).contains("42"));
    for id in &lost {
        let batch = ended(&cluster, id);
        assert_eq!(batch["state"], "failed", "{batch}");
        assert!(
            batch["message"].as_str().unwrap().contains("master"),
            "{batch}"
        );
    }
    cluster.wait_for_workers(2);
    assert_eq!(
        ended(&cluster, &waits)["state"],
        "done",
        "{}",
        log(&cluster, &waits)
    );
    let (_, listed) = cluster.call(
        "GET",
        "/api/v1/batches?state=failed,done&limit=3",
        &Value::Null,
    );
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[0]["id"], waits.as_str());
}

#[test]
fn nothing_outside_the_workspace_is_run() {
    let cluster = Cluster::start(ClusterSpec {
        workers: 0,
        ..ClusterSpec::default()
    });
    let elsewhere = tempfile::tempdir().unwrap();
    let program = elsewhere.path().join("x.py");
    fs::write(&program, "print('out')").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&program, cluster.workspace().join("link.py")).unwrap();
    symlink(elsewhere.path(), cluster.workspace().join("folder")).unwrap();
    fs::copy(&program, cluster.workspace().join("../x.py")).unwrap();
    for (file, expected) in [
        (program.to_str().unwrap(), 404),
        ("../x.py", 403),
        ("notebooks/../../x.py", 403),
        ("link.py", 403),
        ("folder/x.py", 403),
        ("nowhere.py", 404),
        ("notebooks", 400),
        ("nul\0.py", 400),
        ("", 400),
    ] {
        let (status, error) = cluster.call("POST", "/api/v1/batches", &json!({ "file": file }));
        assert_eq!(status, expected, "{file}: {error}");
        assert!(error["error"].is_string(), "{error}");
    }
    assert_eq!(cluster.get("/api/v1/batches"), Some(json!([])));
}

#[test]
fn an_interactive_session_works_on_the_cluster() {
    let cluster = Cluster::start(ClusterSpec::default());
    let folder = cluster.workspace().join("numbers");
    fs::create_dir(&folder).unwrap();
    for part in 0..3 {
        let lines: String = (0..10).map(|n| format!("{part},{n}\n")).collect();
        fs::write(
            folder.join(format!("{part}.csv")),
            format!("part,n\n{lines}"),
        )
        .unwrap();
    }
    let (status, session) = cluster.call("POST", "/api/v1/sessions", &json!({ "name": "by hand" }));
    assert_eq!(status, 201, "{session}");
    let id = session["id"].as_str().unwrap().to_owned();
    let place = format!("/api/v1/sessions/{id}/statements");
    let ask = |sql: &str| {
        let (status, taken) = cluster.call("POST", &place, &json!({ "sql": sql, "limit": 5 }));
        assert_eq!(status, 201, "{taken}");
        let number = taken["number"].as_u64().unwrap();
        let (status, answer) =
            cluster.call("GET", &format!("{place}/{number}?wait=30"), &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let made = ask(&format!(
        "CREATE TEMPORARY VIEW evens AS SELECT * FROM '{}/*.csv' WHERE n % 2 = 0",
        folder.display()
    ));
    assert_eq!(made["state"], "done", "{made}");
    let rows = ask(
        "SELECT part, count(*) AS many, sum(n) AS total FROM evens GROUP BY part ORDER BY part",
    );
    assert_eq!(
        rows["result"]["rows"],
        json!([[0, 5, 20], [1, 5, 20], [2, 5, 20]]),
        "{rows}"
    );
    assert_eq!(
        rows["result"]["columns"][1],
        json!({ "name": "many", "type": "Int64", "nullable": false })
    );
    assert_eq!(rows["result"]["truncated"], false);
    let many = ask("SELECT * FROM evens");
    assert_eq!(many["result"]["rows"].as_array().unwrap().len(), 5);
    assert_eq!(many["result"]["truncated"], true);
    let wrong = ask("SELECT nothing FROM evens");
    assert_eq!(wrong["state"], "failed", "{wrong}");

    let (_, long) = cluster.call("POST", &place, &json!({ "sql": ENDLESS }));
    cluster.wait_for_job("the long statement runs", |job| {
        job["session"] == id.as_str() && job["tasks_running"].as_u64() > Some(0)
    });
    let number = long["number"].as_u64().unwrap();
    let (status, ended) = cluster.call("DELETE", &format!("{place}/{number}"), &Value::Null);
    assert_eq!(
        (status, &ended["state"]),
        (200, &json!("cancelled")),
        "{ended}"
    );
    within(Duration::from_secs(10), "its tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });

    let (_, known) = cluster.call("GET", &format!("/api/v1/sessions/{id}"), &Value::Null);
    assert_eq!(known["name"], "by hand");
    assert!(known["jobs"].as_u64() >= Some(3), "{known}");
    let (status, _) = cluster.call("DELETE", &format!("/api/v1/sessions/{id}"), &Value::Null);
    assert_eq!(status, 204);
    let (status, _) = cluster.call("GET", &place, &Value::Null);
    assert_eq!(status, 404);
    // Its jobs are remembered, and so is it.
    let (_, known) = cluster.call("GET", &format!("/api/v1/sessions/{id}"), &Value::Null);
    assert_eq!(known["interactive"], false, "{known}");
}

#[test]
fn lists_are_filtered_and_come_in_pages() {
    let cluster = Cluster::start(ClusterSpec::default());
    for (name, sql) in [
        ("red", "SELECT 1 AS a"),
        ("green", "SELECT 2 AS a"),
        (
            "dark red",
            "SELECT CAST(concat('x', v) AS BIGINT) AS a FROM (SELECT unnest(range(0, 9)) AS v)",
        ),
    ] {
        let conf = format!("springald.app_name={name}");
        let sql = format!("SELECT a, count(*) AS n FROM ({sql}) GROUP BY a");
        cluster.springald(&["sql", "--conf", &conf, "-e", &sql]);
    }
    let names = |query: &str| -> Vec<String> {
        let jobs = cluster
            .get(&format!("/api/v1/jobs?{query}"))
            .expect("a list");
        let jobs = jobs.as_array().expect("a list").iter();
        jobs.map(|job| job["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("search=RED"), ["dark red", "red"]);
    assert_eq!(names("search=red&limit=1"), ["dark red"]);
    assert_eq!(names("search=red&offset=1&limit=1"), ["red"]);
    assert_eq!(names("state=failed"), ["dark red"]);
    assert_eq!(names("state=failed,done&limit=2"), ["dark red", "green"]);
    assert_eq!(names("state=waiting"), [""; 0]);

    let listed = cluster
        .springald(&[
            "jobs", "--state", "done", "--search", "red", "--format", "json",
        ])
        .ok();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let id = listed[0]["id"].as_str().unwrap();
    let record = cluster.springald(&["jobs", id, "--format", "json"]).ok();
    let record: Value = serde_json::from_str(&record.stdout).unwrap();
    assert_eq!(record["job"]["name"], "red");
    cluster.springald(&["jobs", id]).ok();
}

#[test]
fn what_is_detached_is_followed() {
    let cluster = Cluster::start(ClusterSpec::default());
    let elsewhere = tempfile::tempdir().unwrap();
    let script = elsewhere.path().join("x.sql");
    fs::write(&script, "SELECT ${n} + 1 AS m, unnest(range(1, 2)) AS v").unwrap();
    let script = script.to_str().unwrap();
    let sent = cluster
        .springald(&[
            "submit", "--detach", script, "--param", "n=41", "--format", "csv",
        ])
        .ok();
    let id = sent.stdout.trim();
    let followed = cluster.springald(&["batches", id, "--follow"]).ok();
    assert!(followed.stdout.contains("42,1"), "{followed}");
    let listed = cluster.springald(&["batches", "--format", "json"]).ok();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"]),
        (&json!(id), &json!("x.sql"))
    );

    let program = elsewhere.path().join("x.py");
    fs::write(&program, "raise SystemExit(3)").unwrap();
    let refused = cluster.springald(&["submit", "--detach", program.to_str().unwrap()]);
    refused.refused(&["not in the cluster's workspace"]);
    fs::copy(&program, cluster.workspace().join("x.py")).unwrap();
    let sent = cluster.springald(&["submit", "--detach", "x.py"]).ok();
    let followed = cluster.springald(&["batches", sent.stdout.trim(), "--follow"]);
    followed.refused(&["status 3"]);
    let missing = cluster.springald(&["submit", "--detach", "nowhere.py"]);
    missing.refused(&["no file `nowhere.py`"]);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let cluster = Cluster::start(ClusterSpec {
        workers: 0,
        ..ClusterSpec::default()
    });
    let base = cluster.url().replace("springald", "http");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let send = |origin: &str, kind: &str| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client
            .post(format!("{base}/api/v1/batches"))
            .header("origin", origin)
            .header("content-type", kind)
            .body(r#"{"sql":"SELECT 1"}"#);
        let answer = runtime.block_on(request.send()).unwrap();
        answer.status().as_u16()
    };
    assert_eq!(send("http://evil.example", "application/json"), 403);
    assert_eq!(send("null", "application/json"), 403);
    assert_eq!(send(&base, "text/plain"), 415);
    // Of a page of its own, the master asks for the secret of its pages.
    assert_eq!(send(&base, "application/json"), 403);
    assert_eq!(cluster.get("/api/v1/batches"), Some(json!([])));
}
