//! The parts of a receipt that a repetition needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::digest::{self, Floats};
use crate::error::{Error, Result};

/// The form of receipts, and of the checksum in them, that this program knows.
const FORM: u32 = 1;

#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) title: String,
    /// The folder of all data on the machine that made the receipt.
    pub(super) data: PathBuf,
    pub(super) inputs: Vec<Input>,
    pub(super) repeat: Repeat,
    pub(super) answer: Answer,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    /// Below the folder of all data.
    pub(super) path: String,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    /// Below the input's path, or its own name if the input is one file.
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) of: Part,
    pub(super) sha256: String,
}

/// The bytes that a fingerprint covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Content,
    /// The first and the last 64 KiB.
    Edges,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Repeat {
    Sql {
        tables: BTreeMap<String, Table>,
        sql: String,
    },
    /// A built-in job, and those of its columns that are the answer.
    Job {
        arguments: Vec<String>,
        columns: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) format: String,
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    form: u32,
    rows: u64,
    columns: Vec<String>,
    checksum: String,
    /// Of columns of floats.
    floats: Vec<Option<Floats>>,
    /// How far sums of floats may be apart, relative to the sum of their sizes.
    tolerance: f64,
}

/// A receipt as it is written: some work has no answer, and some no way to be repeated here.
#[derive(Debug, Deserialize)]
struct Written {
    receipt: u32,
    work: String,
    title: String,
    data: PathBuf,
    inputs: Vec<Input>,
    repeat: Option<Repeat>,
    answer: Option<Answer>,
    engine: Engine,
}

#[derive(Debug, Deserialize)]
struct Engine {
    name: String,
}

impl Receipt {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::io(format!("cannot read the receipt {}", path.display()), e))?;
        let written: Written = serde_json::from_str(&text).map_err(|e| {
            Error::invalid(format!("{} is no receipt: {e}", path.display())).with_hint(
                "`make bench` writes receipts, NAME.springald.json, into its folder `receipts`",
            )
        })?;
        let form = match &written.answer {
            Some(answer) if written.receipt == FORM => answer.form,
            _ => written.receipt,
        };
        if form != FORM {
            return Err(Error::invalid(format!(
                "{} is of form {form}, and this program knows form {FORM}",
                path.display()
            ))
            .with_hint("verify it with the version that its engine names"));
        }
        if !written.engine.name.starts_with("springald") {
            return Err(Error::usage(
                format!("{} is of {}", path.display(), written.engine.name),
                "its types differ from Springald's; take the receipt NAME.springald.json beside it, \
                 whose verdict says whether both answers are the same",
            ));
        }
        let Some((repeat, answer)) = written.repeat.zip(written.answer) else {
            return Err(Error::usage(
                format!("no command repeats `{}`", written.work),
                "run `make bench` again, with ONLY= and the name of its suite",
            ));
        };
        Ok(Self {
            title: written.title,
            data: written.data,
            inputs: written.inputs,
            repeat,
            answer,
        })
    }
}

impl Repeat {
    /// The columns of the result that are the answer; all if none are named.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Sql { .. } => None,
            Self::Job { columns, .. } => Some(columns),
        }
    }
}

impl Answer {
    /// What is not as the receipt says, if anything.
    pub(super) fn difference(&self, found: &digest::Answer) -> Option<String> {
        if found.rows != self.rows {
            return Some(format!("{} rows for {}", found.rows, self.rows));
        }
        if found.floats.len() != self.floats.len() {
            let (found, wanted) = (found.floats.len(), self.floats.len());
            return Some(format!("{found} columns for {wanted}"));
        }
        if found.checksum != self.checksum {
            return Some(format!("checksum {} for {}", found.checksum, self.checksum));
        }
        let place = self
            .floats
            .iter()
            .zip(&found.floats)
            .position(|(wanted, found)| !self.is_near(*wanted, *found))?;
        let name = self.columns.get(place).map_or("", String::as_str);
        let words = |floats: Option<Floats>| {
            floats.map_or("no floats".to_owned(), |f| format!("{:e}", f.sum))
        };
        Some(format!(
            "the weighted sum of column `{name}` is {} for {}",
            words(found.floats[place]),
            words(self.floats[place])
        ))
    }

    fn is_near(&self, a: Option<Floats>, b: Option<Floats>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                let most = self.tolerance * a.size.max(b.size);
                (a.sum - b.sum).abs() <= most && (a.size - b.size).abs() <= most
            }
            _ => false,
        }
    }
}
