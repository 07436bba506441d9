//! The master of a Springald cluster, around the parts of Ballista's scheduler.
//!
//! ```text
//!  client ── gRPC ─┐            ┌─ jobs       one job for the client, one or more attempts in Ballista
//!  worker ── gRPC ─┤  service ──┤
//!                  │            └─ ledger     which worker offers what, which task holds which core
//!  tools ─── REST ─┘  rest          ▲
//!                                   │ placement (which task goes where) ◀─ cluster ◀─ Ballista
//!                                   └ workers   (asks each worker what it runs)
//! ```
//!
//! Ballista plans, launches and retries; whether its answer may be believed is decided in [`jobs`].

mod cached;
mod catalog;
mod cluster;
mod handshake;
mod jobs;
mod ledger;
mod master;
mod placement;
mod probe;
mod proxy;
mod publish;
mod rest;
mod service;
#[cfg(test)]
mod tests;
mod uploads;
mod workers;

pub use master::{Master, MasterOptions};

use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};

/// Ballista's scheduler, with DataFusion's encoding of plans.
type Ballista =
    ballista_scheduler::scheduler_server::SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;
