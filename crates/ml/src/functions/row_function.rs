//! Scalar functions that are a name and two functions.

use std::fmt::{Debug, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::MlError;

static SIGNATURE: LazyLock<Signature> =
    LazyLock::new(|| Signature::variadic_any(Volatility::Immutable));

/// A scalar function of any arguments. Everything it depends on comes with them, as it travels by name.
pub(super) struct RowFunction {
    pub(super) name: &'static str,
    /// The type of the result, from the types of the arguments and the values of literal ones.
    pub(super) returns: fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>,
    pub(super) invoke: fn(&ScalarFunctionArgs) -> Result<ColumnarValue>,
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.returns)(types, &vec![None; types.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types = args.arg_fields.iter().map(|f| f.data_type().clone());
        let types: Vec<DataType> = types.collect();
        let returned = (self.returns)(&types, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(self.name, returned, true)))
    }

    // Names are written out many times while a query is planned, and literals of centres are long.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let columns = args.iter().filter(|arg| !matches!(arg, Expr::Literal(..)));
        let names: Vec<String> = columns.map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{}({})", self.name, names.join(",")))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.invoke)(&args)
    }
}

impl Debug for RowFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.name.hash(hasher);
    }
}

/// The literal argument at `at`.
///
/// # Errors
/// If it is a column.
pub(super) fn scalar(args: &ScalarFunctionArgs, at: usize) -> Result<&ScalarValue> {
    match args.args.get(at) {
        Some(ColumnarValue::Scalar(value)) => Ok(value),
        _ => plan_err!("argument {} is a literal", at + 1),
    }
}

/// The literal argument at `at` as text.
pub(super) fn text(args: &ScalarFunctionArgs, at: usize) -> Result<&str> {
    match scalar(args, at)?.try_as_str() {
        Some(Some(text)) => Ok(text),
        _ => Err(MlError::invalid(format!("argument {} is a text", at + 1)).into()),
    }
}
