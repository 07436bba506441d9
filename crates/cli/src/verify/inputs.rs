//! Whether files are those that a receipt was made from.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Check;
use super::receipt::{File, Input, Part};
use crate::error::{Error, Result};

/// Bytes at each end of a large file that its fingerprint covers.
const EDGE: u64 = 64 << 10;

/// Compares the files under `data` with those of the receipt, and names the first that differs.
pub(super) fn check(inputs: &[Input], data: &str) -> Result<Check> {
    let mut files = 0;
    for input in inputs {
        let path = Path::new(data).join(&input.path);
        if let Some(detail) = difference(&path, &input.files)? {
            return Ok(Check {
                name: "inputs",
                same: false,
                detail,
            });
        }
        files += input.files.len();
    }
    Ok(Check {
        name: "inputs",
        same: true,
        detail: format!("{files} files under {data}"),
    })
}

fn difference(path: &Path, wanted: &[File]) -> Result<Option<String>> {
    let failed = |path: &Path, e| {
        Error::io(format!("cannot read {}", path.display()), e)
            .with_hint("name the folder of the data with --data, or make it with `make bench`")
    };
    let is_file = fs::metadata(path).map_err(|e| failed(path, e))?.is_file();
    let mut found = Vec::new();
    match is_file {
        true => found.push(path.to_owned()),
        false => collect(path, &mut found).map_err(|e| failed(path, e))?,
    }
    if found.len() != wanted.len() {
        let (found, wanted) = (found.len(), wanted.len());
        return Ok(Some(format!(
            "{}: {found} files for {wanted}",
            path.display()
        )));
    }
    for file in wanted {
        let place = match is_file {
            true => path.to_owned(),
            false => path.join(&file.name),
        };
        let bytes = fs::metadata(&place).map_err(|e| failed(&place, e))?.len();
        if bytes != file.bytes {
            let wanted = file.bytes;
            return Ok(Some(format!(
                "{}: {bytes} bytes for {wanted}",
                place.display()
            )));
        }
        let sha256 = match file.of {
            Part::Content => of_content(&place),
            Part::Edges => of_edges(&place, bytes),
        };
        if sha256.map_err(|e| failed(&place, e))? != file.sha256 {
            return Ok(Some(format!("{}: other content", place.display())));
        }
    }
    Ok(None)
}

/// All files under `folder` that readers of the folder see.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with(['_', '.'])) {
            continue;
        }
        match path.is_dir() {
            true => collect(&path, found)?,
            false => found.push(path),
        }
    }
    Ok(())
}

pub(super) fn of_content(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(fs::read(path)?);
    Ok(hex(&hasher.finalize()))
}

fn of_edges(path: &Path, bytes: u64) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = fs::File::open(path)?;
    for begin in [0, bytes.saturating_sub(EDGE)] {
        file.seek(SeekFrom::Start(begin))?;
        let mut edge = Vec::new();
        file.by_ref().take(EDGE).read_to_end(&mut edge)?;
        hasher.update(&edge);
    }
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_the_bench() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        // As `sha256sum` says.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_content(&path).unwrap(), abc);
        let large: Vec<u8> = (0..=255).cycle().take(2 << 20).collect();
        fs::write(&path, &large).unwrap();
        let mut edges = large[..EDGE as usize].to_vec();
        edges.extend_from_slice(&large[large.len() - EDGE as usize..]);
        let whole = folder.path().join("edges");
        fs::write(&whole, edges).unwrap();
        assert_eq!(
            of_edges(&path, large.len() as u64).unwrap(),
            of_content(&whole).unwrap()
        );
    }

    #[test]
    fn hidden_files_are_no_input() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["part", "_truth.json", ".crc"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found = Vec::new();
        collect(folder.path(), &mut found).unwrap();
        assert_eq!(found, [folder.path().join("part")]);
    }
}
