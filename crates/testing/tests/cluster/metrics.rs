//! What Prometheus reads, and what a log collector does.

use std::time::Duration;

use serde_json::Value;
use springald_testing::{Cluster, ClusterSpec, Strings, Tpch, within};

/// A shuffle between the workers.
const GROUPS: &str = "SELECT l_orderkey % 1000 AS k, count(*) AS n FROM lineitem GROUP BY k";

fn metrics(cluster: &Cluster) -> String {
    cluster.text("/metrics").expect("the master gives metrics")
}

/// The sum of the samples of this name with this among their labels.
fn sum(text: &str, name: &str, label: &str) -> f64 {
    let samples = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
    });
    samples
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum()
}

#[test]
fn work_is_counted_on_the_master_and_on_each_worker() {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let mut cluster = Cluster::start(ClusterSpec::default());
    cluster
        .sql(&format!("{} {GROUPS}; {GROUPS}", tpch.tables()))
        .ok();
    cluster
        .sql("SELECT no_such_column FROM lineitem")
        .refused(&["no_such_column"]);
    cluster
        .sql("SELECT arrow_cast(l_comment, 'Int64') FROM lineitem")
        .refused(&["Int64"]);

    // A job is counted when its record is whole, which its client does not wait for.
    let text = within(Duration::from_secs(10), "three jobs are counted", || {
        let text = metrics(&cluster);
        let counted = sum(&text, "springald_job_duration_seconds_count", "");
        (counted >= 3.0).then_some(text)
    });
    for (name, label, least) in [
        ("springald_workers", "state=\"active\"", 2.0),
        ("springald_cores", "", 2.0),
        ("springald_jobs_ended_total", "state=\"done\"", 2.0),
        ("springald_jobs_ended_total", "state=\"failed\"", 1.0),
        ("springald_tasks_ended_total", "result=\"done\"", 2.0),
        ("springald_job_duration_seconds_count", "", 3.0),
        ("springald_resident_memory_bytes", "", 1e6),
        (
            "springald_http_request_duration_seconds_count",
            "route=\"/api/v1/cluster\"",
            1.0,
        ),
        (
            "springald_grpc_request_duration_seconds_count",
            "method=\"ballista.protobuf.SchedulerGrpc/ExecuteQueryPush\",result=\"ok\"",
            3.0,
        ),
        ("springald_worker_up", "", 2.0),
        ("springald_worker_tasks_ended_total", "result=\"done\"", 2.0),
        ("springald_worker_shuffle_written_bytes_total", "", 1000.0),
        ("springald_worker_shuffle_read_bytes_total", "", 1000.0),
        ("springald_worker_shuffle_served_bytes_total", "", 1000.0),
        ("springald_worker_shuffle_fetches_total", "", 1.0),
        ("springald_worker_task_fetch_seconds_count", "", 1.0),
        ("springald_worker_memory_limit_bytes", "", 1e9),
        ("springald_worker_resident_memory_bytes", "", 2e6),
    ] {
        let found = sum(&text, name, label);
        assert!(found >= least, "{name} {label}: {found} < {least}\n{text}");
    }
    // One description for each metric, and its samples below it.
    let mut described: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let all = described.len();
    described.sort_unstable();
    described.dedup();
    assert_eq!(described.len(), all);
    for worker in cluster.active_workers() {
        let label = format!("worker=\"127.0.0.1:{}\"", worker["port"]);
        let name = "springald_worker_tasks_ended_total";
        assert!(sum(&text, name, &label) > 0.0, "{label}: {text}");
    }

    // A worker that does not answer costs the scrape no more than its own figures.
    cluster.signal_worker(0, springald_testing::Signal::SIGSTOP);
    let text = metrics(&cluster);
    assert_eq!(sum(&text, "springald_worker_up", ""), 1.0, "{text}");
    cluster.signal_worker(0, springald_testing::Signal::SIGCONT);
}

#[test]
fn what_waits_is_counted_for_whoever_adds_workers() {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let cluster = Cluster::start(ClusterSpec {
        workers: 1,
        ..ClusterSpec::default()
    });
    cluster.sql(&tpch.tables()).ok();
    let slow = "SELECT count(*) FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey \
        JOIN lineitem c ON b.l_suppkey = c.l_suppkey WHERE a.l_quantity + c.l_quantity < 1";
    let mut clients = [
        cluster.spawn("first", &["sql", "-e", slow]),
        cluster.spawn("second", &["sql", "-e", slow]),
    ];
    within(
        Duration::from_secs(30),
        "one runs, and something waits for its core",
        || {
            let text = metrics(&cluster);
            let now = |name: &str| sum(&text, name, "");
            let waits = now("springald_tasks_pending") + now("springald_jobs_waiting") >= 1.0;
            (waits && now("springald_tasks_running") >= 1.0).then_some(())
        },
    );
    clients
        .iter_mut()
        .for_each(springald_testing::Process::kill);
}

#[test]
fn log_lines_of_a_task_say_which_it_is() {
    let mut cluster = Cluster::start(ClusterSpec {
        workers: 1,
        environment: vec![
            ("SPRINGALD_LOG", "warn,springald=debug".to_owned()),
            ("SPRINGALD_LOG_FORMAT", "json".to_owned()),
        ],
        ..ClusterSpec::default()
    });
    cluster
        .sql("SELECT sum(column1) FROM (VALUES (1), (2))")
        .ok();
    let job = cluster.jobs()[0]["id"].as_str().unwrap().to_owned();
    let log = cluster.worker(0).printed();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut spans = lines.filter(|line| line["span"]["job"] == job.as_str());
    let span = &spans.next_back().expect("a line of a task, with its job")["span"];
    assert_eq!(span["name"], "task", "{span}");
    assert_eq!(span["attempt"], "1", "{span}");
    assert!(span["stage"].is_u64() && span["task"].is_u64(), "{span}");
}
