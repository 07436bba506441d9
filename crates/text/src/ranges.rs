//! The bytes of the records that start in a range of a file.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::common::exec_err;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::Result;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::blocks::read_blocks;
use crate::breaks::Breaks;
use crate::compression::decompress;

/// Bytes read beyond the range for the end of its last record, doubled at each further try.
const LOOK_AHEAD_BYTES: u64 = 16 * 1024;
const MAX_LOOK_AHEAD_BYTES: u64 = 8 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Yields the bytes of the records that start in a range, whole, and nothing else.
///
/// ```text
///           start                end
///             v                   v
///  ..one line\nanother line\na third line\nthe rest..
///               |-- owned ----------------|
/// ```
/// The range's first byte starts a record only if the byte before it is a break, so reading begins
/// there and skips to the first break. The last record owned is the one with the byte `end - 1`.
pub(crate) struct RangeReader {
    store: Arc<dyn ObjectStore>,
    location: Path,
    breaks: Breaks,
    blocks: BoxStream<'static, Result<Bytes>>,
    /// Where in the file the next block starts.
    position: u64,
    /// Where `blocks` ends; `None` for a compressed file, of which nobody knows it.
    fetched: Option<u64>,
    range: Range<u64>,
    size: u64,
    look_ahead: u64,
    state: State,
}

#[derive(PartialEq)]
enum State {
    /// Looking for the start of the first record.
    Skipping,
    Reading,
    Done,
}

impl RangeReader {
    /// Starts to read the range of `file`, or all of it if it has none.
    ///
    /// # Errors
    /// If the file cannot be opened, or has a range though it is compressed.
    pub(crate) async fn open(
        store: Arc<dyn ObjectStore>,
        file: &PartitionedFile,
        compression: FileCompressionType,
        breaks: Breaks,
    ) -> Result<Self> {
        let location = file.object_meta.location.clone();
        let size = file.object_meta.size;
        let (start, end) = file.range();
        let mut range = start.min(size)..end.min(size);
        let compressed = compression.is_compressed();
        if compressed && range != (0..size) {
            return exec_err!("{location} is compressed: it cannot be read from byte {start}");
        }
        let fetch = range.start.saturating_sub(1)..range.end;
        let (mut blocks, state) = if range.is_empty() {
            (futures::stream::empty().boxed(), State::Done)
        } else {
            let blocks = read_blocks(store.as_ref(), &location, fetch.clone()).await?;
            let state = if start == 0 {
                State::Reading
            } else {
                State::Skipping
            };
            (blocks, state)
        };
        if compressed {
            blocks = decompress(compression, blocks);
            range.end = u64::MAX;
        }
        Ok(Self {
            store,
            location,
            breaks,
            blocks,
            position: fetch.start,
            fetched: (!compressed).then_some(fetch.end),
            range,
            size,
            look_ahead: LOOK_AHEAD_BYTES,
            state,
        })
    }

    /// The next bytes, never empty; `None` after the last record.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.state != State::Done {
            let Some(block) = self.blocks.next().await else {
                self.look_further().await?;
                continue;
            };
            let owned = self.owned_part(block?);
            if !owned.is_empty() {
                return Ok(Some(owned));
            }
        }
        Ok(None)
    }

    /// Cuts from `block` what belongs to records of other ranges.
    fn owned_part(&mut self, mut block: Bytes) -> Bytes {
        let mut start = self.position;
        self.position += block.len() as u64;
        if self.state == State::Skipping {
            let Some(found) = self.breaks.find(&block) else {
                return Bytes::new();
            };
            block.advance(found + 1);
            start += found as u64 + 1;
            if start >= self.range.end {
                self.state = State::Done;
                return Bytes::new();
            }
            self.state = State::Reading;
        } else if start == 0 && block.starts_with(BYTE_ORDER_MARK) {
            block.advance(BYTE_ORDER_MARK.len());
            start += BYTE_ORDER_MARK.len() as u64;
        }
        if self.position >= self.range.end {
            let last = (self.range.end - 1).saturating_sub(start) as usize;
            if let Some(found) = self.breaks.find(&block[last..]) {
                block.truncate(last + found + 1);
                self.state = State::Done;
            }
        }
        block
    }

    /// When the range is read: goes on to the end of its last record, if that is behind it.
    async fn look_further(&mut self) -> Result<()> {
        let Some(fetched) = self.fetched else {
            self.state = State::Done;
            return Ok(());
        };
        if self.position < fetched {
            return exec_err!(
                "{} ends at byte {}, but had {} bytes when it was listed: it was changed while it \
                 was read. Run the query again",
                self.location,
                self.position,
                self.size
            );
        }
        if fetched == self.size || self.state == State::Skipping {
            self.state = State::Done;
            return Ok(());
        }
        let more = fetched..(fetched + self.look_ahead).min(self.size);
        self.look_ahead = (self.look_ahead * 2).min(MAX_LOOK_AHEAD_BYTES);
        self.fetched = Some(more.end);
        self.blocks = read_blocks(self.store.as_ref(), &self.location, more).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use object_store::chunked::ChunkedStore;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;

    const CONTENTS: [&str; 10] = [
        "",
        "\n",
        "\n\n\n",
        "no line end",
        "one\ntwo\nthree\n",
        "one\r\n\r\ntwo\r\nno end",
        "\u{e9}\u{20ac}\n\u{1f980} \u{1f980}\n\u{e9}",
        "a bb  ccc\tdddd\n\n eeeee \u{a0}f",
        "   spaces first",
        "one very long record that is behind several of the ranges in full, then\nx\n",
    ];

    async fn stores(content: &str) -> Vec<(Arc<dyn ObjectStore>, PartitionedFile)> {
        let path = Path::from("file");
        let memory = Arc::new(InMemory::new());
        let payload = PutPayload::from(content.as_bytes().to_vec());
        memory.put(&path, payload.clone()).await.unwrap();
        let folder = tempfile::tempdir().unwrap().keep();
        let local = LocalFileSystem::new_with_prefix(folder).unwrap();
        local.put(&path, payload).await.unwrap();
        let stores: [Arc<dyn ObjectStore>; 4] = [
            Arc::new(ChunkedStore::new(memory.clone(), 1)),
            Arc::new(ChunkedStore::new(memory.clone(), 3)),
            memory,
            Arc::new(local.with_automatic_cleanup(true)),
        ];
        let file = PartitionedFile::new("file", content.len() as u64);
        stores
            .into_iter()
            .map(|store| (store, file.clone()))
            .collect()
    }

    async fn read(
        store: &Arc<dyn ObjectStore>,
        file: &PartitionedFile,
        breaks: Breaks,
    ) -> Result<Bytes> {
        let store = Arc::clone(store);
        let mut reader =
            RangeReader::open(store, file, FileCompressionType::UNCOMPRESSED, breaks).await?;
        let mut all = BytesMut::new();
        while let Some(block) = reader.next().await? {
            assert!(!block.is_empty());
            all.extend_from_slice(&block);
        }
        Ok(all.freeze())
    }

    #[tokio::test]
    async fn ranges_of_every_size_lose_and_double_nothing() {
        for content in CONTENTS {
            for (store, file) in stores(content).await {
                for breaks in [Breaks::Newline, Breaks::Whitespace, Breaks::separators("e")] {
                    for size in 1..=content.len().max(1) {
                        let mut parts = Vec::new();
                        for start in (0..content.len()).step_by(size) {
                            let end = (start + size).min(content.len());
                            let part = file.clone().with_range(start as i64, end as i64);
                            parts.push(read(&store, &part, breaks.clone()).await.unwrap());
                        }
                        assert_eq!(parts.concat(), content.as_bytes(), "{content:?} by {size}");
                        // Each part is whole records: it ends with a break, or the file does.
                        let last = parts.iter().rposition(|part| !part.is_empty());
                        for part in &parts[..last.unwrap_or(0)] {
                            assert!(part.last().is_none_or(|&byte| breaks.contains(byte)));
                        }
                    }
                    assert_eq!(
                        read(&store, &file, breaks).await.unwrap(),
                        content.as_bytes()
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn a_byte_order_mark_is_dropped_at_the_start_only() {
        let content = "\u{feff}one\n\u{feff}two\n";
        for (store, file) in stores(content).await.into_iter().skip(1) {
            let all = read(&store, &file, Breaks::Newline).await.unwrap();
            assert_eq!(all, "one\n\u{feff}two\n");
        }
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        for (store, mut file) in stores("one\ntwo\n").await {
            file.object_meta.size = 20;
            let error = read(&store, &file, Breaks::Newline).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("it was changed while it was read"),
                "{error}"
            );
        }
    }
}
