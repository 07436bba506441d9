//! What the columns of a query are, where nobody named them.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CastKind, Expr, Ident, Select, SelectItem, SetExpr, visit_expressions_mut,
};

use super::generators::Generator;

/// The items of a query's outermost SELECT.
#[derive(Debug, Default)]
pub(in crate::session) struct Titles(Vec<Title>);

#[derive(Debug)]
enum Title {
    /// Columns that have names.
    Named(usize),
    /// A column that is an expression without a name.
    Text(String),
    /// As many columns as are left.
    Wildcard,
}

impl Titles {
    pub(in crate::session) fn of(statement: &Statement) -> Self {
        let Statement::Statement(inner) = statement else {
            return Self::default();
        };
        let ast::Statement::Query(query) = inner.as_ref() else {
            return Self::default();
        };
        let titles = first_select(&query.body).map(|s| s.projection.iter().map(title).collect());
        Self(titles.unwrap_or_default())
    }

    /// For each of so many columns the text of its expression, unless it has a name; nothing if it cannot be told
    /// which column is which.
    pub(in crate::session) fn over(self, columns: usize) -> Vec<Option<String>> {
        let widths = self.0.iter().map(|title| match title {
            Title::Named(count) => *count,
            Title::Text(_) => 1,
            Title::Wildcard => 0,
        });
        let known: usize = widths.sum();
        let wildcards = self.0.iter().filter(|t| matches!(t, Title::Wildcard));
        let wide = match (wildcards.count(), columns.checked_sub(known)) {
            (0, Some(0)) => 0,
            (1, Some(wide)) => wide,
            _ => return vec![],
        };
        let mut texts = Vec::with_capacity(columns);
        for title in self.0 {
            match title {
                Title::Named(count) => texts.extend(std::iter::repeat_n(None, count)),
                Title::Text(text) => texts.push(Some(text)),
                Title::Wildcard => texts.extend(std::iter::repeat_n(None, wide)),
            }
        }
        texts
    }
}

/// The one that names the columns of a union, too.
fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn title(item: &SelectItem) -> Title {
    let names = |expr: &Expr, given: &[Ident]| match expr {
        Expr::Function(function) => Generator::of(function)
            .and_then(|generator| generator.names(given).ok())
            .map(|names| names.len()),
        _ => None,
    };
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {
            Title::Named(1)
        }
        SelectItem::UnnamedExpr(expr) => match names(expr, &[]) {
            Some(count) => Title::Named(count),
            None => Title::Text(text(expr)),
        },
        SelectItem::ExprWithAlias { .. } => Title::Named(1),
        SelectItem::ExprWithAliases { aliases, .. } => Title::Named(aliases.len()),
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => Title::Wildcard,
    }
}

/// The expression as Spark writes what [`super::literals`] has spelled out.
fn text(expr: &Expr) -> String {
    let mut expr = expr.clone();
    let _ = visit_expressions_mut(&mut expr, |expr| {
        match expr {
            Expr::Cast {
                kind: CastKind::DoubleColon,
                expr: number,
                data_type,
                ..
            } => {
                if let Expr::Value(number) = number.as_ref()
                    && let Some(ending) = ending(data_type)
                {
                    let digits = number.to_string();
                    let digits = digits.trim_matches('\'');
                    *expr = Expr::Identifier(Ident::new(format!("{digits}{ending}")));
                }
            }
            Expr::BinaryOp {
                op: op @ BinaryOperator::DuckIntegerDivide,
                ..
            } => *op = BinaryOperator::MyIntegerDivide,
            Expr::Function(function) if function.name.to_string() == "make_array" => {
                function.name = Ident::new("array").into();
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    expr.to_string()
}

fn ending(data_type: &ast::DataType) -> Option<&'static str> {
    match data_type {
        ast::DataType::Double(_) => Some("D"),
        ast::DataType::Real => Some("F"),
        ast::DataType::BigInt(_) => Some("L"),
        ast::DataType::SmallInt(_) => Some("S"),
        ast::DataType::TinyInt(_) => Some("Y"),
        ast::DataType::Decimal(_) => Some("BD"),
        _ => None,
    }
}
