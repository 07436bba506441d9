//! `springald submit`: a script of SQL statements, run here, or a Python program, run by Python.

mod detach;
mod params;
mod python;
mod script;

use std::path::Path;

use clap::{Parser, ValueEnum};
use springald_core::MasterUrl;

use crate::cli::{Global, key_value, master_url};
use crate::error::{Error, Exit, Result};
use crate::output::{Format, OutputPath};

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "springald submit [OPTIONS] FILE.sql [OPTIONS]\n       springald submit [OPTIONS] FILE.py [ARGS]...",
    after_help = "Examples:
  springald submit report.sql
  springald submit report.sql --param day=2026-11-01 --param limit=10
  springald submit report.sql --format csv --output report.csv
  springald submit --master springald://localhost:7077 train.py --epochs 10
  springald submit --detach notebooks/jobs/report.sql --param day=2026-11-01

In a script, ${name} stands for a parameter: a number as it is, anything else as a string in
quotes. Within quotes it is the bare text: '${dir}/sales.parquet', \"${table}\".

A Python program gets everything behind its name, and the master's URL in SPRINGALD_MASTER.

With --detach the master runs the file, which has to be in its workspace, or be a script. The command
prints the id of the batch; `springald batches ID --follow` shows what it prints."
)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    global: Global,

    #[command(flatten)]
    script: ScriptArgs,

    /// Have the master run it, and do not wait
    #[arg(long)]
    detach: bool,

    /// The script (.sql) or program (.py), and for a program its arguments
    #[arg(
        value_name = "FILE",
        required = true,
        num_args = 1..,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

/// What a SQL script takes beside the session's flags.
#[derive(Debug, Default, clap::Args)]
struct ScriptArgs {
    /// Give ${KEY} of a SQL script a value; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = key_value)]
    params: Vec<(String, String)>,

    /// How rows are shown
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Write the rows of the last query to a file; its ending names the format
    #[arg(long, value_name = "FILE")]
    output: Option<OutputPath>,
}

/// Flags behind `FILE.sql`. What stands behind `FILE.py` belongs to the program, so the two cannot share one
/// parser.
#[derive(Debug, Parser)]
#[command(name = "springald submit FILE.sql", no_binary_name = true)]
struct Tail {
    #[arg(long, value_name = "URL", value_parser = master_url)]
    master: Option<MasterUrl>,
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    conf: Vec<(String, String)>,
    #[command(flatten)]
    script: ScriptArgs,
    #[arg(long)]
    detach: bool,
}

pub(crate) async fn run(args: SubmitArgs) -> Result<Exit> {
    let SubmitArgs {
        mut global,
        mut script,
        mut detach,
        command,
    } = args;
    let Some((file, rest)) = command.split_first() else {
        return Err(Error::usage("no file is given", "springald submit FILE"));
    };
    // What the master runs need not be here.
    let kind = match detach {
        true => Kind::by_ending(file)?,
        false => Kind::of(file)?,
    };
    if let Kind::Python = kind {
        if !script.is_empty() || !global.conf.is_empty() {
            return Err(Error::usage(
                "--param, --conf, --format and --output are for SQL scripts",
                format!(
                    "write the program's own arguments behind its name: springald submit {file} ARGS"
                ),
            ));
        }
        return match detach {
            true => detach::run(&global.master, kind, file, rest.to_vec()).await,
            false => python::run(&global.master, file, rest),
        };
    }
    // A wrong flag behind the file ends the process here, as one before it would have.
    let tail = Tail::try_parse_from(rest).unwrap_or_else(|e| e.exit());
    global.master = tail.master.unwrap_or(global.master);
    global.conf.extend(tail.conf);
    script.params.extend(tail.script.params);
    script.format = tail.script.format.or(script.format);
    script.output = tail.script.output.or(script.output);
    detach |= tail.detach;
    if detach {
        let args = script.flags(&global.conf);
        return detach::run(&global.master, kind, file, args).await;
    }
    let file = Path::new(file);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    script::run(&global.named(&name), &script, file).await
}

impl ScriptArgs {
    fn is_empty(&self) -> bool {
        self.params.is_empty() && self.format.is_none() && self.output.is_none()
    }

    /// The flags that say the same.
    fn flags(&self, conf: &[(String, String)]) -> Vec<String> {
        let pairs = |flag: &str, pairs: &[(String, String)]| {
            let pair =
                |(key, value): &(String, String)| [flag.to_owned(), format!("{key}={value}")];
            pairs.iter().flat_map(pair).collect::<Vec<_>>()
        };
        let mut flags = pairs("--conf", conf);
        flags.extend(pairs("--param", &self.params));
        if let Some(format) = self.format.and_then(|format| format.to_possible_value()) {
            flags.extend(["--format".to_owned(), format.get_name().to_owned()]);
        }
        if let Some(output) = &self.output {
            flags.extend(["--output".to_owned(), output.to_string()]);
        }
        flags
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sql,
    Python,
}

impl Kind {
    /// The kind of a file that is there.
    fn of(file: &str) -> Result<Self> {
        let kind = Self::by_ending(file);
        match Path::new(file).metadata() {
            Ok(metadata) if metadata.is_file() => kind,
            _ if file.starts_with('-') => kind,
            Ok(_) => Err(Error::invalid(format!("{file} is no file"))),
            Err(e) => Err(Error::io(format!("cannot read {file}"), e)),
        }
    }

    fn by_ending(file: &str) -> Result<Self> {
        if file.starts_with('-') {
            return Err(Error::usage(
                format!("unexpected argument '{file}' before the file"),
                "springald submit --help lists the flags; those of a program stand behind its name",
            ));
        }
        match Path::new(file)
            .extension()
            .and_then(|ending| ending.to_str())
        {
            Some("sql") => Ok(Self::Sql),
            Some("py") => Ok(Self::Python),
            _ => Err(
                Error::invalid(format!("cannot tell what {file} is from its ending")).with_hint(
                    "submit takes a script of SQL statements (.sql) or a Python program (.py)",
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        args: SubmitArgs,
    }

    fn parse(line: &str) -> SubmitArgs {
        Only::try_parse_from(line.split(' ')).unwrap().args
    }

    #[test]
    fn a_program_gets_everything_behind_its_name() {
        let args = parse("submit --master local[2] job.py --master x --param 1 -v");
        assert_eq!(
            args.command,
            ["job.py", "--master", "x", "--param", "1", "-v"]
        );
        assert_eq!(args.global.master.to_string(), "local[2]");
    }

    #[test]
    fn a_script_takes_flags_on_both_sides() {
        let args = parse("submit --param a=1 job.sql --param b=2 --format csv");
        let tail = Tail::try_parse_from(&args.command[1..]).unwrap();
        assert_eq!(args.script.params, [("a".to_owned(), "1".to_owned())]);
        assert_eq!(tail.script.params, [("b".to_owned(), "2".to_owned())]);
        assert_eq!(tail.script.format, Some(Format::Csv));
        assert!(Tail::try_parse_from(["--parm", "b=2"]).is_err());
    }

    #[test]
    fn what_is_detached_keeps_its_flags() {
        let args = parse("submit --detach --conf a.b=1 --param c=d=e --format csv job.sql");
        assert!(args.detach);
        assert_eq!(
            args.script.flags(&args.global.conf),
            ["--conf", "a.b=1", "--param", "c=d=e", "--format", "csv"]
        );
        assert!(Tail::try_parse_from(["--detach"]).unwrap().detach);
    }

    #[test]
    fn files_are_looked_at_first() {
        let e = Kind::of("/nowhere/x.sql").unwrap_err();
        assert!(e.to_string().contains("/nowhere/x.sql"), "{e}");
        let other = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        let e = Kind::of(other.path().to_str().unwrap()).unwrap_err();
        assert!(e.to_string().contains("ending"), "{e}");
        assert!(Kind::of("--frobnicate").is_err());
        // The whole command line agrees.
        assert!(Cli::try_parse_from(["springald", "submit"]).is_err());
    }
}
