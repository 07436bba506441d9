//! Bad input ends in a message that says what is wrong, where, and what to do, and in a non-zero exit.

use std::time::Duration;

use springald_testing::{
    Cluster, ClusterSpec, Output, SmallDisk, can_mount, run, samples, springald,
};

use crate::sql_on;

/// SQL, and the words that the message must have; `$DATA` is the folder of the samples.
const BAD: &[(&str, &[&str])] = &[
    // A path that is nowhere.
    (
        "SELECT * FROM '$DATA/missing.parquet'",
        &["missing.parquet"],
    ),
    (
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '$DATA/missing/'; SELECT * FROM t",
        &["$DATA/missing"],
    ),
    ("SELECT * FROM '$DATA/nothing-*.csv'", &["nothing-"]),
    // A Parquet file that lacks its end.
    ("SELECT * FROM '$DATA/torn.parquet'", &["torn.parquet"]),
    // A word where a number should be, below the lines that the schema could be guessed from.
    (
        "CREATE EXTERNAL TABLE t (id INT, name VARCHAR) STORED AS CSV LOCATION '$DATA/wrong.csv'
         OPTIONS ('format.has_header' 'true'); SELECT sum(id) FROM t",
        &["two"],
    ),
    // A table that is nearly called so.
    (
        "CREATE EXTERNAL TABLE people STORED AS PARQUET LOCATION '$DATA/people.parquet';
         SELECT * FROM peple",
        &["peple", "people"],
    ),
    (
        "CREATE EXTERNAL TABLE people STORED AS PARQUET LOCATION '$DATA/people.parquet';
         SELECT nam FROM people",
        &["nam", "name"],
    ),
    ("SELECT upperr('a')", &["upperr"]),
    // The place of a mistake is marked.
    ("SELECT 1 +\nFROM x WHERE", &["^"]),
    ("SELEC 1", &["selec", "^"]),
    ("SELECT CAST('x' AS INT)", &["x", "int32"]),
];

#[test]
fn bad_sql_is_explained_in_one_process() {
    assert_explained(|sql| sql_on("local[2]", sql));
}

#[test]
fn bad_sql_is_explained_on_a_cluster() {
    let cluster = Cluster::start(ClusterSpec::default());
    assert_explained(|sql| {
        // Each its own tables, as in one process.
        cluster
            .sql("DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS people")
            .ok();
        cluster.sql(sql)
    });
}

fn assert_explained(ask: impl Fn(&str) -> Output) {
    let data = samples().display().to_string();
    let complaints: Vec<String> = BAD
        .iter()
        .filter_map(|(sql, words)| {
            let words: Vec<String> = words
                .iter()
                .map(|word| word.replace("$DATA", &data))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            ask(&sql.replace("$DATA", &data)).not_refused(&words)
        })
        .collect();
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n\n")
    );
}

#[test]
fn bad_command_lines_are_explained() {
    for (args, words) in [
        (
            &["sql", "--mastr", "local[1]", "-e", "SELECT 1"][..],
            &["--mastr", "--master"][..],
        ),
        (&["sqll"], &["sqll", "sql"]),
        (
            &["sql", "--master", "local[x]", "-e", "SELECT 1"],
            &["local[x]"],
        ),
        (
            &["sql", "--master", "spark://host:7077", "-e", "SELECT 1"],
            &["spark://host:7077", "springald://"],
        ),
        (
            &[
                "sql",
                "--master",
                "local[1]",
                "--conf",
                "springald.job_wait_second=5",
                "-e",
                "SELECT 1",
            ],
            &["springald.job_wait_second", "springald.job_wait_seconds"],
        ),
        (
            &[
                "sql",
                "--master",
                "local[1]",
                "-e",
                "SET springald.job_wait_second = 5",
            ],
            &["springald.job_wait_second", "springald.job_wait_seconds"],
        ),
        (
            &["sql", "--master", "local[1]", "-f", "/nowhere/script.sql"],
            &["/nowhere/script.sql"],
        ),
        (
            &["submit", "--master", "local[1]", "/nowhere/script.sql"],
            &["/nowhere/script.sql"],
        ),
        (&["workers", "--master", "local[1]"], &["local[1]"]),
        (
            &["kill", "--master", "springald://127.0.0.1:1", "job"],
            &["127.0.0.1:1"],
        ),
        // The right port of the wrong machine, and no machine at all.
        (
            &[
                "sql",
                "--master",
                "springald://127.0.0.1:1",
                "-e",
                "SELECT 1",
            ],
            &["127.0.0.1:1"],
        ),
        (
            &[
                "sql",
                "--master",
                "springald://no-such-host.invalid:7077",
                "-e",
                "SELECT 1",
            ],
            &["no-such-host.invalid"],
        ),
    ] {
        let mut command = springald();
        command.args(args);
        run(command, Duration::from_secs(15)).refused(words);
    }
}

#[test]
fn an_unknown_job_is_named() {
    let cluster = Cluster::start(ClusterSpec {
        workers: 0,
        ..ClusterSpec::default()
    });
    cluster.springald(&["kill", "nobody"]).refused(&["nobody"]);
}

#[test]
fn a_path_that_one_worker_cannot_see_is_named_with_the_worker() {
    if !can_mount() {
        eprintln!("skipped: this process may not mount file systems");
        return;
    }
    let mut cluster = Cluster::start(ClusterSpec {
        workers: 1,
        ..ClusterSpec::default()
    });
    let folder = cluster.workspace().join("datain");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = folder.join("people.parquet");
    std::fs::copy(samples().join("people.parquet"), &file).expect("a file can be copied");
    let file = file.display().to_string();
    let query = format!("SELECT count(*) FROM '{file}'");
    cluster.sql(&query).ok();

    cluster.start_worker_without(&folder);
    cluster.wait_for_workers(2);
    let refused = cluster.sql(&query).refused(&["people.parquet", "worker"]);
    assert!(refused.took < Duration::from_secs(5), "{refused}");
    cluster.springald(&["doctor", &file]).refused(&[]);
    let said = cluster.springald(&["doctor", &file]);
    assert!(
        format!("{}{}", said.stdout, said.stderr).contains("people.parquet"),
        "{said}"
    );
}

#[test]
fn a_full_disk_is_named() {
    if !can_mount() {
        eprintln!("skipped: this process may not mount file systems");
        return;
    }
    let cluster = Cluster::start(ClusterSpec::default());
    let disk = SmallDisk::mount(&cluster.workspace().join("full"), 1);
    // Some 3 MB of numbers that don't compress.
    let people = samples().join("people.csv").display().to_string();
    let copy = format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS p STORED AS CSV LOCATION '{people}'
         OPTIONS ('format.has_header' 'true');
         COPY (SELECT random() AS x FROM p a CROSS JOIN p b CROSS JOIN p c CROSS JOIN p d)
         TO '{}/out.parquet' STORED AS PARQUET",
        disk.path().display()
    );
    cluster.sql(&copy).refused(&["no space left", "full"]);
    sql_on("local[2]", &copy).refused(&["no space left", "full"]);
    // And the cluster goes on.
    cluster.sql("SELECT 1 AS one").ok();
}
