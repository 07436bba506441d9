//! Runs the SQL tests of `slt/`: each statement is one `springald sql` against a cluster, so that
//! tables, views and files must last from one session to the next.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use springald_testing::{Cluster, ClusterSpec, Rows, samples};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

#[test]
fn sql_does_what_the_files_say() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("slt can be listed")
        .map(|entry| entry.expect("slt can be listed").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {}", folder.display());
    let mut failed = Vec::new();
    for file in &files {
        // Tables of one file are not there for the next.
        let cluster = Cluster::start(ClusterSpec {
            cores: 2,
            workers: 1,
            ..ClusterSpec::default()
        });
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let out = cluster.workspace().join("dataout").join(&*name);
        fs::create_dir_all(&out).expect("a folder can be made");
        let script = fs::read_to_string(file)
            .expect("a file can be read")
            .replace("$DATA", &samples().display().to_string())
            .replace("$OUT", &out.display().to_string());
        let mut runner = Runner::new(|| async { Ok(Session { cluster: &cluster }) });
        if let Err(e) = runtime.block_on(runner.run_script_with_name_async(&script, &*name)) {
            failed.push(e.to_string());
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} files failed:\n{}",
        failed.len(),
        files.len(),
        failed.join("\n\n")
    );
}

struct Session<'a> {
    cluster: &'a Cluster,
}

#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

#[async_trait]
impl AsyncDB for Session<'_> {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let output = self.cluster.sql(sql);
        if output.code != Some(0) {
            return Err(Refused(output.stderr));
        }
        let Rows { columns, rows } = Rows::parse(&output.stdout);
        if columns.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let cell = |cell: String| {
            if cell.is_empty() {
                "NULL".to_owned()
            } else {
                cell
            }
        };
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; columns.len()],
            rows: rows
                .into_iter()
                .map(|row| row.into_iter().map(cell).collect())
                .collect(),
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "springald"
    }
}
