//! k-means.

use std::str::FromStr;

use datafusion::dataframe::DataFrame;
use datafusion::prelude::ident;

use super::distance::{DistanceMeasure, normalize};
use super::init;
use super::local::moved_centres;
use super::model::{KMeansModel, KMeansSummary};
use crate::aggregates::{KMEANS_STEP, StepTotals, bytes_literal, evaluate};
use crate::error::{MlError, Result};
use crate::features::Features;
use crate::handle_invalid::HandleInvalid;
use crate::packing::{FEATURES, Packed, no_rows, pack};
use crate::rows::encode_centres;

/// k-means by Lloyd's algorithm, with the parameters and the behaviour of Spark's `KMeans`:
///
/// - an iteration moves each centre to the weighted mean of the rows that are nearest to it; of equally near centres
///   the first has the row; a centre without rows stays where it is;
/// - it ends after `max_iter` iterations, or once no centre moved by more than `tol`;
/// - where the data have fewer than `k` different rows, there are fewer centres.
///
/// The features are packed and cached once; an iteration is one aggregate over them. The same rows and seed give the
/// same model to the last digits, however the rows are split into partitions.
///
/// ```no_run
/// # use springald_ml::{Features, KMeans};
/// # async fn fit(df: datafusion::prelude::DataFrame) -> springald_ml::Result<()> {
/// let features = Features::Columns(vec!["x".into(), "y".into()]);
/// let model = KMeans { k: 3, seed: 7, ..KMeans::new(features) }.fit(df.clone()).await?;
/// println!("{:?}, cost {}", model.centres(), model.summary().map_or(0.0, |s| s.training_cost));
/// let with_clusters = model.transform(df)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KMeans {
    /// `featuresCol`, or several columns.
    pub features: Features,
    /// The column that [`KMeansModel::transform`] puts the number of the cluster into (`Int32`, from 0).
    pub prediction_col: String,
    /// The column that it puts the distance from the cluster's centre into, if any: Euclidean (not squared), or one
    /// minus the cosine.
    pub distance_col: Option<String>,
    /// Clusters to look for, at least 1.
    pub k: usize,
    /// Iterations at most. With 0 the centres to begin with are the model's.
    pub max_iter: usize,
    /// A centre that moved by no more than this has converged. 0 or more.
    pub tol: f64,
    /// Decides every random choice.
    pub seed: i64,
    /// Where to begin.
    pub init_mode: InitMode,
    /// Rounds of k-means||, at least 1.
    pub init_steps: usize,
    pub distance_measure: DistanceMeasure,
    /// A column of weights, 0 or more. Without, each row weighs 1.
    pub weight_col: Option<String>,
    /// What becomes of rows with a null, NaN or infinity among features and weight.
    pub handle_invalid: HandleInvalid,
}

/// Where the centres are to begin with.
#[derive(Clone, Debug, PartialEq)]
pub enum InitMode {
    /// Found by k-means||.
    Parallel,
    /// `k` random rows.
    Random,
    /// These, `k` of them.
    Centres(Vec<Vec<f64>>),
}

impl FromStr for InitMode {
    type Err = MlError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "k-means||" => Ok(Self::Parallel),
            "random" => Ok(Self::Random),
            other => Err(MlError::invalid(format!(
                "initMode is '{other}': it is k-means|| or random; or give initialCenters"
            ))),
        }
    }
}

impl KMeans {
    /// The defaults of Spark: k 2, 20 iterations, tol 1e-4, k-means|| of 2 rounds, Euclidean distance.
    pub fn new(features: Features) -> Self {
        Self {
            features,
            prediction_col: "prediction".to_owned(),
            distance_col: None,
            k: 2,
            max_iter: 20,
            tol: 1e-4,
            seed: 0,
            init_mode: InitMode::Parallel,
            init_steps: 2,
            distance_measure: DistanceMeasure::Euclidean,
            weight_col: None,
            handle_invalid: HandleInvalid::Error,
        }
    }

    /// Finds the clusters of the rows of a frame, on whatever the frame runs.
    ///
    /// # Errors
    /// If a parameter is out of its range, a column is missing or holds no numbers, there are no rows, a row is
    /// invalid and not to be skipped, a row is all zeros under cosine distance, or the engine fails.
    pub async fn fit(&self, frame: DataFrame) -> Result<KMeansModel> {
        self.check()?;
        let unit = self.distance_measure == DistanceMeasure::Cosine;
        let weight = self.weight_col.as_deref();
        let mut data = pack(
            frame,
            &self.features,
            weight,
            vec![],
            unit,
            self.handle_invalid,
        )
        .await?;
        data.frame = data.frame.cache().await?;
        let mut centres = self.begin(&data).await?;
        let (mut training_cost, mut iterations, mut converged) = (0.0, 0, false);
        while iterations < self.max_iter && !converged {
            let found = step(&data, &centres).await?;
            let (sums, weights) = (&found.sums, &found.weights);
            let moved = moved_centres(&centres, data.width, sums, weights, self.distance_measure);
            converged = self.converged(&centres, &moved, data.width);
            training_cost = self.distance_measure.cost(found.cost);
            centres = moved;
            iterations += 1;
        }
        let last = step(&data, &centres).await?;
        let summary = KMeansSummary {
            cluster_sizes: last.counts,
            training_cost,
            cost: self.distance_measure.cost(last.cost),
            iterations,
            converged,
        };
        Ok(KMeansModel::new(self, centres, data.width, summary))
    }

    fn check(&self) -> Result<()> {
        let fail = |message: String| Err(MlError::Invalid(message));
        if self.k == 0 || self.k > i32::MAX as usize {
            return fail(format!("k is {}: it is at least 1", self.k));
        }
        if !(self.tol >= 0.0 && self.tol.is_finite()) {
            return fail(format!("tol is {}: it is a number from 0", self.tol));
        }
        if self.init_steps == 0 {
            return fail("initSteps is 0: it is at least 1".to_owned());
        }
        let InitMode::Centres(centres) = &self.init_mode else {
            return Ok(());
        };
        if centres.len() != self.k {
            let (k, found) = (self.k, centres.len());
            return fail(format!("k is {k}, but there are {found} initialCenters"));
        }
        for (at, centre) in centres.iter().enumerate() {
            if !centre.iter().all(|x| x.is_finite()) {
                return fail(format!("initialCenters[{at}] has NaN or an infinity in it"));
            }
            let zeros = centre.iter().all(|x| *x == 0.0);
            if zeros && self.distance_measure == DistanceMeasure::Cosine {
                return fail(format!(
                    "initialCenters[{at}] is all zeros: its cosine distance is not defined"
                ));
            }
        }
        Ok(())
    }

    async fn begin(&self, data: &Packed) -> Result<Vec<f64>> {
        let given = match &self.init_mode {
            InitMode::Parallel => return init::parallel(self, data).await,
            InitMode::Random => return init::random(self, data).await,
            InitMode::Centres(given) => given,
        };
        let mut centres = Vec::with_capacity(given.len() * data.width);
        for (at, centre) in given.iter().enumerate() {
            let (found, wanted) = (centre.len(), data.width);
            if found != wanted {
                let message =
                    format!("initialCenters[{at}] has {found} numbers where rows have {wanted}");
                return Err(MlError::Invalid(message));
            }
            let mut centre = centre.clone();
            if self.distance_measure == DistanceMeasure::Cosine {
                normalize(&mut centre);
            }
            centres.extend(centre);
        }
        Ok(centres)
    }

    /// Whether no centre moved by more than `tol`: by Euclidean distance, or by one minus the cosine.
    fn converged(&self, centres: &[f64], moved: &[f64], width: usize) -> bool {
        let mut pairs = centres.chunks_exact(width).zip(moved.chunks_exact(width));
        pairs.all(|(from, to)| {
            let squares = from.iter().zip(to).map(|(a, b)| (a - b) * (a - b)).sum();
            match self.distance_measure {
                DistanceMeasure::Euclidean => squares <= self.tol * self.tol,
                DistanceMeasure::Cosine => self.distance_measure.distance(squares) <= self.tol,
            }
        })
    }
}

/// One pass over packed rows: what each of the centres (row-major) has of them.
pub(super) async fn step(data: &Packed, centres: &[f64]) -> Result<StepTotals> {
    let centres = bytes_literal(Some(encode_centres(centres, data.width)));
    let arguments = vec![ident(FEATURES), data.weight.clone(), centres];
    match evaluate(&data.frame, &KMEANS_STEP, arguments).await? {
        Some(state) => Ok(StepTotals::decode(&state)?),
        None => Err(no_rows()),
    }
}
