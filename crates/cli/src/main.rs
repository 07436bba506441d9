use std::process::ExitCode;

fn main() -> ExitCode {
    springald_cli::run(std::env::args_os()).into()
}
