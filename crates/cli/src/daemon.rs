//! `springald master` and `springald worker`: processes that run until they are told to stop.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use springald_core::{DEFAULT_PORT, MasterUrl, session};
use springald_executor::WorkerOptions;
use springald_scheduler::{Master, MasterOptions, Retention};
use tokio::io::AsyncReadExt;

use crate::cli::{bytes, master_url};
use crate::error::{Error, Exit, Result, SUCCESS};
use crate::logging::LogFormat;
use crate::session::told_to_stop;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A limit that the container or machine sets where nobody else does. An empty text is as good as none: that
/// is what a compose file makes of a variable that is not set.
type Limit<T> = Option<T>;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald master                                   for this machine alone
  springald master --host 0.0.0.0                    for a network
  springald master --host 0.0.0.0 --external-host 192.168.1.10 --workspace /mnt/shared

Clients need port 7077 and, for pages and REST from a browser, 8080; workers need 7077.
SPRINGALD_LOG sets what is logged, such as `debug` or `warn,springald=debug`.")]
pub(crate) struct MasterArgs {
    /// Address to listen on; 0.0.0.0 for all networks
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SPRINGALD_HOST",
        default_value = "127.0.0.1",
        hide_env_values = true
    )]
    host: String,

    /// Port for clients and workers, 0 for a free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// Port for pages and REST, 0 for a free one
    #[arg(long, default_value_t = 8080)]
    ui_port: u16,

    /// The shared volume, at the same path on the master and every worker
    #[arg(
        long,
        value_name = "DIR",
        env = "SPRINGALD_WORKSPACE",
        default_value_os_t = session::workspace(),
        hide_default_value = true,
        hide_env_values = true
    )]
    workspace: PathBuf,

    /// Name or address under which workers reach this master; by default --host, or this machine's name
    #[arg(
        long,
        value_name = "HOST",
        env = "SPRINGALD_EXTERNAL_HOST",
        hide_env_values = true
    )]
    external_host: Option<String>,

    /// Seconds without a word after which a worker is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    worker_timeout: u64,

    /// Batches that run at a time, as processes beside the master; 0 to take none
    #[arg(long, value_name = "N", default_value_t = 4)]
    batches: usize,

    /// Days that the records of jobs are kept in `events` of the workspace, 0 for ever
    #[arg(
        long,
        value_name = "DAYS",
        env = "SPRINGALD_HISTORY_DAYS",
        default_value_t = 30,
        hide_env_values = true
    )]
    history_days: u32,

    /// Size of all records of jobs, the oldest of which go first; 0 records nothing
    #[arg(
        long,
        value_name = "SIZE",
        env = "SPRINGALD_HISTORY_SIZE",
        default_value = "1GiB",
        hide_env_values = true,
        value_parser = bytes
    )]
    history_size: u64,

    /// Let nobody run SQL from a page
    #[arg(long, env = "SPRINGALD_NO_SQL_PAGE", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    no_sql_page: bool,

    #[command(flatten)]
    process: ProcessArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  springald worker --master springald://master:7077
  springald worker --master springald://master:7077 --cores 4 --memory 8GiB
  springald worker --master springald://192.168.1.10:7077 --host 192.168.1.11 --work-dir /mnt/fast/springald

Cores and memory are by default what the container, else the machine, has. On SIGTERM a worker
finishes its tasks, within --drain-limit, and leaves.")]
pub(crate) struct WorkerArgs {
    /// The master to join: springald://HOST:PORT
    #[arg(
        long,
        value_name = "URL",
        env = "SPRINGALD_MASTER",
        default_value = "springald://127.0.0.1:7077",
        hide_env_values = true,
        value_parser = master_url
    )]
    master: MasterUrl,

    /// Tasks at a time
    #[arg(long, value_name = "N", env = "WORKER_CORES", default_value = "", hide_default_value = true, hide_env_values = true, value_parser = cores)]
    cores: Limit<usize>,

    /// Memory of the whole process, such as 2GiB
    #[arg(long, value_name = "SIZE", env = "WORKER_MEMORY", default_value = "", hide_default_value = true, hide_env_values = true, value_parser = memory)]
    memory: Limit<u64>,

    /// Folder for shuffled and spilled data; by default a new one under the system's temporary folder
    #[arg(
        long,
        value_name = "DIR",
        env = "SPRINGALD_WORK_DIR",
        hide_env_values = true
    )]
    work_dir: Option<PathBuf>,

    /// Address that the master and the other workers reach this one at; by default the one from which it
    /// reaches the master
    #[arg(
        long,
        value_name = "HOST",
        env = "SPRINGALD_HOST",
        hide_env_values = true
    )]
    host: Option<String>,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    bind: String,

    /// Port for shuffled data, 0 for a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Port for tasks, 0 for a free one
    #[arg(long, default_value_t = 0)]
    grpc_port: u16,

    /// Seconds that a worker which was told to stop goes on for the sake of running jobs
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_limit: u64,

    #[command(flatten)]
    process: ProcessArgs,
}

#[derive(Debug, clap::Args)]
struct ProcessArgs {
    /// How log lines look
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SPRINGALD_LOG_FORMAT",
        hide_env_values = true
    )]
    log_format: LogFormat,

    /// Stop when standard input closes: for a cluster that belongs to one client process
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

impl MasterArgs {
    pub(crate) fn log_format(&self) -> LogFormat {
        self.process.log_format
    }
}

impl WorkerArgs {
    pub(crate) fn log_format(&self) -> LogFormat {
        self.process.log_format
    }
}

pub(crate) async fn master(args: MasterArgs) -> Result<Exit> {
    let workspace = std::path::absolute(&args.workspace)
        .map_err(|e| Error::io(format!("cannot use {}", args.workspace.display()), e))?;
    let master = Master::start(MasterOptions {
        host: args.host,
        port: args.port,
        ui_port: Some(args.ui_port),
        workspace,
        external_host: args.external_host.filter(|host| !host.is_empty()),
        worker_timeout: Duration::from_secs(args.worker_timeout),
        batches_at_once: args.batches,
        history: Retention {
            age: (args.history_days > 0).then(|| DAY.saturating_mul(args.history_days)),
            bytes: args.history_size,
        },
        sql_page: !args.no_sql_page,
    })
    .await?;
    let mut line = format!("springald master is ready at springald://{}", master.addr());
    if let Some(pages) = master.ui_addr() {
        line.push_str(&format!(" and http://{pages}"));
    }
    // Whoever started it may not listen.
    let _ = writeln!(std::io::stdout(), "{line}");
    let stdin = args.process.until_stdin_closes;
    master
        .serve_until(async {
            tokio::select! {
                () = told_to_stop() => {}
                () = stdin_closes(), if stdin => {}
            }
        })
        .await;
    Ok(SUCCESS)
}

pub(crate) async fn worker(args: WorkerArgs) -> Result<Exit> {
    let MasterUrl::Cluster { host, port } = args.master else {
        return Err(Error::usage(
            format!(
                "a worker joins a running cluster, and the master is {}",
                args.master
            ),
            "add --master springald://HOST:7077, or set SPRINGALD_MASTER to it",
        ));
    };
    if args.process.until_stdin_closes {
        tokio::spawn(async {
            stdin_closes().await;
            // The worker looks after signals itself: the first lets it finish, the second ends it.
            let _ = raise(Signal::SIGTERM);
            tokio::time::sleep(Duration::from_secs(2)).await;
            let _ = raise(Signal::SIGTERM);
        });
    }
    let options = WorkerOptions {
        master_host: host,
        master_port: port,
        cores: args.cores,
        memory: args.memory,
        work_dir: args.work_dir.filter(|dir| !dir.as_os_str().is_empty()),
        host: args.host.filter(|host| !host.is_empty()),
        bind: args.bind,
        port: args.port,
        grpc_port: args.grpc_port,
        drain_limit: Duration::from_secs(args.drain_limit),
        ..WorkerOptions::default()
    };
    springald_executor::run(options).await.map_err(|e| {
        let failed = Error::failed(e.to_string());
        match e.hint() {
            Some(hint) => failed.with_hint(hint),
            None => failed,
        }
    })?;
    Ok(SUCCESS)
}

/// Returns when nobody holds the other end of standard input any more.
async fn stdin_closes() {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 256];
    while stdin.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
}

fn cores(text: &str) -> Result<Limit<usize>, String> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(n) if n > 0 => Ok(Some(n)),
            _ => Err("write a whole number from 1".to_owned()),
        },
    }
}

fn memory(text: &str) -> Result<Limit<u64>, String> {
    match text.trim() {
        "" => Ok(None),
        text => bytes(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        args: WorkerArgs,
    }

    #[test]
    fn limits_are_given_or_left_to_the_container() {
        let parse = |line: &str| Only::try_parse_from(line.split(' ')).map(|only| only.args);
        let given = parse("worker --cores 4 --memory 2g").unwrap();
        assert_eq!((given.cores, given.memory), (Some(4), Some(2 << 30)));
        let empty = parse("worker --cores= --memory=").unwrap();
        assert_eq!((empty.cores, empty.memory), (None, None));
        assert!(parse("worker --cores 0").is_err());
        assert!(parse("worker --memory much").is_err());
    }

    #[tokio::test]
    async fn a_worker_needs_a_cluster() {
        let args = Only::try_parse_from(["worker", "--master", "local[2]"])
            .unwrap()
            .args;
        let e = worker(args).await.unwrap_err();
        assert!(e.to_string().contains("local[2]"), "{e}");
    }
}
