//! The command line: what `springald --help` shows, and which module does it.

use std::io::Write;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use springald_core::MasterUrl;
use springald_core::rest::Client;

use crate::error::{Error, Exit, Result, SUCCESS};
use crate::output::{Format, OutputPath};
use crate::{cluster, daemon, datagen, doctor, history, jobs, logging, sql, submit, verify};

#[derive(Debug, Parser)]
#[command(
    name = "springald",
    version,
    about = "Distributed SQL and dataframes: master, workers and clients in one program",
    after_help = "Examples:
  springald sql -e \"SELECT count(*) FROM 'data.parquet'\"      in this process
  springald master                                            a cluster: its master,
  springald worker --master springald://localhost:7077        a worker,
  export SPRINGALD_MASTER=springald://localhost:7077
  springald workers                                           and what is there
  springald run pi 10",
    disable_help_subcommand = true,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the master of a cluster
    Master(Box<daemon::MasterArgs>),
    /// Run a worker of a cluster
    Worker(Box<daemon::WorkerArgs>),
    /// Show recorded jobs, without a master
    History(history::HistoryArgs),
    /// Ask SQL, one statement or many, at a prompt or from a file
    Sql {
        #[command(flatten)]
        args: sql::SqlArgs,
        #[command(flatten)]
        global: Global,
    },
    /// Run a script of SQL statements or a Python program
    Submit(submit::SubmitArgs),
    /// Run a job that comes with springald
    Run(jobs::RunArgs),
    /// List the workers of a cluster
    Workers(cluster::WorkersArgs),
    /// List the jobs of a cluster, or show one
    Jobs(cluster::JobsArgs),
    /// List the batches that a cluster runs, or show what one prints
    Batches(cluster::BatchesArgs),
    /// End jobs and batches of a cluster
    Kill(cluster::KillArgs),
    /// Check a cluster, and say how to mend what is wrong
    Doctor(doctor::DoctorArgs),
    /// Make sample data
    Datagen(datagen::DatagenArgs),
    /// Repeat what a receipt of the bench says, and compare the answer
    Verify(verify::VerifyArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  springald completions bash > /etc/bash_completion.d/springald
  springald completions zsh > ~/.zfunc/_springald
  springald completions fish > ~/.config/fish/completions/springald.fish")]
    Completions { shell: Shell },
}

/// What every command that runs work in a session takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// Where the work runs: local[N], local[*], local-cluster[WORKERS,CORES] or springald://HOST:PORT
    #[arg(
        long,
        value_name = "URL",
        env = "SPRINGALD_MASTER",
        hide_env_values = true,
        default_value = "local[*]",
        value_parser = master_url,
        global = true
    )]
    pub(crate) master: MasterUrl,

    /// Set a configuration key of the session; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, global = true)]
    pub(crate) conf: Vec<(String, String)>,
}

impl Global {
    /// The same with a name for the jobs, as `springald jobs` lists them, unless --conf gives one.
    pub(crate) fn named(mut self, name: &str) -> Self {
        // Later ones win.
        let key = "springald.app_name".to_owned();
        self.conf.insert(0, (key, name.to_owned()));
        self
    }
}

/// What every command that asks a running cluster takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ClusterArgs {
    /// The cluster to ask: springald://HOST:PORT
    #[arg(
        long,
        value_name = "URL",
        env = "SPRINGALD_MASTER",
        hide_env_values = true,
        default_value = "local[*]",
        hide_default_value = true,
        value_parser = master_url
    )]
    pub(crate) master: MasterUrl,
}

impl ClusterArgs {
    /// Host and port of the cluster's master; `command` is named where there is none.
    pub(crate) fn address(&self, command: &str) -> Result<(&str, u16)> {
        match &self.master {
            MasterUrl::Cluster { host, port } => Ok((host, *port)),
            other => Err(Error::usage(
                format!("`springald {command}` asks a running cluster, and the master is {other}"),
                "add --master springald://HOST:7077, or set SPRINGALD_MASTER to it",
            )),
        }
    }

    pub(crate) fn client(&self, command: &str) -> Result<Client> {
        let (host, port) = self.address(command)?;
        Ok(Client::new(host, port)?)
    }
}

/// Where the rows of a command go.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OutputArgs {
    /// How rows are shown
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(crate) format: Format,

    /// Write the rows to a file; its ending names the format: .parquet .arrow .csv .tsv .json .ndjson
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) output: Option<OutputPath>,
}

/// Runs the command and says which status to exit with.
pub(crate) async fn dispatch(cli: Cli) -> Result<Exit> {
    match &cli.command {
        Command::Master(args) => logging::daemon(args.log_format()),
        Command::Worker(args) => logging::daemon(args.log_format()),
        Command::History(args) => logging::daemon(args.log_format()),
        _ => logging::client(),
    }
    match cli.command {
        Command::Master(args) => daemon::master(*args).await,
        Command::History(args) => history::run(args).await,
        Command::Worker(args) => daemon::worker(*args).await,
        Command::Sql { args, global } => Ok(sql::run(args, global).await?),
        Command::Submit(args) => submit::run(args).await,
        Command::Run(args) => jobs::run(args).await,
        Command::Workers(args) => cluster::workers(args).await,
        Command::Jobs(args) => cluster::jobs(args).await,
        Command::Batches(args) => cluster::batches(args).await,
        Command::Kill(args) => cluster::kill(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Datagen(args) => datagen::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: Shell) -> Result<Exit> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "springald", &mut script);
    std::io::stdout()
        .write_all(&script)
        .map_err(Error::Stdout)?;
    Ok(SUCCESS)
}

/// A master URL; an empty one, which a compose file easily sets, is as good as none.
pub(crate) fn master_url(text: &str) -> Result<MasterUrl, String> {
    if text.is_empty() {
        return Ok(MasterUrl::Local { threads: None });
    }
    text.parse::<MasterUrl>().map_err(|e| with_hint(&e))
}

/// `KEY=VALUE`; the value may hold further `=`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// A size in bytes: `256MB`, `1GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    springald_core::config::parse_bytes(text).map_err(|e| with_hint(&e))
}

fn with_hint(e: &springald_core::Error) -> String {
    match e.hint() {
        Some(hint) => format!("{}; {hint}", e.message()),
        None => e.message(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(
                help.is_some_and(|text| text.contains("Examples:")),
                "springald {} --help",
                command.get_name()
            );
        }
    }

    #[test]
    fn flags_stand_before_or_after_a_built_in_job() {
        for line in [
            "springald run --master local[2] pi 10",
            "springald run pi 10 --master local[2]",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let Command::Run(args) = cli.command else {
                panic!("{line}")
            };
            assert_eq!(args.global().master.to_string(), "local[2]");
        }
    }

    #[test]
    fn local_masters_are_no_cluster() {
        let args = ClusterArgs {
            master: master_url("local[1]").unwrap(),
        };
        let e = args.address("workers").unwrap_err();
        assert!(e.to_string().contains("local[1]"), "{e}");
    }

    #[test]
    fn pairs_keep_their_later_equal_signs() {
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(key_value("a").is_err());
        assert!(key_value("=b").is_err());
    }
}
