use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::rows::Rows;
use crate::wait::eventually;

/// The `springald` binary under test: `$SPRINGALD_BIN`, else the one that cargo built beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SPRINGALD_BIN") {
        return path.into();
    }
    // target/release/deps/cluster-0123456789abcdef → target/release/springald
    let test = std::env::current_exe().expect("a test knows its own path");
    let found = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("springald"))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "no springald binary beside {}: run `make build`, or set SPRINGALD_BIN",
            test.display()
        )
    })
}

/// The binary as a command, free of what the developer's environment sets for it.
pub fn springald() -> Command {
    let mut command = Command::new(binary());
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("SPRINGALD_") {
            command.env_remove(key);
        }
    }
    command
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub command: String,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Output {
    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.code == Some(0), "should have succeeded: {self}");
        self
    }

    /// Fails the test unless the command failed by itself, with each of `words` in what it said.
    #[track_caller]
    pub fn refused(self, words: &[&str]) -> Self {
        if let Some(complaint) = self.not_refused(words) {
            panic!("{complaint}");
        }
        self
    }

    /// What [`Output::refused`] would complain about, for tests that go through a list.
    pub fn not_refused(&self, words: &[&str]) -> Option<String> {
        let said = self.stderr.to_lowercase();
        if self.code.is_none_or(|code| code == 0) {
            return Some(format!("should have failed: {self}"));
        }
        if said.contains("panicked at") || said.contains("internal error") {
            return Some(format!("should have failed in the user's words: {self}"));
        }
        let missing = words
            .iter()
            .find(|word| !said.contains(&word.to_lowercase()));
        missing.map(|word| format!("should have said {word:?}: {self}"))
    }

    /// The rows of a command that succeeded and printed CSV with a header.
    #[track_caller]
    pub fn rows(self) -> Rows {
        let output = self.ok();
        Rows::parse(&output.stdout)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
            took,
        } = self;
        write!(
            f,
            "{command}\nexit {code:?} after {took:?}\n-- stdout\n{}\n-- stderr\n{}",
            cut(stdout),
            cut(stderr)
        )
    }
}

/// Runs `command` to its end; one that still runs after `limit` is killed and fails the test.
#[track_caller]
pub fn run(mut command: Command, limit: Duration) -> Output {
    // Files, not pipes: a grandchild that outlives the command can't hold up the test by holding a pipe.
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let err = tempfile::NamedTempFile::new().expect("a temporary file");
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.reopen().expect("a temporary file opens"))
        .stderr(err.reopen().expect("a temporary file opens"));
    let start = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let group = Pid::from_raw(child.id().cast_signed());
    let status = eventually(limit, || {
        child.try_wait().expect("a child can be waited for")
    });
    let took = start.elapsed();
    // Whatever it started, such as the processes of a `local-cluster`, must not outlive it.
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
    let output = Output {
        command: format!("{command:?}"),
        code: status.and_then(|status| status.code()),
        stdout: text(out.reopen()),
        stderr: text(err.reopen()),
        took,
    };
    assert!(status.is_some(), "still ran after {limit:?}: {output}");
    output
}

fn text(file: std::io::Result<File>) -> String {
    let mut bytes = Vec::new();
    file.and_then(|mut file| file.read_to_end(&mut bytes))
        .expect("a temporary file is read");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn cut(text: &str) -> String {
    const MOST: usize = 4000;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
