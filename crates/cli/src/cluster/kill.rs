//! `springald kill`.

use std::io::Write;

use crate::cli::ClusterArgs;
use crate::error::{Error, Exit, FAILED, Result, SUCCESS, say};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald kill job-6740b1c2-00017
  springald kill batch-6740b1c2-00003
  springald jobs --state running --format tsv | tail -n +2 | cut -f1 | xargs springald kill")]
pub(crate) struct KillArgs {
    /// Jobs and batches to end, as `springald jobs` and `springald batches` list them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,

    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Ends every job it can; the status tells whether that was all of them.
pub(crate) async fn kill(args: KillArgs) -> Result<Exit> {
    let client = args.cluster.client("kill")?;
    let mut status = SUCCESS;
    for id in &args.ids {
        let (kind, ended) = match id.starts_with("batch-") {
            true => ("batch", client.cancel_batch(id).await.map(drop)),
            false => ("job", client.cancel(id).await),
        };
        match ended {
            Ok(()) => writeln!(std::io::stdout(), "{id} cancelled").map_err(Error::Stdout)?,
            Err(e) => {
                say(&format!("error: {kind} {id}: {}", e.message()));
                if let Some(hint) = e.hint() {
                    say(&format!("hint: {hint}"));
                }
                status = FAILED;
            }
        }
    }
    Ok(status)
}
