//! `avg` with decimals rounded as Spark rounds them: the last digit half up, where DataFusion's cuts it off.
//!
//! All but the last division is DataFusion's. Averages of doubles and of durations are its own altogether.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray,
    UInt64Array,
};
use arrow::compute::{CastOptions, cast_with_options, sum};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type,
    FieldRef, UInt64Type, i256,
};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::functions_aggregate::average::Avg;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    Signature,
};

/// Takes the place of DataFusion's `avg`.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Average(Avg);

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let returns = args.return_type().clone();
        let distinct = args.is_distinct;
        let inner = self.0.accumulator(args)?;
        Ok(match returns.is_decimal() {
            true => Box::new(Rounded {
                inner,
                returns,
                distinct,
            }),
            false => inner,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let returns = args.return_type().clone();
        let inner = self.0.create_groups_accumulator(args)?;
        Ok(match returns.is_decimal() {
            true => Box::new(RoundedGroups { inner, returns }),
            false => inner,
        })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

/// The average of one group.
#[derive(Debug)]
struct Rounded {
    inner: Box<dyn Accumulator>,
    returns: DataType,
    distinct: bool,
}

impl Accumulator for Rounded {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.inner.state()?;
        let arrays = state.iter().map(ScalarValue::to_array);
        let (counts, sums) = match arrays.collect::<Result<Vec<_>>>()?.as_slice() {
            [values] if self.distinct => of_values(&values.as_list::<i32>().value(0))?,
            [counts, sums] => (
                counts.as_primitive::<UInt64Type>().clone(),
                Arc::clone(sums),
            ),
            state => return exec_err!("the state of avg has {} parts", state.len()),
        };
        ScalarValue::try_from_array(&averages(&counts, &sums, &self.returns)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The averages of many groups.
struct RoundedGroups {
    inner: Box<dyn GroupsAccumulator>,
    returns: DataType,
}

impl GroupsAccumulator for RoundedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        match self.inner.state(emit_to)?.as_slice() {
            [counts, sums] => averages(counts.as_primitive(), sums, &self.returns),
            state => exec_err!("the state of avg has {} parts", state.len()),
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// How many distinct values there are, and their sum.
fn of_values(values: &ArrayRef) -> Result<(UInt64Array, ArrayRef)> {
    let scale = scale(values.data_type())?;
    let wide = DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale);
    let wide_values = cast(values, &wide)?;
    let sum = sum(wide_values.as_primitive::<Decimal256Type>());
    let sums = PrimitiveArray::<Decimal256Type>::from_iter([sum]).with_data_type(wide);
    let count = values.len() - values.null_count();
    Ok((UInt64Array::from(vec![count as u64]), Arc::new(sums)))
}

/// `sums / counts` as `returns`, null where nothing was counted.
fn averages(counts: &UInt64Array, sums: &ArrayRef, returns: &DataType) -> Result<ArrayRef> {
    let (from, to) = (scale(sums.data_type())?, scale(returns)?);
    // The scale of an average is never below that of its values.
    let up = u32::from(to.abs_diff(from));
    let averages: ArrayRef = if matches!(sums.data_type(), DataType::Decimal256(..)) {
        let up = i256::from_i128(10).pow_checked(up)?;
        let averages = each(
            counts,
            sums.as_primitive::<Decimal256Type>(),
            |sum, count| divided(sum, up, i256::from_parts(count.into(), 0)),
        )?;
        Arc::new(averages.with_data_type(DataType::Decimal256(DECIMAL256_MAX_PRECISION, to)))
    } else {
        let sums = cast(sums, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, from))?;
        let up = 10_i128.pow_checked(up)?;
        let averages = each(
            counts,
            sums.as_primitive::<Decimal128Type>(),
            |sum, count| {
                divided(sum, up, count.into()).or_else(|| {
                    let (sum, up) = (i256::from_i128(sum), i256::from_i128(up));
                    divided(sum, up, i256::from_parts(count.into(), 0))?.to_i128()
                })
            },
        )?;
        Arc::new(averages.with_data_type(DataType::Decimal128(DECIMAL128_MAX_PRECISION, to)))
    };
    cast(&averages, returns)
}

fn each<T: ArrowPrimitiveType>(
    counts: &UInt64Array,
    sums: &PrimitiveArray<T>,
    average: impl Fn(T::Native, u64) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let rows = counts.iter().zip(sums.iter());
    rows.map(|row| match row {
        (Some(count), Some(sum)) if count > 0 => {
            let average = average(sum, count);
            let average = average.ok_or_else(|| exec_datafusion_err!("avg: the sum is too large"));
            average.map(Some)
        }
        _ => Ok(None),
    })
    .collect()
}

/// `sum * up / count`, rounded half away from zero.
fn divided<N: ArrowNativeTypeOp>(sum: N, up: N, count: N) -> Option<N> {
    let scaled = sum.mul_checked(up).ok()?;
    let quotient = scaled.div_wrapping(count);
    // It has the sign of what was divided, and is less than the count, which is of 64 bits.
    let rest = scaled.mod_wrapping(count);
    let twice = rest.add_wrapping(rest);
    Some(if twice.is_ge(count) {
        quotient.add_wrapping(N::ONE)
    } else if twice.neg_wrapping().is_ge(count) {
        quotient.sub_wrapping(N::ONE)
    } else {
        quotient
    })
}

fn scale(data_type: &DataType) -> Result<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Ok(*scale),
        other => exec_err!("avg: {other} is no decimal"),
    }
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    Ok(cast_with_options(array, to, &strict)?)
}

#[cfg(test)]
mod tests {
    use datafusion::assert_batches_eq;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn check(sql: &str, expected: &[&str]) -> Result<()> {
        let context = SessionContext::new();
        context.register_udaf(Average::default().into());
        let batches = context.sql(sql).await?.collect().await?;
        assert_batches_eq!(expected, &batches);
        Ok(())
    }

    #[tokio::test]
    async fn the_last_digit_is_rounded() -> Result<()> {
        check(
            "SELECT g, avg(x) AS a, avg(DISTINCT x) AS d
             FROM (SELECT g, arrow_cast(f, 'Decimal128(5, 1)') AS x FROM (VALUES
               ('a', 1.0), ('a', 2.0), ('a', 2.0), ('b', -1.0), ('b', -2.0), ('b', -2.0), ('c', NULL),
               ('d', 0.1), ('d', NULL)) t(g, f))
             GROUP BY g ORDER BY g",
            &[
                "+---+----------+----------+",
                "| g | a        | d        |",
                "+---+----------+----------+",
                "| a | 1.66667  | 1.50000  |",
                "| b | -1.66667 | -1.50000 |",
                "| c |          |          |",
                "| d | 0.10000  | 0.10000  |",
                "+---+----------+----------+",
            ],
        )
        .await
    }

    #[tokio::test]
    async fn halves_go_away_from_zero() -> Result<()> {
        // 1/20000 has five digits behind the point: the fifth is half of the fourth's unit.
        check(
            "SELECT avg(arrow_cast(x, 'Decimal128(9, 0)')) AS up,
                    avg(arrow_cast(-x, 'Decimal128(9, 0)')) AS down,
                    avg(arrow_cast(x, 'Decimal256(60, 0)')) AS wide
             FROM (SELECT CASE WHEN value = 1 THEN 1 ELSE 0 END AS x FROM range(0, 20000))",
            &[
                "+--------+---------+--------+",
                "| up     | down    | wide   |",
                "+--------+---------+--------+",
                "| 0.0001 | -0.0001 | 0.0001 |",
                "+--------+---------+--------+",
            ],
        )
        .await
    }

    #[tokio::test]
    async fn windows_slide() -> Result<()> {
        check(
            "SELECT avg(x) OVER (ORDER BY x ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a
             FROM (SELECT arrow_cast(value * value, 'Decimal128(9, 0)') AS x FROM range(0, 5)) ORDER BY 1",
            &[
                "+--------+",
                "| a      |",
                "+--------+",
                "| 0.0000 |",
                "| 0.5000 |",
                "| 1.6667 |",
                "| 4.6667 |",
                "| 9.6667 |",
                "+--------+",
            ],
        )
        .await
    }

    #[test]
    fn sums_that_do_not_fit_are_divided_all_the_same() -> Result<()> {
        let largest = 10_i128.pow(38) - 1;
        let sums = PrimitiveArray::<Decimal128Type>::from(vec![largest])
            .with_precision_and_scale(38, 0)?;
        let sums: ArrayRef = Arc::new(sums);
        let averages = averages(
            &UInt64Array::from(vec![1_000_000]),
            &sums,
            &DataType::Decimal128(38, 4),
        )?;
        // 99999999999999999999999999999999.999999, rounded to four digits.
        let values = averages.as_primitive::<Decimal128Type>();
        assert_eq!(values.value(0), 10_i128.pow(36));
        Ok(())
    }
}
