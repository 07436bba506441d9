//! One statement of an interactive session, and what becomes of it.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use springald_core::protocol::{JobState, now_ms};
use springald_core::submission::{MAX_SQL, text};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

const DEFAULT_ROWS: u32 = 1_000;
const MAX_ROWS: u32 = 10_000;

/// Body of `POST /api/v1/sessions/{id}/statements`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementRequest {
    /// One statement, or several with semicolons between them; the rows are those of the last one.
    #[schema(min_length = 1, max_length = 1048576, examples("SELECT 1 + 1 AS two"))]
    pub(super) sql: String,
    /// Rows that the result has at most.
    #[serde(default = "default_rows")]
    #[schema(minimum = 1, maximum = 10000)]
    pub(super) limit: u32,
}

/// A statement: `GET /api/v1/sessions/{id}/statements/{number}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StatementInfo {
    /// From 1, in the order in which the statements of a session run.
    pub(crate) number: u32,
    pub(crate) sql: String,
    pub(crate) state: JobState,
    /// Why it failed.
    pub(crate) message: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub(crate) submitted_at_ms: u64,
    pub(crate) started_at_ms: Option<u64>,
    pub(crate) ended_at_ms: Option<u64>,
    /// Of a statement that is done; left out of lists.
    pub(crate) result: Option<StatementResult>,
}

/// The rows of a statement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StatementResult {
    /// None, if the statement has no rows.
    pub(crate) columns: Vec<Column>,
    /// A list of values for each row, in the order of the columns. Decimals, dates, times, binary data (hexadecimal)
    /// and floats that are no number or infinite are texts.
    #[schema(value_type = Vec<Vec<Value>>)]
    pub(crate) rows: Box<RawValue>,
    /// Whether there were more rows than the limit, or than 4 MiB of them.
    pub(crate) truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As Arrow names it, such as `Int64` or `Timestamp(ms)`.
    #[serde(rename = "type")]
    pub(crate) data_type: String,
    pub(crate) nullable: bool,
}

/// A statement that was taken.
pub(super) struct Statement {
    pub(super) limit: usize,
    pub(super) info: Mutex<StatementInfo>,
    /// Ends it.
    pub(super) stop: CancellationToken,
    /// Cancelled when it has ended.
    pub(super) over: CancellationToken,
}

impl StatementRequest {
    /// # Errors
    /// Names the field that is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        text("sql", &self.sql, 1, MAX_SQL)?;
        match (1..=MAX_ROWS).contains(&self.limit) {
            true => Ok(()),
            false => Err(format!("`limit` is not a number from 1 to {MAX_ROWS}")),
        }
    }
}

impl Statement {
    pub(super) fn new(number: u32, request: StatementRequest, stop: CancellationToken) -> Self {
        Self {
            limit: request.limit as usize,
            info: Mutex::new(StatementInfo {
                number,
                sql: request.sql,
                state: JobState::Waiting,
                message: None,
                submitted_at_ms: now_ms(),
                started_at_ms: None,
                ended_at_ms: None,
                result: None,
            }),
            stop,
            over: CancellationToken::new(),
        }
    }

    /// What it is, without its rows.
    pub(super) fn summary(&self) -> StatementInfo {
        let info = self.info.lock();
        StatementInfo {
            result: None,
            sql: info.sql.clone(),
            message: info.message.clone(),
            ..*info
        }
    }

    /// Bytes that it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let info = self.info.lock();
        let rows = info.result.as_ref().map_or(0, |r| r.rows.get().len());
        info.sql.len() + rows
    }

    pub(super) fn is_over(&self) -> bool {
        self.info.lock().state.is_final()
    }
}

fn default_rows() -> u32 {
    DEFAULT_ROWS
}
