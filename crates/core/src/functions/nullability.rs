//! `nullable(x)` and `not_null(x)`: the same values under a field that may be null, or may not. The engine takes every
//! column that folders tell for one that has no nulls, and every item of a list for one that may be null.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

pub(super) fn functions() -> [ScalarUDF; 2] {
    [nullability(true), nullability(false)]
}

/// The value, of which the schema says that it may be null.
pub(crate) fn nullable(value: Expr) -> Expr {
    nullability(true).call(vec![value])
}

/// The value, which is never null.
pub(crate) fn not_null(value: Expr) -> Expr {
    nullability(false).call(vec![value])
}

fn nullability(nullable: bool) -> ScalarUDF {
    ScalarUDF::new_from_impl(Nullability {
        nullable,
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Nullability {
    nullable: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Nullability {
    fn name(&self) -> &str {
        if self.nullable {
            "nullable"
        } else {
            "not_null"
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        internal_err!("the field tells the type")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let [field] = args.arg_fields else {
            return internal_err!("it takes one value");
        };
        let data_type = field.data_type().clone();
        Ok(Field::new(self.name(), data_type, self.nullable).into())
    }

    fn simplify(&self, mut args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // Filters find the columns below, and whole folders are passed over. That fields lose the right to be null does
        // no harm; that they gained it would.
        match (self.nullable, args.pop()) {
            (true, Some(value)) => Ok(ExprSimplifyResult::Simplified(value)),
            (_, value) => Ok(ExprSimplifyResult::Original(value.into_iter().collect())),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else {
            return internal_err!("it takes one value");
        };
        let has_nulls = match value {
            ColumnarValue::Array(array) => array.null_count() > 0,
            ColumnarValue::Scalar(scalar) => scalar.is_null(),
        };
        if has_nulls && !self.nullable {
            return exec_err!("a value is null that was said never to be");
        }
        Ok(value.clone())
    }
}
