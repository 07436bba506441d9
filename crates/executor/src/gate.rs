//! The way to the task port where calls need a token or TLS. Ballista opens that port by itself and asks nobody who
//! calls, so it listens on a loopback address then, and this gate, under the same number, on the worker's own: it looks
//! at each call as every server of Springald does, and passes on those that may come in. The gate can go when Ballista's
//! executor takes a router or a layer for its server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use springald_core::{Server, security};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::{Error, Result};

/// Open as long as it is held.
pub(crate) struct Gate {
    _stop: DropGuard,
}

/// Where Ballista listens for tasks when a gate stands before it at `own`.
pub(crate) fn hidden(own: IpAddr) -> Ipv4Addr {
    if own == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        Ipv4Addr::new(127, 0, 0, 2)
    } else {
        Ipv4Addr::LOCALHOST
    }
}

impl Gate {
    pub(crate) async fn open(own: IpAddr, port: u16) -> Result<Self> {
        let address = SocketAddr::new(own, port);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|e| Error::io(format!("cannot listen for tasks on {address}"), e))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inside = Inside {
            client: Client::builder(TokioExecutor::new())
                .http2_only(true)
                .build(connector),
            to: SocketAddr::new(hidden(own).into(), port),
        };
        let router = Router::new().fallback(pass_on).with_state(inside);
        let stop = CancellationToken::new();
        let server = Server::new(router, security()?)?;
        tokio::spawn(server.serve(listener, stop.clone()));
        Ok(Self {
            _stop: stop.drop_guard(),
        })
    }
}

#[derive(Clone)]
struct Inside {
    client: Client<HttpConnector, Body>,
    to: SocketAddr,
}

async fn pass_on(State(inside): State<Inside>, mut request: Request<Body>) -> Response<Body> {
    let path = request.uri().path_and_query();
    let uri = Uri::builder()
        .scheme("http")
        .authority(inside.to.to_string())
        .path_and_query(path.map_or("/", |path| path.as_str()))
        .build();
    let Ok(uri) = uri else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    match inside.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(e) => {
            tonic::Status::unavailable(format!("the task port does not answer: {e}")).into_http()
        }
    }
}
