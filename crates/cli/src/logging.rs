//! Log lines on standard error. A daemon logs its own work at `info` and the engine's at `warn`; a client
//! command logs warnings only. `SPRINGALD_LOG`, else `RUST_LOG`, overrides both.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One readable line an event.
    #[default]
    Text,
    /// One JSON object a line, for a log collector.
    Json,
}

/// Directives of `master` and `worker`. A directive holds for every target it is a prefix of, so
/// `springald` covers all of our crates.
const DAEMON: &str = "warn,springald=info";
const CLIENT: &str = "warn";

/// Logs for a process that runs until it is told to stop.
pub(crate) fn daemon(format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(DAEMON))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // A second subscriber is refused; the first one stays, which is what a test wants.
    let _ = match format {
        LogFormat::Text => lines.compact().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// Logs for a command that a person waits for.
pub(crate) fn client() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter(CLIENT))
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .compact()
        .without_time()
        .try_init();
}

fn filter(default: &str) -> EnvFilter {
    let directives = ["SPRINGALD_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| default.to_owned());
    EnvFilter::builder().parse_lossy(directives)
}
