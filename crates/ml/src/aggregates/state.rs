//! The partial state of least squares, as bytes.
//!
//! ```text
//! u32 version · u32 variables · u64 rows · f64 Σw · f64 Σw² · f64 × d means · f64 × d their low parts
//! · f64 × d(d+1)/2 cross-products
//! ```
//! Little-endian. Several states in a row, for folds, are `u32 version · u32 folds`, then `u64 length · state` each, of
//! length 0 where there are no rows.

use datafusion::common::Result;

use crate::error::MlError;
use crate::kernels::moments::{Moments, triangle};

const VERSION: u32 = 1;
const HEADER: usize = 32;

pub(crate) fn encode(moments: &Moments) -> Vec<u8> {
    let d = moments.variables();
    let mut bytes = Vec::with_capacity(HEADER + 8 * (2 * d + triangle(d)));
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((d as u32).to_le_bytes());
    bytes.extend(moments.count().to_le_bytes());
    put(&mut bytes, &[moments.weight(), moments.weight_squares()]);
    put(&mut bytes, moments.mean());
    put(&mut bytes, moments.mean_low());
    put(&mut bytes, moments.triangle());
    bytes
}

/// # Errors
/// If the bytes are another version's, or too few or too many.
pub(crate) fn decode(bytes: &[u8]) -> Result<Moments> {
    let mut reader = Reader(bytes);
    let d = reader.versioned_count()?;
    let count = reader.u64()?;
    let (weight, weight_squares) = (reader.f64()?, reader.f64()?);
    if reader.0.len() != 8 * (2 * d + triangle(d)) {
        return Err(torn());
    }
    let (mean, mean_low) = (reader.f64s(d)?, reader.f64s(d)?);
    let cross = reader.f64s(triangle(d))?;
    Moments::from_parts(count, weight, weight_squares, mean, mean_low, cross).ok_or_else(torn)
}

pub(crate) fn encode_folds(folds: &[Option<Moments>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((folds.len() as u32).to_le_bytes());
    for fold in folds {
        let state = fold.as_ref().map(encode).unwrap_or_default();
        bytes.extend((state.len() as u64).to_le_bytes());
        bytes.extend(state);
    }
    bytes
}

/// # Errors
/// As [`decode`].
pub(crate) fn decode_folds(bytes: &[u8]) -> Result<Vec<Option<Moments>>> {
    let mut reader = Reader(bytes);
    let count = reader.versioned_count()?;
    let mut folds = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(reader.u64()?).map_err(|_| torn())?;
        let state = reader.take(length)?;
        folds.push((length > 0).then(|| decode(state)).transpose()?);
    }
    if reader.0.is_empty() {
        Ok(folds)
    } else {
        Err(torn())
    }
}

/// Appends numbers, little-endian.
pub(crate) fn put(bytes: &mut Vec<u8>, values: &[f64]) {
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

/// Numbers as [`put`] wrote them.
///
/// # Errors
/// If the bytes are no whole count of numbers.
pub(crate) fn numbers(bytes: &[u8]) -> Result<Vec<f64>> {
    if !bytes.len().is_multiple_of(8) {
        return Err(torn());
    }
    Reader(bytes).f64s(bytes.len() / 8)
}

/// Numbers as a text literal: the bits of each in 16 hexadecimal digits.
///
/// The engine writes out the literals of an expression many times while it plans, bytes one by one and text at once:
/// with 5000 coefficients as bytes a pass over few rows took a tenth of a second longer.
pub(crate) fn to_text(values: &[f64]) -> String {
    let mut text = String::with_capacity(DIGITS * values.len());
    for value in values {
        for at in (0..DIGITS as u32).rev() {
            let digit = (value.to_bits() >> (4 * at)) as u32 & 0xf;
            text.extend(char::from_digit(digit, 16));
        }
    }
    text
}

/// Numbers as [`to_text`] wrote them.
///
/// # Errors
/// If the text is anything else.
pub(crate) fn from_text(text: &str) -> Result<Vec<f64>> {
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).map_err(|_| torn())?;
        let bits = u64::from_str_radix(digits, 16).map_err(|_| torn())?;
        Ok(f64::from_bits(bits))
    };
    let (digits, rest) = text.as_bytes().as_chunks::<DIGITS>();
    if !rest.is_empty() {
        return Err(torn());
    }
    digits.iter().map(|digits| number(digits)).collect()
}

const DIGITS: usize = 16;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn versioned_count(&mut self) -> Result<usize> {
        let version = self.u32()?;
        if version != VERSION {
            let message = format!(
                "a partial state of version {version} came to a process that knows version {VERSION}: run \
                 the same version of the program everywhere"
            );
            return Err(MlError::invalid(message).into());
        }
        Ok(self.u32()? as usize)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(torn)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| torn())
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    fn f64s(&mut self, count: usize) -> Result<Vec<f64>> {
        let bytes = self.take(8 * count)?;
        let (chunks, _) = bytes.as_chunks::<8>();
        Ok(chunks.iter().map(|c| f64::from_le_bytes(*c)).collect())
    }
}

fn torn() -> datafusion::error::DataFusionError {
    MlError::invalid("a partial state has not the length it says: it was cut, or is no such state")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_exact() {
        let values = [0.0, -0.0, 1.0 / 3.0, -1e-310, f64::MAX, f64::INFINITY];
        let text = to_text(&values);
        assert_eq!(&text[32..48], "3fd5555555555555");
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&from_text(&text).unwrap()), bits(&values));
        assert!(from_text(&text[1..]).is_err());
        assert!(from_text("3fd555555555555x").is_err());
    }

    #[test]
    fn round_trips_and_refuses_what_is_not_whole() {
        let moments = Moments::from_parts(
            3,
            4.5,
            7.25,
            vec![0.1, -2.0],
            vec![1e-18, 0.0],
            vec![1.0, 2.0, 1e-300],
        )
        .unwrap();
        let bytes = encode(&moments);
        assert_eq!(decode(&bytes).unwrap(), moments);
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert!(
            decode(&newer)
                .unwrap_err()
                .to_string()
                .contains("version 2")
        );
        let folds = vec![None, Some(moments)];
        let bytes = encode_folds(&folds);
        assert_eq!(decode_folds(&bytes).unwrap(), folds);
        assert!(decode_folds(&bytes[..bytes.len() - 1]).is_err());
    }
}
