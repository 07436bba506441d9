//! `cluster_spreads(vector, weight, cluster)`.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};

use super::binary::{BinaryAggregate, State};
use super::vector_spread::{read_spread, write_spread};
use crate::bytes::{Reader, Writer};
use crate::kernels::Spread;
use crate::rows::{row_major_without_nulls, weights};
use crate::vectors::Vectors;

const TAG: [u8; 4] = *b"KCS1";

/// The weight, mean and squared deviations of the rows of each cluster. `weight` may be a bare null: each row then
/// weighs 1.
pub(super) const FUNCTION: BinaryAggregate = BinaryAggregate {
    name: "cluster_spreads",
    arguments: 3,
    state: |_| Ok(Box::new(ClusterState::default())),
};

/// The spread of each cluster, by its number.
pub(crate) type ClusterSpreads = BTreeMap<i64, Spread>;

/// The clusters in the answer of `cluster_spreads`.
pub(crate) fn decode_clusters(bytes: &[u8]) -> Result<ClusterSpreads> {
    let mut reader = Reader::new(bytes, TAG)?;
    let count = reader.len()?;
    let mut clusters = ClusterSpreads::new();
    for _ in 0..count {
        let cluster = reader.u64()? as i64;
        clusters.insert(cluster, read_spread(&mut reader)?);
    }
    reader.finish()?;
    Ok(clusters)
}

#[derive(Debug, Default)]
struct ClusterState {
    clusters: ClusterSpreads,
}

impl ClusterState {
    fn merge_clusters(&mut self, others: ClusterSpreads) -> Result<()> {
        for (cluster, other) in others {
            let width = other.mean.len();
            let spread = self.clusters.entry(cluster);
            let spread = spread.or_insert_with(|| Spread::new(width));
            if spread.mean.len() != width {
                let found = spread.mean.len();
                return exec_err!("a vector has {width} elements where others have {found}");
            }
            spread.merge(&other);
        }
        Ok(())
    }
}

impl State for ClusterState {
    fn update(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let vectors = Vectors::try_new(&arguments[0])?;
        let labels = cast(&arguments[2], &DataType::Int64)?;
        let labels = labels.as_primitive::<Int64Type>();
        if labels.null_count() > 0 {
            return exec_err!("a row has no cluster: its prediction is null");
        }
        if vectors.is_empty() {
            return Ok(());
        }
        let width = if vectors.is_null(0) {
            0
        } else {
            vectors.width(0)
        };
        let rows = row_major_without_nulls(&vectors, width)?;
        let weights = weights(&arguments[1])?;
        let mut batch = ClusterSpreads::new();
        for (at, row) in rows.chunks_exact(width.max(1)).enumerate() {
            let spread = batch.entry(labels.value(at));
            let spread = spread.or_insert_with(|| Spread::new(width));
            spread.add(
                row,
                weights.as_ref().map_or(1.0, |weights| weights.value(at)),
            );
        }
        self.merge_clusters(batch)
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        self.merge_clusters(decode_clusters(bytes)?)
    }

    fn encode(&self) -> Option<Vec<u8>> {
        if self.clusters.is_empty() {
            return None;
        }
        let mut writer = Writer::new(TAG);
        writer.u64(self.clusters.len() as u64);
        for (cluster, spread) in &self.clusters {
            writer.u64(*cluster as u64);
            write_spread(&mut writer, spread);
        }
        Some(writer.finish())
    }

    fn size(&self) -> usize {
        let spreads = self.clusters.values();
        spreads.map(|spread| 64 + 16 * spread.mean.len()).sum()
    }
}
