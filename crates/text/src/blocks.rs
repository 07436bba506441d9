//! Reading a piece of a file in blocks.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore};

/// Bytes read from a local file at a time. Object stores choose their own.
const BLOCK_BYTES: u64 = 1024 * 1024;

/// The bytes `range` of the file at `location`, in blocks.
///
/// A local file is read by a blocking thread that is one block ahead of the consumer: the store's
/// own stream would wake a thread for every 8 KiB.
pub(crate) async fn read_blocks(
    store: &dyn ObjectStore,
    location: &Path,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    if range.is_empty() {
        return Ok(stream::empty().boxed());
    }
    let options = GetOptions {
        range: Some(GetRange::Bounded(range)),
        ..Default::default()
    };
    let result = store.get_opts(location, options).await?;
    let range = result.range.clone();
    Ok(match result.payload {
        GetResultPayload::File(file, _) => local_blocks(file, range),
        GetResultPayload::Stream(stream) => stream.map_err(DataFusionError::from).boxed(),
    })
}

fn local_blocks(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    let first = read_ahead(file, Some(range.start), range.end - range.start);
    stream::try_unfold(Some(first), |task| async move {
        let Some(task) = task else { return Ok(None) };
        let (file, block, left) = task.await.map_err(io::Error::other)??;
        // A file that ends too soon is the caller's to notice: it knows how much it asked for.
        let next = (left > 0 && !block.is_empty()).then(|| read_ahead(file, None, left));
        Ok((!block.is_empty()).then_some((Bytes::from(block), next)))
    })
    .boxed()
}

type Ahead = SpawnedTask<io::Result<(File, Vec<u8>, u64)>>;

fn read_ahead(mut file: File, seek: Option<u64>, left: u64) -> Ahead {
    SpawnedTask::spawn_blocking(move || {
        if let Some(start) = seek {
            file.seek(SeekFrom::Start(start))?;
        }
        let wanted = left.min(BLOCK_BYTES);
        let mut block = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        let read = file.by_ref().take(wanted).read_to_end(&mut block)?;
        Ok((file, block, left - read as u64))
    })
}
