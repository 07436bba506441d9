//! Tests of the formats as a session uses them.

mod codec;
mod libsvm;
mod text;
mod throughput;
mod word_count;

use std::path::Path;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::{PortableTables, line_format_factories};

/// A session that cuts files into `partitions`, however small they are.
fn session(partitions: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_repartition_file_min_size(1);
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_analyzer_rule(std::sync::Arc::new(PortableTables))
        .build();
    for factory in line_format_factories() {
        state.register_file_format(factory, false).unwrap();
    }
    let csv = state.table_factories()["CSV"].clone();
    for name in ["TXT", "TEXT", "LOG", "LIBSVM", "SVM"] {
        state
            .table_factories_mut()
            .insert(name.to_string(), csv.clone());
    }
    SessionContext::new_with_state(state)
}

/// The rows of `query`, one string each, in order of the strings.
async fn rows(frame: DataFrame) -> Vec<String> {
    let batches = frame.collect().await.unwrap();
    let mut rows: Vec<_> = pretty_format_batches(&batches)
        .unwrap()
        .to_string()
        .lines()
        .skip(3)
        .filter(|line| !line.starts_with('+'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.collect::<Vec<_>>().join("|")
        })
        .collect();
    rows.sort();
    rows
}

async fn sql(ctx: &SessionContext, query: &str) -> Vec<String> {
    rows(ctx.sql(query).await.unwrap()).await
}

/// The message of the error of `query`, when it is planned or when it runs.
async fn sql_error(ctx: &SessionContext, query: &str) -> String {
    match ctx.sql(query).await {
        Ok(frame) => frame.collect().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

/// A folder with these files; those with the ending of a compression are compressed.
async fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, compress(&path, content).await).unwrap();
    }
    folder
}

async fn compress(path: &Path, content: &[u8]) -> Vec<u8> {
    use async_compression::tokio::write::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};
    macro_rules! encode {
        ($encoder:ident) => {{
            // Two members, one after the other, as `cat a.gz b.gz` makes them.
            let (first, second) = content.split_at(content.len() / 2);
            let mut all = Vec::new();
            for part in [first, second] {
                let mut encoder = $encoder::new(Vec::new());
                encoder.write_all(part).await.unwrap();
                encoder.shutdown().await.unwrap();
                all.extend(encoder.into_inner());
            }
            all
        }};
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => encode!(GzipEncoder),
        Some("bz2") => encode!(BzEncoder),
        Some("xz") => encode!(XzEncoder),
        Some("zst") => encode!(ZstdEncoder),
        _ => content.to_vec(),
    }
}
