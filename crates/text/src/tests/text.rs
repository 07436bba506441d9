use std::fmt::Write;

use datafusion::physical_plan::ExecutionPlanProperties;

use super::*;

async fn create(ctx: &SessionContext, name: &str, location: &Path, options: &str) {
    let location = location.display();
    let query =
        format!("CREATE EXTERNAL TABLE {name} STORED AS TEXT LOCATION '{location}' {options}");
    ctx.sql(&query).await.unwrap();
}

#[tokio::test]
async fn lines_are_the_same_from_any_number_of_partitions() {
    let content = "first\r\n\r\nthird, é€🦀\n\n fifth \nlast without end";
    let folder = folder(&[("a.txt", content.as_bytes())]).await;
    let expected = ["", "", "fifth", "first", "last without end", "third, é€🦀"];
    for partitions in [1, 2, 4, 7, 50] {
        let ctx = session(partitions);
        create(&ctx, "t", &folder.path().join("a.txt"), "").await;
        assert_eq!(
            sql(&ctx, "SELECT value FROM t").await,
            expected,
            "{partitions}"
        );
        assert_eq!(
            sql(&ctx, "SELECT count(*) FROM t").await,
            ["6"],
            "{partitions}"
        );
        assert_eq!(sql(&ctx, "SELECT 7 FROM t LIMIT 2").await, ["7", "7"]);
        assert_eq!(
            sql(&ctx, "SELECT length(value) FROM t WHERE value LIKE '%🦀'").await,
            ["10"]
        );
        let plan = ctx.sql("SELECT * FROM t").await.unwrap();
        let plan = plan.create_physical_plan().await.unwrap();
        let bytes_each = content.len().div_ceil(partitions);
        assert_eq!(
            plan.output_partitioning().partition_count(),
            content.len().div_ceil(bytes_each)
        );
    }
}

#[tokio::test]
async fn batches_have_the_sessions_size_and_limits_end_early() {
    let mut content = String::new();
    for number in 0..100_000 {
        writeln!(content, "line {number}").unwrap();
    }
    let folder = folder(&[("a.txt", content.as_bytes())]).await;
    let ctx = session(1);
    create(&ctx, "t", &folder.path().join("a.txt"), "").await;
    for query in ["SELECT value FROM t", "SELECT 1 FROM t"] {
        let batches = ctx.sql(query).await.unwrap().collect().await.unwrap();
        let sizes: Vec<_> = batches.iter().map(|batch| batch.num_rows()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 100_000);
        assert_eq!(*sizes.iter().max().unwrap(), 8192);
        assert!(sizes.len() <= 14, "{sizes:?}");
    }
    let limited = sql(&ctx, "SELECT value FROM t LIMIT 3").await;
    assert_eq!(limited, ["line 0", "line 1", "line 2"]);
}

#[tokio::test]
async fn what_is_not_utf8_is_replaced() {
    let folder = folder(&[("a.txt", b"good\nb\xffd \xc3\nlast\xe2\x82")]).await;
    for partitions in [1, 3] {
        let ctx = session(partitions);
        create(&ctx, "t", &folder.path().join("a.txt"), "").await;
        let lines = sql(&ctx, "SELECT value FROM t").await;
        assert_eq!(lines, ["b\u{fffd}d \u{fffd}", "good", "last\u{fffd}"]);
    }
}

#[tokio::test]
async fn compressed_files_are_read_whole_beside_others() {
    let lines = |from: usize| -> String {
        (from..from + 3_000).fold(String::new(), |mut all, n| {
            writeln!(all, "{n}").unwrap();
            all
        })
    };
    let content: Vec<_> = (0..5).map(|file| lines(file * 3_000)).collect();
    let names = ["a.txt.gz", "b.txt.bz2", "c.txt.xz", "d.txt.zst", "e.txt"];
    let files: Vec<_> = names
        .into_iter()
        .zip(&content)
        .map(|(name, text)| (name, text.as_bytes()))
        .collect();
    let folder = folder(&files).await;
    for partitions in [1, 4, 9] {
        let ctx = session(partitions);
        create(&ctx, "t", &folder.path().join("*.txt*"), "").await;
        let sum = "SELECT count(*), count(distinct value), sum(value::bigint) FROM t";
        assert_eq!(sql(&ctx, sum).await, ["15000|15000|112492500"]);
        create(&ctx, "gz", folder.path(), "OPTIONS (compression 'gzip')").await;
        assert_eq!(
            sql(&ctx, "SELECT max(value::bigint) FROM gz").await,
            ["2999"]
        );
    }
}

#[tokio::test]
async fn a_torn_compressed_file_is_an_error_that_names_it() {
    let folder = folder(&[("a.txt.gz", "some text\n".repeat(1000).as_bytes())]).await;
    let path = folder.path().join("a.txt.gz");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let ctx = session(2);
    create(&ctx, "t", &path, "").await;
    let error = sql_error(&ctx, "SELECT count(*) FROM t").await;
    assert!(error.contains("a.txt.gz"), "{error}");
}

#[tokio::test]
async fn declared_columns_partitions_and_bad_options() {
    let folder = tempfile::tempdir().unwrap();
    for day in ["day=1", "day=2"] {
        std::fs::create_dir(folder.path().join(day)).unwrap();
        std::fs::write(folder.path().join(day).join("a.log"), "x\ny\n").unwrap();
    }
    let location = folder.path().display();
    let ctx = session(3);
    ctx.sql(&format!(
        "CREATE EXTERNAL TABLE t (line VARCHAR, day INT) STORED AS LOG PARTITIONED BY (day) \
         LOCATION '{location}'"
    ))
    .await
    .unwrap();
    let all = sql(&ctx, "SELECT day, line FROM t").await;
    assert_eq!(all, ["1|x", "1|y", "2|x", "2|y"]);
    assert_eq!(
        sql(&ctx, "SELECT day FROM t WHERE day > 1").await,
        ["2", "2"]
    );

    let create = format!("CREATE EXTERNAL TABLE u STORED AS LOG LOCATION '{location}'");
    let error = sql_error(&ctx, &format!("{create} OPTIONS (header 'true')")).await;
    assert!(
        error.contains("no option `header`, only compression, line_sep and whole_text"),
        "{error}"
    );
    let error = sql_error(&ctx, &format!("{create} OPTIONS (compression 'rar')")).await;
    assert!(error.contains("compression type RAR"), "{error}");
    ctx.sql(&format!(
        "CREATE EXTERNAL TABLE v (a INT) STORED AS LOG LOCATION '{location}'"
    ))
    .await
    .unwrap();
    let copy = format!("COPY (SELECT 'a') TO '{location}/out.txt'");
    let error = sql_error(&ctx, &copy).await;
    assert!(error.contains("can be read but not written"), "{error}");
    let error = sql_error(&ctx, "SELECT * FROM v").await;
    assert!(error.contains("has one string column"), "{error}");
}

#[tokio::test]
async fn rows_end_where_the_options_say() {
    let content = "a, b\r\nc,\nd##e#f##";
    let folder = folder(&[("a.txt", content.as_bytes()), ("b.txt", b"x\n")]).await;
    for partitions in [1, 2, 5, 30] {
        let ctx = session(partitions);
        let one = folder.path().join("a.txt");
        create(&ctx, "comma", &one, "OPTIONS (line_sep ',')").await;
        create(&ctx, "marks", &one, "OPTIONS (line_sep '##')").await;
        create(&ctx, "files", folder.path(), "OPTIONS (whole_text 'true')").await;
        let escaped = |table: &str| {
            format!("SELECT replace(replace(value, chr(10), 'N'), chr(13), 'R') FROM {table}")
        };
        assert_eq!(
            sql(&ctx, &escaped("comma")).await,
            ["Nd##e#f##", "a", "bRNc"],
            "{partitions}"
        );
        assert_eq!(sql(&ctx, &escaped("marks")).await, ["a, bRNc,Nd", "e#f"]);
        assert_eq!(
            sql(&ctx, &escaped("files")).await,
            ["a, bRNc,Nd##e#f##", "xN"]
        );
        for (table, count) in [("comma", "3"), ("marks", "2"), ("files", "2")] {
            let counted = sql(&ctx, &format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(counted, [count], "{table}");
        }
    }
}
