//! A table for a person, as wide as its cells or as the terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::error::Result;

/// Texts are not cut below this many characters; a table that still does not fit loses columns.
const NARROWEST: usize = 8;

pub(super) struct Table {
    header: Vec<String>,
    /// Numbers stand to the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    width: Option<usize>,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef, width: Option<usize>) -> Self {
        let fields = schema.fields();
        Self::of_text(
            fields.iter().map(|f| f.name().as_str()),
            fields.iter().map(|f| is_number(f.data_type())).collect(),
            width,
        )
    }

    /// A table of cells that are text already; `right` says which columns stand to the right.
    pub(super) fn of_text<'a>(
        header: impl Iterator<Item = &'a str>,
        right: Vec<bool>,
        width: Option<usize>,
    ) -> Self {
        Self {
            header: header.map(printable).collect(),
            right,
            rows: Vec::new(),
            width,
        }
    }

    /// Rows held.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::new().with_null("NULL");
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                text.clear();
                write!(text, "{}", column.value(row))
                    .map_err(|e| ArrowError::CastError(e.to_string()))?;
                cells.push(printable(&text));
            }
            self.rows.push(cells);
        }
        Ok(())
    }

    pub(super) fn push_text(&mut self, cells: impl Iterator<Item = String>) {
        self.rows.push(cells.map(|cell| printable(&cell)).collect());
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.header.is_empty() {
            return Ok(());
        }
        let widths = self.widths();
        let rule: String = widths
            .iter()
            .map(|w| format!("+{}", "-".repeat(w + 2)))
            .collect();
        writeln!(out, "{rule}+")?;
        self.write_row(out, &self.header, &widths)?;
        writeln!(out, "{rule}+")?;
        for row in &self.rows {
            self.write_row(out, row, &widths)?;
        }
        writeln!(out, "{rule}+")?;
        let left_out = self.header.len() - widths.len();
        if left_out > 0 {
            let names = self.header[widths.len()..].join(", ");
            writeln!(out, "{left_out} more columns do not fit: {names}")?;
        }
        Ok(())
    }

    fn write_row(
        &self,
        out: &mut impl Write,
        cells: &[String],
        widths: &[usize],
    ) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), right) in cells.iter().zip(widths).zip(&self.right) {
            let cell = cut(cell, *width);
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            // Writing to a string cannot fail.
            let _ = match right {
                true => write!(line, "| {pad}{cell} "),
                false => write!(line, "| {cell}{pad} "),
            };
        }
        writeln!(out, "{line}|")
    }

    /// Widths of the columns that are shown: all of them at their natural width if that fits. Else texts and
    /// headers are cut, the widest first, but never a number; what does not fit even so is left out from the
    /// end.
    fn widths(&self) -> Vec<usize> {
        let headers = self.header.iter().map(|name| name.width());
        let mut cells = vec![0; self.header.len()];
        for row in &self.rows {
            for (width, cell) in cells.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        // Of each column: the least width, and the one at which nothing is cut.
        let columns: Vec<(usize, usize)> = headers
            .zip(cells)
            .zip(&self.right)
            .map(|((header, cells), is_number)| {
                let natural = header.max(cells);
                let least = natural.min(NARROWEST);
                (if *is_number { least.max(cells) } else { least }, natural)
            })
            .collect();
        let at_most = |columns: &[(usize, usize)], cap: usize| -> Vec<usize> {
            let width = |(least, natural): &(usize, usize)| cap.clamp(*least, *natural);
            columns.iter().map(width).collect()
        };
        let natural = at_most(&columns, usize::MAX);
        let Some(room) = self.width else {
            return natural;
        };
        // `| ` before and ` ` after each cell, and `|` at the end.
        let fits = |widths: &Vec<usize>| widths.iter().sum::<usize>() + 3 * widths.len() < room;
        if fits(&natural) {
            return natural;
        }
        (1..=columns.len())
            .rev()
            .flat_map(|n| (0..room).rev().map(move |cap| (n, cap)))
            .map(|(n, cap)| at_most(&columns[..n], cap))
            .find(fits)
            // One column that is wider than the terminal.
            .unwrap_or_else(|| vec![room.saturating_sub(4).max(1)])
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// The text with line ends and other control characters made visible: a cell is one line, and no data may
/// steer the terminal.
fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// At most `width` columns of the text, ending in `…` if something is cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            let wide = c.width().unwrap_or(0);
            let fits = wide <= room;
            room = room.saturating_sub(wide);
            fits
        })
        .collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>, header: &[&str], rows: &[&[&str]]) -> String {
        let mut table = Table::of_text(header.iter().copied(), vec![false; header.len()], width);
        for row in rows {
            table.push_text(row.iter().map(|cell| (*cell).to_owned()));
        }
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_widest_column_is_cut_first() {
        let text = table(Some(30), &["id", "text"], &[&["12345678", &"x".repeat(99)]]);
        assert!(text.lines().all(|line| line.width() == 30), "{text}");
        assert!(text.contains("| 12345678 |"), "{text}");
        assert!(text.contains("x… |"), "{text}");
    }

    #[test]
    fn columns_that_do_not_fit_are_named() {
        let row = ["0123456789"; 4];
        let text = table(Some(26), &["a", "b", "c", "d"], &[&row]);
        assert!(
            text.ends_with("2 more columns do not fit: c, d\n"),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_whole() {
        let mut table = Table::of_text(
            ["a_long_header", "text"].into_iter(),
            vec![true, false],
            Some(30),
        );
        table.push_text(["1234567890123".to_owned(), "y".repeat(50)].into_iter());
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("| 1234567890123 | yyyyyyyyy… |"), "{text}");
        assert!(text.lines().all(|line| line.width() <= 30), "{text}");
    }

    #[test]
    fn wide_characters_are_never_split() {
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("日本語", 6), "日本語");
    }

    #[test]
    fn data_cannot_steer_the_terminal() {
        assert_eq!(printable("a\n\u{1b}[31mb"), "a\\n\\u{1b}[31mb");
    }
}
