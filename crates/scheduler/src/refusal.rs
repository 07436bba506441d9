//! Why the master does not do what somebody asks.

use springald_core::Error;

#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such batch, file, session or statement.
    Missing(String),
    /// This is not for anybody to do.
    Forbidden(String),
    /// It has ended already.
    Conflict(String),
    /// There are too many of its kind at the time.
    TooMany(String),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

impl Refusal {
    /// The same for who did not ask for it just now.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Missing(why)
            | Self::Forbidden(why)
            | Self::Conflict(why)
            | Self::TooMany(why) => Error::invalid(why),
            Self::Failed(e) => e,
        }
    }
}
