//! `springald submit --detach`: the master runs the file.

use std::io::Write;
use std::path::Path;

use springald_core::MasterUrl;
use springald_core::rest::Client;
use springald_core::submission::{Argument, BatchRequest, FileBatch, SqlBatch};

use super::Kind;
use crate::error::{Error, Exit, Result, SUCCESS, say};

/// Sends the file, or where it is, and prints the id of the batch.
pub(super) async fn run(
    master: &MasterUrl,
    kind: Kind,
    file: &str,
    args: Vec<String>,
) -> Result<Exit> {
    let MasterUrl::Cluster { host, port } = master else {
        return Err(Error::usage(
            format!("--detach leaves the work to a running cluster, and the master is {master}"),
            "add --master springald://HOST:7077, or set SPRINGALD_MASTER to it",
        ));
    };
    let client = Client::new(host, *port)?;
    let workspace = client.cluster().await?.workspace;
    let request = request(kind, file, args, Path::new(&workspace))?;
    let batch = client.submit_batch(&request).await?;
    writeln!(std::io::stdout(), "{}", batch.id).map_err(Error::Stdout)?;
    say(&format!(
        "hint: springald batches {} --follow shows what it prints",
        batch.id
    ));
    Ok(SUCCESS)
}

/// A file of the workspace goes by its path there, also where this machine does not see it; another script as text.
fn request(kind: Kind, file: &str, args: Vec<String>, workspace: &Path) -> Result<BatchRequest> {
    let args = args.into_iter().map(Argument).collect();
    let name = Path::new(file).file_name();
    let name = name.map(|name| name.to_string_lossy().into_owned());
    let Ok(here) = Path::new(file).canonicalize() else {
        let file = file.to_owned();
        return Ok(BatchRequest::File(FileBatch { file, args, name }));
    };
    let root = workspace.canonicalize();
    let root = root.as_deref().unwrap_or(workspace);
    if let Some(relative) = here.strip_prefix(root).ok().and_then(Path::to_str) {
        let file = relative.to_owned();
        return Ok(BatchRequest::File(FileBatch { file, args, name }));
    }
    match kind {
        Kind::Sql => {
            let sql = std::fs::read_to_string(&here)
                .map_err(|e| Error::io(format!("cannot read {file}"), e))?;
            Ok(BatchRequest::Sql(SqlBatch { sql, args, name }))
        }
        Kind::Python => Err(Error::invalid(format!(
            "{file} is not in the cluster's workspace {}, where the master could run it",
            workspace.display()
        ))
        .with_hint("copy it there, or leave --detach out to run it here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_goes_as_text_unless_it_is_in_the_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("workspace");
        std::fs::create_dir_all(workspace.join("jobs")).unwrap();
        for place in ["x.sql", "x.py", "workspace/jobs/x.sql"] {
            std::fs::write(dir.path().join(place), "SELECT 1").unwrap();
        }
        let ask = |kind, file: &str| {
            let file = dir.path().join(file);
            request(kind, file.to_str().unwrap(), vec!["-v".into()], &workspace)
        };
        let text = ask(Kind::Sql, "x.sql").unwrap();
        assert!(matches!(&text, BatchRequest::Sql(batch) if batch.sql == "SELECT 1"));
        assert_eq!(text.name(), Some("x.sql"));
        let file = ask(Kind::Sql, "workspace/jobs/x.sql").unwrap();
        assert!(matches!(&file, BatchRequest::File(batch) if batch.file == "jobs/x.sql"));
        let e = ask(Kind::Python, "x.py").unwrap_err();
        assert!(e.to_string().contains("workspace"), "{e}");
    }

    #[test]
    fn a_path_that_only_the_master_sees_is_left_to_it() {
        let batch = request(Kind::Python, "jobs/no-such.py", vec![], Path::new("/w")).unwrap();
        assert!(matches!(batch, BatchRequest::File(batch) if batch.file == "jobs/no-such.py"));
    }
}
