//! `springald history`: the records of jobs from their folder, where no master needs to be.

use std::io::Write;
use std::path::PathBuf;

use springald_core::session;
use springald_scheduler::{HistoryOptions, HistoryServer};

use crate::error::{Exit, Result, SUCCESS};
use crate::logging::LogFormat;
use crate::session::told_to_stop;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald history                                   of this machine's workspace, at http://127.0.0.1:18080
  springald history --host 0.0.0.0 --port 18080       for a network
  springald history --events /backup/events           of a copy

It only reads, and follows what masters write meanwhile.")]
pub(crate) struct HistoryArgs {
    /// Folder of the records; by default `events` in the workspace
    #[arg(
        long,
        value_name = "DIR",
        default_value_os_t = session::workspace().join("events"),
        hide_default_value = true
    )]
    events: PathBuf,

    /// Address to listen on; 0.0.0.0 for all networks
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SPRINGALD_HOST",
        default_value = "127.0.0.1",
        hide_env_values = true
    )]
    host: String,

    /// Port for pages and REST, 0 for a free one
    #[arg(long, default_value_t = 18080)]
    port: u16,

    /// How log lines look
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SPRINGALD_LOG_FORMAT",
        hide_env_values = true
    )]
    log_format: LogFormat,
}

impl HistoryArgs {
    pub(crate) fn log_format(&self) -> LogFormat {
        self.log_format
    }
}

pub(crate) async fn run(args: HistoryArgs) -> Result<Exit> {
    let server = HistoryServer::start(HistoryOptions {
        host: args.host,
        port: args.port,
        events: args.events,
    })
    .await?;
    // Whoever started it may not listen.
    let line = format!("springald history is ready at http://{}", server.addr());
    let _ = writeln!(std::io::stdout(), "{line}");
    server.serve_until(told_to_stop()).await;
    Ok(SUCCESS)
}
