//! Two clocks beside a running attempt: one that notices that nothing moves, one that counts how long the
//! job has waited for what the cluster does not offer. Both take the time as an argument.

use std::time::{Duration, Instant};

use springald_core::config::format_bytes;

/// An attempt of which nothing runs is nudged after this long.
const NUDGE_AFTER: Duration = Duration::from_secs(1);
/// And given up after this long.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// What the master sees of an attempt at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    /// Tasks begun and tasks ended since the attempt began.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) running: u32,
    /// Partitions that no task has taken yet; `None` while the attempt is planned or its graph is busy.
    pub(crate) pending: Option<usize>,
    /// A core is free that the job may use.
    pub(crate) free: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Offer the free cores again.
    Nudge,
    Stalled,
}

/// Notices an attempt that will never end by itself.
#[derive(Debug, Default)]
pub(crate) struct StallWatch {
    still: Option<(Instant, u64, u64)>,
}

impl StallWatch {
    pub(crate) fn look(&mut self, now: Instant, sight: Sight) -> Verdict {
        let idle = sight.running == 0
            && match sight.pending {
                None => false,
                Some(0) => true,
                Some(_) => sight.free,
            };
        if !idle {
            self.still = None;
            return Verdict::Fine;
        }
        let since = match self.still {
            Some((since, begun, ended)) if (begun, ended) == (sight.begun, sight.ended) => since,
            _ => {
                self.still = Some((now, sight.begun, sight.ended));
                now
            }
        };
        match now.saturating_duration_since(since) {
            idle if idle >= STALLED_AFTER => Verdict::Stalled,
            idle if idle >= NUDGE_AFTER => Verdict::Nudge,
            _ => Verdict::Fine,
        }
    }
}

/// Why no task of a job has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Waiting {
    NoWorker,
    /// `best` is the worker that offers most for a core, in bytes.
    Memory {
        asked: u64,
        best: Option<(String, u64)>,
    },
    Busy {
        cores: u32,
        jobs: usize,
    },
}

impl Waiting {
    /// For the client, while it waits.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NoWorker => "waiting for a worker: none is registered".into(),
            Self::Memory { asked, best } => {
                format!("waiting for memory: {}", memory(*asked, best.as_ref()))
            }
            Self::Busy { cores, jobs } => {
                let others = match jobs {
                    1 => "1 other job".into(),
                    n => format!("{n} other jobs"),
                };
                let cores = match cores {
                    1 => "the one core is".into(),
                    n => format!("all {n} cores are"),
                };
                format!("waiting for a free core: {cores} busy with {others}")
            }
        }
    }

    /// For the client, when it has waited long enough.
    fn give_up(&self, waited: Duration, master: &str) -> Option<String> {
        let seconds = waited.as_secs();
        match self {
            Self::NoWorker => Some(format!(
                "no worker has registered within {seconds} s: start one with `springald worker --master {master}`"
            )),
            Self::Memory { asked, best } => Some(format!(
                "no worker with enough memory within {seconds} s: {}; start a larger worker or lower the setting",
                memory(*asked, best.as_ref())
            )),
            Self::Busy { .. } => None,
        }
    }
}

fn memory(asked: u64, best: Option<&(String, u64)>) -> String {
    let offered = match best {
        Some((worker, bytes)) => {
            format!("the best worker, {worker}, offers {}", format_bytes(*bytes))
        }
        None => "no worker has said what it offers".into(),
    };
    format!(
        "the job asks for {} for each core (springald.job_memory_per_core), {offered}",
        format_bytes(asked)
    )
}

/// Counts the time that a job waited for something that must first be started by a person. Waiting its
/// turn behind other jobs does not count.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    waited: Duration,
    last: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            waited: Duration::ZERO,
            last: None,
        }
    }

    /// The message to fail with, once the limit is passed.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        waiting: Option<&Waiting>,
        master: &str,
    ) -> Option<String> {
        let counts = matches!(waiting, Some(Waiting::NoWorker | Waiting::Memory { .. }));
        if let (true, Some(last)) = (counts, self.last) {
            self.waited += now.saturating_duration_since(last);
        }
        self.last = counts.then_some(now);
        match waiting {
            Some(waiting) if counts && self.waited >= self.limit => {
                waiting.give_up(self.waited, master)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(running: u32, pending: Option<usize>, free: bool) -> Sight {
        Sight {
            begun: 3,
            ended: 3,
            running,
            pending,
            free,
        }
    }

    #[test]
    fn an_attempt_without_tasks_is_nudged_then_given_up() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut watch = StallWatch::default();
        let idle = sight(0, Some(0), true);
        assert_eq!(watch.look(at(0), idle), Verdict::Fine);
        assert_eq!(watch.look(at(1500), idle), Verdict::Nudge);
        assert_eq!(watch.look(at(5000), idle), Verdict::Stalled);
    }

    #[test]
    fn movement_starts_the_clock_again() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut watch = StallWatch::default();
        let idle = sight(0, Some(2), true);
        watch.look(at(0), idle);
        let moved = Sight { ended: 4, ..idle };
        assert_eq!(watch.look(at(4000), moved), Verdict::Fine);
        assert_eq!(watch.look(at(6000), moved), Verdict::Nudge);
        assert_eq!(watch.look(at(6100), sight(1, Some(2), true)), Verdict::Fine);
        assert_eq!(watch.look(at(9900), moved), Verdict::Fine);
    }

    #[test]
    fn waiting_for_a_core_or_for_the_planner_is_no_stall() {
        let start = Instant::now();
        let late = start + Duration::from_secs(60);
        for quiet in [
            sight(0, Some(2), false),
            sight(0, None, true),
            sight(2, Some(0), true),
        ] {
            let mut watch = StallWatch::default();
            watch.look(start, quiet);
            assert_eq!(watch.look(late, quiet), Verdict::Fine);
        }
    }

    #[test]
    fn patience_counts_only_what_a_person_must_mend() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut patience = Patience::new(Duration::from_secs(60));
        let busy = Waiting::Busy { cores: 2, jobs: 1 };
        let url = "springald://m:7077";
        assert_eq!(patience.look(at(0), Some(&busy), url), None);
        assert_eq!(patience.look(at(600), Some(&busy), url), None);
        assert_eq!(patience.look(at(601), Some(&Waiting::NoWorker), url), None);
        assert_eq!(patience.look(at(660), Some(&Waiting::NoWorker), url), None);
        let message = patience
            .look(at(661), Some(&Waiting::NoWorker), url)
            .unwrap();
        assert!(message.contains("within 60 s"), "{message}");
        assert!(message.contains("--master springald://m:7077"), "{message}");
    }

    #[test]
    fn both_memory_figures_are_named() {
        let waiting = Waiting::Memory {
            asked: 4 << 30,
            best: Some(("w:1".into(), 1 << 30)),
        };
        let message = waiting.message();
        assert!(
            message.contains("4.0 GiB") && message.contains("1.0 GiB"),
            "{message}"
        );
    }
}
