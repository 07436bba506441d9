//! Getting an attempt out of the way.

use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_core::serde::protobuf::JobStatus;
use ballista_core::serde::protobuf::job_status::Status;

use super::board::Board;

/// A cancellation is repeated when Ballista has not taken it for this long.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);
/// Tasks of an ended attempt have this long to stop before the next attempt begins.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Cancels an attempt and waits until it is out of the way: final in Ballista, and its tasks stopped.
pub(super) async fn end_attempt(board: &Board, id: &str) {
    board.ledger.close(id);
    let job = JobId::from(id);
    loop {
        let status = board.ballista.state.task_manager.get_job_status(&job).await;
        match status {
            Ok(Some(status)) if is_final(&status) => break,
            // Ballista does not hear a cancellation while it plans.
            Ok(Some(JobStatus {
                status: Some(Status::Queued(_)),
                ..
            })) => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(Some(_)) => {
                if let Err(e) = board.ballista.cancel_job(job.clone()).await {
                    log::error!("cancelling {id}: {e}");
                    break;
                }
                until_final(board, &job, CANCEL_AGAIN).await;
            }
            Ok(None) => break,
            Err(e) => {
                log::error!("the status of {id}: {e}");
                break;
            }
        }
    }
    let begun = Instant::now();
    while begun.elapsed() < STOP_WITHIN {
        let held = board.ledger.held(id);
        if held.is_empty() {
            break;
        }
        board.workers.cancel(held).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    board.workers.remove_data(id);
}

async fn until_final(board: &Board, job: &JobId, limit: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        match board.ballista.state.task_manager.get_job_status(job).await {
            Ok(Some(status)) if !is_final(&status) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            _ => return,
        }
    }
}

pub(super) fn is_final(status: &JobStatus) -> bool {
    matches!(
        status.status,
        Some(Status::Successful(_) | Status::Failed(_))
    )
}
