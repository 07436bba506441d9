//! What tells a form of our pages from a request that another site made a browser send. Forms carry a secret that the
//! browser also has as a cookie: another site can have the cookie sent, but cannot read the secret, nor set either.

use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, header};
use springald_core::login::{cookie, is_https, name_for_port, same_origin, set_cookie};
use springald_core::{Security, same_secret, security};
use uuid::Uuid;

/// Names without a dot, and below these, are of a network of one's own: nobody else's page can be opened under them.
const OWN_DOMAINS: [&str; 6] = [
    ".localhost",
    ".local",
    ".lan",
    ".internal",
    ".home.arpa",
    ".svc",
];

static TOKEN: OnceLock<String> = OnceLock::new();
static OWN_NAME: OnceLock<String> = OnceLock::new();

/// The secret of this process, for a hidden field of each form.
pub(crate) fn token() -> &'static str {
    TOKEN.get_or_init(|| format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
}

/// Under this name browsers may reach this process, beside addresses and names of the own network.
pub(crate) fn own_name(name: &str) {
    // The first one stays, should a process serve twice.
    let _ = OWN_NAME.set(name.to_ascii_lowercase());
}

/// The `set-cookie` for a browser that does not have the secret yet.
pub(crate) fn new_cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    let name = cookie_name(headers);
    if cookie(headers, &name).is_some_and(|known| same_secret(known, token())) {
        return None;
    }
    let https = security().is_ok_and(|security| is_https(security, headers));
    HeaderValue::from_str(&set_cookie(&name, token(), None, https)).ok()
}

/// Whether a change that a browser asks for comes from a page of this process: `given` is what the form, or the header
/// of a script, says to be the secret.
///
/// # Errors
/// Why not, and what to do.
pub(crate) fn check(headers: &HeaderMap, given: &str) -> Result<(), &'static str> {
    let open = security().is_ok_and(|security: &Security| !security.asks_for_token());
    if open && !is_own_host(headers) {
        return Err(
            "this page was opened under a name that is not known to be the master's: use its address, start it with --external-host and this name, or give the cluster a token",
        );
    }
    if !same_origin(headers) {
        return Err("the request comes from a page of another site");
    }
    let known = cookie(headers, &cookie_name(headers));
    if !known.is_some_and(|known| same_secret(known, token())) || !same_secret(given, token()) {
        return Err("the page is older than this process, or cookies are off: load it again");
    }
    Ok(())
}

/// A page elsewhere can have its own name lead to our address, and would then be of one origin with us. Where a login
/// is asked for that gains nothing, as cookies go by name; where everybody may call, the name must be ours.
fn is_own_host(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if host.starts_with('[') {
        return true;
    }
    let name = host.split(':').next().unwrap_or_default();
    let is_address = name.parse::<std::net::Ipv4Addr>().is_ok();
    is_address
        || !name.contains('.')
        || OWN_DOMAINS.iter().any(|domain| name.ends_with(domain))
        || OWN_NAME.get().is_some_and(|own| own == name)
}

fn cookie_name(headers: &HeaderMap) -> String {
    name_for_port("springald-csrf", headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, cookie: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn both_halves_are_asked_for() {
        let set = new_cookie(&headers("m:1", "", None)).unwrap();
        let set = set.to_str().unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
        let (pair, _) = set.split_once(';').unwrap();
        let given = headers("m:1", pair, Some("http://m:1"));
        assert!(new_cookie(&given).is_none());
        assert_eq!(check(&given, token()), Ok(()));
        assert!(check(&given, "").is_err());
        assert!(check(&given, &token().replace(|_| true, "0")).is_err());
        assert!(check(&headers("m:1", "", None), token()).is_err());
        let elsewhere = headers("m:1", pair, Some("http://evil.example"));
        assert!(check(&elsewhere, token()).is_err());
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for (host, own) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("master", true),
            ("Node.LAN:8080", true),
            ("rebound.example:8080", false),
            ("127.0.0.1.example", false),
        ] {
            assert_eq!(is_own_host(&headers(host, "", None)), own, "{host}");
        }
    }
}
