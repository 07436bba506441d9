//! `linear_regression(y, [x1, x2] | vector [, weight])`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Builder, Int64Builder, ListBuilder, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::accumulate::{Arguments, MomentsAccumulator, MomentsGroups};
use super::least_squares::{binary_state, number, vector_type};
use super::observations::InvalidRule;
use crate::kernels::moments::Moments;
use crate::regression::fit::FitStatistics;
use crate::regression::solve::{Penalty, Scale, solve};
use crate::vectors::item;

/// See [`linear_regression`](super::linear_regression).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LinearRegressionAggregate {
    signature: Signature,
}

impl Default for LinearRegressionAggregate {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for LinearRegressionAggregate {
    fn name(&self) -> &'static str {
        "linear_regression"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (label, features, weight) = match types {
            [label, features] => (label, features, None),
            [label, features, weight] => (label, features, Some(weight)),
            _ => {
                return plan_err!(
                    "linear_regression takes y, features as [x1, x2, …] or a vector, and a weight if \
                     there is one"
                );
            }
        };
        let mut coerced = vec![number("y", label)?, vector_type(features)?];
        coerced.extend(weight.map(|w| number("the weight", w)).transpose()?);
        Ok(coerced)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(binary_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(MomentsAccumulator::new(arguments(&args), fits)))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(MomentsGroups::new(arguments(&args), fits)))
    }
}

fn arguments(args: &AccumulatorArgs) -> Arguments {
    Arguments {
        rule: InvalidRule::SkipNulls,
        label: 0,
        weight: (args.exprs.len() > 2).then_some(2),
        features: (1, 2),
    }
}

fn fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    Fields::from(vec![
        Field::new("coefficients", DataType::List(item()), true),
        number("intercept"),
        number("r2"),
        number("rmse"),
        Field::new("n", DataType::Int64, false),
    ])
}

fn fits(groups: &[Option<Moments>]) -> Result<ArrayRef> {
    let mut coefficients = ListBuilder::new(Float64Builder::new());
    let mut intercept = Float64Builder::new();
    let (mut r2, mut rmse) = (Float64Builder::new(), Float64Builder::new());
    let mut n = Int64Builder::new();
    for moments in groups {
        let rows = moments.as_ref().map_or(0, Moments::count);
        n.append_value(rows as i64);
        let fit = moments.as_ref().and_then(|moments| {
            let solution = solve(moments, &Penalty::NONE, Scale::Population).ok()?;
            let fit = FitStatistics::new(moments, &solution.coefficients, solution.intercept, true);
            // Not Spark's r²: with weights that has another denominator.
            let label = moments.variables() - 1;
            let r2 = 1.0 - fit.residual / moments.cross(label, label);
            Some((solution, fit.rmse(), r2))
        });
        let Some((solution, error, determination)) = fit else {
            coefficients.append_null();
            for column in [&mut intercept, &mut r2, &mut rmse] {
                column.append_null();
            }
            continue;
        };
        coefficients.values().append_slice(&solution.coefficients);
        coefficients.append(true);
        intercept.append_value(solution.intercept);
        rmse.append_value(error);
        r2.append_option(Some(determination).filter(|r2| r2.is_finite()));
    }
    Ok(Arc::new(StructArray::try_new(
        fields(),
        vec![
            Arc::new(coefficients.finish()),
            Arc::new(intercept.finish()),
            Arc::new(r2.finish()),
            Arc::new(rmse.finish()),
            Arc::new(n.finish()),
        ],
        None,
    )?))
}
