//! `explode` and its like: in SELECT, and in LATERAL VIEW.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, Ident, LateralView, ObjectName, ObjectNamePart, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins,
    VisitMut, WildcardAdditionalOptions, visit_expressions_mut,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::functions::call;
use super::with_parser;
use crate::error::{Error, Result};

/// A call that makes rows of a list or a map.
pub(super) struct Generator<'a> {
    argument: &'a Expr,
    with_place: bool,
    outer: bool,
}

impl<'a> Generator<'a> {
    pub(super) fn of(function: &'a Function) -> Option<Self> {
        let (name, args) = call(function)?;
        let [argument] = args.as_slice() else {
            return None;
        };
        let (with_place, outer) = match name.as_str() {
            "explode" => (false, false),
            "explode_outer" => (false, true),
            "posexplode" => (true, false),
            "posexplode_outer" => (true, true),
            _ => return None,
        };
        let argument = *argument;
        Some(Self {
            argument,
            with_place,
            outer,
        })
    }

    /// What its columns are called. A map has one more than a list: only names for both, its keys and values, tell
    /// that it is one.
    pub(super) fn names(&self, given: &[Ident]) -> Result<Vec<Ident>> {
        let own = usize::from(self.with_place);
        let names = match (given.len(), self.with_place) {
            (0, false) => vec![Ident::new("col")],
            (0, true) => vec![Ident::new("pos"), Ident::new("col")],
            (count, _) if count == own + 1 || count == own + 2 => given.to_vec(),
            (count, _) => {
                let rows = if self.with_place {
                    "posexplode"
                } else {
                    "explode"
                };
                return Err(Error::invalid(format!(
                    "{rows} makes {} columns of a list and {} of a map, and not {count}",
                    own + 1,
                    own + 2
                ))
                .with_hint("name them: explode(list) AS item, explode(map) AS (key, value)"));
            }
        };
        Ok(names)
    }

    fn items(&self, given: &[Ident]) -> Result<Vec<String>> {
        let names = self.names(given)?;
        let unnest = if self.outer { "unnest_outer" } else { "unnest" };
        let argument = self.argument;
        let mut items = vec![];
        let mut values = names.as_slice();
        if let (true, [place, rest @ ..]) = (self.with_place, values) {
            let last = format!("CAST(cardinality({argument}) AS BIGINT)");
            items.push(format!(
                "CAST({unnest}(range(0, {last})) AS INT) AS {place}"
            ));
            values = rest;
        }
        match values {
            [key, value] => {
                items.push(format!("{unnest}(map_keys({argument})) AS {key}"));
                items.push(format!("{unnest}(map_values({argument})) AS {value}"));
            }
            values => {
                let items_of = |name| format!("{unnest}({argument}) AS {name}");
                items.extend(values.iter().map(items_of));
            }
        }
        Ok(items)
    }
}

/// Rewrites the lateral views and the items of a SELECT, and says whether there were any.
pub(super) fn rewrite(select: &mut Select) -> Result<bool> {
    let mut changed = false;
    for view in std::mem::take(&mut select.lateral_views) {
        lateral_view(select, view)?;
        changed = true;
    }
    let mut projection = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match generated(&item)? {
            Some(items) => {
                changed = true;
                for text in items {
                    projection.push(with_parser(&text, Parser::parse_select_item)?);
                }
            }
            None => projection.push(item),
        }
    }
    select.projection = projection;
    Ok(changed)
}

fn generated(item: &SelectItem) -> Result<Option<Vec<String>>> {
    let (expr, names) = match item {
        SelectItem::UnnamedExpr(expr) => (expr, &[][..]),
        SelectItem::ExprWithAlias { expr, alias } => (expr, std::slice::from_ref(alias)),
        SelectItem::ExprWithAliases { expr, aliases } => (expr, aliases.as_slice()),
        _ => return Ok(None),
    };
    let Expr::Function(function) = expr else {
        return Ok(None);
    };
    Generator::of(function).map(|g| g.items(names)).transpose()
}

/// Puts `(SELECT *, unnest(…) FROM …)` in the place of what stands after FROM. Names with the qualifiers of what is in
/// there lose them.
fn lateral_view(select: &mut Select, view: LateralView) -> Result<()> {
    let refused = || {
        Error::invalid(format!("`{view}` cannot be run"))
            .with_hint("LATERAL VIEW takes explode or posexplode, and their _outer forms")
    };
    let Expr::Function(function) = &view.lateral_view else {
        return Err(refused());
    };
    let mut function = function.clone();
    let qualifiers = qualifiers(select);
    unqualify(&mut function, &qualifiers);
    let generator = Generator::of(&function).ok_or_else(refused)?;
    let generator = Generator {
        outer: generator.outer || view.outer,
        ..generator
    };
    let names = generator.names(&view.lateral_col_alias)?;
    let items = generator.items(&names)?.join(", ");
    let from: Vec<_> = select.from.iter().map(ToString::to_string).collect();
    let is_one = matches!(select.from.as_slice(), [one] if one.joins.is_empty());
    let alias = match (is_one, qualifiers.as_slice()) {
        (true, [name]) => name.clone(),
        _ => Ident::new("_lateral"),
    };
    let rows = match from.is_empty() {
        true => format!("SELECT {items}"),
        false => format!("SELECT *, {items} FROM {}", from.join(", ")),
    };
    let text = format!("({rows}) AS {alias}");
    select.from = vec![with_parser(&text, Parser::parse_table_and_joins)?];
    let own = last_name(&view.lateral_view_name);
    wildcards(select, &qualifiers, own.as_ref(), &names);
    let all: Vec<_> = qualifiers.into_iter().chain(own).collect();
    let from = std::mem::take(&mut select.from);
    unqualify(select, &all);
    select.from = from;
    Ok(())
}

/// `view.*` as its columns, and `table.*` as all others.
fn wildcards(select: &mut Select, tables: &[Ident], view: Option<&Ident>, columns: &[Ident]) {
    let mut projection = vec![];
    for item in std::mem::take(&mut select.projection) {
        let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) =
            &item
        else {
            projection.push(item);
            continue;
        };
        let Some(name) = last_name(name) else {
            projection.push(item);
            continue;
        };
        if view.is_some_and(|view| same(view, &name)) {
            let named = |c: &Ident| SelectItem::UnnamedExpr(Expr::Identifier(c.clone()));
            projection.extend(columns.iter().map(named));
        } else if tables.len() == 1 && tables.iter().any(|table| same(table, &name)) {
            let others = columns.iter().cloned().map(ObjectName::from).collect();
            projection.push(SelectItem::Wildcard(WildcardAdditionalOptions {
                wildcard_token: AttachedToken::empty(),
                opt_exclude: Some(ExcludeSelectItem::Multiple(others)),
                ..WildcardAdditionalOptions::default()
            }));
        } else {
            projection.push(item);
        }
    }
    select.projection = projection;
}

/// The same for ORDER BY, which is the query's and not its SELECT's.
pub(super) fn unqualify_order(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return;
    };
    if select.lateral_views.is_empty() {
        return;
    }
    let mut all = qualifiers(select);
    let views = select.lateral_views.iter();
    all.extend(views.filter_map(|view| last_name(&view.lateral_view_name)));
    if let Some(order) = &mut query.order_by {
        unqualify(order, &all);
    }
}

fn unqualify(tree: &mut impl VisitMut, qualifiers: &[Ident]) {
    let _ = visit_expressions_mut(tree, |expr| {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [first, _, ..] = parts.as_slice()
            && qualifiers.iter().any(|name| same(name, first))
        {
            parts.remove(0);
            if let [only] = parts.as_slice() {
                *expr = Expr::Identifier(only.clone());
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

/// What the tables after FROM are called.
fn qualifiers(select: &Select) -> Vec<Ident> {
    let factors = |from: &TableWithJoins| {
        let joined = from.joins.iter().map(|join| &join.relation);
        let all: Vec<_> = std::iter::once(&from.relation).chain(joined).collect();
        all.into_iter().filter_map(known_as).collect::<Vec<_>>()
    };
    select.from.iter().flat_map(factors).collect()
}

fn known_as(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { name, alias, .. } => match alias {
            Some(alias) => Some(alias.name.clone()),
            None => last_name(name),
        },
        TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => {
            alias.as_ref().map(|alias| alias.name.clone())
        }
        _ => None,
    }
}

fn last_name(name: &ObjectName) -> Option<Ident> {
    name.0.last().and_then(ObjectNamePart::as_ident).cloned()
}

fn same(a: &Ident, b: &Ident) -> bool {
    match (a.quote_style, b.quote_style) {
        (None, None) => a.value.eq_ignore_ascii_case(&b.value),
        _ => a.value == b.value,
    }
}
