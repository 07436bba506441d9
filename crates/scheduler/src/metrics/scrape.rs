//! `GET /metrics`.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use springald_core::process::resident_memory;
use springald_core::protocol::{VERSION, WorkerState};

use super::exposition::{Exposition, Form};
use super::metrics;
use crate::flight_sql::SessionCount;
use crate::history::Journal;
use crate::jobs::Board;
use crate::ledger::Ledger;
use crate::workers::Workers;

/// Where the figures are found that are looked up when somebody asks.
pub(crate) struct Scrape {
    pub(crate) board: Arc<Board>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) sessions: SessionCount,
    pub(crate) journal: Journal,
    pub(crate) started_at_ms: u64,
}

pub(crate) fn routes(scrape: Arc<Scrape>) -> Router {
    Router::new()
        .route("/metrics", get(answer))
        .with_state(scrape)
}

async fn answer(State(scrape): State<Arc<Scrape>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let form = Form::wanted(accept.unwrap_or_default());
    let workers = scrape.workers.metrics().await;
    match scrape.all(&workers) {
        Ok(all) => ([(CONTENT_TYPE, form.content_type())], all.write(form)).into_response(),
        Err(e) => {
            log::error!("writing metrics: {e}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics could not be written; see the log of the master\n",
            )
                .into_response()
        }
    }
}

impl Scrape {
    fn all(&self, workers: &[(String, Option<String>)]) -> Result<Exposition, fmt::Error> {
        let mut all = Exposition::default();
        all.add(&self.own(workers)?, None);
        for (worker, text) in workers {
            if let Some(text) = text {
                all.add(text, Some(worker));
            }
        }
        Ok(all)
    }

    fn own(&self, scraped: &[(String, Option<String>)]) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("springald");
        registry.register(
            "build",
            "The version of the master",
            Info::new(vec![("version", VERSION)]),
        );
        let infos = self.ledger.worker_infos();
        let workers = Family::<[(&str, &str); 1], Gauge>::default();
        for state in [
            WorkerState::Active,
            WorkerState::Draining,
            WorkerState::Left,
            WorkerState::Lost,
        ] {
            let count = infos.iter().filter(|info| info.state == state).count();
            let labels = [("state", state.name())];
            workers.get_or_create(&labels).set(count as i64);
        }
        registry.register(
            "workers",
            "Workers by state; those that are gone are shown for a while",
            workers,
        );
        let up = Family::<[(&str, String); 1], Gauge>::default();
        for (worker, text) in scraped {
            let labels = [("worker", worker.clone())];
            up.get_or_create(&labels).set(i64::from(text.is_some()));
        }
        registry.register(
            "worker_up",
            "Whether a registered worker gave its metrics",
            up,
        );

        let active = infos
            .iter()
            .filter(|info| info.state == WorkerState::Active);
        let sum = |part: fn(&springald_core::protocol::WorkerInfo) -> u32| -> u64 {
            active.clone().map(|info| u64::from(part(info))).sum()
        };
        let (jobs_waiting, jobs_running) = self.board.counts();
        let mut gauge = |name: &str, help: &str, value: u64| {
            registry.register(name, help, ConstGauge::new(value));
        };
        gauge("cores", "Cores of active workers", sum(|info| info.cores));
        gauge(
            "cores_free",
            "Cores of active workers that no task holds",
            sum(|info| info.cores_free),
        );
        gauge(
            "tasks_running",
            "Tasks that workers run",
            sum(|info| info.tasks),
        );
        gauge(
            "tasks_pending",
            "Partitions of running jobs that wait for a core",
            self.board.pending_tasks() as u64,
        );
        gauge(
            "jobs_waiting",
            "Jobs of which no task has begun",
            u64::from(jobs_waiting),
        );
        gauge("jobs_running", "Jobs that run", u64::from(jobs_running));
        gauge(
            "flight_sql_sessions",
            "Sessions of tools that speak ADBC or JDBC",
            self.sessions.get() as u64,
        );
        gauge(
            "resident_memory_bytes",
            "Resident memory of the master",
            resident_memory(),
        );
        gauge(
            "start_time_seconds",
            "When the master started, in seconds since the Unix epoch",
            self.started_at_ms / 1000,
        );
        registry.register(
            "history_events_lost",
            "Events of jobs that could not be written to the history",
            ConstCounter::new(self.journal.lost()),
        );
        metrics().register(&mut registry);
        let mut text = String::new();
        encode_registry(&mut text, &registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Master, MasterOptions};

    #[tokio::test]
    async fn both_ports_tell_what_is_documented() {
        let workspace = tempfile::tempdir().unwrap();
        let options = MasterOptions {
            port: 0,
            ui_port: Some(0),
            workspace: workspace.path().to_owned(),
            ..MasterOptions::default()
        };
        let master = Master::start(options).await.unwrap();
        let documented = include_str!("../../../../docs/monitoring.md");
        for address in [master.addr(), master.ui_addr().unwrap()] {
            let url = format!("http://{address}/metrics");
            let text = reqwest::get(url).await.unwrap().text().await.unwrap();
            let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
            let names: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
            assert!(names.len() > 15, "{text}");
            for name in names {
                assert!(documented.contains(&format!("`{name}`")), "{name}");
            }
            assert!(
                text.contains("springald_workers{state=\"active\"} 0"),
                "{text}"
            );
        }
    }
}
