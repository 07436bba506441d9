//! Text whose words are as unevenly common as those of a language.

use std::path::PathBuf;

use super::files::{Made, Output, Progress, TextFile, Total};
use super::rng::Rng;
use crate::cli::bytes;
use crate::error::Result;

/// Different words there are.
const WORDS: usize = 200_000;
/// The word of rank r is r^-EXPONENT times as common as the first.
const EXPONENT: f64 = 1.05;
const WORDS_A_LINE: usize = 12;
/// Bytes between two looks at whether to go on.
const STEP: usize = 1 << 20;

/// Text files of Zipf-distributed words, 12 a line
#[derive(Debug, clap::Args)]
pub(super) struct TextArgs {
    /// Size of all files together
    #[arg(long, value_name = "SIZE", default_value = "100MB", value_parser = bytes)]
    size: u64,

    /// Number of files
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    files: u16,

    /// Another seed makes other text
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn make(args: &TextArgs, output: &Output) -> Result<Vec<Made>> {
    output.prepare(&output.folder)?;
    let words = Words::new();
    let each = args.size.div_ceil(u64::from(args.files));
    let made = output.each(
        "text",
        args.files.into(),
        Total::Bytes(args.size),
        |i, progress| {
            let path = output.folder.join(format!("part-{i:05}.txt"));
            one(path, each, &words, Rng::new(args.seed, i as u64), progress)
        },
    )?;
    Ok(vec![made])
}

/// One file of whole lines, the first size past `bytes`.
fn one(
    path: PathBuf,
    bytes: u64,
    words: &Words,
    mut rng: Rng,
    progress: &Progress,
) -> Result<Made> {
    let mut file = TextFile::create(path)?;
    let mut lines = 0;
    let mut buffer = Vec::with_capacity(STEP + 256);
    while file.bytes() < bytes {
        let room = (bytes - file.bytes()).min(STEP as u64) as usize;
        buffer.clear();
        while buffer.len() < room {
            for i in 0..WORDS_A_LINE {
                if i > 0 {
                    buffer.push(b' ');
                }
                buffer.extend_from_slice(words.draw(&mut rng));
            }
            buffer.push(b'\n');
            lines += 1;
        }
        file.write(&buffer)?;
        progress.step(buffer.len() as u64)?;
    }
    file.finish(lines)
}

/// The words with a way to draw one in constant time (Walker's alias method, as Vose builds it).
struct Words {
    /// All words, one after the other, and where each begins.
    text: Vec<u8>,
    starts: Vec<u32>,
    /// Of each slot: the chance to keep it, and the word to take else.
    slots: Vec<(f64, u32)>,
}

impl Words {
    fn new() -> Self {
        let mut text = Vec::new();
        let mut starts = vec![0];
        for rank in 0..WORDS {
            push_word(rank, &mut text);
            starts.push(text.len() as u32);
        }
        let weights = (1..=WORDS)
            .map(|rank| (rank as f64).powf(-EXPONENT))
            .collect();
        Self {
            text,
            starts,
            slots: alias_slots(weights),
        }
    }

    fn draw(&self, rng: &mut Rng) -> &[u8] {
        let slot = rng.below(WORDS as u64) as usize;
        let (keep, other) = self.slots[slot];
        let word = if rng.uniform() < keep {
            slot
        } else {
            other as usize
        };
        &self.text[self.starts[word] as usize..self.starts[word + 1] as usize]
    }
}

fn alias_slots(weights: Vec<f64>) -> Vec<(f64, u32)> {
    let n = weights.len();
    let mean = weights.iter().sum::<f64>() / n as f64;
    let mut chances: Vec<f64> = weights.into_iter().map(|w| w / mean).collect();
    let mut slots: Vec<(f64, u32)> = (0..n).map(|i| (1.0, i as u32)).collect();
    let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| chances[i] < 1.0);
    while let (Some(little), Some(&much)) = (small.pop(), large.last()) {
        slots[little] = (chances[little], much as u32);
        chances[much] -= 1.0 - chances[little];
        if chances[much] < 1.0 {
            large.pop();
            small.push(much);
        }
    }
    slots
}

/// The word of a rank: two syllables for the hundred most common, three up to rank 10,000, then four. The
/// syllables but the last spell the rank, so no two words are the same.
fn push_word(rank: usize, text: &mut Vec<u8>) {
    const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
    const VOWELS: &[u8; 5] = b"aeiou";
    let mut syllable = |n: usize| {
        text.push(CONSONANTS[n / 5 % 20]);
        text.push(VOWELS[n % 5]);
    };
    if rank >= 10_000 {
        syllable(rank / 10_000);
    }
    if rank >= 100 {
        syllable(rank / 100 % 100);
    }
    syllable(rank % 100);
    // Something that looks no more like a number than the rest does.
    syllable(rank.wrapping_mul(37) / 7 % 100);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::files::testing;
    use super::*;

    fn args() -> TextArgs {
        TextArgs {
            size: 3_000_000,
            files: 3,
            seed: 5,
        }
    }

    #[test]
    fn words_are_all_different() {
        let words = Words::new();
        let mut all: Vec<&[u8]> = words
            .starts
            .windows(2)
            .map(|at| &words.text[at[0] as usize..at[1] as usize])
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), WORDS);
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let (first, output) = testing::output();
        let made = make(&args(), &output).unwrap();
        let (second, mut output) = testing::output();
        output.threads = 1;
        make(&args(), &output).unwrap();
        let contents = testing::contents(first.path());
        assert!(contents == testing::contents(second.path()));
        assert_eq!(contents.len(), 3);
        assert_ne!(contents[0].1, contents[1].1);
        assert!(
            made[0].bytes >= 3_000_000 && made[0].bytes < 3_001_000,
            "{made:?}"
        );

        let (third, output) = testing::output();
        make(&TextArgs { seed: 6, ..args() }, &output).unwrap();
        assert!(contents != testing::contents(third.path()));
    }

    #[test]
    fn the_shape_is_zipf() {
        let (folder, output) = testing::output();
        let made = make(&args(), &output).unwrap();
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut lines = 0;
        for (_, text) in testing::contents(folder.path()) {
            for line in String::from_utf8(text).unwrap().lines() {
                assert_eq!(line.split(' ').count(), WORDS_A_LINE);
                lines += 1;
                for word in line.split(' ') {
                    *counts.entry(word.to_owned()).or_default() += 1;
                }
            }
        }
        assert_eq!(lines, made[0].rows);
        let mut counts: Vec<u64> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let ratio = counts[0] as f64 / counts[9] as f64;
        assert!((ratio / 10f64.powf(EXPONENT) - 1.0).abs() < 0.1, "{ratio}");
        assert!(counts.len() > 20_000, "{}", counts.len());
    }
}
