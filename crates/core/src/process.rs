//! What Linux tells of memory, under `/proc`.

use std::fs;
use std::path::Path;

/// Resident memory of this process, in bytes; 0 where it is not told.
pub fn resident_memory() -> u64 {
    kilobytes(Path::new("/proc/self/status"), "VmRSS:").unwrap_or(0)
}

/// A line such as `MemTotal:       32768 kB` of a file, in bytes.
pub fn kilobytes(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}
