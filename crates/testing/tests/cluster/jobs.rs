//! Jobs that come with the binary, and scripts that are submitted to it.

use std::fs;
use std::time::Duration;

use springald_testing::{Cluster, ClusterSpec, Output, run, samples, springald};

use crate::sql_on;

#[test]
fn pi_is_estimated() {
    let cluster = Cluster::start(ClusterSpec::default());
    let output = cluster.springald(&["run", "pi", "10"]).ok();
    assert!(output.stdout.contains("3.1"), "{output}");
}

#[test]
fn words_are_counted() {
    let words = samples().join("words.txt").display().to_string();
    let count = ["wordcount", &words, "--top", "3", "--format", "csv"];
    for output in everywhere(&count) {
        for word in ["the,40", "over,40", "jumps,40"] {
            assert!(output.stdout.contains(word), "{word} is missing: {output}");
        }
    }
}

#[test]
fn two_logs_are_joined() {
    let cluster = Cluster::start(ClusterSpec::default());
    let folder = cluster.workspace();
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("events.csv"), "id,event\n1,a\n2,b\n3,c\n4,d\n").expect("a file can be written");
    fs::write(at("actions.csv"), "id,action\n4,w\n3,x\n3,y\n1,z\n").expect("a file can be written");
    let out = at("joined");
    let job = [
        "run",
        "logjoin",
        "2",
        "4",
        &at("events.csv"),
        &at("actions.csv"),
        &out,
    ];
    cluster.springald(&job).ok();
    let rows = cluster
        .sql(&format!("SELECT * FROM '{out}' ORDER BY id, action"))
        .rows();
    assert_eq!(rows.columns, ["id", "event", "action"]);
    assert_eq!(
        rows.rows,
        [["3", "c", "x"], ["3", "c", "y"], ["4", "d", "w"]]
    );
    // What is there is not mixed with what comes.
    cluster.springald(&job).refused(&["joined", "empty"]);
}

#[test]
fn small_files_become_large_ones() {
    let cluster = Cluster::start(ClusterSpec::default());
    let parts = samples().join("parts").display().to_string();
    let out = cluster.workspace().join("compacted");
    let folder = out.display().to_string();
    cluster.springald(&["run", "compact", &parts, &folder]).ok();
    let written = fs::read_dir(&out).expect("the folder is there").count();
    assert_eq!(written, 1, "three small files become one");
    let query = |path: &str| format!("SELECT * FROM '{path}' ORDER BY id");
    let before = cluster.sql(&query(&parts)).rows();
    before.assert_same(&cluster.sql(&query(&folder)).rows(), "compacted files");
}

#[test]
fn a_sql_script_takes_parameters() {
    let people = samples().join("people.csv").display().to_string();
    let script = script(
        "report.sql",
        &format!("SELECT count(*) + 7000 AS n FROM '{people}' WHERE city = '${{city}}';"),
    );
    for output in everywhere_as("submit", &[&script, "--param", "city=Lima"]) {
        assert!(output.stdout.contains("7007"), "{output}");
    }
    let mut command = springald();
    command.args(["submit", "--master", "local[1]", &script]);
    run(command, Duration::from_secs(20)).refused(&["city"]);
}

#[test]
fn a_python_program_gets_its_master_and_arguments() {
    let program = script(
        "job.py",
        "import os, sys\nprint(os.environ['SPRINGALD_MASTER'], *sys.argv[1:])\nsys.exit(int(sys.argv[2]))\n",
    );
    let cluster = Cluster::start(ClusterSpec::default());
    let output = cluster
        .springald(&["submit", &program, "--epochs", "0"])
        .ok();
    assert_eq!(
        output.stdout.trim(),
        format!("{} --epochs 0", cluster.url())
    );
    let failed = cluster.springald(&["submit", &program, "--epochs", "7"]);
    assert_eq!(failed.code, Some(7), "{failed}");
}

#[test]
fn sample_data_is_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("tpch").display().to_string();
    let mut command = springald();
    command.args(["datagen", "tpch", "--scale", "0.01", "--out", &out]);
    run(command, Duration::from_secs(60)).ok();
    let rows = sql_on(
        "local[2]",
        &format!("SELECT count(*) AS n FROM '{out}/lineitem'"),
    )
    .rows();
    assert_eq!(rows.rows, [["60175"]]);
}

/// `springald run` with `args` in one process and on a cluster.
fn everywhere(args: &[&str]) -> [Output; 2] {
    everywhere_as("run", args)
}

fn everywhere_as(subcommand: &str, args: &[&str]) -> [Output; 2] {
    let mut command = springald();
    command
        .args([subcommand, "--master", "local[2]"])
        .args(args);
    let local = run(command, Duration::from_secs(60)).ok();
    let cluster = Cluster::start(ClusterSpec::default());
    let args: Vec<&str> = [&[subcommand], args].concat();
    [local, cluster.springald(&args).ok()]
}

/// A script beside the samples.
fn script(name: &str, text: &str) -> String {
    let path = samples().join(name);
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}
