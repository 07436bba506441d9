//! Connections to the Flight services of other processes, one for each, kept for the next call.

use std::collections::HashMap;
use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use parking_lot::Mutex;
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, Result};
use crate::security::security;
use crate::session::MAX_MESSAGE_BYTES;

/// Connections kept at most: workers come and go under new addresses.
const MOST: usize = 1024;

/// The connections of a process. A connection that broke is made anew by the next call.
#[derive(Debug, Default)]
pub struct Peers {
    channels: Mutex<HashMap<String, Channel>>,
}

impl Peers {
    /// A client of the Flight service at `host:port`; connects with the first call.
    ///
    /// # Errors
    /// If this is no address.
    pub fn flight(&self, address: &str) -> Result<FlightServiceClient<Channel>> {
        let channel = {
            let mut channels = self.channels.lock();
            match channels.get(address) {
                Some(channel) => channel.clone(),
                None => {
                    let channel = endpoint(address)?.connect_lazy();
                    if channels.len() >= MOST {
                        channels.clear();
                    }
                    channels.insert(address.to_owned(), channel.clone());
                    channel
                }
            }
        };
        Ok(FlightServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES))
    }
}

/// A peer that is gone without a word (its machine is off, its process stopped) must not hold up a call for ever.
fn endpoint(address: &str) -> Result<Endpoint> {
    let wrong =
        |e: &dyn std::fmt::Display| Error::invalid(format!("`{address}` is no address: {e}"));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| wrong(&e))?;
    Ok(security()?
        .introduce(endpoint)
        .map_err(|e| wrong(&e))?
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(15))
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(32 << 20))
}
