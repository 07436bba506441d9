//! The `springald` command: one program that is the master, a worker, and every tool of a client. The binary and the
//! Python package both start it.
//!
//! | module | what is in it |
//! |---|---|
//! | `cli` | the command line: every command, its flags, help and completions |
//! | `daemon`, `history` | processes that run until they are told to stop: `master`, `worker`, `history` |
//! | `sql`, `submit`, `jobs` | commands that run work in a session |
//! | `cluster`, `doctor` | commands that ask a running master |
//! | `datagen` | sample data |
//! | `verify` | does again what a receipt of the bench says |
//! | `output` | rows on the terminal and in files, for all of the above |

mod cli;
mod cluster;
mod daemon;
mod datagen;
mod doctor;
mod error;
mod history;
mod jobs;
mod logging;
mod output;
mod progress;
mod session;
mod sql;
mod submit;
mod verify;

use std::ffi::OsString;

use clap::Parser;

/// Runs the command that `arguments` name, the first of them the program, and gives its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    error::install_panic_hook();
    let cli = match cli::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and the version come this way, too. A closed pipe is no reason to fail.
            let _ = e.print();
            return u8::try_from(e.exit_code()).unwrap_or(error::USAGE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => return error::report(&error::Error::io("cannot start the runtime", e)),
    };
    let outcome = runtime.block_on(cli::dispatch(cli));
    // A thread that is stuck in the file system must not keep a finished command alive.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|e| error::report(&e))
}
