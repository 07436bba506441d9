//! What the master itself sees of paths and routes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{fs, io};

use futures::future::join_all;
use springald_core::protocol::{
    PathReport, ProbeReport, ProbeRequest, RouteReport, VERSION, now_ms,
};
use tokio::net::TcpStream;

/// Files counted under one path at most.
const MOST_FILES: u64 = 10_000;

/// The master's own answer to a probe.
pub(crate) async fn look(request: &ProbeRequest, host: &str, workspace: &Path) -> ProbeReport {
    let paths = request.paths.clone();
    let paths =
        tokio::task::spawn_blocking(move || paths.iter().map(|path| report(path)).collect());
    let (paths, routes) = tokio::join!(paths, join_all(request.routes.iter().map(|to| reach(to))));
    let disk = nix::sys::statvfs::statvfs(workspace);
    ProbeReport {
        id: "master".into(),
        host: host.to_owned(),
        version: VERSION.into(),
        cores: std::thread::available_parallelism().map_or(0, |n| n.get() as u32),
        memory_bytes: total_memory().unwrap_or(0),
        disk_free_bytes: disk.map_or(0, |disk| disk.blocks_available() * disk.fragment_size()),
        work_dir: workspace.display().to_string(),
        now_ms: now_ms(),
        paths: paths.unwrap_or_default(),
        routes,
        error: None,
    }
}

/// Counts as the workers count: `doctor` compares the reports.
fn report(path: &str) -> PathReport {
    let mut report = PathReport {
        path: path.to_owned(),
        exists: false,
        files: 0,
        bytes: 0,
        modified_ms: 0,
        error: None,
    };
    report.error = take(path, &mut report).err();
    if report.files > MOST_FILES {
        report.files = MOST_FILES;
        report.error = Some(format!(
            "more than {MOST_FILES} files; only the first were counted"
        ));
    }
    report
}

fn take(path: &str, report: &mut PathReport) -> Result<(), String> {
    let local = path.strip_prefix("file://").unwrap_or(path);
    if local.contains("://") {
        return Err("not on a file system".into());
    }
    if fs::symlink_metadata(local).is_ok() {
        return walk(Path::new(local), report);
    }
    // Only what is no file of that very name is a pattern.
    if local.contains(['*', '?', '[']) {
        for found in glob::glob(local).map_err(|e| format!("not a pattern: {e}"))? {
            walk(&found.map_err(|e| e.to_string())?, report)?;
        }
    }
    Ok(())
}

fn walk(path: &Path, report: &mut PathReport) -> Result<(), String> {
    if report.files > MOST_FILES {
        return Ok(());
    }
    let shown = |e: io::Error| format!("{}: {e}", path.display());
    let metadata = fs::metadata(path).map_err(shown)?;
    report.exists = true;
    if !metadata.is_dir() {
        report.files += 1;
        if report.files <= MOST_FILES {
            report.bytes += metadata.len();
            report.modified_ms = report.modified_ms.max(modified_ms(&metadata));
        }
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(shown)?;
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(shown)?;
    entries.sort();
    entries.iter().try_for_each(|entry| walk(entry, report))
}

fn modified_ms(metadata: &fs::Metadata) -> u64 {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_millis() as u64)
}

async fn reach(to: &str) -> RouteReport {
    let begun = Instant::now();
    let connected = tokio::time::timeout(Duration::from_secs(3), TcpStream::connect(to)).await;
    let error = match connected {
        Ok(Ok(_)) => None,
        Ok(Err(e)) => Some(e.to_string()),
        Err(_) => Some("no connection within 3 s".to_owned()),
    };
    RouteReport {
        to: to.to_owned(),
        ok: error.is_none(),
        micros: begun.elapsed().as_micros() as u64,
        error,
    }
}

/// `MemTotal` of the machine, in bytes.
fn total_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_globs_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "12345").unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        std::fs::write(folder.path().join("b/c.csv"), "123").unwrap();
        let path = folder.path().display();
        let whole = report(&format!("file://{path}"));
        assert_eq!((whole.exists, whole.files, whole.bytes), (true, 2, 8));
        assert!(whole.modified_ms > 0);
        assert_eq!(report(&format!("{path}/*.csv")).files, 1);
        assert!(!report(&format!("{path}/none")).exists);
    }
}
