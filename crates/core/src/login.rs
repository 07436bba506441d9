//! How a browser comes in where calls need the token: it sends the token once, with a form, and gets a cookie that
//! stands for it. The cookie holds a random number that means something to this process alone, so it is worth
//! nothing elsewhere and is gone when the process ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, Uri, header};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::security::Security;

/// Where the form is, and where what it looks like comes from: open to everybody.
pub const LOGIN_PATH: &str = "/login";
pub const ASSETS_PATH: &str = "/assets/";

/// A browser that was not used for so long has to log in again.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// More open logins than that are nobody's; the least recently used goes.
const OPEN_AT_MOST: usize = 1_000;
/// The wait after the first wrong token of an address; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// An address that gave no wrong token for so long begins anew.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// Addresses whose wrong tokens are counted one by one; beyond them all others share a count.
const ADDRESSES: usize = 10_000;

/// The browsers that have logged in at this process.
#[derive(Debug, Default)]
pub struct Logins {
    open: Mutex<HashMap<String, Instant>>,
    tries: Mutex<HashMap<Option<IpAddr>, Tries>>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    wrong: u32,
    last: Instant,
    /// One is being looked at, or waited out.
    under_way: bool,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefusal {
    Wrong,
    /// An earlier wrong token of the same address is still being waited out.
    TooFast,
}

impl Logins {
    /// Whether a call with these headers comes from a browser that has logged in. Changes must come from a page of
    /// this very server, as other servers of the same host get the browser to send our cookie, too.
    pub fn admits(&self, method: &Method, headers: &HeaderMap) -> bool {
        let Some(login) = cookie(headers, &cookie_name(headers)) else {
            return false;
        };
        let now = Instant::now();
        let mut open = self.open.lock();
        let Some(used) = open.get_mut(login) else {
            return false;
        };
        if now.saturating_duration_since(*used) >= IDLE {
            open.remove(login);
            return false;
        }
        *used = now;
        drop(open);
        method.is_safe() || same_origin(headers)
    }

    /// Takes a token that somebody typed, and gives the `set-cookie` of the answer. A wrong one takes a while,
    /// longer each time, and meanwhile its address gets no other looked at.
    ///
    /// # Errors
    /// If the token is wrong, or not looked at yet.
    pub async fn log_in(
        &self,
        security: &Security,
        from: Option<IpAddr>,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<String, LoginRefusal> {
        let (key, wait) = self.begin_try(from)?;
        // Ends the try also if the caller goes away before the wait is over.
        let _over = TryOver { logins: self, key };
        let bearer = format!("Bearer {}", token.trim());
        if security.admits(Some(&bearer), None).refusal().is_none() {
            self.tries.lock().remove(&key);
            return Ok(self.open(security, headers));
        }
        if let Some(tries) = self.tries.lock().get_mut(&key) {
            tries.wrong = tries.wrong.saturating_add(1);
        }
        tokio::time::sleep(wait).await;
        Err(LoginRefusal::Wrong)
    }

    /// Ends the login of these headers, and gives the `set-cookie` that makes the browser forget it.
    pub fn log_out(&self, security: &Security, headers: &HeaderMap) -> String {
        let name = cookie_name(headers);
        if let Some(login) = cookie(headers, &name) {
            self.open.lock().remove(login);
        }
        set_cookie(&name, "", Some(Duration::ZERO), is_https(security, headers))
    }

    fn open(&self, security: &Security, headers: &HeaderMap) -> String {
        // 244 random bits.
        let login = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let now = Instant::now();
        let mut open = self.open.lock();
        open.retain(|_, used| now.saturating_duration_since(*used) < IDLE);
        if open.len() >= OPEN_AT_MOST {
            let oldest = open.iter().min_by_key(|(_, used)| **used);
            if let Some(oldest) = oldest.map(|(login, _)| login.clone()) {
                open.remove(&oldest);
            }
        }
        open.insert(login.clone(), now);
        let https = is_https(security, headers);
        set_cookie(&cookie_name(headers), &login, Some(IDLE), https)
    }

    fn begin_try(&self, from: Option<IpAddr>) -> Result<(Option<IpAddr>, Duration), LoginRefusal> {
        let now = Instant::now();
        let mut all = self.tries.lock();
        all.retain(|_, tries| {
            tries.under_way || now.saturating_duration_since(tries.last) < FORGIVEN_AFTER
        });
        let key = match all.len() >= ADDRESSES && !all.contains_key(&from) {
            true => None,
            false => from,
        };
        let tries = all.entry(key).or_insert(Tries {
            wrong: 0,
            last: now,
            under_way: false,
        });
        if tries.under_way {
            return Err(LoginRefusal::TooFast);
        }
        tries.under_way = true;
        tries.last = now;
        let doubled = FIRST_WAIT.saturating_mul(1 << tries.wrong.min(16));
        Ok((key, doubled.min(LONGEST_WAIT)))
    }
}

/// Lets the next try of an address begin.
struct TryOver<'a> {
    logins: &'a Logins,
    key: Option<IpAddr>,
}

impl Drop for TryOver<'_> {
    fn drop(&mut self) {
        if let Some(tries) = self.logins.tries.lock().get_mut(&self.key) {
            tries.under_way = false;
        }
    }
}

/// Whether a request was made by a page of the server that it goes to, as far as the browser says. Programs that are
/// no browsers say nothing, and are believed.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else {
        return true;
    };
    let Some((_, origin)) = origin.split_once("://") else {
        return false;
    };
    // A proxy may call us by another name, and says which one the browser used.
    let hosts = [text("host"), text("x-forwarded-host")];
    hosts
        .into_iter()
        .flatten()
        .any(|host| host.eq_ignore_ascii_case(origin))
}

/// Whether to lead a refused caller to the form: it is a browser that opens a page.
pub(crate) fn opens_a_page(method: &Method, headers: &HeaderMap) -> bool {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    method == Method::GET && accepts.is_some_and(|kinds| kinds.contains("text/html"))
}

/// The form's address, with the page to open afterwards.
pub(crate) fn form_for(uri: &Uri) -> String {
    let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    format!("{LOGIN_PATH}?next={next}")
}

/// Whether a path can be seen without a login.
pub(crate) fn is_open(path: &str) -> bool {
    path == LOGIN_PATH || path.starts_with(ASSETS_PATH)
}

/// A cookie of a request.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|pairs| pairs.split(';'))
        .find_map(|pair| {
            let (found, value) = pair.trim().split_once('=')?;
            (found == name).then_some(value)
        })
}

/// A cookie for this server's pages alone; for the browser's session if it has no age.
pub fn set_cookie(name: &str, value: &str, age: Option<Duration>, https: bool) -> String {
    let mut cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict");
    if let Some(age) = age {
        cookie.push_str(&format!("; Max-Age={}", age.as_secs()));
    }
    if https {
        cookie.push_str("; Secure");
    }
    cookie
}

/// Browsers share cookies between all ports of a host, where another cluster or the history may listen: the name of
/// a cookie tells them apart.
pub fn name_for_port(name: &str, headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let port = host
        .and_then(|host| host.rsplit_once(':'))
        .map(|(_, port)| port)
        .filter(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
    match port {
        Some(port) => format!("{name}-{port}"),
        None => name.to_owned(),
    }
}

/// Whether the browser reaches us over TLS, so that a cookie may ask for it.
pub fn is_https(security: &Security, headers: &HeaderMap) -> bool {
    let forwarded = headers
        .get("x-forwarded-proto")
        .is_some_and(|proto| proto.as_bytes() == b"https");
    security.identity().is_some() || forwarded
}

fn cookie_name(headers: &HeaderMap) -> String {
    name_for_port("springald-login", headers)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    fn security() -> Security {
        Security::with_token("t0ken")
    }

    const HOST: (&str, &str) = ("host", "m:8080");

    #[tokio::test]
    async fn a_token_opens_a_login_and_leaving_ends_it() {
        let (logins, security) = (Logins::default(), security());
        let plain = headers(&[HOST]);
        let set = logins
            .log_in(&security, None, &plain, " t0ken\n")
            .await
            .unwrap();
        assert!(!set.contains("t0ken") && set.starts_with("springald-login-8080="));
        assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains("Secure"));
        let (pair, _) = set.split_once(';').unwrap();
        let known = headers(&[HOST, ("cookie", &format!("a=b; {pair}"))]);
        assert!(logins.admits(&Method::GET, &known));
        assert!(logins.admits(&Method::POST, &known));
        assert!(!logins.admits(&Method::GET, &plain));
        let foreign = headers(&[HOST, ("cookie", pair), ("origin", "http://m:8888")]);
        assert!(logins.admits(&Method::GET, &foreign));
        assert!(!logins.admits(&Method::POST, &foreign));
        assert!(logins.log_out(&security, &known).contains("Max-Age=0"));
        assert!(!logins.admits(&Method::GET, &known));
    }

    #[test]
    fn wrong_tokens_take_longer_each_time() {
        let logins = Logins::default();
        let mut waits = vec![];
        for wrong in 0..8 {
            let (key, wait) = logins.begin_try(None).unwrap();
            waits.push(wait);
            assert_eq!(logins.begin_try(None), Err(LoginRefusal::TooFast));
            logins.tries.lock().get_mut(&key).unwrap().wrong = wrong + 1;
            drop(TryOver {
                logins: &logins,
                key,
            });
        }
        assert_eq!(waits[..2], [FIRST_WAIT, 2 * FIRST_WAIT]);
        assert_eq!(waits[7], LONGEST_WAIT);
    }

    #[tokio::test]
    async fn a_wrong_token_holds_up_its_address_alone() {
        let (logins, security) = (Logins::default(), security());
        let plain = headers(&[HOST]);
        let from = Some(IpAddr::from([10, 0, 0, 1]));
        let slow = logins.log_in(&security, from, &plain, "t0keN");
        let fast = async {
            tokio::task::yield_now().await;
            let other = Some(IpAddr::from([10, 0, 0, 2]));
            (
                logins.log_in(&security, from, &plain, "t0ken").await,
                logins.log_in(&security, other, &plain, "t0ken").await,
            )
        };
        let (slow, (same, other)) = tokio::join!(slow, fast);
        assert_eq!(slow, Err(LoginRefusal::Wrong));
        assert_eq!(same, Err(LoginRefusal::TooFast));
        assert!(other.is_ok());
        let again = logins.log_in(&security, from, &plain, "t0ken").await;
        assert!(again.is_ok());
    }

    #[test]
    fn where_a_request_comes_from() {
        for (pairs, expected) in [
            (vec![], true),
            (vec![("origin", "http://m:8080")], true),
            (vec![("origin", "http://M:8080")], true),
            (vec![("origin", "http://m:8888")], false),
            (vec![("origin", "null")], false),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (
                vec![("origin", "https://ui.x"), ("x-forwarded-host", "ui.x")],
                true,
            ),
        ] {
            let given = headers(&[vec![HOST], pairs.clone()].concat());
            assert_eq!(same_origin(&given), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_form_leads_back() {
        let uri: Uri = "/jobs?text=a%20b&page=2".parse().unwrap();
        assert_eq!(
            form_for(&uri),
            "/login?next=%2Fjobs%3Ftext%3Da%2520b%26page%3D2"
        );
        assert!(is_open("/login") && is_open("/assets/page.css") && !is_open("/logins"));
    }

    #[test]
    fn cookies_of_ports_differ() {
        assert_eq!(name_for_port("c", &headers(&[HOST])), "c-8080");
        assert_eq!(name_for_port("c", &headers(&[("host", "m")])), "c");
        assert_eq!(name_for_port("c", &headers(&[("host", "[::1]")])), "c");
    }
}
