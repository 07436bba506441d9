//! `conv(text, from, to)`: digits of one base in another, as Spark's `conv`: unsigned numbers of 64 bits, signed if
//! the wanted base is below zero.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::Function;

pub(super) fn function() -> Function {
    Function::new(
        "conv",
        |_| Ok(vec![DataType::Utf8, DataType::Int32, DataType::Int32]),
        |_| Ok(DataType::Utf8),
        run,
    )
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    let texts = arrays[0].as_string::<i32>();
    let (from, to) = (
        arrays[1].as_primitive::<Int32Type>(),
        arrays[2].as_primitive::<Int32Type>(),
    );
    let rows = texts.iter().zip(from).zip(to);
    let found = rows.map(|((text, from), to)| match (text, from, to) {
        (Some(text), Some(from), Some(to)) => convert(text, from, to),
        _ => Ok(None),
    });
    let found = found.collect::<Result<StringArray>>()?;
    Ok(ColumnarValue::Array(Arc::new(found)))
}

fn convert(text: &str, from: i32, to: i32) -> Result<Option<String>> {
    let known = 2..=36;
    let text = text.trim_matches(' ');
    if !known.contains(&from) || !known.contains(&to.abs()) || text.is_empty() {
        return Ok(None);
    }
    let (minus, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value = 0_u64;
    for digit in digits.chars().map_while(|c| c.to_digit(from as u32)) {
        let next = value
            .checked_mul(from as u64)
            .and_then(|v| v.checked_add(u64::from(digit)));
        let Some(next) = next else {
            return exec_err!("[ARITHMETIC_OVERFLOW] {text} in base {from} has more than 64 bits");
        };
        value = next;
    }
    if minus {
        value = value.wrapping_neg();
    }
    let below = to < 0 && (value as i64) < 0;
    let shown = radix(
        if below { value.wrapping_neg() } else { value },
        to.unsigned_abs(),
    );
    Ok(Some(if below { format!("-{shown}") } else { shown }))
}

fn radix(mut value: u64, base: u32) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = (value % u64::from(base)) as u32;
        digits.extend(char::from_digit(digit, base).map(|c| c.to_ascii_uppercase()));
        value /= u64::from(base);
        if value == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_change_their_base() -> Result<()> {
        assert_eq!(convert("ff", 16, 10)?.as_deref(), Some("255"));
        assert_eq!(convert("-10", 10, 16)?.as_deref(), Some("FFFFFFFFFFFFFFF6"));
        assert_eq!(convert("-10", 10, -16)?.as_deref(), Some("-A"));
        assert_eq!(convert("1F", 16, 2)?.as_deref(), Some("11111"));
        assert_eq!(convert("", 16, 2)?, None);
        assert!(convert("99999999999999999999", 10, 16).is_err());
        Ok(())
    }
}
