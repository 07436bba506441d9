//! A script of SQL statements, run one after the other in one session.

use std::path::Path;

use springald_core::Session;
use springald_core::session::split_statements;

use super::{ScriptArgs, params};
use crate::cli::Global;
use crate::error::{Error, Exit, Result, SUCCESS};
use crate::output::{OutputPath, Printer, write_output};
use crate::session::with_session;

pub(super) async fn run(global: &Global, args: &ScriptArgs, file: &Path) -> Result<Exit> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::io(format!("cannot read {}", file.display()), e))?;
    let text = params::substitute(&text, &args.params)
        .map_err(|e| e.within(&file.display().to_string()))?;
    let statements = split_statements(&text);
    if statements.is_empty() {
        return Err(Error::invalid(format!(
            "{} holds no statement",
            file.display()
        )));
    }
    let printer = Printer::stdout(args.format.unwrap_or_default());
    with_session(global, async |session| {
        for (i, statement) in statements.iter().enumerate() {
            let is_last = i + 1 == statements.len();
            let output = args.output.as_ref().filter(|_| is_last);
            run_one(session, statement, printer, output)
                .await
                .map_err(|e| place(e, file, &text, statement))?;
        }
        Ok(())
    })
    .await?;
    Ok(SUCCESS)
}

async fn run_one(
    session: &Session,
    statement: &str,
    printer: Printer,
    output: Option<&OutputPath>,
) -> Result<()> {
    let rows = session.sql(statement).await?;
    let has_rows = !rows.schema().fields().is_empty();
    if !has_rows && output.is_none() {
        return Ok(());
    }
    if !has_rows {
        return Err(
            Error::invalid("the last statement has no rows for --output to write")
                .with_hint("end the script with a query"),
        );
    }
    let explained = |e: Error| match e {
        Error::Core(e) => Error::Core(session.explain(e, statement)),
        other => other,
    };
    let stream = rows
        .execute_stream()
        .await
        .map_err(|e| explained(e.into()))?;
    match output {
        Some(output) => write_output(stream, output).await.map(drop),
        None => printer.print_stream(stream).await.map(drop),
    }
    .map_err(explained)
}

/// The error with the file and line of its statement.
fn place(e: Error, file: &Path, text: &str, statement: &str) -> Error {
    let offset = statement.as_ptr() as usize - text.as_ptr() as usize;
    let line = text[..offset].matches('\n').count() + 1;
    e.within(&format!("{}:{line}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use springald_core::MasterUrl;

    async fn submit(script: &str, args: ScriptArgs) -> Result<Exit> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.sql");
        std::fs::write(&file, script).unwrap();
        let global = Global {
            master: MasterUrl::Local { threads: Some(2) },
            conf: vec![],
        };
        run(&global, &args, &file).await
    }

    #[tokio::test]
    async fn the_last_rows_go_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let args = ScriptArgs {
            params: vec![("n".into(), "41".into())],
            format: None,
            output: Some(path.to_str().unwrap().parse().unwrap()),
        };
        submit(
            "CREATE VIEW v AS SELECT ${n} + 1 AS n; SELECT 'a;b' AS s, n FROM v;",
            args,
        )
        .await
        .unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "s,n\na;b,42\n");
    }

    #[tokio::test]
    async fn errors_name_file_and_line() {
        let script = "CREATE VIEW v AS SELECT 1 AS n;\n\nSELECT m\nFROM v;";
        let e = submit(script, ScriptArgs::default()).await.unwrap_err();
        assert!(e.to_string().contains("x.sql:3: "), "{e}");
        let e = submit("-- nothing", ScriptArgs::default())
            .await
            .unwrap_err();
        assert!(e.to_string().contains("no statement"), "{e}");
    }
}
