//! How far rows are from centres.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{MlError, Result};

/// The distance that clusters are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DistanceMeasure {
    /// The length of the difference. Costs are its square.
    #[default]
    Euclidean,
    /// One minus the cosine of the angle between row and centre. Rows and centres are brought to length 1, where half
    /// the squared Euclidean distance is the same thing; a row of zeros is an error.
    Cosine,
}

impl DistanceMeasure {
    /// The name that Spark has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
        }
    }

    /// The distance, from the squared Euclidean distance of the rows the kernel sees.
    pub(crate) fn distance(self, squared: f64) -> f64 {
        match self {
            Self::Euclidean => squared.sqrt(),
            Self::Cosine => squared / 2.0,
        }
    }

    /// What a row costs, from the same.
    pub(crate) fn cost(self, squared: f64) -> f64 {
        match self {
            Self::Euclidean => squared,
            Self::Cosine => squared / 2.0,
        }
    }
}

impl FromStr for DistanceMeasure {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "euclidean" => Ok(Self::Euclidean),
            "cosine" => Ok(Self::Cosine),
            other => Err(MlError::invalid(format!(
                "distanceMeasure is '{other}': it is euclidean or cosine"
            ))),
        }
    }
}

/// Divides a row by its length. Returns `false`, and leaves the row as it is, if that is zero.
pub(crate) fn normalize(row: &mut [f64]) -> bool {
    let largest = row.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if row.iter().all(|x| *x == 0.0) {
        return false;
    }
    // The squares of numbers beyond 1e154 overflow, those below 1e-154 vanish.
    let scale = if (1e-100..1e100).contains(&largest) {
        1.0
    } else {
        largest
    };
    let squares = row.iter().map(|x| (x / scale) * (x / scale));
    let length = squares.sum::<f64>().sqrt();
    row.iter_mut().for_each(|x| *x = *x / scale / length);
    true
}
