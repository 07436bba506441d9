//! [`LineSource`]: the leaf of a plan that reads files of lines.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::internal_datafusion_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileGroupPartitioner, FileOpenFuture, FileOpener, FileScanConfig, FileSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, apply_expression_roots};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;

use crate::breaks::Breaks;
use crate::line_format::LineFormat;
use crate::ranges::RangeReader;
use crate::records::{Decoder, in_file};

/// Reads the records that start in the byte range of each file, in batches of the session's size.
///
/// Files are cut anywhere to share them out evenly, but for compressed ones and those of which nobody knows where a row
/// may begin, which are read whole.
#[derive(Clone)]
pub struct LineSource {
    format: LineFormat,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: Option<usize>,
    metrics: ExecutionPlanMetricsSet,
}

impl LineSource {
    /// Reads all columns of `table_schema`.
    pub fn new(format: LineFormat, table_schema: TableSchema) -> Self {
        Self {
            format,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: None,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// What is read, and how.
    pub fn format(&self) -> &LineFormat {
        &self.format
    }

    /// Whether one task has to read all of a file.
    fn is_whole(&self, file: &PartitionedFile) -> bool {
        let location = &file.object_meta.location;
        self.format.records().breaks().is_none()
            || self.format.compression().of(location).is_compressed()
    }
}

impl FileSource for LineSource {
    fn create_file_opener(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.table_schema.file_schema();
        self.format.records().check_schema(file_schema)?;
        let batch_size = self
            .batch_size
            .ok_or_else(|| internal_datafusion_err!("the batch size is not set"))?;
        let opener = LineOpener {
            format: self.format.clone(),
            store: object_store,
            store_url: base_config.object_store_url.to_string(),
            schema: Arc::new(file_schema.project(&self.projection.file_indices)?),
            batch_size,
            bytes_scanned: MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            batch_size: Some(batch_size),
            ..self.clone()
        })
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        Ok(Some(Arc::new(Self {
            projection: SplitProjection::new(self.table_schema.file_schema(), &merged),
            ..self.clone()
        })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.format.records().name()
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match t {
            DisplayFormatType::TreeRender => Ok(()),
            _ => write!(f, ", compression={}", self.format.compression()),
        }
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        repartition_file_min_size: usize,
        output_ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        let partitioner = FileGroupPartitioner::new()
            .with_target_partitions(target_partitions)
            .with_repartition_file_min_size(repartition_file_min_size)
            .with_preserve_order_within_groups(output_ordering.is_some());
        let files = || config.file_groups.iter().flat_map(FileGroup::iter);
        let groups = if !files().any(|file| self.is_whole(file)) {
            partitioner.repartition_file_groups(&config.file_groups)
        } else if output_ordering.is_some() {
            None
        } else {
            let (whole, parts): (Vec<_>, Vec<_>) =
                files().cloned().partition(|file| self.is_whole(file));
            partitioner
                .repartition_file_groups(&[FileGroup::new(parts)])
                .map(|groups| with_whole_files(groups, whole, target_partitions))
        };
        Ok(groups.map(|file_groups| {
            let mut config = config.clone();
            config.file_groups = file_groups;
            config
        }))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), f)
    }
}

/// Puts each of the files `whole`, biggest first, in the group with the fewest bytes.
fn with_whole_files(
    groups: Vec<FileGroup>,
    mut whole: Vec<PartitionedFile>,
    target_partitions: usize,
) -> Vec<FileGroup> {
    let mut groups: Vec<_> = groups.into_iter().map(FileGroup::into_inner).collect();
    groups.resize(target_partitions.max(groups.len()), vec![]);
    whole.sort_by_key(|file| std::cmp::Reverse(file.object_meta.size));
    for file in whole {
        let bytes = |group: &Vec<PartitionedFile>| -> u64 {
            group.iter().map(PartitionedFile::effective_size).sum()
        };
        if let Some(least) = groups.iter_mut().min_by_key(|group| bytes(group)) {
            least.push(file);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups.into_iter().map(FileGroup::new).collect()
}

/// Opens the range of a file.
#[derive(Clone)]
struct LineOpener {
    format: LineFormat,
    store: Arc<dyn ObjectStore>,
    store_url: String,
    /// The columns to read, without partition columns.
    schema: SchemaRef,
    batch_size: usize,
    bytes_scanned: Count,
}

impl FileOpener for LineOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let records = self.format.records();
        let decoder = records.decoder(Arc::clone(&self.schema), self.batch_size)?;
        let compression = self.format.compression().of(&file.object_meta.location);
        // A file that cannot be cut is read from its first byte to its last, and needs no breaks.
        let breaks = records.breaks().unwrap_or(Breaks::Newline);
        let store = Arc::clone(&self.store);
        let store_url = self.store_url.clone();
        let location = file.object_meta.location.clone();
        let bytes_scanned = self.bytes_scanned.clone();
        Ok(async move {
            let at = move |e| in_file(&store_url, &location, e);
            let reader = RangeReader::open(store, &file, compression, breaks).await;
            let batches = batches(reader.map_err(&at)?, decoder, bytes_scanned);
            Ok(batches.map_err(at).boxed())
        }
        .boxed())
    }
}

fn batches(
    reader: RangeReader,
    decoder: Box<dyn Decoder>,
    bytes_scanned: Count,
) -> impl Stream<Item = Result<RecordBatch>> {
    let start = (reader, decoder, Some(Bytes::new()));
    stream::try_unfold(start, move |(mut reader, mut decoder, mut block)| {
        let bytes_scanned = bytes_scanned.clone();
        async move {
            loop {
                let batch = match &mut block {
                    Some(block) => decoder.decode(block)?,
                    None => match decoder.finish()? {
                        None => return Ok(None),
                        batch => batch,
                    },
                };
                if let Some(batch) = batch {
                    return Ok(Some((batch, (reader, decoder, block))));
                }
                block = reader.next().await?;
                bytes_scanned.add(block.as_ref().map_or(0, Bytes::len));
            }
        }
    })
}
