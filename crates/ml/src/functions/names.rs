//! Names of expressions that carry numbers.
//!
//! The engine names a column after the expression that makes it, with literals in full. A hash names them as well.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::prelude::lit;

/// The arguments of a function, long text being replaced by a short one that tells different ones apart.
pub(crate) fn short_arguments(args: &[Expr]) -> Vec<Expr> {
    args.iter()
        .map(|arg| match arg {
            Expr::Literal(value, _) => text(value).map_or_else(|| arg.clone(), name),
            other => other.clone(),
        })
        .collect()
}

/// A literal's text, if it is longer than a name should be.
fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(text) => text.as_deref().filter(|t| t.len() > 64),
        ScalarValue::Dictionary(_, value) => text(value),
        _ => None,
    }
}

fn name(text: &str) -> Expr {
    lit(format!("#{:016x}", fnv1a(text.as_bytes())))
}

/// FNV-1a of 64 bits.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
