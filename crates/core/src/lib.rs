//! What every Springald process agrees on: configuration, errors, sessions, codecs, stores and the messages
//! between processes. [`Session`] is where a client begins.

pub mod allocator;
pub mod cache;
pub mod cluster;
pub mod codec;
pub mod config;
mod error;
mod functions;
pub mod login;
mod master_url;
mod optimizer;
mod peers;
pub mod process;
pub mod protocol;
mod recent_log;
pub mod record;
mod security;
mod server;
pub mod session;
mod stores;
pub mod submission;

pub use cluster::{JobEvent, JobListener, rest};
pub use error::{Error, Result, engine_message, find_ours, nearest};
pub use master_url::{DEFAULT_PORT, MasterUrl};
pub use peers::Peers;
pub use recent_log::{RecentLog, recent_log};
pub use security::{Admission, Security, same_secret, security, session_of};
pub use server::{Connection, Server};
pub use session::{MAX_MESSAGE_BYTES, Session};
