//! The kernel of k-means beside what the machine can do, and the packing of its rows.
//!
//! `items` are floating-point operations: a multiplication and an addition for each row, column and centre. `ceiling_flops`
//! is what one core does in registers, `ceiling_bytes` what it reads from memory.
//!
//! ```text
//! cargo bench -p springald-ml --bench kmeans
//! ```

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use springald_ml::kernels::interleave::{Part, interleave};
use springald_ml::kernels::lloyd::{Centres, LloydSums, Scratch, lloyd_step, nearest};

/// Rows of a batch, as the engine has them.
const BATCH: usize = 8192;

/// Rows, columns and centres.
const SHAPES: [(usize, usize, usize); 7] = [
    (1_000_000, 16, 16),
    (4_000_000, 2, 3),
    (1_000_000, 16, 2),
    (1_000_000, 20, 8),
    (200_000, 16, 100),
    (100_000, 100, 100),
    (20_000, 300, 1000),
];

fn main() {
    divan::main();
}

#[divan::bench(args = SHAPES)]
fn step(bencher: Bencher<'_, '_>, (rows, width, count): (usize, usize, usize)) {
    let (centres, values) = clusters(rows, width, count);
    let mut sums = LloydSums::new(count, width);
    let mut scratch = Scratch::default();
    counted(bencher, rows, width, count).bench_local(|| {
        sums.clear();
        for batch in values.chunks(BATCH * width) {
            lloyd_step(&centres, black_box(batch), None, &mut scratch, &mut sums);
        }
    });
}

#[divan::bench(args = SHAPES)]
fn predict(bencher: Bencher<'_, '_>, (rows, width, count): (usize, usize, usize)) {
    let (centres, values) = clusters(rows, width, count);
    let (mut found, mut distances) = (vec![0; BATCH], vec![0.0; BATCH]);
    let mut scratch = Scratch::default();
    counted(bencher, rows, width, count).bench_local(|| {
        for batch in values.chunks(BATCH * width) {
            let rows = batch.len() / width;
            let (found, distances) = (&mut found[..rows], &mut distances[..rows]);
            nearest(&centres, black_box(batch), &mut scratch, found, distances);
        }
    });
}

#[divan::bench(args = [2, 3, 16, 20, 100])]
fn pack(bencher: Bencher<'_, '_>, width: usize) {
    let columns: Vec<Vec<f64>> = (0..width).map(|at| numbers(at as u64, BATCH)).collect();
    let parts: Vec<Part<'_>> = columns.iter().map(|column| (&column[..], 1)).collect();
    bencher
        .counter(BytesCount::new(8 * BATCH * width))
        .bench_local(|| interleave(black_box(&parts), BATCH));
}

/// Ten independent chains of fused multiplications and additions of four lanes: as many as registers hold, and more than
/// their latency asks for.
#[divan::bench]
fn ceiling_flops(bencher: Bencher<'_, '_>) {
    const ROUNDS: usize = 1_000_000;
    bencher
        .counter(ItemsCount::new(2 * 4 * 10 * ROUNDS))
        .bench_local(|| chains(ROUNDS, black_box(0.999), black_box(0.001)));
}

#[divan::bench]
fn ceiling_bytes(bencher: Bencher<'_, '_>) {
    let values = vec![1.0; 32 << 20];
    bencher
        .counter(BytesCount::of_slice(&values))
        .bench_local(|| {
            let mut sums = [0.0; 32];
            for values in black_box(&values).chunks_exact(32) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            sums
        });
}

#[multiversion::multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn chains(rounds: usize, factor: f64, term: f64) -> [[f64; 4]; 10] {
    let mut chains = [[1.0_f64; 4]; 10];
    for _ in 0..rounds {
        for chain in &mut chains {
            for lane in chain {
                *lane = lane.mul_add(factor, term);
            }
        }
    }
    chains
}

fn counted<'a, 'b>(
    bencher: Bencher<'a, 'b>,
    rows: usize,
    width: usize,
    count: usize,
) -> Bencher<'a, 'b> {
    bencher
        .counter(ItemsCount::new(2 * rows * width * count))
        .counter(BytesCount::new(8 * rows * width))
}

/// Rows around their centres.
fn clusters(rows: usize, width: usize, count: usize) -> (Centres, Vec<f64>) {
    let centres: Vec<f64> = numbers(1, count * width).iter().map(|x| 20.0 * x).collect();
    let mut values = numbers(2, rows * width);
    for (row, values) in values.chunks_exact_mut(width).enumerate() {
        let centre = &centres[row % count * width..][..width];
        values
            .iter_mut()
            .zip(centre)
            .for_each(|(x, c)| *x = 7.0 * *x + c);
    }
    (Centres::new(centres, width), values)
}

/// Numbers from -0.5 to 0.5, by Marsaglia's xorshift.
fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut state = 88_172_645_463_325_252_u64.wrapping_add(seed);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| next()).collect()
}
