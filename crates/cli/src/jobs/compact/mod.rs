//! Many small files into few large ones, without ever being able to lose a row.
//!
//! ```text
//!  IN/a.csv b.csv c.csv …        listed once; what comes later is left alone
//!   │ groups of about equal size, each written by a query of its own
//!  .OUT.compact-1f3a/            beside OUT, hidden
//!   │ rows read = rows written = rows that can be read back
//!  OUT/part-00000.parquet …      one rename
//! ```
//! Until that rename nothing but the hidden folder is touched, and inputs are removed after it, if at all.

mod inputs;
mod staging;
mod table;

use std::path::{Path, PathBuf};

use datafusion::arrow::array::{StringArray, UInt64Array};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use springald_core::{MasterUrl, Session};

use super::{column, one_row, single_u64};
use crate::cli::bytes;
use crate::error::{Error, Result, say};
use inputs::{Input, Inputs};
use staging::Staging;

/// Input that is written once to learn how large its rows are in Parquet, unless all of it is less.
const SAMPLE_BYTES: u64 = 16 << 20;

/// Turn many small files of one format into few Parquet files
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run compact datain/clicks datain/clicks-large
  springald run compact --target-size 1GiB --delete-input datain/clicks datain/clicks-large

Columns get the types that SELECT * FROM 'IN' shows. OUT appears whole or not at all, after the
rows in it were counted; files that are added to IN meanwhile are left alone.")]
pub(super) struct CompactArgs {
    /// The folder of small files, all of one format: Parquet, CSV, TSV, JSON, Avro or Arrow
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// The folder to write, which must not be there yet or be empty
    #[arg(value_name = "OUT")]
    out: PathBuf,

    /// Size of the files written, about
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = bytes)]
    target_size: u64,

    /// Replace what is in OUT
    #[arg(long)]
    overwrite: bool,

    /// Remove the input files that were read, once OUT is in place
    #[arg(long)]
    delete_input: bool,
}

pub(super) async fn run(
    session: &Session,
    args: &CompactArgs,
) -> Result<SendableRecordBatchStream> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|e| Error::io(format!("cannot use {}", path.display()), e))
    };
    let (input, out) = (absolute(&args.input)?, absolute(&args.out)?);
    if args.target_size == 0 {
        return Err(Error::usage(
            "--target-size is 0",
            "name a size such as 256MB",
        ));
    }
    if out.starts_with(&input) || input.starts_with(&out) {
        return Err(Error::usage(
            format!("{} and {} are not apart", input.display(), out.display()),
            "write to a folder beside the input, not in it or around it",
        ));
    }
    staging::check_target(&out, args.overwrite)?;
    let inputs = Inputs::list(&input)?;
    let staging = Staging::new(&out)?;
    let written = write(session, &inputs, &staging, args.target_size).await?;

    let expected = count(session, &inputs).await?;
    let readable = staging.count_rows()?;
    if written != expected || readable != expected {
        return Err(Error::failed(format!(
            "{} holds {expected} rows, {written} were written and {readable} can be read back",
            input.display()
        ))
        .with_hint(
            "nothing was changed; if something writes to the input, wait until it is done",
        ));
    }
    inputs.check_unchanged()?;
    let files = staging.publish(&out, args.overwrite)?;
    if args.delete_input {
        inputs.delete()?;
    }
    one_row(vec![
        (
            "files_in",
            column::<UInt64Array, _>(inputs.files.len() as u64),
        ),
        ("bytes_in", column::<UInt64Array, _>(inputs.bytes())),
        ("files_out", column::<UInt64Array, _>(files.count)),
        ("bytes_out", column::<UInt64Array, _>(files.bytes)),
        ("rows", column::<UInt64Array, _>(expected)),
        (
            "folder",
            column::<StringArray, _>(out.display().to_string()),
        ),
    ])
}

/// Writes all inputs to the staging folder and says how many rows those were.
async fn write(session: &Session, inputs: &Inputs, staging: &Staging, target: u64) -> Result<u64> {
    let reader = table::Reader::new(session, inputs).await?;
    // Many more files than cores would only make the last file of each group a small one.
    let lanes = lanes(session).await?;
    let plan = match inputs.bytes() <= SAMPLE_BYTES.min(target) {
        true => Plan {
            rows_a_file: u64::MAX,
            groups: vec![inputs.files.as_slice()],
        },
        false => Plan::measured(session, &reader, inputs, staging, target, lanes).await?,
    };
    session.set(
        "datafusion.execution.soft_max_rows_per_output_file",
        &plan.rows_a_file.min(i64::MAX as u64).to_string(),
    )?;
    // The engine's own default begins four files at once, whatever their size.
    session.set("datafusion.execution.minimum_parallel_output_files", "1")?;
    let writes = plan.groups.iter().enumerate().map(|(i, group)| {
        let folder = staging.folder().join(format!("group-{i:05}"));
        write_group(session, &reader, group, folder)
    });
    let mut writes = futures::stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(lanes);
    let mut rows = 0;
    while let Some(written) = writes.next().await {
        rows += written?;
    }
    Ok(rows)
}

/// Which inputs are written together, and when the next file begins.
struct Plan<'a> {
    rows_a_file: u64,
    groups: Vec<&'a [Input]>,
}

impl<'a> Plan<'a> {
    /// Writes some of the inputs once, to learn how large their rows are in Parquet.
    async fn measured(
        session: &Session,
        reader: &table::Reader<'_>,
        inputs: &'a Inputs,
        staging: &Staging,
        target: u64,
        lanes: usize,
    ) -> Result<Self> {
        let sample = inputs.sample(SAMPLE_BYTES);
        let sample_bytes: u64 = sample.iter().map(|file| file.bytes).sum();
        let folder = staging.folder().join("sample");
        let rows = write_group(session, reader, &sample, folder.clone()).await?;
        let parquet_bytes = staging::folder_bytes(&folder)?;
        staging::remove(&folder)?;
        let (rows_a_file, groups) = shape(
            Measured {
                rows,
                input_bytes: sample_bytes,
                parquet_bytes,
            },
            inputs.bytes(),
            target,
            lanes,
        );
        Ok(Self {
            rows_a_file,
            groups: inputs.groups(groups),
        })
    }
}

/// What a sample became.
struct Measured {
    rows: u64,
    input_bytes: u64,
    parquet_bytes: u64,
}

/// Rows of each file, and into how many groups the inputs go: no more than can run at once, and none that
/// would not fill a file.
fn shape(sample: Measured, input_bytes: u64, target: u64, lanes: usize) -> (u64, usize) {
    if sample.rows == 0 || sample.parquet_bytes == 0 {
        return (u64::MAX, 1);
    }
    let row_bytes = sample.parquet_bytes as f64 / sample.rows as f64;
    let rows_a_file = ((target as f64 / row_bytes) as u64).max(1);
    let shrunk = sample.parquet_bytes as f64 / sample.input_bytes.max(1) as f64;
    let files = (input_bytes as f64 * shrunk / target as f64)
        .ceil()
        .max(1.0);
    (rows_a_file, (files as usize).min(lanes))
}

async fn write_group(
    session: &Session,
    reader: &table::Reader<'_>,
    files: &[Input],
    folder: PathBuf,
) -> Result<u64> {
    let name = reader.register(files)?;
    let copy = format!(
        "COPY {name} TO '{}/' STORED AS PARQUET",
        folder.display().to_string().replace('\'', "''")
    );
    let rows = single_u64(session, &copy).await;
    session.context().deregister_table(&name)?;
    rows
}

async fn count(session: &Session, inputs: &Inputs) -> Result<u64> {
    let reader = table::Reader::new(session, inputs).await?;
    let name = reader.register(&inputs.files)?;
    let rows = single_u64(session, &format!("SELECT count(*) FROM {name}")).await;
    session.context().deregister_table(&name)?;
    rows
}

/// Groups written at once: in this process one, which uses every core by itself; on a cluster one a core, as
/// the writing of a file is one task.
async fn lanes(session: &Session) -> Result<usize> {
    match (session.master(), session.cluster()) {
        (MasterUrl::Local { .. }, _) | (_, None) => Ok(1),
        (_, Some(cluster)) => Ok((cluster.rest().cluster().await?.cores as usize).max(1)),
    }
}

/// Says on standard error what does not stop the job.
fn warn(message: &str) {
    say(&format!("warning: {message}"));
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[test]
    fn files_have_the_target_size() {
        let sample = || Measured {
            rows: 1_000,
            input_bytes: 100_000,
            parquet_bytes: 20_000,
        };
        // 20 bytes a row; 10 GB become 2 GB.
        assert_eq!(
            shape(sample(), 10_000_000_000, 256_000_000, 4),
            (12_800_000, 4)
        );
        assert_eq!(
            shape(sample(), 10_000_000_000, 256_000_000, 64),
            (12_800_000, 8)
        );
        assert_eq!(shape(sample(), 1_000_000, 256_000_000, 64).1, 1);
        let nothing = Measured {
            rows: 0,
            input_bytes: 5,
            parquet_bytes: 0,
        };
        assert_eq!(shape(nothing, 10, 10, 4), (u64::MAX, 1));
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("in")).unwrap();
            Self(folder)
        }

        fn put(&self, name: &str, text: &str) {
            std::fs::write(self.0.path().join("in").join(name), text).unwrap();
        }

        async fn compact(&self, set: impl FnOnce(&mut CompactArgs)) -> Result<u64> {
            let master = MasterUrl::Local { threads: Some(2) };
            let session = Session::connect(&master, &[]).await.unwrap();
            let mut args = CompactArgs {
                input: self.0.path().join("in"),
                out: self.0.path().join("out"),
                target_size: 256_000_000,
                overwrite: false,
                delete_input: false,
            };
            set(&mut args);
            let rows: Vec<_> = run(&session, &args).await?.try_collect().await?;
            use datafusion::arrow::array::AsArray;
            use datafusion::arrow::datatypes::UInt64Type;
            Ok(rows[0].column(4).as_primitive::<UInt64Type>().value(0))
        }

        fn entries(&self, folder: &str) -> Vec<String> {
            let mut names: Vec<String> = std::fs::read_dir(self.0.path().join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    #[tokio::test]
    async fn many_become_one() {
        let folder = Folder::new();
        for i in 0..20 {
            folder.put(
                &format!("{i}.csv"),
                &format!("id,name\n{i},n{i}\n{i},\"a,b\"\n"),
            );
        }
        folder.put("_SUCCESS", "");
        assert_eq!(folder.compact(|_| {}).await.unwrap(), 40);
        assert_eq!(folder.entries("out"), ["part-00000.parquet"]);
        assert_eq!(folder.entries("in").len(), 21);
        assert_eq!(folder.entries("."), ["in", "out"]);

        let e = folder.compact(|_| {}).await.unwrap_err();
        assert!(e.to_string().contains("not empty"), "{e}");
        let again = folder.compact(|args| {
            args.overwrite = true;
            args.delete_input = true;
        });
        assert_eq!(again.await.unwrap(), 40);
        assert_eq!(folder.entries("in"), ["_SUCCESS"]);
        assert_eq!(folder.entries("."), ["in", "out"]);
    }

    #[tokio::test]
    async fn a_large_input_is_cut() {
        let folder = Folder::new();
        let lines: String = (0..40_000).map(|i| format!("{{\"id\":{i}}}\n")).collect();
        folder.put("a.json", &lines);
        folder.put("b.json", &lines);
        assert_eq!(
            folder
                .compact(|args| args.target_size = 100_000)
                .await
                .unwrap(),
            80_000
        );
        assert!(
            folder.entries("out").len() > 1,
            "{:?}",
            folder.entries("out")
        );
    }

    #[tokio::test]
    async fn a_bad_input_changes_nothing() {
        let folder = Folder::new();
        folder.put("a.csv", "id\n1\n");
        folder.put("b.parquet", "this is no Parquet");
        let e = folder.compact(|_| {}).await.unwrap_err();
        assert!(e.to_string().contains("1 .csv, 1 .parquet"), "{e}");

        std::fs::remove_file(folder.0.path().join("in/a.csv")).unwrap();
        assert!(
            folder
                .compact(|args| args.delete_input = true)
                .await
                .is_err()
        );
        assert_eq!(folder.entries("."), ["in"]);
        assert_eq!(folder.entries("in"), ["b.parquet"]);

        let e = folder
            .compact(|args| args.out = args.input.join("out"))
            .await
            .unwrap_err();
        assert!(e.to_string().contains("not apart"), "{e}");
        let e = folder
            .compact(|args| args.input = "/no/such".into())
            .await
            .unwrap_err();
        assert!(e.to_string().contains("/no/such"), "{e}");
    }
}
