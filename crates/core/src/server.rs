//! The listening side of masters and workers: one router over HTTP/1 and HTTP/2 on one port, over TLS if this process
//! has a certificate, for callers who know the token; answers are sent without delay, and vanished callers noticed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::error::{Error, Result};
use crate::login::{self, Logins, opens_a_page};
use crate::protocol::ApiError;
use crate::security::{Admission, Security};

/// A caller that answers no ping for this long after one was sent is gone.
const PING_EVERY: Duration = Duration::from_secs(5);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Each running job of a session is a stream of its one connection, and so is each result being fetched.
const STREAMS: u32 = 10_000;
/// What connections have for the answers they owe when the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(2);
/// What a caller has to begin with TLS.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// The first byte of TLS.
const TLS_HANDSHAKE: u8 = 0x16;

/// For whoever speaks plainly to a port of TLS.
const NOT_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"error\":\"this port speaks TLS only: set SPRINGALD_TLS_CA, or use https\"}\n";

/// Paths that anybody may ask: whether the process is there.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Stands in each request for the connection that it came on, as an `Arc` of which a request and its connection hold
/// the only copies: who keeps something for the connection keeps a `Weak` beside it, and sees it end.
#[derive(Debug)]
pub struct Connection {
    pub peer: SocketAddr,
}

/// A router on a port.
#[derive(Clone)]
pub struct Server {
    router: Router,
    security: &'static Security,
    tls: Option<TlsAcceptor>,
    logins: Option<Arc<Logins>>,
}

impl Server {
    /// # Errors
    /// If the certificate or key of this process is none.
    pub fn new(router: Router, security: &'static Security) -> Result<Self> {
        let tls = match security.identity() {
            Some((certificate, key)) => Some(acceptor(certificate, key)?),
            None => None,
        };
        Ok(Self {
            router,
            security,
            tls,
            logins: None,
        })
    }

    /// Lets in browsers that have logged in, too, and leads the others to the form.
    pub fn with_logins(mut self, logins: Arc<Logins>) -> Self {
        self.logins = Some(logins);
        self
    }

    /// Serves until `stop`, then until the open answers are out, within limits.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(self.clone().greet(stream, peer, stop.clone()));
                }
                Err(e) => {
                    // Out of file handles, most likely: those in use must come back first.
                    log::warn!("accepting a connection: {e}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn greet(self, mut stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // Small answers wait 40 ms for company otherwise.
        if let Err(e) = stream.set_nodelay(true) {
            log::debug!("TCP_NODELAY for {peer}: {e}");
        }
        let Some(tls) = self.tls.clone() else {
            return self.connection(stream, peer, stop).await;
        };
        let mut first = [0];
        let hello = async {
            match stream.peek(&mut first).await {
                Ok(1) if first[0] != TLS_HANDSHAKE => {
                    log::warn!("{peer} does not speak TLS, as this port does");
                    // Closed with words unread, the connection would be reset and the answer lost.
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(NOT_TLS).await;
                    let _ = stream.shutdown().await;
                    None
                }
                _ => match tls.accept(stream).await {
                    Ok(stream) => Some(stream),
                    Err(e) => {
                        log::warn!("no TLS with {peer}: {e}");
                        None
                    }
                },
            }
        };
        if let Ok(Some(stream)) = tokio::time::timeout(HELLO_WITHIN, hello).await {
            self.connection(stream, peer, stop).await;
        }
    }

    async fn connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        stop: CancellationToken,
    ) {
        let itself = Arc::new(Connection { peer });
        let service = service_fn(move |mut request: Request<Incoming>| {
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(peer));
            extensions.insert(Arc::clone(&itself));
            self.clone().answer(request.map(Body::new))
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PONG_WITHIN);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                match tokio::time::timeout(FINISH_WITHIN, connection).await {
                    Ok(served) => served,
                    Err(_) => return,
                }
            }
        };
        if let Err(e) = served {
            log::debug!("connection of {peer}: {e}");
        }
    }

    async fn answer(mut self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let mut admission = match OPEN.contains(&request.uri().path()) {
            true => Admission::Granted,
            false => self
                .security
                .admits(text(header::AUTHORIZATION), text(header::USER_AGENT)),
        };
        if let Some(logins) = &self.logins
            && admission == Admission::Missing
            && (login::is_open(request.uri().path()) || logins.admits(request.method(), headers))
        {
            admission = Admission::Granted;
        }
        match admission.refusal() {
            None => self.router.call(request).await,
            Some(_) if self.logins.is_some() && opens_a_page(request.method(), headers) => {
                Ok(led_to_form(&login::form_for(request.uri())))
            }
            Some(why) => Ok(refused(headers, why)),
        }
    }
}

/// A refusal that the caller can read: gRPC says what is wrong in headers, REST in a body.
fn refused(headers: &HeaderMap, why: &'static str) -> Response<Body> {
    let grpc = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if grpc {
        return tonic::Status::unauthenticated(why).into_http();
    }
    let body = serde_json::to_string(&ApiError { error: why.into() }).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn led_to_form(form: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // A path of ours is never refused as a header: it is percent-encoded.
    if let Ok(form) = HeaderValue::from_str(form) {
        response.headers_mut().insert(header::LOCATION, form);
    }
    response
}

fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor> {
    let wrong = |what: &str, e: &dyn std::fmt::Display| {
        Error::invalid(format!("the {what} of this process cannot be used: {e}"))
            .with_hint("SPRINGALD_TLS_CERT and SPRINGALD_TLS_KEY name PEM files")
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let certificates = certificates.map_err(|e| wrong("certificate", &e))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| wrong("key", &e))?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong("TLS", &e))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|e| wrong("certificate", &e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
