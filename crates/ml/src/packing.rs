//! Frames that hold what an iterative estimator reads, and nothing else.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, ExprSchemable, cast, lit};
use datafusion::prelude::ident;

use crate::error::{MlError, Result};
use crate::features::Features;
use crate::functions::{pack_vector, vector_finite};
use crate::handle_invalid::HandleInvalid;
use crate::vectors::Vectors;

/// The columns of a packed frame.
pub(crate) const FEATURES: &str = "features";
pub(crate) const WEIGHT: &str = "weight";

/// Dense vectors of one width, with weights and other columns if there are any.
pub(crate) struct Packed {
    pub(crate) frame: DataFrame,
    pub(crate) width: usize,
    /// The weights as an argument: the column, or a bare null.
    pub(crate) weight: Expr,
}

/// Packs the features of a frame; with `unit`, brings them to length 1. `extra` are other columns to keep.
///
/// # Errors
/// If there is no such column, it holds no vectors, or there are no rows where the rows must say how wide they are.
pub(crate) async fn pack(
    frame: DataFrame,
    features: &Features,
    weight: Option<&str>,
    extra: Vec<Expr>,
    unit: bool,
    invalid: HandleInvalid,
) -> Result<Packed> {
    if matches!(features, Features::Columns(names) if names.is_empty()) {
        return Err(no_features());
    }
    let mut columns = vec![features.vector().alias(FEATURES)];
    if let Some(weight) = weight {
        columns.push(cast(ident(weight), DataType::Float64).alias(WEIGHT));
    }
    columns.extend(extra.iter().cloned());
    let mut frame = frame.select(columns)?;
    if invalid == HandleInvalid::Skip {
        frame = frame.filter(vector_finite(ident(FEATURES)))?;
        if weight.is_some() {
            frame = frame.filter(ident(WEIGHT).is_not_null())?;
        }
    }
    let data_type = ident(FEATURES).get_type(frame.schema())?;
    let dense = matches!(data_type, DataType::FixedSizeList(..));
    let width = width(&frame, FEATURES, &data_type).await?;
    if unit || !dense {
        let packed = pack_vector(ident(FEATURES), width, unit).alias(FEATURES);
        let kept = frame.schema().fields().iter().skip(1);
        let kept: Vec<Expr> = kept.map(|field| ident(field.name())).collect();
        frame = frame.select(std::iter::once(packed).chain(kept).collect::<Vec<_>>())?;
    }
    let weight = match weight {
        Some(_) => ident(WEIGHT),
        None => lit(ScalarValue::Null),
    };
    Ok(Packed {
        frame,
        width,
        weight,
    })
}

/// The vectors of a column as dense ones. How long they are is told by a row where the type does not tell it; of
/// vectors in lists and of sparse ones, all must be of one length.
///
/// # Errors
/// If there is no such column, it holds no vectors, or there are no rows where a row must tell the length.
pub async fn dense_vectors(frame: &DataFrame, name: &str) -> Result<Expr> {
    let data_type = ident(name).get_type(frame.schema())?;
    if matches!(data_type, DataType::FixedSizeList(..)) {
        return Ok(ident(name));
    }
    let width = width(frame, name, &data_type).await?;
    Ok(pack_vector(ident(name), width, false))
}

/// The width of the vectors of a column: from its type, or else from a row.
async fn width(frame: &DataFrame, name: &str, data_type: &DataType) -> Result<usize> {
    if !Vectors::is_vector(data_type) {
        return Err(MlError::invalid(format!(
            "the features are a column of {data_type}, which holds no vectors: name numeric columns, \
             or make vectors with a VectorAssembler"
        )));
    }
    let width = match data_type {
        DataType::FixedSizeList(_, width) => usize::try_from(*width).unwrap_or(0),
        _ => {
            let filled = frame.clone().filter(ident(name).is_not_null())?;
            let first = filled.limit(0, Some(1))?;
            let batches = first.select(vec![ident(name)])?.collect().await?;
            match batches.iter().find(|batch| batch.num_rows() > 0) {
                Some(batch) => Vectors::try_new(batch.column(0))?.width(0),
                None => return Err(no_rows()),
            }
        }
    };
    if width == 0 {
        return Err(no_features());
    }
    Ok(width)
}

fn no_features() -> MlError {
    MlError::invalid("there are no features: name at least one column")
}

pub(crate) fn no_rows() -> MlError {
    MlError::invalid("there are no rows: none are in the data, or handleInvalid skipped them all")
}
