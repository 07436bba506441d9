//! `vector_scale(vector, shift_and_factor)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array, ListArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::pack::{dense_array, nulls, require_vectors};
use super::row_function::{RowFunction, scalar};
use crate::bytes::{Reader, Writer};
use crate::error::MlError;
use crate::rows::{binary, row_major};
use crate::vectors::{Vectors, dense_type};

const TAG: [u8; 4] = *b"VSC1";

/// `(x − shift)·factor`, element by element. The width of the result is that of the literal. Sparse vectors stay so if
/// nothing is shifted, and become dense if something is.
pub(super) const SCALE: RowFunction = RowFunction {
    name: "vector_scale",
    returns: |types, literals| match (types, literals) {
        ([vectors, _], [_, Some(literal)]) => {
            require_vectors(vectors)?;
            let shift = binary(literal).map_or(Ok(vec![]), |bytes| decode(bytes).map(|s| s.0))?;
            if stays_sparse(vectors, &shift) {
                return Ok(vectors.clone());
            }
            Ok(dense_type(shift.len()))
        }
        ([_, DataType::Binary], _) => plan_err!("vector_scale: the second argument is a literal"),
        _ => plan_err!("vector_scale takes a vector, and a literal of shifts and factors"),
    },
    invoke: scale,
};

/// Shifts and factors as the second argument.
pub(super) fn encode(shift: &[f64], factor: &[f64]) -> Vec<u8> {
    let mut writer = Writer::new(TAG);
    writer.u64(shift.len() as u64);
    writer.f64s(shift);
    writer.f64s(factor);
    writer.finish()
}

fn decode(bytes: &[u8]) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut reader = Reader::new(bytes, TAG)?;
    let width = reader.len()?;
    let parts = (reader.f64s(width)?, reader.f64s(width)?);
    reader.finish()?;
    Ok(parts)
}

fn scale(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let array = args.args[0].to_array(args.number_rows)?;
    let vectors = Vectors::try_new(&array)?;
    let bytes = binary(scalar(args, 1)?).ok_or_else(|| MlError::invalid("no scale is given"))?;
    let (shift, factor) = decode(bytes)?;
    if stays_sparse(array.data_type(), &shift) {
        return scale_sparse(array.as_struct(), &vectors, &factor);
    }
    let width = shift.len();
    let mut rows = row_major(&vectors, width)?.into_owned();
    for row in rows.chunks_exact_mut(width.max(1)) {
        for (value, (shift, factor)) in row.iter_mut().zip(shift.iter().zip(&factor)) {
            *value = (*value - shift) * factor;
        }
    }
    dense_array(rows, width, vectors.len(), nulls(&vectors))
}

fn stays_sparse(vectors: &DataType, shift: &[f64]) -> bool {
    matches!(vectors, DataType::Struct(_)) && shift.iter().all(|shift| *shift == 0.0)
}

/// Sparse vectors with the same indices, and each value by the factor of its index.
fn scale_sparse(
    array: &StructArray,
    vectors: &Vectors<'_>,
    factor: &[f64],
) -> Result<ColumnarValue> {
    let Vectors::Sparse {
        indices, values, ..
    } = vectors
    else {
        return plan_err!("a column of {} is not sparse", array.data_type());
    };
    // All of the values, those before a slice included, so that the offsets stay what they are.
    let mut scaled = values
        .values()
        .as_primitive::<Float64Type>()
        .values()
        .to_vec();
    for row in (0..array.len()).filter(|row| !vectors.is_null(*row)) {
        let (found, wanted) = (vectors.width(row), factor.len());
        if found != wanted {
            let message = format!("a vector has {found} elements where others have {wanted}");
            return Err(MlError::invalid(message).into());
        }
        let start = values.value_offsets()[row] as usize;
        let end = start + values.value_length(row) as usize;
        let indices = indices.value(row);
        let indices = indices.as_primitive::<Int32Type>().values();
        for (value, index) in scaled[start..end].iter_mut().zip(indices) {
            let factor = usize::try_from(*index).ok().and_then(|i| factor.get(i));
            *value *= factor.ok_or_else(|| {
                MlError::invalid(format!(
                    "a sparse vector has an index {index} outside of it"
                ))
            })?;
        }
    }
    let DataType::List(item) = values.data_type() else {
        return plan_err!("the values of a sparse vector are a list");
    };
    let scaled = ListArray::try_new(
        Arc::clone(item),
        values.offsets().clone(),
        Arc::new(Float64Array::from(scaled)),
        values.nulls().cloned(),
    )?;
    let columns = array.fields().iter().zip(array.columns());
    let columns = columns.map(|(field, column)| match field.name().as_str() {
        "values" => Arc::new(scaled.clone()) as _,
        _ => Arc::clone(column),
    });
    let array = StructArray::try_new(
        array.fields().clone(),
        columns.collect(),
        array.nulls().cloned(),
    )?;
    Ok(ColumnarValue::Array(Arc::new(array)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch};
    use datafusion::arrow::datatypes::Field;
    use datafusion::logical_expr::ident;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn sparse(rows: &[Option<&[(i32, f64)]>], size: i32) -> ArrayRef {
        let indices = rows.iter().map(|row| {
            let row = row.unwrap_or_default().iter();
            Some(row.map(|(index, _)| Some(*index)).collect::<Vec<_>>())
        });
        let values = rows.iter().map(|row| {
            let row = row.unwrap_or_default().iter();
            Some(row.map(|(_, value)| Some(*value)).collect::<Vec<_>>())
        });
        let indices = ListArray::from_iter_primitive::<Int32Type, _, _>(indices);
        let values = ListArray::from_iter_primitive::<Float64Type, _, _>(values);
        let sizes = Int32Array::from(vec![size; rows.len()]);
        let field =
            |name: &str, array: &dyn Array| Field::new(name, array.data_type().clone(), true);
        let fields = vec![
            field("size", &sizes),
            field("indices", &indices),
            field("values", &values),
        ];
        let nulls: Vec<bool> = rows.iter().map(Option::is_some).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(sizes), Arc::new(indices), Arc::new(values)];
        Arc::new(StructArray::new(fields.into(), columns, Some(nulls.into())))
    }

    #[tokio::test]
    async fn sparse_vectors_stay_sparse_unless_they_are_shifted() {
        let rows: [Option<&[(i32, f64)]>; 4] = [
            Some(&[(0, 1.0)]),
            Some(&[(1, 2.0), (2, 3.0)]),
            None,
            Some(&[]),
        ];
        let vectors = sparse(&rows, 3).slice(1, 3);
        let batch = RecordBatch::try_from_iter_with_nullable([("v", vectors, true)]).unwrap();
        let frame = SessionContext::new().read_batch(batch).unwrap();
        let scaled = |shift: &[f64]| {
            let scaled = super::super::vector_scale(ident("v"), shift, &[5.0, 10.0, 100.0]);
            frame.clone().select(vec![scaled.alias("s")]).unwrap()
        };
        let kept = scaled(&[0.0; 3]).collect().await.unwrap();
        let expected: [Option<&[(i32, f64)]>; 3] =
            [Some(&[(1, 20.0), (2, 300.0)]), None, Some(&[])];
        let expected = sparse(&expected, 3);
        let (kept, expected) = (kept[0].column(0).as_struct(), expected.as_struct());
        for row in [0, 2] {
            assert_eq!(
                kept.slice(row, 1).column(2),
                expected.slice(row, 1).column(2)
            );
        }
        assert!(kept.is_null(1));
        let dense = scaled(&[1.0, 0.0, 0.0]).collect().await.unwrap();
        let dense = dense[0].column(0).as_fixed_size_list();
        let row = dense.value(0);
        assert_eq!(
            row.as_primitive::<Float64Type>().values(),
            &[-5.0, 20.0, 300.0]
        );
    }
}
