//! Rows that a client has in memory. In this process they stay there; to a cluster they are sent once, as Arrow files
//! in a folder of the session on the shared volume, which the master removes with the session.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::DataFrame;

use super::Session;
use crate::error::{Error, Result};
use crate::functions::not_null;

/// Bytes of rows in one file of an upload; each is read by a task of its own.
const PART_BYTES: usize = 16 << 20;

/// Rows of a batch in memory: larger ones would be one task's work.
const BATCH_ROWS: usize = 64 << 10;

/// Rows on their way from a client: [`Self::push`] them, then [`Self::finish`].
pub struct Upload<'a> {
    session: &'a Session,
    id: String,
    schema: SchemaRef,
    /// Not yet sent; in local mode, all of them.
    rows: Vec<RecordBatch>,
    bytes: usize,
    parts: usize,
}

impl Session {
    /// Takes rows of `schema` into the session. Types that the engine reads in other ways are changed: strings of all
    /// kinds become `Utf8`, dictionaries their values, times microseconds.
    pub fn upload(&self, schema: &Schema) -> Upload<'_> {
        let fields: Vec<_> = schema.fields().iter().map(plain_field).collect();
        Upload {
            session: self,
            id: uuid::Uuid::new_v4().simple().to_string(),
            schema: Arc::new(Schema::new(fields)),
            rows: vec![],
            bytes: 0,
            parts: 0,
        }
    }

    /// The whole numbers from `start` to before `end`, `step` apart, in a column `id`.
    ///
    /// # Errors
    /// If `step` is 0.
    pub async fn range(
        &self,
        start: i64,
        end: i64,
        step: i64,
        parts: Option<usize>,
    ) -> Result<DataFrame> {
        use arrow::array::Int64Array;
        use datafusion::functions_nested::expr_fn::range;
        use datafusion::prelude::{col, lit, when};

        if step == 0 {
            return Err(Error::invalid("the step of a range cannot be 0"));
        }
        let (start, end, step) = (i128::from(start), i128::from(end), i128::from(step));
        let count = ((end - start) / step + i128::from((end - start) % step != 0)).max(0);
        // The bounds of many short ranges travel, and tasks make the numbers.
        let parts = parts.unwrap_or_else(|| self.context.state().config().target_partitions());
        let most = i128::from(BATCH_ROWS as u32);
        let chunk = (count / (parts.max(1) as i128))
            .clamp(1, most)
            .max(count >> 16);
        let schema = Schema::new(vec![
            Field::new("from", DataType::Int64, false),
            Field::new("to", DataType::Int64, false),
        ]);
        let mut upload = self.upload(&schema);
        let mut at = 0;
        while at < count {
            let until = (at + chunk).min(count);
            // Within the range, and so within 64 bits; the end of the last chunk is the range's own.
            let bound = |n: i128| i64::try_from(start + n * step).unwrap_or(end as i64);
            let bounds = [
                bound(at),
                if until == count {
                    end as i64
                } else {
                    bound(until)
                },
            ];
            let columns = bounds.map(|n| Arc::new(Int64Array::from(vec![n])) as _);
            let schema = Arc::clone(&upload.schema);
            upload
                .rows
                .push(RecordBatch::try_new(schema, columns.into()).map_err(arrow_error)?);
            at = until;
        }
        if self.cluster.is_some() {
            let rows = std::mem::take(&mut upload.rows);
            for rows in rows.chunks(rows.len().div_ceil(parts.max(1)).max(1)) {
                upload.rows = rows.to_vec();
                upload.send().await?;
            }
        }
        let step = i64::try_from(step).unwrap_or(1);
        let mut bounds = upload.finish().await?;
        if chunk > most {
            // A very long range: tasks make the bounds of the short ones, too.
            let long = lit(step.saturating_mul(BATCH_ROWS as i64));
            let starts = range(col("from"), col("to"), long.clone()).alias("from");
            let starts = bounds.select(vec![starts, col("to")])?;
            let starts = starts.unnest_columns(&["from"])?;
            let is_last = (col("to") - col("from")) / long.clone();
            let end = when(is_last.eq(lit(0_i64)), col("to")).otherwise(col("from") + long)?;
            bounds = starts.select(vec![col("from"), end.alias("to")])?;
        }
        let numbers = bounds.select(vec![range(col("from"), col("to"), lit(step)).alias("id")])?;
        let numbers = numbers.unnest_columns(&["id"])?;
        Ok(numbers.select(vec![not_null(col("id")).alias("id")])?)
    }
}

impl Upload<'_> {
    /// # Errors
    /// If the rows cannot be sent, or are of another schema.
    pub async fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns: Result<Vec<_>, _> = columns
            .map(|(column, field)| cast(column, field.data_type()))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns.map_err(arrow_error)?,
            &options,
        )
        .map_err(arrow_error)?;
        for from in (0..batch.num_rows()).step_by(BATCH_ROWS) {
            let rows = batch.slice(from, BATCH_ROWS.min(batch.num_rows() - from));
            if self.session.cluster.is_some() {
                let bytes = rows
                    .columns()
                    .iter()
                    .map(|c| c.to_data().get_slice_memory_size());
                self.bytes += bytes.sum::<Result<usize, _>>().map_err(arrow_error)?;
            }
            self.rows.push(rows);
            if self.bytes >= PART_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// The rows as a frame.
    ///
    /// # Errors
    /// If the last of them cannot be sent.
    pub async fn finish(mut self) -> Result<DataFrame> {
        let context = self.session.context();
        if self.session.cluster.is_none() {
            let threads = context.state().config().target_partitions();
            let each = self.rows.len().div_ceil(threads).max(1);
            let mut partitions: Vec<_> = self.rows.chunks(each).map(<[_]>::to_vec).collect();
            if partitions.is_empty() {
                partitions.push(vec![]);
            }
            let table = MemTable::try_new(self.schema, partitions)?;
            return Ok(context.read_table(Arc::new(table))?);
        }
        if !self.rows.is_empty() || self.parts == 0 {
            self.send().await?;
        }
        let folder = self.session.workspace.join("uploads");
        let folder = folder.join(context.session_id()).join(&self.id);
        let url = ListingTableUrl::parse(format!("file://{}/", folder.display()))?;
        let listing = ListingOptions::new(Arc::new(ArrowFormat)).with_file_extension(".arrow");
        let config = ListingTableConfig::new(url)
            .with_listing_options(listing)
            .with_schema(self.schema);
        Ok(context.read_table(Arc::new(ListingTable::try_new(config)?))?)
    }

    async fn send(&mut self) -> Result<()> {
        let Some(cluster) = &self.session.cluster else {
            return Ok(());
        };
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .map_err(arrow_error)?;
        let mut writer =
            FileWriter::try_new_with_options(vec![], &self.schema, options).map_err(arrow_error)?;
        for rows in self.rows.drain(..) {
            writer.write(&rows).map_err(arrow_error)?;
        }
        let file = writer.into_inner().map_err(arrow_error)?;
        let session = self.session.context.session_id();
        cluster.lease(&session).await?;
        let rest = cluster.rest();
        rest.put_upload(&session, &self.id, self.parts, file)
            .await?;
        self.parts += 1;
        self.bytes = 0;
        Ok(())
    }
}

fn arrow_error(e: arrow::error::ArrowError) -> Error {
    Error::invalid(format!("these rows cannot be taken over: {e}"))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain_type(field.data_type());
    Arc::new(field.as_ref().clone().with_data_type(plain))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            DataType::List(plain_field(item))
        }
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(plain_field(item), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
        DataType::Float16 => DataType::Float32,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, DictionaryArray, Int64Array, StringViewArray};
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;
    use crate::master_url::MasterUrl;

    async fn session() -> Session {
        Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn rows_come_in_with_plain_types() {
        let views: StringViewArray = ["a", "b"].into_iter().map(Some).collect();
        let words: DictionaryArray<Int32Type> = vec!["x", "y"].into_iter().collect();
        let batch =
            RecordBatch::try_from_iter([("v", Arc::new(views) as _), ("w", Arc::new(words) as _)])
                .unwrap();
        let session = session().await;
        let mut upload = session.upload(batch.schema_ref());
        upload.push(&batch).await.unwrap();
        let rows = upload.finish().await.unwrap().collect().await.unwrap();
        let types: Vec<_> = rows[0].columns().iter().map(|c| c.data_type()).collect();
        assert_eq!(types, [&DataType::Utf8, &DataType::Utf8]);
        assert_eq!(rows[0].num_rows(), 2);
    }

    #[tokio::test]
    async fn ranges_have_all_their_numbers() {
        let session = session().await;
        for (start, end, step) in [
            (0, 10, 1),
            (0, 200_000, 1),
            (5, -7, -3),
            (3, 3, 1),
            (i64::MAX - 5, i64::MAX, 2),
            (7, 8, 100),
        ] {
            let frame = session.range(start, end, step, None).await.unwrap();
            let rows = frame.collect().await.unwrap();
            let mut got: Vec<i64> = vec![];
            for batch in &rows {
                let ids: &Int64Array = batch.column(0).as_primitive::<Int64Type>();
                got.extend(ids.values());
            }
            let mut expected = vec![];
            let mut at = i128::from(start);
            while (step > 0 && at < i128::from(end)) || (step < 0 && at > i128::from(end)) {
                expected.push(at as i64);
                at += i128::from(step);
            }
            got.sort_unstable();
            expected.sort_unstable();
            assert_eq!(got, expected, "{start} {end} {step}");
        }
        assert!(session.range(0, 1, 0, None).await.is_err());
        // Longer than bounds can be sent for; a limit leaves most of it unmade.
        let long = session.range(0, 10_000_000_000_000, 1, None).await.unwrap();
        let some = long.limit(0, Some(200_000)).unwrap();
        assert_eq!(some.count().await.unwrap(), 200_000);
    }
}
