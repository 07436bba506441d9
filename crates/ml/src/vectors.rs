//! Columns of vectors: dense, as lists, or sparse.
//!
//! | kind | type |
//! |---|---|
//! | dense | `FixedSizeList<Float64>(n)` |
//! | list | `List<Float64>`, every row of the same length |
//! | sparse | `Struct{size: Int32, indices: List<Int32>, values: List<Float64>}`, indices from 0, ascending |

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray, ListArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type};
use datafusion::common::{DataFusionError, Result};

use crate::error::MlError;

/// The element of a dense vector: a `Float64` called `item`, which Arrow lets be null and a vector does not.
pub fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// The type of a dense vector of `width` numbers.
pub fn dense_type(width: usize) -> DataType {
    DataType::FixedSizeList(item(), width as i32)
}

/// A column of vectors, to be read row by row or, if dense, as one slice.
pub enum Vectors<'a> {
    /// Row-major values, `width` of them a row, those of null rows included.
    Dense {
        values: &'a [f64],
        width: usize,
        nulls: Option<&'a NullBuffer>,
    },
    List(&'a ListArray),
    Sparse {
        sizes: &'a [i32],
        indices: &'a ListArray,
        values: &'a ListArray,
        nulls: Option<&'a NullBuffer>,
    },
}

impl<'a> Vectors<'a> {
    /// # Errors
    /// If `array` holds no vectors, or a null within one.
    pub fn try_new(array: &'a dyn Array) -> Result<Self> {
        let vectors = match array.data_type() {
            DataType::FixedSizeList(item, _) if item.data_type() == &DataType::Float64 => {
                Some(Self::dense(array.as_fixed_size_list()))
            }
            DataType::List(item) if item.data_type() == &DataType::Float64 => {
                Some(Self::List(array.as_list()))
            }
            DataType::Struct(_) => Self::sparse(array),
            _ => None,
        };
        let vectors = vectors.ok_or_else(|| not_vectors(array.data_type()))?;
        let elements_are_null = match &vectors {
            Self::Dense { .. } => null_elements(array.as_fixed_size_list()),
            Self::List(lists) | Self::Sparse { values: lists, .. } => {
                lists.values().null_count() > 0
            }
        };
        if elements_are_null {
            let message = "a vector has a null in it: filter such rows out, or fill the nulls before \
                           the vectors are made";
            return Err(MlError::invalid(message).into());
        }
        Ok(vectors)
    }

    /// Whether rows of this type are vectors at all.
    pub fn is_vector(data_type: &DataType) -> bool {
        match data_type {
            DataType::FixedSizeList(item, _) | DataType::List(item) => {
                item.data_type() == &DataType::Float64
            }
            DataType::Struct(fields) => {
                let names: Vec<&str> = fields.iter().map(|f| f.name().as_str()).collect();
                names == ["size", "indices", "values"]
            }
            _ => false,
        }
    }

    fn dense(array: &'a FixedSizeListArray) -> Self {
        let width = array.value_length() as usize;
        let values = array.values().as_primitive::<Float64Type>().values();
        let start = array.value_offset(0) as usize;
        Self::Dense {
            values: &values[start..start + array.len() * width],
            width,
            nulls: array.nulls(),
        }
    }

    fn sparse(array: &'a dyn Array) -> Option<Self> {
        let array = array.as_struct();
        Some(Self::Sparse {
            sizes: array
                .column_by_name("size")?
                .as_primitive_opt::<Int32Type>()?
                .values(),
            indices: array.column_by_name("indices")?.as_list_opt()?,
            values: array.column_by_name("values")?.as_list_opt()?,
            nulls: array.nulls(),
        })
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Dense {
                values,
                width,
                nulls,
            } => match nulls {
                Some(nulls) => nulls.len(),
                None => values.len() / (*width).max(1),
            },
            Self::List(lists) => lists.len(),
            Self::Sparse { sizes, .. } => sizes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Dense { nulls, .. } | Self::Sparse { nulls, .. } => {
                nulls.is_some_and(|nulls| nulls.is_null(row))
            }
            Self::List(lists) => lists.is_null(row),
        }
    }

    /// The length of the vector at `row`, which must not be null.
    pub fn width(&self, row: usize) -> usize {
        match self {
            Self::Dense { width, .. } => *width,
            Self::List(lists) => lists.value_length(row) as usize,
            Self::Sparse { sizes, .. } => sizes[row] as usize,
        }
    }

    /// Writes the vector at `row`, which must not be null, to `out`.
    ///
    /// # Errors
    /// If its length is not that of `out`, or a sparse vector's parts do not fit together.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) -> Result<()> {
        if self.width(row) != out.len() {
            let (found, wanted) = (self.width(row), out.len());
            let message = format!("a vector has {found} elements where others have {wanted}");
            return Err(MlError::invalid(message).into());
        }
        match self {
            Self::Dense { values, width, .. } => {
                out.copy_from_slice(&values[row * width..(row + 1) * width]);
            }
            Self::List(lists) => {
                let values = lists.value(row);
                out.copy_from_slice(values.as_primitive::<Float64Type>().values());
            }
            Self::Sparse {
                indices, values, ..
            } => {
                let (indices, values) = (indices.value(row), values.value(row));
                let indices = indices.as_primitive::<Int32Type>().values();
                let values = values.as_primitive::<Float64Type>().values();
                out.fill(0.0);
                for (index, value) in indices.iter().zip(values) {
                    let slot = usize::try_from(*index).ok().and_then(|i| out.get_mut(i));
                    *slot.ok_or_else(|| {
                        MlError::invalid(format!(
                            "a sparse vector has an index {index} outside of it"
                        ))
                    })? = *value;
                }
            }
        }
        Ok(())
    }
}

fn null_elements(array: &FixedSizeListArray) -> bool {
    let Some(elements) = array.values().nulls().filter(|n| n.null_count() > 0) else {
        return false;
    };
    let width = array.value_length() as usize;
    (0..array.len()).any(|row| {
        let start = array.value_offset(row) as usize;
        array.is_valid(row) && (start..start + width).any(|at| elements.is_null(at))
    })
}

fn not_vectors(data_type: &DataType) -> DataFusionError {
    MlError::invalid(format!(
        "a column of {data_type} holds no vectors: make some with vector(a, b, …)"
    ))
    .into()
}
