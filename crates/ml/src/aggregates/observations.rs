//! Label, weight and features of a batch's rows, as the kernels take them.

use std::borrow::Cow;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::{filter, prep_null_mask_filter};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use crate::error::MlError;
use crate::handle_invalid::HandleInvalid;
use crate::kernels::moments::Rows;
use crate::vectors::Vectors;

/// [`HandleInvalid`], and what SQL's own aggregates do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidRule {
    Error,
    Skip,
    /// Rows with nulls are left out; NaN and infinities count, and make the answer NaN.
    SkipNulls,
}

impl From<HandleInvalid> for InvalidRule {
    fn from(rule: HandleInvalid) -> Self {
        match rule {
            HandleInvalid::Error => Self::Error,
            HandleInvalid::Skip => Self::Skip,
        }
    }
}

/// The usable rows of a batch.
pub(crate) struct Observations {
    label: Float64Array,
    weights: Option<Float64Array>,
    features: Vec<ArrayRef>,
    /// Which rows of the batch these are, if not all.
    pub(crate) kept: Option<BooleanArray>,
}

impl Observations {
    /// `features` are numbers as `Float64`, or one column of vectors.
    ///
    /// # Errors
    /// If a row breaks `rule`, or a weight is negative.
    pub(crate) fn try_new(
        rule: InvalidRule,
        label: &ArrayRef,
        weights: Option<&ArrayRef>,
        features: &[ArrayRef],
        only: Option<&BooleanArray>,
    ) -> Result<Self> {
        let columns = || std::iter::once(label).chain(weights).chain(features);
        if rule == InvalidRule::Error && only.is_none() {
            refuse_nulls(label, weights, features)?;
        }
        let mut keep: Option<BooleanBuffer> = only.map(|only| match only.null_count() {
            0 => only.values().clone(),
            _ => prep_null_mask_filter(only).values().clone(),
        });
        if rule != InvalidRule::Error {
            for column in columns() {
                let mask = valid_rows(column, rule)?;
                keep = match (keep, mask) {
                    (Some(a), Some(b)) => Some(&a & &b),
                    (a, b) => a.or(b),
                };
            }
        }
        let kept = keep
            .filter(|k| k.count_set_bits() < k.len())
            .map(|k| BooleanArray::new(k, None));
        let pick = |column: &ArrayRef| -> Result<ArrayRef> {
            Ok(match &kept {
                None => ArrayRef::clone(column),
                Some(kept) => filter(column, kept)?,
            })
        };
        let label = pick(label)?;
        let weights = weights.map(pick).transpose()?;
        let features: Vec<ArrayRef> = features.iter().map(pick).collect::<Result<_>>()?;
        if rule == InvalidRule::Error && only.is_some() {
            refuse_nulls(&label, weights.as_ref(), &features)?;
        }
        let weights = weights.map(|w| w.as_primitive::<Float64Type>().clone());
        if let Some(weights) = &weights {
            check_weights(weights.values())?;
        }
        Ok(Self {
            label: label.as_primitive::<Float64Type>().clone(),
            weights,
            features,
            kept,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.label.len()
    }

    pub(crate) fn label(&self) -> &[f64] {
        self.label.values()
    }

    pub(crate) fn weights(&self) -> Option<&[f64]> {
        self.weights.as_ref().map(|w| &w.values()[..])
    }

    /// The features, if they are columns of numbers.
    pub(crate) fn columns(&self) -> Option<Vec<&[f64]>> {
        self.features
            .iter()
            .map(|c| Some(&c.as_primitive_opt::<Float64Type>()?.values()[..]))
            .collect()
    }

    /// The one column of vectors, if the features are that.
    ///
    /// # Errors
    /// If it holds no vectors.
    pub(crate) fn vectors(&self) -> Result<Vectors<'_>> {
        match self.features.as_slice() {
            [column] => Vectors::try_new(column.as_ref()),
            _ => Err(
                MlError::invalid("features are several columns, and not all are numbers").into(),
            ),
        }
    }

    /// Features row by row, and their number. Copied if they are columns or sparse.
    ///
    /// # Errors
    /// If vectors differ in length.
    pub(crate) fn row_major(&self) -> Result<(Cow<'_, [f64]>, usize)> {
        if self.len() == 0 {
            return Ok((Cow::Borrowed(&[]), 0));
        }
        if let Some(columns) = self.columns() {
            let width = columns.len();
            let mut values = vec![0.0; width * self.len()];
            for (at, column) in columns.iter().enumerate() {
                let out = values[at..].iter_mut().step_by(width);
                out.zip(*column).for_each(|(out, value)| *out = *value);
            }
            return Ok((Cow::Owned(values), width));
        }
        let vectors = self.vectors()?;
        let width = vectors.width(0);
        match &vectors {
            Vectors::Dense { values, .. } => return Ok((Cow::Borrowed(values), width)),
            Vectors::List(lists) => {
                let offsets = lists.value_offsets();
                if (0..lists.len()).all(|row| vectors.width(row) == width) {
                    let values = lists.values().as_primitive::<Float64Type>().values();
                    let (start, end) = (offsets[0] as usize, offsets[lists.len()] as usize);
                    return Ok((Cow::Borrowed(&values[start..end]), width));
                }
            }
            Vectors::Sparse { .. } => {}
        }
        let mut values = vec![0.0; width * self.len()];
        for (row, out) in values.chunks_exact_mut(width.max(1)).enumerate() {
            vectors.copy_row(row, out)?;
        }
        Ok((Cow::Owned(values), width))
    }

    /// Hands the rows to `use_rows`, features first and the label last, without a copy where there need be none.
    ///
    /// # Errors
    /// As [`Observations::row_major`], and what `use_rows` answers.
    pub(crate) fn with_rows<R>(&self, use_rows: impl FnOnce(Rows<'_>) -> Result<R>) -> Result<R> {
        if let Some(mut columns) = self.columns() {
            columns.push(self.label());
            return use_rows(Rows::Columns(&columns));
        }
        let (values, width) = self.row_major()?;
        use_rows(Rows::Vectors {
            values: &values,
            width,
            last: self.label(),
        })
    }
}

/// Which rows `rule` lets through; `None` if all.
fn valid_rows(column: &ArrayRef, rule: InvalidRule) -> Result<Option<BooleanBuffer>> {
    let nulls = column.nulls().filter(|n| n.null_count() > 0);
    let rows = nulls.map(|n| n.inner().clone());
    let finite = |value: f64| rule == InvalidRule::SkipNulls || value.is_finite();
    let elements = match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().values();
            if rule == InvalidRule::SkipNulls || values.iter().all(|v| v.is_finite()) {
                None
            } else {
                Some(BooleanBuffer::collect_bool(values.len(), |i| {
                    finite(values[i])
                }))
            }
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let offsets = lists.value_offsets();
            let (values, nulls) = elements(lists.values())?;
            let whole = |row: usize| {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                whole(values, nulls, range, finite)
            };
            check_elements(column, values, nulls, rule, whole)
        }
        DataType::FixedSizeList(..) => {
            let lists = column.as_fixed_size_list();
            let width = lists.value_length() as usize;
            let (values, nulls) = elements(lists.values())?;
            let whole = |row: usize| {
                let start = lists.value_offset(row) as usize;
                whole(values, nulls, start..start + width, finite)
            };
            check_elements(column, values, nulls, rule, whole)
        }
        DataType::Struct(_) => {
            let Vectors::Sparse { values, .. } = Vectors::try_new(column.as_ref())? else {
                return Ok(rows);
            };
            let offsets = values.value_offsets();
            let (values, nulls) = elements(values.values())?;
            let whole = |row: usize| {
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                whole(values, nulls, range, finite)
            };
            check_elements(column, values, nulls, rule, whole)
        }
        _ => None,
    };
    Ok(match (rows, elements) {
        (Some(a), Some(b)) => Some(&a & &b),
        (a, b) => a.or(b),
    })
}

fn elements(array: &ArrayRef) -> Result<(&[f64], Option<&NullBuffer>)> {
    let values = array
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| MlError::invalid("the elements of a vector are not Float64"))?;
    Ok((
        values.values(),
        values.nulls().filter(|n| n.null_count() > 0),
    ))
}

fn whole(
    values: &[f64],
    nulls: Option<&NullBuffer>,
    mut range: std::ops::Range<usize>,
    finite: impl Fn(f64) -> bool,
) -> bool {
    range.all(|at| nulls.is_none_or(|n| n.is_valid(at)) && finite(values[at]))
}

fn check_elements(
    column: &ArrayRef,
    values: &[f64],
    nulls: Option<&NullBuffer>,
    rule: InvalidRule,
    whole: impl Fn(usize) -> bool,
) -> Option<BooleanBuffer> {
    let plain = rule == InvalidRule::SkipNulls || values.iter().all(|v| v.is_finite());
    if plain && nulls.is_none() {
        return None;
    }
    let valid = |row: usize| column.is_null(row) || whole(row);
    Some(BooleanBuffer::collect_bool(column.len(), valid))
}

fn refuse_nulls(label: &ArrayRef, weights: Option<&ArrayRef>, features: &[ArrayRef]) -> Result<()> {
    let named = [("the label", Some(label)), ("the weight", weights)];
    for (name, column) in named.into_iter().filter_map(|(n, c)| Some((n, c?))) {
        if column.null_count() > 0 {
            return Err(invalid_value(name, "a null"));
        }
    }
    for (at, column) in features.iter().enumerate() {
        if column.null_count() > 0 {
            return Err(invalid_value(&feature(at, features.len()), "a null"));
        }
    }
    Ok(())
}

fn feature(at: usize, count: usize) -> String {
    if count == 1 {
        "the features' column".to_owned()
    } else {
        format!("feature {at} (from 0)")
    }
}

fn check_weights(weights: &[f64]) -> Result<()> {
    match weights.iter().find(|w| w.is_nan() || **w < 0.0) {
        None => Ok(()),
        Some(weight) => Err(MlError::invalid(format!(
            "a weight is {weight}: weights are numbers of at least 0"
        ))
        .into()),
    }
}

/// The error of a row that `InvalidRule::Error` does not let through.
pub(crate) fn invalid_value(whose: &str, what: &str) -> datafusion::error::DataFusionError {
    MlError::invalid(format!(
        "{whose} has {what} in some row: filter or fill such rows, or set handleInvalid to \"skip\""
    ))
    .into()
}
