//! What to do with a job when something happens to its attempt: the decisions of the guard above the
//! planner, without clocks, channels or Ballista.
//!
//! ```text
//!            ┌───────── again (a worker was lost, no progress, …) ──────────┐
//!            ▼                                                              │
//! begin ─▶ live ── succeeded, failed, stopped, or no attempt left ─▶ over   │
//!            └── lost ─▶ ending ── the attempt is out of the way ───────────┘
//! ```

use std::fmt;

/// Why an attempt cannot be trusted to end, or to end with the right rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A worker that ran a task of the attempt, or holds its shuffle output, is gone.
    WorkerLost { worker: String },
    /// A task could not read shuffle output.
    FetchFailed { reader: String, error: String },
    /// The worker no longer has a task that the master believes it runs.
    TaskLost { worker: String },
    /// Nothing of the attempt runs and nothing of it begins, though cores are free.
    Stalled,
    /// A task that writes files failed; its half-written files would be counted if it were only retried.
    WriteFailed { worker: String, error: String },
    /// It succeeded without its last stage; see `planning.rs`.
    EndedEarly,
    /// One side of a hash join did not fit into memory; joins that sort can spill.
    JoinTooLarge,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkerLost { worker } => write!(f, "worker {worker} was lost"),
            Self::FetchFailed { reader, error } => {
                write!(f, "worker {reader} could not read shuffled data: {error}")
            }
            Self::TaskLost { worker } => write!(f, "worker {worker} lost a task"),
            Self::Stalled => f.write_str("the job made no progress though cores were free"),
            Self::WriteFailed { worker, error } => write!(f, "{error} (on worker {worker})"),
            Self::EndedEarly => f.write_str("the planner left out a stage"),
            Self::JoinTooLarge => f.write_str("one side of a hash join did not fit into memory"),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed(String),
    Cancelled(String),
}

/// What happened to the live attempt, or to the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Ballista finished the attempt. `cause` says why its rows cannot be trusted, if they cannot.
    Succeeded { cause: Option<Cause> },
    /// Ballista failed the attempt. `cause` says why another attempt may fare better, if it may.
    Failed {
        message: String,
        cause: Option<Cause>,
    },
    /// The attempt runs on, but cannot be trusted any more.
    Lost(Cause),
    /// The job has to end: cancelled, timed out, waited too long, its client left, the master stops.
    Stop(Outcome),
    /// The attempt that was being ended is out of the way.
    Out,
}

/// What the driver has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    /// End the attempt, then report [`Event::Out`].
    End,
    /// Submit the plan again as attempt number `.0`.
    Submit(u32),
    /// Tell the client. `end`: the attempt still runs and must be ended too.
    Finish {
        outcome: Outcome,
        end: bool,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Live,
    Ending,
    Over,
}

/// The state of one job.
#[derive(Debug)]
pub(crate) struct Machine {
    phase: Phase,
    attempt: u32,
    max_attempts: u32,
}

impl Machine {
    /// A job whose first attempt is submitted by the caller.
    pub(crate) fn new(max_attempts: u32) -> Self {
        Self {
            phase: Phase::Live,
            attempt: 1,
            max_attempts: max_attempts.max(1),
        }
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Whether there is another attempt if this one fails.
    pub(crate) fn may_repeat(&self) -> bool {
        self.attempt < self.max_attempts
    }

    /// The job has shown that a second attempt would not be safe.
    pub(crate) fn forbid_retry(&mut self) {
        self.max_attempts = self.attempt;
    }

    pub(crate) fn on(&mut self, event: Event) -> Step {
        match (&self.phase, event) {
            (Phase::Over, _) => Step::Nothing,
            (Phase::Live, Event::Succeeded { cause: None }) => {
                self.finish(Outcome::Succeeded, false)
            }
            (
                Phase::Live,
                Event::Failed {
                    message,
                    cause: None,
                },
            ) => self.finish(Outcome::Failed(message), false),
            (
                Phase::Live,
                Event::Succeeded { cause: Some(cause) }
                | Event::Failed {
                    cause: Some(cause), ..
                }
                | Event::Lost(cause),
            ) => {
                if self.may_repeat() {
                    self.phase = Phase::Ending;
                    Step::End
                } else {
                    let message = self.give_up(&cause);
                    self.finish(Outcome::Failed(message), true)
                }
            }
            (Phase::Live, Event::Stop(outcome)) => self.finish(outcome, true),
            // The driver goes on ending the attempt by itself.
            (Phase::Ending, Event::Stop(outcome)) => self.finish(outcome, false),
            (Phase::Ending, Event::Out) => {
                self.phase = Phase::Live;
                self.attempt += 1;
                Step::Submit(self.attempt)
            }
            // Whatever a dying attempt still says, and an `Out` that nobody waits for.
            (Phase::Ending, _) | (Phase::Live, Event::Out) => Step::Nothing,
        }
    }

    fn finish(&mut self, outcome: Outcome, end: bool) -> Step {
        self.phase = Phase::Over;
        Step::Finish { outcome, end }
    }

    fn give_up(&self, cause: &Cause) -> String {
        let hint = match cause {
            Cause::WorkerLost { .. } => ": look whether it was killed for lack of memory",
            _ => "",
        };
        match self.attempt {
            1 => format!("{cause}; the job was not run again{hint}"),
            n => format!("{cause}; gave up after {n} attempts{hint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Cause {
        Cause::WorkerLost {
            worker: "w:1".into(),
        }
    }

    fn failed(message: &str) -> Event {
        Event::Failed {
            message: message.into(),
            cause: None,
        }
    }

    #[test]
    fn a_plain_success_and_a_plain_failure_end_the_job() {
        let mut job = Machine::new(4);
        assert_eq!(
            job.on(Event::Succeeded { cause: None }),
            Step::Finish {
                outcome: Outcome::Succeeded,
                end: false
            }
        );
        assert_eq!(job.on(failed("late")), Step::Nothing);

        let mut job = Machine::new(4);
        let step = job.on(failed("divide by zero"));
        assert_eq!(
            step,
            Step::Finish {
                outcome: Outcome::Failed("divide by zero".into()),
                end: false
            }
        );
        assert_eq!(job.on(Event::Lost(lost())), Step::Nothing);
    }

    #[test]
    fn a_lost_worker_ends_the_attempt_first_and_then_runs_it_again() {
        let mut job = Machine::new(4);
        assert_eq!(job.on(Event::Lost(lost())), Step::End);
        // what the dying attempt says does not count
        assert_eq!(job.on(failed("Cancelled")), Step::Nothing);
        assert_eq!(job.on(Event::Succeeded { cause: None }), Step::Nothing);
        assert_eq!(job.on(Event::Lost(lost())), Step::Nothing);
        assert_eq!(job.on(Event::Out), Step::Submit(2));
        assert_eq!(job.attempt(), 2);
        assert!(matches!(
            job.on(Event::Succeeded { cause: None }),
            Step::Finish {
                outcome: Outcome::Succeeded,
                ..
            }
        ));
    }

    #[test]
    fn rows_of_an_attempt_that_lost_a_worker_are_not_used() {
        let mut job = Machine::new(2);
        let step = job.on(Event::Succeeded {
            cause: Some(lost()),
        });
        assert_eq!(step, Step::End);
    }

    #[test]
    fn attempts_are_bounded_and_the_message_says_so() {
        let mut job = Machine::new(2);
        assert_eq!(job.on(Event::Lost(lost())), Step::End);
        assert_eq!(job.on(Event::Out), Step::Submit(2));
        match job.on(Event::Lost(Cause::Stalled)) {
            Step::Finish {
                outcome: Outcome::Failed(message),
                end: true,
            } => assert!(message.ends_with("gave up after 2 attempts"), "{message}"),
            step => panic!("{step:?}"),
        }
    }

    #[test]
    fn a_job_that_may_not_be_repeated_is_not() {
        let mut job = Machine::new(4);
        job.forbid_retry();
        assert!(matches!(
            job.on(Event::Lost(lost())),
            Step::Finish { end: true, .. }
        ));
    }

    #[test]
    fn stopping_wins_in_every_phase() {
        let stop = || Event::Stop(Outcome::Cancelled("by its client".into()));
        let mut live = Machine::new(4);
        assert!(matches!(live.on(stop()), Step::Finish { end: true, .. }));
        let mut ending = Machine::new(4);
        ending.on(Event::Lost(lost()));
        assert!(matches!(ending.on(stop()), Step::Finish { end: false, .. }));
        assert_eq!(ending.on(Event::Out), Step::Nothing);
    }
}
