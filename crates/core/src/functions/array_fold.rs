//! `array_fold(list, start, (total, item) -> …)`: what is left of a list when its items are taken in, one after the
//! other; Spark's `aggregate` and `reduce`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array};
use arrow::compute::{cast, interleave, take, take_arrays};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

pub(super) fn function() -> HigherOrderUDF {
    HigherOrderUDF::new_from_impl(ArrayFold {
        signature: HigherOrderSignature::exact(
            vec![
                ValueOrLambda::Value(()),
                ValueOrLambda::Value(()),
                ValueOrLambda::Lambda(()),
            ],
            Volatility::Immutable,
        ),
    })
}

/// The start tells the type of the total, and so of what the lambda has to give.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayFold {
    signature: HigherOrderSignature,
}

impl HigherOrderUDFImpl for ArrayFold {
    fn name(&self) -> &str {
        "array_fold"
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::List(_), _] => Ok(types.to_vec()),
            [
                DataType::LargeList(item) | DataType::FixedSizeList(item, _),
                start,
            ] => Ok(vec![DataType::List(Arc::clone(item)), start.clone()]),
            _ => plan_err!("array_fold takes a list and a start, not {types:?}"),
        }
    }

    fn lambda_parameters(
        &self,
        _step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [
            ValueOrLambda::Value(list),
            ValueOrLambda::Value(start),
            ValueOrLambda::Lambda(_),
        ] = fields
        else {
            return plan_err!("array_fold takes a list, a start and a lambda");
        };
        let DataType::List(item) = list.data_type() else {
            return plan_err!("array_fold takes a list, not {}", list.data_type());
        };
        let total = Field::new("", start.data_type().clone(), true);
        let item = Field::new("", item.data_type().clone(), true);
        Ok(LambdaParametersProgress::Complete(vec![vec![
            Arc::new(total),
            Arc::new(item),
        ]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        let [_, ValueOrLambda::Value(start), _] = args.arg_fields else {
            return plan_err!("array_fold takes a list, a start and a lambda");
        };
        Ok(Arc::new(Field::new("", start.data_type().clone(), true)))
    }

    /// In round `n` all lists that have an `n`th item take it in; the others have their result.
    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [
            ValueOrLambda::Value(lists),
            ValueOrLambda::Value(start),
            ValueOrLambda::Lambda(lambda),
        ] = args.args.as_slice()
        else {
            return exec_err!("array_fold takes a list, a start and a lambda");
        };
        let wanted = args.return_type();
        let lists = lists.to_array(args.number_rows)?;
        let Some(lists) = lists.as_list_opt::<i32>() else {
            return Ok(ColumnarValue::Array(new_null_array(
                wanted,
                args.number_rows,
            )));
        };
        let mut totals = cast(&start.to_array(args.number_rows)?, wanted)?;
        let offsets = lists.value_offsets();
        // Rows that still have items, and where in `rounds` each row's total is.
        let mut rows: Vec<u32> = (0..lists.len() as u32)
            .filter(|row| lists.is_valid(*row as usize))
            .collect();
        let mut places: Vec<(usize, usize)> = (0..lists.len()).map(|row| (0, row)).collect();
        let mut rounds: Vec<ArrayRef> = vec![Arc::clone(&totals)];
        let mut round = 0;
        loop {
            let has_more = |row: &u32| {
                let row = *row as usize;
                offsets[row] + round < offsets[row + 1]
            };
            rows.retain(has_more);
            if rows.is_empty() {
                break;
            }
            let before: Vec<u32> = rows.iter().map(|r| places[*r as usize].1 as u32).collect();
            totals = take(&totals, &UInt32Array::from(before), None)?;
            let at = rows.iter().map(|r| (offsets[*r as usize] + round) as u32);
            let at: UInt32Array = at.collect::<Vec<_>>().into();
            let items = take(lists.values(), &at, None)?;
            let folded = lambda.evaluate(
                &[&|| Ok(Arc::clone(&totals)), &|| Ok(Arc::clone(&items))],
                |captured| {
                    Ok(take_arrays(
                        captured,
                        &UInt32Array::from(rows.clone()),
                        None,
                    )?)
                },
            )?;
            totals = cast(&folded.into_array(rows.len())?, wanted)?;
            rounds.push(Arc::clone(&totals));
            for (place, row) in rows.iter().enumerate() {
                places[*row as usize] = (rounds.len() - 1, place);
            }
            round += 1;
        }
        let nothing = new_null_array(wanted, 1);
        rounds.push(nothing);
        for (row, place) in places.iter_mut().enumerate() {
            if lists.is_null(row) {
                *place = (rounds.len() - 1, 0);
            }
        }
        let rounds: Vec<&dyn Array> = rounds.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(interleave(&rounds, &places)?))
    }
}
