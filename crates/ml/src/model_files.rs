//! Models as folders: `metadata.json`, which says what it is, and `model.json`, which holds it.
//!
//! A folder is written beside its place under another name and then renamed, so readers see a whole model or
//! none. Its metadata has the length and a checksum of the other file: what was torn by a full disk or a copy
//! that broke off is refused.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{MlError, Result};
use crate::kernels::bytes_hash;

/// The form of both files. Raise it when an older reader would misread a newer model.
const FORMAT: u32 = 1;
const METADATA: &str = "metadata.json";
const MODEL: &str = "model.json";

#[derive(Serialize, Deserialize)]
struct Metadata {
    kind: String,
    format: u32,
    /// The version of the program that wrote the model, for people.
    version: String,
    bytes: u64,
    checksum: String,
}

/// Writes a model of a kind into a folder. With `overwrite`, a model that is there already gives way; nothing else
/// ever does.
///
/// # Errors
/// If there is something at `path`, and `overwrite` is not set or it is no model; or if the files cannot be written.
pub(crate) fn write<T: Serialize>(
    path: impl AsRef<Path>,
    overwrite: bool,
    kind: &str,
    model: &T,
) -> Result<()> {
    let path = path.as_ref();
    let exists = fs::symlink_metadata(path).is_ok();
    if exists && !overwrite {
        let message = format!(
            "{} exists already: choose another path, or overwrite it",
            path.display()
        );
        return Err(MlError::invalid(message));
    }
    if exists && !path.join(METADATA).is_file() {
        let message = format!(
            "{} is no model, so it is not overwritten: choose another path",
            path.display()
        );
        return Err(MlError::invalid(message));
    }
    let model = serde_json::to_vec_pretty(model).map_err(|e| failed("write", path, &e))?;
    let metadata = Metadata {
        kind: kind.to_owned(),
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        bytes: model.len() as u64,
        checksum: checksum(&model),
    };
    let metadata = serde_json::to_vec_pretty(&metadata).map_err(|e| failed("write", path, &e))?;
    let new = beside(path, "new");
    let written = write_folder(&new, &[(MODEL, &model), (METADATA, &metadata)]);
    let placed = written.and_then(|()| place(&new, path, exists));
    placed.map_err(|e| {
        // What could not be put in place is of no use; that it cannot be removed either changes nothing.
        let _ = fs::remove_dir_all(&new);
        failed("write", path, &e)
    })
}

/// Reads the model of a kind that [`write`] put into a folder.
///
/// # Errors
/// If there is no model, or one of another kind, from a newer version, or a torn one.
pub(crate) fn read<T: DeserializeOwned>(path: impl AsRef<Path>, kind: &str) -> Result<T> {
    let path = path.as_ref();
    let metadata = match fs::read(path.join(METADATA)) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound && path.is_dir() => {
            let message = format!("{} is no model: it has no {METADATA}", path.display());
            return Err(MlError::invalid(message));
        }
        Err(e) => return Err(failed("read", path, &e)),
    };
    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata).map_err(|e| torn(path, &e))?;
    // The format first: another one may well have other fields.
    let format = metadata.get("format").and_then(serde_json::Value::as_u64);
    if let Some(format) = format.filter(|format| *format > u64::from(FORMAT)) {
        let message = format!(
            "the model at {} is of format {format}, and this version reads up to {FORMAT}: load it \
             with the version that wrote it or a newer one",
            path.display()
        );
        return Err(MlError::invalid(message));
    }
    let metadata: Metadata = serde_json::from_value(metadata).map_err(|e| torn(path, &e))?;
    if metadata.kind != kind {
        let found = metadata.kind;
        let message = format!("{} holds a {found}, not a {kind}", path.display());
        return Err(MlError::invalid(message));
    }
    let model = fs::read(path.join(MODEL)).map_err(|e| failed("read", path, &e))?;
    if model.len() as u64 != metadata.bytes || checksum(&model) != metadata.checksum {
        return Err(torn(path, &format!("{MODEL} is not what was written")));
    }
    serde_json::from_slice(&model).map_err(|e| torn(path, &e))
}

/// A serde module for numbers that come back bit by bit: as text, in the shortest form that reads as the same number.
/// JSON numbers do not do it, as readers round them as they like and have none for infinity and NaN.
pub(crate) mod exact {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(numbers: &[f64], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(numbers.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<f64>, D::Error> {
        let texts = Vec::<String>::deserialize(input)?;
        let numbers = texts.iter().map(|text| text.parse().map_err(Error::custom));
        numbers.collect()
    }
}

fn write_folder(folder: &Path, files: &[(&str, &Vec<u8>)]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        let mut file = File::create(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Renames `new` to `path`. A folder cannot be renamed onto one with files in it, so what is there steps aside first,
/// and comes back if the second renaming fails.
fn place(new: &Path, path: &Path, exists: bool) -> std::io::Result<()> {
    if !exists {
        return fs::rename(new, path);
    }
    let old = beside(path, "old");
    fs::rename(path, &old)?;
    if let Err(e) = fs::rename(new, path) {
        fs::rename(&old, path)?;
        return Err(e);
    }
    fs::remove_dir_all(old)
}

/// A hidden name in the same folder, that no other thread or process uses.
fn beside(path: &Path, what: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(".{name}.{what}-{process}-{count}"))
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", bytes_hash(0, bytes))
}

fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> MlError {
    MlError::invalid(format!(
        "cannot {what} the model at {}: {error}",
        path.display()
    ))
}

fn torn(path: &Path, error: &dyn std::fmt::Display) -> MlError {
    MlError::invalid(format!(
        "the model at {} is torn: {error}; save it again",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "exact")]
        many: Vec<f64>,
        name: String,
    }

    fn numbers() -> Numbers {
        Numbers {
            many: vec![0.1, -0.0, 5e-324, f64::MAX, 1.0 / 3.0, f64::INFINITY],
            name: "a".to_owned(),
        }
    }

    #[test]
    fn numbers_come_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write(&path, false, "Numbers", &numbers()).unwrap();
        let back: Numbers = read(&path, "Numbers").unwrap();
        let bits = |n: &Numbers| n.many.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&numbers()));
        assert_eq!(back.name, numbers().name);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "something is left beside the model");
    }

    #[test]
    fn only_models_are_overwritten_and_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write(&path, true, "Numbers", &numbers()).unwrap();
        let e = write(&path, false, "Numbers", &numbers()).unwrap_err();
        assert!(e.to_string().contains("exists already"), "{e}");
        let other = Numbers {
            many: vec![],
            name: "b".to_owned(),
        };
        write(&path, true, "Numbers", &other).unwrap();
        assert_eq!(read::<Numbers>(&path, "Numbers").unwrap(), other);
        let e = write(folder.path(), true, "Numbers", &other).unwrap_err();
        assert!(e.to_string().contains("is no model"), "{e}");
    }

    #[test]
    fn what_is_not_the_model_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let error = |kind: &str| read::<Numbers>(&path, kind).unwrap_err().to_string();
        assert!(error("Numbers").contains("cannot read"));
        write(&path, false, "Numbers", &numbers()).unwrap();
        assert!(error("Letters").contains("holds a Numbers, not a Letters"));
        let model = fs::read(path.join(MODEL)).unwrap();
        fs::write(path.join(MODEL), &model[..model.len() / 2]).unwrap();
        assert!(error("Numbers").contains("torn"));
        fs::write(path.join(MODEL), &model).unwrap();
        assert_eq!(read::<Numbers>(&path, "Numbers").unwrap(), numbers());
        let metadata = fs::read_to_string(path.join(METADATA)).unwrap();
        let newer = metadata.replace("\"format\": 1", "\"format\": 2");
        fs::write(path.join(METADATA), newer).unwrap();
        assert!(error("Numbers").contains("format 2"));
        fs::write(path.join(METADATA), &metadata[..20]).unwrap();
        assert!(error("Numbers").contains("torn"));
        fs::remove_file(path.join(METADATA)).unwrap();
        assert!(error("Numbers").contains("is no model"));
    }
}
