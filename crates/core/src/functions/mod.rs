//! Functions of Spark that neither DataFusion nor `datafusion-spark` has, or has otherwise; the Python package builds on
//! them.

mod array_fold;
mod array_mode;
mod average;
mod checked;
mod conv;
mod integral_divide;
mod java_text;
mod json;
mod nullability;
mod raise_error;
mod spark_hash;

pub(crate) use nullability::{not_null, nullable};

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, HigherOrderUDF, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// The functions that every process registers.
pub(crate) fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let functions = [checked::functions(), json::functions()]
        .into_iter()
        .flatten()
        .chain([
            array_mode::function(),
            conv::function(),
            integral_divide::function(),
            java_text::function(),
            raise_error::function(),
            spark_hash::function(),
        ])
        .map(ScalarUDF::new_from_impl);
    functions
        .chain(nullability::functions())
        .map(Arc::new)
        .collect()
}

/// The aggregates that every process registers.
pub(crate) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::new(average::Average::default().into())]
}

/// The functions with lambdas that every process registers.
pub(crate) fn higher_order_functions() -> Vec<Arc<HigherOrderUDF>> {
    vec![Arc::new(array_fold::function())]
}

/// A function without parameters of its own.
#[derive(Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    /// Arguments as the function takes them.
    coerce: fn(&[DataType]) -> Result<Vec<DataType>>,
    returns: fn(&[DataType]) -> Result<DataType>,
    invoke: fn(ScalarFunctionArgs) -> Result<ColumnarValue>,
}

impl Function {
    fn new(
        name: &'static str,
        coerce: fn(&[DataType]) -> Result<Vec<DataType>>,
        returns: fn(&[DataType]) -> Result<DataType>,
        invoke: fn(ScalarFunctionArgs) -> Result<ColumnarValue>,
    ) -> Self {
        Self {
            name,
            signature: Signature::user_defined(Volatility::Immutable),
            coerce,
            returns,
            invoke,
        }
    }

    fn volatile(mut self) -> Self {
        self.signature = Signature::user_defined(Volatility::Volatile);
        self
    }
}

// The name says which of the functions above it is.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.coerce)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        (self.returns)(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.invoke)(args)
    }
}

/// `count` texts.
fn texts<const COUNT: usize>(types: &[DataType]) -> Result<Vec<DataType>> {
    if types.len() == COUNT {
        return Ok(vec![DataType::Utf8; COUNT]);
    }
    datafusion::common::plan_err!("it takes {COUNT} texts, not {} values", types.len())
}
