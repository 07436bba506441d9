//! The error of the command line, and how it is shown: `error: …`, `hint: …`, an exit status, never a
//! backtrace.

use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What a command exits with.
pub(crate) type Exit = u8;

/// Exit status of a command that did what it was asked.
pub(crate) const SUCCESS: Exit = 0;
/// Exit status of a command that ran and failed.
pub(crate) const FAILED: Exit = 1;
/// Exit status of a command line that makes no sense; clap uses the same.
pub(crate) const USAGE: Exit = 2;
/// Exit status after Ctrl-C, as shells have it: 128 + SIGINT.
pub(crate) const INTERRUPTED: Exit = 130;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line cannot be carried out as it stands.
    #[error("{message}")]
    Usage {
        message: String,
        hint: Option<String>,
    },
    #[error("{}", .0.message())]
    Core(#[from] springald_core::Error),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    /// Writing to standard output failed; a closed pipe is no failure of ours.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// `what` says what could not be done, with the path: `cannot read /data/x.sql`.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Core(springald_core::Error::failed(message))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Core(springald_core::Error::invalid(message))
    }

    /// The same error with the step that mends it.
    pub(crate) fn with_hint(self, step: impl Into<String>) -> Self {
        match self {
            Self::Usage { message, .. } => Self::usage(message, step),
            Self::Core(e) => Self::Core(e.with_hint(step)),
            Self::Io { what, source } => Self::Core(
                springald_core::Error::failed(format!("{what}: {source}")).with_hint(step),
            ),
            other => other,
        }
    }

    /// The same error with the place where it happened before its message.
    pub(crate) fn within(self, place: &str) -> Self {
        let hint = self.hint().map(str::to_owned);
        match self {
            Self::Usage { message, hint } => Self::Usage {
                message: format!("{place}: {message}"),
                hint,
            },
            Self::Core(e) => Self::Core(springald_core::Error::Failed {
                message: format!("{place}: {}", e.message()),
                hint,
            }),
            Self::Io { what, source } => Self::Io {
                what: format!("{place}: {what}"),
                source,
            },
            other => other,
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } => hint.as_deref(),
            Self::Core(springald_core::Error::Engine(e)) => {
                springald_core::find_ours(e).and_then(springald_core::Error::hint)
            }
            Self::Core(e) => e.hint(),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("free some space there, or write to another volume")
                }
                io::ErrorKind::PermissionDenied => {
                    Some("check who owns it, and as whom this command runs")
                }
                _ => None,
            },
            Self::Stdout(_) | Self::Interrupted => None,
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(e: DataFusionError) -> Self {
        Self::Core(e.into())
    }
}

impl From<ArrowError> for Error {
    fn from(e: ArrowError) -> Self {
        Self::Core(DataFusionError::from(e).into())
    }
}

/// Prints the error to standard error and says which status to exit with.
pub(crate) fn report(error: &Error) -> Exit {
    match error {
        Error::Stdout(e) if e.kind() == io::ErrorKind::BrokenPipe => return SUCCESS,
        Error::Interrupted => {
            say("interrupted");
            return INTERRUPTED;
        }
        _ => {}
    }
    say(&format!("error: {error}"));
    if let Some(hint) = error.hint() {
        say(&format!("hint: {hint}"));
    }
    match error {
        Error::Usage { .. } => USAGE,
        _ => FAILED,
    }
}

/// A line on standard error. A closed standard error is nobody's problem.
pub(crate) fn say(line: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A panic is a bug of ours: the user reads one line that says so, and where.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic
            .payload()
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str))
            .unwrap_or("panic");
        let place = panic
            .location()
            .map(|l| format!(" ({}:{})", l.file(), l.line()))
            .unwrap_or_default();
        say(&format!("error: internal error: {what}{place}"));
        say("hint: this is a bug of springald; please report it with the command that showed it");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_error() {
        let e = Error::Stdout(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(report(&e), SUCCESS);
    }

    #[test]
    fn hints_survive_the_engine() {
        let ours = springald_core::Error::failed("no such path").with_hint("mount the volume");
        let e = Error::from(springald_core::Error::from(DataFusionError::from(ours)));
        assert_eq!(e.to_string(), "no such path");
        assert_eq!(e.hint(), Some("mount the volume"));
    }
}
