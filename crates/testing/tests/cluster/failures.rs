//! Processes that die in the middle of a query: right rows or a clear error, and never a hang.

use std::time::{Duration, Instant};

use serde_json::Value;
use springald_testing::{Cluster, ClusterSpec, Rows, Signal, Strings, Tpch, within};

use crate::{JOINS, sql_on};

/// From the death of a worker to the answer or the error.
const LIMIT: Duration = Duration::from_secs(60);

/// Workers killed in each of the two tests below, `SPRINGALD_TEST_KILLS` (3).
fn kills() -> usize {
    std::env::var("SPRINGALD_TEST_KILLS")
        .map_or(3, |n| n.parse().expect("SPRINGALD_TEST_KILLS is a number"))
}

#[test]
fn a_worker_dies_on_the_map_side() {
    kill_workers("the first stage runs", 0.1, |job| {
        job["tasks_running"].as_u64() > Some(0) && job["stages_done"] == 0
    });
}

#[test]
fn a_worker_dies_on_the_reduce_side() {
    kill_workers("a later stage runs", 0.6, |job| {
        job["tasks_running"].as_u64() > Some(0) && job["stages_done"].as_u64() >= Some(1)
    });
}

/// Kills a worker again and again, at different places of the first part of a phase of the job: `share` of the time
/// that the whole job takes when nothing happens to it.
fn kill_workers(what: &str, share: f64, phase: impl Fn(&Value) -> bool) {
    let (mut cluster, tables) = cluster();
    let expected = sql_on("local[2]", &format!("{tables}{JOINS}")).rows();
    let started = Instant::now();
    expected.assert_same(&cluster.sql(JOINS).rows(), "the answer in peace");
    let spread = started.elapsed().mul_f64(share);
    let mut right = 0;
    let mut live = vec![0, 1];
    let kills = kills();
    for round in 0..kills {
        let mut client = cluster.spawn(
            &format!("client-{round}"),
            &["sql", "--format", "csv", "-e", JOINS],
        );
        cluster.wait_for_job(what, &phase);
        // The golden ratio spreads any number of rounds evenly.
        std::thread::sleep(spread.mul_f64((round as f64 * 0.618).fract()));
        // The elder and the younger of the two by turns.
        let victim = live.remove(round % 2);
        cluster.kill_worker(victim);
        let killed = Instant::now();
        let status = client.wait(LIMIT);
        let Some(status) = status else {
            panic!(
                "round {round}: no answer {LIMIT:?} after the death of worker {victim}: {}\n{:#?}",
                client.printed(),
                cluster.jobs()
            );
        };
        let printed = client.printed();
        if status.success() {
            let rows = Rows::parse(&answer(&printed));
            expected.assert_same(&rows, "the answer after a worker died");
            right += 1;
        } else {
            assert!(
                printed.to_lowercase().contains("worker"),
                "unclear error: {printed}"
            );
        }
        eprintln!(
            "round {round}: {status} {:?} after the death of worker {victim}",
            killed.elapsed()
        );
        live.push(cluster.start_worker());
        cluster.wait_for_workers(2);
    }
    // An error is allowed, but one worker was always left to do the work.
    assert!(right * 10 >= kills * 9, "only {right} of {kills} answers");
}

/// The CSV part of what a client printed: what it says of lost workers goes to the same log.
fn answer(printed: &str) -> String {
    let from = printed.find("o_orderpriority,").unwrap_or(0);
    let lines = printed[from..].lines();
    let csv = lines.filter(|line| {
        line.starts_with("o_orderpriority,") || line.as_bytes().get(1) == Some(&b'-')
    });
    csv.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_worker_that_hangs_is_given_up() {
    let (mut cluster, tables) = cluster();
    let expected = sql_on("local[2]", &format!("{tables}{JOINS}")).rows();
    let mut client = cluster.spawn("client", &["sql", "--format", "csv", "-e", JOINS]);
    cluster.wait_for_job("the job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    cluster.signal_worker(0, Signal::SIGSTOP);
    within(Duration::from_secs(20), "the loss is noticed", || {
        (cluster.active_workers().len() == 1).then_some(())
    });
    let status = client.wait(LIMIT).expect("an answer or an error");
    if status.success() {
        expected.assert_same(
            &Rows::parse(&answer(&client.printed())),
            "the answer after a worker hung",
        );
    } else {
        assert!(
            client.printed().to_lowercase().contains("worker"),
            "{}",
            client.printed()
        );
    }
}

#[test]
fn a_worker_that_is_asked_to_leave_finishes_its_tasks() {
    let (mut cluster, tables) = cluster();
    let expected = sql_on("local[2]", &format!("{tables}{JOINS}")).rows();
    let mut client = cluster.spawn("client", &["sql", "--format", "csv", "-e", JOINS]);
    cluster.wait_for_job("the job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    cluster.signal_worker(0, Signal::SIGTERM);
    let status = client.wait(LIMIT).expect("an answer");
    assert!(status.success(), "{}", client.printed());
    expected.assert_same(
        &Rows::parse(&answer(&client.printed())),
        "the answer after a worker left",
    );
    let left = cluster.worker(0).wait(Duration::from_secs(60));
    assert!(left.expect("the worker leaves").success());
    cluster.wait_for_workers(1);
}

#[test]
fn a_worker_whose_jobs_are_over_leaves_at_once() {
    let (mut cluster, _) = cluster();
    cluster
        .sql("SELECT count(DISTINCT l_comment) FROM lineitem")
        .ok();
    cluster.signal_worker(0, Signal::SIGTERM);
    // Less than the 10 s after which container runtimes kill.
    let left = cluster.worker(0).wait(Duration::from_secs(5));
    assert!(left.expect("the worker leaves").success());
}

#[test]
fn the_master_dies_and_another_takes_its_place() {
    let (mut cluster, tables) = cluster();
    let mut client = cluster.spawn("client", &["sql", "-e", JOINS]);
    cluster.wait_for_job("the job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    cluster.kill_master();
    let status = client
        .wait(Duration::from_secs(15))
        .expect("the client ends within 15 s");
    assert!(!status.success(), "{}", client.printed());
    assert!(
        client.printed().to_lowercase().contains("master"),
        "{}",
        client.printed()
    );

    cluster.restart_master();
    cluster.wait_for_workers(2);
    // The tables were kept in the workspace.
    let rows = cluster.sql("SELECT count(*) AS n FROM nation").rows();
    assert_eq!(rows.rows, [["25"]]);
    let expected = sql_on("local[2]", &format!("{tables}{JOINS}")).rows();
    expected.assert_same(&cluster.sql(JOINS).rows(), "the answer of the new master");
}

fn cluster() -> (Cluster, String) {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let cluster = Cluster::start(ClusterSpec {
        alone: true,
        ..ClusterSpec::default()
    });
    cluster.sql(&tpch.tables()).ok();
    (cluster, tpch.tables())
}
