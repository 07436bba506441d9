//! `vector_to_array(vector)`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::pack::require_vectors;
use super::row_function::RowFunction;
use crate::vectors::Vectors;

/// Vectors of any kind as lists of all their elements.
pub(super) const VECTOR_TO_ARRAY: RowFunction = RowFunction {
    name: "vector_to_array",
    returns: |types, _| match types {
        [vectors] => require_vectors(vectors).map(|()| list_type()),
        _ => plan_err!("vector_to_array takes a vector"),
    },
    invoke: to_array,
};

fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

fn to_array(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let array = args.args[0].to_array(args.number_rows)?;
    let vectors = Vectors::try_new(&array)?;
    let mut row = Vec::new();
    let lists = (0..vectors.len()).map(|at| {
        if vectors.is_null(at) {
            return Ok(None);
        }
        row.resize(vectors.width(at), 0.0);
        vectors.copy_row(at, &mut row)?;
        Ok(Some(row.iter().copied().map(Some).collect::<Vec<_>>()))
    });
    let lists = lists.collect::<Result<Vec<_>>>()?;
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists));
    Ok(ColumnarValue::Array(lists))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn dense_vectors_become_lists() {
        let ctx = SessionContext::new();
        for f in crate::scalar_functions() {
            ctx.register_udf(f.as_ref().clone());
        }
        let sql = "SELECT vector_to_array(vector(a, 2)) AS v FROM (VALUES (1), (NULL)) AS t(a)";
        let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        let lists = batches[0].column(0).as_list::<i32>();
        let first = lists.value(0);
        assert_eq!(first.as_primitive::<Float64Type>().values(), &[1.0, 2.0]);
        assert!(lists.is_null(1));
    }
}
