//! k-means.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::DataFrame;
use springald_ml::{DistanceMeasure, InitMode, KMeans, KMeansModel, KMeansSummary};
use springald_ml::{Features, HandleInvalid, vector};

use crate::{close, features, frame, session, spark};

fn summary(model: &KMeansModel) -> &KMeansSummary {
    model.summary().unwrap()
}

fn from_centres(width: usize, centres: &[Vec<f64>]) -> KMeans {
    KMeans {
        k: centres.len(),
        init_mode: InitMode::Centres(centres.to_vec()),
        ..KMeans::new(features(width))
    }
}

async fn predictions(model: &KMeansModel, frame: DataFrame) -> Vec<Option<i32>> {
    let frame = model.transform(frame).unwrap();
    let frame = frame.select(vec![col("row"), col("prediction")]).unwrap();
    let mut pairs = Vec::new();
    for batch in frame.collect().await.unwrap() {
        let rows = batch.column(0).as_primitive::<Int64Type>();
        let found = batch.column(1).as_primitive::<Int32Type>();
        pairs.extend(rows.values().iter().copied().zip(found.iter()));
    }
    pairs.sort_unstable();
    pairs.into_iter().map(|(_, found)| found).collect()
}

#[tokio::test]
async fn from_given_centres_it_is_spark() {
    let spark = spark::read();
    for run in &spark.runs {
        let params = KMeans {
            max_iter: run.max_iter,
            tol: run.tol,
            distance_measure: run.distance_measure,
            ..from_centres(4, &run.centres)
        };
        let model = params.fit(frame(&spark.iris, None, &[40])).await.unwrap();
        for (found, expected) in model.centres().iter().zip(&run.found) {
            close(found, expected, 1e-12);
        }
        let summary = summary(&model);
        assert_eq!(summary.iterations, run.num_iter);
        assert_eq!(summary.cluster_sizes, run.sizes);
        close(&[summary.training_cost], &[run.training_cost], 1e-12);
        close(&[summary.cost], &[run.final_cost], 1e-12);
        assert_eq!(summary.converged, run.num_iter < run.max_iter);
    }
}

#[tokio::test]
async fn it_begins_no_worse_than_spark_on_sixteen_clusters() {
    let spark = spark::read();
    let rows = spark::sixteen();
    close(&rows[0], &spark.sixteen_first_row, 1e-15);
    // Seeds do not mean the same in both, so medians, minima and maxima of ten are compared.
    let mut parallel = Vec::new();
    let mut random = Vec::new();
    for seed in 0..10 {
        let params = KMeans {
            k: 16,
            seed,
            ..KMeans::new(features(16))
        };
        let model = params.fit(frame(&rows, None, &[1500])).await.unwrap();
        assert_eq!(model.k(), 16);
        parallel.push(summary(&model).training_cost);
        let params = KMeans {
            init_mode: InitMode::Random,
            ..params
        };
        let model = params.fit(frame(&rows, None, &[1500])).await.unwrap();
        random.push(summary(&model).training_cost);
    }
    let sorted = |costs: &[f64]| {
        let mut costs = costs.to_vec();
        costs.sort_unstable_by(f64::total_cmp);
        (costs[0], costs[4].midpoint(costs[5]), costs[9])
    };
    let (ours, sparks) = (sorted(&parallel), sorted(&spark.sixteen_costs));
    // Where both find the clusters, their costs differ by rounding.
    assert!(ours.0 <= sparks.0 * (1.0 + 1e-12), "{ours:?} {sparks:?}");
    assert!(
        ours.1 <= sparks.1 && ours.2 <= sparks.2,
        "{ours:?} {sparks:?}"
    );
    // Random rows are no better here than there; they only have to be as good as random rows are.
    let (ours, sparks) = (sorted(&random), sorted(&spark.sixteen_random_costs));
    assert!(ours.1 < 1.5 * sparks.1, "{ours:?} {sparks:?}");
}

#[tokio::test]
async fn partitions_and_order_change_nothing() {
    let rows = spark::sixteen()[..1000].to_vec();
    let weights: Vec<f64> = (0..rows.len())
        .map(|row| 0.25 + (row % 7) as f64 / 3.0)
        .collect();
    for init_mode in [InitMode::Parallel, InitMode::Random] {
        for distance_measure in [DistanceMeasure::Euclidean, DistanceMeasure::Cosine] {
            let params = KMeans {
                k: 7,
                seed: 3,
                init_mode: init_mode.clone(),
                distance_measure,
                weight_col: Some("weight".to_owned()),
                ..KMeans::new(features(16))
            };
            let whole = frame(&rows, Some(&weights), &[1000]);
            let whole = params.fit(whole).await.unwrap();
            for sizes in [&[1, 0, 300][..], &[17], &[999, 1]] {
                let parts = frame(&rows, Some(&weights), sizes);
                let parts = params.fit(parts).await.unwrap();
                for (a, b) in whole.centres().iter().zip(parts.centres()) {
                    close(a, b, 1e-12);
                }
                assert_eq!(summary(&whole).cluster_sizes, summary(&parts).cluster_sizes);
            }
            let sorted = frame(&rows, Some(&weights), &[400]);
            let sorted = sorted.sort(vec![col("x3").sort(true, false)]).unwrap();
            let sorted = params.fit(sorted).await.unwrap();
            close(sorted.centres()[6], whole.centres()[6], 1e-12);
        }
    }
}

#[tokio::test]
async fn a_weight_is_as_many_rows() {
    let spark = spark::read();
    let weights: Vec<f64> = (0..150).map(|row| f64::from(row % 4)).collect();
    let repeated: Vec<Vec<f64>> = spark
        .iris
        .iter()
        .zip(&weights)
        .flat_map(|(row, weight)| vec![row.clone(); *weight as usize])
        .collect();
    let centres = [
        spark.iris[1].clone(),
        spark.iris[51].clone(),
        spark.iris[101].clone(),
    ];
    for distance_measure in [DistanceMeasure::Euclidean, DistanceMeasure::Cosine] {
        let params = KMeans {
            distance_measure,
            ..from_centres(4, &centres)
        };
        let repeated = params.fit(frame(&repeated, None, &[50])).await.unwrap();
        let params = KMeans {
            weight_col: Some("weight".to_owned()),
            ..params
        };
        let weighted = frame(&spark.iris, Some(&weights), &[50]);
        let weighted = params.fit(weighted).await.unwrap();
        for (a, b) in weighted.centres().iter().zip(repeated.centres()) {
            close(a, b, 1e-12);
        }
        let (a, b) = (summary(&weighted), summary(&repeated));
        close(
            &[a.cost, a.training_cost],
            &[b.cost, b.training_cost],
            1e-12,
        );
        assert_eq!(a.iterations, b.iterations);
        assert_eq!(a.cluster_sizes.iter().sum::<u64>(), 150);
    }
}

#[tokio::test]
async fn fewer_different_rows_than_k_are_fewer_centres() {
    let spark = spark::read();
    let rows: Vec<Vec<f64>> = (0..30).map(|row| vec![f64::from(row % 3), 1.0]).collect();
    for init_mode in [InitMode::Parallel, InitMode::Random] {
        let params = KMeans {
            k: 5,
            init_mode,
            ..KMeans::new(features(2))
        };
        let model = params.fit(frame(&rows, None, &[7])).await.unwrap();
        assert_eq!(model.k(), spark.three_points_k_5);
        let mut centres = model.centres();
        centres.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(centres, [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]);
        assert_eq!(summary(&model).cluster_sizes, [10, 10, 10]);
        assert_eq!(summary(&model).cost, 0.0);
    }
    // Three directions, at thirty lengths: by cosine these are three different rows.
    let rows: Vec<Vec<f64>> = (0..30)
        .map(|row| {
            let length = 0.1 + f64::from(row);
            vec![f64::from(row % 3) * length, length / 3.0]
        })
        .collect();
    let params = KMeans {
        k: 5,
        distance_measure: DistanceMeasure::Cosine,
        ..KMeans::new(features(2))
    };
    let model = params.fit(frame(&rows, None, &[7])).await.unwrap();
    assert_eq!(model.k(), 3);
    assert!(summary(&model).cost < 1e-14);
}

#[tokio::test]
async fn heavily_repeated_rows_still_fill_k() {
    // One row in ten thousand is different: of those, all have to be found.
    let rows: Vec<Vec<f64>> = (0..20_000)
        .map(|row| {
            vec![if row % 10_000 < 3 {
                f64::from(1 + row % 10_000)
            } else {
                0.0
            }]
        })
        .collect();
    let params = KMeans {
        k: 4,
        ..KMeans::new(features(1))
    };
    let model = params.fit(frame(&rows, None, &[6000])).await.unwrap();
    assert_eq!((model.k(), summary(&model).cost), (4, 0.0));
}

#[tokio::test]
async fn one_cluster_is_the_mean_and_none_without_iterations() {
    let rows: Vec<Vec<f64>> = [1.0, 2.0, 6.0].map(|x| vec![x, -x]).to_vec();
    let params = from_centres(2, &[vec![0.0, 0.0]]);
    let model = params.fit(frame(&rows, None, &[2])).await.unwrap();
    assert_eq!(model.centres(), [[3.0, -3.0]]);
    // 2·(4 + 1 + 9)
    assert_eq!(summary(&model).cost, 28.0);
    let params = KMeans {
        max_iter: 0,
        ..params
    };
    let model = params.fit(frame(&rows, None, &[2])).await.unwrap();
    assert_eq!(model.centres(), [[0.0, 0.0]]);
    let summary = summary(&model);
    assert_eq!((summary.training_cost, summary.iterations), (0.0, 0));
    assert_eq!(summary.cost, 82.0);
}

#[tokio::test]
async fn the_model_predicts_measures_and_comes_back() {
    let rows = [[0.0, 0.0], [3.0, 4.0], [10.0, 0.0], [10.0, 1.0]].map(|row| row.to_vec());
    let params = KMeans {
        max_iter: 0,
        distance_col: Some("distance".to_owned()),
        ..from_centres(2, &[vec![0.0, 0.0], vec![10.0, 0.0]])
    };
    let model = params.fit(frame(&rows, None, &[3])).await.unwrap();
    let found = predictions(&model, frame(&rows, None, &[3])).await;
    assert_eq!(found, [Some(0), Some(0), Some(1), Some(1)]);
    for (row, found) in rows.iter().zip(found) {
        assert_eq!(model.predict(row).unwrap(), found.unwrap() as usize);
    }
    let with_distance = model.transform(frame(&rows, None, &[4])).unwrap();
    let with_distance = with_distance.select(vec![col("distance")]).unwrap();
    let batches = with_distance.collect().await.unwrap();
    let distances = batches[0].column(0).as_primitive::<Float64Type>();
    assert_eq!(distances.values(), &[0.0, 5.0, 0.0, 1.0]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    model.save(&path, false).unwrap();
    let loaded = KMeansModel::load(&path).unwrap();
    assert_eq!(loaded.centres(), model.centres());
    assert_eq!(
        (&loaded.features, &loaded.distance_col),
        (&model.features, &model.distance_col)
    );
    assert_eq!(
        predictions(&loaded, frame(&rows, None, &[3])).await.len(),
        4
    );
    assert!(model.save(&path, false).is_err());
    model.save(&path, true).unwrap();
    assert!(model.predict(&[1.0]).is_err());
    assert!(model.predict(&[1.0, f64::NAN]).is_err());
}

#[tokio::test]
async fn lists_and_sparse_vectors_are_features_too() {
    let spark = spark::read();
    let centres = [
        spark.iris[0].clone(),
        spark.iris[50].clone(),
        spark.iris[100].clone(),
    ];
    let columns = from_centres(4, &centres);
    let columns = columns.fit(frame(&spark.iris, None, &[64])).await.unwrap();
    let ctx = session();
    ctx.register_table("iris", frame(&spark.iris, None, &[64]).into_view())
        .unwrap();
    let list = "SELECT [x0, x1, x2, x3] AS v, row FROM iris";
    let sparse = "SELECT named_struct('size', 4::int, 'indices', \
                  arrow_cast([0, 1, 2, 3], 'List(Int32)'), 'values', [x0, x1, x2, x3]) AS v, row \
                  FROM iris";
    for sql in [list, sparse] {
        let params = KMeans {
            features: Features::Vector("v".to_owned()),
            ..from_centres(4, &centres)
        };
        let vectors = ctx.sql(sql).await.unwrap();
        let model = params.fit(vectors.clone()).await.unwrap();
        assert_eq!(model.centres(), columns.centres());
        let expected = predictions(&columns, frame(&spark.iris, None, &[64])).await;
        assert_eq!(predictions(&model, vectors).await, expected);
    }
}

#[tokio::test]
async fn invalid_rows_fail_or_are_skipped() {
    let rows = [
        [0.0, 0.0],
        [f64::NAN, 4.0],
        [10.0, 0.0],
        [f64::INFINITY, 1.0],
        [2.0, 0.0],
    ];
    let rows = rows.map(|row| row.to_vec());
    let params = from_centres(2, &[vec![0.0, 0.0], vec![10.0, 0.0]]);
    let data = || {
        let with_null = datafusion::logical_expr::when(col("row").eq(lit(4)), lit(f64::NAN))
            .otherwise(col("x0"))
            .unwrap();
        let nulls = datafusion::functions::expr_fn::nullif(col("row"), lit(4_i64));
        let frame = frame(&rows, None, &[2])
            .with_column("x0", with_null)
            .unwrap();
        let frame = frame.with_column("n", nulls).unwrap();
        frame.select(vec![
            vector(vec![col("x0"), col("x1")]).alias("v"),
            col("n"),
            col("row"),
        ])
    };
    let columns = KMeans {
        features: Features::Vector("v".to_owned()),
        ..params
    };
    let e = columns.fit(data().unwrap()).await.unwrap_err().to_string();
    assert!(e.contains("NaN, infinite"), "{e}");
    let skipping = KMeans {
        handle_invalid: HandleInvalid::Skip,
        ..columns.clone()
    };
    let model = skipping.fit(data().unwrap()).await.unwrap();
    assert_eq!(summary(&model).cluster_sizes, [1, 1]);
    let found = predictions(&model, data().unwrap()).await;
    assert_eq!(found, [Some(0), None, Some(1), None, None]);

    let nulls = KMeans {
        features: Features::Columns(vec!["n".to_owned()]),
        ..from_centres(1, &[vec![0.0], vec![3.0]])
    };
    let e = nulls.fit(data().unwrap()).await.unwrap_err().to_string();
    assert!(e.contains("null among its features"), "{e}");
    let nulls = KMeans {
        handle_invalid: HandleInvalid::Skip,
        ..nulls
    };
    let model = nulls.fit(data().unwrap()).await.unwrap();
    assert_eq!(summary(&model).cluster_sizes, [2, 2]);
}

#[tokio::test]
async fn what_cannot_be_clustered_says_why() {
    let rows = vec![vec![1.0, 2.0], vec![0.0, 0.0]];
    let good = from_centres(2, &[vec![0.0, 1.0], vec![1.0, 1.0]]);
    let with = |change: &dyn Fn(&mut KMeans)| {
        let mut params = good.clone();
        change(&mut params);
        params
    };
    let cases: Vec<(KMeans, &str)> = vec![
        (with(&|p| p.k = 0), "k is 0"),
        (with(&|p| p.tol = f64::NAN), "tol is NaN"),
        (with(&|p| p.tol = -1.0), "tol is -1"),
        (with(&|p| p.init_steps = 0), "initSteps is 0"),
        (with(&|p| p.k = 3), "k is 3, but there are 2 initialCenters"),
        (
            with(&|p| p.features = features(1)),
            "initialCenters[0] has 2 numbers where rows have 1",
        ),
        (with(&|p| p.features = features(3)), "x2"),
        (
            with(&|p| p.features = Features::Vector("x0".into())),
            "holds no vectors",
        ),
        (
            with(&|p| p.features = Features::Columns(vec![])),
            "no features",
        ),
        (
            with(&|p| p.weight_col = Some("weight".into())),
            "a weight is null, negative",
        ),
        (
            with(&|p| p.distance_measure = DistanceMeasure::Cosine),
            "a row of zeros",
        ),
        (
            with(&|p| {
                p.distance_measure = DistanceMeasure::Cosine;
                p.init_mode = InitMode::Centres(vec![vec![1.0, 1.0], vec![0.0, 0.0]]);
            }),
            "initialCenters[1] is all zeros",
        ),
    ];
    for (params, message) in cases {
        let data = frame(&rows, Some(&[1.0, -1.0]), &[2]);
        let e = params.fit(data).await.unwrap_err().to_string();
        assert!(e.contains(message), "{e} does not say {message}");
    }
    for init_mode in [InitMode::Parallel, InitMode::Random, good.init_mode.clone()] {
        let params = with(&|p| p.init_mode = init_mode.clone());
        let none = frame(&rows, None, &[1]).filter(lit(false)).unwrap();
        let e = params.fit(none).await.unwrap_err().to_string();
        assert!(e.contains("no rows"), "{e}");
    }
    assert!("k-means".parse::<InitMode>().is_err());
    assert!("manhattan".parse::<DistanceMeasure>().is_err());
}

#[tokio::test]
async fn predictions_of_a_null_batch_are_null() {
    let rows = vec![vec![1.0], vec![2.0]];
    let params = from_centres(1, &[vec![0.0], vec![3.0]]);
    let model = params.fit(frame(&rows, None, &[2])).await.unwrap();
    let data = frame(&rows, None, &[1]);
    let nulls = datafusion::functions::expr_fn::nullif(col("x0"), col("x0"));
    let data = data.with_column("x0", nulls).unwrap();
    let found = predictions(&model, data).await;
    assert!(found.iter().all(Option::is_none) && found.len() == 2);
    let batches = model
        .transform(frame(&rows, None, &[2]))
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert_eq!(
        batches[0]
            .column_by_name("prediction")
            .unwrap()
            .null_count(),
        0
    );
}
