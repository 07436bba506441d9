//! `spark_text(number)`: a floating-point number as Java prints it, which is what Spark's cast to a string gives.

use std::fmt::LowerExp;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::Function;

pub(super) fn function() -> Function {
    Function::new("spark_text", coerce, |_| Ok(DataType::Utf8), run)
}

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Float32] => Ok(vec![DataType::Float32]),
        [other] if other.is_numeric() || other.is_null() => Ok(vec![DataType::Float64]),
        _ => plan_err!("it takes one number, not {types:?}"),
    }
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    let texts: StringArray = match arrays[0].data_type() {
        DataType::Float32 => {
            let numbers = arrays[0].as_primitive::<Float32Type>();
            numbers
                .iter()
                .map(|x| Some(text(x?, f64::from(x?))))
                .collect()
        }
        _ => {
            let numbers = arrays[0].as_primitive::<Float64Type>();
            numbers.iter().map(|x| Some(text(x?, x?))).collect()
        }
    };
    Ok(ColumnarValue::Array(Arc::new(texts)))
}

/// `shortest` gives the digits, of its own width; `value` is the same number.
fn text(shortest: impl LowerExp, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    let scientific = format!("{shortest:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let padded = |text: &str| {
        if text.is_empty() {
            "0".to_owned()
        } else {
            text.to_owned()
        }
    };
    match exponent {
        0..=6 => {
            let whole = exponent as usize + 1;
            let zeros = "0".repeat(whole.saturating_sub(digits.len()));
            let split = whole.min(digits.len());
            let (before, after) = digits.split_at(split);
            format!("{sign}{before}{zeros}.{}", padded(after))
        }
        -3..=-1 => format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        _ => format!("{sign}{}.{}E{exponent}", &digits[..1], padded(&digits[1..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `Double.toString` and `Float.toString` give, from JDK 19 on.
    #[test]
    fn numbers_are_written_as_java_does() {
        for (number, expected) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (1e6, "1000000.0"),
            (1234567.0, "1234567.0"),
            (1e7, "1.0E7"),
            (12345678.9, "1.23456789E7"),
            (0.001, "0.001"),
            (0.00012, "1.2E-4"),
            (1e300, "1.0E300"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (-2.5e-7, "-2.5E-7"),
        ] {
            assert_eq!(text(number, number), expected);
        }
        assert_eq!(text(0.1_f32, f64::from(0.1_f32)), "0.1");
        assert_eq!(text(16777216_f32, 16777216.0), "1.6777216E7");
    }
}
