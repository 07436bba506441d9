//! Columns as rows.

/// Rows that are written together: their part of every column stays in the nearest cache.
const BLOCK_ROWS: usize = 64;
/// Single columns that are written together, as one store of four numbers.
const QUAD: usize = 4;

/// The values of a part of each row, row-major, and how many of them a row has.
pub type Part<'a> = (&'a [f64], usize);

/// Puts the parts of each of `rows` rows one after another: the rows, row-major.
pub fn interleave(parts: &[Part<'_>], rows: usize) -> Vec<f64> {
    let width = parts.iter().map(|(_, width)| width).sum();
    let mut out = vec![0.0; rows * width];
    if width == 0 {
        return out;
    }
    for (block, out) in out.chunks_mut(BLOCK_ROWS * width).enumerate() {
        let start = block * BLOCK_ROWS;
        let end = start + out.len() / width;
        let (mut part, mut at) = (0, 0);
        while part < parts.len() {
            if let Some([(a, 1), (b, 1), (c, 1), (d, 1)]) = parts[part..].first_chunk::<QUAD>() {
                let ab = a[start..end].iter().zip(&b[start..end]);
                let cd = c[start..end].iter().zip(&d[start..end]);
                for (out, ((a, b), (c, d))) in out.chunks_exact_mut(width).zip(ab.zip(cd)) {
                    out[at..at + QUAD].copy_from_slice(&[*a, *b, *c, *d]);
                }
                (part, at) = (part + QUAD, at + QUAD);
                continue;
            }
            let (values, wide) = parts[part];
            let values = &values[start * wide..end * wide];
            if wide == 1 {
                let out = out[at..].iter_mut().step_by(width);
                out.zip(values).for_each(|(out, value)| *out = *value);
            } else if wide > 1 {
                let out = out.chunks_exact_mut(width);
                for (out, values) in out.zip(values.chunks_exact(wide)) {
                    out[at..at + wide].copy_from_slice(values);
                }
            }
            (part, at) = (part + 1, at + wide);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mixture_of_widths_keeps_its_order() {
        for widths in [
            &[1][..],
            &[3],
            &[1, 2, 1],
            &[1; 4],
            &[1; 7],
            &[2, 1, 1, 1, 1, 1, 3],
        ] {
            for rows in [0, 1, 63, 64, 65, 200] {
                let total: usize = widths.iter().sum();
                let mut columns = Vec::new();
                let mut at = 0;
                for width in widths {
                    let value = |i: usize| (i / width * total + at + i % width) as f64;
                    columns.push(((0..rows * width).map(value).collect::<Vec<_>>(), *width));
                    at += width;
                }
                let parts: Vec<Part<'_>> = columns.iter().map(|(v, w)| (&v[..], *w)).collect();
                let expected: Vec<f64> = (0..rows * total).map(|i| i as f64).collect();
                assert_eq!(interleave(&parts, rows), expected, "{widths:?} {rows}");
            }
        }
    }
}
