//! Results on their way from the workers to a client that reaches the master only. (Ballista's proxy connects anew for
//! each partition, which takes longer than a small result itself.)

use std::pin::Pin;

use arrow_flight::{FlightData, Ticket};
use ballista_core::serde::decode_protobuf;
use ballista_core::serde::scheduler::Action as Fetch;
use futures::Stream;
use springald_core::Peers;
use tonic::{Response, Status};

#[derive(Default)]
pub(crate) struct ResultProxy {
    workers: Peers,
}

pub(crate) type Rows = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send + 'static>>;

impl ResultProxy {
    /// The partition of a result that one of Ballista's tickets names.
    pub(crate) async fn fetch(&self, ticket: Ticket) -> Result<Response<Rows>, Status> {
        let Fetch::FetchPartition { host, port, .. } = decode_protobuf(&ticket.ticket)
            .map_err(|e| Status::invalid_argument(format!("not a ticket for a result: {e}")))?;
        let address = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let worker = self.workers.flight(&address);
        let mut worker = worker.map_err(|e| Status::invalid_argument(e.message()))?;
        let rows = worker.do_get(ticket).await?;
        Ok(rows.map(|rows| Box::pin(rows) as Rows))
    }
}
