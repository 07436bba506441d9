//! Cutting blocks of bytes into lines.

use bytes::{Buf, Bytes};
use datafusion::common::exec_err;
use datafusion::error::Result;

/// The longest record: more than that is not a file of lines or words, and would not fit in the
/// memory of a task.
pub(crate) const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// Cuts blocks into lines, and puts a line that runs over the end of a block together.
#[derive(Default)]
pub(crate) struct Lines {
    carry: Vec<u8>,
}

impl Lines {
    /// Takes the next line, without its `\n`, from the front of `block`; `None` when the rest of
    /// the block is the start of a line.
    pub(crate) fn next(&mut self, block: &mut Bytes) -> Result<Option<Bytes>> {
        let Some(end) = memchr::memchr(b'\n', block) else {
            self.carry.extend_from_slice(block);
            block.clear();
            check_length(self.carry.len())?;
            return Ok(None);
        };
        let line = block.split_to(end);
        block.advance(1);
        if self.carry.is_empty() {
            return Ok(Some(line));
        }
        self.carry.extend_from_slice(&line);
        Ok(self.finish())
    }

    /// After the last block: the line without a line end, if there is one.
    pub(crate) fn finish(&mut self) -> Option<Bytes> {
        let line = std::mem::take(&mut self.carry);
        (!line.is_empty()).then(|| line.into())
    }
}

/// Refuses a record of `bytes` so far, if that is too long.
pub(crate) fn check_length(bytes: usize) -> Result<()> {
    if bytes > MAX_RECORD_BYTES {
        return exec_err!(
            "a line or word is longer than {} MiB: is this a text file? If it is compressed, give \
             its compression or its usual file ending",
            MAX_RECORD_BYTES >> 20
        );
    }
    Ok(())
}
