//! The checksum of an answer, whatever the order of its rows.
//!
//! Each row is encoded cell by cell: a letter for the kind, the length of the canonical text in 4 bytes, the text; finite
//! floats have no text. The checksum is the sum, modulo 2^128, of the first 16 bytes of the rows' SHA-256. Floats enter
//! a sum of their own for each column, weighted by the next 2 bytes of their row's hash, so that they belong to their row.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampNanosecondType,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The checksum of all rows, and the sums of each column of floats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) rows: u64,
    pub(super) checksum: String,
    pub(super) floats: Vec<Option<Floats>>,
}

/// The weighted sum of a column's finite floats, and of their absolute values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub(super) struct Floats {
    pub(super) sum: f64,
    pub(super) size: f64,
}

/// Takes the batches of an answer one after the other.
#[derive(Debug)]
pub(super) struct Digester {
    /// Places of the columns that are looked at.
    places: Vec<usize>,
    rows: u64,
    total: u128,
    floats: Vec<Option<Floats>>,
}

impl Digester {
    /// A digester of all columns of rows with this schema, or of those that are named.
    pub(super) fn new(schema: SchemaRef, columns: Option<&[String]>) -> Result<Self> {
        let places = match columns {
            None => (0..schema.fields().len()).collect(),
            Some(names) => names
                .iter()
                .map(|name| schema.index_of(name))
                .collect::<Result<Vec<_>, _>>()?,
        };
        let floats = places
            .iter()
            .map(|place| {
                let is_float = schema.field(*place).data_type().is_floating();
                is_float.then(Floats::default)
            })
            .collect();
        Ok(Self {
            places,
            rows: 0,
            total: 0,
            floats,
        })
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = self
            .places
            .iter()
            .map(|place| Column::of(batch.column(*place)))
            .collect::<Result<Vec<_>>>()?;
        let mut encoded = Vec::new();
        for row in 0..batch.num_rows() {
            encoded.clear();
            for column in &columns {
                column.encode(row, &mut encoded)?;
            }
            let hash = Sha256::digest(&encoded);
            let mut first = [0; 16];
            first.copy_from_slice(&hash[..16]);
            self.total = self.total.wrapping_add(u128::from_le_bytes(first));
            let weight = 1.0 + f64::from(u16::from_le_bytes([hash[16], hash[17]])) / 65536.0;
            for (floats, column) in self.floats.iter_mut().zip(&columns) {
                if let (Some(floats), Some(value)) = (floats, column.finite(row)) {
                    floats.sum += weight * value;
                    floats.size += weight * value.abs();
                }
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    pub(super) fn answer(&self) -> Answer {
        Answer {
            rows: self.rows,
            checksum: format!("{:032x}", self.total),
            floats: self.floats.clone(),
        }
    }
}

/// A column in the type whose cells are written.
#[derive(Debug)]
enum Column {
    Floats(Float64Array),
    /// Nanoseconds since the Unix epoch.
    Moments(Int64Array),
    Texts(ArrayRef),
    Bytes(ArrayRef),
    /// Booleans, dates and numbers, with the letter of their kind.
    Shown(u8, ArrayRef),
}

impl Column {
    fn of(array: &ArrayRef) -> Result<Self> {
        use DataType::{
            Binary, BinaryView, Boolean, Date32, Date64, Dictionary, FixedSizeBinary, LargeBinary,
            LargeUtf8, Null, Timestamp, Utf8, Utf8View,
        };
        let to = |kind: &DataType| cast(array, kind);
        Ok(match array.data_type() {
            Dictionary(_, values) => Self::of(&to(values)?)?,
            kind if kind.is_floating() => Self::Floats(
                to(&DataType::Float64)?
                    .as_primitive::<Float64Type>()
                    .clone(),
            ),
            Timestamp(_, zone) => {
                let nanoseconds = to(&Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
                let nanoseconds = nanoseconds.as_primitive::<TimestampNanosecondType>();
                Self::Moments(nanoseconds.reinterpret_cast::<Int64Type>())
            }
            Utf8 | LargeUtf8 | Utf8View => Self::Texts(to(&Utf8)?),
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Self::Bytes(to(&Binary)?),
            Boolean => Self::Shown(b'b', array.clone()),
            Date32 | Date64 => Self::Shown(b'd', to(&Date32)?),
            Null => Self::Texts(to(&Utf8)?),
            kind if kind.is_integer() || is_decimal(kind) => Self::Shown(b'i', array.clone()),
            kind => {
                return Err(Error::invalid(format!(
                    "columns of type {kind} have no canonical form"
                ))
                .with_hint("let the query give plain columns"));
            }
        })
    }

    fn finite(&self, row: usize) -> Option<f64> {
        match self {
            Self::Floats(values) if values.is_valid(row) => {
                Some(values.value(row)).filter(|value| value.is_finite())
            }
            _ => None,
        }
    }

    fn encode(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let is_null = match self {
            Self::Floats(values) => values.is_null(row),
            Self::Moments(values) => values.is_null(row),
            Self::Texts(values) | Self::Bytes(values) | Self::Shown(_, values) => {
                values.is_null(row)
            }
        };
        if is_null {
            push(b'n', b"", out);
            return Ok(());
        }
        match self {
            Self::Floats(values) => {
                let text = match values.value(row) {
                    value if value.is_nan() => "nan",
                    f64::INFINITY => "inf",
                    f64::NEG_INFINITY => "-inf",
                    _ => "",
                };
                push(b'f', text.as_bytes(), out);
            }
            Self::Moments(values) => {
                let moment = chrono::DateTime::from_timestamp_nanos(values.value(row));
                let text = moment.format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
                push(b's', text.as_bytes(), out);
            }
            Self::Texts(values) => push(b't', values.as_string::<i32>().value(row).as_bytes(), out),
            Self::Bytes(values) => {
                let bytes = values.as_binary::<i32>().value(row);
                let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                push(b'x', text.as_bytes(), out);
            }
            Self::Shown(kind, values) => {
                let shown = ArrayFormatter::try_new(values.as_ref(), &FormatOptions::new())?;
                let text = shown.value(row).try_to_string()?;
                let text = match kind {
                    b'i' => shortest(&text),
                    _ => text.as_str(),
                };
                push(*kind, text.as_bytes(), out);
            }
        }
        Ok(())
    }
}

fn is_decimal(kind: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    matches!(
        kind,
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)
    )
}

/// A number without zeros at the end of its fraction, so that 1.50 and 1.5 are one.
fn shortest(text: &str) -> &str {
    if !text.contains('.') {
        return text;
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0",
        text => text,
    }
}

fn push(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    // A cell of 4 GiB is beyond what Arrow's strings hold.
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, StringArray,
        StringViewArray, TimestampMicrosecondArray,
    };

    use super::*;

    /// The rows of `every_kind` in `benches/compare/tests/test_answers.py`.
    fn every_kind() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("whole", Arc::new(Int64Array::from(vec![Some(42), None]))),
            (
                "money",
                Arc::new(
                    Decimal128Array::from(vec![-150, 0])
                        .with_precision_and_scale(12, 2)
                        .unwrap(),
                ),
            ),
            ("text", Arc::new(StringArray::from(vec!["", "ä"]))),
            ("truth", Arc::new(BooleanArray::from(vec![true, false]))),
            ("day", Arc::new(Date32Array::from(vec![20_512, -1]))),
            (
                "moment",
                Arc::new(TimestampMicrosecondArray::from(vec![
                    Some(1_767_270_601_000_005),
                    None,
                ])),
            ),
            (
                "bytes",
                Arc::new(BinaryArray::from_vec(vec![&b"\x00\xff"[..], &b""[..]])),
            ),
            ("float", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )
        .unwrap()
    }

    fn digest(batch: &RecordBatch, columns: Option<&[String]>) -> Answer {
        let mut digester = Digester::new(batch.schema(), columns).unwrap();
        digester.add(batch).unwrap();
        digester.answer()
    }

    #[test]
    fn the_digest_is_what_the_bench_computes() {
        let answer = digest(&every_kind(), None);
        assert_eq!(answer.rows, 2);
        assert_eq!(answer.checksum, "4a37f1cd760c6813a0a99af790e74bc4");
        assert_eq!(answer.floats[..7], [None; 7]);
        let floats = answer.floats[7].unwrap();
        assert_eq!(
            (floats.sum, floats.size),
            (0.6814804077148438, 0.6814804077148438)
        );
    }

    #[test]
    fn order_and_batches_do_not_matter() {
        let rows = every_kind();
        let mut digester = Digester::new(rows.schema(), None).unwrap();
        digester.add(&rows.slice(1, 1)).unwrap();
        digester.add(&rows.slice(0, 1)).unwrap();
        assert_eq!(digester.answer(), digest(&rows, None));
    }

    #[test]
    fn columns_may_be_chosen() {
        let rows = every_kind();
        let chosen = digest(&rows, Some(&["text".to_owned(), "float".to_owned()]));
        assert_eq!(chosen, digest(&rows.project(&[2, 7]).unwrap(), None));
        assert!(Digester::new(rows.schema(), Some(&["nothing".to_owned()])).is_err());
    }

    #[test]
    fn values_count_and_not_their_types() {
        let one = |array: ArrayRef| {
            let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
            digest(&batch, None).checksum
        };
        let money = Decimal128Array::from(vec![500])
            .with_precision_and_scale(10, 2)
            .unwrap();
        assert_eq!(
            one(Arc::new(money)),
            one(Arc::new(Int32Array::from(vec![5])))
        );
        assert_eq!(
            one(Arc::new(StringArray::from(vec!["abc"]))),
            one(Arc::new(StringViewArray::from(vec!["abc"])))
        );
        assert_eq!(shortest("1200"), "1200");
        assert_eq!(shortest("-0.00"), "0");
        assert_eq!(shortest("-0.10"), "-0.1");
    }
}
