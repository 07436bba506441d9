use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;

use crate::session;

const SEMI: &str = "push_down_semi_join";
const KEYS: &str = "restrict_aggregate_keys";

/// How plans show the keys that an aggregate is restricted to.
const ASKED: &str = "SubqueryAlias: __keys";

/// Orders, their lines and parts; null keys, keys without a partner, keys that come twice.
async fn context() -> SessionContext {
    let state = session::state(session::config(), session::runtime_env(None).unwrap()).unwrap();
    let context = SessionContext::new_with_state(state);
    for table in [
        "CREATE TABLE orders AS SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd'), (4, 'e')) AS t (o, name)",
        "CREATE TABLE lines AS SELECT * FROM (VALUES (1, 7, 5), (1, 8, 6), (2, 7, 9), (2, 8, 1), (3, 7, 20), \
         (NULL, 9, 30), (4, NULL, 40), (4, 9, NULL)) AS t (o, p, n)",
        "CREATE TABLE parts AS SELECT * FROM (VALUES (7, 'red'), (8, 'red'), (8, 'blue'), (9, 'red'), (NULL, 'red')) \
         AS t (p, colour)",
    ] {
        context.sql(table).await.unwrap();
    }
    context
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let frame = context.sql(sql).await.unwrap();
    frame
        .into_optimized_plan()
        .unwrap()
        .display_indent()
        .to_string()
}

/// The rows as they are printed, in an order that does not depend on the plan.
pub(super) async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<String> = table.lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// The plan with the rule; the rows must be those without it.
async fn same_rows(sql: &str, rule: &str) -> String {
    let with = context().await;
    let without = context().await;
    assert!(without.remove_optimizer_rule(rule));
    let expected = rows(&without, sql).await;
    assert!(expected.len() > 4, "no rows: {expected:?}");
    assert_eq!(rows(&with, sql).await, expected);
    plan(&with, sql).await
}

fn below(plan: &str, upper: &str, lower: &str) -> bool {
    matches!((plan.find(upper), plan.find(lower)), (Some(u), Some(l)) if u < l)
}

#[tokio::test]
async fn a_filtered_semi_join_goes_below_joins() {
    let large = "(SELECT o FROM lines GROUP BY o HAVING sum(n) > 9)";
    let sql = format!(
        "SELECT name, n, colour FROM orders, lines, parts
         WHERE orders.o = lines.o AND lines.p = parts.p AND orders.o IN {large}"
    );
    let plan = same_rows(&sql, SEMI).await;
    assert!(
        below(&plan, "Inner Join: lines.p", "LeftSemi Join"),
        "{plan}"
    );
    assert!(
        below(&plan, "Inner Join: orders.o", "LeftSemi Join"),
        "{plan}"
    );
}

#[tokio::test]
async fn others_stay_where_they_are() {
    // Not filtered, and with keys of both sides.
    for wanted in [
        "orders.o IN (SELECT o FROM lines)",
        "EXISTS (SELECT 1 FROM parts x WHERE x.p = lines.p AND x.colour = orders.name || 'x' OR x.p = 7)",
        "orders.o + lines.p IN (SELECT p + 1 FROM parts WHERE colour = 'red')",
    ] {
        let sql =
            format!("SELECT count(*) FROM orders JOIN lines ON orders.o = lines.o WHERE {wanted}");
        let plan = same_rows(&sql, SEMI).await;
        assert!(below(&plan, "LeftSemi Join", "Inner Join"), "{plan}");
    }
}

#[tokio::test]
async fn aggregates_are_of_the_keys_asked_for() {
    for sql in [
        "SELECT n FROM lines, parts WHERE parts.p = lines.p AND colour = 'red'
         AND n < (SELECT 1.5 * avg(n) FROM lines WHERE p = parts.p)",
        "SELECT n FROM lines x, parts y WHERE y.p = x.p AND colour = 'red'
         AND n < (SELECT 1.5 * avg(n) FROM lines z WHERE z.p = y.p)",
        "SELECT n, (SELECT max(n) FROM lines WHERE p = parts.p AND n < 9)
         FROM lines, parts WHERE parts.p = lines.p AND colour = 'red'",
    ] {
        let plan = same_rows(sql, KEYS).await;
        assert!(below(&plan, "Aggregate", ASKED), "{plan}");
        let again = context().await;
        let frame = again.sql(sql).await.unwrap();
        let once = frame.into_optimized_plan().unwrap();
        let twice = again
            .state()
            .optimize(&once)
            .unwrap()
            .display_indent()
            .to_string();
        assert_eq!(twice.matches(ASKED).count(), 1, "{twice}");
    }
}

#[tokio::test]
async fn aggregates_of_all_keys_stay_so() {
    for sql in [
        // Nothing chooses parts.
        "SELECT n FROM lines, parts WHERE parts.p = lines.p
         AND n < (SELECT 1.5 * avg(n) FROM lines WHERE p = parts.p)",
        // What chooses would choose differently when asked again.
        "SELECT n FROM lines, parts WHERE parts.p = lines.p AND random() < 2
         AND n < (SELECT 1.5 * avg(n) FROM lines WHERE p = parts.p)",
        // What is chosen is another table's.
        "SELECT name FROM orders WHERE name < 'd'
         AND o < (SELECT avg(n) FROM lines WHERE lines.o = orders.o)",
    ] {
        let plan = same_rows(sql, KEYS).await;
        assert!(!plan.contains(ASKED), "{plan}");
    }
}
