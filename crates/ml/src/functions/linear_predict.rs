//! `linear_predict(coefficients, x0, x1, … | vector)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::expr::schema_name_from_exprs;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::names::short_arguments;
use crate::aggregates::{feature_types, state};
use crate::error::MlError;
use crate::vectors::Vectors;

/// `coefficients` are the intercept and one number a feature, as text. Null where a feature is null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LinearPredict {
    signature: Signature,
}

impl Default for LinearPredict {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for LinearPredict {
    fn name(&self) -> &'static str {
        "linear_predict"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args = short_arguments(args);
        let names = schema_name_from_exprs(&args)?;
        Ok(format!("{}({names})", self.name()))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let Some((_, features)) = types.split_first() else {
            return plan_err!("linear_predict takes coefficients and features");
        };
        let mut coerced = vec![DataType::Utf8];
        coerced.extend(feature_types(features)?);
        Ok(coerced)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((ColumnarValue::Scalar(ScalarValue::Utf8(Some(text))), features)) =
            args.args.split_first()
        else {
            return exec_err!("linear_predict: the coefficients are a literal");
        };
        let numbers = state::from_text(text)?;
        let Some((intercept, coefficients)) = numbers.split_first() else {
            return exec_err!("linear_predict: the coefficients are empty");
        };
        let features = features
            .iter()
            .map(|arg| arg.to_array(args.number_rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let predictions = match features.as_slice() {
            [one] if one.data_type().is_nested() => vectors(one, *intercept, coefficients)?,
            many => columns(many, *intercept, coefficients, args.number_rows)?,
        };
        Ok(ColumnarValue::Array(Arc::new(predictions)))
    }
}

fn columns(
    features: &[ArrayRef],
    intercept: f64,
    coefficients: &[f64],
    rows: usize,
) -> Result<Float64Array> {
    if features.len() != coefficients.len() {
        return Err(wrong_width(features.len(), coefficients.len()));
    }
    let mut out = vec![intercept; rows];
    let mut nulls = None;
    for (column, coefficient) in features.iter().zip(coefficients) {
        nulls = NullBuffer::union(nulls.as_ref(), column.nulls());
        let values = column.as_primitive::<Float64Type>().values();
        for (out, value) in out.iter_mut().zip(values) {
            *out += coefficient * value;
        }
    }
    Ok(Float64Array::new(out.into(), nulls))
}

fn vectors(column: &ArrayRef, intercept: f64, coefficients: &[f64]) -> Result<Float64Array> {
    let vectors = Vectors::try_new(column.as_ref())?;
    let width = coefficients.len();
    let mut out = vec![0.0; vectors.len()];
    for (row, out) in out.iter_mut().enumerate() {
        if vectors.is_null(row) {
            continue;
        }
        if vectors.width(row) != width {
            return Err(wrong_width(vectors.width(row), width));
        }
        let dense = |values: &[f64]| -> f64 {
            let terms = values.iter().zip(coefficients).map(|(v, c)| v * c);
            intercept + terms.sum::<f64>()
        };
        *out = match &vectors {
            Vectors::Dense { values, .. } => dense(&values[row * width..(row + 1) * width]),
            Vectors::List(lists) => dense(lists.value(row).as_primitive::<Float64Type>().values()),
            Vectors::Sparse {
                indices, values, ..
            } => {
                let (indices, values) = (indices.value(row), values.value(row));
                let indices = indices.as_primitive::<Int32Type>().values();
                let values = values.as_primitive::<Float64Type>().values();
                let mut sum = intercept;
                for (index, value) in indices.iter().zip(values) {
                    let at = usize::try_from(*index).ok();
                    let coefficient = at.and_then(|at| coefficients.get(at)).ok_or_else(|| {
                        MlError::invalid(format!(
                            "a sparse vector has an index {index} outside of it"
                        ))
                    })?;
                    sum += coefficient * value;
                }
                sum
            }
        };
    }
    Ok(Float64Array::new(out.into(), column.nulls().cloned()))
}

fn wrong_width(found: usize, wanted: usize) -> datafusion::error::DataFusionError {
    MlError::invalid(format!(
        "a row has {found} features where the model has {wanted}"
    ))
    .into()
}
