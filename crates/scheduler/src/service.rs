//! The gRPC service of the master: Ballista's, with the guard and the books before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_core::serde::protobuf::{
    CancelJobParams, CancelJobResult, CleanJobDataParams, CleanJobDataResult,
    CreateUpdateSessionParams, CreateUpdateSessionResult, ExecuteQueryParams, ExecuteQueryResult,
    ExecuteQuerySuccessResult, ExecutorRegistration, ExecutorStoppedParams, ExecutorStoppedResult,
    GetJobMetricsParams, GetJobMetricsResult, GetJobStatusParams, GetJobStatusResult,
    HeartBeatParams, HeartBeatResult, PollWorkParams, PollWorkResult, RegisterExecutorParams,
    RegisterExecutorResult, RemoveSessionParams, RemoveSessionResult, TaskStatus,
    UpdateTaskStatusParams, UpdateTaskStatusResult, execute_query_result, executor_status,
};
use ballista_core::version::insert_version_header;
use futures::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::Ballista;
use crate::handshake::{self, Peer};
use crate::jobs::Board;
use crate::ledger::{Deliver, Ledger};
use crate::workers::Workers;

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) ballista: Arc<Ballista>,
    pub(crate) board: Arc<Board>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) workers: Arc<Workers>,
}

impl Service {
    /// A worker that comes with the address of another has taken its place.
    async fn remove_predecessors(&self, worker: &ExecutorRegistration, caller: Option<SocketAddr>) {
        let host = match (&worker.host, caller) {
            (Some(host), _) => host.clone(),
            (None, Some(caller)) => caller.ip().to_string(),
            (None, None) => return,
        };
        for id in self
            .ledger
            .predecessors(&worker.id, &host, worker.port as u16)
        {
            self.workers
                .remove(&id, "another worker registered under its address")
                .await;
        }
    }
}

#[tonic::async_trait]
impl SchedulerGrpc for Service {
    type ExecuteQueryPushStream =
        Pin<Box<dyn Stream<Item = Result<GetJobStatusResult, Status>> + Send>>;

    async fn execute_query_push(
        &self,
        request: Request<ExecuteQueryParams>,
    ) -> Result<Response<Self::ExecuteQueryPushStream>, Status> {
        handshake::check(request.metadata(), Peer::Client)?;
        let job = self
            .board
            .submit(request.into_inner(), true)
            .map_err(refused)?;
        let statuses = ReceiverStream::new(job.statuses).map(Ok);
        Ok(versioned(Box::pin(statuses) as Self::ExecuteQueryPushStream))
    }

    async fn execute_query(
        &self,
        request: Request<ExecuteQueryParams>,
    ) -> Result<Response<ExecuteQueryResult>, Status> {
        handshake::check(request.metadata(), Peer::Client)?;
        let params = request.into_inner();
        let (operation_id, session_id) = (params.operation_id.clone(), params.session_id.clone());
        let job = self.board.submit(params, false).map_err(refused)?;
        let success = ExecuteQuerySuccessResult {
            job_id: job.id,
            session_id,
        };
        Ok(versioned(ExecuteQueryResult {
            operation_id,
            result: Some(execute_query_result::Result::Success(success)),
        }))
    }

    async fn get_job_status(
        &self,
        request: Request<GetJobStatusParams>,
    ) -> Result<Response<GetJobStatusResult>, Status> {
        let id = &request.get_ref().job_id;
        // Workers ask by the name that they know, an attempt's.
        match self
            .board
            .status(id)
            .or_else(|| self.board.attempt_status(id))
        {
            Some(status) => Ok(Response::new(status)),
            None => SchedulerGrpc::get_job_status(self.ballista.as_ref(), request).await,
        }
    }

    async fn get_job_metrics(
        &self,
        request: Request<GetJobMetricsParams>,
    ) -> Result<Response<GetJobMetricsResult>, Status> {
        let id = request.into_inner().job_id;
        let job_id = self
            .board
            .current_attempt(&id)
            .ok_or_else(|| unknown(&id))?;
        let request = Request::new(GetJobMetricsParams { job_id });
        SchedulerGrpc::get_job_metrics(self.ballista.as_ref(), request).await
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobParams>,
    ) -> Result<Response<CancelJobResult>, Status> {
        let id = request.into_inner().job_id;
        let cancelled = self
            .board
            .cancel(&id, "its client")
            .ok_or_else(|| unknown(&id))?;
        Ok(Response::new(CancelJobResult { cancelled }))
    }

    async fn clean_job_data(
        &self,
        request: Request<CleanJobDataParams>,
    ) -> Result<Response<CleanJobDataResult>, Status> {
        self.board.remove_data(&request.into_inner().job_id);
        Ok(Response::new(CleanJobDataResult {}))
    }

    async fn register_executor(
        &self,
        request: Request<RegisterExecutorParams>,
    ) -> Result<Response<RegisterExecutorResult>, Status> {
        handshake::check(request.metadata(), Peer::Worker)?;
        if let Some(worker) = &request.get_ref().metadata {
            // It begins anew, so what it ran or held before is gone, whether it was missed or not.
            if self.ledger.knows_worker(&worker.id) {
                self.workers.remove(&worker.id, "it registered again").await;
            }
            self.remove_predecessors(worker, caller(&request)).await;
        }
        let registered = SchedulerGrpc::register_executor(self.ballista.as_ref(), request).await;
        self.workers.watch_new();
        registered.map_err(|e| match e.message().contains("could not connect") {
            true => Status::unavailable(format!(
                "the master cannot reach this worker under the address it gave ({}): start it with a --host that the master reaches",
                e.message()
            )),
            false => e,
        })
    }

    async fn heart_beat_from_executor(
        &self,
        request: Request<HeartBeatParams>,
    ) -> Result<Response<HeartBeatResult>, Status> {
        handshake::check(request.metadata(), Peer::Worker)?;
        let beat = request.get_ref();
        let id = beat.executor_id.clone();
        let status = beat
            .status
            .as_ref()
            .and_then(|status| status.status.as_ref());
        let leaving = matches!(
            status,
            Some(executor_status::Status::Terminating(_) | executor_status::Status::Dead(_))
        );
        if !self.ledger.knows_worker(&id) {
            // Ballista registers whoever beats; one that is leaving has said good-bye already.
            if leaving {
                return Ok(Response::new(HeartBeatResult { reregister: false }));
            }
            if let Some(worker) = &beat.metadata {
                self.remove_predecessors(worker, caller(&request)).await;
            }
        }
        let answer =
            SchedulerGrpc::heart_beat_from_executor(self.ballista.as_ref(), request).await?;
        self.ledger.heard(&id, leaving);
        self.workers.watch_new();
        Ok(answer)
    }

    /// Each end of a task is handed on once, and one job at a time: Ballista counts a repetition's rows
    /// twice, and drops the rest of a batch when one job of it has gone wrong.
    async fn update_task_status(
        &self,
        request: Request<UpdateTaskStatusParams>,
    ) -> Result<Response<UpdateTaskStatusResult>, Status> {
        let UpdateTaskStatusParams {
            executor_id,
            task_status,
        } = request.into_inner();
        let mut jobs: BTreeMap<String, Vec<TaskStatus>> = BTreeMap::new();
        for status in task_status {
            match self.ledger.end(&executor_id, &status) {
                Deliver::Yes => {
                    self.board.measures.add(&status);
                    jobs.entry(status.job_id.clone()).or_default().push(status);
                }
                Deliver::No => log::debug!("a status of {} is not wanted any more", status.job_id),
            }
        }
        if jobs.is_empty() {
            self.workers.offer_again().await;
        }
        for task_status in jobs.into_values() {
            let params = UpdateTaskStatusParams {
                executor_id: executor_id.clone(),
                task_status,
            };
            SchedulerGrpc::update_task_status(self.ballista.as_ref(), Request::new(params)).await?;
        }
        Ok(Response::new(UpdateTaskStatusResult { success: true }))
    }

    async fn executor_stopped(
        &self,
        request: Request<ExecutorStoppedParams>,
    ) -> Result<Response<ExecutorStoppedResult>, Status> {
        let ExecutorStoppedParams {
            executor_id,
            reason,
        } = request.into_inner();
        self.workers
            .remove(&executor_id, &format!("it said good-bye: {reason}"))
            .await;
        Ok(Response::new(ExecutorStoppedResult {}))
    }

    async fn create_update_session(
        &self,
        request: Request<CreateUpdateSessionParams>,
    ) -> Result<Response<CreateUpdateSessionResult>, Status> {
        handshake::check(request.metadata(), Peer::Client)?;
        SchedulerGrpc::create_update_session(self.ballista.as_ref(), request).await
    }

    async fn remove_session(
        &self,
        request: Request<RemoveSessionParams>,
    ) -> Result<Response<RemoveSessionResult>, Status> {
        SchedulerGrpc::remove_session(self.ballista.as_ref(), request).await
    }

    async fn poll_work(
        &self,
        request: Request<PollWorkParams>,
    ) -> Result<Response<PollWorkResult>, Status> {
        SchedulerGrpc::poll_work(self.ballista.as_ref(), request).await
    }
}

fn caller<T>(request: &Request<T>) -> Option<SocketAddr> {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0)
}

fn refused(e: springald_core::Error) -> Status {
    Status::invalid_argument(e.message())
}

fn unknown(id: &str) -> Status {
    Status::not_found(format!("this master knows no job `{id}`"))
}

/// Ballista's clients refuse an answer that does not name the version of the engine.
fn versioned<T>(message: T) -> Response<T> {
    let mut response = Response::new(message);
    insert_version_header(response.metadata_mut());
    response
}
