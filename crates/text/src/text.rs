//! Lines as rows of one string column.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::plan_err;
use datafusion::error::Result;
use serde::{Deserialize, Serialize};

use crate::breaks::Breaks;
use crate::lines::check_length;
use crate::records::Decoder;

/// A batch of long lines is handed on when it has this many bytes.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// What a row of text ends with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextRows {
    /// `\n` or `\r\n`, which are not part of it.
    #[default]
    Lines,
    /// This text, which is not part of it and not empty. A file is cut for several tasks if it is one ASCII character.
    EndedBy(String),
    /// The end of the file: one row a file.
    Files,
}

impl TextRows {
    /// Where a file can be cut; `None` if it cannot.
    pub(crate) fn breaks(&self) -> Option<Breaks> {
        match self {
            Self::Lines => Some(Breaks::Newline),
            Self::EndedBy(end) => match end.as_bytes() {
                [byte] => Some(Breaks::Byte(*byte)),
                _ => None,
            },
            Self::Files => None,
        }
    }

    fn end(&self) -> &[u8] {
        match self {
            Self::Lines => b"\n",
            Self::EndedBy(end) => end.as_bytes(),
            Self::Files => b"",
        }
    }
}

/// `value: Utf8`.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("value", DataType::Utf8, true)]))
}

/// A declared table may call the column as it likes and have any string type.
pub(crate) fn check_schema(schema: &SchemaRef) -> Result<()> {
    let types: Vec<_> = schema.fields().iter().map(|f| f.data_type()).collect();
    match types.as_slice() {
        [DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => Ok(()),
        _ => plan_err!(
            "a table of text files has one string column, not ({}): declare one, or none",
            schema
                .fields()
                .iter()
                .map(|f| f.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

pub(crate) fn decoder(rows: &TextRows, schema: SchemaRef, batch_size: usize) -> Box<dyn Decoder> {
    match (rows, schema.fields().is_empty()) {
        (TextRows::Lines, true) => Box::new(LineCounter::new(schema, batch_size)),
        (_, true) => Box::new(RowCounter {
            rows: TextDecoder::new(rows, self::schema(), batch_size),
        }),
        (_, false) => Box::new(TextDecoder::new(rows, schema, batch_size)),
    }
}

/// Builds the string column straight from the blocks: each line is copied once, and UTF-8 is
/// checked once a batch.
pub(crate) struct TextDecoder {
    rows: TextRows,
    schema: SchemaRef,
    batch_size: usize,
    values: Vec<u8>,
    /// Where each line starts in `values`, and where the one that is being read does.
    offsets: Vec<i32>,
}

impl TextDecoder {
    fn new(rows: &TextRows, schema: SchemaRef, batch_size: usize) -> Self {
        Self {
            rows: rows.clone(),
            schema,
            batch_size,
            values: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Bytes of the line that is being read.
    fn open_bytes(&self) -> usize {
        self.values.len() - self.offsets.last().map_or(0, |&start| start as usize)
    }

    fn end_line(&mut self) -> Result<()> {
        let bytes = self.open_bytes();
        check_length(bytes)?;
        if self.rows == TextRows::Lines && bytes > 0 && self.values.last() == Some(&b'\r') {
            self.values.pop();
        }
        // Fits: MAX_BATCH_BYTES and the longest line are far below 2 GiB together.
        self.offsets.push(self.values.len() as i32);
        Ok(())
    }

    /// Takes the end off the line that is being read, if it has one now.
    fn cut_end(&mut self) -> bool {
        let end = self.rows.end();
        let has_end = self.open_bytes() >= end.len() && self.values.ends_with(end);
        if has_end {
            self.values.truncate(self.values.len() - end.len());
        }
        has_end
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn flush(&mut self) -> Result<RecordBatch> {
        let rows = self.rows();
        let values = std::mem::take(&mut self.values);
        let offsets = std::mem::replace(&mut self.offsets, Vec::with_capacity(rows + 1));
        self.values.reserve(values.len().min(MAX_BATCH_BYTES));
        self.offsets.push(0);
        let lines = strings(offsets, values)?;
        let wanted = self.schema.field(0).data_type();
        let column: ArrayRef = match wanted {
            DataType::Utf8 => Arc::new(lines),
            _ => cast(&lines, wanted)?,
        };
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![column],
        )?)
    }
}

impl Decoder for TextDecoder {
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>> {
        let mut taken = 0;
        let mut full = false;
        // The end may have begun in the block before: it is looked for behind its last byte.
        if let Some(&last) = self.rows.end().last() {
            for end in memchr::memchr_iter(last, block) {
                self.values.extend_from_slice(&block[taken..=end]);
                taken = end + 1;
                if !self.cut_end() {
                    continue;
                }
                self.end_line()?;
                if self.rows() >= self.batch_size || self.values.len() >= MAX_BATCH_BYTES {
                    full = true;
                    break;
                }
            }
        }
        if full {
            block.advance(taken);
            return self.flush().map(Some);
        }
        self.values.extend_from_slice(&block[taken..]);
        block.clear();
        check_length(self.open_bytes())?;
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if self.open_bytes() > 0 {
            self.end_line()?;
        }
        (self.rows() > 0).then(|| self.flush()).transpose()
    }
}

/// The lines between `offsets`; what is not UTF-8 in them becomes U+FFFD.
fn strings(offsets: Vec<i32>, values: Vec<u8>) -> Result<StringArray> {
    let values = Buffer::from_vec(values);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    if let Ok(lines) = StringArray::try_new(offsets.clone(), values.clone(), None) {
        return Ok(lines);
    }
    Ok(offsets
        .windows(2)
        .map(|at| {
            Some(String::from_utf8_lossy(
                &values[at[0] as usize..at[1] as usize],
            ))
        })
        .collect())
}

/// For `count(*)` of rows that are not plain lines.
struct RowCounter {
    rows: TextDecoder,
}

impl Decoder for RowCounter {
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>> {
        let batch = self.rows.decode(block)?;
        Ok(batch.map(|batch| batch.project(&[])).transpose()?)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.rows.finish()?;
        Ok(batch.map(|batch| batch.project(&[])).transpose()?)
    }
}

/// For `count(*)`: rows of no columns.
struct LineCounter {
    schema: SchemaRef,
    batch_size: usize,
    /// Lines that were read but not yet handed on.
    lines: usize,
    /// Whether the last line has no end yet.
    open: bool,
}

impl LineCounter {
    fn new(schema: SchemaRef, batch_size: usize) -> Self {
        Self {
            schema,
            batch_size,
            lines: 0,
            open: false,
        }
    }

    fn take(&mut self, rows: usize) -> Result<RecordBatch> {
        self.lines -= rows;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            vec![],
            &options,
        )?)
    }
}

impl Decoder for LineCounter {
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>> {
        if let Some(&last) = block.last() {
            self.lines += memchr::memchr_iter(b'\n', block).count();
            self.open = last != b'\n';
            block.clear();
        }
        (self.lines >= self.batch_size)
            .then(|| self.take(self.batch_size))
            .transpose()
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        self.lines += usize::from(std::mem::take(&mut self.open));
        let rows = self.lines.min(self.batch_size);
        (rows > 0).then(|| self.take(rows)).transpose()
    }
}
