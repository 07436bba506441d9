//! From facts to checks.

use std::collections::HashMap;

use springald_core::config::format_bytes;
use springald_core::protocol::{PathReport, ProbeReport, VERSION, WorkerState};

use super::facts::Facts;

/// Free disk below this is worth a warning: spilled joins and shuffles need room.
const LITTLE_DISK: u64 = 1 << 30;
/// Memory for each core below this makes every larger sort and join spill.
const LITTLE_MEMORY: u64 = 256 << 20;
/// Clocks further apart than this make file times and job times look wrong.
const CLOCK_SKEW_MS: u64 = 2_000;

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) detail: String,
    /// What to do, where something is to be done.
    pub(super) mend: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    /// Works, but not well.
    Warn,
    Fail,
}

impl Check {
    pub(super) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            status: Status::Ok,
            detail: detail.into(),
            mend: None,
        }
    }

    pub(super) fn fail(
        name: impl Into<String>,
        detail: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            status: Status::Fail,
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }

    fn warn(name: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            ..Self::fail(name, detail, mend)
        }
    }
}

/// Judges what was found. `paths` are those that were asked for.
pub(super) fn judge(facts: &Facts, paths: &[String]) -> Vec<Check> {
    let mut checks = Vec::new();
    if !master(facts, &mut checks) {
        return checks;
    }
    versions(facts, &mut checks);
    for error in &facts.errors {
        checks.push(Check::fail(
            "report",
            error,
            "look into the master's log; restart it if it does not recover",
        ));
    }
    workers(facts, &mut checks);
    clocks(facts, &mut checks);
    routes(facts, &mut checks);
    // Without any report, the error above says why.
    for path in paths.iter().filter(|_| !facts.full_reports.is_empty()) {
        checks.extend(path_checks(path, &facts.full_reports));
    }
    checks
}

/// Whether the master answers; without it there is nothing more to ask.
fn master(facts: &Facts, checks: &mut Vec<Check>) -> bool {
    let address = &facts.master;
    match &facts.connect {
        Err(e) => {
            let mend = "start it with `springald master`, or correct the address; between machines, \
                        open its port in the firewall";
            checks.push(Check::fail(
                "master",
                format!("no connection to {address}: {e}"),
                mend,
            ));
            return false;
        }
        Ok(took) => checks.push(Check::ok(
            "master",
            format!(
                "{address} takes connections, {:.1} ms",
                took.as_secs_f64() * 1e3
            ),
        )),
    }
    match &facts.cluster {
        Some(Ok(cluster)) => {
            checks.push(Check::ok(
                "health",
                format!("healthy, workspace {}", cluster.workspace),
            ));
            true
        }
        Some(Err(e)) => {
            let mend = "something else may listen on this port: compare --port of the master; else look \
                        into the master's log";
            checks.push(Check::fail("health", e, mend));
            false
        }
        None => false,
    }
}

fn versions(facts: &Facts, checks: &mut Vec<Check>) {
    let Some(Ok(cluster)) = &facts.cluster else {
        return;
    };
    let before = checks.len();
    if cluster.version != VERSION {
        checks.push(Check::fail(
            "version",
            format!("the master runs {}, this client {VERSION}", cluster.version),
            "install the same version on both; with containers, use the same image tag",
        ));
    }
    for report in asked(&facts.reports).filter(|r| r.version != cluster.version) {
        checks.push(Check::fail(
            "version",
            format!(
                "{} runs {}, the master {}",
                name(report),
                report.version,
                cluster.version
            ),
            "start that worker from the master's version; with containers, use the same image tag",
        ));
    }
    if checks.len() == before {
        checks.push(Check::ok("version", format!("{VERSION} everywhere")));
    }
}

fn workers(facts: &Facts, checks: &mut Vec<Check>) {
    let live = facts.workers.iter().filter(|w| w.state.is_member());
    match live.count() {
        0 => checks.push(Check::fail(
            "workers",
            "no worker is registered",
            format!(
                "start one: springald worker --master springald://{}",
                facts.master
            ),
        )),
        n => checks.push(Check::ok("workers", format!("{n} registered"))),
    }
    for worker in &facts.workers {
        let title = format!("worker {}:{}", worker.host, worker.port);
        if worker.state == WorkerState::Lost {
            checks.push(Check::fail(
                title,
                format!("lost, last heard of {} s ago", worker.last_seen_ms / 1000),
                "restart it, or look whether its machine or network is down",
            ));
            continue;
        }
        let report = facts.reports.iter().find(|report| report.id == worker.id);
        match report.map(|report| (report, &report.error)) {
            Some((report, None)) => checks.push(resources(title, report)),
            Some((_, Some(e))) => checks.push(Check::fail(
                title,
                format!("does not answer the master: {e}"),
                "check that the master reaches the address that the worker gives with --host",
            )),
            None if facts.reports.is_empty() => {}
            None => checks.push(Check::fail(
                title,
                "gave no report",
                "look into its log; restart it if it hangs",
            )),
        }
    }
}

fn resources(title: String, report: &ProbeReport) -> Check {
    let detail = format!(
        "{} cores, {} memory, {} free in {}",
        report.cores,
        format_bytes(report.memory_bytes),
        format_bytes(report.disk_free_bytes),
        report.work_dir
    );
    if report.cores == 0 {
        return Check::fail(title, detail, "give it cores: --cores, or WORKER_CORES");
    }
    if report.disk_free_bytes < LITTLE_DISK {
        let mend = format!(
            "free some of the disk that holds {}, or start the worker with another --work-dir",
            report.work_dir
        );
        return Check::warn(title, detail, mend);
    }
    if report.memory_bytes / u64::from(report.cores) < LITTLE_MEMORY {
        let mend = format!(
            "give it more memory (--memory, or WORKER_MEMORY) or fewer cores: under {} a core, larger \
             joins and sorts go to disk or fail",
            format_bytes(LITTLE_MEMORY)
        );
        return Check::warn(title, detail, mend);
    }
    Check::ok(title, detail)
}

fn clocks(facts: &Facts, checks: &mut Vec<Check>) {
    let Some(master) = facts.reports.iter().find(|r| r.id == "master") else {
        return;
    };
    let mut widest = 0;
    let mut any = false;
    for report in asked(&facts.reports).filter(|r| r.id != "master") {
        let skew = report.now_ms.abs_diff(master.now_ms);
        any = true;
        if skew > CLOCK_SKEW_MS {
            let way = if report.now_ms > master.now_ms {
                "ahead of"
            } else {
                "behind"
            };
            checks.push(Check::fail(
                "clock",
                format!(
                    "{} is {:.1} s {way} the master",
                    name(report),
                    skew as f64 / 1e3
                ),
                "set both clocks by NTP (on a host: timedatectl set-ntp true)",
            ));
        } else {
            widest = widest.max(skew);
        }
    }
    let failed = checks.iter().any(|check| check.name == "clock");
    if any && !failed {
        checks.push(Check::ok(
            "clock",
            format!("within {widest} ms of the master's"),
        ));
    }
}

fn routes(facts: &Facts, checks: &mut Vec<Check>) {
    let (mut open, mut slowest) = (0, None);
    let mut failed = Vec::new();
    for report in asked(&facts.full_reports) {
        for route in &report.routes {
            let title = format!("{} → {}", name(report), route.to);
            if route.ok {
                open += 1;
                slowest = slowest.max(Some((route.micros, title)));
            } else {
                let why = route.error.as_deref().unwrap_or("no connection");
                failed.push(Check::fail(
                    "route",
                    format!("{title}: {why}"),
                    "the two must reach each other: put them on one network, open the port in the \
                     firewall, and give the address that others reach with --host",
                ));
            }
        }
    }
    if let Some((micros, title)) = slowest {
        let detail = format!(
            "{open} open, slowest {:.1} ms ({title})",
            micros as f64 / 1e3
        );
        checks.push(Check::ok("routes", detail));
    }
    checks.extend(failed);
}

/// Every process must see the same files: one that does not would fail its tasks, or quietly read others.
fn path_checks(path: &str, reports: &[ProbeReport]) -> Vec<Check> {
    let title = format!("path {path}");
    let seen: Vec<(&ProbeReport, &PathReport)> = asked(reports)
        .filter_map(|report| {
            let found = report.paths.iter().find(|p| p.path == path)?;
            Some((report, found))
        })
        .collect();
    let Some(expected) = most_common(&seen) else {
        let error = seen.iter().find_map(|(_, p)| p.error.as_deref());
        let why = error.map(|e| format!(": {e}")).unwrap_or_default();
        return vec![Check::fail(
            title,
            format!("no process of the cluster sees it{why}"),
            "check the spelling; it must lie on the shared volume that master and workers mount",
        )];
    };
    let checks: Vec<Check> = seen
        .iter()
        .filter_map(|(report, found)| {
            let (what, mend) = difference(found, expected)?;
            let title = title.clone();
            Some(Check::fail(title, format!("{} {what}", name(report)), mend))
        })
        .collect();
    if !checks.is_empty() {
        return checks;
    }
    let detail = format!(
        "{} file(s), {}, the same for all {} processes",
        expected.files,
        format_bytes(expected.bytes),
        seen.len()
    );
    vec![Check::ok(title, detail)]
}

/// What most processes see, as that is most likely right; `None` if none sees anything.
fn most_common<'a>(seen: &[(&ProbeReport, &'a PathReport)]) -> Option<&'a PathReport> {
    let mut counts: HashMap<(u64, u64, u64), usize> = HashMap::new();
    let existing = || seen.iter().filter(|(_, path)| path.exists);
    for (_, path) in existing() {
        *counts.entry(key(path)).or_default() += 1;
    }
    // Of equally common ones the largest, so that the answer does not depend on the order.
    existing()
        .max_by_key(|(_, path)| (counts.get(&key(path)).copied(), key(path)))
        .map(|(_, path)| *path)
}

fn key(path: &PathReport) -> (u64, u64, u64) {
    (path.files, path.bytes, path.modified_ms)
}

fn difference(found: &PathReport, expected: &PathReport) -> Option<(String, &'static str)> {
    const MOUNT: &str =
        "mount the shared volume there, at the same folder as on the other machines";
    const STALE: &str = "it has a copy of its own or an old view: mount the shared volume itself there, and \
                         remount it if it is a network file system";
    if let Some(e) = &found.error {
        return Some((format!("cannot read it: {e}"), MOUNT));
    }
    if !found.exists {
        return Some(("does not see it".to_owned(), MOUNT));
    }
    if (found.files, found.bytes) != (expected.files, expected.bytes) {
        let what = format!(
            "sees {} file(s) with {} bytes, the others {} with {}",
            found.files, found.bytes, expected.files, expected.bytes
        );
        return Some((what, STALE));
    }
    if found.modified_ms != expected.modified_ms {
        let apart = found.modified_ms.abs_diff(expected.modified_ms) as f64 / 1e3;
        return Some((format!("sees a version {apart:.1} s apart in time"), STALE));
    }
    None
}

/// The reports of processes that answered.
fn asked(reports: &[ProbeReport]) -> impl Iterator<Item = &ProbeReport> {
    reports.iter().filter(|report| report.error.is_none())
}

fn name(report: &ProbeReport) -> String {
    match report.id.as_str() {
        "master" => "the master".to_owned(),
        id => format!(
            "worker {} ({})",
            report.host,
            id.chars().take(8).collect::<String>()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use springald_core::protocol::{ClusterInfo, RouteReport, WorkerInfo};

    use super::*;

    const PATH: &str = "/opt/workspace/x.csv";

    fn healthy() -> Facts {
        let reports = vec![report("master"), report("w1"), report("w2")];
        Facts {
            master: "m:7077".into(),
            connect: Ok(Duration::from_micros(300)),
            cluster: Some(Ok(ClusterInfo {
                version: VERSION.into(),
                started_at_ms: 0,
                now_ms: 1_000_000,
                workspace: "/opt/workspace".into(),
                workers: 2,
                cores: 4,
                cores_free: 4,
                jobs_waiting: 0,
                jobs_running: 0,
            })),
            workers: vec![worker("w1"), worker("w2")],
            reports: reports.clone(),
            full_reports: reports,
            errors: vec![],
        }
    }

    fn worker(id: &str) -> WorkerInfo {
        WorkerInfo {
            id: id.into(),
            host: id.into(),
            port: 50051,
            state: WorkerState::Active,
            cores: 2,
            cores_free: 2,
            memory_bytes: 2 << 30,
            memory_used_bytes: 0,
            cached_memory_bytes: 0,
            cached_disk_bytes: 0,
            tasks: 0,
            last_seen_ms: 100,
        }
    }

    fn report(id: &str) -> ProbeReport {
        ProbeReport {
            id: id.into(),
            host: id.into(),
            version: VERSION.into(),
            cores: 2,
            memory_bytes: 2 << 30,
            disk_free_bytes: 50 << 30,
            work_dir: "/work".into(),
            now_ms: 1_000_000,
            paths: vec![PathReport {
                path: PATH.into(),
                exists: true,
                files: 1,
                bytes: 10,
                modified_ms: 5,
                error: None,
            }],
            routes: vec![RouteReport {
                to: "other:50051".into(),
                ok: true,
                micros: 200,
                error: None,
            }],
            error: None,
        }
    }

    fn bad(facts: &Facts) -> Vec<Check> {
        let mut checks = judge(facts, &[PATH.to_owned()]);
        checks.retain(|check| check.status != Status::Ok);
        assert!(checks.iter().all(|check| check.mend.is_some()));
        checks
    }

    fn only(facts: &Facts, status: Status, words: &[&str]) {
        let checks = bad(facts);
        assert_eq!(checks.len(), 1, "{checks:?}");
        assert_eq!(checks[0].status, status);
        let text = format!("{}: {}", checks[0].name, checks[0].detail);
        for word in words {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_healthy_cluster_passes() {
        assert_eq!(bad(&healthy()), []);
        assert_eq!(judge(&healthy(), &[PATH.to_owned()]).len(), 9);
    }

    #[test]
    fn no_master_is_the_only_finding() {
        let facts = Facts {
            connect: Err("connection refused".into()),
            cluster: None,
            ..healthy()
        };
        only(&facts, Status::Fail, &["m:7077", "connection refused"]);
    }

    #[test]
    fn no_worker() {
        let facts = Facts {
            workers: vec![],
            reports: vec![report("master")],
            full_reports: vec![report("master")],
            ..healthy()
        };
        only(&facts, Status::Fail, &["no worker"]);
    }

    #[test]
    fn lost_and_silent_workers() {
        let mut facts = healthy();
        facts.workers[0].state = WorkerState::Lost;
        only(&facts, Status::Fail, &["worker w1:50051", "lost"]);

        let mut facts = healthy();
        facts.reports[2].error = Some("timed out".into());
        only(&facts, Status::Fail, &["worker w2:50051", "timed out"]);
    }

    #[test]
    fn versions_are_both_named() {
        let mut facts = healthy();
        facts.reports[1].version = "0.0.1".into();
        only(&facts, Status::Fail, &["worker w1", "0.0.1", VERSION]);
    }

    #[test]
    fn little_disk_and_memory_are_warnings() {
        let mut facts = healthy();
        facts.reports[1].disk_free_bytes = 1 << 20;
        only(&facts, Status::Warn, &["worker w1:50051", "1.0 MiB free"]);

        let mut facts = healthy();
        facts.reports[1].memory_bytes = 100 << 20;
        only(&facts, Status::Warn, &["100.0 MiB memory"]);
    }

    #[test]
    fn clocks_apart() {
        let mut facts = healthy();
        facts.reports[1].now_ms += 2_001;
        only(&facts, Status::Fail, &["clock", "worker w1", "2.0 s ahead"]);
        facts.reports[1].now_ms -= 1;
        assert_eq!(bad(&facts), []);
    }

    #[test]
    fn a_closed_route_names_both_ends() {
        let mut facts = healthy();
        facts.full_reports[2].routes[0] = RouteReport {
            to: "w1:50051".into(),
            ok: false,
            micros: 0,
            error: Some("connection refused".into()),
        };
        only(
            &facts,
            Status::Fail,
            &["worker w2 (w2) → w1:50051", "refused"],
        );
    }

    #[test]
    fn a_path_that_one_worker_cannot_see() {
        let mut facts = healthy();
        facts.full_reports[2].paths[0].exists = false;
        only(
            &facts,
            Status::Fail,
            &[PATH, "worker w2", "does not see it"],
        );
    }

    #[test]
    fn a_path_that_differs() {
        let mut facts = healthy();
        facts.full_reports[1].paths[0].bytes = 11;
        only(&facts, Status::Fail, &["worker w1", "11 bytes"]);

        let mut facts = healthy();
        facts.full_reports[1].paths[0].modified_ms = 60_005;
        only(&facts, Status::Fail, &["worker w1", "60.0 s apart"]);
    }

    #[test]
    fn a_path_that_nobody_sees() {
        let mut facts = healthy();
        for report in &mut facts.full_reports {
            report.paths[0].exists = false;
        }
        only(&facts, Status::Fail, &[PATH, "no process"]);
    }
}
