//! The shape of the workspace, as ARCHITECTURE.md draws it: who may use whom.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A source file past this has two things in it.
const MOST_LINES: usize = 800;

/// Whom a crate of this workspace may use.
struct Arrows {
    name: &'static str,
    /// Crates of this workspace.
    ours: &'static [&'static str],
    /// Crates that it may not use.
    banned: &'static [Ban],
}

/// The beginning of the names of foreign crates, and why.
type Ban = (&'static str, &'static str);

const ARROWS: &[Arrows] = &[
    Arrows {
        name: "springald",
        ours: &[
            "springald-core",
            "springald-executor",
            "springald-ml",
            "springald-scheduler",
            "springald-text",
        ],
        banned: &[PYTHON],
    },
    Arrows {
        name: "springald-python",
        ours: &["springald", "springald-core", "springald-ml"],
        banned: &[],
    },
    Arrows {
        name: "springald-scheduler",
        ours: &["springald-core", "springald-text"],
        banned: &[PYTHON],
    },
    Arrows {
        name: "springald-executor",
        ours: &["springald-core", "springald-text"],
        banned: &[PYTHON],
    },
    Arrows {
        name: "springald-core",
        ours: &["springald-ml", "springald-text"],
        banned: &[PYTHON],
    },
    Arrows {
        name: "springald-ml",
        ours: &[],
        banned: &[PYTHON, BALLISTA, GRPC],
    },
    Arrows {
        name: "springald-text",
        ours: &[],
        banned: &[PYTHON, BALLISTA, GRPC],
    },
    Arrows {
        name: "springald-testing",
        ours: &[],
        banned: &[PYTHON, BALLISTA, GRPC, ENGINE],
    },
];

const PYTHON: Ban = ("pyo3", "Python is spoken in one crate only");
const BALLISTA: Ban = ("ballista", "operators run in any DataFusion");
const GRPC: Ban = ("tonic", "operators know no network");
const ENGINE: Ban = (
    "datafusion",
    "the harness drives the binary and builds in seconds",
);

#[test]
fn crates_use_only_whom_they_may() {
    for (name, used) in dependencies() {
        let arrows = ARROWS.iter().find(|arrows| arrows.name == name);
        let Arrows { ours, banned, .. } =
            arrows.unwrap_or_else(|| panic!("{name} is new: give it its arrows here"));
        for dependency in used {
            if dependency.starts_with("springald-") {
                assert!(
                    ours.contains(&dependency.as_str()),
                    "{name} may not use {dependency}"
                );
            }
            for (prefix, reason) in *banned {
                assert!(
                    !dependency.starts_with(prefix),
                    "{name} may not use {dependency}: {reason}"
                );
            }
        }
    }
}

#[test]
fn every_crate_has_the_lints_and_versions_of_the_workspace() {
    for name in fs::read_dir(root().join("crates")).expect("crates can be listed") {
        let manifest = name
            .expect("crates can be listed")
            .path()
            .join("Cargo.toml");
        let text = read(&manifest);
        let where_ = manifest.display();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{where_} lacks the workspace's lints"
        );
        assert!(
            !text.contains("[profile"),
            "{where_}: profiles stand in the workspace only"
        );
        let versions = text
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            // The benches come after the dependencies.
            .take_while(|line| !line.starts_with("[["))
            .filter(|line| line.contains("version =") || line.contains("= \""));
        assert_eq!(
            versions.collect::<Vec<_>>(),
            [""; 0],
            "{where_}: versions stand in the workspace only"
        );
    }
}

#[test]
fn kernels_are_arithmetic_only() {
    let mut files = Vec::new();
    rust_files(&root().join("crates/ml/src/kernels"), &mut files);
    assert!(files.len() > 5, "found only {} kernels", files.len());
    for file in files {
        let text = read(&file);
        for banned in ["datafusion", "std::fs", "std::io", "tokio", "super::super"] {
            let found = text
                .lines()
                .any(|line| line.starts_with("use ") && line.contains(banned));
            assert!(!found, "{}: a kernel may not use {banned}", file.display());
        }
    }
}

#[test]
fn no_source_file_is_a_drawer() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    assert!(files.len() > 20, "found only {} source files", files.len());
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, read(file).lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(
        long.is_empty(),
        "over {MOST_LINES} lines, so split them:\n{}",
        long.join("\n")
    );
}

/// The crates of the workspace with what they need to be built; what only their tests use is free,
/// but for the harness, which no shipped crate may link.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list").iter();
            let used = dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(&dependency["name"]));
            (text(&package["name"]), used.collect())
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be listed") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
