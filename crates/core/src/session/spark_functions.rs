//! Spark's functions under names of their own, `spark_<name>`: where DataFusion has a function of the same name and
//! another meaning, the Python package asks for these.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion_spark::all_default_scalar_functions;

pub(super) fn spark_functions() -> Vec<Arc<ScalarUDF>> {
    let renamed = |function: Arc<ScalarUDF>| {
        let name = format!("spark_{}", function.name());
        Arc::new(ScalarUDF::new_from_impl(SparkFunction { name, function }))
    };
    all_default_scalar_functions()
        .into_iter()
        .map(renamed)
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SparkFunction {
    name: String,
    function: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for SparkFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.inner().coerce_types(types)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.function.simplify(args, info)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let function = Arc::new(self.function.inner().with_updated_config(config)?);
        let name = self.name.clone();
        Some(ScalarUDF::new_from_impl(Self { name, function }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.invoke_with_args(args)
    }
}
