//! Batches to bytes, one encoder a format. Bytes gather in memory until [`Encoder::take`] fetches them, so
//! that the same encoders serve the terminal and asynchronous files.

use std::fmt::Write as _;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, Writer as JsonWriter};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::Result;

pub(super) enum Encoder {
    Delimited(Delimited),
    Json(JsonWriter<Vec<u8>, JsonArray>),
    Ndjson(JsonWriter<Vec<u8>, LineDelimited>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Arrow(Box<FileWriter<Vec<u8>>>),
}

impl Encoder {
    pub(super) fn delimited(schema: &SchemaRef, delimiter: u8) -> Self {
        Self::Delimited(Delimited::new(schema, delimiter))
    }

    pub(super) fn json() -> Self {
        Self::Json(json_options().build(Vec::new()))
    }

    pub(super) fn ndjson() -> Self {
        Self::Ndjson(json_options().build(Vec::new()))
    }

    pub(super) fn parquet(schema: &SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))
            .map(|writer| Self::Parquet(Box::new(writer)))
            .map_err(|e| ArrowError::from(e).into())
    }

    pub(super) fn arrow(schema: &SchemaRef) -> Result<Self> {
        Ok(Self::Arrow(Box::new(FileWriter::try_new(
            Vec::new(),
            schema,
        )?)))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Delimited(writer) => writer.write(batch)?,
            Self::Json(writer) => writer.write(batch)?,
            Self::Ndjson(writer) => writer.write(batch)?,
            Self::Parquet(writer) => writer.write(batch).map_err(ArrowError::from)?,
            Self::Arrow(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Writes what a format has at its end. Nothing may be written after it.
    pub(super) fn finish(&mut self) -> Result<()> {
        match self {
            Self::Delimited(_) => {}
            Self::Json(writer) => {
                writer.finish()?;
                writer.get_mut().push(b'\n');
            }
            Self::Ndjson(writer) => writer.finish()?,
            Self::Parquet(writer) => {
                writer.finish().map_err(ArrowError::from)?;
            }
            Self::Arrow(writer) => writer.finish()?,
        }
        Ok(())
    }

    /// The bytes made since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Delimited(writer) => std::mem::take(&mut writer.text).into_bytes(),
            Self::Json(writer) => std::mem::take(writer.get_mut()),
            Self::Ndjson(writer) => std::mem::take(writer.get_mut()),
            Self::Parquet(writer) => std::mem::take(writer.inner_mut()),
            Self::Arrow(writer) => std::mem::take(writer.get_mut()),
        }
    }
}

fn json_options() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true)
}

/// Comma or tab separated text, quoted as RFC 4180 has it. Arrow's own writer refuses nested columns; here
/// they are written as they are shown.
pub(super) struct Delimited {
    delimiter: char,
    text: String,
    cell: String,
}

impl Delimited {
    fn new(schema: &SchemaRef, delimiter: u8) -> Self {
        let mut this = Self {
            delimiter: char::from(delimiter),
            text: String::new(),
            cell: String::new(),
        };
        this.line(schema.fields().iter().map(|field| field.name().as_str()));
        this
    }

    /// One line of cells that are text already.
    pub(super) fn line<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        for (i, cell) in cells.enumerate() {
            if i > 0 {
                self.text.push(self.delimiter);
            }
            push_quoted(&mut self.text, cell, self.delimiter);
        }
        self.text.push('\n');
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::new();
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    self.text.push(self.delimiter);
                }
                self.cell.clear();
                write!(self.cell, "{}", column.value(row))
                    .map_err(|e| ArrowError::CastError(e.to_string()))?;
                push_quoted(&mut self.text, &self.cell, self.delimiter);
            }
            self.text.push('\n');
        }
        Ok(())
    }
}

/// Text lines of a listing, whose cells are no Arrow values.
pub(super) fn delimited_lines(
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    delimiter: u8,
) -> Vec<u8> {
    let mut writer = Delimited {
        delimiter: char::from(delimiter),
        text: String::new(),
        cell: String::new(),
    };
    writer.line(header.iter().copied());
    for row in rows {
        writer.line(row.iter().map(String::as_str));
    }
    writer.text.into_bytes()
}

fn push_quoted(text: &mut String, cell: &str, delimiter: char) {
    let plain = !cell.contains([delimiter, '"', '\n', '\r']);
    if plain {
        text.push_str(cell);
        return;
    }
    text.push('"');
    for c in cell.chars() {
        if c == '"' {
            text.push('"');
        }
        text.push(c);
    }
    text.push('"');
}
