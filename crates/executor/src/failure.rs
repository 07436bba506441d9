//! What a user reads when a task fails.

use ballista_core::error::BallistaError;
use datafusion::error::DataFusionError;
use nix::errno::Errno;
use springald_core::{engine_message, find_ours};

/// The error of a task as its job tells it: in plain words, with `advice` where the memory did not suffice.
/// Errors after which the master tries the task again pass as they are; it knows them by their kind.
pub(crate) fn told(error: DataFusionError, advice: &str) -> DataFusionError {
    let bare = bare(&error);
    if is_full(&error.to_string()) {
        // An IO error would be tried again, on the same full volume.
        return DataFusionError::Execution(format!(
            "{}; free some space there, or write less, and run it again",
            engine_message(bare)
        ));
    }
    match root(bare) {
        DataFusionError::IoError(_) => error,
        DataFusionError::External(e) if e.is::<BallistaError>() => error,
        DataFusionError::ResourcesExhausted(_) => {
            DataFusionError::ResourcesExhausted(format!("{}; {advice}", engine_message(bare)))
        }
        _ => {
            let message = engine_message(bare);
            let hint = find_ours(bare).and_then(springald_core::Error::hint);
            DataFusionError::Execution(match hint {
                Some(hint) => format!("{message}; {hint}"),
                None => message,
            })
        }
    }
}

/// Whether it is the system's word that a volume, or the caller's share of it, is full. Writers wrap it in errors of their
/// own, some as text.
fn is_full(message: &str) -> bool {
    [Errno::ENOSPC, Errno::EDQUOT]
        .iter()
        .any(|code| message.contains(&format!("(os error {})", *code as i32)))
}

/// The error without the layers that shuffle writers put around it.
fn bare(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Shared(inner) => bare(inner),
        DataFusionError::External(inner) => match inner.downcast_ref() {
            Some(BallistaError::DataFusionError(inner)) => bare(inner),
            _ => error,
        },
        _ => error,
    }
}

/// What it all began with.
fn root(error: &DataFusionError) -> &DataFusionError {
    let found = error.find_root();
    let below = bare(found);
    if std::ptr::eq(found, below) {
        found
    } else {
        root(below)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use ballista_core::serde::protobuf::FailedTask;
    use ballista_core::serde::protobuf::failed_task::FailedReason;

    use super::*;

    /// As a shuffle writer hands it on.
    fn written(error: DataFusionError) -> DataFusionError {
        let ballista = BallistaError::DataFusionError(Box::new(error));
        DataFusionError::Shared(Arc::new(ballista.into_datafusion()))
    }

    fn failed(error: DataFusionError) -> FailedTask {
        BallistaError::from(told(error, "buy more")).into()
    }

    #[test]
    fn plain_words() {
        let e = DataFusionError::Execution("bad value `x`".to_owned()).context("line 3");
        assert_eq!(
            told(written(e), "").strip_backtrace(),
            "Execution error: line 3: bad value `x`"
        );
        let ours = springald_core::Error::failed("no such path").with_hint("mount the volume");
        let e = told(written(ours.into()), "").to_string();
        assert!(e.ends_with("no such path; mount the volume"), "{e}");
    }

    #[test]
    fn memory_comes_with_advice() {
        let e = DataFusionError::ResourcesExhausted("no 10 MB".to_owned()).context("joining");
        let e = told(written(e), "buy more");
        assert!(matches!(e, DataFusionError::ResourcesExhausted(_)), "{e:?}");
        let text = e.to_string();
        assert!(
            text.contains("joining") && text.contains("no 10 MB; buy more"),
            "{text}"
        );
    }

    #[test]
    fn a_full_volume_is_no_fuller_for_a_second_try() {
        let full = io::Error::from_raw_os_error(Errno::ENOSPC as i32);
        let e = failed(written(full.into()));
        assert!(!e.retryable, "{e:?}");
        assert!(e.error.contains("No space left"), "{}", e.error);
        assert!(e.error.contains("free some space"), "{}", e.error);
    }

    #[test]
    fn what_is_tried_again_keeps_its_kind() {
        let io = failed(written(io::Error::other("unplugged").into()));
        assert!(io.retryable, "{io:?}");
        let lost = BallistaError::FetchFailed("w1".to_owned(), 1, 2, "gone".to_owned());
        let lost = failed(written(lost.into_datafusion().context("reading")));
        assert!(
            matches!(
                lost.failed_reason,
                Some(FailedReason::FetchPartitionError(_))
            ),
            "{lost:?}"
        );
    }
}
