//! Rows of a listing command: made for people in a table, and exact in every other format.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use springald_core::config::format_bytes;

use super::Format;
use super::encode::delimited_lines;
use super::table::Table;

/// Columns and rows of something listed. Values are exact (bytes, milliseconds); a [`Kind`] says how a
/// table words them.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a value means, for its place and words in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    /// Bytes, shown as `2.0 GiB`.
    Bytes,
    /// A duration in milliseconds, shown as `1.5 s`.
    Millis,
    /// Milliseconds since the Unix epoch, shown as UTC.
    Time,
}

impl Listing {
    pub(crate) fn new(columns: &[(&'static str, Kind)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, kind)| Column { name, kind: *kind })
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row: as many values as there are columns.
    pub(crate) fn push(&mut self, row: Vec<Value>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    pub(super) fn write(
        &self,
        format: Format,
        width: Option<usize>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match format {
            Format::Table => self.table(width).write(out),
            Format::Csv => out.write_all(&self.delimited(b',')),
            Format::Tsv => out.write_all(&self.delimited(b'\t')),
            Format::Json => {
                let rows: Vec<Object<'_>> = self.objects().collect();
                serde_json::to_writer_pretty(&mut *out, &rows)?;
                out.write_all(b"\n")
            }
            Format::Ndjson => self.objects().try_for_each(|row| {
                serde_json::to_writer(&mut *out, &row)?;
                out.write_all(b"\n")
            }),
        }
    }

    fn table(&self, width: Option<usize>) -> Table {
        let right = self.columns.iter().map(|c| c.kind.is_right()).collect();
        let mut table = Table::of_text(self.columns.iter().map(|c| c.name), right, width);
        for row in &self.rows {
            table.push_text(
                row.iter()
                    .zip(&self.columns)
                    .map(|(value, column)| column.kind.words(value)),
            );
        }
        table
    }

    fn delimited(&self, delimiter: u8) -> Vec<u8> {
        let header: Vec<&str> = self.columns.iter().map(|c| c.name).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(plain).collect());
        delimited_lines(&header, rows, delimiter)
    }

    fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.rows.iter().map(|row| Object(&self.columns, row))
    }
}

/// A row as an object whose keys keep the order of the columns.
struct Object<'a>(&'a [Column], &'a [Value]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|column| column.name).zip(self.1))
    }
}

impl Kind {
    fn is_right(self) -> bool {
        !matches!(self, Self::Text | Self::Time)
    }

    fn words(self, value: &Value) -> String {
        match (self, value.as_u64()) {
            (Self::Bytes, Some(bytes)) => format_bytes(bytes),
            (Self::Millis, Some(millis)) => duration(millis),
            (Self::Time, Some(millis)) => time(millis),
            _ => plain(value),
        }
    }
}

/// A value as it stands in delimited text: NULL is empty, strings are bare.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 3 min`.
fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn time(millis: u64) -> String {
    i64::try_from(millis)
        .ok()
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .map_or_else(
            || millis.to_string(),
            |t| t.format("%Y-%m-%d %H:%M:%S").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: Format) -> String {
        let mut listing = Listing::new(&[
            ("id", Kind::Text),
            ("memory", Kind::Bytes),
            ("ran", Kind::Millis),
            ("at", Kind::Time),
        ]);
        listing.push(vec![
            "a,b".into(),
            (3u64 << 30).into(),
            Value::Null,
            0.into(),
        ]);
        let mut out = Vec::new();
        listing.write(format, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_is_worded() {
        insta::assert_snapshot!(text(Format::Table), @"
        +-----+---------+-----+---------------------+
        | id  |  memory | ran | at                  |
        +-----+---------+-----+---------------------+
        | a,b | 3.0 GiB |     | 1970-01-01 00:00:00 |
        +-----+---------+-----+---------------------+
        ");
    }

    #[test]
    fn the_rest_is_exact() {
        assert_eq!(
            text(Format::Csv),
            "id,memory,ran,at\n\"a,b\",3221225472,,0\n"
        );
        assert_eq!(
            text(Format::Ndjson),
            "{\"id\":\"a,b\",\"memory\":3221225472,\"ran\":null,\"at\":0}\n"
        );
    }

    #[test]
    fn durations() {
        assert_eq!(duration(850), "850 ms");
        assert_eq!(duration(12_340), "12.3 s");
        assert_eq!(duration(250_000), "4 min 10 s");
        assert_eq!(duration(7_380_000), "2 h 3 min");
    }
}
