//! `kmeans_step(vector, weight, centres)`.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;

use super::binary::{BinaryAggregate, State, literal};
use crate::bytes::{Reader, Writer};
use crate::error::MlError;
use crate::kernels::{Centres, CompensatedSums, LloydSums, Scratch, lloyd_step};
use crate::rows::{decode_centres, not_finite, row_major_without_nulls, weights};
use crate::vectors::Vectors;

const TAG: [u8; 4] = *b"KMS1";

/// One step of Lloyd's algorithm: rows go to their nearest centre by Euclidean distance, and each centre's rows
/// are counted, weighed and added up. `weight` may be a bare null: each row then weighs 1.
pub(super) const FUNCTION: BinaryAggregate = BinaryAggregate {
    name: "kmeans_step",
    arguments: 3,
    state: |args| Ok(Box::new(StepState::try_new(args)?)),
};

/// What a step found of each centre.
#[derive(Debug)]
pub(crate) struct StepTotals {
    /// Rows.
    pub(crate) counts: Vec<u64>,
    pub(crate) weights: Vec<f64>,
    /// Weighted sums of rows, row-major.
    pub(crate) sums: Vec<f64>,
    /// Weighted squared distances of all rows.
    pub(crate) cost: f64,
}

impl StepTotals {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let totals = Totals::decode(bytes)?;
        let count = totals.counts.len();
        let all = totals.sums.totals();
        Ok(Self {
            cost: all[0],
            weights: all[1..1 + count].to_vec(),
            sums: all[1 + count..].to_vec(),
            counts: totals.counts,
        })
    }
}

#[derive(Debug)]
struct StepState {
    centres: Centres,
    scratch: Scratch,
    batch: LloydSums,
    totals: Totals,
}

/// Counts by centre, and cost, weights and sums in one line, each with the error of its additions: the totals of
/// one partition or many differ in their last digit at most.
#[derive(Debug)]
struct Totals {
    width: usize,
    counts: Vec<u64>,
    sums: CompensatedSums,
}

impl StepState {
    fn try_new(args: &AccumulatorArgs<'_>) -> Result<Self> {
        let centres = decode_centres(literal(args, 2)?)?;
        let (count, width) = (centres.count(), centres.width());
        Ok(Self {
            batch: LloydSums::new(count, width),
            totals: Totals::new(count, width),
            scratch: Scratch::default(),
            centres,
        })
    }
}

impl State for StepState {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let vectors = Vectors::try_new(&arguments[0])?;
        let rows = row_major_without_nulls(&vectors, self.centres.width())?;
        let weights = weights(&arguments[1])?;
        let weights = weights.as_ref().map(|weights| &weights.values()[..]);
        self.batch.clear();
        lloyd_step(
            &self.centres,
            &rows,
            weights,
            &mut self.scratch,
            &mut self.batch,
        );
        if !self.batch.cost.is_finite() {
            return Err(not_finite().into());
        }
        self.totals.add(&self.batch);
        Ok(())
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        let other = Totals::decode(bytes)?;
        if (other.width, other.counts.len()) != (self.totals.width, self.totals.counts.len()) {
            return Err(MlError::invalid("steps with different centres do not add up").into());
        }
        for (count, other) in self.totals.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
        self.totals.sums.merge(&other.sums);
        Ok(())
    }

    fn encode(&self) -> Option<Vec<u8>> {
        self.totals.encode()
    }

    fn size(&self) -> usize {
        8 * 8 * self.totals.sums.sums.len()
    }
}

impl Totals {
    fn new(count: usize, width: usize) -> Self {
        Self {
            width,
            counts: vec![0; count],
            sums: CompensatedSums::new(1 + count + count * width),
        }
    }

    fn add(&mut self, batch: &LloydSums) {
        for (count, more) in self.counts.iter_mut().zip(&batch.counts) {
            *count += more;
        }
        let terms = [&[batch.cost], &batch.weights[..], &batch.sums[..]].concat();
        self.sums.add(&terms);
    }

    fn encode(&self) -> Option<Vec<u8>> {
        if self.counts.iter().all(|count| *count == 0) {
            return None;
        }
        let mut writer = Writer::new(TAG);
        writer.u64(self.width as u64);
        writer.u64(self.counts.len() as u64);
        writer.u64s(&self.counts);
        writer.f64s(&self.sums.sums);
        writer.f64s(&self.sums.errors);
        Some(writer.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, TAG)?;
        let (width, count) = (reader.len()?, reader.len()?);
        let counts = reader.u64s(count)?;
        let len = count
            .saturating_mul(width.saturating_add(1))
            .saturating_add(1);
        let sums = CompensatedSums {
            sums: reader.f64s(len)?,
            errors: reader.f64s(len)?,
        };
        reader.finish()?;
        Ok(Self {
            width,
            counts,
            sums,
        })
    }
}
