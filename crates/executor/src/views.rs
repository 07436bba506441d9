//! Keeps view arrays (`Utf8View`, `BinaryView`) from being written to shuffle files with bytes that no row of
//! theirs refers to.
//!
//! A view array is a row of 16-byte views into shared data buffers. Filters, joins, aggregates and slices
//! keep all buffers of their inputs, and gathering batches adds up their lists of buffers, the same buffer
//! many times over. The IPC writer writes every buffer of every batch. A batch of 8192 rows from a join thus
//! carries the whole build side into the file, and the reader, who holds what it fetched, carries it in
//! memory. The sort shuffle writer compacts what it writes, but counts the buffers of its input against the
//! task's memory before, and spills for nothing.
//!
//! Compacting in front of the writer cures all of it and changes neither the schema nor the hash by which
//! rows find their partition; both would change if the columns were cast to `Utf8`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, GenericByteViewArray, GenericListArray, MapArray, OffsetSizeTrait,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, StringViewType};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;

/// Buffers may hold this much more than what is referred to, in bytes, before copying pays.
const SLACK: usize = 4096;

/// `plan`, or `plan` under a [`CompactViewsExec`] where its rows have views.
pub(crate) fn compacted(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let schema = plan.schema();
    if schema
        .fields()
        .iter()
        .any(|field| has_views(field.data_type()))
    {
        Arc::new(CompactViewsExec { input: plan })
    } else {
        plan
    }
}

/// Copies the bytes that views refer to together, where the buffers hold much else.
///
/// It has no metrics, so that the list of operators that a task reports is the one the master planned.
#[derive(Debug)]
struct CompactViewsExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for CompactViewsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "CompactViewsExec")
    }
}

impl ExecutionPlan for CompactViewsExec {
    fn name(&self) -> &str {
        "CompactViewsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(Self { input }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let compact = input.map(|batch| Ok(compact_batch(batch?)?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, compact)))
    }
}

fn compact_batch(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .map(compact)
        .collect::<Result<_, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &rows)
}

fn compact(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !has_views(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    Ok(match array.data_type() {
        DataType::Utf8View => compact_view::<StringViewType>(array),
        DataType::BinaryView => compact_view::<BinaryViewType>(array),
        DataType::List(_) => compact_list::<i32>(array)?,
        DataType::LargeList(_) => compact_list::<i64>(array)?,
        DataType::Map(field, sorted) => {
            let map = array.as_map();
            let (offsets, from, len) = rebased(map.offsets());
            let entries: ArrayRef = Arc::new(map.entries().slice(from, len));
            let entries = compact(&entries)?.as_struct().clone();
            let nulls = map.nulls().cloned();
            Arc::new(MapArray::try_new(
                Arc::clone(field),
                offsets,
                entries,
                nulls,
                *sorted,
            )?)
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let columns = parts
                .columns()
                .iter()
                .map(compact)
                .collect::<Result<_, _>>()?;
            let nulls = parts.nulls().cloned();
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?)
        }
        _ => Arc::clone(array),
    })
}

fn compact_view<T: ByteViewType>(array: &ArrayRef) -> ArrayRef {
    let views: &GenericByteViewArray<T> = array.as_byte_view();
    let held: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
    let used = views.total_buffer_bytes_used();
    if held > used + used / 4 + SLACK {
        Arc::new(views.gc())
    } else {
        Arc::clone(array)
    }
}

fn compact_list<O: OffsetSizeTrait>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let list: &GenericListArray<O> = array.as_list();
    let field = match list.data_type() {
        DataType::List(field) | DataType::LargeList(field) => Arc::clone(field),
        _ => return Ok(Arc::clone(array)),
    };
    let (offsets, from, len) = rebased(list.offsets());
    let values = compact(&list.values().slice(from, len))?;
    let nulls = list.nulls().cloned();
    Ok(Arc::new(GenericListArray::try_new(
        field, offsets, values, nulls,
    )?))
}

/// Offsets from 0, and the part of the values that the old ones refer to.
fn rebased<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (OffsetBuffer<O>, usize, usize) {
    let first = offsets[0];
    let last = offsets[offsets.len() - 1];
    let rebased: Vec<O> = offsets.iter().map(|offset| *offset - first).collect();
    (
        OffsetBuffer::new(rebased.into()),
        first.as_usize(),
        (last - first).as_usize(),
    )
}

/// Whether [`compact`] has something to do in arrays of this type.
fn has_views(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::BinaryView => true,
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
            has_views(field.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_views(field.data_type())),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryViewArray, Int64Array, ListBuilder, StringViewArray, StringViewBuilder,
    };
    use arrow::compute::{concat, take};
    use arrow::datatypes::{Field, Fields};
    use arrow::ipc::writer::StreamWriter;
    use datafusion::physical_plan::collect;

    use super::*;
    use crate::test_plan::{TestPlan, numbers};

    /// What a join gives: few rows, all buffers of the build side, the same ones again and again.
    fn sparse() -> ArrayRef {
        let words: Vec<String> = (0..10_000)
            .map(|i| format!("a word that is not inline {i}"))
            .collect();
        let all: ArrayRef = Arc::new(StringViewArray::from_iter_values(&words));
        let gathered = concat(&[all.as_ref(), all.as_ref(), all.as_ref(), all.as_ref()]).unwrap();
        let indices = Int64Array::from_iter((0..100).map(|i| (i % 9 != 0).then_some(i * 31)));
        take(&gathered, &indices, None).unwrap()
    }

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap()
    }

    /// Bytes of a shuffle file with this batch alone.
    fn written(batch: &RecordBatch) -> usize {
        let mut file = Vec::new();
        let mut writer = StreamWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        file.len()
    }

    async fn through(batch: &RecordBatch) -> RecordBatch {
        let plan = compacted(Arc::new(TestPlan::batches(vec![batch.clone()])));
        assert_eq!(plan.name(), "CompactViewsExec");
        assert!(plan.metrics().is_none());
        assert_eq!(plan.schema(), batch.schema());
        collect(plan, Arc::default()).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_file_holds_what_its_rows_refer_to() {
        let sparse = batch(sparse());
        let compact = through(&sparse).await;
        assert_eq!(compact, sparse);
        assert!(written(&sparse) > 1_000_000, "{}", written(&sparse));
        assert!(written(&compact) < 10_000, "{}", written(&compact));
        assert!(compact.get_array_memory_size() < 10_000);
    }

    #[tokio::test]
    async fn views_inside_lists_structs_and_maps() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for i in 0..5_000 {
            lists.append_value([Some(format!("a word that is not inline {i}")), None]);
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let lists = lists.slice(4_000, 10);

        let strings = sparse();
        let value = Field::new("value", DataType::Utf8View, true);
        let structs =
            StructArray::new(vec![value.clone()].into(), vec![Arc::clone(&strings)], None);
        let structs: ArrayRef = Arc::new(structs);

        let key = Field::new("key", DataType::Int64, false);
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        let fields = Fields::from(vec![key, value]);
        let entries = StructArray::new(fields.clone(), vec![keys, strings], None);
        let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
        let offsets = OffsetBuffer::new(vec![10, 20, 20, 30].into());
        let map: ArrayRef = Arc::new(MapArray::new(field, offsets, entries, None, false));

        for column in [lists, structs, map] {
            let sparse = batch(column);
            let compact = through(&sparse).await;
            assert_eq!(compact, sparse);
            assert!(written(&compact) < 20_000, "{}", written(&compact));
            assert!(written(&sparse) > 3 * written(&compact));
        }
    }

    #[tokio::test]
    async fn binary_views_and_inline_ones() {
        let values: Vec<Option<&[u8]>> =
            vec![Some(b"short"), None, Some(b"longer than twelve bytes")];
        let binary: ArrayRef = Arc::new(BinaryViewArray::from(values));
        let dense = batch(Arc::clone(&binary));
        let same = through(&dense).await;
        assert!(
            same.column(0).to_data().ptr_eq(&binary.to_data()),
            "dense arrays are left alone"
        );
    }

    #[test]
    fn plans_without_views_are_left_alone() {
        let plan: Arc<dyn ExecutionPlan> = Arc::new(TestPlan::batches(vec![numbers(1)]));
        assert!(Arc::ptr_eq(&compacted(Arc::clone(&plan)), &plan));
    }
}
