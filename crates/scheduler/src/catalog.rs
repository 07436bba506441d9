//! The cluster's tables and views, as statements, in one file of the workspace.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use springald_core::protocol::CatalogEntry;
use springald_core::{Error, Result};

pub(crate) struct Catalog {
    path: PathBuf,
    entries: Mutex<Vec<CatalogEntry>>,
}

impl Catalog {
    /// Reads the file at `path`; a missing one is an empty catalog, a broken one an error that names it.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let entries = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                Error::failed(format!(
                    "the catalog {} cannot be read: {e}",
                    path.display()
                ))
                .with_hint("mend the file, or move it away to begin with an empty catalog")
            })?,
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => {
                return Err(Error::failed(format!(
                    "reading the catalog {}: {e}",
                    path.display()
                )));
            }
        };
        Ok(Self {
            path,
            entries: Mutex::new(entries),
        })
    }

    /// All entries, by name.
    pub(crate) fn list(&self) -> Vec<CatalogEntry> {
        self.entries.lock().clone()
    }

    pub(crate) fn get(&self, name: &str) -> Option<CatalogEntry> {
        let entries = self.entries.lock();
        entries
            .iter()
            .find(|entry| same(&entry.name, name))
            .cloned()
    }

    /// Adds an entry, or takes the place of the one whose name differs at most in case.
    pub(crate) fn put(&self, entry: CatalogEntry) -> Result<()> {
        let mut entries = self.entries.lock();
        let mut changed = entries.clone();
        changed.retain(|other| !same(&other.name, &entry.name));
        changed.push(entry);
        changed.sort_by_key(|entry| entry.name.to_lowercase());
        write(&self.path, &changed)?;
        *entries = changed;
        Ok(())
    }

    /// Whether there was such an entry.
    pub(crate) fn remove(&self, name: &str) -> Result<bool> {
        let mut entries = self.entries.lock();
        let mut changed = entries.clone();
        changed.retain(|other| !same(&other.name, name));
        if changed.len() == entries.len() {
            return Ok(false);
        }
        write(&self.path, &changed)?;
        *entries = changed;
        Ok(true)
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Writes beside the file and renames, so that a reader, or a master that dies here, finds the old catalog
/// or the new one, whole.
fn write(path: &Path, entries: &[CatalogEntry]) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::failed(format!("writing the catalog {}: {e}", path.display()));
    let text = serde_json::to_vec_pretty(entries).map_err(|e| failed(e.into()))?;
    let beside = path.with_extension("json.new");
    let mut file = File::create(&beside).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)?;
    // The rename itself is kept by the folder.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, sql: &str) -> CatalogEntry {
        CatalogEntry {
            name: name.into(),
            sql: sql.into(),
        }
    }

    #[test]
    fn entries_outlive_the_master() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.json");
        let catalog = Catalog::open(path.clone()).unwrap();
        catalog
            .put(entry("zoo", "CREATE VIEW zoo AS SELECT 1"))
            .unwrap();
        catalog
            .put(entry("Ants", "CREATE VIEW \"Ants\" AS SELECT 2"))
            .unwrap();

        let again = Catalog::open(path).unwrap();
        let names: Vec<String> = again.list().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["Ants", "zoo"]);
        assert!(again.remove("ANTS").unwrap());
        assert!(!again.remove("ants").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_are_unique_whatever_their_case() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path().join("catalog.json")).unwrap();
        catalog.put(entry("t", "old")).unwrap();
        catalog.put(entry("T", "new")).unwrap();
        assert_eq!(catalog.list(), [entry("T", "new")]);
        assert_eq!(catalog.get("t").unwrap().sql, "new");
    }

    #[test]
    fn a_broken_file_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.json");
        fs::write(&path, "{ torn").unwrap();
        let e = Catalog::open(path.clone()).err().unwrap();
        assert!(e.to_string().contains("catalog.json"), "{e}");
        assert_eq!(fs::read_to_string(path).unwrap(), "{ torn");
    }

    #[test]
    fn what_cannot_be_written_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path().join("catalog.json")).unwrap();
        fs::create_dir(folder.path().join("catalog.json.new")).unwrap();
        assert!(catalog.put(entry("t", "x")).is_err());
        assert!(catalog.list().is_empty());
    }
}
