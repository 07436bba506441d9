//! The OpenAPI document, and a page to try what it describes. Nothing of the page comes from elsewhere.

use axum::Extension;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, html};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::Document;
use crate::pages::csrf;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    OpenApiRouter::new()
        .routes(routes!(get_document))
        .routes(routes!(get_page))
        .routes(routes!(get_script))
        .routes(routes!(get_style))
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "documentation", responses(
    (status = 200, description = "OpenAPI 3.1", body = serde_json::Value, content_type = "application/json")
))]
async fn get_document(Extension(Document(text)): Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A page to try this interface
#[utoipa::path(get, path = "/api/v1/docs", tag = "documentation", responses(
    (status = 200, description = "For a browser", body = String, content_type = "text/html")
))]
async fn get_page(headers: HeaderMap) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="csrf-token" content=(csrf::token());
                title { "Springald REST" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/api/v1/docs/page.css";
                script defer src="/api/v1/docs/page.js" {}
            }
            body {
                a.skip href="#operations" { "Skip to the operations" }
                header {
                    h1 { "Springald REST" }
                    p #about {}
                    p {
                        a href="/" { "Cluster" } " · "
                        a href="/api/v1/openapi.json" { "OpenAPI document" }
                    }
                    label #credential hidden {
                        "Token "
                        input #token type="password" autocomplete="off" size="40";
                    }
                    label { "Search " input #search type="search"; }
                }
                main #operations {
                    noscript { p { "This page needs its script; the document can be read without." } }
                    p #status role="status" {}
                }
            }
        }
    };
    let policies = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (policies, page).into_response();
    if let Some(cookie) = csrf::new_cookie(&headers) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The script of the page
#[utoipa::path(get, path = "/api/v1/docs/page.js", tag = "documentation", responses(
    (status = 200, description = "JavaScript", body = String, content_type = "text/javascript")
))]
async fn get_script() -> Response {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        SCRIPT,
    )
        .into_response()
}

/// The style of the page
#[utoipa::path(get, path = "/api/v1/docs/page.css", tag = "documentation", responses(
    (status = 200, description = "CSS", body = String, content_type = "text/css")
))]
async fn get_style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
