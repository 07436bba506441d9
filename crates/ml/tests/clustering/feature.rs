//! Assembler, scaler and random split.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::DataFrame;
use springald_ml::{
    AssembleInvalid, StandardScaler, StandardScalerModel, VectorAssembler, random_split,
};

use crate::{close, frame, session, spark};

fn assembler(width: usize) -> VectorAssembler {
    VectorAssembler::new((0..width).map(|at| format!("x{at}")).collect(), "features")
}

async fn vectors(frame: DataFrame, name: &str) -> Vec<Vec<f64>> {
    let batches = frame
        .sort_by(vec![col("row")])
        .unwrap()
        .collect()
        .await
        .unwrap();
    let rows = batches.iter().flat_map(|batch| {
        let vectors = batch.column_by_name(name).unwrap().as_fixed_size_list();
        let row = |at| {
            vectors
                .value(at)
                .as_primitive::<Float64Type>()
                .values()
                .to_vec()
        };
        (0..vectors.len()).map(row).collect::<Vec<_>>()
    });
    rows.collect()
}

#[tokio::test]
async fn the_scaler_is_sparks() {
    let spark = spark::read();
    for expected in &spark.scalers {
        let data = assembler(3)
            .transform(frame(&spark.scaler_rows, None, &[1, 0, 2]))
            .unwrap();
        let scaler = StandardScaler {
            with_mean: expected.with_mean,
            with_std: expected.with_std,
            ..StandardScaler::new("features", "scaled")
        };
        let model = scaler.fit(data.clone()).await.unwrap();
        close(model.mean(), &expected.mean, 1e-15);
        close(model.std(), &expected.std, 1e-15);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scaler");
        model.save(&path, false).unwrap();
        let model = StandardScalerModel::load(&path).unwrap();
        let scaled = vectors(model.transform(data).unwrap(), "scaled").await;
        for (found, expected) in scaled.iter().zip(&expected.output) {
            close(found, expected, 1e-15);
        }
    }
    let e = StandardScaler::new("x0", "scaled")
        .fit(frame(&[vec![1.0]], None, &[1]))
        .await;
    assert!(e.unwrap_err().to_string().contains("holds no vectors"));
}

#[tokio::test]
async fn the_assembler_treats_invalid_rows_as_told() {
    let ctx = session();
    let sql = "SELECT a, b, vector(b, 7) AS v, row FROM (VALUES \
               (1.0, 2, 0), (NULL, 3, 1), ('NaN'::double, 4, 2), (5.0, NULL, 3)) AS t(a, b, row)";
    for f in springald_ml::scalar_functions() {
        ctx.register_udf(f.as_ref().clone());
    }
    let data = ctx.sql(sql).await.unwrap();
    let inputs = ["a", "v", "b"].map(str::to_owned).to_vec();
    let assembler = VectorAssembler::new(inputs, "features");
    let e = assembler
        .transform(data.clone())
        .unwrap()
        .collect()
        .await
        .unwrap_err();
    assert!(e.to_string().contains("a null or NaN"), "{e}");
    let skip = VectorAssembler {
        handle_invalid: AssembleInvalid::Skip,
        ..assembler.clone()
    };
    let found = vectors(skip.transform(data.clone()).unwrap(), "features").await;
    assert_eq!(found, [[1.0, 2.0, 7.0, 2.0]]);
    let keep = VectorAssembler {
        handle_invalid: AssembleInvalid::Keep,
        ..assembler.clone()
    };
    let found = vectors(keep.transform(data.clone()).unwrap(), "features").await;
    let text: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(
        text,
        [
            "[1.0, 2.0, 7.0, 2.0]",
            "[NaN, 3.0, 7.0, 3.0]",
            "[NaN, 4.0, 7.0, 4.0]",
            "[5.0, NaN, NaN, NaN]"
        ]
    );
    let taken = VectorAssembler::new(vec!["a".to_owned()], "b");
    let e = taken.transform(data.clone()).unwrap_err();
    assert!(e.to_string().contains("already"), "{e}");
    assert!(
        VectorAssembler::new(vec![], "f")
            .transform(data.clone())
            .is_err()
    );
    let missing = VectorAssembler::new(vec!["zz".to_owned()], "f");
    assert!(
        missing
            .transform(data)
            .unwrap_err()
            .to_string()
            .contains("zz")
    );
}

async fn numbers(frame: &DataFrame) -> Vec<i64> {
    let frame = frame.clone().select(vec![col("row")]).unwrap();
    let batches = frame.collect().await.unwrap();
    let columns = batches
        .iter()
        .map(|batch| batch.column(0).as_primitive::<Int64Type>());
    let mut numbers: Vec<i64> = columns.flat_map(|c| c.values().to_vec()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn parts_are_the_same_whatever_the_partitions() {
    let rows = spark::sixteen();
    let mut first = None;
    for sizes in [&[4000][..], &[1000, 0, 77], &[500]] {
        let data = frame(&rows, None, sizes);
        let data = data.with_column("text", lit("x")).unwrap();
        let parts = random_split(&data, &[3.0, 1.0], 11).unwrap();
        let (large, small) = (numbers(&parts[0]).await, numbers(&parts[1]).await);
        let mut all = [large.clone(), small.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..4000).collect::<Vec<_>>());
        // 3000 of 4000 on average, with a standard deviation of 27.4.
        assert!((2890..3110).contains(&large.len()), "{}", large.len());
        let other = random_split(&data, &[3.0, 1.0], 12).unwrap();
        assert_ne!(numbers(&other[0]).await, large);
        assert_eq!(first.get_or_insert_with(|| large.clone()), &large);
    }
    let data = frame(&rows, None, &[4000]);
    for weights in [&[][..], &[0.0, 0.0], &[1.0, -1.0], &[f64::NAN]] {
        assert!(random_split(&data, weights, 1).is_err());
    }
}
