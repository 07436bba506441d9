//! What Prometheus is told: `GET /metrics`, of this master and through it of every worker. docs/monitoring.md lists the
//! names: they are an interface.

mod exposition;
mod requests;
mod scrape;

use std::sync::LazyLock;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use springald_core::protocol::{JobInfo, JobState};

use requests::RequestTimes;
pub(crate) use requests::timed;
pub(crate) use scrape::{Scrape, routes};

/// Seconds, from a small warm query to a long batch job.
const JOB_SECONDS: [f64; 12] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0, 600.0, 3600.0,
];

type Label = [(&'static str, &'static str); 1];

/// What is counted as it happens, in this process.
pub(crate) struct Metrics {
    /// Attempts after the first of a job.
    pub(crate) attempts_repeated: Counter,
    jobs_ended: Family<Label, Counter>,
    job_seconds: Histogram,
    wait_seconds: Histogram,
    tasks_ended: Family<Label, Counter>,
    requests: RequestTimes,
}

/// The counts of this process.
pub(crate) fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let metrics = Self {
            attempts_repeated: Counter::default(),
            jobs_ended: Family::default(),
            job_seconds: Histogram::new(JOB_SECONDS),
            wait_seconds: Histogram::new(JOB_SECONDS),
            tasks_ended: Family::default(),
            requests: RequestTimes::default(),
        };
        // A rate over what was never seen is nothing; over 0 it is 0.
        for state in [JobState::Done, JobState::Failed, JobState::Cancelled] {
            drop(metrics.jobs_ended.get_or_create(&[("state", state.name())]));
        }
        for result in ["done", "failed"] {
            drop(metrics.tasks_ended.get_or_create(&[("result", result)]));
        }
        metrics
    }

    pub(crate) fn job_ended(&self, job: &JobInfo) {
        if !job.state.is_final() {
            return;
        }
        let labels = [("state", job.state.name())];
        self.jobs_ended.get_or_create(&labels).inc();
        let since = |ms: u64| ms.saturating_sub(job.submitted_at_ms) as f64 / 1000.0;
        if let Some(ended) = job.ended_at_ms {
            self.job_seconds.observe(since(ended));
        }
        if let Some(started) = job.started_at_ms {
            self.wait_seconds.observe(since(started));
        }
    }

    pub(crate) fn task_ended(&self, well: bool) {
        let result = if well { "done" } else { "failed" };
        self.tasks_ended.get_or_create(&[("result", result)]).inc();
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "jobs_ended",
            "Jobs that ended, by state: done, failed or cancelled",
            self.jobs_ended.clone(),
        );
        registry.register(
            "attempts_repeated",
            "Attempts of jobs that were begun again, because a worker was lost or nothing moved",
            self.attempts_repeated.clone(),
        );
        registry.register(
            "job_duration_seconds",
            "Time from the submission of a job to its end",
            self.job_seconds.clone(),
        );
        registry.register(
            "job_wait_seconds",
            "Time from the submission of a job to its first task",
            self.wait_seconds.clone(),
        );
        registry.register(
            "tasks_ended",
            "Tasks whose end the master was told, by result: done or failed",
            self.tasks_ended.clone(),
        );
        self.requests.register(registry);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode_registry;

    use super::*;

    #[test]
    fn ended_jobs_are_counted_with_their_times() {
        let metrics = Metrics::new();
        let mut job = JobInfo {
            id: "job-1".into(),
            name: "x".into(),
            session: "s".into(),
            state: JobState::Running,
            message: None,
            attempts: 1,
            submitted_at_ms: 1_000,
            started_at_ms: Some(1_500),
            ended_at_ms: Some(4_000),
            stages: 0,
            stages_done: 0,
            tasks: 0,
            tasks_running: 0,
            tasks_done: 0,
        };
        metrics.job_ended(&job);
        job.state = JobState::Failed;
        metrics.job_ended(&job);
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        encode_registry(&mut text, &registry).unwrap();
        for line in [
            "jobs_ended_total{state=\"failed\"} 1",
            "jobs_ended_total{state=\"done\"} 0",
            "job_duration_seconds_sum 3.0",
            "job_duration_seconds_count 1",
            "job_wait_seconds_sum 0.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
