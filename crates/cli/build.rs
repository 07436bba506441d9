//! Addresses that the loader fills in are written down in short: 8 MB less of program, on disk and to read at each start.

use std::process::Command;

/// The first glibc whose loader reads the short form.
const LEAST: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name| std::env::var(name).unwrap_or_default();
    let is_native = var("HOST") == var("TARGET") && var("TARGET").ends_with("linux-gnu");
    // A program runs where glibc is at least as new as where it was linked.
    if is_native && glibc().is_some_and(|version| version >= LEAST) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's.
fn glibc() -> Option<(u32, u32)> {
    let answer = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let answer = String::from_utf8(answer.ok()?.stdout).ok()?;
    let (major, minor) = answer.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
