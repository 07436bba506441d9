//! What Spark answered: see data/spark/kmeans.py.

use serde::Deserialize;
use springald_ml::DistanceMeasure;

#[derive(Deserialize)]
pub(crate) struct Spark {
    pub(crate) iris: Vec<Vec<f64>>,
    pub(crate) species: Vec<i64>,
    pub(crate) runs: Vec<Run>,
    pub(crate) silhouettes: Vec<Silhouette>,
    pub(crate) scaler_rows: Vec<Vec<f64>>,
    pub(crate) scalers: Vec<Scaler>,
    pub(crate) three_points_k_5: usize,
    pub(crate) sixteen_first_row: Vec<f64>,
    pub(crate) sixteen_costs: Vec<f64>,
    pub(crate) sixteen_random_costs: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) centres: Vec<Vec<f64>>,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
    pub(crate) distance_measure: DistanceMeasure,
    pub(crate) found: Vec<Vec<f64>>,
    pub(crate) training_cost: f64,
    pub(crate) final_cost: f64,
    pub(crate) num_iter: usize,
    pub(crate) sizes: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Silhouette {
    pub(crate) distance_measure: String,
    pub(crate) weighted: bool,
    pub(crate) value: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scaler {
    pub(crate) with_mean: bool,
    pub(crate) with_std: bool,
    pub(crate) mean: Vec<f64>,
    pub(crate) std: Vec<f64>,
    pub(crate) output: Vec<Vec<f64>>,
}

pub(crate) fn read() -> Spark {
    let json = include_str!("../../../../data/spark/kmeans.json");
    serde_json::from_str(json).unwrap()
}

/// The 16 clusters of kmeans.py: 4000 rows of 16 numbers.
pub(crate) fn sixteen() -> Vec<Vec<f64>> {
    let mut random = SplitMix(16);
    let mut bells = |scale: f64| (0..16).map(|_| scale * random.bell()).collect::<Vec<f64>>();
    let centres: Vec<Vec<f64>> = (0..16).map(|_| bells(6.0)).collect();
    (0..4000)
        .map(|row| {
            let offsets = bells(2.0);
            let centre = &centres[row % 16];
            centre.iter().zip(&offsets).map(|(c, o)| c + o).collect()
        })
        .collect()
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn bell(&mut self) -> f64 {
        self.uniform() + self.uniform() + self.uniform() + self.uniform() - 2.0
    }
}
