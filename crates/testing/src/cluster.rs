use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Certificate;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Output, run, springald};
use crate::process::Process;
use crate::wait::{eventually, within};

/// What kind of cluster to start.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    pub workers: usize,
    /// Cores of each worker.
    pub cores: usize,
    /// Memory of each worker, as `--memory` takes it.
    pub memory: String,
    /// No other cluster runs meanwhile in this test binary: for tests that measure time.
    pub alone: bool,
    /// Variables of every process, such as `SPRINGALD_TOKEN`.
    pub environment: Vec<(&'static str, String)>,
}

impl Default for ClusterSpec {
    fn default() -> Self {
        Self {
            workers: 2,
            cores: 1,
            memory: "1GiB".to_owned(),
            alone: false,
            environment: vec![],
        }
    }
}

/// A master and its workers. Start one a test: a second one in the same thread may wait for ever for
/// its turn.
#[derive(Debug)]
pub struct Cluster {
    // Fields drop in this order: clients' view first, processes before the folder they write to.
    workers: Vec<Option<Process>>,
    master: Option<Process>,
    spec: ClusterSpec,
    port: u16,
    ui_port: u16,
    rest: Rest,
    folder: TempDir,
    _turn: Turn,
}

impl Cluster {
    /// Starts the processes and waits until all workers are registered.
    #[track_caller]
    pub fn start(spec: ClusterSpec) -> Self {
        let turn = Turn::take(spec.alone);
        let (port, ui_port) = (free_port(), free_port());
        let rest = Rest::new(port, &spec.environment);
        let mut cluster = Self {
            workers: Vec::new(),
            master: None,
            spec,
            port,
            ui_port,
            rest,
            folder: TempDir::with_prefix("springald-test-").expect("a temporary folder"),
            _turn: turn,
        };
        for folder in ["workspace", "logs"] {
            std::fs::create_dir(cluster.folder.path().join(folder)).expect("a folder can be made");
        }
        cluster.start_master();
        for _ in 0..cluster.spec.workers {
            cluster.start_worker();
        }
        cluster.wait_for_workers(cluster.spec.workers);
        cluster
    }

    /// The master's URL.
    pub fn url(&self) -> String {
        format!("springald://127.0.0.1:{}", self.port)
    }

    /// The master's port of pages and REST.
    pub fn ui_port(&self) -> u16 {
        self.ui_port
    }

    /// The shared volume.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Runs `springald` with `args` and `--master`, for at most two minutes.
    #[track_caller]
    pub fn springald(&self, args: &[&str]) -> Output {
        run(self.command(args), Duration::from_secs(120))
    }

    /// Runs one SQL text through `springald sql`, for at most two minutes.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Output {
        self.springald(&["sql", "--format", "csv", "-e", sql])
    }

    /// Starts `springald` with `args` and `--master`, and leaves it running.
    pub fn spawn(&self, name: &str, args: &[&str]) -> Process {
        Process::spawn(name, self.command(args), &self.log(name))
    }

    /// `springald` with `args` and `--master` behind the first, which names the subcommand.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = springald();
        let (subcommand, rest) = args.split_first().expect("a subcommand");
        command
            .args([*subcommand, "--master", &self.url()])
            .args(rest)
            .envs(self.spec.environment.clone())
            .current_dir(self.workspace());
        command
    }

    /// What the master answers to `GET path`; `None` while it does not answer with 2xx JSON.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.rest.get(path)
    }

    /// Sends a request with a body in JSON, unless it is null, and gives the status and what is answered: JSON, else a
    /// text.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.rest.call(method, path, body)
    }

    /// The same as the text that it is.
    pub fn text(&self, path: &str) -> Option<String> {
        self.rest.text(path)
    }

    /// The workers that the master counts on.
    pub fn active_workers(&self) -> Vec<Value> {
        let mut workers = self.list("/api/v1/workers");
        workers.retain(|worker| worker["state"] == "active");
        workers
    }

    pub fn jobs(&self) -> Vec<Value> {
        self.list("/api/v1/jobs")
    }

    /// Tasks that run on all workers now, as the master sees it; `None` while it does not answer.
    pub fn running_tasks(&self) -> Option<u64> {
        let workers = self.get("/api/v1/workers")?;
        let workers = workers.as_array()?.iter();
        Some(workers.filter_map(|worker| worker["tasks"].as_u64()).sum())
    }

    /// Waits until `n` workers are active.
    #[track_caller]
    pub fn wait_for_workers(&self, n: usize) {
        within(
            Duration::from_secs(30),
            &format!("{n} active workers"),
            || (self.active_workers().len() == n).then_some(()),
        );
    }

    /// Waits for a running job for which `phase` holds, and gives it.
    #[track_caller]
    pub fn wait_for_job(&self, what: &str, phase: impl Fn(&Value) -> bool) -> Value {
        within(Duration::from_secs(30), what, || {
            let mut jobs = self.jobs().into_iter();
            jobs.find(|job| job["state"] == "running" && phase(job))
        })
    }

    /// Starts one more worker, and gives its number.
    pub fn start_worker(&mut self) -> usize {
        let worker = self.worker_command(springald());
        self.add_worker(worker)
    }

    /// Starts a worker that sees the folder `hidden` empty, whatever the others see there. Needs
    /// [`crate::can_mount`].
    pub fn start_worker_without(&mut self, hidden: &Path) -> usize {
        let binary = springald();
        let mut command = Command::new("unshare");
        command
            .args([
                "-m",
                "sh",
                "-c",
                "mount -t tmpfs tmpfs \"$0\" && exec \"$@\"",
            ])
            .args([hidden.as_os_str(), binary.get_program()]);
        let worker = self.worker_command(command);
        self.add_worker(worker)
    }

    pub fn worker(&mut self, i: usize) -> &mut Process {
        self.workers[i].as_mut().expect("the worker runs")
    }

    pub fn signal_worker(&mut self, i: usize, signal: Signal) {
        self.worker(i).signal(signal);
    }

    /// Kills worker `i` with SIGKILL: its machine is gone.
    pub fn kill_worker(&mut self, i: usize) {
        if let Some(mut worker) = self.workers[i].take() {
            worker.kill();
        }
    }

    /// Kills the master with SIGKILL.
    pub fn kill_master(&mut self) {
        if let Some(mut master) = self.master.take() {
            master.kill();
        }
    }

    /// Starts a master on the same ports as the one that was killed.
    pub fn restart_master(&mut self) {
        self.kill_master();
        self.start_master();
    }

    fn start_master(&mut self) {
        let mut command = springald();
        command
            .args(["master", "--host", "127.0.0.1"])
            .args(["--port", &self.port.to_string()])
            .args(["--ui-port", &self.ui_port.to_string()])
            .arg("--workspace")
            .arg(self.workspace())
            .envs(self.spec.environment.clone());
        let mut master = Process::spawn("master", command, &self.log("master"));
        let ready = eventually(Duration::from_secs(20), || {
            self.get("/api/v1/cluster")
                .map(|_| true)
                .or_else(|| master.exit().map(|_| false))
        });
        if ready != Some(true) {
            master.print_tail();
            panic!("the master does not answer on port {}", self.port);
        }
        self.master = Some(master);
    }

    fn worker_command(&self, mut command: Command) -> Command {
        let number = self.workers.len();
        command
            .args(["worker", "--master", &self.url(), "--host", "127.0.0.1"])
            .args(["--cores", &self.spec.cores.to_string()])
            .args(["--memory", &self.spec.memory])
            .arg("--work-dir")
            .arg(self.folder.path().join(format!("worker-{number}")))
            .envs(self.spec.environment.clone())
            .current_dir(self.workspace());
        command
    }

    fn add_worker(&mut self, command: Command) -> usize {
        let number = self.workers.len();
        let name = format!("worker-{number}");
        let worker = Process::spawn(&name, command, &self.log(&name));
        self.workers.push(Some(worker));
        number
    }

    fn list(&self, path: &str) -> Vec<Value> {
        match self.get(path) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(format!("{name}.log"))
    }
}

/// Clusters that measure time run alone; the others run beside each other.
#[derive(Debug)]
enum Turn {
    Shared(#[allow(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[allow(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

impl Turn {
    fn take(alone: bool) -> Self {
        static TURN: RwLock<()> = RwLock::new(());
        // A test that failed poisons the lock; the next one may run all the same.
        if alone {
            Self::Alone(TURN.write().unwrap_or_else(|poison| poison.into_inner()))
        } else {
            Self::Shared(TURN.read().unwrap_or_else(|poison| poison.into_inner()))
        }
    }
}

/// A port that nobody listens on: below the range that Linux gives to outgoing connections, so that
/// none of these takes it before the process binds it; no number twice in this process.
fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries that run at once begin at different places.
    let begin = (std::process::id() % 97) as u16 * 120;
    loop {
        let port = FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The master's REST routes, on the port of its gRPC server, for callers that are not asynchronous.
#[derive(Debug)]
struct Rest {
    base: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Rest {
    fn new(port: u16, environment: &[(&'static str, String)]) -> Self {
        let variable = |name| {
            let mut found = environment.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| value)
        };
        let mut client = reqwest::Client::builder().timeout(Duration::from_secs(5));
        if let Some(token) = variable("SPRINGALD_TOKEN") {
            let value = format!("Bearer {token}").parse().expect("a token is plain");
            client = client.default_headers([(AUTHORIZATION, value)].into_iter().collect());
        }
        let mut scheme = "http";
        if let Some(ca) = variable("SPRINGALD_TLS_CA") {
            let ca = std::fs::read(ca).expect("the certificate is there");
            let ca = Certificate::from_pem(&ca).expect("a certificate");
            client = client.add_root_certificate(ca);
            scheme = "https";
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self {
            base: format!("{scheme}://127.0.0.1:{port}"),
            client: client.build().expect("a client without TLS files"),
            runtime: runtime.expect("a runtime"),
        }
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        // Some calls wait for what they are to bring about.
        request = request.timeout(Duration::from_secs(60));
        if !body.is_null() {
            request = request.json(body);
        }
        let (status, text) = self.runtime.block_on(async {
            let response = request.send().await.expect("the master answers");
            let status = response.status().as_u16();
            (status, response.text().await.expect("the answer is whole"))
        });
        let value = serde_json::from_str(&text);
        (status, value.unwrap_or(Value::String(text)))
    }

    fn get(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.text(path)?).ok()
    }

    fn text(&self, path: &str) -> Option<String> {
        self.runtime.block_on(async {
            let response = self.client.get(format!("{}{path}", self.base)).send().await;
            let response = response.ok()?.error_for_status().ok()?;
            response.text().await.ok()
        })
    }
}
