//! The `springald` command: one binary that is the master, a worker, and every tool of a client.
//!
//! | module | what is in it |
//! |---|---|
//! | `cli` | the command line: every command, its flags, help and completions |
//! | `daemon` | `master` and `worker` |
//! | `sql`, `submit`, `jobs` | commands that run work in a session |
//! | `cluster`, `doctor` | commands that ask a running master |
//! | `datagen` | sample data |
//! | `output` | rows on the terminal and in files, for all of the above |

mod cli;
mod cluster;
mod daemon;
mod datagen;
mod doctor;
mod error;
mod jobs;
mod logging;
mod output;
mod progress;
mod session;
mod sql;
mod submit;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    error::install_panic_hook();
    let cli = cli::Cli::parse();
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
