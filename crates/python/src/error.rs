//! Errors of the engine as `EngineError(kind, message, hint)`; the package makes its own exceptions of them.

use datafusion::error::DataFusionError;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use springald_core::session::is_planning;
use springald_core::{Error, engine_message, find_ours};
use springald_ml::MlError;

create_exception!(_internal, EngineError, PyException);

/// What went wrong in a call.
pub(crate) enum Failure {
    Engine(Error),
    /// An exception that Python raised meanwhile, such as an interrupt.
    Python(PyErr),
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Engine(e)
    }
}

impl From<DataFusionError> for Failure {
    fn from(e: DataFusionError) -> Self {
        Self::Engine(e.into())
    }
}

impl From<MlError> for Failure {
    fn from(e: MlError) -> Self {
        Self::Engine(match e {
            MlError::Engine(e) => e.into(),
            MlError::Invalid(message) => Error::invalid(message),
        })
    }
}

impl From<arrow::error::ArrowError> for Failure {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self::Engine(DataFusionError::from(e).into())
    }
}

impl From<PyErr> for Failure {
    fn from(e: PyErr) -> Self {
        Self::Python(e)
    }
}

impl From<Failure> for PyErr {
    fn from(e: Failure) -> Self {
        match e {
            Failure::Python(e) => e,
            Failure::Engine(e) => raised(&e),
        }
    }
}

fn raised(error: &Error) -> PyErr {
    let (kind, message, hint) = match error {
        Error::Invalid { message, hint } => (kind_of(message), message.clone(), hint.clone()),
        Error::Failed { message, hint } => ("failed", message.clone(), hint.clone()),
        Error::Engine(engine) => match find_ours(engine) {
            Some(Error::Invalid { hint, .. }) => ("invalid", engine_message(engine), hint.clone()),
            Some(ours) => (
                "failed",
                engine_message(engine),
                ours.hint().map(str::to_owned),
            ),
            None => (kind_of_engine(engine), engine_message(engine), None),
        },
    };
    EngineError::new_err((kind, message, hint))
}

fn kind_of(message: &str) -> &'static str {
    if message.starts_with("syntax error") {
        "parse"
    } else {
        "invalid"
    }
}

fn kind_of_engine(error: &DataFusionError) -> &'static str {
    match error {
        DataFusionError::SQL(..) => "parse",
        e if is_planning(e) => "invalid",
        _ => "failed",
    }
}
