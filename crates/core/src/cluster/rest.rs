//! The master's REST routes, from a client's side.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::net::ToSocketAddrs;
use std::ops::Range;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::protocol::{
    ApiError, CachedData, CatalogEntry, ClusterInfo, FileInfo, JobInfo, JobState, ProbeReport,
    ProbeRequest, PublishRequest, SessionInfo, WorkerInfo,
};
use crate::record::JobRecord;
use crate::security::security;
use crate::submission::{BatchInfo, BatchRequest};

/// How long one file of an upload may take on its way.
const UPLOAD_LIMIT: Duration = Duration::from_secs(300);

/// How long the records of all jobs may take on their way.
const RECORDS_LIMIT: Duration = Duration::from_secs(600);

/// Jobs or sessions in an answer at most.
pub const LARGEST_PAGE: u64 = 10_000;
/// How many of a longer list there are in all.
pub const TOTAL_COUNT: &str = "x-total-count";
/// How many bytes of a log there are in all.
pub const LOG_SIZE: &str = "x-log-size";

/// Which jobs or batches to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// All, if there is none.
    pub states: Vec<JobState>,
    /// A part of the id, the name or, of a job, the session, in any case.
    pub search: Option<String>,
    /// How many at most; the master's own limit if `None`.
    pub limit: Option<usize>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// How many the filter lets through in all.
    pub total: usize,
}

/// A part of a batch's log.
#[derive(Debug, Clone)]
pub struct LogPart {
    pub bytes: Bytes,
    /// Bytes of the whole log by now.
    pub total: u64,
}

/// A client of `http://host:port/api/v1`, cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For people.
    address: String,
    /// `http://host:port`, or with TLS the name in its certificate.
    base: String,
}

impl Client {
    pub fn new(host: &str, port: u16) -> Result<Self> {
        let security = security()?;
        let unusable =
            |e: &dyn std::fmt::Display| Error::failed(format!("cannot make an HTTP client: {e}"));
        let mut headers = HeaderMap::new();
        if let Some(bearer) = security.bearer() {
            let mut value = HeaderValue::from_str(&bearer).map_err(|e| unusable(&e))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            // The master is on the user's own network; a proxy for the internet does not know it.
            .no_proxy()
            .tcp_nodelay(true);
        let mut name = host;
        if let Some(ca) = security.ca() {
            let ca = Certificate::from_pem_bundle(ca.as_bytes()).map_err(|e| unusable(&e))?;
            for certificate in ca {
                http = http.add_root_certificate(certificate);
            }
            if let Some(common) = security.name() {
                // Where the certificate does not name the host, its own name stands for the host's addresses.
                let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs();
                let addresses: Vec<_> = addresses.map_err(|e| unknown(host, &e))?.collect();
                http = http.resolve_to_addrs(common, &addresses);
                name = common;
            }
        }
        Ok(Self {
            http: http.build().map_err(|e| unusable(&e))?,
            address: format!("{host}:{port}"),
            base: format!("{}://{name}:{port}", security.scheme()),
        })
    }

    /// Where the master is, as a URL for browsers and other clients.
    pub fn base_url(&self) -> String {
        self.base.clone()
    }

    pub async fn cluster(&self) -> Result<ClusterInfo> {
        self.get("cluster").await
    }

    pub async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        self.get("workers").await
    }

    /// All jobs that the master knows of, the newest first.
    pub async fn jobs(&self) -> Result<Vec<JobInfo>> {
        self.all("jobs", |job: &JobInfo| &job.id).await
    }

    pub async fn jobs_like(&self, filter: &ListFilter) -> Result<Listed<JobInfo>> {
        self.list("jobs", filter).await
    }

    pub async fn job(&self, id: &str) -> Result<JobInfo> {
        self.get(&format!("jobs/{}", segment(id))).await
    }

    /// A job with its attempts and stages.
    pub async fn job_record(&self, id: &str) -> Result<JobRecord> {
        self.get(&format!("jobs/{}/record", segment(id))).await
    }

    /// The records of these jobs, or of all, newest first: a JSON object a line. `detail` is how much of each is wanted:
    /// `job` or `stages`.
    pub(crate) async fn records(&self, jobs: Option<&[String]>, detail: &str) -> Result<Response> {
        let mut path = format!("records?detail={detail}");
        if let Some(jobs) = jobs {
            let ids: Vec<_> = jobs.iter().map(|id| segment(id)).collect();
            path.push_str(&format!("&job={}", ids.join(",")));
        }
        let request = self.http.get(self.url(&path)).timeout(RECORDS_LIMIT);
        self.answered(request, &path).await
    }

    /// Ends a job; its client gets an error.
    pub async fn cancel(&self, id: &str) -> Result<()> {
        let path = format!("jobs/{}", segment(id));
        self.send(Method::DELETE, &path, None::<&()>)
            .await
            .map(drop)
    }

    /// Has the master run a text or a file.
    pub async fn submit_batch(&self, request: &BatchRequest) -> Result<BatchInfo> {
        let response = self.send(Method::POST, "batches", Some(request)).await?;
        self.body(response).await
    }

    pub async fn batches_like(&self, filter: &ListFilter) -> Result<Listed<BatchInfo>> {
        self.list("batches", filter).await
    }

    pub async fn batch(&self, id: &str) -> Result<BatchInfo> {
        self.get(&format!("batches/{}", segment(id))).await
    }

    /// What a batch has printed from byte `offset` on, or a part of that.
    pub async fn batch_log(&self, id: &str, offset: u64) -> Result<LogPart> {
        let path = format!("batches/{}/log?offset={offset}", segment(id));
        let response = self.send(Method::GET, &path, None::<&()>).await?;
        let total = number(response.headers(), LOG_SIZE).unwrap_or(0);
        let bytes = response.bytes().await.map_err(|e| self.unreadable(&e))?;
        Ok(LogPart { bytes, total })
    }

    /// Ends a batch, and gives what has become of it.
    pub async fn cancel_batch(&self, id: &str) -> Result<BatchInfo> {
        let path = format!("batches/{}", segment(id));
        let response = self.send(Method::DELETE, &path, None::<&()>).await?;
        self.body(response).await
    }

    /// What every worker, and the master, sees.
    pub async fn probe(&self, request: &ProbeRequest) -> Result<Vec<ProbeReport>> {
        let response = self.send(Method::POST, "probe", Some(request)).await?;
        self.body(response).await
    }

    pub async fn catalog(&self) -> Result<Vec<CatalogEntry>> {
        self.get("catalog").await
    }

    pub async fn put_catalog(&self, entry: &CatalogEntry) -> Result<()> {
        let path = format!("catalog/{}", segment(&entry.name));
        self.send(Method::PUT, &path, Some(entry)).await.map(drop)
    }

    pub async fn delete_catalog(&self, name: &str) -> Result<()> {
        let path = format!("catalog/{}", segment(name));
        self.send(Method::DELETE, &path, None::<&()>)
            .await
            .map(drop)
    }

    /// Makes the staged files of a finished write visible.
    pub async fn publish(&self, request: &PublishRequest) -> Result<()> {
        self.send(Method::POST, "publish", Some(request))
            .await
            .map(drop)
    }

    /// All sessions that the master knows of, the one seen last first.
    pub(crate) async fn sessions(&self) -> Result<Vec<SessionInfo>> {
        self.all("sessions", |session: &SessionInfo| &session.id)
            .await
    }

    /// What the workers keep for sessions.
    pub async fn cached(&self) -> Result<Vec<CachedData>> {
        self.get("cached").await
    }

    pub(crate) async fn put_cached(&self, data: &CachedData) -> Result<()> {
        let path = format!("cached/{}", segment(&data.name));
        self.send(Method::PUT, &path, Some(data)).await.map(drop)
    }

    pub(crate) async fn delete_cached(&self, name: &str) -> Result<()> {
        let path = format!("cached/{}", segment(name));
        self.send(Method::DELETE, &path, None::<&()>)
            .await
            .map(drop)
    }

    /// The files at or under a path of the workspace.
    pub(crate) async fn files(&self, path: &str) -> Result<Vec<FileInfo>> {
        self.get(&format!("files?path={}", segment(path))).await
    }

    pub(crate) async fn file_content(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let Range { start, end } = range;
        let path = format!(
            "files/content?path={}&start={start}&end={end}",
            segment(path)
        );
        let response = self.send(Method::GET, &path, None::<&()>).await?;
        response.bytes().await.map_err(|e| self.unreachable(&e))
    }

    /// Sends one Arrow file of an upload.
    pub(crate) async fn put_upload(
        &self,
        session: &str,
        upload: &str,
        part: usize,
        file: Vec<u8>,
    ) -> Result<()> {
        let path = format!(
            "sessions/{}/uploads/{}/{part}",
            segment(session),
            segment(upload)
        );
        let request = self
            .http
            .put(self.url(&path))
            .header(CONTENT_TYPE, "application/octet-stream")
            .timeout(UPLOAD_LIMIT);
        self.answered(request.body(file), &path).await.map(drop)
    }

    /// Opens a session's lease: the answer goes on as long as both sides are there.
    pub(crate) async fn lease(&self, session: &str) -> Result<Response> {
        let url = self.url(&format!("sessions/{}/lease", segment(session)));
        let request = self.http.post(url).timeout(Duration::MAX);
        let response = request.send().await.and_then(Response::error_for_status);
        response.map_err(|e| self.unreachable(&e))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = self.send(Method::GET, path, None::<&()>).await?;
        self.body(response).await
    }

    /// A list that comes in pages, as one. It grows at its beginning meanwhile, so that items move to later pages and
    /// come twice.
    async fn all<T: DeserializeOwned>(&self, what: &str, id: fn(&T) -> &String) -> Result<Vec<T>> {
        let (mut all, mut seen) = (vec![], HashSet::new());
        let mut offset = 0;
        loop {
            let path = format!("{what}?limit={LARGEST_PAGE}&offset={offset}");
            let page: Vec<T> = self.get(&path).await?;
            let is_last = (page.len() as u64) < LARGEST_PAGE;
            all.extend(
                page.into_iter()
                    .filter(|item| seen.insert(id(item).clone())),
            );
            if is_last {
                return Ok(all);
            }
            offset += LARGEST_PAGE;
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        filter: &ListFilter,
    ) -> Result<Listed<T>> {
        let response = self
            .send(Method::GET, &filter.path(what), None::<&()>)
            .await?;
        let total = number(response.headers(), TOTAL_COUNT);
        let items: Vec<T> = self.body(response).await?;
        let total = total.map_or(items.len(), |total| total as usize);
        Ok(Listed { items, total })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Response> {
        let mut request = self.http.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.answered(request, path).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.base)
    }

    /// Sends a request; an answer that is not 2xx is an error in the master's words.
    async fn answered(&self, request: RequestBuilder, path: &str) -> Result<Response> {
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        let message = serde_json::from_str::<ApiError>(&text).map_or_else(
            |_| format!("the master at {} answered {status} to {path}", self.address),
            |e| e.error,
        );
        Err(match status {
            s if s.is_client_error() && s != StatusCode::CONFLICT => Error::invalid(message),
            _ => Error::failed(message),
        })
    }

    async fn body<T: DeserializeOwned>(&self, response: Response) -> Result<T> {
        response.json().await.map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, e: &reqwest::Error) -> Error {
        Error::failed(format!(
            "the answer of the master at {} cannot be read: {e}",
            self.address
        ))
        .with_hint("is it a Springald master, of this version?")
    }

    fn unreachable(&self, e: &reqwest::Error) -> Error {
        let why = if e.is_timeout() {
            "it does not answer".to_owned()
        } else {
            root_cause(e)
        };
        Error::failed(format!(
            "cannot reach the master at {}: {why}",
            self.address
        ))
        .with_hint(if why.contains("InvalidContentType") {
            "this port does not speak TLS: unset SPRINGALD_TLS_CA, or give the master a certificate"
        } else if why.contains("certificate") {
            "SPRINGALD_TLS_CA must hold the authority of the master's certificate, and SPRINGALD_TLS_NAME its name"
        } else {
            "is it running (`springald master`), and is the address right?"
        })
    }
}

impl ListFilter {
    fn path(&self, what: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.states.is_empty() {
            let states: Vec<&str> = self.states.iter().map(|state| state.name()).collect();
            query.append_pair("state", &states.join(","));
        }
        if let Some(search) = &self.search {
            query.append_pair("search", search);
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        format!("{what}?{}", query.finish())
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

fn unknown(host: &str, e: &std::io::Error) -> Error {
    Error::failed(format!("`{host}` is no host that is known here: {e}"))
}

/// A table name may hold any character; a path segment may not.
fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn root_cause(e: &dyn std::error::Error) -> String {
    let mut cause = e;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::extract::Query;
    use axum::{Json, Router, routing};

    use super::*;

    #[tokio::test]
    async fn no_master_is_said_with_its_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let e = Client::new("127.0.0.1", port)
            .unwrap()
            .cluster()
            .await
            .unwrap_err();
        assert!(e.message().contains(&format!("127.0.0.1:{port}")), "{e}");
        assert!(e.hint().is_some());
    }

    #[tokio::test]
    async fn a_long_list_is_whole_though_it_grows_meanwhile() {
        let count = Arc::new(AtomicU64::new(2 * LARGEST_PAGE));
        let page = move |Query(query): Query<HashMap<String, usize>>| {
            // The newest first, and one more at every question.
            let count = count.fetch_add(1, Ordering::Relaxed);
            let newest_first = (0..count).rev().skip(query["offset"]).take(query["limit"]);
            let sessions = newest_first.map(|number| SessionInfo {
                id: number.to_string(),
                name: String::new(),
                interactive: false,
                jobs: 1,
                jobs_active: 0,
                jobs_failed: 0,
                statements: 0,
                statements_active: 0,
                cached_bytes: 0,
                first_seen_ms: number,
                last_seen_ms: number,
            });
            let sessions: Vec<_> = sessions.collect();
            async { Json(sessions) }
        };
        let routes = Router::new().route("/api/v1/sessions", routing::get(page));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async { axum::serve(listener, routes).await });
        let client = Client::new("127.0.0.1", port).unwrap();
        let ids = client.sessions().await.unwrap().into_iter();
        let ids: Vec<u64> = ids.map(|session| session.id.parse().unwrap()).collect();
        assert_eq!(ids, (0..2 * LARGEST_PAGE).rev().collect::<Vec<_>>());
    }

    #[test]
    fn filters_are_written_as_a_query() {
        let filter = ListFilter {
            states: vec![JobState::Waiting, JobState::Running],
            search: Some("a b&c".into()),
            limit: Some(7),
        };
        assert_eq!(
            filter.path("jobs"),
            "jobs?state=waiting%2Crunning&search=a+b%26c&limit=7"
        );
        assert_eq!(ListFilter::default().path("jobs"), "jobs?");
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(segment("a b/ü"), "a%20b%2F%C3%BC");
    }
}
