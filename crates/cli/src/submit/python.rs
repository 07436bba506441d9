//! A Python program takes this process's place, so that its signals, standard streams and exit status are
//! its own.

use std::os::unix::process::CommandExt;
use std::process::Command;

use springald_core::MasterUrl;

use crate::error::{Error, Exit, Result};

/// Runs `python3 FILE ARGS`. Returns only if that is not possible.
pub(super) fn run(master: &MasterUrl, file: &str, args: &[String]) -> Result<Exit> {
    let e = Command::new("python3")
        .arg(file)
        .args(args)
        .env("SPRINGALD_MASTER", master.to_string())
        .exec();
    Err(Error::io("cannot start python3", e)
        .with_hint("install Python 3, and have python3 in PATH"))
}
