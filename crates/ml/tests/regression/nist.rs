//! Certified values of the Statistical Reference Datasets of NIST (linear regression).

use crate::common::{digits, session, table};
use springald_ml::{Features, LinearRegression, LinearRegressionModel};

async fn fit(columns: &[(&str, Vec<f64>)]) -> LinearRegressionModel {
    let features = columns[1..].iter().map(|(name, _)| (*name).to_owned());
    let features = Features::Columns(features.collect());
    let data = table(&session(), columns, &[columns[0].1.len() / 3]);
    LinearRegression::new(features, columns[0].0)
        .fit(data)
        .await
        .unwrap()
}

/// Rows of `y, x…` as columns.
fn columns(rows: &[&[f64]]) -> Vec<(&'static str, Vec<f64>)> {
    ["y", "x1", "x2", "x3", "x4", "x5", "x6"]
        .into_iter()
        .take(rows[0].len())
        .enumerate()
        .map(|(at, name)| (name, rows.iter().map(|row| row[at]).collect()))
        .collect()
}

/// Six economic series that are nearly collinear.
#[tokio::test]
async fn longley() {
    let model = fit(&columns(LONGLEY)).await;
    let want = [
        15.0618722713733,
        -0.0358191792925910,
        -2.02022980381683,
        -1.03322686717359,
        -0.0511041056535807,
        1829.15146461355,
    ];
    for (ours, certified) in model.coefficients().iter().zip(want) {
        digits(*ours, certified, 9, "coefficient");
    }
    digits(model.intercept(), -3482258.63459582, 9, "intercept");
    let summary = model.summary().unwrap();
    let errors = [
        84.9149257747669,
        0.0334910077722432,
        0.488399681651699,
        0.214274163161675,
        0.226073200069370,
        455.478499142212,
        890420.383607373,
    ];
    for (ours, certified) in summary
        .coefficient_standard_errors()
        .unwrap()
        .iter()
        .zip(errors)
    {
        digits(*ours, certified, 8, "standard error");
    }
    digits(summary.r2(), 0.995479004577296, 12, "r2");
    let deviation = (summary.mean_squared_error() * 16.0 / 9.0).sqrt();
    digits(
        deviation,
        304.854073561965,
        9,
        "residual standard deviation",
    );
}

/// A straight line with two repeated levels of x.
#[tokio::test]
async fn norris() {
    let rows: Vec<&[f64]> = NORRIS.iter().map(<[f64; 2]>::as_slice).collect();
    let model = fit(&columns(&rows)).await;
    digits(model.coefficients()[0], 1.00211681802045, 13, "slope");
    digits(model.intercept(), -0.262323073774029, 11, "intercept");
    let summary = model.summary().unwrap();
    let errors = summary.coefficient_standard_errors().unwrap();
    digits(
        errors[0],
        0.429796848199937e-3,
        10,
        "standard error of the slope",
    );
    digits(
        errors[1],
        0.232818234301152,
        10,
        "standard error of the intercept",
    );
    digits(summary.r2(), 0.999993745883712, 13, "r2");
}

/// Polynomials of degree 5 over 0 to 20, exactly: all coefficients are 1, and 1, 0.1, 0.01, ….
#[tokio::test]
async fn wampler_1_and_2() {
    for base in [1.0, 0.1_f64] {
        let mut columns: Vec<(&str, Vec<f64>)> = vec![("y", Vec::new())];
        for (name, power) in ["x1", "x2", "x3", "x4", "x5"].into_iter().zip(1..) {
            columns.push((name, (0..=20).map(|x| f64::from(x).powi(power)).collect()));
        }
        columns[0].1 = (0..=20)
            .map(|x| (0..=5).map(|k| (base * f64::from(x)).powi(k)).sum())
            .collect();
        let model = fit(&columns).await;
        digits(model.intercept(), 1.0, 6, "intercept");
        for (k, ours) in (1..).zip(model.coefficients()) {
            digits(*ours, base.powi(k), 6, "coefficient");
        }
        digits(model.summary().unwrap().r2(), 1.0, 12, "r2");
    }
}

const LONGLEY: &[&[f64]] = &[
    &[60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0],
    &[61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0],
    &[60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0],
    &[61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0],
    &[63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0],
    &[63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0],
    &[64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0],
    &[63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0],
    &[66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0],
    &[67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0],
    &[68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0],
    &[66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0],
    &[68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0],
    &[69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0],
    &[69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0],
    &[70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0],
];

/// `y, x`.
const NORRIS: &[[f64; 2]] = &[
    [0.1, 0.2],
    [338.8, 337.4],
    [118.1, 118.2],
    [888.0, 884.6],
    [9.2, 10.1],
    [228.1, 226.5],
    [668.5, 666.3],
    [998.5, 996.3],
    [449.1, 448.6],
    [778.9, 777.0],
    [559.2, 558.2],
    [0.3, 0.4],
    [0.1, 0.6],
    [778.1, 775.5],
    [668.8, 666.9],
    [339.3, 338.0],
    [448.9, 447.5],
    [10.8, 11.6],
    [557.7, 556.0],
    [228.3, 228.1],
    [998.0, 995.8],
    [888.8, 887.6],
    [119.6, 120.2],
    [0.3, 0.3],
    [0.6, 0.3],
    [557.6, 556.8],
    [339.3, 339.1],
    [888.0, 887.2],
    [998.5, 999.0],
    [778.9, 779.0],
    [10.2, 11.1],
    [117.6, 118.3],
    [228.9, 229.2],
    [668.4, 669.1],
    [449.2, 448.9],
    [0.2, 0.5],
];
