//! `linear_regression` in SQL.

use crate::common::{close, session, table};
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StructArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::prelude::SessionContext;

async fn rows(ctx: &SessionContext, sql: &str) -> RecordBatch {
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn number(fits: &StructArray, field: &str, row: usize) -> Option<f64> {
    let column = fits.column_by_name(field).unwrap();
    let column = column.as_primitive::<Float64Type>();
    column.is_valid(row).then(|| column.value(row))
}

fn coefficients(fits: &StructArray, row: usize) -> Option<Vec<f64>> {
    let column = fits
        .column_by_name("coefficients")
        .unwrap()
        .as_list::<i32>();
    let values = column.is_valid(row).then(|| column.value(row))?;
    Some(values.as_primitive::<Float64Type>().values().to_vec())
}

fn n(fits: &StructArray, row: usize) -> i64 {
    let column = fits.column_by_name("n").unwrap();
    column.as_primitive::<Int64Type>().value(row)
}

/// Each of 10 000 groups is a plane of its own, seen at seven points.
#[tokio::test]
async fn ten_thousand_groups() {
    let ctx = session();
    let (groups, points) = (10_000, 7);
    let total = groups * points;
    let group: Vec<f64> = (0..total).map(|i| f64::from(i % groups)).collect();
    let a: Vec<f64> = (0..total).map(|i| f64::from((i / groups) % 3)).collect();
    let b: Vec<f64> = (0..total)
        .map(|i| f64::from((i / groups) * (i / groups)))
        .collect();
    let y = (0..total as usize)
        .map(|i| group[i] + 2.0 * a[i] - (group[i] / 1000.0) * b[i])
        .collect();
    let columns = [("g", group), ("a", a), ("b", b), ("y", y)];
    let data = table(&ctx, &columns, &[10_001, 33_333]);
    ctx.register_table("t", data.into_view()).unwrap();
    let sql = "SELECT g, linear_regression(y, [a, b]) AS fit FROM t GROUP BY g ORDER BY g";
    let batch = rows(&ctx, sql).await;
    assert_eq!(batch.num_rows(), groups as usize);
    let fits = batch.column(1).as_struct();
    for row in 0..batch.num_rows() {
        let g = row as f64;
        let fit = coefficients(fits, row).unwrap();
        close(fit[0], 2.0, 1e-9, "a");
        close(fit[1], -g / 1000.0, 1e-9, "b");
        close(
            number(fits, "intercept", row).unwrap(),
            g,
            1e-9,
            "intercept",
        );
        close(number(fits, "r2", row).unwrap(), 1.0, 1e-9, "r2");
        assert_eq!(n(fits, row), 7);
    }
}

#[tokio::test]
async fn nulls_few_rows_and_bad_groups() {
    let ctx = session();
    let sql = "
        SELECT g, linear_regression(y, [x, z]) AS fit FROM (VALUES
            ('a nulls', 1.0, 0, 1), ('a nulls', 3.0, 1, 0), ('a nulls', NULL, 2, 2), ('a nulls', 9.0, NULL, 1),
            ('a nulls', 5.0, 2, 1), ('a nulls', 7.0, 3, 3),
            ('b one row', 4.0, 1, 1),
            ('c only nulls', NULL, 1, 1),
            ('d not a number', 1.0, 0, 1), ('d not a number', 'NaN'::double, 1, 0), ('d not a number', 2.0, 2, 2),
            ('e collinear', 1.0, 0, 0), ('e collinear', 5.0, 1, 1), ('e collinear', 9.0, 2, 2)
        ) AS t(g, y, x, z) GROUP BY g ORDER BY g";
    let batch = rows(&ctx, sql).await;
    let fits = batch.column(1).as_struct();
    let fit = coefficients(fits, 0).unwrap();
    close(fit[0], 2.0, 1e-13, "x");
    close(fit[1], 0.0, 1e-13, "z");
    close(
        number(fits, "intercept", 0).unwrap(),
        1.0,
        1e-13,
        "intercept",
    );
    assert_eq!(n(fits, 0), 4);
    assert_eq!(coefficients(fits, 1).unwrap(), [0.0, 0.0]);
    assert_eq!(number(fits, "intercept", 1), Some(4.0));
    assert_eq!(number(fits, "r2", 1), None);
    for (row, rows) in [(2, 0), (3, 3)] {
        assert_eq!(coefficients(fits, row), None);
        for field in ["intercept", "r2", "rmse"] {
            assert_eq!(number(fits, field, row), None);
        }
        assert_eq!(n(fits, row), rows);
    }
    let fit = coefficients(fits, 4).unwrap();
    close(fit[0], 2.0, 1e-12, "half of the effect");
    close(fit[1], 2.0, 1e-12, "the other half");
}

/// One feature is what SQL's own aggregates fit, with integers, a filter and a weight.
#[tokio::test]
async fn one_feature_is_regr_slope() {
    let ctx = session();
    let sql = "
        SELECT linear_regression(y, [x]) FILTER (WHERE x < 8) AS fit,
               regr_slope(y, x) FILTER (WHERE x < 8), regr_intercept(y, x) FILTER (WHERE x < 8),
               regr_r2(y, x) FILTER (WHERE x < 8),
               linear_regression(y, vector(x), w), linear_regression(y, [x], 3)
        FROM (VALUES (1, 2, 1), (2, 1, 0), (3, 5, 2), (4, 4, 1), (9, 100, 0)) AS t(x, y, w)";
    let batch = rows(&ctx, sql).await;
    let plain = |at: usize| batch.column(at).as_primitive::<Float64Type>().value(0);
    let fit = batch.column(0).as_struct();
    close(coefficients(fit, 0).unwrap()[0], plain(1), 1e-14, "slope");
    close(
        number(fit, "intercept", 0).unwrap(),
        plain(2),
        1e-14,
        "intercept",
    );
    close(number(fit, "r2", 0).unwrap(), plain(3), 1e-14, "r2");
    assert_eq!(n(fit, 0), 4);
    // The rows (1, 2), (3, 5), (3, 5), (4, 4): Σ (x − x̄)(y − ȳ) = 4, Σ (x − x̄)² = 4.75.
    let weighted = batch.column(4).as_struct();
    close(
        coefficients(weighted, 0).unwrap()[0],
        4.0 / 4.75,
        1e-14,
        "weighted slope",
    );
    assert_eq!(n(batch.column(5).as_struct(), 0), 5);
}

#[tokio::test]
async fn an_empty_table_has_no_fit() {
    let ctx = session();
    let sql = "SELECT linear_regression(y, [x]) FROM (VALUES (1.0, 2.0)) AS t(x, y) WHERE x > 5";
    let batch = rows(&ctx, sql).await;
    let fit = batch.column(0).as_struct();
    assert_eq!((coefficients(fit, 0), n(fit, 0)), (None, 0));
}

#[tokio::test]
async fn types_are_refused_when_planned() {
    let ctx = session();
    for (call, message) in [
        ("linear_regression('a', [1])", "y is of type"),
        ("linear_regression(1, ['a'])", "an element of the features"),
        ("linear_regression(1, 2)", "must be numbers or a vector"),
        ("linear_regression(1)", "linear_regression takes"),
    ] {
        let error = ctx
            .sql(&format!("SELECT {call}"))
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
}
