//! Lines `label index:value …` as labelled vectors.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    ArrayRef, FixedSizeListArray, Float64Array, Int32Array, ListArray, RecordBatch,
    RecordBatchOptions, StructArray,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::exec_err;
use datafusion::error::Result;

use crate::libsvm_schema::{FEATURES, LABEL, VectorKind, item, sparse_fields, vector};
use crate::lines::Lines;
use crate::records::Decoder;

/// A batch is handed on when its vectors have this many values, so that wide vectors do not make
/// huge batches: 16 MiB.
const MAX_BATCH_VALUES: usize = 2 * 1024 * 1024;
/// How much of a bad line or token a message shows.
const SHOWN_CHARS: usize = 80;

/// Makes batches of any of the columns `label` and `features`.
pub(crate) struct LibsvmDecoder {
    lines: Lines,
    schema: SchemaRef,
    batch_size: usize,
    rows: usize,
    labels: Vec<f64>,
    features: Option<Features>,
}

impl LibsvmDecoder {
    pub(crate) fn try_new(schema: SchemaRef, batch_size: usize) -> Result<Self> {
        let features = match schema.field_with_name(FEATURES) {
            Ok(field) => Some(Features::new(vector(field)?)),
            Err(_) => None,
        };
        Ok(Self {
            lines: Lines::default(),
            schema,
            batch_size,
            rows: 0,
            labels: Vec::new(),
            features,
        })
    }

    fn add(&mut self, line: &[u8]) -> Result<()> {
        let added = split(line).and_then(|(label, pairs)| {
            let Some(label) = label else { return Ok(()) };
            self.labels.push(number(label, || "the label".to_string())?);
            self.rows += 1;
            self.features
                .as_mut()
                .map_or(Ok(()), |features| features.add(pairs))
        });
        added.or_else(|what| bad_line(line, &what))
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_size
            || self
                .features
                .as_ref()
                .is_some_and(|f| f.values.len() >= MAX_BATCH_VALUES)
    }

    fn flush(&mut self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let rows = std::mem::take(&mut self.rows);
        let labels = std::mem::take(&mut self.labels);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(2);
        if self.schema.field_with_name(LABEL).is_ok() {
            columns.push(Arc::new(Float64Array::from(labels)));
        }
        if let Some(features) = &mut self.features {
            columns.push(features.take(rows)?);
        }
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

impl Decoder for LibsvmDecoder {
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>> {
        while let Some(line) = self.lines.next(block)? {
            self.add(&line)?;
            if self.is_full() {
                return self.flush().map(Some);
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(line) = self.lines.finish() {
            self.add(&line)?;
        }
        (self.rows > 0).then(|| self.flush()).transpose()
    }
}

/// The vectors of a batch. `indices` and `ends` stay empty for dense ones.
struct Features {
    kind: VectorKind,
    size: i32,
    values: Vec<f64>,
    indices: Vec<i32>,
    /// How many values there are up to the end of each row.
    ends: Vec<i32>,
}

impl Features {
    fn new((kind, size): (VectorKind, i32)) -> Self {
        Self {
            kind,
            size,
            values: Vec::new(),
            indices: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn add(&mut self, pairs: &str) -> Result<(), String> {
        let row = self.values.len();
        if self.kind == VectorKind::Dense {
            self.values.resize(row + self.size as usize, 0.0);
        }
        let mut last = 0;
        for token in pairs.split_ascii_whitespace() {
            let (index, value) = pair(token)?;
            if index <= last {
                return Err(format!(
                    "index {index} comes after {last}, but they must increase"
                ));
            }
            last = index;
            let place = match i32::try_from(index) {
                Ok(index) if index <= self.size => index - 1,
                _ => {
                    return Err(format!(
                        "index {index} is above num_features, which is {}",
                        self.size
                    ));
                }
            };
            match self.kind {
                VectorKind::Dense => self.values[row + place as usize] = value,
                VectorKind::Sparse => {
                    self.indices.push(place);
                    self.values.push(value);
                }
            }
        }
        if self.kind == VectorKind::Sparse {
            // Fits: a row has at most as many values as bytes, and a batch is cut at few.
            self.ends.push(self.values.len() as i32);
        }
        Ok(())
    }

    /// The vectors of the `rows` rows so far.
    fn take(&mut self, rows: usize) -> Result<ArrayRef> {
        let values = Arc::new(Float64Array::from(std::mem::take(&mut self.values)));
        if self.kind == VectorKind::Dense {
            let item = item(DataType::Float64);
            return Ok(Arc::new(FixedSizeListArray::try_new(
                item, self.size, values, None,
            )?));
        }
        let indices = Arc::new(Int32Array::from(std::mem::take(&mut self.indices)));
        let starts = std::iter::once(0).chain(std::mem::take(&mut self.ends));
        let offsets = OffsetBuffer::new(ScalarBuffer::from_iter(starts));
        let sizes = Int32Array::from(vec![self.size; rows]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(sizes),
            Arc::new(ListArray::try_new(
                item(DataType::Int32),
                offsets.clone(),
                indices,
                None,
            )?),
            Arc::new(ListArray::try_new(
                item(DataType::Float64),
                offsets,
                values,
                None,
            )?),
        ];
        Ok(Arc::new(StructArray::try_new(
            sparse_fields(),
            columns,
            None,
        )?))
    }
}

/// The highest index of a line, 0 if it has no features. Indices increase, so it is the last.
pub(crate) fn last_index(line: &[u8]) -> Result<u32> {
    split(line)
        .and_then(
            |(_, pairs)| match pairs.split_ascii_whitespace().next_back() {
                Some(token) => Ok(pair(token)?.0),
                None => Ok(0),
            },
        )
        .or_else(|what| bad_line(line, &what))
}

/// The label of a line, unless it is blank, and the rest, without the comment.
fn split(line: &[u8]) -> Result<(Option<&str>, &str), String> {
    let end = memchr::memchr(b'#', line).unwrap_or(line.len());
    let line = std::str::from_utf8(&line[..end]).map_err(|_| "it is not text".to_string())?;
    let line = line.trim_ascii();
    Ok(match line.split_once(|c: char| c.is_ascii_whitespace()) {
        Some((label, pairs)) => (Some(label), pairs),
        None if line.is_empty() => (None, ""),
        None => (Some(line), ""),
    })
}

/// The parts of `index:value`.
fn pair(token: &str) -> Result<(u32, f64), String> {
    let Some((index, value)) = token.split_once(':') else {
        return Err(format!("`{}` is not index:value", cut(token)));
    };
    match index.parse() {
        Ok(0) => Err("index 0, but indices start at 1".to_string()),
        Ok(index) => Ok((
            index,
            number(value, || format!("the value of index {index}"))?,
        )),
        Err(_) => Err(format!(
            "the index of `{}` is not a whole number",
            cut(token)
        )),
    }
}

fn number(text: &str, what: impl FnOnce() -> String) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("{}, `{}`, is not a number", what(), cut(text)))
}

fn bad_line<T>(line: &[u8], what: &str) -> Result<T> {
    let text = String::from_utf8_lossy(line);
    exec_err!("bad libsvm line `{}`: {what}", cut(text.trim()))
}

/// `text`, if it is not long, else its start.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
