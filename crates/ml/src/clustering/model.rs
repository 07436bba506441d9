//! What k-means found.

use std::path::Path;

use datafusion::dataframe::DataFrame;
use serde::{Deserialize, Serialize};

use super::distance::{DistanceMeasure, normalize};
use super::kmeans::KMeans;
use crate::error::{MlError, Result};
use crate::features::Features;
use crate::functions::{kmeans_distance, kmeans_predict};
use crate::kernels::{Centres, Scratch, nearest};
use crate::model_files::{self, exact};
use crate::rows::encode_centres;

const KIND: &str = "KMeansModel";

/// The centres of clusters, and what finds the cluster of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansModel {
    /// Row-major.
    centres: Vec<f64>,
    width: usize,
    distance_measure: DistanceMeasure,
    /// The columns that [`Self::transform`] reads.
    pub features: Features,
    /// The column that it puts the number of the cluster into.
    pub prediction_col: String,
    /// The column that it puts the distance from the centre into, if any.
    pub distance_col: Option<String>,
    summary: Option<KMeansSummary>,
}

/// How a fit went.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansSummary {
    /// Rows of each cluster of the model.
    pub cluster_sizes: Vec<u64>,
    /// The weighted sum of the squared distances (or of one minus the cosine) of all rows from the centres that the
    /// last iteration began with: what Spark calls training cost. 0 if there was no iteration.
    pub training_cost: f64,
    /// The same from the centres of the model.
    pub cost: f64,
    pub iterations: usize,
    /// Whether the centres came to rest before the iterations were used up.
    pub converged: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    width: usize,
    #[serde(with = "exact")]
    centres: Vec<f64>,
    distance_measure: DistanceMeasure,
    features: Features,
    prediction_col: String,
    distance_col: Option<String>,
}

impl KMeansModel {
    pub(super) fn new(
        params: &KMeans,
        centres: Vec<f64>,
        width: usize,
        summary: KMeansSummary,
    ) -> Self {
        Self {
            centres,
            width,
            distance_measure: params.distance_measure,
            features: params.features.clone(),
            prediction_col: params.prediction_col.clone(),
            distance_col: params.distance_col.clone(),
            summary: Some(summary),
        }
    }

    /// How many clusters there are: `k`, or fewer if there were fewer different rows.
    pub fn k(&self) -> usize {
        self.centres.len() / self.width
    }

    /// The centres, by the number of their cluster. By cosine distance, they are of length 1.
    pub fn centres(&self) -> Vec<&[f64]> {
        self.centres.chunks_exact(self.width).collect()
    }

    pub fn distance_measure(&self) -> DistanceMeasure {
        self.distance_measure
    }

    /// How the fit went; `None` for a model that was loaded.
    pub fn summary(&self) -> Option<&KMeansSummary> {
        self.summary.as_ref()
    }

    /// The cluster of one row.
    ///
    /// # Errors
    /// If the row has another length than the centres, or numbers that are not finite; or by cosine distance, if it is
    /// all zeros.
    pub fn predict(&self, row: &[f64]) -> Result<usize> {
        if row.len() != self.width || !row.iter().all(|x| x.is_finite()) {
            let (found, wanted) = (row.len(), self.width);
            let message = format!("a row of {found} numbers came: {wanted} finite ones are needed");
            return Err(MlError::Invalid(message));
        }
        let mut row = row.to_vec();
        if self.distance_measure == DistanceMeasure::Cosine && !normalize(&mut row) {
            return Err(MlError::invalid(
                "the cosine distance of a row of zeros is not defined",
            ));
        }
        let centres = Centres::new(self.centres.clone(), self.width);
        let (mut found, mut distance) = ([0], [0.0]);
        nearest(
            &centres,
            &row,
            &mut Scratch::default(),
            &mut found,
            &mut distance,
        );
        Ok(found[0] as usize)
    }

    /// Adds the number of each row's cluster, and its distance from the centre if the model has a column for it. Rows
    /// with a null, NaN or infinity among their features get nulls.
    ///
    /// # Errors
    /// If a column is missing or of the wrong type. A row of another length fails the query later, and so does a row
    /// of zeros under cosine distance.
    pub fn transform(&self, frame: DataFrame) -> Result<DataFrame> {
        let (centres, measure) = (self.encoded(), self.distance_measure.name());
        let vector = self.features.vector();
        let predicted = kmeans_predict(vector.clone(), centres.clone(), measure);
        let mut frame = frame.with_column(&self.prediction_col, predicted)?;
        if let Some(name) = &self.distance_col {
            frame = frame.with_column(name, kmeans_distance(vector, centres, measure))?;
        }
        Ok(frame)
    }

    /// Writes the model into a folder, whole or not at all. The summary is not written.
    ///
    /// # Errors
    /// If there is something at `path` and `overwrite` is not set or it is no model; or if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<()> {
        let saved = Saved {
            width: self.width,
            centres: self.centres.clone(),
            distance_measure: self.distance_measure,
            features: self.features.clone(),
            prediction_col: self.prediction_col.clone(),
            distance_col: self.distance_col.clone(),
        };
        model_files::write(path, overwrite, KIND, &saved)
    }

    /// Reads a model that [`Self::save`] wrote.
    ///
    /// # Errors
    /// If there is none at `path`, it is another kind of model, from a newer version, or torn.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let saved: Saved = model_files::read(path, KIND)?;
        if saved.width == 0
            || saved.centres.is_empty()
            || !saved.centres.len().is_multiple_of(saved.width)
        {
            return Err(MlError::invalid("the model's centres are not of its width"));
        }
        Ok(Self {
            centres: saved.centres,
            width: saved.width,
            distance_measure: saved.distance_measure,
            features: saved.features,
            prediction_col: saved.prediction_col,
            distance_col: saved.distance_col,
            summary: None,
        })
    }

    fn encoded(&self) -> Vec<u8> {
        encode_centres(&self.centres, self.width)
    }
}
