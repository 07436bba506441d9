//! A hash table from words to counts.

/// Words of up to this many bytes are held in the slot itself.
const INLINE_BYTES: usize = 16;
const FIRST_SLOTS: usize = 1 << 12;
/// The table is full at these many slots, half of them used, 32 MiB…
const MAX_SLOTS: usize = 1 << 20;
/// …or with this many bytes of longer words.
const MAX_ARENA_BYTES: usize = 32 * 1024 * 1024;

/// Counts words given as bytes.
///
/// Open addressing with linear probing over slots of 32 bytes. Most words of most languages fit in
/// a slot, so finding one takes one hash, and mostly one cache line and two comparisons of 8 bytes;
/// longer ones lie in an arena. No word is ever a `String`.
pub(crate) struct WordTable {
    slots: Vec<Slot>,
    used: usize,
    arena: Vec<u8>,
}

/// A word and its count; empty if the count is 0.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// The bytes, with zeros after them; of a longer word its hash and its place in the arena.
    low: u64,
    high: u64,
    length: u32,
    count: u64,
}

impl WordTable {
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); FIRST_SLOTS],
            used: 0,
            arena: Vec::new(),
        }
    }

    /// Counts `word` once.
    pub(crate) fn add(&mut self, word: &[u8]) {
        if word.len() > INLINE_BYTES {
            return self.add_long(word);
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..word.len()].copy_from_slice(word);
        self.add_inline(u128::from_le_bytes(bytes), word.len());
    }

    /// Counts the word of the first `length` bytes of `bytes`, in the order of memory, once.
    /// The bytes after them are zero.
    #[inline]
    pub(crate) fn add_inline(&mut self, bytes: u128, length: usize) {
        let (low, high) = (bytes as u64, (bytes >> 64) as u64);
        let length = length as u32;
        let mask = self.slots.len() - 1;
        let mut at = hash(low, high) as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.low == low && slot.high == high && slot.length == length {
                slot.count += 1;
                return;
            }
            if slot.count == 0 {
                *slot = Slot {
                    low,
                    high,
                    length,
                    count: 1,
                };
                return self.grow_if_needed();
            }
            at = (at + 1) & mask;
        }
    }

    fn add_long(&mut self, word: &[u8]) {
        let low = long_hash(word);
        // Fits: a word is shorter than MAX_RECORD_BYTES.
        let length = word.len() as u32;
        let mask = self.slots.len() - 1;
        let mut at = low as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.count == 0 {
                let high = self.arena.len() as u64;
                *slot = Slot {
                    low,
                    high,
                    length,
                    count: 1,
                };
                self.arena.extend_from_slice(word);
                return self.grow_if_needed();
            }
            let start = slot.high as usize;
            if slot.low == low
                && slot.length == length
                && self.arena.get(start..start + word.len()) == Some(word)
            {
                slot.count += 1;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Whether the words should be taken out before more are added.
    pub(crate) fn is_full(&self) -> bool {
        self.used * 2 >= MAX_SLOTS || self.arena.len() >= MAX_ARENA_BYTES
    }

    /// Calls `word` with each word and its count from slot `from` on, until it returns `false`.
    /// Returns the slot to go on from, `None` at the end.
    pub(crate) fn each(
        &self,
        from: usize,
        mut word: impl FnMut(&[u8], u64) -> bool,
    ) -> Option<usize> {
        for (at, slot) in self.slots.iter().enumerate().skip(from) {
            if slot.count == 0 {
                continue;
            }
            let length = slot.length as usize;
            let mut inline = [0; INLINE_BYTES];
            let bytes = if length <= INLINE_BYTES {
                inline[..8].copy_from_slice(&slot.low.to_le_bytes());
                inline[8..].copy_from_slice(&slot.high.to_le_bytes());
                &inline[..length]
            } else {
                &self.arena[slot.high as usize..slot.high as usize + length]
            };
            if !word(bytes, slot.count) {
                return Some(at + 1);
            }
        }
        None
    }

    /// Forgets all words.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.used = 0;
        self.arena.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    #[inline]
    fn grow_if_needed(&mut self) {
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let bigger = vec![Slot::default(); self.slots.len() * 2];
        let mask = bigger.len() - 1;
        let old = std::mem::replace(&mut self.slots, bigger);
        for slot in old.into_iter().filter(|slot| slot.count > 0) {
            let hash = if slot.length as usize <= INLINE_BYTES {
                hash(slot.low, slot.high)
            } else {
                slot.low
            };
            let mut at = hash as usize & mask;
            while self.slots[at].count > 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// Two odd numbers without pattern: digits of pi.
const K0: u64 = 0x243f_6a88_85a3_08d3;
const K1: u64 = 0x1319_8a2e_0370_7345;

/// Folded multiplication, as wyhash and foldhash do it: the low bits depend on all of the input.
#[inline]
fn hash(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ K0) * u128::from(high ^ K1);
    product as u64 ^ (product >> 64) as u64
}

fn long_hash(word: &[u8]) -> u64 {
    let mut state = word.len() as u64;
    for chunk in word.chunks(INLINE_BYTES) {
        let mut bytes = [0; INLINE_BYTES];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let bytes = u128::from_le_bytes(bytes);
        state = hash(state ^ bytes as u64, (bytes >> 64) as u64).wrapping_add(K0);
    }
    state
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn counts_words_of_every_length() {
        let mut table = WordTable::new();
        let mut expected = HashMap::new();
        for number in 0..20_000_u64 {
            // Prefixes of one string, with zero bytes in them, so that equal bytes of different
            // length meet.
            let mut word = (number % 5_000).to_string().into_bytes();
            word.resize(1 + (number % 40) as usize, 0);
            table.add(&word);
            *expected.entry(word).or_insert(0) += 1;
        }
        let mut counted = HashMap::new();
        let mut from = Some(0);
        while let Some(at) = from {
            // Stops after every word, to be taken up again.
            from = table.each(at, |word, count| {
                assert_eq!(counted.insert(word.to_vec(), count), None);
                false
            });
        }
        assert_eq!(counted, expected);
        assert!(!table.is_full());
        table.clear();
        assert!(table.is_empty());
        assert_eq!(table.each(0, |_, _| true), None);
    }

    #[test]
    fn is_full_before_it_takes_much_memory() {
        let mut many = WordTable::new();
        for number in 0.. {
            if many.is_full() {
                break;
            }
            many.add(format!("{number}").as_bytes());
        }
        assert_eq!(many.slots.len(), MAX_SLOTS);

        let mut long = WordTable::new();
        for number in 0..=4_u8 {
            assert_eq!(long.is_full(), number == 4);
            long.add(&vec![number; 8 * 1024 * 1024]);
        }
    }
}
