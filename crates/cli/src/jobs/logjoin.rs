//! Two CSV logs joined on their column `id`.

use std::path::{Path, PathBuf};

use datafusion::arrow::array::{StringArray, UInt64Array};
use datafusion::common::{Column, JoinType};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{CsvReadOptions, DataFrame, Expr, lit};
use springald_core::Session;

use super::{column, one_row, single_u64};
use crate::error::{Error, Result};

const ID: &str = "id";
/// The join as a table, for the statement that writes it.
const JOINED: &str = "__logjoin";

/// Join two CSV logs on `id`, keep ids from MIN_ID to MAX_ID, and write them to a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald run logjoin 1 1000 events.csv actions.csv joined
  springald run logjoin --master springald://localhost:7077 500 999 \\
      /opt/workspace/datain/events.csv /opt/workspace/datain/actions.csv /opt/workspace/dataout/joined

The folder gets CSV files with a header: id, the other columns of LOG1, then those of LOG2. A name
that both have is written as name_2 for LOG2.")]
pub(super) struct LogjoinArgs {
    /// The first id that is kept
    #[arg(allow_negative_numbers = true)]
    min_id: i64,
    /// The last id that is kept
    #[arg(allow_negative_numbers = true)]
    max_id: i64,
    /// A CSV file with a header, or a folder or glob of such
    log1: String,
    /// The other one
    log2: String,
    /// The folder to write, which must not be there yet or be empty
    out: PathBuf,
}

pub(super) async fn run(
    session: &Session,
    args: &LogjoinArgs,
) -> Result<SendableRecordBatchStream> {
    if args.min_id > args.max_id {
        let LogjoinArgs { min_id, max_id, .. } = args;
        return Err(Error::usage(
            format!("no id is from {min_id} to {max_id}"),
            "give the smaller id first",
        ));
    }
    let out = std::path::absolute(&args.out)
        .map_err(|e| Error::io(format!("cannot use the folder {}", args.out.display()), e))?;
    check_free(&out)?;
    let left = log(session, &args.log1, args).await?;
    let right = log(session, &args.log2, args).await?;
    let joined = join(left, right)?;
    session
        .context()
        .register_table(JOINED, joined.into_view())?;
    let folder = out.display().to_string();
    let copy = format!(
        "COPY {JOINED} TO '{}/' STORED AS CSV OPTIONS ('format.has_header' 'true')",
        folder.replace('\'', "''")
    );
    let rows = single_u64(session, &copy).await?;
    one_row(vec![
        ("rows", column::<UInt64Array, _>(rows)),
        ("folder", column::<StringArray, _>(folder)),
    ])
}

/// A folder with older files in it would hold a mixture afterwards.
fn check_free(out: &Path) -> Result<()> {
    let mut entries = match std::fs::read_dir(out) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => {
            return Err(Error::io(
                format!("cannot use the folder {}", out.display()),
                e,
            ));
        }
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(
            Error::invalid(format!("the folder {} is not empty", out.display()))
                .with_hint("remove it, or name another one"),
        ),
    }
}

/// The rows of a log whose ids are asked for.
async fn log(session: &Session, path: &str, args: &LogjoinArgs) -> Result<DataFrame> {
    let is_one = !path.contains("://") && !path.contains(['*', '?', '[']);
    if is_one && !Path::new(path).exists() {
        return Err(nothing_at(path));
    }
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    let ending = ending.map_or_else(|| ".csv".to_owned(), |ending| format!(".{ending}"));
    let options = CsvReadOptions::new()
        .has_header(true)
        .file_extension(&ending);
    let log = session
        .context()
        .read_csv(path, options)
        .await
        .map_err(|e| Error::from(e).within(path))?;
    match log
        .schema()
        .fields()
        .iter()
        .find(|field| field.name() == ID)
    {
        Some(field) if field.data_type().is_integer() => {}
        Some(field) => {
            return Err(Error::invalid(format!(
                "the column `id` of {path} holds {}, not whole numbers",
                field.data_type()
            ))
            .with_hint("logs are joined and filtered by a numeric id"));
        }
        None if log.schema().fields().is_empty() => return Err(nothing_at(path)),
        None => {
            return Err(
                Error::invalid(format!("{path} has no column `id`")).with_hint(format!(
                    "its header has {}",
                    log.schema().field_names().join(", ")
                )),
            );
        }
    }
    let id = || Expr::Column(Column::new_unqualified(ID));
    Ok(log.filter(
        id().gt_eq(lit(args.min_id))
            .and(id().lt_eq(lit(args.max_id))),
    )?)
}

fn nothing_at(path: &str) -> Error {
    Error::invalid(format!("there is no CSV file at {path}"))
        .with_hint("check the path; on a cluster it must be on the shared volume")
}

fn join(left: DataFrame, right: DataFrame) -> Result<DataFrame> {
    let names = |log: &DataFrame| -> Vec<String> {
        log.schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    };
    let (left_names, right_names) = (names(&left), names(&right));
    let mut columns: Vec<Expr> = vec![side("l", ID).alias(ID)];
    columns.extend(
        left_names
            .iter()
            .filter(|n| *n != ID)
            .map(|n| side("l", n).alias(n)),
    );
    columns.extend(right_names.iter().filter(|n| *n != ID).map(|n| {
        let name = if left_names.contains(n) {
            format!("{n}_2")
        } else {
            n.clone()
        };
        side("r", n).alias(name)
    }));
    let condition = side("l", ID).eq(side("r", ID));
    Ok(left
        .alias("l")?
        .join_on(right.alias("r")?, JoinType::Inner, [condition])?
        .select(columns)?)
}

fn side(side: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(side), name))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use springald_core::MasterUrl;

    use super::*;

    struct Logs {
        folder: tempfile::TempDir,
    }

    impl Logs {
        fn new(first: &str, second: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("1.log"), first).unwrap();
            std::fs::write(folder.path().join("2.csv"), second).unwrap();
            Self { folder }
        }

        async fn join(&self, min_id: i64, max_id: i64) -> Result<u64> {
            let session = Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
                .await
                .unwrap();
            let at = |name: &str| self.folder.path().join(name).display().to_string();
            let args = LogjoinArgs {
                min_id,
                max_id,
                log1: at("1.log"),
                log2: at("2.csv"),
                out: at("out").into(),
            };
            let rows: Vec<_> = run(&session, &args).await?.try_collect().await?;
            use datafusion::arrow::array::AsArray;
            use datafusion::arrow::datatypes::UInt64Type;
            Ok(rows[0].column(0).as_primitive::<UInt64Type>().value(0))
        }

        fn written(&self) -> Vec<String> {
            let mut lines: Vec<String> = std::fs::read_dir(self.folder.path().join("out"))
                .unwrap()
                .flat_map(|entry| {
                    let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                    text.lines().map(str::to_owned).collect::<Vec<_>>()
                })
                .collect();
            lines.sort();
            lines.dedup();
            lines
        }
    }

    #[tokio::test]
    async fn ids_are_inclusive_and_names_unique() {
        let logs = Logs::new(
            "id,Time,message\n1,a,x\n2,b,\"y,z\"\n3,c,w\n4,d,v\n",
            "Time,id,user\nA,2,u\nB,3,u\nC,3,v\nD,4,u\n",
        );
        assert_eq!(logs.join(2, 3).await.unwrap(), 3);
        assert_eq!(
            logs.written(),
            [
                "2,b,\"y,z\",A,u",
                "3,c,w,B,u",
                "3,c,w,C,v",
                "id,Time,message,Time_2,user"
            ]
        );
        let e = logs.join(2, 3).await.unwrap_err();
        assert!(e.to_string().contains("not empty"), "{e}");
    }

    #[tokio::test]
    async fn what_is_no_log_is_named() {
        let e = Logs::new("id\n1\n", "key\n1\n")
            .join(1, 2)
            .await
            .unwrap_err();
        assert!(e.to_string().contains("2.csv has no column `id`"), "{e}");
        let e = Logs::new("id\na\n", "id\n1\n")
            .join(1, 2)
            .await
            .unwrap_err();
        assert!(e.to_string().contains("not whole numbers"), "{e}");
        let logs = Logs::new("id\n1\n", "id\n1\n");
        assert!(logs.join(2, 1).await.is_err());
        std::fs::remove_file(logs.folder.path().join("2.csv")).unwrap();
        let e = logs.join(1, 2).await.unwrap_err();
        assert!(e.to_string().contains("no CSV file at"), "{e}");
    }
}
