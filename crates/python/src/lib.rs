//! The extension module `springald._internal`: what the Python package needs of the engine, and no more. Names and
//! meaning as users see them are the package's own, in Python; `_internal.pyi` documents everything here.
//!
//! | module | what is in it |
//! |---|---|
//! | `session` | a session on a master |
//! | `frame`, `stream` | plans, and the rows they give |
//! | `expr`, `parse` | expressions, made call by call or from SQL |
//! | `aggregate` | aggregates inside expressions |
//! | `ml` | estimators and models |
//! | `run`, `error` | how calls wait, and how they fail |

mod aggregate;
mod error;
mod expr;
mod frame;
mod ml;
mod parse;
mod run;
mod session;
mod stream;

use std::collections::HashMap;

use pyo3::prelude::*;

#[pymodule]
fn _internal(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("EngineError", module.py().get_type::<error::EngineError>())?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(functions, module)?)?;
    module.add_class::<expr::Expr>()?;
    module.add_class::<expr::SortExpr>()?;
    module.add_class::<frame::Frame>()?;
    module.add_class::<stream::RowStream>()?;
    module.add_class::<session::Session>()?;
    ml::register(module)
}

/// The exit status of the `springald` command.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<String>) -> PyResult<u8> {
    // The command brings its own handling of Ctrl-C; Python's would only note it and wait.
    let signal = py.import("signal")?;
    let (sigint, default) = (signal.getattr("SIGINT")?, signal.getattr("SIG_DFL")?);
    signal.call_method1("signal", (sigint, default))?;
    // `springald submit job.py` is to find this package.
    let executable = py.import("sys")?.getattr("executable")?;
    let environment = py.import("os")?.getattr("environ")?;
    environment.call_method1("setdefault", ("SPRINGALD_PYTHON", executable))?;
    let arguments = arguments.into_iter().map(Into::into);
    Ok(py.detach(|| springald_cli::run(arguments)))
}

#[pyfunction]
fn functions() -> HashMap<String, &'static str> {
    expr::function_kinds()
}
