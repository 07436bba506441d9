//! Files made side by side, each under a temporary name until it is whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use indicatif::ProgressBar;
use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::output::temporary_beside;
use crate::progress;

/// Where the files go, and how many are made at a time.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) folder: PathBuf,
    pub(super) overwrite: bool,
    pub(super) threads: usize,
    /// Set when the user had enough.
    pub(super) stop: Arc<AtomicBool>,
}

/// A file, or the files of a table, that were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) files: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ParquetCompression {
    #[default]
    Zstd,
    Snappy,
    None,
}

impl Output {
    /// An empty folder for the files: a mixture with older ones would be data that no flags describe.
    pub(super) fn prepare(&self, folder: &Path) -> Result<()> {
        let failed = |e| Error::io(format!("cannot write to {}", folder.display()), e);
        std::fs::create_dir_all(folder).map_err(failed)?;
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if !self.overwrite {
                return Err(Error::invalid(format!(
                    "the folder {} is not empty",
                    folder.display()
                ))
                .with_hint("name another one, or add --overwrite to replace what is in it"));
            }
            match path.is_dir() {
                // Only what an earlier run may have made is removed.
                true => return Err(Error::invalid(format!("{} is in the way", path.display()))
                    .with_hint("--overwrite removes files only; remove the folder yourself, or name another one")),
                false => std::fs::remove_file(&path).map_err(failed)?,
            }
        }
        Ok(())
    }

    /// Makes files `0..count`, as many at a time as there are threads, and sums up what they hold. `make`
    /// makes one; a bar on the terminal counts to `total` meanwhile, by what it tells its [`Progress`].
    pub(super) fn each(
        &self,
        name: &str,
        count: usize,
        total: Total,
        make: impl Fn(usize, &Progress) -> Result<Made> + Sync,
    ) -> Result<Made> {
        let bar = match total {
            Total::Rows(rows) => progress::bar(rows, false),
            Total::Bytes(bytes) => progress::bar(bytes, true),
        };
        bar.set_message(name.to_owned());
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let progress = Progress {
            bar: &bar,
            stop: &self.stop,
            failed: &failed,
        };
        let worker = || {
            let mut made = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= count {
                    return Ok(made);
                }
                match make(i, &progress) {
                    Ok(file) => made.push(file),
                    Err(e) => {
                        failed.store(true, Ordering::Relaxed);
                        return Err(e);
                    }
                }
            }
        };
        let outcomes: Vec<Result<Vec<Made>>> = std::thread::scope(|scope| {
            let threads = self.threads.clamp(1, count.max(1));
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            handles
                .into_iter()
                .map(|handle| {
                    handle
                        .join()
                        .unwrap_or_else(|_| Err(Error::failed("a thread that makes data panicked")))
                })
                .collect()
        });
        bar.finish_and_clear();
        let mut all = Made {
            name: name.to_owned(),
            files: 0,
            rows: 0,
            bytes: 0,
        };
        let mut stopped = None;
        for outcome in outcomes {
            match outcome {
                Ok(made) => made.iter().for_each(|file| all.add(file)),
                // The others stop because one failed; that one's error is the one to tell.
                Err(Error::Interrupted) => stopped = Some(Error::Interrupted),
                Err(e) => return Err(e),
            }
        }
        stopped.map_or(Ok(all), Err)
    }
}

/// What a bar counts to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Total {
    Rows(u64),
    Bytes(u64),
}

/// Told of every step by whoever makes a file; tells it to stop.
pub(super) struct Progress<'a> {
    bar: &'a ProgressBar,
    stop: &'a AtomicBool,
    failed: &'a AtomicBool,
}

impl Progress<'_> {
    /// # Errors
    /// If the file is not wanted any more.
    pub(super) fn step(&self, by: u64) -> Result<()> {
        self.bar.inc(by);
        match self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

impl Made {
    fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// A file of bytes being made.
pub(super) struct TextFile {
    path: PathBuf,
    temporary: TempPath,
    out: BufWriter<File>,
    bytes: u64,
}

impl TextFile {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let (file, temporary) = temporary_beside(&path).map_err(|e| cannot_write(&path, e))?;
        Ok(Self {
            path,
            temporary,
            out: BufWriter::with_capacity(1 << 18, file),
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.out
            .write_all(bytes)
            .map_err(|e| cannot_write(&self.path, e))
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn finish(mut self, rows: u64) -> Result<Made> {
        self.out.flush().map_err(|e| cannot_write(&self.path, e))?;
        self.temporary
            .persist(&self.path)
            .map_err(|e| cannot_write(&self.path, e.error))?;
        Ok(Made {
            name: self.path.display().to_string(),
            files: 1,
            rows,
            bytes: self.bytes,
        })
    }
}

/// A Parquet file being made.
pub(super) struct ParquetFile {
    path: PathBuf,
    temporary: TempPath,
    writer: ArrowWriter<BufWriter<File>>,
    rows: u64,
}

impl ParquetFile {
    /// A file whose row groups have `group_rows` rows.
    pub(super) fn create(
        path: PathBuf,
        schema: &SchemaRef,
        compression: ParquetCompression,
        group_rows: usize,
    ) -> Result<Self> {
        let (file, temporary) = temporary_beside(&path).map_err(|e| cannot_write(&path, e))?;
        let properties = WriterProperties::builder()
            .set_compression(match compression {
                ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
                ParquetCompression::Snappy => Compression::SNAPPY,
                ParquetCompression::None => Compression::UNCOMPRESSED,
            })
            .set_max_row_group_row_count(Some(group_rows))
            .build();
        let out = BufWriter::with_capacity(1 << 20, file);
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties))
            .map_err(|e| not_written(&path, e.into()))?;
        Ok(Self {
            path,
            temporary,
            writer,
            rows: 0,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .map_err(|e| not_written(&self.path, e.into()))
    }

    pub(super) fn finish(self) -> Result<Made> {
        let mut out = self
            .writer
            .into_inner()
            .map_err(|e| not_written(&self.path, e.into()))?;
        out.flush().map_err(|e| cannot_write(&self.path, e))?;
        let metadata = out.get_ref().metadata();
        let bytes = metadata.map_err(|e| cannot_write(&self.path, e))?.len();
        self.temporary
            .persist(&self.path)
            .map_err(|e| cannot_write(&self.path, e.error))?;
        Ok(Made {
            name: self.path.display().to_string(),
            files: 1,
            rows: self.rows,
            bytes,
        })
    }
}

fn cannot_write(path: &Path, e: std::io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), e)
}

fn not_written(path: &Path, e: ArrowError) -> Error {
    Error::from(e).within(&format!("cannot write {}", path.display()))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Two threads that write into a new folder.
    pub(in super::super) fn output() -> (tempfile::TempDir, Output) {
        let folder = tempfile::tempdir().unwrap();
        let output = Output {
            folder: folder.path().to_owned(),
            overwrite: false,
            threads: 2,
            stop: Arc::default(),
        };
        (folder, output)
    }

    /// Names and contents of all files under a folder.
    pub(in super::super) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.extend(contents(&path));
            } else {
                all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
        let prefix = format!("{}/", folder.display());
        for (name, _) in &mut all {
            if let Some(short) = name.strip_prefix(&prefix) {
                *name = short.to_owned();
            }
        }
        all.sort();
        all
    }

    /// The columns of a Parquet file as one batch.
    pub(in super::super) fn read(path: &Path) -> RecordBatch {
        use datafusion::arrow::compute::concat_batches;
        use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

        let file = File::open(path).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = builder.schema().clone();
        let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        concat_batches(&schema, &batches).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let (folder, mut output) = testing::output();
        std::fs::write(folder.path().join("mine.txt"), "x").unwrap();
        let e = output.prepare(folder.path()).unwrap_err();
        assert!(e.to_string().contains("not empty"), "{e}");
        output.overwrite = true;
        output.prepare(folder.path()).unwrap();
        assert!(testing::contents(folder.path()).is_empty());
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        assert!(output.prepare(folder.path()).is_err());
    }

    #[test]
    fn a_stopped_file_leaves_nothing() {
        let (folder, output) = testing::output();
        output.stop.store(true, Ordering::Relaxed);
        let made = output.each("x", 3, Total::Rows(3), |i, progress| {
            let mut file = TextFile::create(folder.path().join(i.to_string()))?;
            file.write(b"half")?;
            progress.step(1)?;
            file.finish(1)
        });
        assert!(matches!(made, Err(Error::Interrupted)));
        assert!(testing::contents(folder.path()).is_empty());
    }

    #[test]
    fn one_failure_is_the_outcome() {
        let (_folder, output) = testing::output();
        let made = output.each("x", 8, Total::Rows(8), |i, progress| match i {
            3 => Err(Error::failed("disk full")),
            _ => progress.step(1).map(|()| Made {
                name: String::new(),
                files: 1,
                rows: 1,
                bytes: 1,
            }),
        });
        assert_eq!(made.unwrap_err().to_string(), "disk full");
    }
}
