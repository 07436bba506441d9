//! `springald kill`.

use std::io::Write;

use crate::cli::ClusterArgs;
use crate::error::{Error, Exit, FAILED, Result, SUCCESS, say};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald kill abc123
  springald jobs --state running --format tsv | tail -n +2 | cut -f1 | xargs springald kill")]
pub(crate) struct KillArgs {
    /// Jobs to end, as `springald jobs` lists them
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
        match client.cancel(id).await {
            Ok(()) => writeln!(std::io::stdout(), "{id} cancelled").map_err(Error::Stdout)?,
            Err(e) => {
                say(&format!("error: job {id}: {}", e.message()));
                if let Some(hint) = e.hint() {
                    say(&format!("hint: {hint}"));
                }
                status = FAILED;
            }
        }
    }
    Ok(status)
}
