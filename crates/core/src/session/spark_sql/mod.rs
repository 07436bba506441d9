//! Spark's SQL, where DataFusion's dialect has no meaning of its own for it. A statement is rewritten twice: its tokens
//! before it is parsed ([`literals`]), and then its tree ([`generators`], [`functions`]).
//!
//! What both dialects know in different ways stays DataFusion's: `1 / 2` is 0, `1.5` is a double, `SELECT a.b` of an
//! unknown `a` is an error, names are folded to lower case.

mod functions;
mod generators;
mod literals;
mod patterns;
mod relations;
mod titles;

use std::ops::ControlFlow;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Query, Select, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Tokenizer;

pub(super) use relations::{Relation, place, relations};
pub(super) use titles::Titles;

use crate::error::Result;

const GENERIC: GenericDialect = GenericDialect {};

/// One statement, with Spark's literals and operators among DataFusion's. Another dialect that the user has chosen is
/// taken as it is.
///
/// # Errors
/// If it is no statement, or more than one.
pub(super) fn parse(state: &SessionState, sql: &str) -> Result<Statement> {
    let options = &state.config_options().sql_parser;
    if !options.dialect.as_ref().eq_ignore_ascii_case("generic") {
        return Ok(state.sql_to_statement(sql, &options.dialect)?);
    }
    let tokens = Tokenizer::new(&GENERIC, sql)
        .tokenize_with_location()
        .map_err(|e| syntax(ParserError::from(e)))?;
    let parser = DFParserBuilder::new(literals::spelled_out(tokens))
        .with_dialect(&GENERIC)
        .with_recursion_limit(options.recursion_limit.get());
    let mut statements = parser.build()?.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        // The engine has the words for what is wrong.
        _ => Ok(state.sql_to_statement(sql, &options.dialect)?),
    }
}

/// Rewrites what the engine does not know into what it does, and says whether there was any.
///
/// # Errors
/// If a function that makes rows is called in a way that it cannot be.
pub(super) fn rewrite(statement: &mut Statement) -> Result<bool> {
    let mut rewriting = Rewriting { changed: false };
    match visit(statement, &mut rewriting) {
        ControlFlow::Continue(()) => Ok(rewriting.changed),
        ControlFlow::Break(e) => Err(e),
    }
}

/// Shows a statement of DataFusion, which is none of the parser's, to a visitor of the parser's.
fn visit<V: VisitorMut>(statement: &mut Statement, visitor: &mut V) -> ControlFlow<V::Break> {
    match statement {
        Statement::Statement(inner) => inner.visit(visitor),
        Statement::Explain(explain) => visit(&mut explain.statement, visitor),
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        Statement::CreateExternalTable(_) | Statement::Reset(_) => ControlFlow::Continue(()),
    }
}

struct Rewriting {
    changed: bool,
}

impl Rewriting {
    fn note(&mut self, done: Result<bool>) -> ControlFlow<crate::error::Error> {
        match done {
            Ok(changed) => {
                self.changed |= changed;
                ControlFlow::Continue(())
            }
            Err(e) => ControlFlow::Break(e),
        }
    }
}

impl VisitorMut for Rewriting {
    type Break = crate::error::Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        generators::unqualify_order(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let done = generators::rewrite(select);
        self.note(done)
    }

    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<Self::Break> {
        let text = match expr {
            ast::Expr::Function(function) => functions::rewritten(function),
            ast::Expr::BinaryOp {
                left,
                op: BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide,
                right,
            } => Some(format!("integral_divide({left}, {right})")),
            ast::Expr::RLike {
                negated,
                expr,
                pattern,
                ..
            } => {
                let operator = if *negated { "!~" } else { "~" };
                Some(format!("({expr} {operator} {pattern})"))
            }
            _ => None,
        };
        let Some(text) = text else {
            return ControlFlow::Continue(());
        };
        let parsed = with_parser(&text, Parser::parse_expr);
        self.note(parsed.map(|parsed| {
            *expr = parsed;
            true
        }))
    }
}

/// What a parser makes of a text of ours.
fn with_parser<T>(
    text: &str,
    parse: impl FnOnce(&mut Parser<'static>) -> Result<T, ParserError>,
) -> Result<T> {
    const DIALECT: &GenericDialect = &GENERIC;
    let parser = Parser::new(DIALECT).try_with_sql(text);
    Ok(parser
        .and_then(|mut parser| parse(&mut parser))
        .map_err(syntax)?)
}

fn syntax(error: ParserError) -> DataFusionError {
    DataFusionError::SQL(Box::new(error), None)
}

#[cfg(test)]
mod tests {
    use datafusion::assert_batches_eq;

    use crate::master_url::MasterUrl;
    use crate::session::Session;

    async fn session() -> Session {
        Session::connect(&MasterUrl::Local { threads: Some(2) }, &[])
            .await
            .unwrap()
    }

    async fn check(session: &Session, sql: &str, expected: &[&str]) {
        let frame = session
            .sql(sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        let rows = frame
            .collect()
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_batches_eq!(expected, &rows);
    }

    #[tokio::test]
    async fn literals_have_sparks_endings() {
        let sql = "SELECT arrow_typeof(5L) AS a, arrow_typeof(1.5D) AS b, arrow_typeof(2S) AS c, \
                   arrow_typeof(3Y) AS d, arrow_typeof(1.50BD) AS e, -2.5d AS f, 7F + 1 AS g";
        check(
            &session().await,
            sql,
            &[
                "+-------+---------+-------+------+------------------+------+-----+",
                "| a     | b       | c     | d    | e                | f    | g   |",
                "+-------+---------+-------+------+------------------+------+-----+",
                "| Int64 | Float64 | Int16 | Int8 | Decimal128(3, 2) | -2.5 | 8.0 |",
                "+-------+---------+-------+------+------------------+------+-----+",
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn div_divides_whole_numbers() {
        let session = session().await;
        check(
            &session,
            "SELECT 7 div 2 AS a, -7 DIV 2 AS b, 1 + 9 div (1 + 1) AS c, div FROM (SELECT 3 AS div) AS t",
            &[
                "+---+----+---+-----+",
                "| a | b  | c | div |",
                "+---+----+---+-----+",
                "| 3 | -3 | 5 | 3   |",
                "+---+----+---+-----+",
            ],
        )
        .await;
        let zero = session.sql("SELECT 1 div 0").await.unwrap();
        assert!(zero.collect().await.is_err());
    }

    #[tokio::test]
    async fn lists_are_exploded_in_selects_and_lateral_views() {
        let session = session().await;
        let create = "CREATE VIEW v AS SELECT * FROM (VALUES (1, [10, 20]), (2, []), (3, [30])) AS t (id, xs)";
        session.sql(create).await.unwrap();
        let rows = [
            "+----+-----+",
            "| id | col |",
            "+----+-----+",
            "| 1  | 10  |",
            "| 1  | 20  |",
            "| 3  | 30  |",
            "+----+-----+",
        ];
        check(
            &session,
            "SELECT id, explode(xs) FROM v ORDER BY id, col",
            &rows,
        )
        .await;
        check(
            &session,
            "SELECT v.id, e.col FROM v LATERAL VIEW explode(v.xs) e AS col WHERE e.col > 5 ORDER BY v.id, e.col",
            &rows,
        )
        .await;
        check(
            &session,
            "SELECT id, posexplode_outer(xs) AS (p, x) FROM v ORDER BY id, x DESC",
            &[
                "+----+---+----+",
                "| id | p | x  |",
                "+----+---+----+",
                "| 1  | 1 | 20 |",
                "| 1  | 0 | 10 |",
                "| 2  |   |    |",
                "| 3  | 0 | 30 |",
                "+----+---+----+",
            ],
        )
        .await;
        check(
            &session,
            "SELECT v.id, a.x + b.y AS s FROM v LATERAL VIEW explode(xs) a AS x LATERAL VIEW explode(xs) b AS y \
             WHERE id = 1 ORDER BY s LIMIT 1",
            &[
                "+----+----+",
                "| id | s  |",
                "+----+----+",
                "| 1  | 20 |",
                "+----+----+",
            ],
        )
        .await;
        check(
            &session,
            "SELECT explode(map(['a', 'b'], [1, 2])) AS (k, v) ORDER BY k",
            &[
                "+---+---+",
                "| k | v |",
                "+---+---+",
                "| a | 1 |",
                "| b | 2 |",
                "+---+---+",
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn patterns_of_dates_are_javas_or_chronos() {
        let session = session().await;
        check(
            &session,
            "SELECT date_format(DATE '2024-02-09', 'dd.MM.yyyy') AS a, date_format(DATE '2024-02-09', '%d/%m') AS b, \
             to_date('09-Feb-2024', 'dd-MMM-yyyy') AS c, from_unixtime(0, 'yyyy/MM/dd HH') AS d, \
             unix_timestamp('1970-01-02', 'yyyy-MM-dd') AS e",
            &[
                "+------------+-------+------------+---------------+-------+",
                "| a          | b     | c          | d             | e     |",
                "+------------+-------+------------+---------------+-------+",
                "| 09.02.2024 | 09/02 | 2024-02-09 | 1970/01/01 00 | 86400 |",
                "+------------+-------+------------+---------------+-------+",
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn percentiles_are_values_that_are_there() {
        let session = session().await;
        check(
            &session,
            "SELECT percentile_approx(x, 0.5) AS a, percentile_approx(x, array(0.0, 1.0), 100) AS b, \
             percentile(x, 0.25) AS c, approx_percentile(x, 0.5) FILTER (WHERE x > 2) AS d, 'abc' RLIKE '^a' AS e \
             FROM (VALUES (1), (2), (3), (4), (NULL)) AS t (x)",
            &[
                "+---+--------+------+---+------+",
                "| a | b      | c    | d | e    |",
                "+---+--------+------+---+------+",
                "| 2 | [1, 4] | 1.75 | 3 | true |",
                "+---+--------+------+---+------+",
            ],
        )
        .await;
    }

    #[tokio::test]
    async fn files_are_read_by_their_format() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.csv"), "x,y\n1,2\n").unwrap();
        let session = session().await;
        let sql = format!(
            "SELECT count(*) AS n, max(t._c1) AS y FROM csv.`{}` AS t",
            dir.path().display()
        );
        let rows = [
            "+---+---+",
            "| n | y |",
            "+---+---+",
            "| 2 | y |",
            "+---+---+",
        ];
        check(&session, &sql, &rows).await;
        let e = session.sql("SELECT * FROM parquet.`/no/such`").await;
        assert!(e.err().unwrap().message().contains("/no/such"));
        let numbers = session
            .spark_sql("SELECT id FROM range(2, 4)")
            .await
            .unwrap();
        assert_eq!(numbers.0.count().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn columns_without_a_name_are_known_by_their_text() {
        let session = session().await;
        let texts = async |sql: &str| session.spark_sql(sql).await.unwrap().1;
        assert_eq!(
            texts("SELECT a + 1, a AS b, *, count(*) OVER () FROM (SELECT 1 AS a, 2 AS c)").await,
            [
                Some("a + 1".to_owned()),
                None,
                None,
                None,
                Some("count(*) OVER ()".to_owned())
            ]
        );
        assert_eq!(texts("SELECT posexplode([1]), 1.5D").await.len(), 3);
        assert_eq!(texts("SHOW TABLES").await, Vec::<Option<String>>::new());
    }
}
