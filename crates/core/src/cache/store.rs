//! The blocks that one process holds: in memory first, then on disk, the least recently used out first.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::{
    RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter,
};
use futures::stream;
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::allocator;
use crate::error::Error;

/// Batches of a block on disk that are read ahead.
const READ_AHEAD: usize = 2;

/// Bytes held now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub memory: u64,
    pub disk: u64,
}

/// Blocks that were asked for so far, by where they were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    pub memory: u64,
    pub disk: u64,
    /// Not here any more, or never.
    pub missing: u64,
}

/// The blocks of a process. At most `budget` bytes of them are in memory.
#[derive(Debug)]
pub struct BlockStore {
    budget: usize,
    /// Where the folder of evicted blocks is made; the system's temporary folder if `None`.
    base: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blocks: HashMap<String, Held>,
    /// Counts uses: the block with the least `used` goes first.
    clock: u64,
    reads: Reads,
    folder: Option<Arc<TempDir>>,
}

#[derive(Debug)]
struct Held {
    cache: String,
    schema: SchemaRef,
    bytes: usize,
    used: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Memory(Arc<[RecordBatch]>),
    Disk(Arc<OnDisk>),
}

/// A file that lives as long as the block, or somebody who reads it.
#[derive(Debug)]
struct OnDisk {
    path: PathBuf,
    _folder: Arc<TempDir>,
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl BlockStore {
    /// A store of at most `budget` bytes in memory, with its files under `base`.
    pub fn new(budget: usize, base: Option<&Path>) -> Arc<Self> {
        Arc::new(Self {
            budget,
            base: base.map(Path::to_owned),
            state: Mutex::default(),
        })
    }

    /// Begins a block of the cached data called `cache`. Until it is finished its memory counts in `pool`.
    pub(super) fn writer(
        self: &Arc<Self>,
        cache: &str,
        schema: SchemaRef,
        pool: &Arc<dyn MemoryPool>,
    ) -> BlockWriter {
        BlockWriter {
            store: Arc::clone(self),
            cache: cache.to_owned(),
            schema,
            reservation: MemoryConsumer::new("cache").register(pool),
            batches: vec![],
            file: None,
            rows: 0,
            bytes: 0,
            _allocated: allocator::Cached::new(),
        }
    }

    /// The rows of a block, or `None` if it is not here.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn read(&self, block: &str) -> Result<Option<SendableRecordBatchStream>> {
        let (schema, place) = {
            let state = &mut *self.state.lock();
            state.clock += 1;
            let Some(held) = state.blocks.get_mut(block) else {
                state.reads.missing += 1;
                return Ok(None);
            };
            held.used = state.clock;
            match held.place {
                Place::Memory(_) => state.reads.memory += 1,
                Place::Disk(_) => state.reads.disk += 1,
            }
            (Arc::clone(&held.schema), held.place.clone())
        };
        Ok(Some(match place {
            Place::Memory(batches) => {
                let batches = (0..batches.len()).map(move |at| Ok(batches[at].clone()));
                Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
            }
            Place::Disk(file) => read_file(file, schema),
        }))
    }

    /// Forgets the blocks of all cached data whose name begins with `prefix`, but those in `keep`.
    pub fn retain(&self, prefix: &str, keep: &[String]) {
        let state = &mut *self.state.lock();
        state
            .blocks
            .retain(|id, held| !held.cache.starts_with(prefix) || keep.contains(id));
    }

    pub fn reads(&self) -> Reads {
        self.state.lock().reads
    }

    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for held in self.state.lock().blocks.values() {
            match held.place {
                Place::Memory(_) => usage.memory += held.bytes as u64,
                Place::Disk(_) => usage.disk += held.bytes as u64,
            }
        }
        usage
    }

    /// Takes a block in, and moves others to disk until all that is in memory fits.
    fn insert(&self, id: String, held: Held) -> Result<()> {
        if held.bytes <= self.budget {
            let state = &mut *self.state.lock();
            state.blocks.insert(id, held);
        } else {
            let Place::Memory(batches) = &held.place else {
                self.state.lock().blocks.insert(id, held);
                return Ok(());
            };
            let place = Place::Disk(Arc::new(self.write(&held.schema, batches)?));
            self.state.lock().blocks.insert(id, Held { place, ..held });
        }
        while let Some((id, schema, batches)) = self.next_to_evict() {
            let file = Arc::new(self.write(&schema, &batches)?);
            if let Some(held) = self.state.lock().blocks.get_mut(&id) {
                held.place = Place::Disk(file);
            }
        }
        Ok(())
    }

    fn next_to_evict(&self) -> Option<(String, SchemaRef, Arc<[RecordBatch]>)> {
        let state = self.state.lock();
        let in_memory = state
            .blocks
            .iter()
            .filter_map(|(id, held)| match &held.place {
                Place::Memory(batches) => Some((id, held, batches)),
                Place::Disk(_) => None,
            });
        let total: usize = in_memory.clone().map(|(_, held, _)| held.bytes).sum();
        if total <= self.budget {
            return None;
        }
        in_memory
            .min_by_key(|(_, held, _)| held.used)
            .map(|(id, held, batches)| (id.clone(), Arc::clone(&held.schema), Arc::clone(batches)))
    }

    fn write(&self, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<OnDisk> {
        let mut file = self.file(schema)?;
        batches.iter().try_for_each(|batch| file.push(batch))?;
        file.finish()
    }

    fn file(&self, schema: &SchemaRef) -> Result<BlockFile> {
        let folder = {
            let state = &mut *self.state.lock();
            match &state.folder {
                Some(folder) => Arc::clone(folder),
                None => {
                    let base = self.base.clone().unwrap_or_else(std::env::temp_dir);
                    let made = TempDir::with_prefix_in("springald-cache-", &base);
                    let made = Arc::new(made.map_err(|e| cannot_write(&base, &e))?);
                    Arc::clone(state.folder.insert(made))
                }
            }
        };
        let path = folder.path().join(uuid::Uuid::new_v4().to_string());
        let file = File::create(&path).map_err(|e| cannot_write(&path, &e))?;
        let writer = StreamWriter::try_new(BufWriter::new(file), schema)?;
        Ok(BlockFile {
            writer,
            on_disk: OnDisk {
                path,
                _folder: folder,
            },
        })
    }
}

/// A block on its way to disk.
struct BlockFile {
    writer: StreamWriter<BufWriter<File>>,
    on_disk: OnDisk,
}

impl BlockFile {
    fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = self.writer.write(batch);
        written.map_err(|e| cannot_write(&self.on_disk.path, &e))
    }

    fn finish(mut self) -> Result<OnDisk> {
        let done = self.writer.finish();
        done.map_err(|e| cannot_write(&self.on_disk.path, &e))?;
        Ok(self.on_disk)
    }
}

/// A block that is being made. Dropping it unfinished leaves nothing behind.
pub(super) struct BlockWriter {
    store: Arc<BlockStore>,
    cache: String,
    schema: SchemaRef,
    reservation: MemoryReservation,
    batches: Vec<RecordBatch>,
    /// Once the task's memory did not suffice.
    file: Option<BlockFile>,
    rows: u64,
    bytes: usize,
    _allocated: allocator::Cached,
}

impl BlockWriter {
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let (batch, bytes) = compact(batch)?;
        self.rows += batch.num_rows() as u64;
        self.bytes += bytes;
        if self.file.is_none() && self.reservation.try_grow(bytes).is_err() {
            let mut file = self.store.file(&self.schema)?;
            let batches = std::mem::take(&mut self.batches);
            batches.iter().try_for_each(|batch| file.push(batch))?;
            self.reservation.free();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.push(&batch),
            None => {
                self.batches.push(batch);
                Ok(())
            }
        }
    }

    /// Hands the block to the store: its id, rows and bytes; `None` if it has no rows.
    pub(super) fn finish(self) -> Result<Option<(String, u64, u64)>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let place = match self.file {
            Some(file) => Place::Disk(Arc::new(file.finish()?)),
            None => Place::Memory(self.batches.into()),
        };
        let id = uuid::Uuid::new_v4().to_string();
        let used = {
            let state = &mut *self.store.state.lock();
            state.clock += 1;
            state.clock
        };
        let held = Held {
            cache: self.cache,
            schema: self.schema,
            bytes: self.bytes,
            used,
            place,
        };
        self.store.insert(id.clone(), held)?;
        Ok(Some((id, self.rows, self.bytes as u64)))
    }
}

/// The batch and its bytes. One that shows a small part of its buffers (what a filter or a slice leaves) is copied, so
/// that the rest of them is not held with it.
fn compact(batch: &RecordBatch) -> Result<(RecordBatch, usize)> {
    let whole = batch.get_array_memory_size();
    let shown = batch
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size())
        .sum::<Result<usize, _>>()?;
    if whole <= 2 * shown + (64 << 10) {
        return Ok((batch.clone(), whole));
    }
    let all = UInt64Array::from_iter_values(0..batch.num_rows() as u64);
    let copied = take_record_batch(batch, &all)?;
    let bytes = copied.get_array_memory_size();
    Ok((copied, bytes))
}

fn read_file(file: Arc<OnDisk>, schema: SchemaRef) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(schema, READ_AHEAD);
    let rows = builder.tx();
    builder.spawn_blocking(move || {
        let reader = StreamReader::try_new(BufReader::new(File::open(&file.path)?), None)?;
        for batch in reader {
            if rows.blocking_send(Ok(batch?)).is_err() {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

fn cannot_write(path: &Path, e: &dyn std::fmt::Display) -> datafusion::error::DataFusionError {
    Error::failed(format!(
        "cannot write cached data to {}: {e}",
        path.display()
    ))
    .with_hint("free some space there, or cache less")
    .into()
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, UnboundedMemoryPool};
    use futures::TryStreamExt;

    use super::*;

    fn numbers(from: i64, count: i64) -> RecordBatch {
        let numbers = Int64Array::from_iter_values(from..from + count);
        RecordBatch::try_from_iter([("n", Arc::new(numbers) as _)]).unwrap()
    }

    fn put(store: &Arc<BlockStore>, cache: &str, batch: &RecordBatch) -> String {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let mut writer = store.writer(cache, batch.schema(), &pool);
        writer.push(batch).unwrap();
        writer.finish().unwrap().unwrap().0
    }

    async fn rows(store: &BlockStore, block: &str) -> Option<Vec<RecordBatch>> {
        let stream = store.read(block).unwrap()?;
        Some(stream.try_collect().await.unwrap())
    }

    #[tokio::test]
    async fn least_recently_used_blocks_go_to_disk_and_are_still_read() {
        let store = BlockStore::new(20_000, None);
        let batches = [numbers(0, 1000), numbers(1000, 1000), numbers(2000, 1000)];
        let first = put(&store, "a", &batches[0]);
        let second = put(&store, "a", &batches[1]);
        assert_eq!(store.usage().disk, 0);
        assert!(rows(&store, &first).await.is_some());
        let third = put(&store, "a", &batches[2]);
        assert!(store.usage().memory <= 20_000 && store.usage().disk > 0);
        {
            let state = store.state.lock();
            assert!(matches!(state.blocks[&second].place, Place::Disk(_)));
            assert!(matches!(state.blocks[&first].place, Place::Memory(_)));
        }
        for (block, batch) in [first, second, third].iter().zip(batches) {
            assert_eq!(rows(&store, block).await.unwrap(), [batch]);
        }
        assert!(store.read("none").unwrap().is_none());
        let reads = Reads {
            memory: 3,
            disk: 1,
            missing: 1,
        };
        assert_eq!(store.reads(), reads);
    }

    #[tokio::test]
    async fn a_block_larger_than_its_tasks_memory_goes_to_disk_at_once() {
        let store = BlockStore::new(1 << 20, None);
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(10_000));
        let batches = [numbers(0, 1000), numbers(1000, 1000)];
        let mut writer = store.writer("a", batches[0].schema(), &pool);
        batches.iter().for_each(|batch| writer.push(batch).unwrap());
        let (block, count, _) = writer.finish().unwrap().unwrap();
        assert_eq!((count, pool.reserved(), store.usage().memory), (2000, 0, 0));
        assert_eq!(rows(&store, &block).await.unwrap(), batches);
    }

    #[tokio::test]
    async fn forgotten_blocks_and_their_files_go() {
        let store = BlockStore::new(0, None);
        let kept = put(&store, "s1-a", &numbers(0, 10));
        let gone = put(&store, "s1-b", &numbers(0, 10));
        let other = put(&store, "s2-a", &numbers(0, 10));
        let folder = store.state.lock().folder.clone().unwrap();
        store.retain("s1", std::slice::from_ref(&kept));
        assert!(rows(&store, &gone).await.is_none());
        assert!(rows(&store, &kept).await.is_some() && rows(&store, &other).await.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn slices_are_copied_out_of_large_buffers() {
        let large = numbers(0, 100_000);
        let (small, bytes) = compact(&large.slice(500, 10)).unwrap();
        assert_eq!(small, numbers(500, 10));
        assert!(bytes < 10_000);
    }

    #[test]
    fn nothing_is_held_for_no_rows() {
        let store = BlockStore::new(1, None);
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let mut writer = store.writer("a", numbers(0, 0).schema(), &pool);
        writer.push(&numbers(0, 0)).unwrap();
        assert!(writer.finish().unwrap().is_none());
    }
}
