//! Moments of a group's rows, batch by batch.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::observations::{InvalidRule, Observations, invalid_value};
use super::state;
use crate::error::MlError;
use crate::kernels::moments::{Moments, Rows, Scratch};

/// Where an aggregate's arguments are, and what becomes of invalid rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments {
    pub(super) rule: InvalidRule,
    pub(super) label: usize,
    /// None if every row weighs 1.
    pub(super) weight: Option<usize>,
    /// The features are the arguments from `features.0` to before `features.1`.
    pub(super) features: (usize, usize),
}

/// Turns groups' moments, `None` for a group without rows, into the aggregate's answer.
pub(super) type Finish = fn(&[Option<Moments>]) -> Result<ArrayRef>;

impl Arguments {
    pub(super) fn read(
        &self,
        values: &[ArrayRef],
        only: Option<&BooleanArray>,
    ) -> Result<Observations> {
        let (first, end) = self.features;
        Observations::try_new(
            self.rule,
            &values[self.label],
            self.weight.map(|at| &values[at]),
            &values[first..end],
            only,
        )
    }

    /// Under [`InvalidRule::Error`] moments stay finite: a NaN or an infinity in any row shows in a mean.
    fn check(&self, moments: &Moments) -> Result<()> {
        if self.rule != InvalidRule::Error || moments.weight() == 0.0 {
            return Ok(());
        }
        let Some(at) = moments.mean().iter().position(|m| !m.is_finite()) else {
            return match moments.weight().is_finite() {
                true => Ok(()),
                false => Err(invalid_value("the weight", "a NaN or an infinity")),
            };
        };
        if at + 1 == moments.variables() {
            return Err(invalid_value("the label", "a NaN or an infinity"));
        }
        let whose = format!("feature {at} (from 0)");
        Err(invalid_value(&whose, "a NaN or an infinity"))
    }
}

/// Adds rows to moments that may not know their width yet.
///
/// # Errors
/// If the rows have another width.
fn add(
    moments: &mut Option<Moments>,
    rows: Rows<'_>,
    weights: Option<&[f64]>,
    scratch: &mut Scratch,
) -> Result<()> {
    let moments = moments.get_or_insert_with(|| Moments::new(rows.variables()));
    if moments.variables() != rows.variables() {
        return Err(lengths_differ(moments.variables(), rows.variables()));
    }
    moments.add(rows, weights, scratch);
    Ok(())
}

fn merge(moments: &mut Option<Moments>, other: Moments) -> Result<()> {
    match moments {
        None => *moments = Some(other),
        Some(moments) if moments.variables() == other.variables() => moments.merge(&other),
        Some(moments) => return Err(lengths_differ(moments.variables(), other.variables())),
    }
    Ok(())
}

fn lengths_differ(one: usize, other: usize) -> datafusion::error::DataFusionError {
    let (one, other) = (one - 1, other - 1);
    MlError::invalid(format!(
        "some rows have {one} features and others {other}: all vectors of a column must have one length"
    ))
    .into()
}

/// The moments of all rows.
#[derive(Debug)]
pub(super) struct MomentsAccumulator {
    arguments: Arguments,
    finish: Finish,
    moments: Option<Moments>,
    scratch: Scratch,
}

impl MomentsAccumulator {
    pub(super) fn new(arguments: Arguments, finish: Finish) -> Self {
        Self {
            arguments,
            finish,
            moments: None,
            scratch: Scratch::default(),
        }
    }
}

impl Accumulator for MomentsAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = self.arguments.read(values, None)?;
        if rows.len() == 0 {
            return Ok(());
        }
        let Self {
            moments, scratch, ..
        } = self;
        rows.with_rows(|columns| add(moments, columns, rows.weights(), scratch))?;
        self.moments
            .iter()
            .try_for_each(|m| self.arguments.check(m))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_binary::<i32>().iter().flatten() {
            merge(&mut self.moments, state::decode(state)?)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.moments.as_ref().map(state::encode);
        Ok(vec![ScalarValue::Binary(state)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let answer = (self.finish)(std::slice::from_ref(&self.moments))?;
        ScalarValue::try_from_array(&answer, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.moments.as_ref().map_or(0, Moments::size)
    }
}

/// The moments of each group's rows.
#[derive(Debug)]
pub(super) struct MomentsGroups {
    arguments: Arguments,
    finish: Finish,
    groups: Vec<Option<Moments>>,
    gather: Gather,
}

impl MomentsGroups {
    pub(super) fn new(arguments: Arguments, finish: Finish) -> Self {
        Self {
            arguments,
            finish,
            groups: Vec::new(),
            gather: Gather::default(),
        }
    }
}

impl GroupsAccumulator for MomentsGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, None);
        let rows = self.arguments.read(values, opt_filter)?;
        let kept;
        let group_indices = match &rows.kept {
            None => group_indices,
            Some(mask) => {
                kept = (group_indices.iter().zip(mask.values()))
                    .filter_map(|(group, kept)| kept.then_some(*group))
                    .collect::<Vec<_>>();
                &kept
            }
        };
        let touched = self.gather.add(&rows, group_indices, &mut self.groups)?;
        touched
            .iter()
            .filter_map(|group| self.groups[*group].as_ref())
            .try_for_each(|m| self.arguments.check(m))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, None);
        let states = values[0].as_binary::<i32>();
        for (state, group) in states.iter().zip(group_indices) {
            if let Some(state) = state {
                merge(&mut self.groups[*group], state::decode(state)?)?;
            }
        }
        Ok(())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        Ok(vec![states(&groups)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        (self.finish)(&emit_to.take_needed(&mut self.groups))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[self.arguments.label].len();
        let mut each = Self::new(self.arguments, self.finish);
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        let heap: usize = self.groups.iter().flatten().map(Moments::size).sum();
        heap + self.groups.capacity() * size_of::<Option<Moments>>()
    }
}

/// The moments as bytes, null for a group without rows: the answer of `least_squares`, and the state of all.
pub(super) fn states(groups: &[Option<Moments>]) -> Result<ArrayRef> {
    let bytes: Vec<Option<Vec<u8>>> = groups
        .iter()
        .map(|m| m.as_ref().map(state::encode))
        .collect();
    let total: usize = bytes.iter().flatten().map(Vec::len).sum();
    if i32::try_from(total).is_err() {
        let message = format!(
            "the moments of {} groups are {total} bytes, where 2 GiB is the most at a time: group by \
             less, or run fewer groups a query",
            groups.len()
        );
        return Err(MlError::invalid(message).into());
    }
    Ok(Arc::new(BinaryArray::from_iter(bytes)))
}

/// Brings the rows of a group together, so that each group's are added at once.
#[derive(Debug, Default)]
pub(super) struct Gather {
    order: Vec<usize>,
    features: Vec<f64>,
    label: Vec<f64>,
    weights: Vec<f64>,
    touched: Vec<usize>,
    scratch: Scratch,
}

impl Gather {
    /// Adds each row to its group's moments; answers the groups that had rows.
    pub(super) fn add(
        &mut self,
        rows: &Observations,
        group_of: &[usize],
        groups: &mut [Option<Moments>],
    ) -> Result<&[usize]> {
        self.touched.clear();
        let (values, width) = rows.row_major()?;
        self.order.clear();
        self.order.extend(0..rows.len());
        self.order.sort_by_key(|row| group_of[*row]);
        for run in self.order.chunk_by(|a, b| group_of[*a] == group_of[*b]) {
            self.features.clear();
            self.label.clear();
            self.weights.clear();
            for row in run {
                let at = row * width;
                self.features.extend_from_slice(&values[at..at + width]);
                self.label.push(rows.label()[*row]);
                self.weights.extend(rows.weights().map(|w| w[*row]));
            }
            let of_group = Rows::Vectors {
                values: &self.features,
                width,
                last: &self.label,
            };
            let weights = rows.weights().map(|_| self.weights.as_slice());
            let group = group_of[run[0]];
            add(&mut groups[group], of_group, weights, &mut self.scratch)?;
            self.touched.push(group);
        }
        Ok(&self.touched)
    }
}

/// The moments of each fold of the rows: which fold a row is in depends on what is in it and the seed, not on where it is.
#[derive(Debug)]
pub(super) struct FoldsAccumulator {
    arguments: Arguments,
    seed: u64,
    folds: Vec<Option<Moments>>,
    gather: Gather,
}

impl FoldsAccumulator {
    pub(super) fn new(arguments: Arguments, folds: usize, seed: u64) -> Self {
        Self {
            arguments,
            seed,
            folds: vec![None; folds],
            gather: Gather::default(),
        }
    }

    fn states(&self) -> ScalarValue {
        let some = self.folds.iter().any(Option::is_some);
        ScalarValue::Binary(some.then(|| state::encode_folds(&self.folds)))
    }
}

impl Accumulator for FoldsAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = self.arguments.read(values, None)?;
        let (features, width) = rows.row_major()?;
        let folds = self.folds.len() as u64;
        let fold_of: Vec<usize> = (rows.label().iter().enumerate())
            .map(|(row, label)| {
                let features = &features[row * width..(row + 1) * width];
                let hash = features
                    .iter()
                    .fold(mix(self.seed, *label), |h, x| mix(h, *x));
                (hash % folds) as usize
            })
            .collect();
        self.gather.add(&rows, &fold_of, &mut self.folds)?;
        (self.folds.iter().flatten()).try_for_each(|m| self.arguments.check(m))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_binary::<i32>().iter().flatten() {
            let folds = state::decode_folds(state)?;
            if folds.len() != self.folds.len() {
                return Err(
                    MlError::invalid("partial states have different numbers of folds").into(),
                );
            }
            for (mine, theirs) in self.folds.iter_mut().zip(folds) {
                if let Some(theirs) = theirs {
                    merge(mine, theirs)?;
                }
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.states()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.states())
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self
                .folds
                .iter()
                .flatten()
                .map(Moments::size)
                .sum::<usize>()
    }
}

/// One round of splitmix64 (Steele, Lea and Flood, 2014) over a number's bits; −0 is 0.
fn mix(hash: u64, value: f64) -> u64 {
    let mut z = (hash ^ (value + 0.0).to_bits()).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
