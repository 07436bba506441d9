//! The master of a Springald cluster, around the parts of Ballista's scheduler.
//!
//! ```text
//!  client ── gRPC ─┐            ┌─ jobs       one job for the client, one or more attempts in Ballista
//!  worker ── gRPC ─┤  service ──┤
//!                  │            └─ ledger     which worker offers what, which task holds which core
//!  tools ─── REST ─┘  rest          ▲      (flight_sql: tools that speak ADBC or JDBC)
//!                                   │ placement (which task goes where) ◀─ cluster ◀─ Ballista
//!                                   └ workers   (asks each worker what it runs)
//!
//!  jobs ─▶ history (files)      records: the jobs of this master and those in files, for pages and REST
//! ```
//!
//! Ballista plans, launches and retries; whether its answer may be believed is decided in [`jobs`].

mod cached;
mod catalog;
mod cluster;
mod flight_sql;
mod handshake;
mod history;
mod jobs;
mod ledger;
mod master;
mod metrics;
mod pages;
mod placement;
mod probe;
mod proxy;
mod publish;
mod records;
mod refusal;
mod rest;
mod service;
mod submissions;
#[cfg(test)]
mod tests;
mod traces;
mod uploads;
mod workers;
mod workspace_files;

pub use history::{HistoryOptions, HistoryServer, Retention};
pub use master::{Master, MasterOptions};

use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};

/// Ballista's scheduler, with DataFusion's encoding of plans.
type Ballista =
    ballista_scheduler::scheduler_server::SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;
