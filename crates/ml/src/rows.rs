//! Columns of vectors as plain rows for the kernels.

use std::borrow::Cow;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};

use crate::bytes::{Reader, Writer};
use crate::error::MlError;
use crate::kernels::Centres;
use crate::vectors::Vectors;

const CENTRES: [u8; 4] = *b"KMC1";

/// The rows of a column of vectors, row-major, `width` numbers each. What stands in place of null rows is finite
/// only where it was before.
///
/// # Errors
/// If a vector has another length.
pub(crate) fn row_major<'a>(vectors: &Vectors<'a>, width: usize) -> Result<Cow<'a, [f64]>> {
    if let Vectors::Dense {
        values,
        width: found,
        ..
    } = vectors
        && *found == width
    {
        return Ok(Cow::Borrowed(values));
    }
    let mut rows = vec![0.0; vectors.len() * width];
    for (at, row) in rows.chunks_exact_mut(width).enumerate() {
        if !vectors.is_null(at) {
            vectors.copy_row(at, row)?;
        }
    }
    Ok(Cow::Owned(rows))
}

/// The same, of a column without nulls.
///
/// # Errors
/// If there is a null, or a vector of another length.
pub(crate) fn row_major_without_nulls<'a>(
    vectors: &Vectors<'a>,
    width: usize,
) -> Result<Cow<'a, [f64]>> {
    if (0..vectors.len()).any(|row| vectors.is_null(row)) {
        let message = "a row has a null among its features: filter such rows out, or set \
                       handleInvalid to skip";
        return Err(MlError::invalid(message).into());
    }
    row_major(vectors, width)
}

/// A column of weights; `None` if it is of the type of a bare null, which stands for no weights.
///
/// # Errors
/// If a weight is null, negative, infinite or no number.
pub(crate) fn weights(array: &dyn Array) -> Result<Option<Float64Array>> {
    if array.data_type() == &DataType::Null {
        return Ok(None);
    }
    let array = cast(array, &DataType::Float64)?;
    let weights = array.as_primitive::<Float64Type>();
    let fine = |weight: &f64| *weight >= 0.0 && weight.is_finite();
    if weights.null_count() > 0 || !weights.values().iter().all(fine) {
        let message = "a weight is null, negative or not a finite number: weights are 0 or more";
        return Err(MlError::invalid(message).into());
    }
    Ok(Some(weights.clone()))
}

/// What a row with NaN, an infinity, or numbers whose squares overflow is refused with.
pub(crate) fn not_finite() -> MlError {
    MlError::invalid(
        "a row has a feature that is NaN, infinite or beyond 1e150: filter such rows out, or set \
         handleInvalid to skip",
    )
}

/// Centres as a literal of a function's argument.
pub(crate) fn encode_centres(centres: &[f64], width: usize) -> Vec<u8> {
    let mut writer = Writer::new(CENTRES);
    writer.u64(width as u64);
    writer.u64((centres.len() / width.max(1)) as u64);
    writer.f64s(centres);
    writer.finish()
}

/// Centres from such a literal, a `Binary` or a dictionary with one.
pub(crate) fn decode_centres(literal: &ScalarValue) -> Result<Centres> {
    let bytes = binary(literal).ok_or_else(|| MlError::invalid("the centres are missing"))?;
    let mut reader = Reader::new(bytes, CENTRES)?;
    let (width, count) = (reader.len()?, reader.len()?);
    let centres = reader.f64s(width.saturating_mul(count))?;
    reader.finish()?;
    if width == 0 || count == 0 {
        return Err(MlError::invalid("there are no centres").into());
    }
    Ok(Centres::new(centres, width))
}

/// The bytes of a `Binary`, or of a dictionary with one.
pub(crate) fn binary(literal: &ScalarValue) -> Option<&[u8]> {
    match literal {
        ScalarValue::Binary(bytes) => bytes.as_deref(),
        ScalarValue::Dictionary(_, value) => binary(value),
        _ => None,
    }
}
