use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::command::{run, springald};
use crate::samples::scratch;

/// The type that the Arrow schema inside the Parquet files gives to strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strings {
    Utf8,
    Utf8View,
}

/// Threads of this process would make the same files at once.
static MAKING: Mutex<()> = Mutex::new(());

/// TPC-H's eight tables as Parquet files, made once a machine and kept beside the test executables.
#[derive(Debug)]
pub struct Tpch {
    folder: PathBuf,
}

impl Tpch {
    pub const TABLES: [&str; 8] = [
        "customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier",
    ];

    /// `scale` is TPC-H's scale factor: `1` is about 1 GB of text.
    pub fn make(scale: &str, strings: Strings) -> Self {
        let name = match strings {
            Strings::Utf8 => "utf8",
            Strings::Utf8View => "utf8view",
        };
        let _one = MAKING.lock();
        let folder = scratch(&format!("tpch-sf{scale}-{name}"));
        if !folder.is_dir() {
            // Another test process may make the same: each makes its own, and the first rename wins.
            let own = scratch(&format!("tpch-sf{scale}-{name}-{}.tmp", std::process::id()));
            let mut command = springald();
            command
                .args(["datagen", "tpch", "--scale", scale, "--strings", name])
                .arg("--out")
                .arg(&own);
            run(command, Duration::from_secs(600)).ok();
            if fs::rename(&own, &folder).is_err() {
                assert!(folder.is_dir(), "cannot make {}", folder.display());
                let _ = fs::remove_dir_all(&own);
            }
        }
        Self { folder }
    }

    /// Statements that make the tables; they may be there already.
    pub fn tables(&self) -> String {
        let make = |table| {
            format!(
                "CREATE EXTERNAL TABLE IF NOT EXISTS {table} STORED AS PARQUET LOCATION '{}';\n",
                self.path(table).display()
            )
        };
        Self::TABLES.into_iter().map(make).collect()
    }

    /// The folder of `table`.
    pub fn path(&self, table: &str) -> PathBuf {
        self.folder.join(table)
    }
}

/// The text of query `number`, 1 to 22, with the validation parameters.
pub fn query(number: usize) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/queries/tpch");
    let file = folder.join(format!("q{number}.sql"));
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}
