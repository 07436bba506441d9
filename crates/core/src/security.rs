//! Who may call whom, and how calls are kept from others' eyes: a token that every process of a cluster shares, and
//! certificates. Both come from the environment of each process, so that they are in no command line, plan or setting.
//!
//! | variable | meaning |
//! |---|---|
//! | `SPRINGALD_TOKEN`, `SPRINGALD_TOKEN_FILE` | the cluster's token, or a file that holds it |
//! | `SPRINGALD_TLS_CA` | certificates to trust, as PEM; calls go over TLS when it is set |
//! | `SPRINGALD_TLS_CERT`, `SPRINGALD_TLS_KEY` | this process's own certificate and key, as PEM; it serves TLS alone then |
//! | `SPRINGALD_TLS_NAME` | the name in every certificate, where they do not name each host |

use std::path::PathBuf;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::error::{Error, Result};
use crate::protocol::VERSION;

/// The token and certificates of this process.
#[derive(Debug, Default)]
pub struct Security {
    token: Option<String>,
    ca: Option<String>,
    /// Certificate and key.
    identity: Option<(String, String)>,
    name: Option<String>,
}

static SECURITY: OnceLock<Security> = OnceLock::new();

/// What the environment of this process said when it was first asked.
///
/// # Errors
/// If a file that it names cannot be read, or half of what belongs together is missing.
pub fn security() -> Result<&'static Security> {
    if let Some(security) = SECURITY.get() {
        return Ok(security);
    }
    let security = Security::from(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))?;
    Ok(SECURITY.get_or_init(|| security))
}

impl Security {
    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let file = |name: &str| -> Result<Option<String>> {
            let Some(path) = variable(name).map(PathBuf::from) else {
                return Ok(None);
            };
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::invalid(format!("cannot read `{}`: {e}", path.display()))
                    .with_hint(format!("{name} names it"))
            })?;
            Ok(Some(text))
        };
        let token = match variable("SPRINGALD_TOKEN") {
            Some(token) => Some(token),
            None => file("SPRINGALD_TOKEN_FILE")?,
        };
        let token = token.map(|token| token.trim().to_owned());
        if let Some(token) = &token
            && (token.is_empty()
                || !token
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c)))
        {
            return Err(Error::invalid(
                "the token is empty, or has other characters than letters, digits and - _ . ~",
            )
            .with_hint("make one: openssl rand -hex 32"));
        }
        let identity = match (file("SPRINGALD_TLS_CERT")?, file("SPRINGALD_TLS_KEY")?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(Error::invalid(
                    "a certificate without its key, or a key without its certificate",
                )
                .with_hint("set both SPRINGALD_TLS_CERT and SPRINGALD_TLS_KEY"));
            }
        };
        let ca = file("SPRINGALD_TLS_CA")?;
        if identity.is_some() && ca.is_none() {
            return Err(Error::invalid(
                "a process with a certificate must know which ones to trust",
            )
            .with_hint("set SPRINGALD_TLS_CA, which may be the certificate itself"));
        }
        Ok(Self {
            token,
            ca,
            identity,
            name: variable("SPRINGALD_TLS_NAME"),
        })
    }

    /// For tests of what asks for a token.
    #[cfg(test)]
    pub(crate) fn with_token(token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..Self::default()
        }
    }

    /// Whether this process lets in only some callers, or speaks TLS.
    pub fn is_set(&self) -> bool {
        self.token.is_some() || self.identity.is_some()
    }

    /// Whether callers have to know a token.
    pub fn asks_for_token(&self) -> bool {
        self.token.is_some()
    }

    /// What this process proves itself with as a server: certificate and key, as PEM.
    pub fn identity(&self) -> Option<(&str, &str)> {
        let (certificate, key) = self.identity.as_ref()?;
        Some((certificate, key))
    }

    /// Certificates to trust, as PEM, where calls go over TLS.
    pub(crate) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// The name that every certificate has, if they do not name each host.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn scheme(&self) -> &'static str {
        match self.ca {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The value of `authorization` in calls of REST.
    pub(crate) fn bearer(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// The value of `authorization` by which a client that was let in goes on in one session: the token, a slash, and
    /// the session's name. [`session_of`] reads it.
    pub fn bearer_of_session(&self, session: &str) -> String {
        format!("Bearer {}/{session}", self.token.as_deref().unwrap_or("-"))
    }

    /// The user agent of gRPC calls. The token is part of it, as Ballista's clients, which fetch shuffles and give out
    /// tasks, let nothing else be added to their calls.
    pub fn user_agent(&self) -> String {
        match &self.token {
            Some(token) => format!("springald/{VERSION} token/{token}"),
            None => format!("springald/{VERSION}"),
        }
    }

    /// Makes an endpoint say who is calling, over TLS if that is set. What else it should do is to be said afterwards.
    ///
    /// # Errors
    /// If the certificates are none.
    pub fn introduce(
        &self,
        endpoint: Endpoint,
    ) -> std::result::Result<Endpoint, Box<dyn std::error::Error + Send + Sync>> {
        let endpoint = match &self.ca {
            None => endpoint,
            Some(_) => {
                // Ballista's clients say http:// whatever they are told.
                let authority = endpoint.uri().authority().map_or("", |a| a.as_str());
                Endpoint::from_shared(format!("https://{authority}"))?
            }
        };
        let endpoint = endpoint
            .user_agent(self.user_agent())?
            .tcp_nodelay(true)
            // What still comes for calls that were let go counts as an error, and after 1024 of these a connection
            // would end under all others.
            .http2_max_local_error_reset_streams(None);
        let Some(ca) = &self.ca else {
            return Ok(endpoint);
        };
        let host = endpoint.uri().host().unwrap_or_default().to_owned();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca))
            .domain_name(self.name.clone().unwrap_or(host));
        Ok(endpoint.tls_config(tls)?)
    }

    /// Whether a call with these headers may come in: `authorization`, as `Bearer` with the token or as `Basic` with any
    /// name and the token as its password, or the user agent.
    pub fn admits(&self, authorization: Option<&str>, user_agent: Option<&str>) -> Admission {
        let Some(token) = &self.token else {
            return Admission::Granted;
        };
        let given = authorization.and_then(|value| match value.split_once(' ')? {
            (scheme, token) if scheme.eq_ignore_ascii_case("bearer") => {
                // A session may follow; no token has a slash.
                let token = token.split_once('/').map_or(token, |(token, _)| token);
                Some(token.to_owned())
            }
            (scheme, credentials) if scheme.eq_ignore_ascii_case("basic") => password(credentials),
            _ => None,
        });
        let product = || {
            let mut products = user_agent?.split_whitespace();
            let token = products.find_map(|product| product.strip_prefix("token/"))?;
            Some(token.to_owned())
        };
        match given.or_else(product) {
            None => Admission::Missing,
            Some(given) if same_secret(&given, token) => Admission::Granted,
            Some(_) => Admission::Wrong,
        }
    }
}

/// The session that a client names in `authorization`, if it does; see [`Security::bearer_of_session`].
pub fn session_of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let (_, session) = token.split_once('/')?;
    (scheme.eq_ignore_ascii_case("bearer") && !session.is_empty()).then_some(session)
}

/// The password in the base64 of `name:password`.
fn password(credentials: &str) -> Option<String> {
    // gRPC's binary metadata are base64, too.
    let mut headers = HeaderMap::new();
    headers.insert("credentials-bin", HeaderValue::from_str(credentials).ok()?);
    let metadata = MetadataMap::from_headers(headers);
    let decoded = metadata.get_bin("credentials-bin")?.to_bytes().ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// Compares in a time that does not tell where two texts of one length differ.
pub fn same_secret(one: &str, other: &str) -> bool {
    bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}

/// The answer to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Granted,
    Missing,
    Wrong,
}

impl Admission {
    /// Why a call is refused, and what to do.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Granted => None,
            Self::Missing => Some(
                "this cluster asks for a token: set SPRINGALD_TOKEN, or SPRINGALD_TOKEN_FILE, to the cluster's",
            ),
            Self::Wrong => Some(
                "this is not the cluster's token: look at SPRINGALD_TOKEN or SPRINGALD_TOKEN_FILE on both sides",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Security> {
        Security::from(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_a_token_everybody_may_call() {
        let open = with(&[]).unwrap();
        assert_eq!(open.admits(None, None), Admission::Granted);
        assert_eq!(open.user_agent(), format!("springald/{VERSION}"));
    }

    #[test]
    fn the_token_goes_in_either_header() {
        let security = with(&[("SPRINGALD_TOKEN", "abc")]).unwrap();
        let agent = format!("{} tonic/0.14", security.user_agent());
        assert_eq!(security.admits(None, Some(&agent)), Admission::Granted);
        assert_eq!(
            security.admits(Some("Bearer abc"), None),
            Admission::Granted
        );
        for (authorization, expected) in [
            (None, Admission::Missing),
            (Some("Bearer ab"), Admission::Wrong),
            (Some("Bearer abcd"), Admission::Wrong),
            (Some("Bearer "), Admission::Wrong),
            (Some("Basic abc"), Admission::Missing),
            // Of any:abc, any:abcd, and abc
            (Some("Basic YW55OmFiYw=="), Admission::Granted),
            (Some("basic YW55OmFiYw"), Admission::Granted),
            (Some("Basic YW55OmFiY2Q="), Admission::Wrong),
            (Some("Basic YWJj"), Admission::Missing),
            (Some("bearer abc/session"), Admission::Granted),
            (Some("Bearer ab/c"), Admission::Wrong),
            (Some("Bearer /abc"), Admission::Wrong),
        ] {
            let given = security.admits(authorization, Some("springald/9"));
            assert_eq!(given, expected, "{authorization:?}");
        }
    }

    #[test]
    fn a_session_is_named_behind_the_token() {
        for (security, bearer) in [
            (
                with(&[("SPRINGALD_TOKEN", "abc")]).unwrap(),
                "Bearer abc/s1",
            ),
            (Security::default(), "Bearer -/s1"),
        ] {
            assert_eq!(security.bearer_of_session("s1"), bearer);
            assert_eq!(session_of(bearer), Some("s1"));
            assert_eq!(security.admits(Some(bearer), None), Admission::Granted);
        }
        for none in ["Bearer abc", "Bearer abc/", "Basic YS9i", "abc/s1"] {
            assert_eq!(session_of(none), None, "{none}");
        }
    }

    #[test]
    fn half_a_setting_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let pem = dir.path().join("x.pem").display().to_string();
        assert!(with(&[("SPRINGALD_TOKEN_FILE", &pem)]).is_err());
        std::fs::write(&pem, "t0ken\n").unwrap();
        let read = with(&[("SPRINGALD_TOKEN_FILE", &pem)]).unwrap();
        assert_eq!(read.bearer().unwrap(), "Bearer t0ken");
        assert!(with(&[("SPRINGALD_TLS_CERT", &pem)]).is_err());
        assert!(with(&[("SPRINGALD_TLS_CERT", &pem), ("SPRINGALD_TLS_KEY", &pem)]).is_err());
        assert!(with(&[("SPRINGALD_TOKEN", "a b")]).is_err());
    }
}
