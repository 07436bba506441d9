//! The form that asks for the cluster's token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Extension, Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use springald_core::login::{LoginRefusal, same_origin};
use springald_core::security;

use super::layout::{Frame, Page, Tab, document};
use super::{Pages, Secret, csrf, refused};

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn form(Query(next): Query<Next>) -> Markup {
    document(&frame(), &page(&next.next, None))
}

pub(super) async fn log_in(
    State(pages): State<Arc<Pages>>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Response {
    if !same_origin(&headers) {
        return refused(&pages, "the request comes from a page of another site");
    }
    let security = match security() {
        Ok(security) => security,
        Err(e) => return refused(&pages, &e.message()),
    };
    let from: Option<IpAddr> = from.map(|Extension(ConnectInfo(from))| from.ip());
    let entered = pages
        .logins
        .log_in(security, from, &headers, &given.token)
        .await;
    let (status, why) = match entered {
        Ok(cookie) => return led(path_of_ours(&given.next), &cookie),
        Err(LoginRefusal::Wrong) => (
            StatusCode::UNAUTHORIZED,
            "This is not the cluster's token: it is what SPRINGALD_TOKEN, or the file SPRINGALD_TOKEN_FILE, holds on the master.",
        ),
        Err(LoginRefusal::TooFast) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Another token is being looked at. Try again in some seconds.",
        ),
    };
    let page = page(&given.next, Some(why));
    (status, document(&frame(), &page)).into_response()
}

pub(super) async fn log_out(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Form(form): Form<Secret>,
) -> Response {
    if let Err(why) = csrf::check(&headers, &form.csrf) {
        return refused(&pages, why);
    }
    match security() {
        Ok(security) => led("/login", &pages.logins.log_out(security, &headers)),
        Err(e) => refused(&pages, &e.message()),
    }
}

fn frame() -> Frame {
    Frame {
        bare: true,
        ..Frame::default()
    }
}

fn led(to: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Where a login leads is a page of this server, whatever the address of the form says.
fn path_of_ours(next: &str) -> &str {
    let inside = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    if inside { next } else { "/" }
}

fn page(next: &str, why: Option<&str>) -> Page {
    let content = html! {
        form.login method="post" action="/login" {
            h1 { "Log in" }
            @if let Some(why) = why {
                p.problem role="alert" { (why) }
            }
            label for="token" { "Token of the cluster" }
            input #token type="password" name="token" required autofocus autocomplete="current-password";
            input type="hidden" name="next" value=(path_of_ours(next));
            button.main type="submit" { "Log in" }
        }
    };
    Page {
        title: "Log in".to_owned(),
        tab: Tab::None,
        parts: vec![("login", content)],
        live: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        for (next, to) in [
            ("/jobs?page=2", "/jobs?page=2"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(path_of_ours(next), to);
        }
    }
}
