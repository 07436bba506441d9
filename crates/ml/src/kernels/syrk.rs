//! The symmetric product `ZᵀZ` of a block of rows, in registers.
//!
//! `Z` comes in panels of [`LANES`] columns, each row by row, so that a step of the inner loop reads one line of a
//! panel and multiplies it with single numbers of another: 4 × 8 sums (8 × 8 where registers are twice as long) stay in
//! registers over all rows.

use multiversion::multiversion;
use multiversion::target::match_target;

/// Columns of a panel.
pub(crate) const LANES: usize = 8;

/// What a step of [`add_products`] adds beside the products.
#[derive(Clone, Copy)]
pub(crate) struct Totals<'a> {
    pub(crate) sums: &'a [f64],
    pub(crate) scale: f64,
    pub(crate) low: &'a [f64],
    pub(crate) weight: f64,
}

/// Adds `ZᵀZ − scale · sums sumsᵀ + weight · low lowᵀ` to a packed upper triangle of `columns` variables.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+avx512bw+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub(crate) fn add_products(
    panels: &[f64],
    rows: usize,
    columns: usize,
    totals: Totals<'_>,
    triangle: &mut [f64],
) {
    match_target! {
        "x86_64+avx512f+fma" => tiles::<8, true>(panels, rows, columns, totals, triangle),
        "x86_64+fma" => tiles::<4, true>(panels, rows, columns, totals, triangle),
        "aarch64+neon" => tiles::<4, true>(panels, rows, columns, totals, triangle),
        _ => tiles::<4, false>(panels, rows, columns, totals, triangle),
    }
}

#[inline(always)]
fn tiles<const HEIGHT: usize, const FMA: bool>(
    panels: &[f64],
    rows: usize,
    columns: usize,
    totals: Totals<'_>,
    triangle: &mut [f64],
) {
    let panel_len = rows * LANES;
    for (right_at, right) in panels.chunks_exact(panel_len).enumerate() {
        let first_column = right_at * LANES;
        for (left_at, left) in panels
            .chunks_exact(panel_len)
            .take(right_at + 1)
            .enumerate()
        {
            for lane in (0..LANES).step_by(HEIGHT) {
                let first_row = left_at * LANES + lane;
                if first_row >= columns {
                    break;
                }
                let tile = tile::<HEIGHT, FMA>(left, right, lane);
                for (i, line) in (first_row..columns).zip(tile) {
                    let start = first_column.max(i);
                    let end = columns.min(first_column + LANES);
                    if start >= end {
                        continue;
                    }
                    let row = super::moments::row_start(columns, i) + start - i;
                    let out = &mut triangle[row..row + end - start];
                    let step = totals.sums[i] * totals.scale;
                    let shift = totals.low[i] * totals.weight;
                    let line = &line[start - first_column..];
                    let own = totals.sums[start..end].iter().zip(&totals.low[start..end]);
                    for ((out, product), (sum, low)) in out.iter_mut().zip(line).zip(own) {
                        *out += product - step * sum + shift * low;
                    }
                }
            }
        }
    }
}

/// The products of columns `lane..lane + HEIGHT` of one panel with all of another.
#[inline(always)]
fn tile<const HEIGHT: usize, const FMA: bool>(
    left: &[f64],
    right: &[f64],
    lane: usize,
) -> [[f64; LANES]; HEIGHT] {
    let mut sums = [[0.0; LANES]; HEIGHT];
    let (left, _) = left.as_chunks::<LANES>();
    let (right, _) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        for (r, sums) in sums.iter_mut().enumerate() {
            let factor = left[lane + r];
            for (sum, value) in sums.iter_mut().zip(right) {
                *sum = if FMA {
                    factor.mul_add(*value, *sum)
                } else {
                    *sum + factor * value
                };
            }
        }
    }
    sums
}

/// Multiplies each row of the panels by its entry in `factors`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn scale_rows(panels: &mut [f64], rows: usize, factors: &[f64]) {
    for panel in panels.chunks_exact_mut(rows * LANES) {
        for (row, factor) in panel.as_chunks_mut::<LANES>().0.iter_mut().zip(factors) {
            row.iter_mut().for_each(|value| *value *= factor);
        }
    }
}

/// Writes each column's sum, of values times `factors`, to `sums`, padding columns included.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn column_sums(
    panels: &[f64],
    rows: usize,
    factors: Option<&[f64]>,
    sums: &mut Vec<f64>,
) {
    sums.clear();
    for panel in panels.chunks_exact(rows * LANES) {
        let (panel, _) = panel.as_chunks::<LANES>();
        let mut total = [0.0; LANES];
        match factors {
            None => {
                for row in panel {
                    for (total, value) in total.iter_mut().zip(row) {
                        *total += value;
                    }
                }
            }
            Some(factors) => {
                for (row, factor) in panel.iter().zip(factors) {
                    for (total, value) in total.iter_mut().zip(row) {
                        *total += factor * value;
                    }
                }
            }
        }
        sums.extend_from_slice(&total);
    }
}

/// Writes up to [`LANES`] columns, less `shift`, to a panel. Lanes without a column become 0.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn pack_columns(columns: &[&[f64]], shift: &[f64], panel: &mut [f64]) {
    let (panel, _) = panel.as_chunks_mut::<LANES>();
    if let ([a, b, c, d, e, f, g, h], Ok(shift)) = (columns, <&[f64; LANES]>::try_from(shift)) {
        let columns = a
            .iter()
            .zip(*b)
            .zip(*c)
            .zip(*d)
            .zip(*e)
            .zip(*f)
            .zip(*g)
            .zip(*h);
        for (out, (((((((a, b), c), d), e), f), g), h)) in panel.iter_mut().zip(columns) {
            let row = [*a, *b, *c, *d, *e, *f, *g, *h];
            for ((out, value), shift) in out.iter_mut().zip(row).zip(shift) {
                *out = value - shift;
            }
        }
        return;
    }
    panel.fill([0.0; LANES]);
    for (lane, (column, shift)) in columns.iter().zip(shift).enumerate() {
        for (out, value) in panel.iter_mut().zip(*column) {
            out[lane] = value - shift;
        }
    }
}

/// Writes columns `first..` of row-major vectors, less `shift`, to a panel. Lanes without a column become 0.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn pack_vectors(
    values: &[f64],
    width: usize,
    first: usize,
    shift: &[f64],
    panel: &mut [f64],
) {
    let (panel, _) = panel.as_chunks_mut::<LANES>();
    let used = shift.len();
    if let Ok(shift) = <&[f64; LANES]>::try_from(shift) {
        for (out, row) in panel.iter_mut().zip(values.chunks_exact(width)) {
            let row = &row[first..first + LANES];
            for ((out, value), shift) in out.iter_mut().zip(row).zip(shift) {
                *out = value - shift;
            }
        }
        return;
    }
    panel.fill([0.0; LANES]);
    if used > 0 {
        for (out, row) in panel.iter_mut().zip(values.chunks_exact(width)) {
            let row = &row[first..first + used];
            for ((out, value), shift) in out.iter_mut().zip(row).zip(shift) {
                *out = value - shift;
            }
        }
    }
}
