//! One program that the master started, with a group of its own that a signal reaches as a whole, and its output in a
//! log.

use std::fs;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::os::unix::process::ExitStatusExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a program has to end in when it was asked to.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(5);
/// What is left of its output is read within this; something that it left running may keep the pipe open.
const DRAIN_WITHIN: Duration = Duration::from_millis(500);
/// Bytes of a log at most: a program in a loop must not fill the volume that all share.
const MAX_LOG: usize = 64 << 20;
const LOG_IS_FULL: &str = "\n[the log ends here: it has reached 64 MiB]\n";

/// A program that runs. It is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    output: JoinHandle<()>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// What tells a program from one that has its number later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pid: i32,
    boot: String,
    /// Clock ticks from the boot to its start.
    started: u64,
}

impl Running {
    /// Starts the program; both of its outputs go to `log`.
    pub(super) fn start(mut command: Command, log: tokio::fs::File) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let reader = pipe::Receiver::from_owned_fd(reader.into())?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        // It holds ends of the pipe, which would never be at its end then.
        drop(command);
        Ok(Self {
            child,
            output: tokio::spawn(copy(reader, log)),
        })
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::of(i32::try_from(self.child.id()?).ok()?)
    }

    /// Waits for its end or, when `stop` is cancelled, brings it about. What it printed is in the log then.
    pub(super) async fn wait(mut self, stop: &CancellationToken) -> io::Result<Ended> {
        let status = tokio::select! {
            status = self.child.wait() => status?,
            () = stop.cancelled() => self.end().await?,
        };
        if tokio::time::timeout(DRAIN_WITHIN, &mut self.output)
            .await
            .is_err()
        {
            self.output.abort();
        }
        Ok(Ended {
            code: status.code(),
            signal: status.signal(),
        })
    }

    async fn end(&mut self) -> io::Result<std::process::ExitStatus> {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok());
        let signal = |signal| {
            if let Some(group) = group {
                // Nobody may be left to get it.
                let _ = killpg(Pid::from_raw(group), signal);
            }
        };
        signal(Signal::SIGTERM);
        let ended = tokio::time::timeout(STOP_WITHIN, self.child.wait()).await;
        // Also those that it started and that did not listen.
        signal(Signal::SIGKILL);
        match ended {
            Ok(status) => status,
            Err(_) => self.child.wait().await,
        }
    }
}

/// Writes what comes through the pipe to the log, as far as the log goes; the rest is read all the same, so that
/// nobody waits for it to be read.
async fn copy(mut from: pipe::Receiver, mut log: tokio::fs::File) {
    let mut buffer = vec![0; 64 << 10];
    let mut room = MAX_LOG;
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        if room == 0 {
            continue;
        }
        let kept = read.min(room);
        room -= kept;
        let notice = if room == 0 { LOG_IS_FULL } else { "" };
        let written = async {
            log.write_all(&buffer[..kept]).await?;
            log.write_all(notice.as_bytes()).await?;
            log.flush().await
        };
        if let Err(e) = written.await {
            log::warn!("the log of a batch cannot be written: {e}");
            room = 0;
        }
    }
}

impl Mark {
    fn of(pid: i32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let started = fields.split_whitespace().nth(19)?.parse().ok()?;
        Some(Self {
            pid,
            boot: boot.trim().to_owned(),
            started,
        })
    }

    /// Ends the program, if it is still there, with all that it started: the master that would have told what became
    /// of it is gone.
    pub(super) fn kill(&self) {
        if Self::of(self.pid).as_ref() == Some(self) {
            let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    async fn start(folder: &Path, script: &str) -> Running {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let log = tokio::fs::File::create(folder.join("log")).await.unwrap();
        Running::start(command, log).unwrap()
    }

    fn log(folder: &Path) -> String {
        fs::read_to_string(folder.join("log")).unwrap()
    }

    #[tokio::test]
    async fn both_outputs_are_in_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let running = start(dir.path(), "echo out; echo err >&2; exit 3").await;
        let ended = running.wait(&CancellationToken::new()).await.unwrap();
        assert_eq!((ended.code, ended.signal), (Some(3), None));
        assert_eq!(log(dir.path()), "out\nerr\n");
    }

    #[tokio::test]
    async fn it_ends_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let script = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait";
        let running = start(dir.path(), script).await;
        while log(dir.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let deaf: i32 = log(dir.path()).trim().parse().unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let ended = running.wait(&stop).await.unwrap();
        assert_eq!(ended.signal, Some(Signal::SIGTERM as i32));
        let begun = Instant::now();
        let alive = || {
            let stat = fs::read_to_string(format!("/proc/{deaf}/stat")).ok();
            stat.is_some_and(|stat| !stat.contains(") Z "))
        };
        while alive() {
            assert!(begun.elapsed() < Duration::from_secs(5), "it goes on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_leftover_is_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let running = start(dir.path(), "sleep 60").await;
        let mark = running.mark().unwrap();
        let other = Mark {
            started: mark.started + 1,
            ..mark.clone()
        };
        other.kill();
        let json = serde_json::to_string(&mark).unwrap();
        let read: Mark = serde_json::from_str(&json).unwrap();
        read.kill();
        let ended = running.wait(&CancellationToken::new()).await.unwrap();
        assert_eq!(ended.signal, Some(Signal::SIGKILL as i32));
    }
}
