//! A job that nobody wants any more leaves the workers at once.

use std::time::{Duration, Instant};

use springald_testing::{Cluster, ClusterSpec, Process, Signal, Strings, Tpch, within};

/// Time that the tasks have to stop in: they do within two seconds, on a machine that has nothing else to do. A slow one
/// that runs other tests beside these has taken more than ten.
const LIMIT: Duration = Duration::from_secs(30);

/// A slip in a join condition: each batch that is read becomes millions of rows, for minutes.
const EXPLODES: &str = "
    SELECT count(*) FROM lineitem a
    JOIN lineitem b ON a.l_partkey = b.l_partkey
    JOIN lineitem c ON b.l_suppkey = c.l_suppkey
    WHERE a.l_quantity + b.l_quantity + c.l_quantity < 30";

#[test]
fn ctrl_c_stops_the_tasks() {
    let (mut cluster, mut client, job) = start();
    client.signal(Signal::SIGINT);
    assert_stops(&mut cluster, &job);
    let status = client
        .wait(Duration::from_secs(5))
        .expect("the client ends");
    assert!(!status.success(), "{}", client.printed());
}

#[test]
fn kill_stops_the_tasks_and_tells_the_client() {
    let (mut cluster, mut client, job) = start();
    cluster.springald(&["kill", &job]).ok();
    assert_stops(&mut cluster, &job);
    let status = client
        .wait(Duration::from_secs(5))
        .expect("the client ends");
    assert!(!status.success(), "{}", client.printed());
    assert!(
        client.printed().to_lowercase().contains("cancel"),
        "{}",
        client.printed()
    );
}

#[test]
fn a_client_that_goes_away_leaves_no_job_behind() {
    let (cluster, mut client, job) = start();
    client.kill();
    within(
        Duration::from_secs(20),
        "the job of the dead client ends",
        || {
            let job = cluster.get(&format!("/api/v1/jobs/{job}"))?;
            (job["state"] == "cancelled").then_some(())
        },
    );
    within(LIMIT, "its tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
}

#[test]
fn a_job_has_a_timeout() {
    let cluster = cluster();
    let start = Instant::now();
    let output = cluster.springald(&[
        "sql",
        "--conf",
        "springald.job_timeout_seconds=3",
        "-e",
        EXPLODES,
    ]);
    output.refused(&["springald.job_timeout_seconds"]);
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    within(LIMIT, "its tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
}

fn cluster() -> Cluster {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let cluster = Cluster::start(ClusterSpec {
        alone: true,
        ..ClusterSpec::default()
    });
    cluster.sql(&tpch.tables()).ok();
    cluster
}

/// A cluster with a job that runs for minutes, its client, and its id.
fn start() -> (Cluster, Process, String) {
    let cluster = cluster();
    let client = cluster.spawn("client", &["sql", "-e", EXPLODES]);
    let job = cluster.wait_for_job("the long job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    let job = job["id"].as_str().expect("a job has an id").to_owned();
    // Past the scans and into the joins.
    std::thread::sleep(Duration::from_millis(1500));
    (cluster, client, job)
}

#[track_caller]
fn assert_stops(cluster: &mut Cluster, job: &str) {
    within(LIMIT, "the tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
    let job = cluster
        .get(&format!("/api/v1/jobs/{job}"))
        .expect("the job is known");
    assert_eq!(job["state"], "cancelled", "{job}");
    // The master may only believe it: the workers must be quiet as well.
    let before = [0, 1].map(|i| cluster.worker(i).cpu_time());
    std::thread::sleep(Duration::from_secs(1));
    for (i, before) in before.into_iter().enumerate() {
        let used = cluster.worker(i).cpu_time() - before;
        assert!(
            used < Duration::from_millis(300),
            "worker {i} still works: {used:?} in 1 s"
        );
    }
}
