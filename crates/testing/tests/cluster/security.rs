//! Tokens and TLS: who knows the one and trusts the other works as ever, and nobody else gets in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use springald_testing::{Cluster, ClusterSpec, Output, run, springald, within};

const TOKEN: &str = "c0rrect-horse";

/// Rows that take a shuffle between the workers, and a result from both.
const SHUFFLE: &str = "SELECT value % 7 AS k, count(*) AS n FROM numbers GROUP BY k ORDER BY k";

fn with_token() -> ClusterSpec {
    ClusterSpec {
        environment: vec![("SPRINGALD_TOKEN", TOKEN.to_owned())],
        ..ClusterSpec::default()
    }
}

/// The work of a user: a query with a shuffle, a cache that is fetched, lists over REST, a kill.
fn assert_works(cluster: &Cluster) {
    let csv: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let folder = cluster.workspace().join("numbers");
    std::fs::create_dir(&folder).unwrap();
    for part in 0..4 {
        std::fs::write(folder.join(format!("{part}.csv")), format!("value\n{csv}")).unwrap();
    }
    let table = format!(
        "CREATE EXTERNAL TABLE numbers STORED AS CSV LOCATION '{}/' OPTIONS (format.has_header true);",
        folder.display()
    );
    let rows = cluster
        .sql(&format!("{table} CACHE TABLE numbers; {SHUFFLE}"))
        .ok();
    assert!(rows.stdout.contains("0,572"), "{}", rows.stdout);
    let rows = cluster.sql(SHUFFLE).ok();
    assert!(rows.stdout.contains("6,568"), "{}", rows.stdout);
    let workers = cluster.springald(&["workers", "--format", "json"]).ok();
    assert_eq!(workers.stdout.matches("active").count(), 2);
    cluster.springald(&["jobs"]).ok();
    cluster.springald(&["doctor"]).ok();
    let job = cluster.spawn(
        "long",
        &[
            "sql",
            "-e",
            "SELECT count(*) FROM numbers a, numbers b, numbers c",
        ],
    );
    let id = cluster.wait_for_job("the long job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    cluster
        .springald(&["kill", id["id"].as_str().unwrap()])
        .ok();
    within(Duration::from_secs(5), "the workers are quiet", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
    drop(job);
}

fn sql(cluster: &Cluster, environment: &[(&str, &str)]) -> Output {
    let mut command = springald();
    command
        .args(["sql", "--master", &cluster.url(), "-e", "SELECT 1"])
        .envs(environment.iter().copied());
    run(command, Duration::from_secs(30))
}

#[test]
fn with_the_token_everything_works() {
    assert_works(&Cluster::start(with_token()));
}

#[test]
fn without_it_nobody_gets_in() {
    let mut cluster = Cluster::start(with_token());
    sql(&cluster, &[]).refused(&["asks for a token", "SPRINGALD_TOKEN"]);
    sql(&cluster, &[("SPRINGALD_TOKEN", "guess")]).refused(&["not the cluster's token"]);
    let mut worker = springald();
    worker.args(["worker", "--master", &cluster.url(), "--host", "127.0.0.1"]);
    run(worker, Duration::from_secs(30)).refused(&["asks for a token"]);

    let port = port_of(&cluster.url());
    for path in ["cluster", "workers", "jobs", "catalog", "cached"] {
        let answer = ask(port, &format!("GET /api/v1/{path} HTTP/1.1"), "");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let wrong = ask(
            port,
            &format!("GET /api/v1/{path} HTTP/1.1"),
            "Bearer guess",
        );
        assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
        let right = ask(
            port,
            &format!("GET /api/v1/{path} HTTP/1.1"),
            &format!("Bearer {TOKEN}"),
        );
        assert!(right.starts_with("HTTP/1.1 200"), "{right}");
    }
    for path in [
        "DELETE /api/v1/jobs/x HTTP/1.1",
        "POST /api/v1/publish HTTP/1.1",
        "PUT /api/v1/sessions/a/uploads/b/0 HTTP/1.1",
    ] {
        let answer = ask(port, path, "");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    // gRPC and Flight, on the master and on both ports of a worker.
    let workers = cluster.active_workers();
    let data = workers[0]["port"].as_u64().unwrap() as u16;
    let printed = cluster.worker(0).printed();
    let (_, tasks) = printed.rsplit_once("tasks at port ").unwrap();
    let tasks: String = tasks.chars().take_while(char::is_ascii_digit).collect();
    for port in [port, data, tasks.parse().unwrap()] {
        for path in [
            "/ballista.protobuf.SchedulerGrpc/GetJobStatus",
            "/ballista.protobuf.ExecutorGrpc/LaunchMultiTask",
            "/arrow.flight.protocol.FlightService/DoGet",
            "/arrow.flight.protocol.FlightService/DoAction",
        ] {
            let answer = grpc(port, path);
            // 16 is UNAUTHENTICATED.
            assert_eq!(answer.as_deref(), Some("16"), "{path} on {port}");
        }
    }
    assert!(ask(port, "GET /healthz HTTP/1.1", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn over_tls_everything_works_and_plain_callers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = with_token();
    spec.environment.extend(certificates(folder.path()));
    let cluster = Cluster::start(spec.clone());
    assert_works(&cluster);

    sql(&cluster, &[("SPRINGALD_TOKEN", TOKEN)]).refused(&["TLS", "SPRINGALD_TLS_CA"]);
    let port = port_of(&cluster.url());
    let plain = ask(
        port,
        "GET /api/v1/cluster HTTP/1.1",
        &format!("Bearer {TOKEN}"),
    );
    assert!(plain.contains("speaks TLS only"), "{plain}");

    // Somebody else's certificates.
    let other = tempfile::tempdir().unwrap();
    let strangers = certificates(other.path());
    let (_, ca) = strangers
        .iter()
        .find(|(name, _)| name.ends_with("CA"))
        .unwrap();
    let token = ("SPRINGALD_TOKEN", TOKEN);
    sql(&cluster, &[token, ("SPRINGALD_TLS_CA", ca)]).refused(&["certificate"]);

    // TLS to a cluster without.
    let open = Cluster::start(with_token());
    sql(&open, &[token, ("SPRINGALD_TLS_CA", ca)]).refused(&["does not speak TLS"]);
}

/// A certificate for this machine that is its own authority.
fn certificates(folder: &Path) -> Vec<(&'static str, String)> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", "/CN=springald"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate]);
    let made = openssl.output().expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    vec![
        ("SPRINGALD_TLS_CA", certificate.clone()),
        ("SPRINGALD_TLS_CERT", certificate),
        ("SPRINGALD_TLS_KEY", key),
    ]
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// What a server answers to a plain HTTP/1.1 request.
fn ask(port: u16, request: &str, authorization: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let authorization = match authorization {
        "" => String::new(),
        value => format!("authorization: {value}\r\n"),
    };
    let text = format!(
        "{request}\r\nhost: x\r\nconnection: close\r\n{authorization}content-length: 0\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a gRPC call without a token.
fn grpc(port: u16, path: &str) -> Option<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build_http();
        let request = http::Request::post(format!("http://127.0.0.1:{port}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body("\0\0\0\0\0".to_owned());
        let response = client.request(request.unwrap());
        let response = tokio::time::timeout(Duration::from_secs(5), response).await;
        let response = response.ok()?.ok()?;
        let status = response.headers().get("grpc-status")?;
        status.to_str().ok().map(str::to_owned)
    })
}
