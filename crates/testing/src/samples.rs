use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::command::{run, springald};

/// The small samples of `data/samples`, and beside them the formats that the engine itself writes:
/// `people.parquet`, `people.arrow`, a folder `parts` of three Parquet files, and `torn.parquet`, which
/// lacks its second half. The folder belongs to this process and lasts as long.
pub fn samples() -> &'static Path {
    static SAMPLES: OnceLock<PathBuf> = OnceLock::new();
    SAMPLES.get_or_init(make)
}

/// What the names of the folders begin with; the process's number follows.
const NAME: &str = "samples-";

fn make() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/samples");
    remove_left_overs();
    let folder = scratch(&format!("{NAME}{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    for entry in fs::read_dir(&source).expect("data/samples is there") {
        let entry = entry.expect("data/samples can be listed");
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("a file can be copied");
    }
    let at = |name: &str| folder.join(name).display().to_string();
    fs::create_dir(at("parts")).expect("a folder can be made");
    let mut script = format!(
        "CREATE EXTERNAL TABLE people STORED AS CSV LOCATION '{}' OPTIONS ('format.has_header' 'true');",
        at("people.csv")
    );
    for (query, file) in [
        ("SELECT * FROM people ORDER BY id", at("people.parquet")),
        ("SELECT * FROM people ORDER BY id", at("people.arrow")),
        (
            "SELECT * FROM people WHERE id % 3 = 0",
            at("parts/0.parquet"),
        ),
        (
            "SELECT * FROM people WHERE id % 3 = 1",
            at("parts/1.parquet"),
        ),
        (
            "SELECT * FROM people WHERE id % 3 = 2",
            at("parts/2.parquet"),
        ),
    ] {
        script.push_str(&format!("COPY ({query}) TO '{file}';"));
    }
    let mut command: Command = springald();
    command.args(["sql", "--master", "local[1]", "-e", &script]);
    run(command, Duration::from_secs(60)).ok();

    fs::copy(at("people.parquet"), at("torn.parquet")).expect("a file can be copied");
    let torn = File::options().write(true).open(at("torn.parquet"));
    let torn = torn.expect("a file opens");
    let length = torn.metadata().expect("a file has a length").len();
    torn.set_len(length / 2).expect("a file can be cut");
    folder
}

/// Removes the folders of processes that are gone, and of one that had this process's number.
fn remove_left_overs() {
    let Ok(entries) = fs::read_dir(scratch("")) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(NAME) else {
            continue;
        };
        if pid == std::process::id().to_string() || !Path::new("/proc").join(pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A folder for files that tests make, beside the test executables.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("target/release");
    folder.join("springald-test-data").join(name)
}
