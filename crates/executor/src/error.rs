//! The error that ends a worker.

use std::io;
use std::path::PathBuf;

use datafusion::error::DataFusionError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a worker could not start, or had to end. Losing the master is none of these: the worker then waits
/// and joins again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that cannot be carried out.
    #[error("{message}")]
    Options { message: String, hint: &'static str },
    #[error("the work folder {} is in use by another worker (process {process})", dir.display())]
    WorkDirInUse { dir: PathBuf, process: String },
    /// The master is of another version; its words name both.
    #[error("the master at {master} refuses this worker: {message}")]
    Refused { master: String, message: String },
    /// A second signal came while the worker was leaving in order.
    #[error("left at the second signal, {unfinished}")]
    Interrupted { unfinished: String },
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error(transparent)]
    Core(#[from] springald_core::Error),
}

impl Error {
    pub(crate) fn options(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Options {
            message: message.into(),
            hint,
        }
    }

    /// `what` says what could not be done, with the path or address: `cannot listen on 0.0.0.0:7100`.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    /// What to do next, where it is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Options { hint, .. } => Some(hint),
            Self::WorkDirInUse { .. } => {
                Some("give each worker its own --work-dir, or none: the default is a new folder")
            }
            Self::Refused { .. } => Some("run the same version on the master and every worker"),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => Some("choose another port, or 0 for a free one"),
                io::ErrorKind::PermissionDenied => {
                    Some("check who owns it, and as whom this worker runs")
                }
                io::ErrorKind::StorageFull => {
                    Some("free some space there, or give another --work-dir")
                }
                _ => None,
            },
            Self::Interrupted { .. } => None,
            Self::Core(e) => e.hint(),
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(e: DataFusionError) -> Self {
        Self::Core(e.into())
    }
}
