//! `springald datagen`: sample data of the shapes that the benches and guides use. The same flags make the
//! same bytes, on every machine and with any number of cores: every file has a generator of its own, seeded
//! by `--seed` and the file's number.

mod files;
mod kmeans;
mod linreg;
mod logs;
mod matrix;
mod rng;
mod text;
mod tpch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Subcommand;
use serde_json::Value;

use crate::error::{Error, Exit, Result, SUCCESS};
use crate::output::{Format, Kind, Listing, Printer};
use crate::session::told_to_stop;
use files::{Made, Output};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald datagen tpch --scale 1 --out tpch-sf1
  springald datagen text --size 1GB --files 8 --out words
  springald datagen linreg --rows 4000000 --out linreg
  springald datagen kmeans --rows 4000000 --k 16 --out kmeans
  springald datagen logs --rows 1000000 --out logs

The same flags make the same files. A file appears under its name once it is whole.")]
pub(crate) struct DatagenArgs {
    #[command(subcommand)]
    kind: Data,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Data {
    Tpch(tpch::TpchArgs),
    Text(text::TextArgs),
    Linreg(linreg::LinregArgs),
    Kmeans(kmeans::KmeansArgs),
    Logs(logs::LogsArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct Target {
    /// The folder to write
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,

    /// Replace what is in the folder
    #[arg(long, global = true)]
    overwrite: bool,

    /// Files made at a time; all cores if not given
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    /// How the list of what was made is shown
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

pub(crate) async fn run(args: DatagenArgs) -> Result<Exit> {
    let DatagenArgs { kind, target } = args;
    let Some(out) = target.out else {
        return Err(Error::usage(
            "--out is missing",
            "name the folder to write: --out DIR",
        ));
    };
    let threads = match target.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let begun = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let output = Output {
        folder: out,
        overwrite: target.overwrite,
        threads,
        stop: Arc::clone(&stop),
    };
    // Made on threads of their own, as all of this is arithmetic and writing to disk.
    let work = tokio::task::spawn_blocking(move || match &kind {
        Data::Tpch(args) => tpch::make(args, &output),
        Data::Text(args) => text::make(args, &output),
        Data::Linreg(args) => linreg::make(args, &output),
        Data::Kmeans(args) => kmeans::make(args, &output),
        Data::Logs(args) => logs::make(args, &output),
    });
    tokio::pin!(work);
    let made = tokio::select! {
        made = &mut work => made,
        () = told_to_stop() => {
            // The threads see it at their next batch, and take their unfinished files with them.
            stop.store(true, Ordering::Relaxed);
            work.await
        }
    };
    let made = made.map_err(|e| Error::failed(format!("making the data failed: {e}")))??;
    let mut listing = listing(&made);
    listing.push(total(&made, begun.elapsed().as_millis() as u64));
    Printer::stdout(target.format).print_listing(&listing)?;
    Ok(SUCCESS)
}

fn listing(made: &[Made]) -> Listing {
    let mut listing = Listing::new(&[
        ("name", Kind::Text),
        ("files", Kind::Number),
        ("rows", Kind::Number),
        ("bytes", Kind::Bytes),
        ("took_ms", Kind::Millis),
    ]);
    for made in made {
        listing.push(vec![
            made.name.as_str().into(),
            made.files.into(),
            made.rows.into(),
            made.bytes.into(),
            Value::Null,
        ]);
    }
    listing
}

fn total(made: &[Made], took_ms: u64) -> Vec<Value> {
    vec![
        "total".into(),
        made.iter().map(|m| m.files).sum::<u64>().into(),
        made.iter().map(|m| m.rows).sum::<u64>().into(),
        made.iter().map(|m| m.bytes).sum::<u64>().into(),
        took_ms.into(),
    ]
}
