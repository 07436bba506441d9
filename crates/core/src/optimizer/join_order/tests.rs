use std::collections::HashSet;

use datafusion::prelude::{SessionContext, col};

use super::cost::{Key, Leaf, Model, Order};
use super::in_order;
use super::size::Size;
use crate::optimizer::tests::rows;
use crate::session;

/// Sales in shops of countries to customers of countries; some have no shop, or one that is not there.
async fn context(in_order: bool) -> SessionContext {
    let config = session::config().set_bool("datafusion.optimizer.join_reordering", in_order);
    let state = session::state(config, session::runtime_env(None).unwrap()).unwrap();
    let context = SessionContext::new_with_state(state);
    for table in [
        "CREATE TABLE sales AS SELECT v AS sale, nullif(v % 211, 7) AS shop, v % 400 AS customer, v % 13 AS price
         FROM generate_series(1, 20000) t(v)",
        "CREATE TABLE shops AS SELECT v AS shop, v % 25 AS country, v % 11 AS least FROM generate_series(1, 200) t(v)",
        "CREATE TABLE customers AS SELECT v AS customer, v % 25 AS country FROM generate_series(1, 400) t(v)",
        "CREATE TABLE countries AS SELECT v AS country, 'c' || v AS name FROM generate_series(0, 24) t(v)",
    ] {
        context.sql(table).await.unwrap().collect().await.unwrap();
    }
    context
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.into_optimized_plan().unwrap();
    let plan = in_order(&plan, &context.state()).await.unwrap();
    plan.display_indent().to_string()
}

/// The ordered plan and the one as it is written; both must give the same rows.
async fn both(sql: &str) -> (String, String) {
    let (with, without) = (context(true).await, context(false).await);
    let expected = rows(&without, sql).await;
    assert!(expected.len() > 4, "no rows: {expected:?}");
    assert_eq!(rows(&with, sql).await, expected, "{sql}");
    (plan(&with, sql).await, plan(&without, sql).await)
}

/// How deep in the plan a line with `words` stands.
fn depth(plan: &str, words: &str) -> usize {
    let line = plan.lines().find(|line| line.contains(words));
    let line = line.unwrap_or_else(|| panic!("no {words} in {plan}"));
    line.len() - line.trim_start().len()
}

#[tokio::test]
async fn what_leaves_most_out_comes_first() {
    let sql = "SELECT sale, c.country FROM sales s, shops, customers c, countries
               WHERE s.shop = shops.shop AND s.customer = c.customer
               AND shops.country = countries.country AND name = 'c7'";
    let (ordered, written) = both(sql).await;
    assert!(
        depth(&written, "countries") < depth(&written, "TableScan: sales"),
        "{written}"
    );
    assert!(
        depth(&ordered, "countries") >= depth(&ordered, "TableScan: sales"),
        "{ordered}"
    );
}

#[tokio::test]
async fn few_texts_are_like_a_pattern() {
    let context = context(true).await;
    let table =
        "CREATE TABLE words AS SELECT 'word ' || v AS word FROM generate_series(1, 10000) t(v)";
    context.sql(table).await.unwrap().collect().await.unwrap();
    for (condition, rows) in [
        ("word LIKE '%99%'", 2000.0),
        ("word LIKE '%999%'", 500.0),
        ("word LIKE '%9_99%' AND length(word) > 8", 500.0),
        ("word LIKE '%999%' OR length(word) > 8", 2000.0),
        ("word NOT LIKE '%999%'", 2000.0),
    ] {
        let sql = format!("SELECT word FROM words WHERE {condition}");
        let plan = context.sql(&sql).await.unwrap().into_optimized_plan();
        let size = Size::of(&plan.unwrap(), &context.state()).await.unwrap();
        assert_eq!(size.unwrap().leaf.rows, rows, "{condition}");
    }
}

#[tokio::test]
async fn conditions_and_columns_stay() {
    for sql in [
        // TPC-H q7: two of the same table, and a condition about both.
        "SELECT a.name, b.name AS other, sum(price) FROM sales s, shops, customers c, countries a, countries b
         WHERE s.shop = shops.shop AND s.customer = c.customer AND shops.country = a.country
         AND c.country = b.country AND (a.name = 'c1' AND b.name = 'c3' OR a.name = 'c3' AND b.name = 'c2')
         GROUP BY a.name, b.name ORDER BY 1, 2",
        // TPC-H q5: three tables with one key, and all columns.
        "SELECT * FROM customers c, sales s, shops, countries
         WHERE c.customer = s.customer AND s.shop = shops.shop AND c.country = shops.country
         AND shops.country = countries.country AND name IN ('c4', 'c5') AND price > least",
        "SELECT count(*) FROM sales s, shops, countries
         WHERE s.shop = shops.shop AND shops.country = countries.country AND name = 'c7'",
    ] {
        let (ordered, written) = both(sql).await;
        assert_ne!(ordered, written);
    }
}

/// Tables of `DataFrame`s have no name, and columns by other names.
#[tokio::test]
async fn views_are_tables() {
    let sql = "SELECT sum(sale) FROM sold, shops, countries
               WHERE sold.shop = shops.shop AND shops.country = countries.country AND name = 'c7'";
    let mut plans = vec![];
    for ordered in [true, false] {
        let context = context(ordered).await;
        let sales = context.table_provider("sales").await.unwrap();
        let sales = context.read_table(sales).unwrap();
        let renamed = sales.select(vec![col("sale"), col("shop").alias("shop")]);
        let view = renamed.unwrap().into_view();
        context.register_table("sold", view).unwrap();
        plans.push(plan(&context, sql).await);
    }
    assert_ne!(plans[0], plans[1]);
    assert!(plans[0].contains("?table?"), "{}", plans[0]);
}

#[tokio::test]
async fn others_stay_as_they_are_written() {
    for sql in [
        // Two tables.
        "SELECT * FROM sales s, shops WHERE s.shop = shops.shop AND shops.country = 3",
        // The small one is asked first already.
        "SELECT sale FROM countries, shops, sales s
         WHERE s.shop = shops.shop AND shops.country = countries.country AND name = 'c7'",
        // Which rows have none on the other side depends on the order.
        "SELECT sale, name FROM sales s LEFT JOIN shops ON s.shop = shops.shop
         LEFT JOIN countries ON shops.country = countries.country AND name = 'c7'",
        // Not columns.
        "SELECT sale FROM sales s, shops, countries
         WHERE s.shop + 1 = shops.shop AND shops.country = countries.country + 1 AND name = 'c7'",
    ] {
        let (ordered, written) = both(sql).await;
        assert_eq!(ordered, written);
    }
}

/// TPC-H SF10: part, lineitem, partsupp, orders.
fn q9() -> Model {
    let table = |rows, all_rows| Leaf {
        rows,
        all_rows,
        width: 16.0,
    };
    let leaves = [
        table(1e5, 2e6),
        table(6e7, 6e7),
        table(8e6, 8e6),
        table(1.5e7, 1.5e7),
    ];
    let key = |leaves, distinct| Key { leaves, distinct };
    Model::new(
        &leaves,
        vec![key(0b0111, 2e6), key(0b0110, 1e5), key(0b1010, 1.5e7)],
    )
}

#[test]
fn rows_of_joins_are_estimated() {
    let model = q9();
    let about = |set, rows: f64| {
        assert!(
            (model.rows(set) / rows - 1.0).abs() < 1e-9,
            "{set:b}: {}",
            model.rows(set)
        )
    };
    about(0b0010, 6e7);
    // A foreign key, with a twentieth of the keys.
    about(0b0011, 3e6);
    about(0b1010, 6e7);
    // A foreign key of two columns.
    about(0b0110, 6e7);
    about(0b1111, 3e6);
    // No keys: all combinations.
    about(0b1001, 1.5e12);
}

#[test]
fn the_best_order_is_the_cheapest_of_all() {
    fn all(leaves: &[usize]) -> Vec<Order> {
        if let [leaf] = leaves {
            return vec![Order::Leaf(*leaf)];
        }
        let mut orders = vec![];
        for sides in 1..(1_usize << leaves.len()) - 1 {
            let (left, right): (Vec<_>, Vec<_>) =
                (0..leaves.len()).partition(|i| sides >> i & 1 == 1);
            let of = |side: Vec<usize>| all(&side.iter().map(|i| leaves[*i]).collect::<Vec<_>>());
            for left in of(left) {
                for right in of(right.clone()) {
                    orders.push(Order::Join(Box::new(left.clone()), Box::new(right)));
                }
            }
        }
        orders
    }
    let model = q9();
    let orders = all(&[0, 1, 2, 3]);
    assert_eq!(orders.len(), 120);
    let least = orders
        .iter()
        .map(|order| model.cost(order))
        .fold(f64::INFINITY, f64::min);
    let best = model.best().unwrap();
    assert_eq!(model.cost(&best), least);
    let leaves: HashSet<_> = (0..4).map(|leaf| best.leaves() >> leaf & 1).collect();
    assert_eq!(leaves, HashSet::from([1]));
}
