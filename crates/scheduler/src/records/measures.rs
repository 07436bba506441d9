//! What the tasks of a running attempt measured, operator by operator. Ballista keeps it as well, but counts what
//! several partitions of one task share once for each of them.

use std::collections::{BTreeMap, HashMap};

use ballista_core::serde::protobuf::operator_metric::Metric;
use ballista_core::serde::protobuf::{OperatorMetricsSet, TaskStatus, task_status};
use parking_lot::Mutex;

/// The attempts that are measured, by Ballista's id.
#[derive(Default)]
pub(crate) struct Measures {
    attempts: Mutex<HashMap<String, AttemptMeasures>>,
}

/// The stages of an attempt, by id.
pub(crate) type AttemptMeasures = HashMap<u32, StageMeasures>;

/// The operators of a stage, in the order of its plan from the top; those that measure nothing are not among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StageMeasures {
    /// A stage that is run again begins anew.
    attempt: u32,
    pub(crate) operators: Vec<OperatorMeasures>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OperatorMeasures {
    pub(crate) rows: Option<u64>,
    pub(crate) cpu_ns: Option<u64>,
    pub(crate) spilled_bytes: Option<u64>,
    /// Sums, and the highest of what is a level; times are in nanoseconds.
    pub(crate) others: BTreeMap<String, u64>,
}

impl Measures {
    pub(crate) fn open(&self, attempt: &str) {
        let mut attempts = self.attempts.lock();
        attempts.insert(attempt.to_owned(), AttemptMeasures::new());
    }

    pub(crate) fn close(&self, attempt: &str) {
        self.attempts.lock().remove(attempt);
    }

    /// Adds what a task measured that has ended well.
    pub(crate) fn add(&self, status: &TaskStatus) {
        let Some(task_status::Status::Successful(_)) = status.status else {
            return;
        };
        let mut attempts = self.attempts.lock();
        if let Some(attempt) = attempts.get_mut(&status.job_id) {
            let stage = attempt.entry(status.stage_id).or_default();
            stage.add(status.stage_attempt_num, &status.metrics);
        }
    }

    pub(crate) fn of(&self, attempt: &str) -> AttemptMeasures {
        self.attempts
            .lock()
            .get(attempt)
            .cloned()
            .unwrap_or_default()
    }
}

impl StageMeasures {
    fn add(&mut self, attempt: u32, operators: &[OperatorMetricsSet]) {
        if attempt < self.attempt {
            return;
        }
        if attempt > self.attempt {
            *self = Self {
                attempt,
                ..Self::default()
            };
        }
        if self.operators.is_empty() {
            self.operators
                .resize_with(operators.len(), Default::default);
        }
        // A task of another plan would be added to the wrong operators.
        if self.operators.len() != operators.len() {
            return;
        }
        for (sum, operator) in self.operators.iter_mut().zip(operators) {
            let metrics = operator.metrics.iter();
            metrics
                .filter_map(|metric| metric.metric.as_ref())
                .for_each(|metric| sum.add(metric));
        }
    }
}

impl OperatorMeasures {
    /// The names are those that DataFusion prints.
    fn add(&mut self, metric: &Metric) {
        let add = |sum: &mut Option<u64>, value: &u64| *sum = Some(sum.unwrap_or(0) + value);
        match metric {
            Metric::OutputRows(rows) => add(&mut self.rows, rows),
            Metric::ElapseTime(ns) => add(&mut self.cpu_ns, ns),
            Metric::SpilledBytes(bytes) => add(&mut self.spilled_bytes, bytes),
            Metric::SpillCount(count) => self.sum("spill_count", *count),
            Metric::SpilledRows(rows) => self.sum("spilled_rows", *rows),
            Metric::OutputBytes(bytes) => self.sum("output_bytes", *bytes),
            Metric::OutputBatches(batches) => self.sum("output_batches", *batches),
            Metric::Count(count) => self.sum(&count.name, count.value),
            Metric::Time(time) => self.sum(&time.name, time.value),
            Metric::PruningMetrics(metric) => {
                self.sum(&format!("{}_pruned", metric.name), metric.pruned);
                self.sum(&format!("{}_matched", metric.name), metric.matched);
            }
            Metric::Gauge(level) => self.highest(&level.name, level.value),
            Metric::CurrentMemoryUsage(bytes) => self.highest("mem_used", *bytes),
            Metric::StartTimestamp(_) | Metric::EndTimestamp(_) | Metric::Ratio(_) => {}
        }
    }

    fn sum(&mut self, name: &str, amount: u64) {
        if amount > 0 {
            *self.others.entry(name.to_owned()).or_default() += amount;
        }
    }

    fn highest(&mut self, name: &str, level: u64) {
        let highest = self.others.entry(name.to_owned()).or_default();
        *highest = level.max(*highest);
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::{NamedCount, OperatorMetric, SuccessfulTask};

    use super::*;

    fn operator(metrics: Vec<Metric>) -> OperatorMetricsSet {
        let metric = |metric| OperatorMetric {
            metric: Some(metric),
            ..OperatorMetric::default()
        };
        OperatorMetricsSet {
            metrics: metrics.into_iter().map(metric).collect(),
        }
    }

    fn status(stage_attempt_num: u32, rows: u64, ended: task_status::Status) -> TaskStatus {
        let files = NamedCount {
            name: "files".into(),
            value: 1,
        };
        let metrics = vec![
            operator(vec![Metric::OutputRows(rows), Metric::ElapseTime(5)]),
            operator(vec![Metric::SpilledBytes(3), Metric::Count(files)]),
        ];
        TaskStatus {
            job_id: "a".into(),
            stage_id: 2,
            stage_attempt_num,
            metrics,
            status: Some(ended),
            ..TaskStatus::default()
        }
    }

    #[test]
    fn what_tasks_measured_is_added_up() {
        let done = || task_status::Status::Successful(SuccessfulTask::default());
        let failed = task_status::Status::Failed(Default::default());
        let measures = Measures::default();
        measures.add(&status(0, 1, done()));
        assert!(measures.of("a").is_empty(), "nobody asked for it");
        measures.open("a");
        measures.add(&status(0, 10, done()));
        measures.add(&status(0, 5, done()));
        measures.add(&status(0, 100, failed));
        let stage = measures.of("a").remove(&2).unwrap();
        assert_eq!(stage.operators[0].rows, Some(15));
        assert_eq!(stage.operators[0].cpu_ns, Some(10));
        assert_eq!(stage.operators[1].rows, None);
        assert_eq!(stage.operators[1].spilled_bytes, Some(6));
        assert_eq!(stage.operators[1].others["files"], 2);

        measures.add(&status(1, 7, done()));
        measures.add(&status(0, 7, done()));
        assert_eq!(measures.of("a")[&2].operators[0].rows, Some(7));
        measures.close("a");
        assert!(measures.of("a").is_empty());
    }
}
