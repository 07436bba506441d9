//! What every Springald process agrees on: configuration, errors, sessions, codecs, stores and the messages
//! between processes. [`Session`] is where a client begins.

pub mod cache;
pub mod cluster;
pub mod codec;
pub mod config;
mod error;
mod functions;
mod master_url;
mod peers;
pub mod protocol;
mod security;
mod server;
pub mod session;
mod stores;

pub use cluster::{JobEvent, JobListener, rest};
pub use error::{Error, Result, engine_message, find_ours, nearest};
pub use master_url::{DEFAULT_PORT, MasterUrl};
pub use peers::Peers;
pub use security::{Admission, Security, security};
pub use server::Server;
pub use session::{MAX_MESSAGE_BYTES, Session};
