//! What keeps other sites' pages from changing something through a user's browser. A browser sends along what its user
//! may do (a cookie, or a place on the network), whichever page makes it call.
//!
//! A change is refused if the browser says that it was made from another site, if its body is of a kind that a plain
//! form sends, as those need no leave of ours, and if it comes from a browser without the secret of our pages. Programs
//! that are no browsers need none.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use springald_core::login::same_origin;

use super::failure::Failure;
use crate::pages::csrf;

/// Where a script of our pages puts their secret.
const SECRET: &str = "x-csrf-token";

/// Bodies that a form of any page may send.
const FORMS: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
];

pub(super) async fn guard(mut request: Request, next: Next) -> Response {
    name_host(&mut request);
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let admitted = match changes {
        true => admit(request.headers()),
        false => Ok(()),
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// In HTTP/2 the host is part of the address; what follows looks for it where HTTP/1 has it.
fn name_host(request: &mut Request) {
    let host = request.uri().authority().map(|host| host.as_str());
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
}

fn admit(headers: &HeaderMap) -> Result<(), Failure> {
    if !same_origin(headers) {
        return Err(Failure::forbidden(
            "a page of another site may not change anything here",
        ));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if FORMS.iter().any(|form| kind.eq_ignore_ascii_case(form)) {
        return Err(Failure::wrong_kind("application/json"));
    }
    match is_browser(headers) {
        true => csrf::check(headers, text(SECRET).unwrap_or_default()).map_err(Failure::forbidden),
        false => Ok(()),
    }
}

/// Whether a browser sent this, and nothing that only who knows the token can have added.
fn is_browser(headers: &HeaderMap) -> bool {
    let says_so = ["origin", "sec-fetch-site", "cookie"];
    says_so.iter().any(|name| headers.contains_key(*name))
        && !headers.contains_key(header::AUTHORIZATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        map.insert("host", "master:8080".parse().unwrap());
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        admit(&map).is_ok()
    }

    #[test]
    fn programs_need_no_secret() {
        assert!(admits(&[]));
        assert!(admits(&[("content-type", "application/json")]));
        assert!(admits(&[("content-type", "application/octet-stream")]));
        let bearer = ("authorization", "Bearer t");
        assert!(admits(&[bearer, ("origin", "http://master:8080")]));
        assert!(!admits(&[bearer, ("origin", "http://evil.example")]));
    }

    #[test]
    fn pages_of_others_are_refused() {
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "http://master:8888"),
            ("origin", "null"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!admits(&[(name, value)]), "{name}: {value}");
        }
    }

    #[test]
    fn our_pages_show_their_secret() {
        let mut asked = HeaderMap::new();
        asked.insert("host", "master:8080".parse().unwrap());
        let cookie = csrf::new_cookie(&asked).unwrap();
        let (cookie, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        let own = [("origin", "http://master:8080"), ("cookie", cookie)];
        assert!(!admits(&own));
        assert!(admits(&[own[0], own[1], (SECRET, csrf::token())]));
        assert!(!admits(&[own[0], (SECRET, csrf::token())]));
        assert!(!admits(&[("cookie", "a=b")]));
    }

    #[test]
    fn forms_are_refused() {
        for kind in [
            "text/plain",
            "Text/Plain; charset=utf-8",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            assert!(!admits(&[("content-type", kind)]), "{kind}");
        }
    }

    #[test]
    fn the_host_of_http_2_is_in_the_address() {
        let request = Request::builder().uri("https://master:8080/api/v1/batches");
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        name_host(&mut request);
        assert_eq!(request.headers()["host"], "master:8080");
    }
}
