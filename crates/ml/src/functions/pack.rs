//! `pack_vector(vector, width, unit)` and `vector_finite(vector)`.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, FixedSizeListArray, Float64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::row_function::{RowFunction, scalar};
use crate::error::MlError;
use crate::rows::row_major;
use crate::vectors::{Vectors, dense_type, item};

/// Vectors of any kind as dense ones of `width` elements; with `unit`, divided by their length.
pub(super) const PACK: RowFunction = RowFunction {
    name: "pack_vector",
    returns: |types, literals| match (types, literals) {
        ([vectors, _, _], [_, Some(ScalarValue::Int64(Some(width))), _]) => {
            require_vectors(vectors)?;
            Ok(dense_type(usize::try_from(*width).unwrap_or(0)))
        }
        _ => plan_err!("pack_vector takes a vector, the literal of its width, and a boolean"),
    },
    invoke: pack,
};

/// Whether a vector has neither NaN nor an infinity in it; false for a null.
pub(super) const FINITE: RowFunction = RowFunction {
    name: "vector_finite",
    returns: |types, _| match types {
        [vectors] => require_vectors(vectors).map(|()| DataType::Boolean),
        _ => plan_err!("vector_finite takes a vector"),
    },
    invoke: finite,
};

pub(super) fn require_vectors(data_type: &DataType) -> Result<()> {
    if Vectors::is_vector(data_type) {
        return Ok(());
    }
    plan_err!("a column of {data_type} holds no vectors: make some with vector(a, b, …)")
}

/// The nulls of a column of vectors.
pub(super) fn nulls(vectors: &Vectors<'_>) -> Option<NullBuffer> {
    let valid: Vec<bool> = (0..vectors.len())
        .map(|row| !vectors.is_null(row))
        .collect();
    valid.contains(&false).then(|| NullBuffer::from(valid))
}

/// Dense vectors out of their rows.
pub(super) fn dense_array(
    rows: Vec<f64>,
    width: usize,
    count: usize,
    nulls: Option<NullBuffer>,
) -> Result<ColumnarValue> {
    let values = Arc::new(Float64Array::from(rows));
    let array =
        FixedSizeListArray::try_new_with_length(item(), width as i32, values, nulls, count)?;
    Ok(ColumnarValue::Array(Arc::new(array)))
}

/// Divides each row that is not null by its length.
///
/// # Errors
/// If a row is of length zero, which has no direction.
pub(super) fn to_unit_length(
    rows: Cow<'_, [f64]>,
    width: usize,
    nulls: Option<&NullBuffer>,
) -> Result<Vec<f64>> {
    let mut rows = rows.into_owned();
    for (at, row) in rows.chunks_exact_mut(width).enumerate() {
        if !crate::clustering::normalize(row) && nulls.is_none_or(|nulls| nulls.is_valid(at)) {
            let message = "the cosine distance of a row of zeros is not defined: filter such rows \
                           out, or measure by euclidean distance";
            return Err(MlError::invalid(message).into());
        }
    }
    Ok(rows)
}

fn pack(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let array = args.args[0].to_array(args.number_rows)?;
    let vectors = Vectors::try_new(&array)?;
    let (ScalarValue::Int64(Some(width)), ScalarValue::Boolean(Some(unit))) =
        (scalar(args, 1)?, scalar(args, 2)?)
    else {
        return plan_err!("pack_vector takes a vector, the literal of its width, and a boolean");
    };
    let width = usize::try_from(*width).unwrap_or(0).max(1);
    let (rows, nulls) = (row_major(&vectors, width)?, nulls(&vectors));
    let rows = if *unit {
        to_unit_length(rows, width, nulls.as_ref())?
    } else {
        rows.into_owned()
    };
    dense_array(rows, width, vectors.len(), nulls)
}

fn finite(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let array = args.args[0].to_array(args.number_rows)?;
    let vectors = Vectors::try_new(&array)?;
    let mut row = Vec::new();
    let finite = (0..vectors.len()).map(|at| {
        if vectors.is_null(at) {
            return Ok(false);
        }
        row.resize(vectors.width(at), 0.0);
        vectors.copy_row(at, &mut row)?;
        Ok(row.iter().all(|value| value.is_finite()))
    });
    let finite = BooleanArray::from(finite.collect::<Result<Vec<bool>>>()?);
    Ok(ColumnarValue::Array(Arc::new(finite)))
}
