//! How fast a file is read: `TEXT_FILE=… cargo test --release -p springald-text throughput --
//! --ignored --nocapture`.

use std::time::Instant;

use futures::StreamExt;

use super::*;
use crate::{WordCountOptions, word_count};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn throughput() {
    let path = std::env::var("TEXT_FILE").unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len() as f64;
    for partitions in [1, 2] {
        let ctx = session(partitions);
        ctx.sql(&format!(
            "CREATE EXTERNAL TABLE t STORED AS TEXT LOCATION '{path}'"
        ))
        .await
        .unwrap();
        let lines = ctx.sql("SELECT value FROM t").await.unwrap();
        let count = ctx.sql("SELECT count(*) FROM t").await.unwrap();
        let top = WordCountOptions {
            top: Some(10),
            ..Default::default()
        };
        let words = word_count(&ctx, std::slice::from_ref(&path), top).unwrap();
        for (what, frame) in [("count", count), ("lines", lines), ("words", words)] {
            let start = Instant::now();
            let streams = frame.execute_stream_partitioned().await.unwrap();
            let rows = futures::future::join_all(streams.into_iter().map(|mut stream| {
                tokio::spawn(async move {
                    let mut rows = 0;
                    while let Some(batch) = stream.next().await {
                        rows += batch.unwrap().num_rows();
                    }
                    rows
                })
            }))
            .await;
            let rows: usize = rows.into_iter().map(|rows| rows.unwrap()).sum();
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{partitions} partition(s), {what}: {rows} rows, {seconds:.2} s, {:.0} MB/s",
                bytes / 1e6 / seconds
            );
        }
    }
}
