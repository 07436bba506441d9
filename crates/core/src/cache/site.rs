//! What the cache's operators find in the process they run in.

use std::sync::Arc;

use arrow_flight::Ticket;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::{BlockStore, BlockTicket, LOST};
use crate::error::Error;
use crate::peers::Peers;

/// The cache of a process: an extension of the session configuration that its tasks run under.
#[derive(Debug)]
pub struct CacheSite {
    pub store: Arc<BlockStore>,
    /// `host:port` under which the others reach this process's Flight service; empty in local mode.
    pub address: String,
    pub cores: usize,
    peers: Peers,
}

impl CacheSite {
    pub fn new(store: Arc<BlockStore>, address: String, cores: usize) -> Self {
        Self {
            store,
            address,
            cores,
            peers: Peers::default(),
        }
    }

    pub(super) fn of(context: &TaskContext) -> Result<Arc<Self>> {
        let site = context.session_config().get_extension::<Self>();
        site.ok_or_else(|| DataFusionError::Internal("this process has no cache".to_owned()))
    }

    /// The rows of a block that `worker` holds.
    pub(super) async fn read(
        &self,
        block: &str,
        worker: &str,
        schema: SchemaRef,
    ) -> Result<SendableRecordBatchStream> {
        if worker == self.address {
            let held = self.store.read(block)?;
            return held.ok_or_else(|| lost("this process does not have it any more", worker));
        }
        let ticket = BlockTicket {
            block: block.to_owned(),
        };
        let mut peer = self.peers.flight(worker)?;
        let answer = peer.do_get(Ticket::new(ticket.encode())).await;
        let data = answer.map_err(|e| lost(e.message(), worker))?;
        let data = data.into_inner().map_err(FlightError::from);
        let worker = worker.to_owned();
        let batches = FlightRecordBatchStream::new_from_flight_data(data)
            .map_err(move |e| lost(&e.to_string(), &worker));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            batches.boxed(),
        )))
    }
}

fn lost(why: &str, worker: &str) -> DataFusionError {
    let place = match worker {
        "" => String::new(),
        worker => format!(" with worker {worker}"),
    };
    Error::failed(format!("{LOST}{place}: {why}")).into()
}
