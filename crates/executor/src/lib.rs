//! The worker: a process that joins a master, runs tasks, keeps their shuffle data on its disk and serves it
//! to the other workers. [`run`] is the whole of it; it ends when the process is told to.
//!
//! Ballista's executor is the engine inside. What this crate adds is what a process that stands for weeks
//! needs: it waits for a master and joins again when it lost it (`worker`), leaves in order (`drain`), keeps
//! its folder clean (`work_dir`, `janitor`), knows what its container allows (`resources`) and what it is
//! doing (`tasks`, `flight`). `engine` is the seam through which every task goes.

mod clients;
mod drain;
mod engine;
mod error;
mod failure;
mod flight;
mod gate;
mod guard;
mod janitor;
mod master;
mod memory;
mod metrics;
mod options;
mod pressure;
mod probe;
mod resources;
mod round;
mod signals;
mod spans;
mod superseded;
mod tasks;
mod views;
mod work_dir;
mod worker;
mod yielding;

#[cfg(test)]
mod test_plan;

pub use error::{Error, Result};
pub use options::WorkerOptions;
pub use worker::run;
