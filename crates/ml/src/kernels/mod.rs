//! Arithmetic on slices: no DataFusion, no I/O.

mod compensated;
pub mod dense;
mod hash;
pub mod interleave;
pub mod lloyd;
pub mod moments;
pub(crate) mod quasi_newton;
mod spread;
mod syrk;

pub(crate) use compensated::CompensatedSums;
pub(crate) use hash::{bytes_hash, mix, row_hash, uniform};
pub(crate) use interleave::{Part, interleave};
pub(crate) use lloyd::{Centres, LloydSums, Scratch, lloyd_step, nearest};
pub(crate) use spread::Spread;
