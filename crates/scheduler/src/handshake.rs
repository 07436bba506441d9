//! Master, workers and clients run one version, or refuse each other with both versions named. The version
//! travels in the user agent of every gRPC call.

use springald_core::protocol::VERSION;
use tonic::Status;
use tonic::metadata::MetadataMap;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    Worker,
    Client,
}

/// Refuses a call of another version, or of something that is not Springald at all.
pub(crate) fn check(metadata: &MetadataMap, peer: Peer) -> Result<(), Status> {
    let agent = metadata
        .get("user-agent")
        .and_then(|value| value.to_str().ok());
    let product = agent
        .unwrap_or_default()
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let version = product.strip_prefix("springald/");
    if version == Some(VERSION) {
        return Ok(());
    }
    let peer = match peer {
        Peer::Worker => "worker",
        Peer::Client => "client",
    };
    let runs = match version {
        Some(version) => format!("Springald {version}"),
        None => "something else".to_owned(),
    };
    Err(Status::failed_precondition(format!(
        "this master runs Springald {VERSION}, this {peer} {runs}: install the same version on both"
    )))
}

#[cfg(test)]
mod tests {
    use springald_core::Security;

    use super::*;

    fn agent(value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("user-agent", value.parse().unwrap());
        metadata
    }

    #[test]
    fn the_same_version_passes() {
        let ours = Security::default().user_agent();
        check(&agent(&ours), Peer::Worker).unwrap();
        check(
            &agent(&format!("{ours} token/x tonic/0.14.9")),
            Peer::Client,
        )
        .unwrap();
    }

    #[test]
    fn others_are_refused_with_both_versions() {
        let e = check(&agent("springald/0.0.7 tonic/0.14.9"), Peer::Worker).unwrap_err();
        assert_eq!(e.code(), tonic::Code::FailedPrecondition);
        assert_eq!(
            e.message(),
            format!(
                "this master runs Springald {VERSION}, this worker Springald 0.0.7: install the same version on both"
            )
        );
        assert!(check(&agent(&format!("springald/{VERSION}0")), Peer::Client).is_err());
        assert!(check(&agent("tonic/0.14.9"), Peer::Client).is_err());
        assert!(check(&MetadataMap::new(), Peer::Client).is_err());
    }
}
