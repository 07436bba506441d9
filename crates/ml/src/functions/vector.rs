//! `vector(x0, x1, …)` and `assemble_vector(handle_invalid, x0, x1, …)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::row_function::{RowFunction, text};
use crate::error::MlError;
use crate::kernels::{Part, interleave};
use crate::vectors::{Vectors, dense_type, item};

/// Numbers, booleans and dense vectors, one after another in one dense vector; null if one of them is null.
pub(super) const VECTOR: RowFunction = RowFunction {
    name: "vector",
    returns: |types, _| assembled_type("vector", types),
    invoke: |args| assemble(args, &args.args, Invalid::Null),
};

/// The same for `VectorAssembler`: its first argument says what becomes of a row with a null or NaN. `error` fails;
/// `skip` makes a null of the row, to be filtered out; `keep` puts NaN in place of nulls.
pub(super) const ASSEMBLE: RowFunction = RowFunction {
    name: "assemble_vector",
    returns: |types, literals| match literals {
        [Some(ScalarValue::Utf8(Some(_))), ..] => assembled_type("assemble_vector", &types[1..]),
        _ => plan_err!("assemble_vector begins with 'error', 'skip' or 'keep'"),
    },
    invoke: |args| {
        let invalid = match text(args, 0)? {
            "error" => Invalid::Error,
            "skip" => Invalid::Skip,
            "keep" => Invalid::Keep,
            other => return plan_err!("assemble_vector: '{other}' is none of error, skip, keep"),
        };
        assemble(args, &args.args[1..], invalid)
    },
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Invalid {
    /// A null makes the vector null, NaN is a number as any other.
    Null,
    Error,
    Skip,
    Keep,
}

fn assembled_type(name: &str, types: &[DataType]) -> Result<DataType> {
    let widths = types.iter().map(|data_type| width_of(name, data_type));
    Ok(dense_type(widths.sum::<Result<usize>>()?))
}

fn width_of(name: &str, data_type: &DataType) -> Result<usize> {
    match data_type {
        DataType::Boolean | DataType::Null => Ok(1),
        DataType::FixedSizeList(..) if Vectors::is_vector(data_type) => dense_width(data_type),
        _ if Vectors::is_vector(data_type) => plan_err!(
            "{name}: a column of {data_type} does not say how long its vectors are: only vectors \
             of vector(a, b, …) can be parts of others"
        ),
        _ if data_type.is_numeric() => Ok(1),
        other => plan_err!("{name}: a feature is a number or a boolean, not {other}"),
    }
}

fn dense_width(data_type: &DataType) -> Result<usize> {
    match data_type {
        DataType::FixedSizeList(_, width) => Ok(usize::try_from(*width).unwrap_or(0)),
        other => plan_err!("a column of {other} is no dense vector"),
    }
}

fn assemble(
    args: &ScalarFunctionArgs,
    columns: &[ColumnarValue],
    invalid: Invalid,
) -> Result<ColumnarValue> {
    let rows = args.number_rows;
    let columns = columns.iter().map(|column| numbers(column, rows));
    let mut columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    if invalid == Invalid::Keep {
        columns = columns.iter().map(nulls_as_nan).collect::<Result<_>>()?;
    }
    let mut nulls = columns.iter().fold(None, |nulls, column| {
        NullBuffer::union(nulls.as_ref(), column.nulls())
    });
    let parts: Vec<Part<'_>> = columns.iter().map(part).collect::<Result<_>>()?;
    let width: usize = parts.iter().map(|(_, width)| width).sum();
    let values = interleave(&parts, rows);
    if matches!(invalid, Invalid::Error | Invalid::Skip) && values.iter().any(|v| v.is_nan()) {
        let valid = values
            .chunks_exact(width)
            .map(|row| !row.iter().any(|v| v.is_nan()));
        let valid = NullBuffer::from(valid.collect::<Vec<bool>>());
        nulls = NullBuffer::union(nulls.as_ref(), Some(&valid));
    }
    if invalid == Invalid::Error && nulls.as_ref().is_some_and(|nulls| nulls.null_count() > 0) {
        let message = "VectorAssembler: a row has a null or NaN among its inputs: filter such rows \
                       out, or set handleInvalid to skip or keep";
        return Err(MlError::invalid(message).into());
    }
    let values = Arc::new(Float64Array::from(values));
    let array = FixedSizeListArray::try_new_with_length(item(), width as i32, values, nulls, rows)?;
    Ok(ColumnarValue::Array(Arc::new(array)))
}

/// A column as `Float64`, or as the vectors it has.
fn numbers(column: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    let array = column.to_array(rows)?;
    if Vectors::is_vector(array.data_type()) {
        return Ok(array);
    }
    Ok(cast(&array, &DataType::Float64)?)
}

fn part(array: &ArrayRef) -> Result<Part<'_>> {
    if array.data_type() == &DataType::Float64 {
        return Ok((array.as_primitive::<Float64Type>().values(), 1));
    }
    match Vectors::try_new(array)? {
        Vectors::Dense { values, width, .. } => Ok((values, width)),
        _ => plan_err!("a column of {} is no dense vector", array.data_type()),
    }
}

fn nulls_as_nan(array: &ArrayRef) -> Result<ArrayRef> {
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(Arc::clone(array));
    };
    let (values, width) = part(array)?;
    let mut values = values.to_vec();
    for (at, row) in values.chunks_exact_mut(width.max(1)).enumerate() {
        if nulls.is_null(at) {
            row.fill(f64::NAN);
        }
    }
    let values = Arc::new(Float64Array::from(values));
    if array.data_type() == &DataType::Float64 {
        return Ok(values);
    }
    let len = array.len();
    let array = FixedSizeListArray::try_new_with_length(item(), width as i32, values, None, len)?;
    Ok(Arc::new(array))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn interleaves_and_keeps_nulls() {
        let ctx = SessionContext::new();
        for f in crate::scalar_functions() {
            ctx.register_udf(f.as_ref().clone());
        }
        let sql = "SELECT vector(a, b, 1) AS v, vector(a, vector(3, a), true) AS w \
                   FROM (VALUES (1, 0.5), (2, NULL)) AS t(a, b)";
        let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let (v, w) = (batches[0].column(0), batches[0].column(1));
        let (v, w) = (v.as_fixed_size_list(), w.as_fixed_size_list());
        assert_eq!(v.value_length(), 3);
        assert_eq!(
            v.value(0).as_primitive::<Float64Type>().values(),
            &[1.0, 0.5, 1.0]
        );
        assert!(v.is_null(1));
        assert_eq!(
            w.value(1).as_primitive::<Float64Type>().values(),
            &[2.0, 3.0, 2.0, 1.0]
        );
        for (sql, message) in [
            ("SELECT vector('x')", "a feature is a number"),
            ("SELECT vector([1.0, 2.0])", "does not say how long"),
        ] {
            let e = ctx.sql(sql).await.err().unwrap();
            assert!(e.to_string().contains(message), "{e}");
        }
    }
}
