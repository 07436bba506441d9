//! `spark_hash(values…)`: Murmur3 of 32 bits, each value with the hash of the one before it as seed, as Spark's `hash`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::Function;

const SEED: u32 = 42;

/// The hash of the value at a place, from a seed; a null leaves the seed.
type Hasher = Box<dyn Fn(usize, u32) -> u32>;

pub(super) fn function() -> Function {
    Function::new(
        "spark_hash",
        |types| Ok(types.to_vec()),
        |_| Ok(DataType::Int32),
        run,
    )
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let mut hashes = vec![SEED; args.number_rows];
    for argument in &args.args {
        let hasher = hasher(&argument.to_array(args.number_rows)?)?;
        for (row, hash) in hashes.iter_mut().enumerate() {
            *hash = hasher(row, *hash);
        }
    }
    let hashes = hashes.into_iter().map(|hash| hash as i32);
    Ok(ColumnarValue::Array(Arc::new(
        Int32Array::from_iter_values(hashes),
    )))
}

fn hasher(array: &ArrayRef) -> Result<Hasher> {
    let valid = array.clone();
    let plain = plain_hasher(array)?;
    Ok(Box::new(move |row, seed| {
        if valid.is_null(row) {
            seed
        } else {
            plain(row, seed)
        }
    }))
}

fn plain_hasher(array: &ArrayRef) -> Result<Hasher> {
    use DataType::*;
    Ok(match array.data_type() {
        Null => Box::new(|_, seed| seed),
        Boolean => {
            let values = array.as_boolean().clone();
            Box::new(move |row, seed| int(u32::from(values.value(row)), seed))
        }
        Int8 | Int16 | Int32 | UInt8 | UInt16 | Date32 => {
            let values = cast(array, &Int32)?.as_primitive::<Int32Type>().clone();
            Box::new(move |row, seed| int(values.value(row) as u32, seed))
        }
        Int64 | UInt32 | Timestamp(_, _) | Duration(_) | Time64(_) => {
            let values = cast(array, &Int64)?.as_primitive::<Int64Type>().clone();
            Box::new(move |row, seed| long(values.value(row) as u64, seed))
        }
        Float32 => {
            let values = array.as_primitive::<Float32Type>().clone();
            Box::new(move |row, seed| {
                let value = values.value(row);
                // Both zeros, and all NaNs, are one value to Spark.
                let value = if value == 0.0 {
                    0.0
                } else if value.is_nan() {
                    f32::NAN
                } else {
                    value
                };
                int(value.to_bits(), seed)
            })
        }
        Float64 => {
            let values = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row, seed| {
                let value = values.value(row);
                let value = if value == 0.0 {
                    0.0
                } else if value.is_nan() {
                    f64::NAN
                } else {
                    value
                };
                long(value.to_bits(), seed)
            })
        }
        Decimal128(precision, _) => {
            let small = *precision <= 18;
            let values = array.as_primitive::<Decimal128Type>().clone();
            Box::new(move |row, seed| {
                let value = values.value(row);
                if small {
                    long(value as i64 as u64, seed)
                } else {
                    bytes(&big_integer(value), seed)
                }
            })
        }
        Utf8 | LargeUtf8 | Utf8View => {
            let values = cast(array, &Utf8)?.as_string::<i32>().clone();
            Box::new(move |row, seed| bytes(values.value(row).as_bytes(), seed))
        }
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => {
            let values = cast(array, &Binary)?.as_binary::<i32>().clone();
            Box::new(move |row, seed| bytes(values.value(row), seed))
        }
        List(_) => {
            let lists = array.as_list::<i32>().clone();
            let items = hasher(lists.values())?;
            Box::new(move |row, seed| {
                let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
                (start as usize..end as usize).fold(seed, |hash, item| items(item, hash))
            })
        }
        Struct(_) => {
            let fields = array.as_struct().columns().iter().map(hasher);
            let fields = fields.collect::<Result<Vec<_>>>()?;
            Box::new(move |row, seed| fields.iter().fold(seed, |hash, field| field(row, hash)))
        }
        Dictionary(_, values) => hasher(&cast(array, values)?)?,
        other => return exec_err!("there is no hash of values of {other}"),
    })
}

fn int(value: u32, seed: u32) -> u32 {
    finish(mix(seed, value), 4)
}

fn long(value: u64, seed: u32) -> u32 {
    finish(mix(mix(seed, value as u32), (value >> 32) as u32), 8)
}

/// Spark mixes the bytes after the last whole word one by one, each with its sign.
fn bytes(value: &[u8], seed: u32) -> u32 {
    let words = value.chunks_exact(4);
    let rest = words.remainder();
    let hash = words.fold(seed, |hash, word| {
        mix(
            hash,
            u32::from_le_bytes([word[0], word[1], word[2], word[3]]),
        )
    });
    let hash = rest
        .iter()
        .fold(hash, |hash, byte| mix(hash, *byte as i8 as u32));
    finish(hash, value.len() as u32)
}

fn mix(hash: u32, value: u32) -> u32 {
    let value = value
        .wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593);
    (hash ^ value)
        .rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64)
}

fn finish(hash: u32, length: u32) -> u32 {
    let hash = hash ^ length;
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The fewest bytes of two's complement, the greatest first, as Java's BigInteger has them.
fn big_integer(value: i128) -> Vec<u8> {
    let all = value.to_be_bytes();
    let fill = if value < 0 { 0xff } else { 0x00 };
    let mut start = 0;
    while start < 15 && all[start] == fill && (all[start + 1] ^ fill) & 0x80 == 0 {
        start += 1;
    }
    all[start..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_hash_as_spark_hashes_them() {
        assert_eq!(int(1, SEED) as i32, -559_580_957);
        assert_eq!(int(100, SEED) as i32, 751_823_303);
        assert_eq!(bytes(b"", SEED) as i32, 142_593_372);
        assert_eq!(bytes(b"Hello World", SEED) as i32, 352_365_215);
        assert_eq!(big_integer(-129), [0xff, 0x7f]);
        assert_eq!(big_integer(128), [0x00, 0x80]);
        assert_eq!(big_integer(0), [0x00]);
    }
}
