//! The moments of 1 M rows of 20 features and a label, beside what one core of this machine can do at most.
//!
//! `Gitem/s` are billions of fused multiply-adds a second, which is twice that in FLOP.

use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use multiversion::multiversion;
use springald_ml::kernels::moments::{Moments, Rows, Scratch};

const ROWS: usize = 1_000_000;
const FEATURES: usize = 20;
/// With the label.
const VARIABLES: usize = FEATURES + 1;
/// Rows of a batch of the engine.
const BATCH: usize = 8192;
const BYTES: usize = ROWS * VARIABLES * size_of::<f64>();
/// Multiply-adds that the upper triangle needs; the kernel's tiles make half as many again.
const PRODUCTS: usize = ROWS * VARIABLES * (VARIABLES + 1) / 2;

static COLUMNS: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
    (0..VARIABLES)
        .map(|j| (0..ROWS).map(|i| ((i * (j + 7)) % 1013) as f64).collect())
        .collect()
});

static VECTORS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (0..ROWS)
        .flat_map(|i| COLUMNS[..FEATURES].iter().map(move |c| c[i]))
        .collect()
});

fn main() {
    divan::main();
}

#[divan::bench]
fn ceiling_read_memory(bencher: Bencher<'_, '_>) {
    let columns = &*COLUMNS;
    bencher
        .counter(BytesCount::new(BYTES))
        .bench(|| columns.iter().map(|c| sum(black_box(c))).sum::<f64>());
}

#[divan::bench]
fn ceiling_multiply_add(bencher: Bencher<'_, '_>) {
    let rounds = 1_000_000_u64;
    bencher
        .counter(ItemsCount::new(rounds * 64))
        .bench(|| multiply_add(black_box(rounds), black_box(0.5)));
}

#[divan::bench]
fn moments_of_columns(bencher: Bencher<'_, '_>) {
    let columns = &*COLUMNS;
    bencher
        .counter(BytesCount::new(BYTES))
        .counter(ItemsCount::new(PRODUCTS))
        .bench(|| {
            let (mut moments, mut scratch) = (Moments::new(VARIABLES), Scratch::default());
            for start in (0..ROWS).step_by(BATCH) {
                let end = ROWS.min(start + BATCH);
                let batch: Vec<&[f64]> = columns.iter().map(|c| &c[start..end]).collect();
                moments.add(Rows::Columns(&batch), None, &mut scratch);
            }
            moments
        });
}

#[divan::bench(args = [false, true])]
fn moments_of_vectors(bencher: Bencher<'_, '_>, weighted: bool) {
    let (vectors, label) = (&*VECTORS, &COLUMNS[FEATURES]);
    let weights = vec![1.5; ROWS];
    bencher
        .counter(BytesCount::new(BYTES))
        .counter(ItemsCount::new(PRODUCTS))
        .bench(|| {
            let (mut moments, mut scratch) = (Moments::new(VARIABLES), Scratch::default());
            for start in (0..ROWS).step_by(BATCH) {
                let end = ROWS.min(start + BATCH);
                let rows = Rows::Vectors {
                    values: &vectors[start * FEATURES..end * FEATURES],
                    width: FEATURES,
                    last: &label[start..end],
                };
                moments.add(rows, weighted.then_some(&weights[start..end]), &mut scratch);
            }
            moments
        });
}

/// 64 independent sums, enough to hide the latency of an addition.
#[multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn multiply_add(rounds: u64, factor: f64) -> [f64; 64] {
    let mut sums = [0.0_f64; 64];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = factor.mul_add(*sum, 1.0);
        }
    }
    sums
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn sum(values: &[f64]) -> f64 {
    let (chunks, _) = values.as_chunks::<32>();
    let mut sums = [0.0; 32];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum()
}
