//! Linear regression, k-means and word count: the same answers on every kind of master, whoever dies meanwhile.

use std::path::Path;
use std::time::Duration;

use springald_testing::{Cluster, ClusterSpec, Output, Rows, run, springald, within};

use crate::sql_on;

const LIMIT: Duration = Duration::from_secs(120);

/// A job in the two kinds of local master, and on a cluster.
const MASTERS: [&str; 2] = ["local[2]", "local-cluster[2,1]"];

fn job_on(master: &str, job: &[&str]) -> Output {
    let mut command = springald();
    command.args(["run", "--master", master, "--format", "csv"]);
    command.args(job);
    run(command, LIMIT).ok()
}

fn sample() -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/samples");
    let file = data.join("sample_linear_regression_data.txt");
    file.canonicalize()
        .expect("the sample is there")
        .display()
        .to_string()
}

/// Runs each job everywhere; the rows must be those of one process.
fn same_everywhere(jobs: &[Vec<&str>]) {
    let cluster = Cluster::start(ClusterSpec::default());
    for job in jobs {
        let [alone, embedded] = MASTERS.map(|master| job_on(master, job).rows());
        assert!(!alone.rows.is_empty(), "{job:?}");
        alone.assert_same(&embedded, &format!("{job:?} in a local cluster"));
        let rows = job_on(&cluster.url(), job).rows();
        alone.assert_same(&rows, &format!("{job:?} on a cluster"));
    }
}

#[test]
fn regressions_are_the_same_everywhere() {
    let sample = sample();
    let job = |more: &[&'static str]| {
        let job = ["linreg", sample.as_str(), "--input-format", "libsvm"];
        [&job[..], more].concat()
    };
    same_everywhere(&[
        job(&[]),
        job(&[
            "--reg-param",
            "0.3",
            "--elastic-net-param",
            "0.8",
            "--tol",
            "1e-12",
        ]),
        job(&[
            "--reg-param",
            "0.15",
            "--no-intercept",
            "--no-standardization",
        ]),
    ]);
}

#[test]
fn clusterings_are_the_same_everywhere() {
    let sample = sample();
    let job = |more: &[&'static str]| {
        let job = [
            "kmeans",
            sample.as_str(),
            "--input-format",
            "libsvm",
            "--seed",
            "7",
        ];
        [&job[..], more].concat()
    };
    same_everywhere(&[
        job(&["--k", "3"]),
        job(&["--k", "5", "--init-mode", "random", "--distance", "cosine"]),
    ]);
}

#[test]
fn a_model_for_each_group_in_sql() {
    let query =
        "SELECT g, fit.n AS n, fit.intercept AS b, fit.coefficients[1] AS x, fit.r2 AS r2 FROM (
        SELECT v % 3 AS g, linear_regression(2.0 * v + (v % 3), [CAST(v AS DOUBLE)]) AS fit
        FROM (SELECT unnest(range(0, 999)) AS v) GROUP BY v % 3) ORDER BY g";
    let cluster = Cluster::start(ClusterSpec::default());
    for rows in [sql_on("local[2]", query).rows(), cluster.sql(query).rows()] {
        let number = |row: usize, column: usize| {
            let cell = &rows.rows[row][column];
            cell.parse::<f64>().expect("a number")
        };
        for row in 0..3 {
            let closed_form = [row as f64, 333.0, row as f64, 2.0, 1.0];
            for (column, expected) in closed_form.into_iter().enumerate() {
                let found = number(row, column);
                assert!(
                    (found - expected).abs() < 1e-9,
                    "row {row}, column {column}: {found}"
                );
            }
        }
    }
}

#[test]
fn models_are_saved_and_rows_predicted() {
    let cluster = Cluster::start(ClusterSpec::default());
    let sample = sample();
    let at = |name: &str| cluster.workspace().join(name).display().to_string();
    let (model, predicted) = (at("model"), at("predicted.parquet"));
    let job = [
        "run",
        "linreg",
        &sample,
        "--input-format",
        "libsvm",
        "--model-out",
        &model,
        "--predictions",
        &predicted,
    ];
    cluster.springald(&job).ok();
    assert!(Path::new(&model).join("metadata.json").is_file());
    let rmse = format!("SELECT sqrt(avg(power(label - prediction, 2))) AS rmse FROM '{predicted}'");
    let rmse: f64 = cluster.sql(&rmse).rows().rows[0][0]
        .parse()
        .expect("a number");
    // What Spark says of this fit.
    assert!((rmse - 10.16309157133015).abs() < 1e-9, "{rmse}");
    // A model is not lost to another.
    cluster
        .springald(&job)
        .refused(&["exists already", "overwrite"]);
}

#[test]
fn wrong_arguments_are_explained() {
    let sample = sample();
    let refused = |more: &[&str], words: &[&str]| {
        let mut command = springald();
        command.args(["run"]).args(more);
        run(command, LIMIT).refused(words);
    };
    let linreg = ["linreg", &sample, "--input-format", "libsvm"];
    refused(
        &[&linreg[..], &["--label", "lable"]].concat(),
        &["no column `lable`", "did you mean `label`"],
    );
    refused(&[&linreg[..], &["--reg-param=-1"]].concat(), &["regParam"]);
    refused(
        &["linreg", &sample],
        &["no column of vectors", "--features"],
    );
    refused(
        &["kmeans", &sample, "--input-format", "libsvn"],
        &["libsvn", "libsvm"],
    );
    refused(
        &["kmeans", &sample, "--input-format", "libsvm", "--k", "0"],
        &["k"],
    );
}

/// Kills a worker under `job` once `jobs` jobs of it are over, and compares with what one process answers.
fn survives(data: &[&str], job: &[&str], jobs: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_folder = folder.path().join("data").display().to_string();
    let mut command = springald();
    command
        .arg("datagen")
        .args(data)
        .args(["--out", &data_folder]);
    run(command, LIMIT).ok();
    let job = [&job[..1], &[data_folder.as_str()], &job[1..]].concat();
    let expected = job_on("local[2]", &job).rows();

    let mut cluster = Cluster::start(ClusterSpec::default());
    let output = folder.path().join("rows.csv").display().to_string();
    let mut client = cluster.spawn(
        "client",
        &[&["run", "--output", &output], &job[..]].concat(),
    );
    within(LIMIT, "the job is under way", || {
        let all = cluster.jobs();
        let over = all.iter().filter(|job| job["state"] == "done").count();
        let running = all
            .iter()
            .any(|job| job["tasks_running"].as_u64() > Some(0));
        (over >= jobs && running).then_some(())
    });
    cluster.kill_worker(0);
    cluster.start_worker();
    let status = client.wait(LIMIT).expect("the client ends");
    assert!(status.success(), "{}", client.printed());
    let rows = std::fs::read_to_string(&output).expect("the rows are there");
    expected.assert_same(
        &Rows::parse(&rows),
        &format!("{job:?} with a worker killed"),
    );
}

#[test]
fn a_worker_dies_under_a_regression() {
    survives(
        &["linreg", "--rows", "1000000", "--features", "10"],
        &["linreg", "--features", "f0,f1,f2,f3,f4,f5,f6,f7,f8,f9"],
        0,
    );
}

#[test]
fn a_worker_dies_between_iterations_of_k_means() {
    survives(
        &["kmeans", "--rows", "400000", "--features", "8", "--k", "8"],
        &[
            "kmeans",
            "--features",
            "x0,x1,x2,x3,x4,x5,x6,x7",
            "--k",
            "12",
            "--tol",
            "0",
            "--max-iter",
            "60",
            "--init-mode",
            "random",
            "--no-silhouette",
        ],
        8,
    );
}

#[test]
fn a_worker_dies_under_a_word_count() {
    survives(
        &["text", "--size", "100MB"],
        &["wordcount", "--top", "20"],
        0,
    );
}
