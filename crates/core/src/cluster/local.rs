//! `local-cluster[W,C]`: a master and workers as child processes on loopback.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::rest;
use crate::error::{Error, Result};

/// How long the processes may take to be up.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The child processes. They are killed when this is dropped, and leave by themselves when this process dies:
/// each watches its standard input, which closes with us.
pub struct LocalCluster {
    port: u16,
    _children: Vec<Child>,
    _logs: tempfile::TempDir,
}

impl LocalCluster {
    pub async fn start(workers: usize, cores: usize, workspace: &Path) -> Result<Self> {
        let binary = program()?;
        let logs = tempfile::tempdir()
            .map_err(|e| Error::failed(format!("cannot make a temporary folder: {e}")))?;
        let mut master = Command::new(&binary);
        master
            .args([
                "master",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--ui-port",
                "0",
                "--workspace",
            ])
            .arg(workspace);
        let mut master = spawn(&mut master, logs.path(), "master")?;
        let port = announced_port(&mut master, logs.path()).await?;
        let mut children = vec![master];
        for index in 0..workers {
            let mut worker = Command::new(&binary);
            worker.args([
                "worker",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--grpc-port",
                "0",
            ]);
            worker.args(["--master", &format!("springald://127.0.0.1:{port}")]);
            worker.args(["--cores", &cores.to_string()]);
            children.push(spawn(&mut worker, logs.path(), &format!("worker-{index}"))?);
        }
        wait_for_workers(port, workers, logs.path()).await?;
        Ok(Self {
            port,
            _children: children,
            _logs: logs,
        })
    }

    pub fn address(&self) -> (String, u16) {
        ("127.0.0.1".to_owned(), self.port)
    }
}

fn spawn(command: &mut Command, logs: &Path, name: &str) -> Result<Child> {
    let failed = |e| Error::failed(format!("cannot start a {name} process: {e}"));
    let log = std::fs::File::create(logs.join(name)).map_err(failed)?;
    command
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)
}

/// The port in the line that a master prints when it is ready.
async fn announced_port(master: &mut Child, logs: &Path) -> Result<u16> {
    let stdout = master
        .stdout
        .take()
        .ok_or_else(|| Error::failed("the master process has no output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(START_LIMIT, lines.next_line()).await;
    let port = match &line {
        Ok(Ok(Some(line))) => line.split_whitespace().find_map(|word| {
            word.strip_prefix("springald://")?
                .rsplit_once(':')?
                .1
                .parse()
                .ok()
        }),
        _ => None,
    };
    port.ok_or_else(|| not_up("the master did not start", logs, "master"))
}

async fn wait_for_workers(port: u16, workers: usize, logs: &Path) -> Result<()> {
    let client = rest::Client::new("127.0.0.1", port)?;
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if client
            .workers()
            .await
            .is_ok_and(|seen| seen.len() >= workers)
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(not_up("the workers did not register", logs, "worker-0"))
}

fn not_up(what: &str, logs: &Path, name: &str) -> Error {
    let log = std::fs::read_to_string(logs.join(name)).unwrap_or_default();
    let mut last: Vec<_> = log.lines().rev().take(5).collect();
    last.reverse();
    Error::failed(format!("{what}: {}", last.join("\n  ")))
}

/// The `springald` command: this process, if it is one, else the one of `$SPRINGALD_BIN`, beside the Python that
/// runs it, or on the path.
///
/// # Errors
/// If there is none.
pub fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("SPRINGALD_BIN") {
        return Ok(program.into());
    }
    let here = std::env::current_exe().ok();
    if let Some(here) = here.filter(|exe| exe.file_stem().is_some_and(|name| name == "springald")) {
        return Ok(here);
    }
    // The Python package names its interpreter; a virtual environment need not be on the path.
    let python = std::env::var_os("SPRINGALD_PYTHON").map(PathBuf::from);
    let beside = python.as_deref().and_then(Path::parent).map(Path::to_owned);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&paths))
        .map(|dir| dir.join("springald"))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            Error::failed("the `springald` command is not on the path")
                .with_hint("install it, or name it in SPRINGALD_BIN")
        })
}
