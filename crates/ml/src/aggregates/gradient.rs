//! `least_squares_gradient`: what an iterative fit needs where the cross-products of all pairs of
//! features would be too many. Its cost is linear in the entries that are not zero, dense or sparse.

use std::hash::Hash;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Int32Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Signature, Volatility, udaf_default_display_name,
    udaf_default_human_display, udaf_default_schema_name,
};

use super::accumulate::Arguments;
use super::least_squares::{binary_state, literal, number, rule, vector_type};
use super::observations::{Observations, invalid_value};
use super::state::{from_text, numbers, put};
use crate::error::MlError;
use crate::functions::names::short_arguments;
use crate::vectors::Vectors;

/// `least_squares_gradient(skip, coefficients, label, weight, vector)`. `coefficients` are the intercept and one number a
/// feature, as text in a dictionary; if there are none, the answer is a [`Spread`] and no [`Gradient`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LeastSquaresGradient {
    signature: Signature,
}

impl Default for LeastSquaresGradient {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for LeastSquaresGradient {
    fn name(&self) -> &'static str {
        "least_squares_gradient"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        udaf_default_schema_name(self, &short(params))
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        udaf_default_display_name(self, &short(params))
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        udaf_default_human_display(self, &short(params))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, coefficients, label, weight, vector] = types else {
            return plan_err!(
                "least_squares_gradient takes whether to skip invalid rows, coefficients, a label, a weight and a vector"
            );
        };
        Ok(vec![
            DataType::Boolean,
            coefficients.clone(),
            number("the label", label)?,
            number("the weight", weight)?,
            vector_type(vector)?,
        ])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(binary_state(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let rule = rule(&args.exprs[0])?;
        let text = match literal(&args.exprs[1]) {
            Some(ScalarValue::Dictionary(_, value)) => match value.as_ref() {
                ScalarValue::Utf8(Some(text)) => text,
                _ => return not_a_literal(),
            },
            _ => return not_a_literal(),
        };
        let weighted = literal(&args.exprs[3]) != Some(&ScalarValue::Float64(Some(1.0)));
        let arguments = Arguments {
            rule,
            label: 2,
            weight: weighted.then_some(3),
            features: (4, 5),
        };
        Ok(match from_text(text)? {
            coefficients if coefficients.is_empty() => Box::new(SumsAccumulator {
                arguments,
                coefficients,
                sums: None::<Spread>,
            }),
            coefficients => Box::new(SumsAccumulator {
                arguments,
                coefficients,
                sums: None::<Gradient>,
            }),
        })
    }
}

fn not_a_literal<T>() -> Result<T> {
    plan_err!("least_squares_gradient: the coefficients are literal text in a dictionary")
}

/// The same call, as names show it.
fn short(params: &AggregateFunctionParams) -> AggregateFunctionParams {
    AggregateFunctionParams {
        args: short_arguments(&params.args),
        distinct: params.distinct,
        filter: params.filter.clone(),
        order_by: params.order_by.clone(),
        null_treatment: params.null_treatment,
    }
}

/// Sums that rows are added to and that merge.
trait Sums: Sized + Send + Sync + std::fmt::Debug + 'static {
    fn add(sums: Option<Self>, batch: &Batch<'_>, coefficients: &[f64]) -> Result<Self>;
    fn merge(&mut self, other: Self) -> Result<()>;
    fn encode(&self) -> Vec<u8>;
    fn decode(bytes: &[u8]) -> Result<Self>;
    fn is_finite(&self) -> bool;
}

/// Label, weights and vectors of some rows, at least one.
struct Batch<'a> {
    rows: &'a Observations,
    vectors: Vectors<'a>,
    width: usize,
}

impl Batch<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.rows.weights().map_or(1.0, |w| w[row])
    }

    /// Hands each entry of a row's vector to `visit`: all of a dense one, and those that a sparse one has.
    fn entries(&self, row: usize, mut visit: impl FnMut(usize, f64)) -> Result<()> {
        if self.vectors.width(row) != self.width {
            let (found, wanted) = (self.vectors.width(row), self.width);
            return Err(widths_differ(found, wanted));
        }
        match &self.vectors {
            Vectors::Dense { values, width, .. } => {
                let values = &values[row * width..(row + 1) * width];
                values.iter().enumerate().for_each(|(at, v)| visit(at, *v));
            }
            Vectors::List(lists) => {
                let values = lists.value(row);
                let values = values.as_primitive::<Float64Type>().values();
                values.iter().enumerate().for_each(|(at, v)| visit(at, *v));
            }
            Vectors::Sparse {
                indices, values, ..
            } => {
                let (indices, values) = (indices.value(row), values.value(row));
                let indices = indices.as_primitive::<Int32Type>().values();
                let values = values.as_primitive::<Float64Type>().values();
                for (index, value) in indices.iter().zip(values) {
                    match usize::try_from(*index) {
                        Ok(at) if at < self.width => visit(at, *value),
                        _ => {
                            let message =
                                format!("a sparse vector has an index {index} outside of it");
                            return Err(MlError::invalid(message).into());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Loss and gradient at some coefficients, with the residual `r = y − intercept − xβ`.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    /// `Σ w r²`.
    pub(crate) loss: f64,
    /// `Σ w r`.
    pub(crate) residual: f64,
    /// `Σ w r x`, of each feature.
    pub(crate) products: Vec<f64>,
}

impl Gradient {
    /// # Errors
    /// If the bytes are not a gradient of `width` features.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        <Self as Sums>::decode(bytes)
    }
}

impl Sums for Gradient {
    fn add(sums: Option<Self>, batch: &Batch<'_>, coefficients: &[f64]) -> Result<Self> {
        let Some((intercept, coefficients)) = coefficients.split_first() else {
            return Err(torn());
        };
        if coefficients.len() != batch.width {
            return Err(widths_differ(batch.width, coefficients.len()));
        }
        let mut sums = sums.unwrap_or_else(|| Self {
            loss: 0.0,
            residual: 0.0,
            products: vec![0.0; batch.width],
        });
        for (row, label) in batch.rows.label().iter().enumerate() {
            let mut prediction = *intercept;
            batch.entries(row, |at, x| prediction += coefficients[at] * x)?;
            let residual = label - prediction;
            let weighted = batch.weight(row) * residual;
            sums.loss += weighted * residual;
            sums.residual += weighted;
            batch.entries(row, |at, x| sums.products[at] += weighted * x)?;
        }
        Ok(sums)
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        if self.products.len() != other.products.len() {
            return Err(widths_differ(self.products.len(), other.products.len()));
        }
        self.loss += other.loss;
        self.residual += other.residual;
        for (mine, theirs) in self.products.iter_mut().zip(other.products) {
            *mine += theirs;
        }
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, &[GRADIENT, self.loss, self.residual]);
        put(&mut bytes, &self.products);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        match numbers(bytes)?.as_slice() {
            [tag, loss, residual, products @ ..] if *tag == GRADIENT => Ok(Self {
                loss: *loss,
                residual: *residual,
                products: products.to_vec(),
            }),
            _ => Err(torn()),
        }
    }

    fn is_finite(&self) -> bool {
        self.loss.is_finite()
    }
}

/// Mean and spread of label and features, and each feature's cross-product with the label: all centred.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    pub(crate) count: f64,
    pub(crate) weight: f64,
    pub(crate) weight_squares: f64,
    pub(crate) label_mean: f64,
    /// `Σ w (y − ȳ)²`.
    pub(crate) label_squares: f64,
    pub(crate) means: Vec<f64>,
    /// `Σ w (x − x̄)²`.
    pub(crate) squares: Vec<f64>,
}

impl Spread {
    /// # Errors
    /// If the bytes are not those of a spread.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        <Self as Sums>::decode(bytes)
    }

    /// The spread of one batch: two passes, about the batch's own means. What a sparse vector leaves out is 0.
    fn of(batch: &Batch<'_>) -> Result<Self> {
        let width = batch.width;
        let (mut weight, mut weight_squares, mut label_mean) = (0.0, 0.0, 0.0);
        let (mut means, mut present) = (vec![0.0; width], vec![0.0; width]);
        for (row, label) in batch.rows.label().iter().enumerate() {
            let w = batch.weight(row);
            weight += w;
            weight_squares += w * w;
            label_mean += w * label;
            batch.entries(row, |at, x| {
                means[at] += w * x;
                present[at] += w;
            })?;
        }
        let scale = if weight > 0.0 { 1.0 / weight } else { 0.0 };
        label_mean *= scale;
        means.iter_mut().for_each(|m| *m *= scale);
        let mut squares: Vec<f64> = (means.iter().zip(&present))
            .map(|(mean, present)| (weight - present).max(0.0) * mean * mean)
            .collect();
        let mut label_squares = 0.0;
        for (row, label) in batch.rows.label().iter().enumerate() {
            let w = batch.weight(row);
            label_squares += w * (label - label_mean).powi(2);
            batch.entries(row, |at, x| squares[at] += w * (x - means[at]).powi(2))?;
        }
        Ok(Self {
            count: batch.rows.len() as f64,
            weight,
            weight_squares,
            label_mean,
            label_squares,
            means,
            squares,
        })
    }
}

impl Sums for Spread {
    fn add(sums: Option<Self>, batch: &Batch<'_>, _: &[f64]) -> Result<Self> {
        let added = Self::of(batch)?;
        match sums {
            None => Ok(added),
            Some(mut sums) => {
                sums.merge(added)?;
                Ok(sums)
            }
        }
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        if self.means.len() != other.means.len() {
            return Err(widths_differ(self.means.len(), other.means.len()));
        }
        let weight = self.weight + other.weight;
        self.count += other.count;
        self.weight_squares += other.weight_squares;
        if other.weight == 0.0 {
            return Ok(());
        }
        let (step, scale) = (other.weight / weight, self.weight * (other.weight / weight));
        let pair = |mean: &mut f64, squares: &mut f64, mean_b: f64, squares_b: f64| {
            let delta = mean_b - *mean;
            *squares += squares_b + scale * delta * delta;
            *mean += delta * step;
        };
        pair(
            &mut self.label_mean,
            &mut self.label_squares,
            other.label_mean,
            other.label_squares,
        );
        let mine = self.means.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (mean_b, squares_b)) in
            mine.zip(other.means.into_iter().zip(other.squares))
        {
            pair(mean, squares, mean_b, squares_b);
        }
        self.weight = weight;
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let head = [SPREAD, self.count, self.weight, self.weight_squares];
        put(&mut bytes, &head);
        put(&mut bytes, &[self.label_mean, self.label_squares]);
        put(&mut bytes, &self.means);
        put(&mut bytes, &self.squares);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        match numbers(bytes)?.as_slice() {
            [
                tag,
                count,
                weight,
                weight_squares,
                label_mean,
                label_squares,
                rest @ ..,
            ] if *tag == SPREAD && rest.len().is_multiple_of(2) => {
                let (means, squares) = rest.split_at(rest.len() / 2);
                Ok(Self {
                    count: *count,
                    weight: *weight,
                    weight_squares: *weight_squares,
                    label_mean: *label_mean,
                    label_squares: *label_squares,
                    means: means.to_vec(),
                    squares: squares.to_vec(),
                })
            }
            _ => Err(torn()),
        }
    }

    fn is_finite(&self) -> bool {
        self.label_squares.is_finite() && self.squares.iter().all(|s| s.is_finite())
    }
}

/// What begins a state, with its version: a state of the other kind, or of another version, is refused.
const GRADIENT: f64 = 101.0;
const SPREAD: f64 = 201.0;

#[derive(Debug)]
struct SumsAccumulator<S> {
    arguments: Arguments,
    coefficients: Vec<f64>,
    sums: Option<S>,
}

impl<S: Sums> Accumulator for SumsAccumulator<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = self.arguments.read(values, None)?;
        if rows.len() == 0 {
            return Ok(());
        }
        let vectors = rows.vectors()?;
        let batch = Batch {
            width: vectors.width(0),
            rows: &rows,
            vectors,
        };
        let sums = S::add(self.sums.take(), &batch, &self.coefficients)?;
        if !sums.is_finite() {
            let whose = "the label, the weight or a feature";
            return Err(invalid_value(whose, "a NaN or an infinity"));
        }
        self.sums = Some(sums);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_binary::<i32>().iter().flatten() {
            let other = S::decode(state)?;
            match &mut self.sums {
                None => self.sums = Some(other),
                Some(sums) => sums.merge(other)?,
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(self.sums.as_ref().map(S::encode)))
    }

    fn size(&self) -> usize {
        let width = self.coefficients.capacity();
        size_of_val(self) + 3 * width * size_of::<f64>()
    }
}

fn widths_differ(one: usize, other: usize) -> datafusion::error::DataFusionError {
    let message = format!("a vector has {one} elements where others have {other}");
    MlError::invalid(message).into()
}

fn torn() -> datafusion::error::DataFusionError {
    MlError::invalid("a partial state is not what this version of the program makes").into()
}
