//! Work that is handed to the master: batches, which it runs as programs of their own (`/api/v1/batches`).

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::protocol::JobState;

/// Characters of a SQL text at most.
pub const MAX_SQL: usize = 1 << 20;
/// Characters of a name at most.
pub const MAX_NAME: usize = 200;
/// Arguments of a batch, and characters of one, at most.
const MAX_ARGS: usize = 1_000;
const MAX_ARG: usize = 32_768;
const MAX_PATH: usize = 4_096;

/// Body of `POST /api/v1/batches`: what to run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum BatchRequest {
    Sql(SqlBatch),
    File(FileBatch),
}

/// A text of SQL statements, run one after the other in one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlBatch {
    /// Statements, with a semicolon between each two.
    #[schema(min_length = 1, max_length = 1048576, examples("SELECT 1 + 1 AS two"))]
    pub sql: String,
    /// Flags of `springald submit FILE.sql`, such as `--param`, `day=2026-11-01`, `--format`, `csv`.
    #[schema(required = false, max_items = 1000)]
    pub args: Vec<Argument>,
    /// A name for lists, and for the jobs of the batch.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*$")]
    pub name: Option<String>,
}

/// A file of the workspace: SQL statements, or a Python program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileBatch {
    /// Path of a `.sql` or `.py` file, below the workspace.
    #[schema(
        max_length = 4096,
        pattern = "^[^\\x00]*\\.(sql|py)$",
        examples("notebooks/jobs/report.sql")
    )]
    pub file: String,
    /// What stands behind the file on the command line: of a program its arguments, of a script the flags of
    /// `springald submit FILE.sql`.
    #[schema(required = false, max_items = 1000)]
    pub args: Vec<Argument>,
    /// A name for lists, and for the jobs of the batch; by default the file's.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00]*$")]
    pub name: Option<String>,
}

/// One argument of a command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(max_length = 32768, pattern = "^[^\\x00]*$")]
pub struct Argument(pub String);

/// A batch: `GET /api/v1/batches`, `GET /api/v1/batches/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchInfo {
    pub id: String,
    pub name: String,
    pub state: JobState,
    /// The SQL text, if it is one.
    pub sql: Option<String>,
    /// The file, if it is one, relative to the workspace.
    pub file: Option<String>,
    pub args: Vec<String>,
    /// Why a waiting batch waits, or why a failed one failed.
    pub message: Option<String>,
    /// What the program ended with, if no signal ended it.
    pub exit_code: Option<i32>,
    /// Milliseconds since the Unix epoch.
    pub submitted_at_ms: u64,
    pub started_at_ms: Option<u64>,
    pub ended_at_ms: Option<u64>,
    /// Bytes that `GET /api/v1/batches/{id}/log` gives by now.
    pub log_bytes: u64,
}

impl BatchRequest {
    pub fn args(&self) -> &[Argument] {
        match self {
            Self::Sql(batch) => &batch.args,
            Self::File(batch) => &batch.args,
        }
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Sql(batch) => batch.name.as_deref(),
            Self::File(batch) => batch.name.as_deref(),
        }
    }
}

/// By hand, as an untagged enum would only say that nothing fits.
impl<'de> Deserialize<'de> for BatchRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            sql: Option<String>,
            file: Option<String>,
            #[serde(default)]
            args: Vec<Argument>,
            name: Option<String>,
        }
        let Body {
            sql,
            file,
            args,
            name,
        } = Body::deserialize(deserializer)?;
        let request = match (sql, file) {
            (Some(sql), None) => Self::Sql(SqlBatch { sql, args, name }),
            (None, Some(file)) => Self::File(FileBatch { file, args, name }),
            _ => {
                return Err(serde::de::Error::custom(
                    "give either `sql`, a text, or `file`, a path below the workspace",
                ));
            }
        };
        request.check().map_err(serde::de::Error::custom)?;
        Ok(request)
    }
}

impl BatchRequest {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Sql(batch) => text("sql", &batch.sql, 1, MAX_SQL)?,
            Self::File(batch) => {
                plain("file", &batch.file, 1, MAX_PATH)?;
                if !batch.file.ends_with(".sql") && !batch.file.ends_with(".py") {
                    return Err("`file` ends neither in .sql nor in .py".to_owned());
                }
            }
        }
        if let Some(name) = self.name() {
            plain("name", name, 1, MAX_NAME)?;
        }
        if self.args().len() > MAX_ARGS {
            return Err(format!("`args` has more than {MAX_ARGS} arguments"));
        }
        let mut args = self.args().iter();
        args.try_for_each(|Argument(arg)| plain("args", arg, 0, MAX_ARG))
    }
}

/// Checks a field's length in characters.
///
/// # Errors
/// Names the field and the limit.
pub fn text(field: &str, value: &str, least: usize, most: usize) -> Result<(), String> {
    let length = value.chars().count();
    if length < least {
        return Err(format!("`{field}` is empty"));
    }
    if length > most {
        return Err(format!(
            "`{field}` has {length} characters; {most} are the most"
        ));
    }
    Ok(())
}

/// [`text`] for what goes into a command line, where no NUL may be.
///
/// # Errors
/// Names the field and what is wrong with it.
pub fn plain(field: &str, value: &str, least: usize, most: usize) -> Result<(), String> {
    text(field, value, least, most)?;
    match value.contains('\0') {
        true => Err(format!("`{field}` holds a NUL character")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<BatchRequest, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn a_batch_is_a_text_or_a_file() {
        let sql = parse(r#"{"sql":"SELECT 1","args":["--format","csv"]}"#).unwrap();
        assert_eq!(sql.args().len(), 2);
        let file = parse(r#"{"file":"jobs/x.py","name":"nightly"}"#).unwrap();
        assert_eq!(file.name(), Some("nightly"));
        for request in [sql, file] {
            let json = serde_json::to_string(&request).unwrap();
            assert_eq!(parse(&json).unwrap(), request, "{json}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, words) in [
            ("{}", "either `sql`"),
            (r#"{"sql":"SELECT 1","file":"x.sql"}"#, "either `sql`"),
            (r#"{"sql":""}"#, "`sql` is empty"),
            (r#"{"file":"x.sh"}"#, ".sql nor in .py"),
            (r#"{"file":"x\u0000.py"}"#, "NUL"),
            (r#"{"sql":"x","args":["a\u0000"]}"#, "NUL"),
            (r#"{"sql":"x","name":""}"#, "`name` is empty"),
            (r#"{"sql":"x","arg":[]}"#, "unknown field `arg`"),
        ] {
            let e = parse(json).unwrap_err();
            assert!(e.contains(words), "{json}: {e}");
        }
        let long = format!(r#"{{"sql":"{}"}}"#, "x".repeat(MAX_SQL + 1));
        assert!(parse(&long).unwrap_err().contains("the most"));
    }
}
