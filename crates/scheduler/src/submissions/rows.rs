//! Rows as JSON: a list of lists, one value for each column.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Float16Type, Float32Type, Float64Type, Schema,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::value::RawValue;
use springald_core::{Error, Result};

use super::statement::{Column, StatementResult};

/// Bytes of the rows of one result at most, but for its last row.
const MAX_BYTES: usize = 4 << 20;

/// Gathers rows up to a limit.
pub(super) struct Rows {
    columns: Vec<Column>,
    options: EncoderOptions,
    limit: usize,
    count: usize,
    text: Vec<u8>,
    truncated: bool,
}

impl Rows {
    pub(super) fn new(schema: &Schema, limit: usize) -> Self {
        let columns = schema.fields().iter().map(|field| Column {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
        });
        Self {
            columns: columns.collect(),
            options: EncoderOptions::default()
                .with_explicit_nulls(true)
                .with_encoder_factory(Arc::new(Lossless)),
            limit,
            count: 0,
            text: vec![b'['],
            truncated: false,
        }
    }

    /// Takes the rows of a batch, until there are enough; then [`Self::is_full`] holds.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut encoders = columns
            .map(|(field, column)| make_encoder(field, column, &self.options))
            .collect::<Result<Vec<_>, ArrowError>>()?;
        for row in 0..batch.num_rows() {
            if self.count == self.limit || self.text.len() > MAX_BYTES {
                self.truncated = true;
                return Ok(());
            }
            let mut separator: &[u8] = if self.count == 0 { b"[" } else { b",[" };
            for encoder in &mut encoders {
                self.text.extend_from_slice(separator);
                separator = b",";
                match encoder.is_null(row) {
                    true => self.text.extend_from_slice(b"null"),
                    false => encoder.encode(row, &mut self.text),
                }
            }
            if encoders.is_empty() {
                self.text.extend_from_slice(separator);
            }
            self.text.push(b']');
            self.count += 1;
        }
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.truncated
    }

    pub(super) fn finish(mut self) -> Result<StatementResult> {
        self.text.push(b']');
        let unreadable = |e: &dyn std::fmt::Display| {
            Error::failed(format!("the rows cannot be written as JSON: {e}"))
                .with_hint("CAST the columns of other types than usual to VARCHAR")
        };
        let text = String::from_utf8(self.text).map_err(|e| unreadable(&e))?;
        Ok(StatementResult {
            columns: self.columns,
            rows: RawValue::from_string(text).map_err(|e| unreadable(&e))?,
            truncated: self.truncated,
        })
    }
}

/// Writes as texts what JSON's numbers cannot say, or readers of JSON would round.
#[derive(Debug)]
struct Lossless;

impl EncoderFactory for Lossless {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float16 => {
                let array = array.as_primitive::<Float16Type>();
                Box::new(Floats(|row| f64::from(array.value(row).to_f32())))
            }
            DataType::Float32 => {
                let array = array.as_primitive::<Float32Type>();
                Box::new(Floats(|row| array.value(row)))
            }
            DataType::Float64 => {
                let array = array.as_primitive::<Float64Type>();
                Box::new(Floats(|row| array.value(row)))
            }
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => {
                let options = FormatOptions::new().with_display_error(true);
                Box::new(Texts(ArrayFormatter::try_new(array, &options)?))
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

/// The value of a row, of 32 or 64 bits: each is written with as many digits as it has.
struct Floats<F>(F);

impl<N: Into<f64> + Copy + serde::Serialize, F: Fn(usize) -> N> Encoder for Floats<F> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let number = self.0(row);
        let wide: f64 = number.into();
        let text: &[u8] = match wide {
            _ if wide.is_nan() => b"\"NaN\"",
            f64::INFINITY => b"\"Infinity\"",
            f64::NEG_INFINITY => b"\"-Infinity\"",
            _ => {
                // Writing a number to memory does not fail.
                let _ = serde_json::to_writer(out, &number);
                return;
            }
        };
        out.extend_from_slice(text);
    }
}

/// What has no quotes or backslashes in it.
struct Texts<'a>(ArrayFormatter<'a>);

impl Encoder for Texts<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\"{}\"", self.0.value(row)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn rows(sql: &str, limit: usize) -> (Vec<Column>, String, bool) {
        let frame = SessionContext::new().sql(sql).await.unwrap();
        let mut rows = Rows::new(frame.schema().as_arrow(), limit);
        for batch in frame.collect().await.unwrap() {
            rows.push(&batch).unwrap();
        }
        let result = rows.finish().unwrap();
        (
            result.columns,
            result.rows.get().to_owned(),
            result.truncated,
        )
    }

    #[tokio::test]
    async fn values_keep_what_they_are() {
        let (columns, rows, truncated) = rows(
            "SELECT 9007199254740993 AS i, CAST(1.10 AS DECIMAL(9, 2)) AS d, 0.1 AS f,
                    CAST(0.1 AS REAL) AS r, 'q\"\\' AS s, NULL AS n, DATE '2026-11-21' AS day,
                    TIMESTAMP '2026-11-21T20:00:00' AS t, X'0aff' AS b, true AS yes, [1, NULL] AS l,
                    named_struct('a', CAST('nan' AS DOUBLE), 'b', NULL) AS o",
            9,
        )
        .await;
        assert_eq!(
            rows,
            "[[9007199254740993,\"1.10\",0.1,0.1,\"q\\\"\\\\\",null,\"2026-11-21\",\
             \"2026-11-21T20:00:00\",\"0aff\",true,[1,null],{\"a\":\"NaN\",\"b\":null}]]"
        );
        assert_eq!(columns[0].data_type, "Int64");
        assert_eq!(columns[1].data_type, "Decimal128(9, 2)");
        assert!(!truncated);
    }

    #[tokio::test]
    async fn there_are_as_many_rows_as_asked_for() {
        let sql = "SELECT value FROM generate_series(1, 5)";
        assert_eq!(rows(sql, 2).await.1, "[[1],[2]]");
        assert!(rows(sql, 4).await.2);
        assert!(!rows(sql, 5).await.2);
        let (columns, none, truncated) = rows("SELECT 1 AS a WHERE false", 2).await;
        assert_eq!((columns.len(), none.as_str(), truncated), (1, "[]", false));
    }

    #[tokio::test]
    async fn there_is_an_end_to_the_bytes() {
        let sql = "SELECT repeat('x', 1000000) FROM generate_series(1, 9)";
        let (_, text, truncated) = rows(sql, 9).await;
        assert!(truncated && text.len() < 6 << 20, "{}", text.len());
    }
}
