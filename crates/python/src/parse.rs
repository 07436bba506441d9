//! SQL expressions in which columns are called as users call them.

use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::ast::{self, Ident, VisitMut, VisitorMut};
use springald_core::Error;

use crate::error::Result;

/// A name: an optional qualifier, the column, and the field that it means.
pub(crate) type Name = (Option<String>, String, String);

pub(crate) fn parse(
    state: &SessionState,
    sql: &str,
    names: &[Name],
    schema: &DFSchema,
) -> Result<Expr> {
    let dialect = state.config_options().sql_parser.dialect;
    let mut parsed = state.sql_to_expr_with_alias(sql, &dialect)?;
    let mut fields = Fields {
        names,
        ambiguous: None,
    };
    let _ = parsed.expr.visit(&mut fields);
    if let Some(name) = fields.ambiguous {
        return Err(
            Error::invalid(format!("`{name}` may mean more than one column"))
                .with_hint("give one of them an alias")
                .into(),
        );
    }
    Ok(state.create_logical_expr_from_sql_expr(parsed, schema)?)
}

/// Puts fields in the place of names. A name that is none is left to the engine, which says so.
struct Fields<'a> {
    names: &'a [Name],
    ambiguous: Option<String>,
}

impl Fields<'_> {
    /// The field that the first parts of a name mean, and how many parts those are.
    fn find(&mut self, parts: &[Ident]) -> Option<(Ident, usize)> {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        if let [qualifier, name, ..] = parts {
            let field = self.only(name, |(q, n, _)| {
                same(n, &name.value) && q.as_ref().is_some_and(|q| same(q, &qualifier.value))
            });
            if let Some(field) = field {
                return Some((field, 2));
            }
        }
        let name = parts.first()?;
        let field = self.only(name, |(_, n, _)| same(n, &name.value))?;
        Some((field, 1))
    }

    fn only(&mut self, name: &Ident, wanted: impl Fn(&Name) -> bool) -> Option<Ident> {
        let mut found = self
            .names
            .iter()
            .filter(|name| wanted(name))
            .map(|(_, _, field)| field);
        let first = found.next()?;
        if found.any(|other| other != first) {
            self.ambiguous = Some(name.value.clone());
        }
        Some(Ident::with_quote('"', first.clone()))
    }
}

impl VisitorMut for Fields<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        match expr {
            ast::Expr::Identifier(name) => {
                if let Some((field, _)) = self.find(std::slice::from_ref(name)) {
                    *name = field;
                }
            }
            ast::Expr::CompoundIdentifier(parts) => {
                if let Some((field, used)) = self.find(parts) {
                    if used == parts.len() {
                        *expr = ast::Expr::Identifier(field);
                    } else {
                        parts.splice(..used, [field]);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
