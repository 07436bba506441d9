//! `least_squares` and `least_squares_folds`: what a fit needs of its rows.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

use super::accumulate::{Arguments, FoldsAccumulator, MomentsAccumulator, MomentsGroups, states};
use super::observations::InvalidRule;
use crate::vectors::{Vectors, dense_type, item};

/// `least_squares(skip, label, weight, x0, x1, … | vector)`: the weighted moments of features and label, as bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LeastSquares {
    signature: Signature,
}

impl Default for LeastSquares {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for LeastSquares {
    fn name(&self) -> &'static str {
        "least_squares"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, label, weight, features @ ..] = types else {
            return plan_err!(
                "least_squares takes whether to skip invalid rows, a label, a weight and features"
            );
        };
        let mut coerced = vec![DataType::Boolean];
        coerced.push(number("the label", label)?);
        coerced.push(number("the weight", weight)?);
        coerced.extend(feature_types(features)?);
        Ok(coerced)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(binary_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(MomentsAccumulator::new(
            arguments(&args, 0)?,
            states,
        )))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(MomentsGroups::new(arguments(&args, 0)?, states)))
    }
}

/// `least_squares_folds(folds, seed, skip, label, weight, x0, x1, … | vector)`: the same of each fold.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LeastSquaresFolds {
    signature: Signature,
}

impl Default for LeastSquaresFolds {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for LeastSquaresFolds {
    fn name(&self) -> &'static str {
        "least_squares_folds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, _, _, label, weight, features @ ..] = types else {
            return plan_err!(
                "least_squares_folds takes folds, a seed, whether to skip invalid rows, a label, a weight and features"
            );
        };
        let mut coerced = vec![DataType::Int64, DataType::Int64, DataType::Boolean];
        coerced.push(number("the label", label)?);
        coerced.push(number("the weight", weight)?);
        coerced.extend(feature_types(features)?);
        Ok(coerced)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(binary_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let integer = |at: usize| match literal(&args.exprs[at]) {
            Some(ScalarValue::Int64(Some(value))) => Ok(*value),
            _ => plan_err!("least_squares_folds: folds and seed are literal numbers"),
        };
        let (folds, seed) = (integer(0)?, integer(1)?);
        let Ok(folds @ 2..=1000) = usize::try_from(folds) else {
            return plan_err!("least_squares_folds: folds is {folds}, and must be 2 to 1000");
        };
        let accumulator = FoldsAccumulator::new(arguments(&args, 2)?, folds, seed as u64);
        Ok(Box::new(accumulator))
    }
}

/// The arguments from `first` on: whether to skip invalid rows, a label, a weight and features.
fn arguments(args: &AccumulatorArgs, first: usize) -> Result<Arguments> {
    let rule = rule(&args.exprs[first])?;
    let weight = first + 2;
    let one = ScalarValue::Float64(Some(1.0));
    Ok(Arguments {
        rule,
        label: first + 1,
        weight: (literal(&args.exprs[weight]) != Some(&one)).then_some(weight),
        features: (first + 3, args.exprs.len()),
    })
}

/// Whether to skip invalid rows, which is a literal.
pub(super) fn rule(expr: &Arc<dyn PhysicalExpr>) -> Result<InvalidRule> {
    match literal(expr) {
        Some(ScalarValue::Boolean(Some(true))) => Ok(InvalidRule::Skip),
        Some(ScalarValue::Boolean(Some(false))) => Ok(InvalidRule::Error),
        _ => plan_err!("whether to skip invalid rows is a literal true or false"),
    }
}

pub(super) fn binary_state(args: &StateFieldsArgs) -> Vec<FieldRef> {
    let name = format!("{}[state]", args.name);
    vec![Arc::new(Field::new(name, DataType::Binary, true))]
}

/// The value of a literal argument.
pub(super) fn literal(expr: &Arc<dyn PhysicalExpr>) -> Option<&ScalarValue> {
    Some(expr.downcast_ref::<Literal>()?.value())
}

/// # Errors
/// If the type is no number.
pub(super) fn number(whose: &str, found: &DataType) -> Result<DataType> {
    if found.is_numeric() || matches!(found, DataType::Boolean | DataType::Null) {
        return Ok(DataType::Float64);
    }
    plan_err!("{whose} is of type {found}, and must be a number: cast it")
}

/// # Errors
/// If the features are neither numbers nor one vector.
pub(crate) fn feature_types(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [] => plan_err!("there are no features: name at least one"),
        [vector] if vector.is_nested() => Ok(vec![vector_type(vector)?]),
        numbers => numbers.iter().map(|t| number("a feature", t)).collect(),
    }
}

/// The type of vectors that a column or an SQL array is read as.
///
/// # Errors
/// If its elements are no numbers.
pub(super) fn vector_type(found: &DataType) -> Result<DataType> {
    match found {
        found if Vectors::is_vector(found) => Ok(found.clone()),
        DataType::List(element) | DataType::LargeList(element) => {
            number("an element of the features", element.data_type())?;
            Ok(DataType::List(item()))
        }
        DataType::FixedSizeList(element, width) => {
            number("an element of the features", element.data_type())?;
            Ok(dense_type(*width as usize))
        }
        other => plan_err!("the features are of type {other}, and must be numbers or a vector"),
    }
}
