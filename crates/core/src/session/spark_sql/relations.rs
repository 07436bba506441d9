//! Relations that are not tables: files by their format, and ranges of numbers.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, TableFactor,
    TableFunctionArgs, UnaryOperator, Value, VisitorMut,
};

use super::visit;

const FORMATS: &[&str] = &["parquet", "csv", "json", "text", "avro", "arrow", "libsvm"];

/// What a statement reads that has no name.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::session) enum Relation {
    /// ``parquet.`path` ``
    Files { format: String, path: String },
    /// `range(start, end, step)`
    Range { start: i64, end: i64, step: i64 },
}

/// These relations of a statement, in order; ranges only if they are to be Spark's.
pub(in crate::session) fn relations(statement: &mut Statement, ranges: bool) -> Vec<Relation> {
    let mut found = Found {
        ranges,
        relations: vec![],
    };
    let _ = visit(statement, &mut found);
    found.relations
}

/// Puts names in the place of the relations that [`relations`] has found, in the same order.
pub(in crate::session) fn place(statement: &mut Statement, ranges: bool, names: Vec<String>) {
    let mut placed = Placed {
        ranges,
        names: names.into(),
    };
    let _ = visit(statement, &mut placed);
}

struct Found {
    ranges: bool,
    relations: Vec<Relation>,
}

impl VisitorMut for Found {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.relations.extend(relation(factor, self.ranges));
        ControlFlow::Continue(())
    }
}

struct Placed {
    ranges: bool,
    names: VecDeque<String>,
}

impl VisitorMut for Placed {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if relation(factor, self.ranges).is_some()
            && let TableFactor::Table { name, args, .. } = factor
            && let Some(table) = self.names.pop_front()
        {
            *name = ObjectName::from(Ident::with_quote('"', table));
            *args = None;
        }
        ControlFlow::Continue(())
    }
}

fn relation(factor: &TableFactor, ranges: bool) -> Option<Relation> {
    let TableFactor::Table { name, args, .. } = factor else {
        return None;
    };
    let parts: Vec<_> = name.0.iter().filter_map(ObjectNamePart::as_ident).collect();
    match (parts.as_slice(), args) {
        ([format, path], None) if format.quote_style.is_none() && path.quote_style == Some('`') => {
            let format = format.value.to_lowercase();
            let path = path.value.clone();
            FORMATS
                .contains(&format.as_str())
                .then_some(Relation::Files { format, path })
        }
        ([name], Some(args)) if ranges && name.value.eq_ignore_ascii_case("range") => range(args),
        _ => None,
    }
}

fn range(args: &TableFunctionArgs) -> Option<Relation> {
    let numbers = args.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => whole(expr),
        _ => None,
    });
    let (start, end, step) = match numbers.collect::<Option<Vec<_>>>()?.as_slice() {
        [end] => (0, *end, 1),
        [start, end] => (*start, *end, 1),
        // The fourth is a number of partitions.
        [start, end, step] | [start, end, step, _] => (*start, *end, *step),
        _ => return None,
    };
    Some(Relation::Range { start, end, step })
}

fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => whole(expr)?.checked_neg(),
        _ => None,
    }
}
