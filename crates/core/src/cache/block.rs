//! What is said of a block of cached data.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use datafusion::error::{DataFusionError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One partition of cached data, and who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Unique over all processes.
    pub id: String,
    pub rows: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// `host:port` of the worker's data port; empty for this process.
    pub worker: String,
    /// Cores of the holder.
    pub cores: u32,
}

/// What a worker's Flight service takes for a block that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockTicket {
    pub block: String,
}

impl BlockTicket {
    const TAG: &'static [u8] = b"springald.block ";

    pub fn encode(&self) -> Vec<u8> {
        [Self::TAG, self.block.as_bytes()].concat()
    }

    /// `None` if the ticket is for something else.
    pub fn decode(ticket: &[u8]) -> Option<Self> {
        let block = std::str::from_utf8(ticket.strip_prefix(Self::TAG)?).ok()?;
        Some(Self {
            block: block.to_owned(),
        })
    }
}

/// The columns of a fill's result.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("block", DataType::Utf8, false),
        Field::new("rows", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("worker", DataType::Utf8, false),
        Field::new("cores", DataType::UInt32, false),
    ]))
}

pub(super) fn to_batch(blocks: &[Block]) -> Result<RecordBatch> {
    let text = |of: fn(&Block) -> &str| StringArray::from_iter_values(blocks.iter().map(of));
    let numbers = |of: fn(&Block) -> u64| UInt64Array::from_iter_values(blocks.iter().map(of));
    Ok(RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(text(|b| &b.id)),
            Arc::new(numbers(|b| b.rows)),
            Arc::new(numbers(|b| b.bytes)),
            Arc::new(text(|b| &b.worker)),
            Arc::new(UInt32Array::from_iter_values(
                blocks.iter().map(|b| b.cores),
            )),
        ],
    )?)
}

/// Adds the blocks of `batch` to `blocks`.
pub(crate) fn from_batch(batch: &RecordBatch, blocks: &mut Vec<Block>) -> Result<()> {
    let wrong = || DataFusionError::Internal("a fill answered with other columns".to_owned());
    if batch.schema().fields() != schema().fields() {
        return Err(wrong());
    }
    let text = |at: usize| batch.column(at).as_string_opt::<i32>().ok_or_else(wrong);
    let number = |at: usize| {
        let column = batch.column(at).as_primitive_opt::<UInt64Type>();
        column.ok_or_else(wrong)
    };
    let (ids, rows, bytes, workers) = (text(0)?, number(1)?, number(2)?, text(3)?);
    let cores = batch.column(4).as_primitive_opt::<UInt32Type>();
    let cores = cores.ok_or_else(wrong)?;
    blocks.extend((0..ids.len()).map(|row| Block {
        id: ids.value(row).to_owned(),
        rows: rows.value(row),
        bytes: bytes.value(row),
        worker: workers.value(row).to_owned(),
        cores: cores.value(row),
    }));
    Ok(())
}
