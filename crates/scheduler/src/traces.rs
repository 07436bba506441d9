//! Each ended job as a trace of OpenTelemetry: a span for the job, each of its attempts, stages and tasks, sent by OTLP
//! over HTTP where the environment of the master says so. Sending never holds up a job: what the receiver does not take
//! in time is dropped, and said once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use springald_core::protocol::{JobState, VERSION};
use springald_core::record::{AttemptRecord, JobRecord, StageRecord, StageState, TaskRecord};
use springald_core::{Error, Result};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Traces that wait to be sent.
const QUEUE: usize = 256;
/// Times that a trace is sent to a receiver that is not ready, with a pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

/// Where traces go. Dropping it drops what was not sent yet.
pub(crate) struct Traces {
    resource: Resource,
    queue: mpsc::Sender<Vec<u8>>,
    warned: Arc<AtomicBool>,
}

/// What the environment says.
struct Settings {
    endpoint: Url,
    headers: HeaderMap,
    timeout: Duration,
    resource: Resource,
}

impl Traces {
    /// `None` where no receiver is named.
    ///
    /// # Errors
    /// If a variable of OpenTelemetry's is there and cannot be followed.
    pub(crate) fn from_environment() -> Result<Option<Self>> {
        let settings =
            Settings::from(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
        settings.map(Self::to).transpose()
    }

    fn to(settings: Settings) -> Result<Self> {
        let http = reqwest::Client::builder()
            .default_headers(settings.headers)
            .timeout(settings.timeout)
            .build()
            .map_err(|e| Error::failed(format!("making a client for traces: {e}")))?;
        log::info!("traces of jobs go to {}", settings.endpoint);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let warned = Arc::<AtomicBool>::default();
        let sender = Sender {
            http,
            endpoint: settings.endpoint,
            warned: Arc::clone(&warned),
        };
        tokio::spawn(sender.send_all(waiting));
        Ok(Self {
            resource: settings.resource,
            queue,
            warned,
        })
    }

    /// Sends the trace of a job that ended.
    pub(crate) fn ended(&self, record: &JobRecord) {
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope {
                        name: "springald".to_owned(),
                        version: VERSION.to_owned(),
                        ..Default::default()
                    }),
                    spans: spans(record),
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        };
        if self.queue.try_send(request.encode_to_vec()).is_err() {
            warn_once(
                &self.warned,
                "traces come faster than their receiver takes them: some are dropped",
            );
        }
    }
}

fn warn_once(warned: &AtomicBool, message: &str) {
    if !warned.swap(true, Ordering::Relaxed) {
        log::warn!("{message}");
    }
}

struct Sender {
    http: reqwest::Client,
    endpoint: Url,
    /// Nothing more is said until a trace got through.
    warned: Arc<AtomicBool>,
}

impl Sender {
    async fn send_all(self, mut waiting: mpsc::Receiver<Vec<u8>>) {
        while let Some(trace) = waiting.recv().await {
            match self.send(trace).await {
                Ok(()) => self.warned.store(false, Ordering::Relaxed),
                Err(why) => warn_once(
                    &self.warned,
                    &format!(
                        "a trace could not be sent to {}: {why}; look at {TRACES_ENDPOINT} or {ENDPOINT}",
                        self.endpoint
                    ),
                ),
            }
        }
    }

    async fn send(&self, trace: Vec<u8>) -> Result<(), String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = self
                .http
                .post(self.endpoint.clone())
                .header(CONTENT_TYPE, "application/x-protobuf")
                .body(trace.clone())
                .send()
                .await;
            let (why, again) = match sent {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let status = answer.status();
                    // By OTLP's rules these, and no others, may be sent again.
                    let again = matches!(status.as_u16(), 429 | 502..=504);
                    (format!("it answered {status}"), again)
                }
                Err(e) => (chain(&e), true),
            };
            if !again || tries == TRIES {
                return Err(why);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl Settings {
    fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let of_traces = |name: &str| {
            variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
                .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let off = variable("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
        let endpoint = match (variable(TRACES_ENDPOINT), variable(ENDPOINT)) {
            _ if off => return Ok(None),
            (Some(whole), _) => whole,
            (None, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
            (None, None) => return Ok(None),
        };
        if let Some(protocol) = of_traces("PROTOCOL").filter(|p| p != "http/protobuf") {
            return Err(Error::invalid(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is `{protocol}`, but traces are sent as http/protobuf"
            ))
            .with_hint(
                "name the receiver's HTTP port, which is often 4318, and unset the variable",
            ));
        }
        let endpoint = Url::parse(&endpoint)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Error::invalid(format!("`{endpoint}` is no address for traces"))
                    .with_hint(format!("write {ENDPOINT}=http://collector:4318"))
            })?;
        let mut headers = HeaderMap::new();
        for (name, value) in pairs(&of_traces("HEADERS").unwrap_or_default()) {
            let header = HeaderName::try_from(&name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            let Some((header, mut value)) = header else {
                return Err(Error::invalid(format!(
                    "`{name}` in OTEL_EXPORTER_OTLP_HEADERS is no header"
                ))
                .with_hint("write name=value,name=value"));
            };
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let timeout = of_traces("TIMEOUT").and_then(|ms| ms.parse().ok());
        let mut attributes: Vec<(String, String)> =
            pairs(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
        if let Some(name) = variable("OTEL_SERVICE_NAME") {
            attributes.retain(|(key, _)| key != "service.name");
            attributes.push(("service.name".to_owned(), name));
        } else if !attributes.iter().any(|(key, _)| key == "service.name") {
            attributes.push(("service.name".to_owned(), "springald".to_owned()));
        }
        if !attributes.iter().any(|(key, _)| key == "service.version") {
            attributes.push(("service.version".to_owned(), VERSION.to_owned()));
        }
        let attributes = attributes.into_iter();
        Ok(Some(Self {
            endpoint,
            headers,
            timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
            resource: Resource {
                attributes: attributes.map(|(key, value)| text(&key, value)).collect(),
                ..Default::default()
            },
        }))
    }
}

/// `name=value,name=value`, with what is not plain written as in a URL's query.
fn pairs(list: &str) -> Vec<(String, String)> {
    let query = list
        .replace('&', "%26")
        .replace('+', "%2B")
        .replace('#', "%23")
        .replace(',', "&");
    let Ok(url) = Url::parse(&format!("list:?{query}")) else {
        return vec![];
    };
    url.query_pairs()
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// From and to, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
struct Times {
    from: u64,
    to: u64,
}

impl Times {
    /// What is not known is taken to be as in `self`, which lies around it.
    fn inner(self, from: Option<u64>, to: Option<u64>) -> Self {
        let from = from.unwrap_or(self.from);
        Self {
            from,
            to: to.unwrap_or(self.to).max(from),
        }
    }
}

/// The spans of one job, under one trace.
struct Trace {
    id: Vec<u8>,
    spans: Vec<Span>,
}

impl Trace {
    /// Adds a span, and gives its id.
    fn add(
        &mut self,
        parent: &[u8],
        name: String,
        times: Times,
        attributes: Vec<KeyValue>,
        failure: Option<String>,
    ) -> Vec<u8> {
        let id = Uuid::new_v4().as_bytes()[..8].to_vec();
        self.spans.push(Span {
            trace_id: self.id.clone(),
            span_id: id.clone(),
            parent_span_id: parent.to_vec(),
            name,
            kind: match parent.is_empty() {
                true => SpanKind::Server,
                false => SpanKind::Internal,
            } as i32,
            start_time_unix_nano: times.from.saturating_mul(1_000_000),
            end_time_unix_nano: times.to.saturating_mul(1_000_000),
            attributes,
            status: Some(match failure {
                Some(message) => Status {
                    message,
                    code: StatusCode::Error as i32,
                },
                None => Status::default(),
            }),
            ..Default::default()
        });
        id
    }
}

fn spans(record: &JobRecord) -> Vec<Span> {
    let mut trace = Trace {
        id: Uuid::new_v4().as_bytes().to_vec(),
        spans: vec![],
    };
    let job = &record.job;
    let from = job.submitted_at_ms;
    let times = Times { from, to: from }.inner(None, job.ended_at_ms);
    let mut attributes = vec![
        text("springald.job.id", &*job.id),
        text("springald.job.name", &*job.name),
        text("springald.job.session", &*job.session),
        text(
            "springald.job.state",
            format!("{:?}", job.state).to_lowercase(),
        ),
        number("springald.job.attempts", u64::from(job.attempts)),
        number("springald.job.tasks", u64::from(job.tasks)),
    ];
    attributes.extend(record.sql.as_ref().map(|sql| text("db.query.text", &**sql)));
    let failure = matches!(job.state, JobState::Failed | JobState::Cancelled)
        .then(|| job.message.clone().unwrap_or_default());
    let root = trace.add(&[], job.name.clone(), times, attributes, failure);

    let mut parent = (root.clone(), times);
    for attempt in &record.attempts {
        parent = (
            add_attempt(&mut trace, &root, times, attempt),
            times.inner(Some(attempt.started_at_ms), attempt.ended_at_ms),
        );
    }
    // The stages are those of the last attempt.
    let (parent, times) = parent;
    for stage in &record.stages {
        add_stage(&mut trace, &parent, times, stage);
    }
    trace.spans
}

fn add_attempt(
    trace: &mut Trace,
    parent: &[u8],
    around: Times,
    attempt: &AttemptRecord,
) -> Vec<u8> {
    let number_of_it = u64::from(attempt.number);
    trace.add(
        parent,
        format!("attempt {}", attempt.number),
        around.inner(Some(attempt.started_at_ms), attempt.ended_at_ms),
        vec![number("springald.attempt", number_of_it)],
        attempt.message.clone(),
    )
}

fn add_stage(trace: &mut Trace, parent: &[u8], around: Times, stage: &StageRecord) {
    let times = around.inner(stage.started_at_ms, stage.ended_at_ms);
    let inputs = stage.inputs.iter().map(|input| int(u64::from(*input)));
    let attributes = vec![
        number("springald.stage", u64::from(stage.id)),
        KeyValue {
            key: "springald.stage.inputs".to_owned(),
            value: Some(AnyValue {
                value: Some(Value::ArrayValue(ArrayValue {
                    values: inputs.collect(),
                })),
            }),
            ..Default::default()
        },
        number("springald.partitions", u64::from(stage.partitions)),
        number("springald.rows_in", stage.rows_in),
        number("springald.rows_out", stage.rows_out),
        number("springald.bytes_out", stage.bytes_out),
        number("springald.spilled_bytes", stage.spilled_bytes),
        number("springald.cpu_ms", stage.cpu_ms),
    ];
    let failure = failed(stage.state, stage.message.as_ref());
    let id = trace.add(
        parent,
        format!("stage {}", stage.id),
        times,
        attributes,
        failure,
    );
    for task in &stage.tasks {
        add_task(trace, &id, times, task);
    }
}

fn add_task(trace: &mut Trace, parent: &[u8], around: Times, task: &TaskRecord) {
    let from = task.started_at_ms.or(Some(task.launched_at_ms));
    trace.add(
        parent,
        format!("task {}", task.id),
        around.inner(from, task.ended_at_ms),
        vec![
            number("springald.task", u64::from(task.id)),
            text("springald.worker", &*task.worker),
            text("springald.worker.id", &*task.worker_id),
            number("springald.partitions", u64::from(task.partitions)),
            number("springald.rows_out", task.rows),
            number("springald.bytes_out", task.bytes),
            number(
                "springald.launched_ms_before",
                from.unwrap_or_default().saturating_sub(task.launched_at_ms),
            ),
        ],
        failed(task.state, task.message.as_ref()),
    );
}

fn failed(state: StageState, message: Option<&String>) -> Option<String> {
    (state == StageState::Failed).then(|| message.cloned().unwrap_or_default())
}

fn int(value: u64) -> AnyValue {
    AnyValue {
        value: Some(Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX))),
    }
}

fn number(key: &str, value: u64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(int(value)),
        ..Default::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.into())),
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::StatusCode as HttpStatus;
    use axum::routing::post;
    use springald_core::protocol::JobInfo;
    use tokio::net::TcpListener;

    use super::*;

    fn settings(of: &[(&str, &str)]) -> Result<Option<Settings>> {
        let known: HashMap<&str, &str> = of.iter().copied().collect();
        Settings::from(|name| known.get(name).map(|value| (*value).to_owned()))
    }

    fn record() -> JobRecord {
        let task = TaskRecord {
            id: 5,
            worker_id: "w1".into(),
            worker: "host:1".into(),
            state: StageState::Failed,
            partitions: 2,
            launched_at_ms: 1_200,
            started_at_ms: Some(1_250),
            ended_at_ms: Some(1_700),
            rows: 10,
            bytes: 100,
            message: Some("no space".into()),
        };
        let stage = StageRecord {
            id: 2,
            state: StageState::Done,
            inputs: vec![1],
            partitions: 2,
            started_at_ms: Some(1_200),
            ended_at_ms: None,
            rows_in: 20,
            rows_out: 10,
            bytes_out: 100,
            spilled_bytes: 7,
            cpu_ms: 30,
            tasks: vec![task],
            operators: vec![],
            message: None,
        };
        let attempt = |number, started_at_ms, message: Option<&str>| AttemptRecord {
            number,
            started_at_ms,
            ended_at_ms: Some(started_at_ms + 900),
            message: message.map(str::to_owned),
        };
        JobRecord {
            job: JobInfo {
                id: "job-1".into(),
                name: "etl".into(),
                session: "s".into(),
                state: JobState::Done,
                message: None,
                attempts: 2,
                submitted_at_ms: 100,
                started_at_ms: Some(150),
                ended_at_ms: Some(2_000),
                stages: 1,
                stages_done: 1,
                tasks: 1,
                tasks_running: 0,
                tasks_done: 1,
            },
            sql: Some("SELECT 1".into()),
            plan: None,
            settings: vec![],
            attempts: vec![
                attempt(1, 150, Some("worker host:2 was lost")),
                attempt(2, 1_100, None),
            ],
            stages: vec![stage],
        }
    }

    #[tokio::test]
    async fn a_job_is_one_trace_with_a_span_for_each_of_its_parts() {
        let (received, mut traces) = mpsc::channel(4);
        let receiver = Router::new().route(
            "/base/v1/traces",
            post(async move |headers: HeaderMap, body: Bytes| {
                received.send((headers, body)).await.unwrap();
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, receiver).await });
        let endpoint = format!("http://{address}/base/");
        let settings = settings(&[
            (ENDPOINT, &endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b,x-other=c=d"),
            ("OTEL_SERVICE_NAME", "cluster"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=no,deployment.environment=test+1",
            ),
        ]);
        let sender = Traces::to(settings.unwrap().unwrap()).unwrap();
        sender.ended(&record());

        let (headers, body) = traces.recv().await.unwrap();
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-key"], "a b");
        assert_eq!(headers["x-other"], "c=d");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let [of_resource] = &request.resource_spans[..] else {
            panic!("one resource");
        };
        let attributes = &of_resource.resource.as_ref().unwrap().attributes;
        assert!(attributes.contains(&text("service.name", "cluster")));
        assert!(attributes.contains(&text("deployment.environment", "test+1")));
        let spans = &of_resource.scope_spans[0].spans;
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(
            names,
            ["etl", "attempt 1", "attempt 2", "stage 2", "task 5"]
        );
        let parents: Vec<_> = spans
            .iter()
            .map(|span| {
                let of = |parent: &&Span| parent.span_id == span.parent_span_id;
                spans.iter().find(of).map(|parent| parent.name.as_str())
            })
            .collect();
        assert_eq!(
            parents,
            [
                None,
                Some("etl"),
                Some("etl"),
                Some("attempt 2"),
                Some("stage 2")
            ]
        );
        for span in spans {
            assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
            assert_eq!(span.trace_id, spans[0].trace_id);
        }
        let [job, lost, _, stage, task] = &spans[..] else {
            panic!("five spans");
        };
        assert!(job.attributes.contains(&text("db.query.text", "SELECT 1")));
        assert_eq!(job.end_time_unix_nano, 2_000_000_000);
        assert_eq!(
            lost.status.as_ref().unwrap().message,
            "worker host:2 was lost"
        );
        // Its end is not known, its attempt's is.
        assert_eq!(stage.end_time_unix_nano, 2_000_000_000);
        assert!(
            stage
                .attributes
                .contains(&number("springald.spilled_bytes", 7))
        );
        assert!(
            task.attributes
                .contains(&text("springald.worker", "host:1"))
        );
        assert_eq!(task.start_time_unix_nano, 1_250_000_000);
        assert_eq!(task.status.as_ref().unwrap().code, StatusCode::Error as i32);
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_holds_up_nobody() {
        let receiver = Router::new().route("/v1/traces", post(async || HttpStatus::BAD_REQUEST));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, receiver).await });
        let settings = settings(&[(ENDPOINT, &endpoint)]).unwrap().unwrap();
        let sender = Traces::to(settings).unwrap();
        for _ in 0..QUEUE * 2 {
            sender.ended(&record());
        }
        // Full, or refused: either way it has been said.
        assert!(sender.warned.load(Ordering::Relaxed));
    }

    #[test]
    fn the_environment_decides() {
        assert!(settings(&[]).unwrap().is_none());
        let on = (ENDPOINT, "http://c:4318");
        for off in [
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert!(settings(&[on, off]).unwrap().is_none());
        }
        let whole = settings(&[on, (TRACES_ENDPOINT, "https://d/x")]);
        let whole = whole.unwrap().unwrap();
        assert_eq!(whole.endpoint.as_str(), "https://d/x");
        let name = text("service.name", "springald");
        assert!(whole.resource.attributes.contains(&name));
        for wrong in [
            (ENDPOINT, "collector:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ] {
            let e = settings(&[on, wrong]).err();
            assert!(e.unwrap().hint().is_some(), "{wrong:?}");
        }
    }
}
