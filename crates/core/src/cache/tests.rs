use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Int64Type};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{LogicalPlan, Volatility, create_udf};
use datafusion::physical_plan::displayable;
use datafusion::prelude::{DataFrame, col};
use datafusion_proto::bytes::{
    logical_plan_from_bytes_with_extension_codec, logical_plan_to_bytes_with_extension_codec,
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};

use super::*;
use crate::{MasterUrl, Session, codec};

async fn session() -> Session {
    let master = MasterUrl::Local { threads: Some(2) };
    Session::connect(&master, &[]).await.unwrap()
}

async fn text(frame: DataFrame) -> String {
    let batches = frame.collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

fn held(session: &Session) -> Usage {
    let site = session
        .context()
        .copied_config()
        .get_extension::<CacheSite>()
        .unwrap();
    site.store.usage()
}

/// A frame of 1000 rows, and how many of them were computed so far.
async fn counted(session: &Session) -> (DataFrame, Arc<AtomicUsize>) {
    let computed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&computed);
    let f = create_udf(
        "counted",
        vec![DataType::Int64],
        DataType::Int64,
        Volatility::Volatile,
        Arc::new(move |args| {
            let args = datafusion::logical_expr::ColumnarValue::values_to_arrays(args)?;
            count.fetch_add(args[0].len(), Ordering::Relaxed);
            Ok(Arc::clone(&args[0]).into())
        }),
    );
    session.context().register_udf(f.clone());
    let frame = session.sql("SELECT * FROM range(1000)").await.unwrap();
    let x = f.call(vec![col("value")]).alias("x");
    (frame.select(vec![x]).unwrap(), computed)
}

#[tokio::test]
async fn rows_are_computed_once_and_freed_with_the_last_frame() {
    let session = session().await;
    let (frame, computed) = counted(&session).await;
    let cached = frame.cache().await.unwrap();
    assert_eq!(computed.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        let sum = datafusion::functions_aggregate::expr_fn::sum(col("x")).alias("sum");
        let sum = cached.clone().aggregate(vec![], vec![sum]).unwrap();
        let batches = sum.collect().await.unwrap();
        let sum = arrow::array::cast::AsArray::as_primitive::<Int64Type>(batches[0].column(0));
        assert_eq!(sum.value(0), 499_500);
    }
    assert_eq!(computed.load(Ordering::Relaxed), 1000);
    assert!(held(&session).memory >= 8000);
    // To be used again, the rows are computed again.
    unpersist(&cached).unwrap();
    assert_eq!(held(&session), Usage::default());
    assert_eq!(cached.clone().count().await.unwrap(), 1000);
    assert_eq!(computed.load(Ordering::Relaxed), 2000);
    drop(cached);
    assert_eq!(held(&session), Usage::default());
}

#[tokio::test]
async fn cached_frames_are_made_of_cached_frames() {
    let session = session().await;
    let (frame, computed) = counted(&session).await;
    let first = frame.cache().await.unwrap();
    let even = first
        .clone()
        .filter((col("x") % datafusion::prelude::lit(2)).eq(datafusion::prelude::lit(0)));
    let second = even.unwrap().cache().await.unwrap();
    let joined = second.clone().alias("a").unwrap().join(
        first.clone().alias("b").unwrap(),
        datafusion::common::JoinType::Inner,
        &["x"],
        &["x"],
        None,
    );
    assert_eq!(joined.unwrap().count().await.unwrap(), 500);
    assert_eq!(computed.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn two_columns_of_one_name_are_refused() {
    let session = session().await;
    let sql = "SELECT * FROM (VALUES (1)) a(x) JOIN (VALUES (1)) b(x) ON a.x = b.x";
    let e = session.sql(sql).await.unwrap().cache().await.err().unwrap();
    assert!(e.to_string().contains("two columns called `x`"), "{e}");
}

#[tokio::test]
async fn tables_are_cached_under_their_names() {
    let session = session().await;
    let sql = async |sql: &str| session.sql(sql).await;
    sql("CREATE VIEW t AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, s)")
        .await
        .unwrap();
    let plain = text(sql("SELECT s, n FROM t ORDER BY n").await.unwrap()).await;
    sql("CACHE TABLE t").await.unwrap();
    assert!(held(&session).memory > 0);
    assert_eq!(
        text(sql("SELECT s, n FROM t ORDER BY n").await.unwrap()).await,
        plain
    );
    sql("CACHE LAZY TABLE twice AS SELECT n * 2 AS n FROM t")
        .await
        .unwrap();
    let rows = text(sql("SELECT sum(n) FROM twice").await.unwrap()).await;
    assert!(rows.contains("| 6 "), "{rows}");
    sql("UNCACHE TABLE t").await.unwrap();
    sql("DROP VIEW twice").await.unwrap();
    assert_eq!(held(&session), Usage::default());
    assert_eq!(
        text(sql("SELECT s, n FROM t ORDER BY n").await.unwrap()).await,
        plain
    );
    let e = sql("UNCACHE TABLE t").await.err().unwrap();
    assert_eq!(e.message(), "table `t` is not cached");
    sql("UNCACHE TABLE IF EXISTS t").await.unwrap();
}

#[tokio::test]
async fn tables_and_operators_travel() {
    let session = session().await;
    let context = session.context().task_ctx();
    let frame = session.sql("SELECT 1 AS a, 'x' AS b").await.unwrap();
    let cached = frame.clone().cache().await.unwrap();
    cached.clone().count().await.unwrap();

    let logical = codec::logical();
    let there_and_back = |plan: &LogicalPlan| {
        let bytes = logical_plan_to_bytes_with_extension_codec(plan, logical.as_ref()).unwrap();
        logical_plan_from_bytes_with_extension_codec(&bytes, &context, logical.as_ref()).unwrap()
    };
    let arrived = there_and_back(cached.logical_plan());
    let LogicalPlan::TableScan(scan) = &arrived else {
        panic!("{arrived}");
    };
    let table = source_as_provider(&scan.source).unwrap();
    let state = session.context().state();
    let scan = table.scan(&state, Some(&vec![1]), &[], None).await.unwrap();

    let fill = FillTable {
        name: "s-1".to_owned(),
        plan: frame.logical_plan().clone(),
    };
    let arrived = there_and_back(&fill.job().unwrap());
    let LogicalPlan::TableScan(fill) = &arrived else {
        panic!("{arrived}");
    };
    let fill = source_as_provider(&fill.source).unwrap();
    assert!(
        provider_as_source(Arc::clone(&fill))
            .schema()
            .fields()
            .len()
            == 5
    );
    let fill = fill.scan(&state, None, &[], None).await.unwrap();

    let physical = codec::physical();
    for plan in [scan, fill] {
        let bytes =
            physical_plan_to_bytes_with_extension_codec(Arc::clone(&plan), physical.as_ref());
        let arrived = physical_plan_from_bytes_with_extension_codec(
            &bytes.unwrap(),
            &context,
            physical.as_ref(),
        )
        .unwrap();
        let shown = |plan| displayable(plan).indent(true).to_string();
        assert_eq!(shown(arrived.as_ref()), shown(plan.as_ref()));
        let rows = datafusion::physical_plan::collect(arrived, Arc::clone(&context));
        assert_eq!(
            rows.await
                .unwrap()
                .iter()
                .map(|b| b.num_rows())
                .sum::<usize>(),
            1
        );
    }
}
