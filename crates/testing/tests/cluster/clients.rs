//! Several clients, and none of the workers they need.

use std::time::{Duration, Instant};

use springald_testing::{Cluster, ClusterSpec, samples, within};

/// Small queries of each client.
const QUERIES: usize = 100;

#[test]
fn two_clients_lose_no_answer_and_share_the_cluster() {
    let cluster = Cluster::start(ClusterSpec {
        alone: true,
        ..ClusterSpec::default()
    });
    let people = samples().join("people.csv").display().to_string();
    let ask = |client: usize| {
        let first = client * 1000;
        let script: String = (first..first + QUERIES)
            .map(|i| {
                format!(
                    "SELECT {i} AS i, count(*) AS n FROM '{people}' WHERE id <= {};\n",
                    i % 25
                )
            })
            .collect();
        let file = cluster.workspace().join(format!("client-{client}.sql"));
        std::fs::write(&file, script).expect("a file can be written");
        let file = file.display().to_string();
        let output = cluster
            .springald(&["sql", "--format", "csv", "-f", &file])
            .ok();
        let answers: Vec<&str> = output
            .stdout
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        let expected: Vec<String> = (first..first + QUERIES)
            .map(|i| format!("{i},{}", i % 25))
            .collect();
        assert_eq!(answers, expected, "answers of client {client}");
        output.took
    };
    let ask = &ask;
    let times = std::thread::scope(|scope| {
        let clients = [1, 2].map(|client| scope.spawn(move || ask(client)));
        clients.map(|client| client.join().expect("a client got its answers"))
    });
    let (short, long) = (times[0].min(times[1]), times[0].max(times[1]));
    assert!(
        long < short * 2 + Duration::from_secs(1),
        "one client had to wait for the other: {times:?}"
    );
}

#[test]
fn without_workers_the_client_says_so_and_gives_up() {
    let cluster = Cluster::start(ClusterSpec {
        workers: 0,
        ..ClusterSpec::default()
    });
    let people = samples().join("people.csv").display().to_string();
    let query = format!("SELECT count(*) FROM '{people}'");
    let start = Instant::now();
    let conf = "springald.job_wait_seconds=5";
    let mut client = cluster.spawn("client", &["sql", "--conf", conf, "-e", &query]);
    within(
        Duration::from_secs(3),
        "the client says what it waits for",
        || {
            client
                .printed()
                .to_lowercase()
                .contains("waiting for a worker")
                .then_some(())
        },
    );
    let status = client.wait(Duration::from_secs(15));
    let status = status.expect("the client gives up after its limit");
    assert!(!status.success(), "{}", client.printed());
    assert!(
        start.elapsed() >= Duration::from_secs(4),
        "{}",
        client.printed()
    );
}

#[test]
fn a_client_that_waits_for_a_worker_goes_on_when_one_comes() {
    let mut cluster = Cluster::start(ClusterSpec {
        workers: 0,
        ..ClusterSpec::default()
    });
    let people = samples().join("people.csv").display().to_string();
    let query = format!("SELECT count(*) + 4000 FROM '{people}'");
    let mut client = cluster.spawn("client", &["sql", "--format", "csv", "-e", &query]);
    within(
        Duration::from_secs(3),
        "the client says what it waits for",
        || {
            client
                .printed()
                .to_lowercase()
                .contains("waiting for a worker")
                .then_some(())
        },
    );
    cluster.start_worker();
    let status = client.wait(Duration::from_secs(30));
    let status = status.expect("the client ends");
    assert!(
        status.success() && client.printed().contains("4025"),
        "{}",
        client.printed()
    );
}
