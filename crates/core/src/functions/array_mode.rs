//! `array_mode(list)`: the item that is most often in a list, the least of several; null if there is none.

use std::sync::Arc;

use arrow::array::{Array, AsArray, UInt32Array};
use arrow::compute::{SortOptions, partition, sort_to_indices, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::Function;

pub(super) fn function() -> Function {
    Function::new("array_mode", coerce, returns, run)
}

fn coerce(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::List(_)] => Ok(types.to_vec()),
        [DataType::LargeList(item) | DataType::FixedSizeList(item, _)] => {
            Ok(vec![DataType::List(Arc::clone(item))])
        }
        _ => plan_err!("array_mode takes a list, not {types:?}"),
    }
}

fn returns(types: &[DataType]) -> Result<DataType> {
    match types {
        [DataType::List(item)] => Ok(item.data_type().clone()),
        _ => plan_err!("array_mode takes a list"),
    }
}

fn run(args: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    let Some(lists) = arrays.first().and_then(|a| a.as_list_opt::<i32>()) else {
        return exec_err!("array_mode takes a list");
    };
    let offsets = lists.value_offsets();
    let places = (0..lists.len()).map(|row| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let items = lists.value(row);
        let place = most_frequent(items.as_ref())?;
        Ok(place.map(|place| offsets[row] as u32 + place))
    });
    let places = places.collect::<Result<UInt32Array>>()?;
    Ok(ColumnarValue::Array(take(lists.values(), &places, None)?))
}

/// Where an item is that is most often among them.
fn most_frequent(items: &dyn Array) -> Result<Option<u32>> {
    let nulls_last = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let order = sort_to_indices(items, Some(nulls_last), None)?;
    let known = items.len() - items.null_count();
    let order = order.slice(0, known);
    if known == 0 {
        return Ok(None);
    }
    let sorted = take(items, &order, None)?;
    let mut longest = 0..0;
    for range in partition(&[sorted])?.ranges() {
        if range.len() > longest.len() {
            longest = range;
        }
    }
    Ok(Some(order.value(longest.start)))
}

#[cfg(test)]
mod tests {
    use arrow::array::Int32Array;

    use super::*;

    #[test]
    fn the_least_of_those_that_are_most_often() -> Result<()> {
        let place = |items: Vec<Option<i32>>| most_frequent(&Int32Array::from(items));
        assert_eq!(
            place(vec![Some(3), Some(1), None, Some(3), None, None])?,
            Some(0)
        );
        let tie = place(vec![Some(2), Some(1), Some(1), Some(2)])?;
        assert!(tie == Some(1) || tie == Some(2));
        assert_eq!(place(vec![None, None])?, None);
        assert_eq!(place(vec![])?, None);
        Ok(())
    }
}
