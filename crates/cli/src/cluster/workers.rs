//! `springald workers`.

use springald_core::protocol::WorkerInfo;

use crate::cli::ClusterArgs;
use crate::error::{Exit, Result, SUCCESS, say};
use crate::output::{Format, Kind, Listing, Printer};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald workers --master springald://localhost:7077
  springald workers --format csv
  springald workers --format json | jq '.[].cores'")]
pub(crate) struct WorkersArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// How rows are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) async fn workers(args: WorkersArgs) -> Result<Exit> {
    let mut workers = args.cluster.client("workers")?.workers().await?;
    workers.sort_by(|a, b| (&a.host, a.port, &a.id).cmp(&(&b.host, b.port, &b.id)));
    Printer::stdout(args.format).print_listing(&listing(&workers))?;
    if workers.is_empty() {
        say("no worker is registered; start one with: springald worker --master URL");
    }
    Ok(SUCCESS)
}

fn listing(workers: &[WorkerInfo]) -> Listing {
    let mut listing = Listing::new(&[
        ("id", Kind::Text),
        ("host", Kind::Text),
        ("port", Kind::Number),
        ("state", Kind::Text),
        ("cores", Kind::Number),
        ("cores_free", Kind::Number),
        ("memory_bytes", Kind::Bytes),
        ("memory_used_bytes", Kind::Bytes),
        ("cached_memory_bytes", Kind::Bytes),
        ("cached_disk_bytes", Kind::Bytes),
        ("tasks", Kind::Number),
        ("last_seen_ms", Kind::Millis),
    ]);
    for worker in workers {
        listing.push(vec![
            worker.id.as_str().into(),
            worker.host.as_str().into(),
            worker.port.into(),
            worker.state.name().into(),
            worker.cores.into(),
            worker.cores_free.into(),
            worker.memory_bytes.into(),
            worker.memory_used_bytes.into(),
            worker.cached_memory_bytes.into(),
            worker.cached_disk_bytes.into(),
            worker.tasks.into(),
            worker.last_seen_ms.into(),
        ]);
    }
    listing
}
