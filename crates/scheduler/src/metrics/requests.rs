//! How long callers wait for an answer to begin, by route.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// gRPC's code for a method that nobody serves.
const UNIMPLEMENTED: &str = "12";
/// What no route takes; names that callers make up must not become names of ours.
const OTHER: &str = "other";

type Times<const LABELS: usize> =
    Family<[(&'static str, String); LABELS], Histogram, fn() -> Histogram>;

#[derive(Debug)]
pub(super) struct RequestTimes {
    grpc: Times<2>,
    http: Times<3>,
}

impl Default for RequestTimes {
    fn default() -> Self {
        Self {
            grpc: Family::new_with_constructor(histogram),
            http: Family::new_with_constructor(histogram),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl RequestTimes {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "grpc_request_duration_seconds",
            "Time until a gRPC or Flight call is answered, or begins to be, by method and result",
            self.grpc.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time until an HTTP request is answered, or begins to be, by method, route and class of status",
            self.http.clone(),
        );
    }
}

/// The same router, with each of its answers timed.
pub(crate) fn timed(router: Router) -> Router {
    router.layer(from_fn(time))
}

async fn time(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let grpc = is_grpc(request.headers());
    let begun = Instant::now();
    let response = next.run(request).await;
    let seconds = begun.elapsed().as_secs_f64();
    let times = &super::metrics().requests;
    if grpc {
        let code = response.headers().get("grpc-status");
        let code = code.and_then(|code| code.to_str().ok());
        // An answer that says nothing yet goes well so far.
        let result = match code {
            None | Some("0") => "ok",
            Some(_) => "error",
        };
        let method = match (route, code) {
            (None, _) | (_, Some(UNIMPLEMENTED)) => OTHER.to_owned(),
            (Some(_), _) => path.trim_start_matches('/').to_owned(),
        };
        let labels = [("method", method), ("result", result.to_owned())];
        times.grpc.get_or_create(&labels).observe(seconds);
    } else {
        let route = route.map_or(OTHER.to_owned(), |route| route.as_str().to_owned());
        let method = match method.as_str() {
            method @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => method,
            _ => OTHER,
        };
        let status = format!("{}xx", response.status().as_u16() / 100);
        let labels = [
            ("method", method.to_owned()),
            ("route", route),
            ("status", status),
        ];
        times.http.get_or_create(&labels).observe(seconds);
    }
    response
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type");
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::{get, post};
    use prometheus_client::encoding::text::encode_registry;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn answers_are_timed_by_route_and_never_by_what_callers_make_up() {
        let router = timed(
            Router::new()
                .route("/a/{id}", get(|| async { StatusCode::NOT_FOUND }))
                .route("/b.Service/{*method}", post(|| async { "" }))
                .fallback(|| async { StatusCode::NOT_FOUND }),
        );
        for (method, path, kind) in [
            ("GET", "/a/7", "text/plain"),
            ("MADEUP", "/a/8", "text/plain"),
            ("GET", "/made/up", "text/plain"),
            ("POST", "/b.Service/Do", "application/grpc+proto"),
            ("POST", "/c.Service/Made", "application/grpc"),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("content-type", kind);
            let request = request.body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap();
        }
        let mut registry = Registry::default();
        super::super::metrics().requests.register(&mut registry);
        let mut text = String::new();
        encode_registry(&mut text, &registry).unwrap();
        for labels in [
            r#"{method="GET",route="/a/{id}",status="4xx"}"#,
            r#"{method="other",route="/a/{id}",status="4xx"}"#,
            r#"{method="GET",route="other",status="4xx"}"#,
            r#"{method="b.Service/Do",result="ok"}"#,
            r#"{method="other",result="ok"}"#,
        ] {
            assert!(text.contains(labels), "{labels}: {text}");
        }
        for made_up in ["MADEUP", "made/up", "Made"] {
            assert!(!text.contains(made_up), "{text}");
        }
    }
}
