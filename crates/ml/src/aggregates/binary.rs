//! An aggregate function whose state is one column of bytes.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility, lit,
};
use datafusion::physical_expr::expressions::Literal;

/// What an aggregate function keeps of the rows it has seen.
pub(super) trait State: Debug + Send + Sync + 'static {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()>;

    /// Adds a state that [`Self::encode`] made, here or on another worker.
    fn merge(&mut self, bytes: &[u8]) -> Result<()>;

    /// `None` if there were no rows: such a state merges as nothing.
    fn encode(&self) -> Option<Vec<u8>>;

    /// Bytes of memory.
    fn size(&self) -> usize;
}

/// An aggregate function over a [`State`]: the state's bytes are also its answer. Everything it depends on comes
/// with its arguments, as it travels by name.
pub(super) struct BinaryAggregate {
    pub(super) name: &'static str,
    pub(super) arguments: usize,
    pub(super) state: fn(&AccumulatorArgs<'_>) -> Result<Box<dyn State>>,
}

static SIGNATURE: LazyLock<Signature> =
    LazyLock::new(|| Signature::variadic_any(Volatility::Immutable));

impl AggregateUDFImpl for BinaryAggregate {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if types.len() != self.arguments {
            let (name, wanted, found) = (self.name, self.arguments, types.len());
            return plan_err!("{name} takes {wanted} arguments, not {found}");
        }
        Ok(DataType::Binary)
    }

    // Names are written out many times while a query is planned, and centres are long.
    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        let first = params.args.first().map(Expr::schema_name);
        Ok(match first {
            Some(first) => format!("{}({first})", self.name),
            None => format!("{}()", self.name),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(BinaryAccumulator((self.state)(&args)?)))
    }
}

impl Debug for BinaryAggregate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for BinaryAggregate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for BinaryAggregate {}

impl Hash for BinaryAggregate {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.name.hash(hasher);
    }
}

#[derive(Debug)]
struct BinaryAccumulator(Box<dyn State>);

impl Accumulator for BinaryAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = states[0].as_binary::<i32>();
        states
            .iter()
            .flatten()
            .try_for_each(|bytes| self.0.merge(bytes))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(self.0.encode()))
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The value of a literal argument.
///
/// # Errors
/// If the argument is no literal.
pub(super) fn literal<'a>(args: &AccumulatorArgs<'a>, at: usize) -> Result<&'a ScalarValue> {
    match args.exprs.get(at).and_then(|e| e.downcast_ref::<Literal>()) {
        Some(literal) => Ok(literal.value()),
        None => plan_err!("{}: argument {} is a literal", args.name, at + 1),
    }
}

/// Bytes as a literal argument of an aggregate function. The engine repeats a literal for every row of a batch; of
/// a dictionary it repeats the key only.
pub(crate) fn bytes_literal(bytes: Option<Vec<u8>>) -> Expr {
    let value = Box::new(ScalarValue::Binary(bytes));
    lit(ScalarValue::Dictionary(Box::new(DataType::Int8), value))
}

/// Runs one aggregate function over all rows of a frame: the bytes of its state, `None` if there are no rows.
pub(crate) async fn evaluate(
    frame: &DataFrame,
    function: &AggregateUDF,
    arguments: Vec<Expr>,
) -> Result<Option<Vec<u8>>> {
    let call = function.call(arguments).alias("state");
    let batches = frame.clone().aggregate(vec![], vec![call])?;
    let batches = batches.collect().await?;
    let filled = batches.iter().find(|batch| batch.num_rows() > 0);
    Ok(filled.and_then(|batch| {
        let states = batch.column(0).as_binary::<i32>();
        states.is_valid(0).then(|| states.value(0).to_vec())
    }))
}
