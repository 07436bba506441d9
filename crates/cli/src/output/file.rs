//! A result in a file: the format is the ending of its name, and the file appears whole or not at all.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use async_compression::tokio::write::GzipEncoder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tempfile::TempPath;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};

use super::encode::Encoder;
use crate::error::{Error, Result};

/// A file to write a result to, whose ending is known to name a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputPath {
    path: PathBuf,
    kind: FileKind,
    gzip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Parquet,
    Arrow,
    Csv,
    Tsv,
    Json,
    Ndjson,
}

/// As it was given.
impl std::fmt::Display for OutputPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Checked when the command line is read, so that a wrong ending costs no query.
impl FromStr for OutputPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("not a file of this machine; use COPY … TO to write to a store".into());
        }
        let lower = text.to_lowercase();
        let (name, gzip) = match lower.strip_suffix(".gz") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("parquet") if !gzip => FileKind::Parquet,
            Some("arrow") if !gzip => FileKind::Arrow,
            Some("csv") => FileKind::Csv,
            Some("tsv") => FileKind::Tsv,
            Some("json") => FileKind::Json,
            Some("ndjson" | "jsonl") => FileKind::Ndjson,
            _ => {
                return Err(
                    "the ending names the format: .parquet, .arrow, .csv, .tsv, .json or .ndjson; \
                     the text ones also with .gz"
                        .into(),
                );
            }
        };
        Ok(Self {
            path: text.into(),
            kind,
            gzip,
        })
    }
}

/// Writes all rows of the stream to the file and returns how many there were. The rows go to a temporary
/// file beside it, which takes its name once it is complete; a file of that name is replaced.
pub(crate) async fn write_output(
    mut stream: SendableRecordBatchStream,
    output: &OutputPath,
) -> Result<u64> {
    let path = &output.path;
    let failed = |e: io::Error| Error::io(format!("cannot write {}", path.display()), e);
    let (file, temporary) = temporary_beside(path).map_err(failed)?;
    let file = BufWriter::with_capacity(1 << 18, tokio::fs::File::from_std(file));
    let mut file: Box<dyn AsyncWrite + Unpin + Send> = match output.gzip {
        true => Box::new(GzipEncoder::new(file)),
        false => Box::new(file),
    };
    let mut encoder = encoder(output.kind, &stream.schema())?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        encoder.write(&batch)?;
        rows += batch.num_rows() as u64;
        file.write_all(&encoder.take()).await.map_err(failed)?;
    }
    encoder.finish()?;
    file.write_all(&encoder.take()).await.map_err(failed)?;
    file.shutdown().await.map_err(failed)?;
    temporary.persist(path).map_err(|e| failed(e.error))?;
    Ok(rows)
}

/// A new hidden file in the folder of `path`, readable by all that the umask allows. It is removed when the
/// returned path is dropped before it is persisted.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<(std::fs::File, TempPath)> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map(tempfile::NamedTempFile::into_parts)
}

fn encoder(kind: FileKind, schema: &SchemaRef) -> Result<Encoder> {
    Ok(match kind {
        FileKind::Parquet => Encoder::parquet(schema)?,
        FileKind::Arrow => Encoder::arrow(schema)?,
        FileKind::Csv => Encoder::delimited(schema, b','),
        FileKind::Tsv => Encoder::delimited(schema, b'\t'),
        FileKind::Json => Encoder::json(),
        FileKind::Ndjson => Encoder::ndjson(),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::prelude::{ParquetReadOptions, SessionContext};

    use super::*;

    async fn numbers(n: u64) -> SendableRecordBatchStream {
        SessionContext::new()
            .sql(&format!(
                "SELECT value, 'v' || value AS name FROM range(0, {n})"
            ))
            .await
            .unwrap()
            .execute_stream()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn every_ending_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.parquet",
            "a.arrow",
            "a.csv",
            "a.tsv.gz",
            "a.json",
            "a.jsonl",
        ] {
            let path = folder.path().join(name);
            let output = path.to_str().unwrap().parse().unwrap();
            assert_eq!(
                write_output(numbers(20_000).await, &output).await.unwrap(),
                20_000
            );
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 6, "{left:?}");

        let csv = std::fs::read_to_string(folder.path().join("a.csv")).unwrap();
        assert_eq!(csv.lines().count(), 20_001);
        let parquet = folder.path().join("a.parquet");
        let count = SessionContext::new()
            .read_parquet(parquet.to_str().unwrap(), ParquetReadOptions::default())
            .await
            .unwrap()
            .count()
            .await
            .unwrap();
        assert_eq!(count, 20_000);
    }

    #[tokio::test]
    async fn a_failed_result_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let output: OutputPath = folder
            .path()
            .join("a.csv")
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let good = numbers(10).await;
        let schema = good.schema();
        let bad = futures::stream::iter([Err(DataFusionError::Execution("worker lost".into()))]);
        let stream = RecordBatchStreamAdapter::new(schema, good.chain(bad));
        let e = write_output(Box::pin(stream), &output).await.unwrap_err();
        assert_eq!(e.to_string(), "worker lost");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn endings_are_checked_first() {
        for bad in ["x", "x.txt", "x.parquet.gz", "s3://b/x.csv"] {
            assert!(bad.parse::<OutputPath>().is_err(), "{bad}");
        }
    }
}
