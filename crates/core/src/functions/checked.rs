//! Whole-number arithmetic that fails where the engine's own wraps around, as Spark's does in its ANSI mode.

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::physical_expr_common::datum::apply;

use super::Function;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("checked_add", coerce, returns, |args| run(&args, add)),
        Function::new("checked_subtract", coerce, returns, |args| run(&args, sub)),
        Function::new("checked_multiply", coerce, returns, |args| run(&args, mul)),
    ]
}

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Null, other] | [other, DataType::Null] => Ok(vec![other.clone(); 2]),
        [left, right] if left == right && left.is_integer() => Ok(types.to_vec()),
        _ => plan_err!("it takes two whole numbers of one type, not {types:?}"),
    }
}

fn returns(types: &[DataType]) -> Result<DataType> {
    match types {
        [data_type, _] => Ok(data_type.clone()),
        _ => plan_err!("it takes two whole numbers"),
    }
}

fn run(
    args: &ScalarFunctionArgs,
    kernel: fn(
        &dyn arrow::array::Datum,
        &dyn arrow::array::Datum,
    ) -> Result<arrow::array::ArrayRef, arrow::error::ArrowError>,
) -> Result<ColumnarValue> {
    let [left, right] = args.args.as_slice() else {
        return exec_err!("it takes two whole numbers");
    };
    apply(left, right, kernel).map_err(|e| {
        if e.to_string().contains("verflow") {
            exec_datafusion_err!(
                "[ARITHMETIC_OVERFLOW] {} overflow: cast to a wider type first, or use try_add and the like",
                args.return_type()
            )
        } else {
            e
        }
    })
}
