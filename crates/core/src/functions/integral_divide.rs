//! `integral_divide(a, b)`: the whole part of a quotient as a number of 64 bits, Spark's `div`.

use arrow::compute::kernels::numeric::div;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::physical_expr_common::datum::apply;

use super::Function;

pub(super) fn function() -> Function {
    Function::new("integral_divide", coerce, |_| Ok(DataType::Int64), run)
}

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    let [left, right] = types else {
        return plan_err!("it takes two numbers, not {} values", types.len());
    };
    let is_whole = |t: &DataType| t.is_integer() || t.is_null();
    let as_decimal = |t: &DataType| match t {
        DataType::Decimal128(..) => Some(t.clone()),
        t if is_whole(t) => Some(DataType::Decimal128(20, 0)),
        _ => None,
    };
    if is_whole(left) && is_whole(right) {
        return Ok(vec![DataType::Int64; 2]);
    }
    match (as_decimal(left), as_decimal(right)) {
        (Some(left), Some(right)) => Ok(vec![left, right]),
        _ if left.is_numeric() && right.is_numeric() => Ok(vec![DataType::Float64; 2]),
        _ => plan_err!("div takes two numbers, not {left} and {right}: cast them first"),
    }
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [left, right] = args.args.as_slice() else {
        return exec_err!("it takes two numbers");
    };
    let quotient = apply(left, right, div).map_err(|e| {
        let message = e.to_string();
        if message.contains("Divide by zero") || message.contains("DivideByZero") {
            exec_datafusion_err!(
                "[DIVIDE_BY_ZERO] Division by zero: use nullif(divisor, 0) to get null instead"
            )
        } else {
            e
        }
    })?;
    // Casts cut what is behind the point.
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    match quotient {
        ColumnarValue::Array(array) => {
            let whole = cast_with_options(&array, &DataType::Int64, &strict)?;
            Ok(ColumnarValue::Array(whole))
        }
        ColumnarValue::Scalar(scalar) => Ok(ColumnarValue::Scalar(
            scalar.cast_to_with_options(&DataType::Int64, &strict)?,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() -> Result<()> {
        let decimal = DataType::Decimal128(5, 2);
        assert_eq!(
            coerce(&[DataType::Int32, DataType::UInt8])?,
            vec![DataType::Int64; 2]
        );
        assert_eq!(
            coerce(&[decimal.clone(), DataType::Int32])?,
            vec![decimal, DataType::Decimal128(20, 0)]
        );
        assert_eq!(
            coerce(&[DataType::Float32, DataType::Int8])?,
            vec![DataType::Float64; 2]
        );
        assert!(coerce(&[DataType::Utf8, DataType::Int8]).is_err());
        Ok(())
    }
}
