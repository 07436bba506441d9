//! Rows for people and for other programs: on the terminal in five formats, and in files.
//!
//! ```text
//! Printer::stdout(format).print_stream(stream).await?      a query's result
//! Printer::stdout(format).print_listing(&listing)?         what a listing command found
//! write_output(stream, path).await?                        a query's result in a file
//! ```
//!
//! Everything but `table` is written batch by batch. A table has to know its widest cell first, so it
//! holds its rows, and shows at most [`TABLE_ROWS`] of them.

mod encode;
mod file;
mod listing;
mod table;

use std::io::{self, IsTerminal, Write};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::error::{Error, Result};
use encode::Encoder;
pub(crate) use file::{OutputPath, temporary_beside, write_output};
pub(crate) use listing::{Kind, Listing};
use table::Table;

/// Rows that a table shows at most; more than that is for a file or another format.
pub(crate) const TABLE_ROWS: usize = 10_000;

/// How rows are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns lined up for a person, cut to the terminal's width
    #[default]
    Table,
    /// Comma separated, with a header; NULL is empty
    Csv,
    /// Tab separated, with a header; NULL is empty
    Tsv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
}

/// What was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Printed {
    /// Rows shown.
    pub(crate) rows: u64,
    /// Whether there were more, which a table leaves out.
    pub(crate) truncated: bool,
}

/// Prints rows in one format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
    width: Option<usize>,
}

impl Printer {
    /// A printer whose tables are at most `width` characters wide, or as wide as they come.
    pub(crate) fn new(format: Format, width: Option<usize>) -> Self {
        Self { format, width }
    }

    /// A printer for standard output: tables fit the terminal, and are whole when it is none.
    pub(crate) fn stdout(format: Format) -> Self {
        let width = io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0));
        Self::new(format, width)
    }

    /// Begins a result of this schema on `out`.
    pub(crate) fn begin<W: Write>(&self, schema: &SchemaRef, out: W) -> Result<Rows<W>> {
        let body = match self.format {
            Format::Table => Body::Table(Table::new(schema, self.width)),
            Format::Csv => Body::Encoded(Encoder::delimited(schema, b',')),
            Format::Tsv => Body::Encoded(Encoder::delimited(schema, b'\t')),
            Format::Json => Body::Encoded(Encoder::json()),
            Format::Ndjson => Body::Encoded(Encoder::ndjson()),
        };
        Ok(Rows {
            body,
            out,
            rows: 0,
            truncated: false,
        })
    }

    /// Prints a whole stream on standard output. A table stops reading once it is full, which ends the
    /// query.
    pub(crate) async fn print_stream(
        &self,
        mut stream: SendableRecordBatchStream,
    ) -> Result<Printed> {
        // Not locked: the stream's own tasks may print a progress bar meanwhile.
        let mut rows = self.begin(&stream.schema(), io::BufWriter::new(io::stdout()))?;
        while rows.wants_more()
            && let Some(batch) = stream.next().await
        {
            rows.write(&batch?)?;
        }
        rows.finish()
    }

    /// Prints what a listing command found on standard output.
    pub(crate) fn print_listing(&self, listing: &Listing) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout());
        listing
            .write(self.format, self.width, &mut out)
            .and_then(|()| out.flush())
            .map_err(Error::Stdout)
    }
}

/// A result being printed.
pub(crate) struct Rows<W: Write> {
    body: Body,
    out: W,
    rows: u64,
    truncated: bool,
}

enum Body {
    Table(Table),
    Encoded(Encoder),
}

impl<W: Write> Rows<W> {
    /// Whether a further batch would be shown.
    pub(crate) fn wants_more(&self) -> bool {
        !self.truncated
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.body {
            Body::Table(table) => {
                let room = TABLE_ROWS.saturating_sub(table.len());
                self.truncated |= batch.num_rows() > room;
                let batch = batch.slice(0, batch.num_rows().min(room));
                self.rows += batch.num_rows() as u64;
                table.push(&batch)?;
            }
            Body::Encoded(encoder) => {
                encoder.write(batch)?;
                self.rows += batch.num_rows() as u64;
                self.out
                    .write_all(&encoder.take())
                    .and_then(|()| self.out.flush())
                    .map_err(Error::Stdout)?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Printed> {
        match &mut self.body {
            Body::Table(table) => table.write(&mut self.out).map_err(Error::Stdout)?,
            Body::Encoded(encoder) => {
                encoder.finish()?;
                self.out.write_all(&encoder.take()).map_err(Error::Stdout)?;
            }
        }
        self.out.flush().map_err(Error::Stdout)?;
        Ok(Printed {
            rows: self.rows,
            truncated: self.truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, StringArray};
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    fn batch() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "id",
                Arc::new(Int64Array::from(vec![Some(1), None, Some(300)])),
            ),
            (
                "name",
                Arc::new(StringArray::from(vec![Some("a,\"b\""), Some("日本"), None])),
            ),
            ("x", Arc::new(Float64Array::from(vec![0.5, f64::NAN, 2.0]))),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )
        .unwrap()
    }

    fn print(format: Format, width: Option<usize>, batch: &RecordBatch) -> String {
        let mut out = Vec::new();
        let mut rows = Printer::new(format, width)
            .begin(&batch.schema(), &mut out)
            .unwrap();
        rows.write(batch).unwrap();
        rows.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        insta::assert_snapshot!(print(Format::Table, None, &batch()), @r#"
        +------+-------+-----+
        |   id | name  |   x |
        +------+-------+-----+
        |    1 | a,"b" | 0.5 |
        | NULL | 日本  | NaN |
        |  300 | NULL  | 2.0 |
        +------+-------+-----+
        "#);
    }

    #[test]
    fn delimited() {
        assert_eq!(
            print(Format::Csv, None, &batch()),
            "id,name,x\n1,\"a,\"\"b\"\"\",0.5\n,日本,NaN\n300,,2.0\n"
        );
        assert_eq!(
            print(Format::Tsv, None, &batch()),
            "id\tname\tx\n1\t\"a,\"\"b\"\"\"\t0.5\n\t日本\tNaN\n300\t\t2.0\n"
        );
    }

    #[test]
    fn json() {
        let text = print(Format::Json, None, &batch());
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            rows[0],
            serde_json::json!({"id": 1, "name": "a,\"b\"", "x": 0.5})
        );
        assert_eq!(rows[1]["id"], serde_json::Value::Null);
        assert_eq!(rows[1]["x"], serde_json::Value::Null);
        assert_eq!(print(Format::Ndjson, None, &batch()).lines().count(), 3);
    }

    #[test]
    fn empty_results_are_still_well_formed() {
        let empty = batch().slice(0, 0);
        assert_eq!(print(Format::Csv, None, &empty), "id,name,x\n");
        assert_eq!(print(Format::Json, None, &empty), "[]\n");
        assert_eq!(print(Format::Ndjson, None, &empty), "");
        assert!(print(Format::Table, None, &empty).contains("| id | name | x |"));
    }

    #[test]
    fn nested_values_have_a_text_form() {
        let lists =
            ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None])]);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
        assert_eq!(print(Format::Csv, None, &batch), "l\n\"[1, ]\"\n");
        assert_eq!(print(Format::Ndjson, None, &batch), "{\"l\":[1,null]}\n");
    }

    #[test]
    fn a_table_stops_at_its_cap() {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..TABLE_ROWS as i64 + 1));
        let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        let mut rows = Printer::new(Format::Table, None)
            .begin(&batch.schema(), Vec::new())
            .unwrap();
        rows.write(&batch).unwrap();
        assert!(!rows.wants_more());
        let printed = rows.finish().unwrap();
        assert_eq!((printed.rows, printed.truncated), (TABLE_ROWS as u64, true));
    }
}
