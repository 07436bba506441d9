use std::fmt::Write;

use super::*;

const SAMPLE: &str = "\
1 1:0.5 3:-2e3 # a comment 9:9
# only a comment

-1.5 2:7
0
+1\t3:1  \r
2 1:1 2:2 3:3";

const SAMPLE_DENSE: [&str; 5] = [
    "-1.5|[0.0, 7.0, 0.0]",
    "0.0|[0.0, 0.0, 0.0]",
    "1.0|[0.0, 0.0, 1.0]",
    "1.0|[0.5, 0.0, -2000.0]",
    "2.0|[1.0, 2.0, 3.0]",
];

async fn table(content: &str, partitions: usize, options: &str) -> (SessionContext, TempDir) {
    let folder = folder(&[("a.libsvm", content.as_bytes())]).await;
    let ctx = session(partitions);
    let location = folder.path().display().to_string();
    let query = format!("CREATE EXTERNAL TABLE t STORED AS LIBSVM LOCATION '{location}' {options}");
    ctx.sql(&query).await.unwrap();
    (ctx, folder)
}

#[tokio::test]
async fn dense_vectors_from_any_number_of_partitions() {
    for partitions in [1, 2, 5, 40] {
        let (ctx, _folder) = table(SAMPLE, partitions, "").await;
        assert_eq!(sql(&ctx, "SELECT * FROM t").await, SAMPLE_DENSE);
        assert_eq!(
            sql(&ctx, "SELECT features[3] FROM t WHERE label = 2").await,
            ["3.0"]
        );
        assert_eq!(
            sql(&ctx, "SELECT count(*), sum(label) FROM t").await,
            ["5|2.5"]
        );
        let types = "SELECT DISTINCT arrow_typeof(features), arrow_typeof(label) FROM t";
        assert_eq!(
            sql(&ctx, types).await,
            ["FixedSizeList(3 x non-null Float64)|Float64"]
        );
    }
}

#[tokio::test]
async fn sparse_vectors_count_from_zero() {
    let (ctx, _folder) = table(SAMPLE, 3, "OPTIONS (vector 'sparse', num_features '5')").await;
    assert_eq!(
        sql(&ctx, "SELECT features FROM t").await,
        [
            "{size: 5, indices: [0, 1, 2], values: [1.0, 2.0, 3.0]}",
            "{size: 5, indices: [0, 2], values: [0.5, -2000.0]}",
            "{size: 5, indices: [1], values: [7.0]}",
            "{size: 5, indices: [2], values: [1.0]}",
            "{size: 5, indices: [], values: []}",
        ]
    );
    assert_eq!(sql(&ctx, "SELECT sum(label) FROM t").await, ["2.5"]);
}

#[tokio::test]
async fn wide_vectors_make_small_batches_and_compression_works() {
    let mut content = String::new();
    for row in 0..200 {
        writeln!(content, "{row} {}:1 100000:2", row + 1).unwrap();
    }
    let folder = folder(&[("a.svm.gz", content.as_bytes())]).await;
    let ctx = session(2);
    let location = folder.path().join("a.svm.gz");
    let location = location.display();
    ctx.sql(&format!(
        "CREATE EXTERNAL TABLE t STORED AS SVM LOCATION '{location}'"
    ))
    .await
    .unwrap();
    let query = "SELECT features FROM t LIMIT 100";
    let batches = ctx.sql(query).await.unwrap().collect().await.unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 21));
    assert_eq!(
        sql(
            &ctx,
            "SELECT sum(label), sum(features[100000]) FROM t WHERE label < 50"
        )
        .await,
        ["1225.0|100.0"]
    );
}

#[tokio::test]
async fn bad_lines_are_named() {
    let long = format!("1 {}:x", "1".repeat(200));
    for (line, what) in [
        ("one 1:1", "the label, `one`, is not a number"),
        ("1 1", "`1` is not index:value"),
        ("1 a:1", "the index of `a:1` is not a whole number"),
        ("1 -1:1", "the index of `-1:1` is not a whole number"),
        ("1 0:1", "index 0, but indices start at 1"),
        ("1 1:x", "the value of index 1, `x`, is not a number"),
        ("1 2:1 2:1", "index 2 comes after 2, but they must increase"),
        ("1 2:1 1:1", "index 1 comes after 2, but they must increase"),
        ("1 5:1", "index 5 is above num_features, which is 4"),
        ("1 3000000000:1", "index 3000000000 is above num_features"),
        ("\u{fffd}", "is not a number"),
        (&long, "…`: the index of"),
    ] {
        let content = format!("1 1:1\n{line}\n2 2:2\n");
        for vector in ["dense", "sparse"] {
            let options = format!("OPTIONS (vector '{vector}', num_features '4')");
            let (ctx, _folder) = table(&content, 2, &options).await;
            let error = sql_error(&ctx, "SELECT * FROM t").await;
            assert!(error.contains(what), "{line}: {error}");
            assert!(
                error.contains("a.libsvm") && error.contains("bad libsvm line"),
                "{error}"
            );
            assert!(error.len() < 400, "{error}");
        }
    }
}

#[tokio::test]
async fn bad_tables_are_refused() {
    let files: [(&str, &[u8]); 3] = [
        ("a.libsvm", b"1 1:1\n2 x:1\n"),
        ("b.svm", b"1\n2\n"),
        ("c.svm", b"\xff\xfe 1:1\n"),
    ];
    let folder = folder(&files).await;
    let folder = folder.path().display();
    let ctx = session(2);
    for (create, what) in [
        (
            format!("LIBSVM LOCATION '{folder}/a.libsvm'"),
            "index of `x:1` is not a whole",
        ),
        (
            format!("SVM LOCATION '{folder}/b.svm'"),
            "give the option num_features",
        ),
        (format!("SVM LOCATION '{folder}/c.svm'"), "it is not text"),
        (
            format!("SVM LOCATION '{folder}/b.svm' OPTIONS (num_features '0')"),
            "num_features is `0`",
        ),
        (
            format!("SVM LOCATION '{folder}/b.svm' OPTIONS (vector 'thin')"),
            "unknown vector `thin`",
        ),
        (
            format!("SVM LOCATION '{folder}/b.svm' OPTIONS (delimiter ',')"),
            "only compression, vector and num_features",
        ),
    ] {
        let query = format!("CREATE EXTERNAL TABLE t STORED AS {create}");
        let error = sql_error(&ctx, &query).await;
        assert!(error.contains(what), "{query}: {error}");
    }
    let query =
        format!("CREATE EXTERNAL TABLE d (label DOUBLE, x INT) STORED AS SVM LOCATION '{folder}'");
    ctx.sql(&query).await.unwrap();
    let error = sql_error(&ctx, "SELECT * FROM d").await;
    assert!(error.contains("declare no columns"), "{error}");
}
