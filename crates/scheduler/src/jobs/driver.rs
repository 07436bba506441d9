//! Carries out what the machine decides: submits attempts to Ballista, follows and ends them, and tells
//! the client.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{GetJobStatusResult, JobStatus, SuccessfulJob};
use futures::FutureExt;
use springald_core::engine_message;
use springald_core::protocol::{JobState, now_ms};
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;

use super::board::{AttemptIds, Board, Job, result};
use super::ending::{end_attempt, is_final};
use super::machine::{Cause, Event, Machine, Outcome, Step};
use super::message::clean;
use super::planning::Planning;
use super::query::{Prepared, Query, Writes, attempt_folder};
use super::recording::Notes;
use super::watch::{Patience, Sight, StallWatch, Verdict};
use crate::ledger::Terms;
use crate::metrics::metrics;

const TICK: Duration = Duration::from_millis(500);
/// Statuses that Ballista may send before they are taken; it drops what does not fit.
const STATUSES: usize = 64;

pub(super) struct Driver {
    board: Arc<Board>,
    job: Arc<Job>,
    query: Query,
    arrival: u64,
    machine: Machine,
    /// Closed by the client when it goes away; `None` when nobody listens, or all has been said.
    client: Option<mpsc::Sender<GetJobStatusResult>>,
    stopped: mpsc::UnboundedReceiver<Outcome>,
    deadline: Option<Deadline>,
    patience: Patience,
    /// Why there is more than one attempt.
    cause: Option<Cause>,
    /// Of the next attempt.
    planning: Planning,
}

struct Attempt {
    id: String,
    statuses: mpsc::Receiver<JobStatus>,
    /// The ledger has news of the attempt.
    changed: Arc<Notify>,
    stall: StallWatch,
    writes: Writes,
    success: Option<SuccessfulJob>,
    /// What its own end says against it.
    doubt: Option<Cause>,
    notes: Notes,
}

/// `springald.job_timeout_seconds`, if there is one.
#[derive(Clone, Copy)]
struct Deadline {
    at: tokio::time::Instant,
    limit: Duration,
}

enum Signal {
    Status(Option<JobStatus>),
    Changed,
    Tick,
    Stop(Outcome),
}

impl Driver {
    pub(super) fn new(
        board: Arc<Board>,
        job: Arc<Job>,
        query: Query,
        arrival: u64,
        client: Option<mpsc::Sender<GetJobStatusResult>>,
        stopped: mpsc::UnboundedReceiver<Outcome>,
    ) -> Self {
        let settings = &query.settings;
        let memory_per_core = match settings.job_max_attempts {
            0 | 1 => None,
            _ => board.ledger.least_memory_per_core(),
        };
        let limit = Duration::from_secs(settings.job_timeout_seconds);
        Self {
            machine: Machine::new(u32::try_from(settings.job_max_attempts).unwrap_or(u32::MAX)),
            deadline: (!limit.is_zero()).then(|| Deadline {
                at: tokio::time::Instant::now() + limit,
                limit,
            }),
            patience: Patience::new(Duration::from_secs(settings.job_wait_seconds)),
            board,
            job,
            query,
            arrival,
            client,
            stopped,
            cause: None,
            planning: Planning::first(memory_per_core),
        }
    }

    /// Runs the job to its end. The stop channel closes when its last task has been stopped, too.
    pub(super) async fn run(mut self) {
        let queued = self.job.record.lock().status.clone();
        self.tell(queued);
        let mut attempt = None;
        let mut step = Step::Submit(1);
        loop {
            step = match step {
                Step::Submit(number) => match self.begin(number).await {
                    Ok(begun) => {
                        let begun = attempt.insert(begun);
                        self.follow(begun).await
                    }
                    Err(message) => self.machine.on(Event::Failed {
                        message,
                        cause: None,
                    }),
                },
                Step::End => self.end(attempt.as_ref()).await,
                Step::Finish { outcome, end } => {
                    self.finish(outcome, attempt.as_mut());
                    if let Some(attempt) = attempt.as_ref().filter(|_| end) {
                        // The record is made when the tasks have stopped; its end is a fact by now.
                        let info = self.job.record.lock().info.clone();
                        self.board.journal.ended(info);
                        end_attempt(&self.board, &attempt.id).await;
                    }
                    self.board.seal(&self.job).await;
                    return;
                }
                // Only while ending, when the client has been told and the tasks have yet to stop.
                Step::Nothing => return,
            };
        }
    }

    async fn prepare(&self, number: u32) -> Result<Prepared, String> {
        // Decoding runs code of many formats over bytes from outside; a panic there fails this job only.
        let preparing = self
            .query
            .prepare(&self.board.ballista, number, self.planning);
        match AssertUnwindSafe(preparing).catch_unwind().await {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(e)) => Err(clean(&engine_message(&e))),
            Err(_) => Err("the master could not read the plan of this query; see its log".into()),
        }
    }

    /// Submits the plan as one more job of Ballista's.
    async fn begin(&mut self, number: u32) -> Result<Attempt, String> {
        let mut prepared = self.prepare(number).await?;
        if !prepared.writes.repeatable() {
            self.machine.forbid_retry();
            // There is no other attempt that could do with less.
            let cautious = Planning::first(None);
            if self.planning != cautious {
                self.planning = cautious;
                prepared = self.prepare(number).await?;
            }
        }
        let id = format!("{}-{number}", self.job.id);
        let terms = Terms {
            session: self.query.session.as_str().into(),
            arrival: self.arrival,
            memory_per_core: self.query.memory_per_core,
            writes: prepared.writes.leaves_files(),
        };
        let changed = self.board.ledger.open(&id, terms);
        self.board.measures.open(&id);
        let (info, begun) = {
            let record = &mut *self.job.record.lock();
            record.attempts.push(id.clone());
            record.info.attempts = number;
            record.info.state = JobState::Waiting;
            record.info.message = self.again();
            (record.info.clone(), record.begin_attempt(number))
        };
        self.board.journal.attempt(info, begun);
        self.board.changed();
        if number > 1 {
            metrics().attempts_repeated.inc();
        }
        let (subscriber, statuses) = mpsc::channel(STATUSES);
        let submission = self.board.ballista.submit_plan(
            &self.query.name,
            prepared.context,
            &prepared.plan,
            Some(subscriber),
        );
        if let Err(e) = AttemptIds::with(id.clone(), submission).await {
            self.board.ledger.close(&id);
            log::error!("submitting {id}: {e}");
            return Err("the master's scheduler has stopped: restart the master".into());
        }
        Ok(Attempt {
            id,
            statuses,
            changed,
            stall: StallWatch::default(),
            writes: prepared.writes,
            success: None,
            doubt: None,
            notes: Notes::default(),
        })
    }

    /// Follows an attempt until there is something to do.
    async fn follow(&mut self, attempt: &mut Attempt) -> Step {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let signal = tokio::select! {
                status = attempt.statuses.recv() => Signal::Status(status),
                () = attempt.changed.notified() => Signal::Changed,
                _ = tick.tick() => Signal::Tick,
                outcome = stop_signal(&mut self.stopped, self.client.as_ref(), self.deadline) => Signal::Stop(outcome),
            };
            let event = match signal {
                Signal::Status(Some(status)) => self.on_status(attempt, status).await,
                Signal::Status(None) => Some(self.on_silence(attempt).await),
                Signal::Changed => self.on_change(attempt),
                Signal::Tick => self.on_tick(attempt).await,
                Signal::Stop(outcome) => Some(Event::Stop(outcome)),
            };
            if let Some(Event::Lost(cause)) = &event {
                log::warn!("{}: {cause}", attempt.id);
            }
            let step = event.map_or(Step::Nothing, |event| self.machine.on(event));
            if step != Step::Nothing {
                return step;
            }
        }
    }

    async fn on_status(&mut self, attempt: &mut Attempt, status: JobStatus) -> Option<Event> {
        match status.status? {
            Status::Queued(_) | Status::Running(_) => None,
            Status::Successful(success) => {
                let mut cause = self.board.ledger.cause(&attempt.id);
                if cause.is_none()
                    && let Some(next) = self.planning.doubt(&success)
                {
                    log::warn!("{}: {}", attempt.id, Cause::EndedEarly);
                    self.planning = next;
                    cause = Some(Cause::EndedEarly);
                    attempt.doubt.clone_from(&cause);
                }
                attempt.success = Some(success);
                Some(Event::Succeeded { cause })
            }
            Status::Failed(failed) => Some(self.on_failure(attempt, &failed.error).await),
        }
    }

    /// A failed attempt is worth another if a worker was lost under it, even one that nobody missed yet.
    async fn on_failure(&mut self, attempt: &mut Attempt, error: &str) -> Event {
        let ledger = &self.board.ledger;
        if ledger.cause(&attempt.id).is_none() {
            self.board
                .workers
                .verify(&ledger.touched(&attempt.id))
                .await;
        }
        let mut cause = ledger.cause(&attempt.id);
        if cause.is_none()
            && self.machine.may_repeat()
            && let Some(next) = self.planning.with_less_memory(error)
        {
            log::warn!("{}: {}", attempt.id, Cause::JoinTooLarge);
            self.planning = next;
            cause = Some(Cause::JoinTooLarge);
            attempt.doubt.clone_from(&cause);
        }
        let mut message = clean(error);
        if let Some(worker) = ledger.last_failure(&attempt.id) {
            message = format!("{message} (on worker {worker})");
        }
        Event::Failed { message, cause }
    }

    /// Ballista let go of the attempt without a word.
    async fn on_silence(&mut self, attempt: &mut Attempt) -> Event {
        match self
            .board
            .ballista
            .state
            .task_manager
            .get_job_status(&attempt.id.as_str().into())
            .await
        {
            Ok(Some(status)) if is_final(&status) => {
                if let Some(event) = self.on_status(attempt, status).await {
                    return event;
                }
            }
            Ok(Some(JobStatus {
                status: Some(Status::Queued(_)),
                ..
            })) => {
                return Event::Failed {
                    message: "the master failed while it planned this query; see its log".into(),
                    cause: None,
                };
            }
            _ => {}
        }
        Event::Lost(Cause::Stalled)
    }

    fn on_change(&mut self, attempt: &Attempt) -> Option<Event> {
        if let Some(cause) = self.board.ledger.cause(&attempt.id) {
            return Some(Event::Lost(cause));
        }
        let record = &mut *self.job.record.lock();
        if record.info.state == JobState::Waiting
            && self.board.ledger.progress(&attempt.id).begun > 0
        {
            record.info.state = JobState::Running;
            record.info.message = self.again();
            if record.info.started_at_ms.is_none() {
                record.info.started_at_ms = Some(now_ms());
                let running = record.running();
                record.status = running.clone();
                self.tell(running);
            }
            self.board.journal.progress(record.info.clone());
            self.board.changed();
        }
        None
    }

    async fn on_tick(&mut self, attempt: &mut Attempt) -> Option<Event> {
        if let Some(event) = self.on_change(attempt) {
            return Some(event);
        }
        let ledger = &self.board.ledger;
        let progress = ledger.progress(&attempt.id);
        let waiting = match progress.running {
            0 => ledger.waiting(&attempt.id),
            _ => None,
        };
        let now = Instant::now();
        if let Some(message) = self
            .patience
            .look(now, waiting.as_ref(), &self.board.master)
        {
            return Some(Event::Stop(Outcome::Failed(message)));
        }
        {
            let info = &mut self.job.record.lock().info;
            let message = match (&waiting, info.state) {
                (Some(waiting), JobState::Waiting) => Some(waiting.message()),
                _ => self.again(),
            };
            if info.message != message {
                info.message = message;
                self.board.changed();
            }
        }
        let (board, job) = (&self.board, &self.job);
        attempt
            .notes
            .look(board, job, &attempt.id, progress.clone());
        let sight = Sight {
            begun: progress.begun,
            ended: progress.ended,
            running: progress.running,
            pending: self.pending(attempt),
            free: waiting.is_none(),
        };
        match attempt.stall.look(now, sight) {
            Verdict::Fine => None,
            Verdict::Nudge => {
                // The last word of an attempt may have been lost: Ballista drops it when it cannot send it.
                let id = attempt.id.as_str().into();
                match self
                    .board
                    .ballista
                    .state
                    .task_manager
                    .get_job_status(&id)
                    .await
                {
                    Ok(Some(status)) if is_final(&status) => self.on_status(attempt, status).await,
                    _ => {
                        self.board.workers.offer_again().await;
                        None
                    }
                }
            }
            Verdict::Stalled => Some(Event::Lost(Cause::Stalled)),
        }
    }

    /// Partitions that no task has taken, unless the attempt is planned or its graph is being changed.
    fn pending(&self, attempt: &Attempt) -> Option<usize> {
        let running = self
            .board
            .ballista
            .state
            .task_manager
            .get_running_job_cache();
        let graph = running
            .get(attempt.id.as_str())?
            .execution_graph
            .try_read()
            .ok()?;
        Some(graph.available_tasks())
    }

    /// Ends an attempt so that another may begin, or tells the client if it is asked to stop meanwhile.
    async fn end(&mut self, attempt: Option<&Attempt>) -> Step {
        let Some(attempt) = attempt else {
            return self.machine.on(Event::Out);
        };
        let board = Arc::clone(&self.board);
        let itself = attempt.doubt.clone().or(Some(Cause::Stalled));
        self.cause = board.ledger.cause(&attempt.id).or(itself);
        let (info, ended) = {
            let record = &mut *self.job.record.lock();
            let why = self.cause.as_ref().map(ToString::to_string);
            (record.info.clone(), record.end_attempt(why))
        };
        if let Some(ended) = ended {
            board.journal.attempt(info, ended);
        }
        let touched = board.ledger.touched(&attempt.id);
        let ending = async {
            tokio::join!(
                end_attempt(&board, &attempt.id),
                board.workers.verify(&touched)
            );
        };
        tokio::pin!(ending);
        let outcome = tokio::select! {
            () = &mut ending => {
                board.forget_measures(&attempt.id);
                return self.machine.on(Event::Out);
            }
            outcome = stop_signal(&mut self.stopped, self.client.as_ref(), self.deadline) => outcome,
        };
        let step = self.machine.on(Event::Stop(outcome));
        if let Step::Finish { outcome, .. } = step {
            self.finish(outcome, None);
            ending.await;
            self.board.seal(&self.job).await;
        }
        Step::Nothing
    }

    /// Closes the books of the job and tells its client, for which nothing remains to be said then.
    fn finish(&mut self, outcome: Outcome, attempt: Option<&mut Attempt>) {
        let mut staged = None;
        let mut success = None;
        let mut left_behind = "";
        if let Some(attempt) = attempt {
            self.board.ledger.close(&attempt.id);
            success = attempt.success.take();
            match &attempt.writes {
                Writes::Nothing | Writes::OneFile => {}
                Writes::Staged(folder) => {
                    staged = Some((
                        folder.clone(),
                        attempt_folder(folder, self.machine.attempt()),
                    ));
                }
                Writes::InPlace => left_behind = "; files that it wrote so far may be left behind",
            }
        }
        let status = {
            let record = &mut *self.job.record.lock();
            record.info.ended_at_ms = Some(now_ms());
            let (state, message, status) = match outcome {
                Outcome::Succeeded => {
                    let mut success = success.unwrap_or_default();
                    success.queued_at = record.info.submitted_at_ms;
                    record.info.started_at_ms.get_or_insert(success.started_at);
                    let status = record.with(Status::Successful(success));
                    (JobState::Done, None, status)
                }
                Outcome::Failed(message) => {
                    let message = message + left_behind;
                    let status = record.failed(message.clone());
                    (JobState::Failed, Some(message), status)
                }
                Outcome::Cancelled(message) => {
                    let message = message + left_behind;
                    let status = record.failed(message.clone());
                    (JobState::Cancelled, Some(message), status)
                }
            };
            record.end_attempt(message.clone());
            record.info.state = state;
            record.info.message = message;
            record.info.tasks_running = 0;
            record.status = status.clone();
            record.staged = staged;
            status
        };
        self.tell(status);
        self.client = None;
        self.board.changed();
    }

    /// For the record of a job in its second attempt or a later one.
    fn again(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        let (attempt, most) = (self.machine.attempt(), self.machine.max_attempts());
        Some(format!("attempt {attempt} of {most}: {cause}"))
    }

    fn tell(&self, status: JobStatus) {
        if let Some(client) = &self.client {
            // The channel has room for all that a job ever says; it fails only when the client is gone.
            let _ = client.try_send(result(status));
        }
    }
}

/// Waits for what ends a job from outside.
async fn stop_signal(
    stopped: &mut mpsc::UnboundedReceiver<Outcome>,
    client: Option<&mpsc::Sender<GetJobStatusResult>>,
    deadline: Option<Deadline>,
) -> Outcome {
    let gone = async {
        match client {
            Some(client) => client.closed().await,
            None => std::future::pending().await,
        }
    };
    let late = async {
        match deadline {
            Some(deadline) => {
                tokio::time::sleep_until(deadline.at).await;
                deadline.limit.as_secs()
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        Some(outcome) = stopped.recv() => outcome,
        () = gone => Outcome::Cancelled("cancelled: its client went away".into()),
        limit = late => Outcome::Failed(format!(
            "ran longer than its limit of {limit} s (springald.job_timeout_seconds)"
        )),
    }
}
