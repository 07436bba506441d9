//! Log lines on standard error. A daemon logs its own work at `info` and the engine's at `warn`; a client
//! command logs warnings only. `SPRINGALD_LOG`, else `RUST_LOG`, overrides both. A daemon also keeps its last lines
//! for its page.

use std::fmt;
use std::io::{self, IsTerminal};

use springald_core::recent_log;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

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
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.compact().boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let kept = tracing_subscriber::fmt::layer()
        .compact()
        .fmt_fields(PlainFields(DefaultFields::new()))
        .with_ansi(false)
        .with_writer(recent_log);
    // A second subscriber is refused; the first one stays, which is what a test wants.
    let _ = Registry::default()
        .with(filter(DAEMON))
        .with(lines)
        .with(kept)
        .try_init();
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

/// Fields of spans are formatted once for all layers of one type of formatter: a type of its own keeps the colours
/// of a terminal out of the lines that are kept.
struct PlainFields(DefaultFields);

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

fn filter(default: &str) -> EnvFilter {
    let directives = ["SPRINGALD_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| default.to_owned());
    EnvFilter::builder().parse_lossy(directives)
}
