//! Functions of Spark as calls of the engine's.

use datafusion::sql::sqlparser::ast::{
    Array, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, Value,
};

use super::patterns::chrono;

/// The name and the arguments of a plain call: unquoted, without DISTINCT or an order.
pub(super) fn call(function: &Function) -> Option<(String, Vec<&Expr>)> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return None;
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let is_plain = name.quote_style.is_none()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty()
        && function.within_group.is_empty()
        && function.null_treatment.is_none();
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    let args = args.collect::<Option<Vec<_>>>()?;
    is_plain.then(|| (name.value.to_lowercase(), args))
}

/// What to call instead, as text.
pub(super) fn rewritten(function: &Function) -> Option<String> {
    let (name, args) = call(function)?;
    if function.over.is_some() {
        return None;
    }
    if function.filter.is_none() {
        match (name.as_str(), args.as_slice()) {
            ("date_format" | "to_date" | "to_timestamp", [value, pattern]) => {
                return Some(format!("{name}({value}, {})", pattern_of(pattern)?));
            }
            ("from_unixtime", [seconds, pattern]) => {
                let pattern = pattern_of(pattern)?;
                return Some(format!("date_format(from_unixtime({seconds}), {pattern})"));
            }
            ("unix_timestamp" | "to_unix_timestamp", []) => {
                return Some("to_unixtime(now())".to_owned());
            }
            ("unix_timestamp" | "to_unix_timestamp", [value]) => {
                return Some(format!("to_unixtime({value})"));
            }
            ("unix_timestamp" | "to_unix_timestamp", [value, pattern]) => {
                return Some(format!("to_unixtime({value}, {})", pattern_of(pattern)?));
            }
            ("split", [text, ends]) => {
                let ends = plain_text(literal(ends)?)?.replace('\'', "''");
                return Some(format!("string_to_array({text}, '{ends}')"));
            }
            _ => {}
        }
    }
    let filter = function.filter.as_deref();
    let clause = filter.map_or(String::new(), |f| format!(" FILTER (WHERE {f})"));
    match (name.as_str(), args.as_slice()) {
        ("percentile", [value, share]) => Some(each(share, |share| {
            format!("percentile_cont({value}, {share}){clause}")
        })),
        ("percentile_approx" | "approx_percentile", [value, share] | [value, share, _]) => {
            let counted = filter.map_or(String::new(), |f| format!("({f}) AND "));
            let sorted = format!(
                "array_sort(array_agg({value}) FILTER (WHERE {counted}{value} IS NOT NULL))"
            );
            // The least value that the share does not exceed.
            Some(each(share, |share| {
                let place = format!("CAST(ceil(count({value}){clause} * {share}) AS BIGINT)");
                format!("array_element({sorted}, greatest({place}, 1))")
            }))
        }
        _ => None,
    }
}

/// A literal pattern of Java's as a literal of chrono's.
fn pattern_of(pattern: &Expr) -> Option<String> {
    let pattern = chrono(literal(pattern)?)?;
    Some(format!("'{}'", pattern.replace('\'', "''")))
}

fn literal(expr: &Expr) -> Option<&str> {
    let Expr::Value(value) = expr else {
        return None;
    };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// The only text that a regular expression matches, if there is one that can be told.
fn plain_text(regex: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = regex.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // In a literal of Spark's a backslash has one before it, too.
            '\\' => {
                let escaped = letters.by_ref().find(|next| *next != '\\')?;
                if escaped.is_alphanumeric() {
                    return None;
                }
                text.push(escaped);
            }
            '.' | '*' | '+' | '?' | '|' | '^' | '$' | '(' | ')' | '[' | ']' | '{' | '}' => {
                return None;
            }
            plain => text.push(plain),
        }
    }
    (!text.is_empty()).then_some(text)
}

/// One share, or a list of them.
fn each(share: &Expr, of: impl Fn(&Expr) -> String) -> String {
    let items: Vec<&Expr> = match share {
        Expr::Array(Array { elem, .. }) => elem.iter().collect(),
        Expr::Function(function) => match call(function) {
            Some((name, items)) if name == "array" || name == "make_array" => items,
            _ => return of(share),
        },
        _ => return of(share),
    };
    let items: Vec<_> = items.into_iter().map(of).collect();
    format!("make_array({})", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn plain_texts_are_told_from_patterns() {
        for (regex, text) in [(", ", ", "), ("\\|", "|"), ("\\\\.", "."), ("ab", "ab")] {
            assert_eq!(plain_text(regex).as_deref(), Some(text), "{regex}");
        }
        for pattern in ["", "a|b", "\\s+", "[,;]", ".", "\\"] {
            assert_eq!(plain_text(pattern), None, "{pattern}");
        }
    }
}
