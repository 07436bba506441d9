//! `raise_error(message)`: fails the job when a row comes to it.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::{Function, texts};

pub(super) fn function() -> Function {
    // Were it not volatile, it would fail while it is planned.
    Function::new("raise_error", texts::<1>, |_| Ok(DataType::Null), run).volatile()
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    if args.number_rows > 0 {
        let messages = ColumnarValue::values_to_arrays(&args.args)?;
        let first = messages.first().and_then(|m| m.as_string_opt::<i32>());
        let message = first.and_then(|m| m.iter().next()).flatten();
        return exec_err!("[USER_RAISED_EXCEPTION] {}", message.unwrap_or("null"));
    }
    Ok(ColumnarValue::Scalar(ScalarValue::Null))
}
