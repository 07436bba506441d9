//! What is made of the lines of a file.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};

use crate::breaks::Breaks;
use crate::compression::Compression;
use crate::libsvm::LibsvmDecoder;
use crate::libsvm_schema::{self, LibsvmOptions};
use crate::text::{self, TextRows};
use crate::word_count::{self, WordCountOptions};
use crate::word_decoder::WordDecoder;

/// What is made of the lines of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// A row a line, of one column `value: Utf8`; see [`TextRows`]. The last line may lack its end. A `\r` alone ends
    /// no line, though it does in Spark.
    /// Bytes that are not UTF-8 become U+FFFD, as in Spark; a UTF-8 byte order mark at the start
    /// of a file is dropped.
    Text(TextRows),
    /// A row a line `label index:value index:value … # comment`: the columns `label: Float64` and
    /// `features`, a vector; see [`LibsvmOptions`]. Blank lines are passed over.
    Libsvm(LibsvmOptions),
    /// Partial counts of the words, as `word: Utf8` and `count: Int64`: one word may come in many
    /// rows, whose counts are to be added up, as [`crate::word_count()`] does.
    WordCount(WordCountOptions),
}

impl Records {
    /// What users call it: `text`, `libsvm` or `word_count`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Libsvm(_) => "libsvm",
            Self::WordCount(_) => "word_count",
        }
    }

    /// The usual ending of such a file, without the dot.
    pub(crate) fn extension(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::WordCount(_) => "txt",
            Self::Libsvm(_) => "libsvm",
        }
    }

    /// Where a file can be cut for several tasks; `None` if one has to read it whole.
    pub(crate) fn breaks(&self) -> Option<Breaks> {
        match self {
            Self::Text(rows) => rows.breaks(),
            Self::Libsvm(_) => Some(Breaks::Newline),
            Self::WordCount(options) => Some(options.tokens.breaks()),
        }
    }

    /// The schema of `files`, which are read for it only if need be.
    pub(crate) async fn infer_schema(
        &self,
        store: &Arc<dyn ObjectStore>,
        files: &[ObjectMeta],
        compression: Compression,
    ) -> Result<SchemaRef> {
        match self {
            Self::Text(_) => Ok(text::schema()),
            Self::Libsvm(options) => libsvm_schema::infer(store, files, compression, options).await,
            Self::WordCount(_) => Ok(word_count::schema()),
        }
    }

    /// Checks that rows of `schema`, of the file's own columns, can be made.
    pub(crate) fn check_schema(&self, schema: &SchemaRef) -> Result<()> {
        match self {
            Self::Text(_) => text::check_schema(schema),
            Self::Libsvm(_) => libsvm_schema::check(schema),
            Self::WordCount(options) => word_count::check(options),
        }
    }

    /// Makes batches of `schema`, any columns of the file's own, of at most `batch_size` rows.
    pub(crate) fn decoder(&self, schema: SchemaRef, batch_size: usize) -> Result<Box<dyn Decoder>> {
        Ok(match self {
            Self::Text(rows) => text::decoder(rows, schema, batch_size),
            Self::Libsvm(_) => Box::new(LibsvmDecoder::try_new(schema, batch_size)?),
            Self::WordCount(options) => Box::new(WordDecoder::new(options, schema, batch_size)),
        })
    }
}

/// Makes record batches of the bytes of one range of a file.
pub(crate) trait Decoder: Send {
    /// Takes bytes from the front of `block` until a batch is full, which it returns, or the block
    /// is empty.
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>>;

    /// After the last block: the next of the remaining batches, `None` after the last.
    fn finish(&mut self) -> Result<Option<RecordBatch>>;
}

impl fmt::Debug for dyn Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

/// Says in which file `error` happened. `store` is the URL of the store, empty if unknown.
pub(crate) fn in_file(store: &str, location: &Path, error: DataFusionError) -> DataFusionError {
    let store = store.strip_prefix("file://").unwrap_or(store);
    let slash = if store.ends_with('/') { "" } else { "/" };
    error.context(format!("reading {store}{slash}{location}"))
}
