//! Which columns of a table are the features of its rows.

use datafusion::logical_expr::Expr;
use datafusion::prelude::ident;
use serde::{Deserialize, Serialize};

use crate::functions::vector;

/// The features of a row: several numeric columns, or one column of vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    /// Numeric columns, in this order.
    Columns(Vec<String>),
    /// One column of [vectors](crate::vectors).
    Vector(String),
}

impl Features {
    /// The features as one vector. A row with a null in one of its features has a null vector.
    pub fn vector(&self) -> Expr {
        match self {
            Self::Columns(names) => vector(names.iter().map(ident).collect()),
            Self::Vector(name) => ident(name),
        }
    }
}
