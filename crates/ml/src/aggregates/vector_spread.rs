//! `vector_spread(vector)`.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};

use super::binary::{BinaryAggregate, State};
use crate::bytes::{Reader, Writer};
use crate::kernels::Spread;
use crate::rows::row_major_without_nulls;
use crate::vectors::Vectors;

const TAG: [u8; 4] = *b"VSP1";

/// The number of rows, and the mean and the squared deviations of each element.
pub(super) const FUNCTION: BinaryAggregate = BinaryAggregate {
    name: "vector_spread",
    arguments: 1,
    state: |_| Ok(Box::new(SpreadState { spread: None })),
};

/// The spread in the answer of `vector_spread`; its weight is the number of rows.
pub(crate) fn decode_spread(bytes: &[u8]) -> Result<Spread> {
    let mut reader = Reader::new(bytes, TAG)?;
    let spread = read_spread(&mut reader)?;
    reader.finish()?;
    Ok(spread)
}

pub(super) fn write_spread(writer: &mut Writer, spread: &Spread) {
    writer.u64(spread.mean.len() as u64);
    writer.f64(spread.weight);
    writer.f64s(&spread.mean);
    writer.f64s(&spread.squares);
}

pub(super) fn read_spread(reader: &mut Reader<'_>) -> Result<Spread> {
    let width = reader.len()?;
    Ok(Spread {
        weight: reader.f64()?,
        mean: reader.f64s(width)?,
        squares: reader.f64s(width)?,
    })
}

#[derive(Debug)]
struct SpreadState {
    spread: Option<Spread>,
}

impl SpreadState {
    fn merge_spread(&mut self, other: Spread) -> Result<()> {
        match &mut self.spread {
            Some(spread) if spread.mean.len() != other.mean.len() => {
                let (a, b) = (spread.mean.len(), other.mean.len());
                exec_err!("a vector has {b} elements where others have {a}")
            }
            Some(spread) => {
                spread.merge(&other);
                Ok(())
            }
            None => {
                self.spread = Some(other);
                Ok(())
            }
        }
    }
}

impl State for SpreadState {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let vectors = Vectors::try_new(&arguments[0])?;
        if vectors.is_empty() {
            return Ok(());
        }
        if vectors.is_null(0) {
            return row_major_without_nulls(&vectors, 0).map(|_| ());
        }
        let width = vectors.width(0);
        // Each batch by itself: merging the means of batches loses less than adding rows to one mean.
        let mut batch = Spread::new(width);
        let rows = row_major_without_nulls(&vectors, width)?;
        for row in rows.chunks_exact(width.max(1)) {
            batch.add(row, 1.0);
        }
        self.merge_spread(batch)
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        self.merge_spread(decode_spread(bytes)?)
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let spread = self.spread.as_ref()?;
        let mut writer = Writer::new(TAG);
        write_spread(&mut writer, spread);
        Some(writer.finish())
    }

    fn size(&self) -> usize {
        let width = self.spread.as_ref().map_or(0, |spread| spread.mean.len());
        16 * width + size_of::<Self>()
    }
}
