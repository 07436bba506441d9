//! `springald verify`: does again what a receipt of the bench says, and compares inputs and answer.
//!
//! `benches/compare/README.md` defines receipts and the checksum; `benches/compare/answers.py` computes the same.

mod digest;
mod inputs;
mod receipt;

use std::path::PathBuf;
use std::time::Instant;

use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use springald_core::Session;

use crate::cli::Global;
use crate::error::{Error, Exit, FAILED, Result, SUCCESS};
use crate::jobs;
use crate::output::{Format, Kind, Listing, Printer};
use crate::session::with_session;
use digest::{Answer, Digester};
use receipt::{Receipt, Repeat};

/// Stands for the folder of all data in the paths of a receipt.
const DATA: &str = "{data}";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald verify ~/.cache/springald/compare/last/receipts/tpch.q9.springald.json
  springald verify --master springald://localhost:7077 tpch.q9.springald.json
  springald verify --data /opt/workspace/datain linreg.springald.json

The exit status is 1 if a file or the answer is another one than the receipt says.")]
pub(crate) struct VerifyArgs {
    /// A receipt that `make bench` wrote for Springald
    receipt: PathBuf,

    /// The folder of the data, if it is not where the receipt says
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    global: Global,

    /// How the checks are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What one check found.
#[derive(Debug, PartialEq, Eq)]
struct Check {
    name: &'static str,
    same: bool,
    detail: String,
}

pub(crate) async fn run(args: VerifyArgs) -> Result<Exit> {
    let receipt = Receipt::read(&args.receipt)?;
    let data = args.data.clone().unwrap_or_else(|| receipt.data.clone());
    let data = std::path::absolute(&data)
        .map_err(|e| Error::io(format!("cannot use the folder {}", data.display()), e))?;
    let global = args.global.named("verify");
    let checks = with_session(&global, async |session| {
        checks(session, &receipt, &data.display().to_string()).await
    })
    .await?;
    Printer::stdout(args.format).print_listing(&listing(&receipt, &checks))?;
    match checks.iter().all(|check| check.same) {
        true => Ok(SUCCESS),
        false => Ok(FAILED),
    }
}

/// Looks at the inputs and, if they are the same, at what comes of them.
async fn checks(session: &Session, receipt: &Receipt, data: &str) -> Result<Vec<Check>> {
    let inputs = inputs::check(&receipt.inputs, data)?;
    if !inputs.same {
        return Ok(vec![inputs]);
    }
    let begun = Instant::now();
    let mut rows = repeat(session, &receipt.repeat, data).await?;
    let mut digester = Digester::new(rows.schema(), receipt.repeat.columns())?;
    while let Some(batch) = rows.try_next().await? {
        digester.add(&batch)?;
    }
    let found = digester.answer();
    let seconds = begun.elapsed().as_secs_f64();
    Ok(vec![inputs, answer(&receipt.answer, &found, seconds)])
}

async fn repeat(
    session: &Session,
    repeat: &Repeat,
    data: &str,
) -> Result<SendableRecordBatchStream> {
    match repeat {
        Repeat::Sql { tables, sql } => {
            for (name, table) in tables {
                let path = format!("{data}/{}", table.path);
                let frame = session.read(&path, Some(&table.format)).await?;
                session
                    .context()
                    .register_table(name.as_str(), frame.into_view())?;
            }
            let sql = sql.replace(DATA, &data.replace('\'', "''"));
            let in_words = |e: datafusion::error::DataFusionError| session.explain(e.into(), &sql);
            let frame = session.sql(&sql).await?;
            Ok(frame.execute_stream().await.map_err(in_words)?)
        }
        Repeat::Job { arguments, .. } => {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|argument| argument.replace(DATA, data))
                .collect();
            jobs::rows_again(session, &arguments).await
        }
    }
}

fn answer(wanted: &receipt::Answer, found: &Answer, seconds: f64) -> Check {
    let difference = wanted.difference(found);
    Check {
        name: "answer",
        same: difference.is_none(),
        detail: difference.unwrap_or_else(|| {
            format!(
                "{} rows, checksum {}, in {seconds:.3} s",
                found.rows, found.checksum
            )
        }),
    }
}

fn listing(receipt: &Receipt, checks: &[Check]) -> Listing {
    let mut listing = Listing::new(&[
        ("work", Kind::Text),
        ("check", Kind::Text),
        ("verdict", Kind::Text),
        ("detail", Kind::Text),
    ]);
    for check in checks {
        let verdict = if check.same { "same" } else { "different" };
        listing.push(vec![
            receipt.title.as_str().into(),
            check.name.into(),
            verdict.into(),
            check.detail.as_str().into(),
        ]);
    }
    listing
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use springald_core::MasterUrl;

    use super::*;

    /// A folder of data and a receipt over it, which `change` may alter.
    async fn verify(change: impl FnOnce(&mut Value)) -> Result<Vec<Check>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("people")).unwrap();
        let file = folder.path().join("people/part.csv");
        std::fs::write(&file, "id,name,share\n1,a,0.5\n2,b,0.25\n").unwrap();
        let data = folder.path().display().to_string();
        let mut receipt = json!({
            "receipt": 1,
            "work": "people",
            "title": "people",
            "repeat": {
                "kind": "sql",
                "tables": {"people": {"format": "csv", "path": "people"}},
                "sql": "SELECT id, name, share FROM people",
            },
            "data": data,
            "inputs": [{"path": "people", "files": [{
                "name": "part.csv",
                "bytes": 31,
                "of": "content",
                "sha256": inputs::of_content(&file).unwrap(),
            }]}],
            "answer": {
                "form": 1,
                "rows": 2,
                "columns": ["id", "name", "share"],
                "checksum": "",
                "floats": [null, null, {"sum": 0.0, "size": 0.0}],
                "tolerance": 1e-9,
            },
            "engine": {"name": "springald", "version": "0"},
        });
        let session = Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap();
        let frame = session.read(&format!("{data}/people"), Some("csv")).await?;
        let mut digester = Digester::new(frame.schema().inner().clone(), None)?;
        for batch in frame.collect().await? {
            digester.add(&batch)?;
        }
        let right = digester.answer();
        receipt["answer"]["checksum"] = right.checksum.as_str().into();
        let share = right.floats[2].unwrap();
        receipt["answer"]["floats"][2] = json!({"sum": share.sum, "size": share.size});
        change(&mut receipt);
        let path = folder.path().join("receipt.json");
        std::fs::write(&path, receipt.to_string()).unwrap();
        let receipt = Receipt::read(&path)?;
        checks(&session, &receipt, &data).await
    }

    #[tokio::test]
    async fn the_same_work_gives_the_same_answer() {
        let found = verify(|_| {}).await.unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|check| check.same), "{found:?}");
    }

    #[tokio::test]
    async fn another_answer_is_found() {
        let checksum = verify(|r| r["answer"]["checksum"] = "00".into())
            .await
            .unwrap();
        assert!(!checksum[1].same);
        let rows = verify(|r| r["answer"]["rows"] = 3.into()).await.unwrap();
        assert!(rows[1].detail.contains("2 rows for 3"), "{rows:?}");
        let share = verify(|r| r["answer"]["floats"][2]["sum"] = 1.5.into())
            .await
            .unwrap();
        assert!(share[1].detail.contains("share"), "{share:?}");
    }

    #[tokio::test]
    async fn other_files_are_found_before_anything_runs() {
        let found = verify(|r| r["inputs"][0]["files"][0]["sha256"] = "00".into())
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].detail.contains("part.csv"), "{found:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_repeated_is_said() {
        let e = verify(|r| r["repeat"] = Value::Null).await.unwrap_err();
        assert!(e.to_string().contains("no command repeats"), "{e}");
        let e = verify(|r| r["engine"]["name"] = "spark".into())
            .await
            .unwrap_err();
        assert!(e.to_string().contains("spark"), "{e}");
        let e = verify(|r| r["receipt"] = 2.into()).await.unwrap_err();
        assert!(e.to_string().contains("form 2"), "{e}");
    }
}
