//! One program, three kinds of master, the same rows.

use springald_testing::{Cluster, ClusterSpec, Output, samples};

use crate::sql_on;

/// Queries over every format; `$DATA` is the folder of the samples.
const QUERIES: &[&str] = &[
    "SELECT * FROM '$DATA/people.csv' ORDER BY id",
    "SELECT * FROM '$DATA/people.json' ORDER BY id",
    "SELECT * FROM '$DATA/people.avro' ORDER BY id",
    "SELECT * FROM '$DATA/people.arrow' ORDER BY id",
    "SELECT * FROM '$DATA/people.parquet' ORDER BY id",
    "SELECT city, count(*) AS n, avg(score) AS mean FROM '$DATA/people.csv' GROUP BY city ORDER BY city",
    "SELECT city, count(age) AS n, min(name) AS first FROM '$DATA/people.json' GROUP BY city ORDER BY city",
    "SELECT count(*) AS n, count(age) AS ages, sum(score) AS total FROM '$DATA/people.avro'",
    "SELECT id, lag(id) OVER (PARTITION BY city ORDER BY id) AS before FROM '$DATA/people.arrow' ORDER BY id",
    "SELECT count(DISTINCT city) AS n FROM '$DATA/parts'",
    "SELECT id, name FROM '$DATA/parts/*.parquet' ORDER BY id",
    "SELECT value FROM '$DATA/words.txt' ORDER BY value",
    "SELECT value, count(*) AS n FROM '$DATA/words.txt.gz' GROUP BY value ORDER BY value",
    "SELECT label, features FROM '$DATA/points.libsvm' ORDER BY label, features",
    "SELECT c.name, p.score FROM '$DATA/people.csv' c JOIN '$DATA/parts' p ON c.id = p.id WHERE p.id > 5 ORDER BY c.id",
    "SELECT c.id FROM '$DATA/people.csv' c LEFT JOIN '$DATA/people.parquet' p ON c.id = p.id + 20 WHERE p.id IS NULL ORDER BY c.id",
    "SELECT city FROM '$DATA/people.avro' UNION SELECT city FROM '$DATA/people.json' ORDER BY city",
    "SELECT id, CASE WHEN age IS NULL THEN 'unknown' ELSE 'known' END AS age FROM '$DATA/people.parquet' ORDER BY id",
    "SELECT id FROM '$DATA/people.parquet' WHERE id > (SELECT avg(id) FROM '$DATA/people.csv') ORDER BY id",
    "SELECT id FROM '$DATA/people.csv' WHERE id > 1000",
    "SELECT count(*) AS n, sum(v) AS total FROM (SELECT unnest(range(1, 1001)) AS v)",
    "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(id, name) ORDER BY id",
    "SELECT 1 + 1 AS two",
];

#[test]
fn every_master_gives_the_same_rows() {
    let cluster = Cluster::start(ClusterSpec::default());
    assert_same_rows(QUERIES, |query| cluster.sql(query));
}

#[test]
fn a_local_cluster_gives_the_same_rows() {
    // Each call starts and stops three processes, so only a few.
    let few = [QUERIES[4], QUERIES[5], QUERIES[12], QUERIES[14]];
    assert_same_rows(&few, |query| sql_on("local-cluster[2,1]", query));
}

/// Compares what `ask` answers with what one process does.
fn assert_same_rows(queries: &[&str], ask: impl Fn(&str) -> Output) {
    let data = samples().display().to_string();
    let complaints: Vec<String> = queries
        .iter()
        .filter_map(|query| {
            let query = query.replace("$DATA", &data);
            let local = sql_on("local[2]", &query).rows();
            let remote = ask(&query);
            if remote.code != Some(0) {
                return Some(remote.to_string());
            }
            local
                .difference(&remote.rows())
                .map(|difference| format!("{query}: {difference}"))
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
fn what_a_session_makes_is_there_in_the_next() {
    let cluster = Cluster::start(ClusterSpec::default());
    let people = samples().join("people.parquet").display().to_string();
    cluster
        .sql(&format!(
            "CREATE EXTERNAL TABLE people STORED AS PARQUET LOCATION '{people}';
             CREATE VIEW adults AS SELECT id, name FROM people WHERE age > 40;
             CREATE TABLE cities AS SELECT city, count(*) AS n FROM people GROUP BY city;"
        ))
        .ok();
    let counts =
        "SELECT (SELECT count(*) FROM people) AS people, (SELECT count(*) FROM adults) AS adults,
                  (SELECT sum(n) FROM cities) AS cities";
    let rows = cluster.sql(counts).rows();
    assert_eq!(rows.rows, [["25", "4", "25"]]);
    cluster
        .sql(&format!(
            "CREATE EXTERNAL TABLE IF NOT EXISTS cities STORED AS PARQUET LOCATION '{people}'"
        ))
        .ok();
    assert_eq!(cluster.sql(counts).rows(), rows, "who has a name keeps it");
    assert!(
        cluster.workspace().join("warehouse/cities").exists(),
        "CREATE TABLE AS writes under the warehouse"
    );

    cluster
        .sql("CREATE TABLE copy AS SELECT * FROM cities; INSERT INTO copy SELECT * FROM cities")
        .ok();
    let rows = cluster
        .sql("SELECT count(*) AS rows, sum(n) AS n FROM copy")
        .rows();
    assert_eq!(rows.rows, [["8", "50"]]);

    cluster.sql("DROP VIEW adults; DROP TABLE copy").ok();
    cluster.sql("SELECT * FROM adults").refused(&["adults"]);
    let tables = cluster.sql("SHOW TABLES").ok().stdout;
    assert!(
        tables.contains("cities") && !tables.contains("copy"),
        "{tables}"
    );
}
