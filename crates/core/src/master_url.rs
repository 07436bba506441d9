//! Where a session's work runs.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The port of a master when its URL names none.
pub const DEFAULT_PORT: u16 = 7077;

/// A master URL: `local[4]`, `local[*]`, `local-cluster[2,1]` or `springald://host:7077`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterUrl {
    /// In this process, on plain DataFusion, with so many threads (`None`: one for each core).
    Local { threads: Option<usize> },
    /// A master and workers as child processes on loopback, for as long as the session lives.
    LocalCluster { workers: usize, cores: usize },
    /// A running cluster.
    Cluster { host: String, port: u16 },
}

impl MasterUrl {
    /// `$SPRINGALD_MASTER`, else `local[*]`.
    pub fn from_environment() -> Result<Self> {
        match std::env::var("SPRINGALD_MASTER") {
            Ok(url) if !url.is_empty() => url.parse(),
            _ => Ok(Self::Local { threads: None }),
        }
    }
}

impl FromStr for MasterUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text.trim()).ok_or_else(|| {
            Error::invalid(format!("`{text}` is not a master URL")).with_hint(
                "use local[4], local[*], local-cluster[WORKERS,CORES] or springald://HOST:7077",
            )
        })
    }
}

fn parse(text: &str) -> Option<MasterUrl> {
    if text == "local" {
        return Some(MasterUrl::Local { threads: Some(1) });
    }
    if let Some(inner) = bracketed(text, "local") {
        let threads = match inner {
            "*" => None,
            n => Some(positive(n)?),
        };
        return Some(MasterUrl::Local { threads });
    }
    if let Some(inner) = bracketed(text, "local-cluster") {
        let (workers, cores) = inner.split_once(',')?;
        return Some(MasterUrl::LocalCluster {
            workers: positive(workers)?,
            cores: positive(cores)?,
        });
    }
    let address = text.strip_prefix("springald://")?.trim_end_matches('/');
    let (host, port) = match address.rsplit_once(':') {
        // `[::1]` is an IPv6 address without a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, DEFAULT_PORT),
    };
    let valid = !host.is_empty() && !host.contains(['/', '@', ' ', '?', '#']);
    valid.then(|| MasterUrl::Cluster {
        host: host.to_owned(),
        port,
    })
}

fn bracketed<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('[')?
        .strip_suffix(']')
}

fn positive(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|n| *n > 0)
}

impl fmt::Display for MasterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { threads: None } => write!(f, "local[*]"),
            Self::Local { threads: Some(n) } => write!(f, "local[{n}]"),
            Self::LocalCluster { workers, cores } => write!(f, "local-cluster[{workers},{cores}]"),
            Self::Cluster { host, port } => write!(f, "springald://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_round_trip() {
        for url in [
            "local[*]",
            "local[4]",
            "local-cluster[2,1]",
            "springald://master:7077",
            "springald://[::1]:7078",
        ] {
            assert_eq!(url.parse::<MasterUrl>().unwrap().to_string(), url);
        }
        assert_eq!(
            "springald://master"
                .parse::<MasterUrl>()
                .unwrap()
                .to_string(),
            "springald://master:7077"
        );
        assert_eq!(
            "local".parse::<MasterUrl>().unwrap().to_string(),
            "local[1]"
        );
    }

    #[test]
    fn wrong_urls_are_refused() {
        for url in [
            "",
            "local[0]",
            "local[x]",
            "spark://m:7077",
            "springald://",
            "local-cluster[2]",
            "springald://m:x",
        ] {
            assert!(url.parse::<MasterUrl>().is_err(), "{url}");
        }
    }
}
