//! What this worker counts for Prometheus. The master asks for it when it is asked itself, and adds which worker it is.
//! docs/monitoring.md lists the names: they are an interface.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::ShuffleWritePartition;
use datafusion::physical_plan::metrics::MetricsSet;
use futures::{Stream, TryStreamExt};
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use springald_core::cache::{Reads, Usage};
use tonic::Status;

/// Seconds, from a small query's task to one of a large batch job.
const TASK_SECONDS: [f64; 11] = [
    0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0, 600.0,
];

type Label = [(&'static str, &'static str); 1];

/// Counts of this process, over all registrations.
#[derive(Default)]
pub(crate) struct Metrics {
    tasks_ended: Family<Label, Counter>,
    task_seconds: Seconds,
    fetch_seconds: Seconds,
    fetches: Counter,
    shuffle_written: Counter,
    shuffle_read: Counter,
    shuffle_served: Counter,
    spilled: Counter,
}

#[derive(Clone, Debug)]
struct Seconds(Histogram);

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(TASK_SECONDS))
    }
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);

/// What is so at the moment.
pub(crate) struct Now {
    pub(crate) cores: usize,
    pub(crate) tasks: usize,
    pub(crate) transfers: usize,
    /// In bytes, as all below.
    pub(crate) memory_limit: u64,
    pub(crate) memory_reserved: u64,
    pub(crate) memory_resident: u64,
    pub(crate) disk_free: u64,
    pub(crate) cached: Usage,
    pub(crate) cache_reads: Reads,
}

/// A task that runs. One that is dropped without a word was cancelled.
pub(crate) struct TaskTimer {
    since: Instant,
    result: &'static str,
}

impl TaskTimer {
    pub(crate) fn start() -> Self {
        Self {
            since: Instant::now(),
            result: "cancelled",
        }
    }

    /// Takes note of what the task wrote, and of what its operators measured.
    pub(crate) fn end<E>(
        mut self,
        written: &Result<Vec<ShuffleWritePartition>, E>,
        operators: &[MetricsSet],
    ) {
        self.result = match written {
            Ok(partitions) => {
                let bytes = partitions.iter().map(|partition| partition.num_bytes).sum();
                METRICS.shuffle_written.inc_by(bytes);
                "done"
            }
            Err(_) => "failed",
        };
        let mut fetching = Duration::ZERO;
        for metric in operators.iter().flat_map(MetricsSet::iter) {
            let value = metric.value();
            let number = || value.as_usize() as u64;
            match value.name() {
                // What operators call it, and what the writer of shuffled data does.
                "spilled_bytes" | "spill_bytes" => METRICS.spilled.inc_by(number()),
                "decoded_bytes" => METRICS.shuffle_read.inc_by(number()),
                "fetch_requests" => METRICS.fetches.inc_by(number()),
                "fetch_time" => {
                    fetching += Duration::from_nanos(number());
                    continue;
                }
                _ => continue,
            };
        }
        if !fetching.is_zero() {
            METRICS.fetch_seconds.0.observe(fetching.as_secs_f64());
        }
    }
}

impl Drop for TaskTimer {
    fn drop(&mut self) {
        let ended = [("result", self.result)];
        METRICS.tasks_ended.get_or_create(&ended).inc();
        METRICS
            .task_seconds
            .0
            .observe(self.since.elapsed().as_secs_f64());
    }
}

/// Something that goes to another worker, or to the master.
pub(crate) trait Sent {
    fn bytes(&self) -> usize;
}

impl Sent for arrow_flight::FlightData {
    fn bytes(&self) -> usize {
        self.data_header.len() + self.data_body.len()
    }
}

impl Sent for arrow_flight::Result {
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// The same stream, its bytes counted on their way.
pub(crate) fn served<T: Sent>(
    stream: impl Stream<Item = Result<T, Status>>,
) -> impl Stream<Item = Result<T, Status>> {
    stream.inspect_ok(|sent| {
        METRICS.shuffle_served.inc_by(sent.bytes() as u64);
    })
}

/// All of it in OpenMetrics' form, without the mark at its end.
pub(crate) fn text(now: &Now) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("springald_worker");
    let metrics = &*METRICS;
    let mut gauge = |name: &str, help: &str, value: u64| {
        registry.register(name, help, ConstGauge::new(value));
    };
    gauge("cores", "Tasks that run at a time", now.cores as u64);
    gauge("tasks_running", "Tasks that run now", now.tasks as u64);
    gauge(
        "transfers_open",
        "Transfers of shuffled data, results and cached data under way",
        now.transfers as u64,
    );
    gauge(
        "memory_limit_bytes",
        "Memory that tasks may reserve, and cached data take, together",
        now.memory_limit,
    );
    gauge(
        "memory_reserved_bytes",
        "Memory that tasks have reserved",
        now.memory_reserved,
    );
    gauge(
        "resident_memory_bytes",
        "Resident memory of the process",
        now.memory_resident,
    );
    gauge(
        "disk_free_bytes",
        "Free space on the disk of the work folder",
        now.disk_free,
    );

    let place = |place| vec![("place", place)];
    let cached = Family::<_, prometheus_client::metrics::gauge::Gauge>::default();
    let Usage { memory, disk } = now.cached;
    for (at, bytes) in [("memory", memory), ("disk", disk)] {
        cached.get_or_create(&place(at)).set(bytes as i64);
    }
    registry.register("cached_bytes", "Cached data held, by where it is", cached);
    let hits = Family::<_, Counter>::default();
    let Reads {
        memory,
        disk,
        missing,
    } = now.cache_reads;
    for (at, blocks) in [("memory", memory), ("disk", disk)] {
        hits.get_or_create(&place(at)).inc_by(blocks);
    }
    registry.register(
        "cache_hits",
        "Blocks of cached data read, by where they were",
        hits,
    );
    registry.register(
        "cache_misses",
        "Blocks of cached data asked for that were not there any more",
        ConstCounter::new(missing),
    );

    registry.register(
        "tasks_ended",
        "Tasks that ended, by result: done, failed or cancelled",
        metrics.tasks_ended.clone(),
    );
    registry.register(
        "task_duration_seconds",
        "Time from the beginning of a task to its end",
        metrics.task_seconds.0.clone(),
    );
    registry.register(
        "task_fetch_seconds",
        "Time that a task's fetches from other workers took, added up, for tasks that fetch",
        metrics.fetch_seconds.0.clone(),
    );
    registry.register(
        "shuffle_fetches",
        "Fetches of shuffled data from other workers, with those that were tried again",
        metrics.fetches.clone(),
    );
    registry.register(
        "shuffle_written_bytes",
        "Bytes of shuffled data and results written",
        metrics.shuffle_written.clone(),
    );
    registry.register(
        "shuffle_read_bytes",
        "Bytes of shuffled data fetched from other workers, as they are in memory",
        metrics.shuffle_read.clone(),
    );
    registry.register(
        "shuffle_served_bytes",
        "Bytes of shuffled data and results sent to other workers and the master",
        metrics.shuffle_served.clone(),
    );
    registry.register(
        "spilled_bytes",
        "Bytes that tasks wrote to disk for lack of memory",
        metrics.spilled.clone(),
    );

    let mut text = String::new();
    encode_registry(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};

    use super::*;

    fn shown() -> String {
        let now = Now {
            cores: 2,
            tasks: 1,
            transfers: 0,
            memory_limit: 1000,
            memory_reserved: 10,
            memory_resident: 2000,
            disk_free: 5,
            cached: Usage { memory: 7, disk: 8 },
            cache_reads: Reads {
                memory: 3,
                disk: 2,
                missing: 1,
            },
        };
        text(&now).unwrap()
    }

    fn value(text: &str, name: &str) -> f64 {
        let line = text.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        line.map_or(0.0, |line| {
            line.rsplit_once(' ').unwrap().1.parse().unwrap()
        })
    }

    #[test]
    fn tasks_are_counted_with_what_they_measured() {
        // Other tests of this process run tasks, too.
        let before = shown();
        let measured = ExecutionPlanMetricsSet::new();
        MetricBuilder::new(&measured).spilled_bytes(0).add(100);
        MetricBuilder::new(&measured)
            .counter("spill_bytes", 0)
            .add(10);
        MetricBuilder::new(&measured)
            .counter("decoded_bytes", 0)
            .add(70);
        MetricBuilder::new(&measured)
            .subset_time("fetch_time", 0)
            .add_duration(Duration::from_millis(20));
        let written = ShuffleWritePartition {
            num_bytes: 50,
            ..Default::default()
        };
        TaskTimer::start().end::<()>(&Ok(vec![written]), &[measured.clone_inner()]);
        TaskTimer::start().end(&Err(()), &[]);
        drop(TaskTimer::start());
        let after = shown();
        let more = |name: &str| {
            let name = format!("springald_worker_{name}");
            value(&after, &name) - value(&before, &name)
        };
        assert!(more("spilled_bytes_total") >= 110.0);
        assert!(more("shuffle_read_bytes_total") >= 70.0);
        assert!(more("shuffle_written_bytes_total") >= 50.0);
        assert!(more("task_fetch_seconds_count") >= 1.0);
        for result in ["done", "failed", "cancelled"] {
            let name = format!("tasks_ended_total{{result=\"{result}\"}}");
            assert!(more(&name) >= 1.0, "{result}: {after}");
        }
    }

    #[test]
    fn each_metric_says_what_it_is() {
        let text = shown();
        for line in [
            "springald_worker_cached_bytes{place=\"disk\"} 8",
            "springald_worker_cache_hits_total{place=\"memory\"} 3",
            "springald_worker_cache_misses_total 1",
            "# TYPE springald_worker_cache_misses counter",
            "springald_worker_memory_reserved_bytes 10",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        let documented = include_str!("../../../docs/monitoring.md");
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let named = format!("`{name}{suffix}` | {kind} |");
            assert!(documented.contains(&named), "{named}");
        }
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert!(
            samples
                .clone()
                .all(|line| line.starts_with("springald_worker_"))
        );
    }
}
