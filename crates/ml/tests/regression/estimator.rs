//! The estimator: edges of the data, weights, sparse rows, many features, paths, saved models.

use crate::common::{close, session, spark_sample, sparse_table, table};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::prelude::{DataFrame, col, ident, lit};
use springald_ml::{
    Features, HandleInvalid, LinearRegression, LinearRegressionModel, Loss, RegressionEvaluator,
    RegressionMetric, Solver, vector,
};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("x{i}")).collect()
}

fn on(columns: &[&str]) -> LinearRegression {
    let columns = columns.iter().map(|c| (*c).to_owned()).collect();
    LinearRegression::new(Features::Columns(columns), "y")
}

/// Numbers of 0 to 1 that look random.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

/// Spark's sample as `y` and `x0` to `x9`.
fn sample(cuts: &[usize]) -> DataFrame {
    let (label, features) = spark_sample();
    let names = names(features.len());
    let mut columns = vec![("y", label)];
    columns.extend(names.iter().map(String::as_str).zip(features));
    table(&session(), &columns, cuts)
}

#[tokio::test]
async fn a_large_mean_costs_no_digits() {
    let x: Vec<f64> = (0..5000).map(|i| 1e9 + f64::from(i % 97)).collect();
    let y = x.iter().map(|x| 3.0 * (x - 1e9) + 2.0).collect();
    let data = table(&session(), &[("y", y), ("x", x)], &[1234]);
    let model = on(&["x"]).fit(data).await.unwrap();
    close(model.coefficients()[0], 3.0, 1e-12, "slope");
    assert!(
        (model.intercept() - (2.0 - 3e9)).abs() < 1e-2,
        "{}",
        model.intercept()
    );
}

#[tokio::test]
async fn any_partitioning_gives_the_same() {
    let features: Vec<String> = names(10);
    let estimator = LinearRegression {
        reg_param: 0.3,
        elastic_net_param: 0.5,
        ..LinearRegression::new(Features::Columns(features), "y")
    };
    let whole = estimator.fit(sample(&[])).await.unwrap();
    for cuts in [vec![0, 501], vec![1, 2, 3, 499], vec![250]] {
        let split = estimator.fit(sample(&cuts)).await.unwrap();
        for (a, b) in split.coefficients().iter().zip(whole.coefficients()) {
            close(*a, *b, 1e-12, "coefficient");
        }
        assert_eq!(split.summary().unwrap().num_instances(), 501);
    }
}

#[tokio::test]
async fn invalid_rows_are_refused_or_skipped() {
    for bad in [f64::NAN, f64::INFINITY] {
        for column in ["y", "x"] {
            let mut columns = [
                ("y", vec![1.0, 3.0, 5.0, 7.0]),
                ("x", vec![0.0, 1.0, 2.0, 3.0]),
            ];
            columns
                .iter_mut()
                .find(|(name, _)| *name == column)
                .unwrap()
                .1[1] = bad;
            let data = table(&session(), &columns, &[]);
            let error = on(&["x"]).fit(data.clone()).await.unwrap_err().to_string();
            let whose = if column == "y" {
                "the label"
            } else {
                "feature 0"
            };
            assert!(
                error.contains(whose) && error.contains("handleInvalid"),
                "{error}"
            );
            let skipping = LinearRegression {
                handle_invalid: HandleInvalid::Skip,
                ..on(&["x"])
            };
            let model = skipping.fit(data).await.unwrap();
            close(model.coefficients()[0], 2.0, 1e-14, "slope");
            close(model.intercept(), 1.0, 1e-14, "intercept");
            assert_eq!(model.summary().unwrap().num_instances(), 3);
        }
    }
    let ctx = session();
    let sql =
        "SELECT * FROM (VALUES (1.0, 0), (3.0, 1), (NULL, 2), (7.0, NULL), (9.0, 4)) AS t(y, x)";
    let error = on(&["x"])
        .fit(ctx.sql(sql).await.unwrap())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("a null"), "{error}");
    for features in [
        Features::Columns(vec!["x".to_owned()]),
        Features::Vector("v".to_owned()),
    ] {
        let data = ctx.sql(sql).await.unwrap();
        let data = data.with_column("v", vector(vec![col("x")])).unwrap();
        let skipping = LinearRegression {
            handle_invalid: HandleInvalid::Skip,
            ..LinearRegression::new(features, "y")
        };
        let model = skipping.fit(data).await.unwrap();
        close(model.coefficients()[0], 2.0, 1e-14, "slope");
        assert_eq!(model.summary().unwrap().num_instances(), 3);
    }
    let negative = ctx
        .sql("SELECT * FROM (VALUES (1.0, 0, 1), (3.0, 1, -1)) AS t(y, x, w)")
        .await
        .unwrap();
    let weighted = LinearRegression {
        weight_col: Some("w".to_owned()),
        ..on(&["x"])
    };
    let error = weighted.fit(negative).await.unwrap_err().to_string();
    assert!(error.contains("a weight is -1"), "{error}");
}

#[tokio::test]
async fn no_rows_is_an_error() {
    let data = sample(&[]).filter(col("y").gt(lit(1e9))).unwrap();
    let error = on(&["x0"]).fit(data).await.unwrap_err().to_string();
    assert!(error.contains("no rows"), "{error}");
}

#[tokio::test]
async fn parameters_are_checked_by_name() {
    let base = on(&["x0"]);
    for (estimator, message) in [
        (
            LinearRegression {
                reg_param: -1.0,
                ..base.clone()
            },
            "regParam is -1",
        ),
        (
            LinearRegression {
                reg_param: f64::NAN,
                ..base.clone()
            },
            "regParam is NaN",
        ),
        (
            LinearRegression {
                elastic_net_param: 1.5,
                ..base.clone()
            },
            "elasticNetParam is 1.5",
        ),
        (
            LinearRegression {
                tol: -0.1,
                ..base.clone()
            },
            "tol is -0.1",
        ),
        (
            LinearRegression {
                loss: Loss::Huber,
                ..base.clone()
            },
            "huber",
        ),
        (on(&[]), "no features"),
    ] {
        let error = estimator.fit(sample(&[])).await.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(
        "newton"
            .parse::<Solver>()
            .unwrap_err()
            .to_string()
            .contains("l-bfgs")
    );
}

/// With `x1 = 2 x0` standardised features are equal, so the least norm shares the effect equally between them.
#[tokio::test]
async fn collinear_features_share_their_effect() {
    let x: Vec<f64> = noise(1, 300);
    let double: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
    let y = x.iter().map(|x| 4.0 * x + 1.0).collect();
    let data = table(&session(), &[("y", y), ("x0", x), ("x1", double)], &[77]);
    let model = on(&["x0", "x1"]).fit(data).await.unwrap();
    close(model.coefficients()[0], 2.0, 1e-10, "x0");
    close(model.coefficients()[1], 1.0, 1e-10, "x1");
    close(model.intercept(), 1.0, 1e-10, "intercept");
    let error = model.summary().unwrap().p_values().unwrap_err().to_string();
    assert!(error.contains("no standard errors"), "{error}");
}

#[tokio::test]
async fn constants_and_few_rows() {
    let line = [
        ("y", vec![1.0, 3.0, 5.0]),
        ("x", vec![0.0, 1.0, 2.0]),
        ("one", vec![0.1; 3]),
    ];
    let model = on(&["x", "one"])
        .fit(table(&session(), &line, &[]))
        .await
        .unwrap();
    close(model.coefficients()[0], 2.0, 1e-14, "slope");
    assert_eq!(model.coefficients()[1], 0.0);
    close(model.intercept(), 1.0, 1e-14, "intercept");

    // A constant label: the intercept, or without one the slope through the origin.
    let flat = [("y", vec![4.0, 4.0]), ("x", vec![1.0, 2.0])];
    let data = table(&session(), &flat, &[]);
    let model = on(&["x"]).fit(data.clone()).await.unwrap();
    assert_eq!((model.coefficients(), model.intercept()), (&[0.0][..], 4.0));
    let origin = LinearRegression {
        fit_intercept: false,
        ..on(&["x"])
    };
    let model = origin.fit(data.clone()).await.unwrap();
    close(model.coefficients()[0], 12.0 / 5.0, 1e-14, "Σ x y / Σ x²");
    let penalised = LinearRegression {
        reg_param: 0.1,
        ..origin
    };
    let error = penalised.fit(data).await.unwrap_err().to_string();
    assert!(error.contains("the label is constant"), "{error}");

    // Two rows, three features: they pass through both rows.
    let few = [
        ("y", vec![1.0, 2.0]),
        ("x0", vec![0.0, 1.0]),
        ("x1", vec![5.0, 3.0]),
        ("x2", vec![1.0, 1.0]),
    ];
    let model = on(&["x0", "x1", "x2"])
        .fit(table(&session(), &few, &[]))
        .await
        .unwrap();
    close(
        model.predict(&[0.0, 5.0, 1.0]).unwrap(),
        1.0,
        1e-13,
        "first row",
    );
    close(
        model.predict(&[1.0, 3.0, 1.0]).unwrap(),
        2.0,
        1e-13,
        "second row",
    );
    // Standardised, x0 and x1 rise and fall by the same.
    close(model.coefficients()[0], 0.5, 1e-13, "x0");
    close(model.coefficients()[1], -0.25, 1e-13, "x1");
    assert!(model.predict(&[1.0]).is_err());
}

/// Rows of weight `w` are `w` rows, to the coefficients and to the errors of the fit.
#[tokio::test]
async fn weights_are_repeated_rows() {
    let (x, noise) = (noise(2, 200), noise(3, 200));
    let y: Vec<f64> = x.iter().zip(&noise).map(|(x, e)| 2.0 * x + e).collect();
    let weight: Vec<f64> = (0..200).map(|i| f64::from(i % 3)).collect();
    let repeat = |values: &[f64]| -> Vec<f64> {
        let repeats = |(i, v): (usize, &f64)| std::iter::repeat_n(*v, i % 3);
        values.iter().enumerate().flat_map(repeats).collect()
    };
    let repeated = table(&session(), &[("y", repeat(&y)), ("x", repeat(&x))], &[]);
    let weighted = table(&session(), &[("y", y), ("x", x), ("w", weight)], &[50]);
    let penalty = LinearRegression {
        reg_param: 0.05,
        elastic_net_param: 0.5,
        ..on(&["x"])
    };
    let one = penalty.fit(repeated).await.unwrap();
    let with_weights = LinearRegression {
        weight_col: Some("w".to_owned()),
        ..penalty
    };
    let other = with_weights.fit(weighted).await.unwrap();
    close(
        other.coefficients()[0],
        one.coefficients()[0],
        1e-12,
        "slope",
    );
    close(other.intercept(), one.intercept(), 1e-12, "intercept");
    let (one, other) = (one.summary().unwrap(), other.summary().unwrap());
    close(
        other.mean_squared_error(),
        one.mean_squared_error(),
        1e-12,
        "mse",
    );
    let mae = other.mean_absolute_error().await.unwrap();
    close(mae, one.mean_absolute_error().await.unwrap(), 1e-12, "mae");
}

#[tokio::test]
async fn transform_equals_predict() {
    let features = names(10);
    let data = sample(&[200]);
    let vectors = vector(features.iter().map(ident).collect());
    let data = data.with_column("v", vectors).unwrap();
    let columns = LinearRegression::new(Features::Columns(features), "y");
    let by_columns = columns.fit(data.clone()).await.unwrap();
    let by_vector = LinearRegression::new(Features::Vector("v".to_owned()), "y");
    let by_vector = by_vector.fit(data.clone()).await.unwrap();
    for model in [by_columns, by_vector] {
        let batches = model
            .transform(data.clone())
            .unwrap()
            .collect()
            .await
            .unwrap();
        let mut rows = 0;
        for batch in &batches {
            let predictions = batch.column_by_name("prediction").unwrap();
            let predictions = predictions.as_primitive::<Float64Type>();
            let vectors = batch.column_by_name("v").unwrap().as_fixed_size_list();
            for row in 0..batch.num_rows() {
                let features = vectors.value(row);
                let features = features.as_primitive::<Float64Type>().values();
                let want = model.predict(features).unwrap();
                close(predictions.value(row), want, 1e-14, "prediction");
            }
            rows += batch.num_rows();
        }
        assert_eq!(rows, 501);
        let twice = model.transform(data.clone()).unwrap();
        assert!(
            model
                .transform(twice)
                .unwrap_err()
                .to_string()
                .contains("prediction")
        );
    }
}

#[tokio::test]
async fn sparse_rows_are_dense_rows() {
    let (label, features) = spark_sample();
    let rows: Vec<Vec<(i32, f64)>> = (0..label.len())
        .map(|row| {
            (0..10)
                .map(|j| (j as i32, features[j][row]))
                .filter(|(_, v)| v.abs() > 0.3)
                .collect()
        })
        .collect();
    let mut dense: Vec<Vec<f64>> = vec![vec![0.0; label.len()]; 10];
    for (at, row) in rows.iter().enumerate() {
        row.iter().for_each(|(j, v)| dense[*j as usize][at] = *v);
    }
    let names = names(10);
    let mut columns = vec![("y", label.clone())];
    columns.extend(names.iter().map(String::as_str).zip(dense));
    let columns_fit = LinearRegression {
        reg_param: 0.1,
        ..LinearRegression::new(Features::Columns(names.clone()), "y")
    };
    let want = columns_fit
        .fit(table(&session(), &columns, &[]))
        .await
        .unwrap();
    let estimator = LinearRegression {
        features: Features::Vector("features".to_owned()),
        label_col: "label".to_owned(),
        ..columns_fit
    };
    let data = sparse_table(label, &rows, 10);
    let model = estimator.fit(data.clone()).await.unwrap();
    for (a, b) in model.coefficients().iter().zip(want.coefficients()) {
        close(*a, *b, 1e-12, "coefficient");
    }
    let mae = model
        .summary()
        .unwrap()
        .mean_absolute_error()
        .await
        .unwrap();
    let dense_mae = want.summary().unwrap().mean_absolute_error().await.unwrap();
    close(mae, dense_mae, 1e-12, "mae");
}

/// 5000 features of which each row has one: every feature's problem is its own, with a closed form.
#[tokio::test]
async fn thousands_of_features_are_fitted_by_gradients() {
    let (width, repeats) = (5000, 4);
    let rows: Vec<Vec<(i32, f64)>> = (0..width * repeats)
        .map(|i| vec![(i % width, 1.0)])
        .collect();
    let effect = |j: i32| f64::from(j % 7) - 3.0;
    let label: Vec<f64> = (0..width * repeats).map(|i| effect(i % width)).collect();
    let data = sparse_table(label, &rows, width);
    let base = LinearRegression {
        fit_intercept: false,
        standardization: false,
        tol: 1e-10,
        ..LinearRegression::new(Features::Vector("features".to_owned()), "label")
    };
    let model = base.fit(data.clone()).await.unwrap();
    for (j, b) in (0..).zip(model.coefficients()) {
        close(*b, effect(j), 1e-6, "least squares");
    }
    // Times σ_y² the objective is ½ Σ (y − xb)² / n + λ Σ |b|, and each feature has 1 / width of the rows.
    let lasso = LinearRegression {
        reg_param: 1e-4,
        elastic_net_param: 1.0,
        ..base.clone()
    };
    let model = lasso.fit(data.clone()).await.unwrap();
    for (j, b) in (0..).zip(model.coefficients()) {
        let want = effect(j).signum() * (effect(j).abs() - 1e-4 * f64::from(width)).max(0.0);
        close(*b, want, 1e-6, "lasso");
    }
    let summary = model.summary().unwrap();
    assert!(summary.total_iterations() > 0);
    // Residuals are −½ or ½ except where the effect is 0.
    let nonzero = (0..width).filter(|j| effect(*j) != 0.0).count() as f64 / f64::from(width);
    close(summary.mean_squared_error(), 0.25 * nonzero, 1e-6, "mse");
    let normal = LinearRegression {
        solver: Solver::Normal,
        ..base
    };
    let error = normal.fit(data).await.unwrap_err().to_string();
    assert!(error.contains("4096"), "{error}");
}

/// The fold of a row, as the crate's documentation states it.
fn fold(label: f64, features: &[f64], folds: u64, seed: u64) -> u64 {
    let mix = |hash: u64, value: f64| {
        let mut z = (hash ^ value.to_bits()).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    features.iter().fold(mix(seed, label), |h, x| mix(h, *x)) % folds
}

/// A path's coefficients are those of each fit, and its errors those of fits to the rows of the other folds.
#[tokio::test]
async fn a_path_is_every_fit_and_every_fold_refitted() {
    let (label, features) = spark_sample();
    let names = names(10);
    let (folds, seed) = (3, 42);
    let fold_of: Vec<f64> = (0..label.len())
        .map(|row| {
            let features: Vec<f64> = features.iter().map(|c| c[row]).collect();
            fold(label[row], &features, folds, seed) as f64
        })
        .collect();
    let mut columns = vec![("y", label), ("fold", fold_of)];
    columns.extend(names.iter().map(String::as_str).zip(features));
    let data = table(&session(), &columns, &[11, 300]);
    let estimator = LinearRegression::new(Features::Columns(names), "y");
    let (regs, nets) = ([0.01, 1.0, 0.3], [0.0, 0.8]);
    let path = estimator
        .path(data.clone(), &regs, &nets, folds as usize, seed)
        .await
        .unwrap();
    assert_eq!(path.points.len(), 6);
    for (point, (reg, net)) in path
        .points
        .iter()
        .zip(regs.iter().flat_map(|r| nets.map(|n| (*r, n))))
    {
        assert_eq!((point.reg_param, point.elastic_net_param), (reg, net));
        let estimator = LinearRegression {
            reg_param: reg,
            elastic_net_param: net,
            ..estimator.clone()
        };
        let model = estimator.fit(data.clone()).await.unwrap();
        for (a, b) in point.coefficients.iter().zip(model.coefficients()) {
            close(*a, *b, 1e-10, "coefficient");
        }
        close(point.intercept, model.intercept(), 1e-10, "intercept");
        let mut errors = Vec::new();
        for k in 0..folds {
            let others = data
                .clone()
                .filter(col("fold").not_eq(lit(k as f64)))
                .unwrap();
            let own = data.clone().filter(col("fold").eq(lit(k as f64))).unwrap();
            let model = estimator.fit(others).await.unwrap();
            let evaluator = RegressionEvaluator {
                label_col: "y".to_owned(),
                ..RegressionEvaluator::default()
            };
            errors.push(
                evaluator
                    .evaluate(model.transform(own).unwrap())
                    .await
                    .unwrap(),
            );
        }
        let mean = errors.iter().sum::<f64>() / 3.0;
        let variance = errors.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / 2.0;
        close(point.cv_rmse_mean, mean, 1e-10, "mean");
        close(
            point.cv_rmse_std,
            variance.sqrt(),
            1e-9,
            "standard deviation",
        );
    }
    let least = path
        .points
        .iter()
        .map(|p| p.cv_rmse_mean)
        .fold(f64::MAX, f64::min);
    assert_eq!(path.points[path.best].cv_rmse_mean, least);
    for (a, b) in (path.best_model.coefficients().iter()).zip(&path.points[path.best].coefficients)
    {
        close(*a, *b, 1e-12, "best");
    }
    let error = estimator.path(data, &regs, &nets, 1, 0).await.unwrap_err();
    assert!(error.to_string().contains("folds is 1"), "{error}");
}

#[tokio::test]
async fn the_evaluator_has_closed_forms() {
    // Residuals 1, −1, 2, 0 with weights 1, 2, 1, 4; label mean (1·1 + 2·2 + 3 + 4·4) / 8 = 3.
    let columns = [
        ("label", vec![1.0, 2.0, 3.0, 4.0]),
        ("prediction", vec![0.0, 3.0, 1.0, 4.0]),
        ("w", vec![1.0, 2.0, 1.0, 4.0]),
    ];
    let data = table(&session(), &columns, &[2]);
    for (metric, want) in [
        ("mse", 7.0 / 8.0),
        ("rmse", (7.0_f64 / 8.0).sqrt()),
        ("mae", 5.0 / 8.0),
        // (0 − 3)² + 2 (3 − 3)² + (1 − 3)² + 4 (4 − 3)² = 17
        ("var", 17.0 / 8.0),
    ] {
        let evaluator = RegressionEvaluator {
            metric: metric.parse::<RegressionMetric>().unwrap(),
            weight_col: Some("w".to_owned()),
            ..RegressionEvaluator::default()
        };
        close(
            evaluator.evaluate(data.clone()).await.unwrap(),
            want,
            1e-15,
            metric,
        );
    }
    let r2 = RegressionEvaluator {
        metric: RegressionMetric::R2,
        ..RegressionEvaluator::default()
    };
    // Residuals 6, squares about the mean 5.
    close(
        r2.evaluate(data).await.unwrap(),
        1.0 - 6.0 / 5.0,
        1e-15,
        "r2",
    );
}

#[tokio::test]
async fn a_saved_model_is_the_same_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models/linear");
    let features = Features::Columns(names(10));
    let model = LinearRegression::new(features, "y")
        .fit(sample(&[]))
        .await
        .unwrap();
    model.save(&path, false).unwrap();
    let loaded = LinearRegressionModel::load(&path).unwrap();
    assert_eq!(loaded.coefficients(), model.coefficients());
    assert_eq!(loaded.intercept().to_bits(), model.intercept().to_bits());
    assert_eq!(loaded.features(), model.features());
    assert_eq!(loaded.prediction_col(), "prediction");
    assert!(loaded.summary().is_none());

    let error = model.save(&path, false).unwrap_err().to_string();
    assert!(error.contains("overwrite"), "{error}");
    model.save(&path, true).unwrap();
    let beside: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1, "nothing is left beside the model");

    let load = || LinearRegressionModel::load(&path).unwrap_err().to_string();
    let model = std::fs::read(path.join("model.json")).unwrap();
    std::fs::write(path.join("model.json"), &model[..model.len() - 1]).unwrap();
    assert!(load().contains("torn"), "{}", load());
    std::fs::remove_dir_all(&path).unwrap();
    assert!(load().contains("cannot read"), "{}", load());
}
