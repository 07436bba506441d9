//! What this process may use: cores and memory, told by flags, by the container's limit or by the machine.

use std::fs;
use std::path::{Component, Path, PathBuf};

use springald_core::process::kilobytes;

use crate::error::{Error, Result};

/// The part of the memory that tasks may reserve. The rest is for what no reservation counts: batches on
/// their way, buffers of shuffle writers and readers, the allocator's slack, the program itself.
const POOL_SHARE: f64 = 0.7;

/// Below this a task cannot even hold its batches.
const LEAST_MEMORY: u64 = 64 << 20;

/// Cores and memory of a worker, and who said so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resources {
    pub(crate) cores: usize,
    pub(crate) cores_from: &'static str,
    /// Of the whole process, in bytes.
    pub(crate) memory: u64,
    pub(crate) memory_from: &'static str,
}

impl Resources {
    /// What the options say, else what the container allows, else what the machine has.
    pub(crate) fn detect(cores: Option<usize>, memory: Option<u64>) -> Result<Self> {
        let root = Path::new("/");
        let machine = Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: machine_memory(root),
        };
        Self::resolve(cores, memory, &container_limits(root), &machine)
    }

    /// Memory that the tasks of this worker may reserve together, in bytes.
    pub(crate) fn pool(&self) -> u64 {
        (self.memory as f64 * POOL_SHARE) as u64
    }

    /// Memory that cached data may take of [`Self::pool`], in bytes.
    pub(crate) fn cache(&self) -> u64 {
        self.pool() / 2
    }

    fn resolve(
        cores: Option<usize>,
        memory: Option<u64>,
        limits: &Limits,
        machine: &Machine,
    ) -> Result<Self> {
        let (cores, cores_from) = match (cores, limits.cores) {
            (Some(0), _) => {
                return Err(Error::options(
                    "0 cores cannot run a task",
                    "give at least 1 core",
                ));
            }
            (Some(cores), _) => (cores, "as told"),
            (None, Some(limit)) if limit < machine.cores as f64 => {
                ((limit as usize).max(1), "the container's limit")
            }
            (None, _) => (machine.cores.max(1), "the machine"),
        };
        let (memory, memory_from) = match (memory, limits.memory, machine.memory) {
            (Some(memory), _, _) => (memory, "as told"),
            // The old kind of control group says "no limit" with a number near 2^63.
            (None, Some(limit), machine) if machine.is_none_or(|m| limit < m) => {
                (limit, "the container's limit")
            }
            (None, _, Some(machine)) => (machine, "the machine"),
            (None, _, None) => {
                return Err(Error::options(
                    "cannot tell how much memory this machine has",
                    "say it with --memory",
                ));
            }
        };
        if memory < LEAST_MEMORY {
            return Err(Error::options(
                format!("{memory} bytes of memory are too few for a worker"),
                "give at least 64MiB, written like 2GiB or 512MB",
            ));
        }
        Ok(Self {
            cores,
            cores_from,
            memory,
            memory_from,
        })
    }
}

struct Machine {
    cores: usize,
    memory: Option<u64>,
}

/// What the control groups of a process allow it.
#[derive(Debug, Default, PartialEq)]
struct Limits {
    /// Processor time a second, in seconds.
    cores: Option<f64>,
    memory: Option<u64>,
}

impl Limits {
    /// The tighter of the two: a group is bound by all groups above it.
    fn and(self, other: Self) -> Self {
        Self {
            cores: [self.cores, other.cores]
                .into_iter()
                .flatten()
                .reduce(f64::min),
            memory: [self.memory, other.memory].into_iter().flatten().min(),
        }
    }
}

/// The limits of this process's control groups and of all groups above them, in the file system at `root`.
/// In a container with a name space of its own the group is `/`; without one, the path is the host's and its
/// files may not be there, so the mount's root is always read too.
fn container_limits(root: &Path) -> Limits {
    let mount = root.join("sys/fs/cgroup");
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Limits::default();
    for line in groups.lines() {
        // `0::/a/b` for version 2, `4:cpu,cpuacct:/a/b` for version 1.
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let names: Vec<&str> = controllers.split(',').collect();
        if controllers.is_empty() {
            for dir in up_from(&mount, group) {
                limits = limits.and(version_2(&dir));
            }
        } else if names.contains(&"cpu") || names.contains(&"memory") {
            for name in names.iter().copied().chain([controllers]) {
                for dir in up_from(&mount.join(name), group) {
                    limits = limits.and(version_1(&dir));
                }
            }
        }
    }
    limits.and(version_2(&mount))
}

/// `group` under `base` and every folder above it, up to `base`.
fn up_from(base: &Path, group: &str) -> Vec<PathBuf> {
    let group: PathBuf = Path::new(group)
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect();
    group.ancestors().map(|part| base.join(part)).collect()
}

fn version_2(dir: &Path) -> Limits {
    let cores = read(dir, "cpu.max").and_then(|text| {
        let (quota, period) = text.split_once(' ')?;
        share(quota, period)
    });
    Limits {
        cores,
        memory: read(dir, "memory.max").and_then(|text| text.parse().ok()),
    }
}

fn version_1(dir: &Path) -> Limits {
    let quota = read(dir, "cpu.cfs_quota_us");
    let period = read(dir, "cpu.cfs_period_us");
    Limits {
        cores: quota
            .zip(period)
            .and_then(|(quota, period)| share(&quota, &period)),
        memory: read(dir, "memory.limit_in_bytes").and_then(|text| text.parse().ok()),
    }
}

/// No quota is `max` in version 2 and -1 in version 1.
fn share(quota: &str, period: &str) -> Option<f64> {
    let quota: f64 = quota.parse().ok()?;
    let period: f64 = period.parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn read(dir: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(dir.join(file)).ok()?;
    Some(text.trim().to_owned())
}

fn machine_memory(root: &Path) -> Option<u64> {
    kilobytes(&root.join("proc/meminfo"), "MemTotal:")
}

#[cfg(test)]
mod tests {
    use springald_core::process::resident_memory;

    use super::*;

    /// A file system with these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn limits(files: &[(&str, &str)]) -> Limits {
        container_limits(root(files).path())
    }

    const GIB: u64 = 1 << 30;

    #[test]
    fn version_2_in_a_container() {
        let limits = limits(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cpu.max", "250000 100000\n"),
            ("sys/fs/cgroup/memory.max", "2147483648\n"),
        ]);
        assert_eq!(limits.cores, Some(2.5));
        assert_eq!(limits.memory, Some(2 * GIB));
    }

    #[test]
    fn version_2_takes_the_tightest_of_all_groups_above() {
        let limits = limits(&[
            ("proc/self/cgroup", "0::/a.slice/b.scope\n"),
            ("sys/fs/cgroup/a.slice/cpu.max", "100000 100000\n"),
            ("sys/fs/cgroup/a.slice/memory.max", "max\n"),
            ("sys/fs/cgroup/a.slice/b.scope/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a.slice/b.scope/memory.max", "1073741824\n"),
        ]);
        assert_eq!(limits.cores, Some(1.0));
        assert_eq!(limits.memory, Some(GIB));
    }

    #[test]
    fn version_1_with_the_hosts_path() {
        let limits = limits(&[
            (
                "proc/self/cgroup",
                "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n",
            ),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
        ]);
        assert_eq!(limits.cores, Some(1.5));
        assert_eq!(limits.memory, Some(GIB));
    }

    #[test]
    fn no_limits_anywhere() {
        assert_eq!(limits(&[]), Limits::default());
        let limits = limits(&[
            ("proc/self/cgroup", "4:cpu:/\n5:memory:/\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(limits, Limits::default());
    }

    fn resolve(limits: Limits) -> Resources {
        let machine = Machine {
            cores: 8,
            memory: Some(16 * GIB),
        };
        Resources::resolve(None, None, &limits, &machine).unwrap()
    }

    #[test]
    fn cores_round_down_to_no_less_than_one() {
        for (limit, cores) in [(2.9, 2), (0.5, 1), (8.0, 8), (64.0, 8)] {
            let resources = resolve(Limits {
                cores: Some(limit),
                memory: None,
            });
            assert_eq!(resources.cores, cores, "{limit}");
        }
    }

    #[test]
    fn a_limit_above_the_machine_is_none() {
        let resources = resolve(Limits {
            cores: None,
            memory: Some(9_223_372_036_854_771_712),
        });
        assert_eq!(
            (resources.memory, resources.memory_from),
            (16 * GIB, "the machine")
        );
        let resources = resolve(Limits {
            cores: None,
            memory: Some(GIB),
        });
        assert_eq!(resources.memory_from, "the container's limit");
        assert_eq!(resources.pool(), (GIB as f64 * 0.7) as u64);
    }

    #[test]
    fn flags_win_and_nonsense_is_refused() {
        let machine = Machine {
            cores: 8,
            memory: None,
        };
        let resolve =
            |cores, memory| Resources::resolve(cores, memory, &Limits::default(), &machine);
        assert_eq!(resolve(Some(3), Some(GIB)).unwrap().cores, 3);
        assert!(resolve(Some(0), Some(GIB)).is_err());
        assert!(resolve(None, Some(1000)).is_err());
        assert!(
            resolve(None, None)
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("--memory")
        );
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_memory() > 1 << 20);
        assert!(machine_memory(Path::new("/")).unwrap() > resident_memory());
    }
}
