//! Counting the words of a range.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::arrow::array::{ArrayBuilder, ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use unicode_segmentation::UnicodeSegmentation;

use crate::breaks::Breaks;
use crate::lines::check_length;
use crate::records::Decoder;
use crate::word_count::{self, Tokens, WordCountOptions};
use crate::word_table::WordTable;

/// A batch of long words is handed on when it has this many bytes.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Bytes counted between two looks at how full the table is.
const PART_BYTES: usize = 64 * 1024;

/// Counts what stands between breaks, and makes words of that when it hands the counts on.
///
/// So everything that costs time (checking UTF-8, Unicode's rules, lower case, stop words) is done
/// once for each distinct run of bytes, not once for each that is read.
pub(crate) struct WordDecoder {
    schema: SchemaRef,
    batch_size: usize,
    breaks: Breaks,
    words: Words,
    /// The start of a run that goes on in the next block.
    carry: Vec<u8>,
    table: WordTable,
    /// The slot to go on from, while the table is being handed on.
    emitting: Option<usize>,
}

impl WordDecoder {
    pub(crate) fn new(options: &WordCountOptions, schema: SchemaRef, batch_size: usize) -> Self {
        Self {
            schema,
            batch_size,
            breaks: options.tokens.breaks(),
            words: Words {
                options: options.clone(),
            },
            carry: Vec::new(),
            table: WordTable::new(),
            emitting: None,
        }
    }

    /// Counts all runs in `block` but the one at its end, which may go on.
    fn count(&mut self, mut block: &[u8]) -> Result<()> {
        if !self.carry.is_empty() {
            let end = self.breaks.find(block).unwrap_or(block.len());
            self.carry.extend_from_slice(&block[..end]);
            check_length(self.carry.len())?;
            block = &block[end..];
            if block.is_empty() {
                return Ok(());
            }
            self.table.add(&self.carry);
            self.carry.clear();
        }
        let rest = match &self.breaks {
            Breaks::Whitespace => count_between_whitespace(&mut self.table, block),
            breaks => count_between(&mut self.table, block, breaks),
        };
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    /// The next batch of the table; clears the table at its end.
    fn emit(&mut self, from: usize) -> Result<Option<RecordBatch>> {
        let mut words = StringBuilder::new();
        let mut counts = Int64Builder::new();
        let batch_size = self.batch_size;
        self.emitting = self.table.each(from, |run, count| {
            self.words.each(run, |word| {
                words.append_value(word);
                counts.append_value(count as i64);
            });
            counts.len() < batch_size && words.values_slice().len() < MAX_BATCH_BYTES
        });
        if self.emitting.is_none() {
            self.table.clear();
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(words.finish()), Arc::new(counts.finish())];
        let all = word_count::schema();
        let wanted = self
            .schema
            .fields()
            .iter()
            .map(|field| all.index_of(field.name()));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(all, columns)?.project(&wanted)?;
        Ok((batch.num_rows() > 0).then_some(batch))
    }
}

impl Decoder for WordDecoder {
    fn decode(&mut self, block: &mut Bytes) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(from) = self.emitting {
                if let Some(batch) = self.emit(from)? {
                    return Ok(Some(batch));
                }
            } else if block.is_empty() {
                return Ok(None);
            } else {
                // A part of a block at a time, so that the table is never much beyond full.
                let part = block.len().min(PART_BYTES);
                self.count(&block[..part])?;
                block.advance(part);
                self.emitting = self.table.is_full().then_some(0);
            }
        }
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if !self.carry.is_empty() {
            self.table.add(&self.carry);
            self.carry.clear();
        }
        if !self.table.is_empty() {
            self.emitting.get_or_insert(0);
        }
        while let Some(from) = self.emitting {
            if let Some(batch) = self.emit(from)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

/// Counts the runs between the breaks of `block`, and returns the one at its end.
fn count_between<'a>(table: &mut WordTable, block: &'a [u8], breaks: &Breaks) -> &'a [u8] {
    let mut rest = block;
    while let Some(end) = breaks.find(rest) {
        if end > 0 {
            table.add(&rest[..end]);
        }
        rest = &rest[end + 1..];
    }
    rest
}

/// [`count_between`] for white space, 16 bytes at a time.
fn count_between_whitespace<'a>(table: &mut WordTable, block: &'a [u8]) -> &'a [u8] {
    let mut rest = block;
    while let Some(bytes) = rest.first_chunk::<16>() {
        let bytes = u128::from_le_bytes(*bytes);
        let length = (up_to_space(bytes).trailing_zeros() / 8) as usize;
        if length == 16 || !Breaks::Whitespace.contains(rest[length]) {
            // A long run, or a control character, which is part of a run: look at each byte.
            let Some(end) = Breaks::Whitespace.find(rest) else {
                return rest;
            };
            table.add(&rest[..end]);
            rest = &rest[end + 1..];
            continue;
        }
        if length > 0 {
            table.add_inline(bytes, length);
        }
        rest = &rest[length + 1..];
    }
    count_between(table, rest, &Breaks::Whitespace)
}

/// Sets the highest bit of the first byte that is at most a space, and perhaps of later bytes.
///
/// The usual trick to find a byte below `n`, here 0x21: subtracting `n` borrows into the highest
/// bit, which was not set. A borrow can run on into later bytes only from one that is found.
fn up_to_space(bytes: u128) -> u128 {
    const EACH: u128 = u128::MAX / 0xff;
    bytes.wrapping_sub(EACH * 0x21) & !bytes & (EACH * 0x80)
}

/// Makes words of runs.
struct Words {
    options: WordCountOptions,
}

impl Words {
    /// Calls `word` with each word of `run` that is to be counted.
    fn each(&self, run: &[u8], mut word: impl FnMut(&str)) {
        let text = String::from_utf8_lossy(run);
        let mut add = |token: &str| self.add(token, &mut word);
        match &self.options.tokens {
            // The ASCII separators are breaks already.
            Tokens::Whitespace | Tokens::Separators(_) if text.is_ascii() => add(&text),
            Tokens::Whitespace => text.split_whitespace().for_each(add),
            Tokens::UnicodeWords => text.unicode_words().for_each(add),
            Tokens::Separators(separators) => text
                .split(|c| separators.contains(c))
                .filter(|token| !token.is_empty())
                .for_each(add),
        }
    }

    fn add(&self, token: &str, word: &mut impl FnMut(&str)) {
        let options = &self.options;
        let lower;
        let token = if options.lowercase {
            lower = token.to_lowercase();
            &lower
        } else {
            token
        };
        let long_enough = options.min_length <= 1 || token.chars().count() >= options.min_length;
        if long_enough && !options.stop_words.contains(token) {
            word(token);
        }
    }
}
