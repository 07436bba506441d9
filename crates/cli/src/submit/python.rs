//! A Python program takes this process's place, so that its signals, standard streams and exit status are
//! its own.

use std::os::unix::process::CommandExt;
use std::process::Command;

use springald_core::MasterUrl;

use crate::error::{Error, Exit, Result};

/// Names the interpreter; the Python package sets it to the one that it is installed for.
const PYTHON: &str = "SPRINGALD_PYTHON";

/// Runs `python3 FILE ARGS`. Returns only if that is not possible.
pub(super) fn run(master: &MasterUrl, file: &str, args: &[String]) -> Result<Exit> {
    let python = std::env::var_os(PYTHON).filter(|name| !name.is_empty());
    let python = python.unwrap_or_else(|| "python3".into());
    let e = Command::new(&python)
        .arg(file)
        .args(args)
        .env("SPRINGALD_MASTER", master.to_string())
        .exec();
    let what = format!("cannot start {}", python.display());
    Err(Error::io(what, e).with_hint(format!(
        "install Python 3, and have python3 in PATH or name it in {PYTHON}"
    )))
}
