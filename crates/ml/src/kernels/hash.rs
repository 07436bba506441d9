//! Random numbers that belong to rows rather than to places: the same row draws the same number wherever it is.

const KEYS: [u64; 3] = [
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
];

/// A hash of the numbers of a row. `-0.0` hashes as `0.0`.
///
/// Two numbers at a time are multiplied to 128 bits and folded, as wyhash does.
pub(crate) fn row_hash(seed: u64, row: &[f64]) -> u64 {
    let mut state = mix(seed);
    let (pairs, rest) = row.as_chunks::<2>();
    for [a, b] in pairs {
        state = fold(bits(*a) ^ KEYS[1], bits(*b) ^ state);
    }
    for a in rest {
        state = fold(bits(*a) ^ KEYS[2], state);
    }
    mix(state ^ row.len() as u64)
}

/// A hash of bytes.
pub(crate) fn bytes_hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = mix(seed);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(u64::from_le_bytes(*word) ^ KEYS[1], state);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = fold(u64::from_le_bytes(last) ^ KEYS[2], state);
    mix(state ^ bytes.len() as u64)
}

/// A number in (0, 1) from a hash.
pub(crate) fn uniform(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
}

/// Spreads every bit of `value` over all of them: the finisher of SplitMix64 (G. Steele, D. Lea, C. Flood 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ KEYS[0]) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_grid_are_uniform_and_differ_by_seed() {
        let mut counts = [0_u32; 64];
        let mut same = 0;
        for a in 0..200 {
            for b in 0..200 {
                let row = [f64::from(a), f64::from(b), 1.0];
                let u = uniform(row_hash(7, &row));
                counts[(u * 64.0) as usize] += 1;
                same += u32::from((uniform(row_hash(8, &row)) - u).abs() < 1.0 / 64.0);
            }
        }
        // Chi-squared with 63 degrees of freedom is above 103.4 once in a thousand.
        let expected = 40_000.0 / 64.0;
        let terms = counts
            .iter()
            .map(|c| (f64::from(*c) - expected).powi(2) / expected);
        let chi = terms.sum::<f64>();
        assert!(chi < 103.4, "{chi}");
        // Two uniform numbers are within 1/64 once in 32.3 times: 1240 of 40000, standard deviation 35.
        assert!((1050..1430).contains(&same), "{same}");
        assert_eq!(row_hash(1, &[0.0]), row_hash(1, &[-0.0]));
        assert_ne!(row_hash(1, &[1.0, 2.0]), row_hash(1, &[2.0, 1.0]));
        assert_ne!(row_hash(1, &[0.0]), row_hash(1, &[0.0, 0.0]));
    }
}
