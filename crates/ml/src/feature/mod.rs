//! Features out of columns.

mod random_split;
mod standard_scaler;
mod vector_assembler;

pub use random_split::random_split;
pub use standard_scaler::{StandardScaler, StandardScalerModel};
pub use vector_assembler::{AssembleInvalid, VectorAssembler};
