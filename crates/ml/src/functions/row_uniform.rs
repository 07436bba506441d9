//! `row_uniform(seed, columns…)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::row_function::{RowFunction, scalar};
use crate::kernels::{bytes_hash, uniform};

/// A number in (0, 1) that belongs to the values of a row and a seed: equal rows have equal numbers, wherever they
/// are.
pub(super) const ROW_UNIFORM: RowFunction = RowFunction {
    name: "row_uniform",
    returns: |types, _| match types {
        [DataType::Int64, _, ..] => Ok(DataType::Float64),
        _ => plan_err!("row_uniform takes a seed and at least one column"),
    },
    invoke: row_uniform,
};

fn row_uniform(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let ScalarValue::Int64(Some(seed)) = scalar(args, 0)? else {
        return plan_err!("row_uniform: the seed is a literal");
    };
    let columns = args.args[1..].iter().map(|c| c.to_array(args.number_rows));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let fields = columns
        .iter()
        .map(|c| SortField::new(c.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let rows = converter.convert_columns(&columns)?;
    let numbers = rows
        .iter()
        .map(|row| uniform(bytes_hash(*seed as u64, row.as_ref())));
    let numbers = Float64Array::from_iter_values(numbers);
    Ok(ColumnarValue::Array(Arc::new(numbers)))
}
