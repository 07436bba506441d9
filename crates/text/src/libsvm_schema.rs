//! The columns of a libsvm file.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, config_err, plan_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::Result;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};

use crate::breaks::Breaks;
use crate::compression::Compression;
use crate::libsvm::last_index;
use crate::lines::Lines;
use crate::ranges::RangeReader;
use crate::records::in_file;

pub(crate) const LABEL: &str = "label";
pub(crate) const FEATURES: &str = "features";
/// The field metadata that holds the size of the vectors, as `numFeatures` does in Spark.
const NUM_FEATURES: &str = "num_features";
/// Inference reads a big file in pieces of this many bytes, as many at a time as there are cores.
const PIECE_BYTES: u64 = 64 * 1024 * 1024;

/// How the vectors of libsvm files are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibsvmOptions {
    /// How a vector is held in memory.
    pub vector: VectorKind,
    /// The size of the vectors, at least the highest index in the files. `None` reads all the
    /// files once to find the highest index, so give it for big files if you know it.
    pub num_features: Option<u32>,
}

/// How a vector is held in memory. Files count features from 1; vectors count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorKind {
    /// `FixedSizeList<Float64>(n)`: 8 bytes a feature, present or not.
    #[default]
    Dense,
    /// `Struct{size: Int32, indices: List<Int32>, values: List<Float64>}`: 12 bytes a feature
    /// that is present.
    Sparse,
}

impl std::str::FromStr for VectorKind {
    type Err = DataFusionError;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "dense" => Ok(Self::Dense),
            "sparse" => Ok(Self::Sparse),
            _ => config_err!("unknown vector `{name}`: use dense or sparse"),
        }
    }
}

/// The schema of `files`; see [`LibsvmOptions::num_features`].
pub(crate) async fn infer(
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
    compression: Compression,
    options: &LibsvmOptions,
) -> Result<SchemaRef> {
    let size = match options.num_features {
        Some(size) => size,
        None => highest_index(store, files, compression).await?,
    };
    match i32::try_from(size) {
        Ok(size) if size > 0 => Ok(schema(size, options.vector)),
        Ok(_) => plan_err!(
            "no features found in {} libsvm file(s), so the size of the vectors is unknown: give \
             the option num_features, at least 1",
            files.len()
        ),
        Err(_) => plan_err!(
            "num_features is {size}: vectors have at most {} features",
            i32::MAX
        ),
    }
}

/// `label: Float64` and `features`, a vector of `size`.
pub(crate) fn schema(size: i32, vector: VectorKind) -> SchemaRef {
    let metadata = HashMap::from([(NUM_FEATURES.to_string(), size.to_string())]);
    let features = match vector {
        VectorKind::Dense => DataType::FixedSizeList(item(DataType::Float64), size),
        VectorKind::Sparse => DataType::Struct(sparse_fields()),
    };
    Arc::new(Schema::new(vec![
        Field::new(LABEL, DataType::Float64, false),
        Field::new(FEATURES, features, false).with_metadata(metadata),
    ]))
}

/// The vectors of column `features`, and their size.
pub(crate) fn vector(features: &Field) -> Result<(VectorKind, i32)> {
    let size = features
        .metadata()
        .get(NUM_FEATURES)
        .and_then(|size| size.parse().ok());
    match (features.data_type(), size) {
        (DataType::FixedSizeList(of, size), _) if *of == item(DataType::Float64) => {
            Ok((VectorKind::Dense, *size))
        }
        (DataType::Struct(fields), Some(size)) if *fields == sparse_fields() => {
            Ok((VectorKind::Sparse, size))
        }
        _ => wrong_columns(),
    }
}

/// Refuses declared columns: what a file says of them is all there is to say.
pub(crate) fn check(schema: &SchemaRef) -> Result<()> {
    match schema.fields().iter().as_slice() {
        [label, features]
            if label.name() == LABEL
                && *label.data_type() == DataType::Float64
                && features.name() == FEATURES =>
        {
            vector(features).map(|_| ())
        }
        _ => wrong_columns(),
    }
}

fn wrong_columns<T>() -> Result<T> {
    plan_err!(
        "a table of libsvm files has the columns `{LABEL}` and `{FEATURES}`, whose types come from \
         the files: declare no columns, and give the options vector and num_features if need be"
    )
}

pub(crate) fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(data_type, false))
}

pub(crate) fn sparse_fields() -> Fields {
    Fields::from(vec![
        Field::new("size", DataType::Int32, false),
        Field::new("indices", DataType::List(item(DataType::Int32)), false),
        Field::new("values", DataType::List(item(DataType::Float64)), false),
    ])
}

/// The highest index in any of `files`, 0 if there is none.
async fn highest_index(
    store: &Arc<dyn ObjectStore>,
    files: &[ObjectMeta],
    compression: Compression,
) -> Result<u32> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pieces: Vec<_> = files
        .iter()
        .flat_map(|file| pieces(file, compression))
        .collect();
    stream::iter(pieces)
        .map(|piece| {
            let store = Arc::clone(store);
            async move {
                SpawnedTask::spawn(highest_in_piece(store, piece, compression))
                    .await
                    .map_err(|e| DataFusionError::External(Box::new(e)))?
            }
        })
        .buffer_unordered(cores)
        .try_fold(0, |highest, index| async move { Ok(highest.max(index)) })
        .await
}

fn pieces(file: &ObjectMeta, compression: Compression) -> Vec<PartitionedFile> {
    let whole = PartitionedFile::new_from_meta(file.clone());
    if compression.of(&file.location).is_compressed() {
        return vec![whole];
    }
    (0..file.size)
        .step_by(PIECE_BYTES as usize)
        .map(|start| {
            let end = (start + PIECE_BYTES).min(file.size);
            whole.clone().with_range(start as i64, end as i64)
        })
        .collect()
}

async fn highest_in_piece(
    store: Arc<dyn ObjectStore>,
    piece: PartitionedFile,
    compression: Compression,
) -> Result<u32> {
    let location = &piece.object_meta.location;
    let kind = compression.of(location);
    let scan = async {
        let mut reader = RangeReader::open(store, &piece, kind, Breaks::Newline).await?;
        let mut lines = Lines::default();
        let mut highest = 0;
        while let Some(mut block) = reader.next().await? {
            while let Some(line) = lines.next(&mut block)? {
                highest = highest.max(last_index(&line)?);
            }
        }
        if let Some(line) = lines.finish() {
            highest = highest.max(last_index(&line)?);
        }
        Ok(highest)
    };
    scan.await.map_err(|e| in_file("", location, e))
}
