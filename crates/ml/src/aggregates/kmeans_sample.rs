//! `kmeans_sample(vector, weight, centres, rows, seed)`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::AccumulatorArgs;

use super::binary::{BinaryAggregate, State, literal};
use crate::bytes::{Reader, Writer};
use crate::kernels::{Centres, Scratch, nearest, row_hash, uniform};
use crate::rows::{binary, decode_centres, not_finite, row_major_without_nulls, weights};
use crate::vectors::Vectors;

const TAG: [u8; 4] = *b"KMR1";

/// A random sample of distinct rows, without putting back.
///
/// A row's number `u` comes from a hash of the seed and the row, so the sample does not depend on how rows are
/// split and ordered; equal rows draw one number together. The rows with the smallest `−ln(u) / p` are chosen,
/// which takes each next row with a probability proportional to `p`: P. Efraimidis, P. Spirakis, *Weighted random
/// sampling with a reservoir*, Information Processing Letters 97 (2006). `p` is 1, or with centres, the row's
/// weight times its squared distance from the nearest; rows of weight or distance zero are never chosen.
pub(super) const FUNCTION: BinaryAggregate = BinaryAggregate {
    name: "kmeans_sample",
    arguments: 5,
    state: |args| Ok(Box::new(SampleState::try_new(args)?)),
};

/// The rows in the answer of `kmeans_sample`, first chosen first, row-major.
pub(crate) fn decode_sample(bytes: &[u8]) -> Result<Vec<f64>> {
    let (_, entries) = decode(bytes)?;
    Ok(entries.into_iter().flat_map(|entry| entry.row).collect())
}

#[derive(Debug)]
struct SampleState {
    centres: Option<Centres>,
    wanted: usize,
    seed: u64,
    width: usize,
    /// The chosen rows so far; the first to go is on top.
    chosen: BinaryHeap<Entry>,
    scratch: Scratch,
    nearest: Vec<u32>,
    distances: Vec<f64>,
}

#[derive(Debug, PartialEq)]
struct Entry {
    key: f64,
    row: Vec<f64>,
}

impl SampleState {
    fn try_new(args: &AccumulatorArgs<'_>) -> Result<Self> {
        let centres = literal(args, 2)?;
        let centres = match binary(centres) {
            Some(_) => Some(decode_centres(centres)?),
            None => None,
        };
        let (rows, seed) = (literal(args, 3)?, literal(args, 4)?);
        let (ScalarValue::Int64(Some(rows)), ScalarValue::Int64(Some(seed))) = (rows, seed) else {
            return exec_err!("kmeans_sample: rows and seed are integers");
        };
        Ok(Self {
            width: centres.as_ref().map_or(0, Centres::width),
            centres,
            wanted: usize::try_from(*rows).unwrap_or(0),
            seed: *seed as u64,
            chosen: BinaryHeap::new(),
            scratch: Scratch::default(),
            nearest: Vec::new(),
            distances: Vec::new(),
        })
    }

    /// The largest key that is chosen, infinite while there is room.
    fn threshold(&self) -> f64 {
        match self.chosen.peek() {
            Some(last) if self.chosen.len() >= self.wanted => last.key,
            _ => f64::INFINITY,
        }
    }

    fn insert(&mut self, entry: Entry) {
        // Equal rows have equal hashes, and are one.
        let twin = |chosen: &Entry| chosen.row == entry.row;
        if self.chosen.len() >= self.wanted && self.chosen.peek().is_none_or(|last| entry >= *last)
        {
            return;
        }
        if self.chosen.iter().any(twin) {
            // Only one of two weights can count: the larger, whichever comes first.
            if self
                .chosen
                .iter()
                .any(|chosen| twin(chosen) && chosen.key <= entry.key)
            {
                return;
            }
            self.chosen.retain(|chosen| chosen.row != entry.row);
        }
        self.chosen.push(entry);
        if self.chosen.len() > self.wanted {
            self.chosen.pop();
        }
    }
}

impl State for SampleState {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let vectors = Vectors::try_new(&arguments[0])?;
        let count = vectors.len();
        if count == 0 {
            return Ok(());
        }
        if self.width == 0 {
            self.width = vectors.width(0);
        }
        let width = self.width;
        let rows = row_major_without_nulls(&vectors, width)?;
        let weights = weights(&arguments[1])?;
        if let Some(centres) = &self.centres {
            self.nearest.resize(count, 0);
            self.distances.resize(count, 0.0);
            let (found, distances) = (&mut self.nearest[..count], &mut self.distances[..count]);
            nearest(centres, &rows, &mut self.scratch, found, distances);
            if !distances.iter().sum::<f64>().is_finite() {
                return Err(not_finite().into());
            }
        } else if !rows.iter().sum::<f64>().is_finite() {
            return Err(not_finite().into());
        }
        let mut threshold = self.threshold();
        for (at, row) in rows.chunks_exact(width).enumerate() {
            let weight = weights.as_ref().map_or(1.0, |weights| weights.value(at));
            let chance = match &self.centres {
                Some(_) => weight * self.distances[at],
                None => f64::from(weight > 0.0),
            };
            if chance <= 0.0 {
                continue;
            }
            let u = uniform(row_hash(self.seed, row));
            // −ln(u) is at least 1 − u: most rows need no logarithm.
            if 1.0 - u > threshold * chance {
                continue;
            }
            let key = -u.ln() / chance;
            if key <= threshold {
                let row = row.iter().map(|value| value + 0.0).collect();
                self.insert(Entry { key, row });
                threshold = self.threshold();
            }
        }
        Ok(())
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        let (width, entries) = decode(bytes)?;
        if self.width != 0 && self.width != width {
            return exec_err!(
                "a vector has {width} elements where others have {}",
                self.width
            );
        }
        self.width = width;
        entries.into_iter().for_each(|entry| self.insert(entry));
        Ok(())
    }

    fn encode(&self) -> Option<Vec<u8>> {
        if self.chosen.is_empty() {
            return None;
        }
        let mut entries: Vec<&Entry> = self.chosen.iter().collect();
        entries.sort();
        let mut writer = Writer::new(TAG);
        writer.u64(self.width as u64);
        writer.u64(entries.len() as u64);
        for entry in entries {
            writer.f64(entry.key);
            writer.f64s(&entry.row);
        }
        Some(writer.finish())
    }

    fn size(&self) -> usize {
        (self.wanted + 1) * (self.width + 8) * 8
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let rows = self.row.iter().zip(&other.row);
        self.key.total_cmp(&other.key).then_with(|| {
            let mut orders = rows.map(|(a, b)| a.total_cmp(b));
            orders.find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        })
    }
}

fn decode(bytes: &[u8]) -> Result<(usize, Vec<Entry>)> {
    let mut reader = Reader::new(bytes, TAG)?;
    let (width, count) = (reader.len()?, reader.len()?);
    let entries = (0..count).map(|_| {
        Ok(Entry {
            key: reader.f64()?,
            row: reader.f64s(width)?,
        })
    });
    let entries = entries.collect::<Result<Vec<_>>>()?;
    reader.finish()?;
    Ok((width, entries))
}
