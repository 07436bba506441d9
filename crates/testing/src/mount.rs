use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether this process may mount file systems; tests that need it are skipped elsewhere.
pub fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// A file system of a few MiB that is soon full, unmounted on drop.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `mib` MiB on the folder `path`, which it makes.
    pub fn mount(path: &Path, mib: usize) -> Self {
        std::fs::create_dir_all(path).expect("a folder can be made");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(path)
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "cannot mount a tmpfs on {}",
            path.display()
        );
        Self {
            path: path.to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a worker may still hold a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
