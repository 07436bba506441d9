//! Parameters of a SQL script: `${name}` in its text.

use std::collections::BTreeSet;

use springald_core::nearest;

use crate::error::{Error, Result};

/// The script with every `${name}` replaced. Outside quotes a number goes in as it is and any other value as
/// a string literal; within `'…'` and `"…"` the bare text goes in, with that quote doubled. Comments are left
/// alone, and `$${` stands for `${`.
///
/// # Errors
/// Names a parameter that the script wants and nobody gave, or that was given and it does not want.
pub(super) fn substitute(script: &str, params: &[(String, String)]) -> Result<String> {
    let mut out = String::with_capacity(script.len());
    let mut wanted = BTreeSet::new();
    let mut place = Place::Code;
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        if !place.is_comment() && rest.starts_with("$${") {
            out.push_str("${");
            rest = &rest[3..];
            continue;
        }
        if !place.is_comment() && rest.starts_with("${") {
            let line = script[..script.len() - rest.len()].matches('\n').count() + 1;
            let (name, after) = parameter(rest, line)?;
            let value = lookup(name, params, line)?;
            wanted.insert(name);
            out.push_str(&place.quoted(value));
            rest = after;
            continue;
        }
        let length = place.step(rest, c);
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    match params
        .iter()
        .find(|(name, _)| !wanted.contains(name.as_str()))
    {
        None => Ok(out),
        Some((name, _)) => {
            let e = Error::invalid(format!("the script has no parameter `{name}`"));
            Err(match nearest(name, wanted.iter().copied()) {
                Some(near) => e.with_hint(format!("did you mean `{near}`?")),
                None if wanted.is_empty() => {
                    e.with_hint("it has none at all; one is written ${name}")
                }
                None => e.with_hint(format!("it has {}", join(wanted.iter().copied()))),
            })
        }
    }
}

/// The name in `${name}` at the beginning of `text`, and what follows.
fn parameter(text: &str, line: usize) -> Result<(&str, &str)> {
    let named = text[2..].split_once('}').filter(|(name, _)| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    });
    named.ok_or_else(|| {
        Error::invalid(format!("`${{` at line {line} begins no parameter"))
            .with_hint("write ${name}, or $${ for the characters themselves")
    })
}

fn lookup<'a>(name: &str, params: &'a [(String, String)], line: usize) -> Result<&'a str> {
    // The last one given holds, as with every repeated flag.
    let given = params.iter().rev().find(|(key, _)| key == name);
    given.map(|(_, value)| value.as_str()).ok_or_else(|| {
        Error::invalid(format!("parameter `{name}` at line {line} has no value"))
            .with_hint(format!("add --param {name}=VALUE"))
    })
}

/// Where in a script the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    /// Within `'…'`.
    Literal,
    /// Within `"…"`.
    Name,
    /// After `--`.
    LineComment,
    /// Within `/*…*/`, which nest so many deep.
    BlockComment(usize),
}

impl Place {
    fn is_comment(self) -> bool {
        matches!(self, Self::LineComment | Self::BlockComment(_))
    }

    /// Goes on past `c`, the first character of `text`, and says how many bytes that took. A doubled quote
    /// leaves and enters the same place again, which comes to staying there.
    fn step(&mut self, text: &str, c: char) -> usize {
        let (next, length) = match (*self, c) {
            (Self::Code, '\'') => (Self::Literal, 1),
            (Self::Code, '"') => (Self::Name, 1),
            (Self::Code, '-') if text.starts_with("--") => (Self::LineComment, 2),
            (Self::Code, '/') if text.starts_with("/*") => (Self::BlockComment(1), 2),
            (Self::Literal, '\'') | (Self::Name, '"') | (Self::LineComment, '\n') => {
                (Self::Code, 1)
            }
            (Self::BlockComment(depth), '/') if text.starts_with("/*") => {
                (Self::BlockComment(depth + 1), 2)
            }
            (Self::BlockComment(1), '*') if text.starts_with("*/") => (Self::Code, 2),
            (Self::BlockComment(depth), '*') if text.starts_with("*/") => {
                (Self::BlockComment(depth - 1), 2)
            }
            (place, c) => (place, c.len_utf8()),
        };
        *self = next;
        length
    }

    fn quoted(self, value: &str) -> String {
        match self {
            Self::Literal => value.replace('\'', "''"),
            Self::Name => value.replace('"', "\"\""),
            // A bare minus could follow another one and begin a comment.
            _ if is_number(value) && value.starts_with('-') => format!("({value})"),
            _ if is_number(value) => value.to_owned(),
            _ => format!("'{}'", value.replace('\'', "''")),
        }
    }
}

/// `12`, `-1.5`, `2e9`; but not `007`, which is somebody's code.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(|e| all_digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }

    fn with_x(script: &str, x: &str) -> String {
        substitute(script, &params(&[("x", x)])).unwrap()
    }

    #[test]
    fn values_are_quoted_for_their_place() {
        assert_eq!(with_x("SELECT ${x}", "12"), "SELECT 12");
        assert_eq!(with_x("SELECT 1-${x}", "-1.5e3"), "SELECT 1-(-1.5e3)");
        assert_eq!(with_x("SELECT ${x}", "O'Hara"), "SELECT 'O''Hara'");
        assert_eq!(with_x("SELECT '${x}/a'", "O'Hara"), "SELECT 'O''Hara/a'");
        assert_eq!(with_x("SELECT 'it''s ${x}'", "5"), "SELECT 'it''s 5'");
        assert_eq!(with_x("FROM \"${x}\"", "a\"b"), "FROM \"a\"\"b\"");
        assert_eq!(with_x("SELECT ${x}", ""), "SELECT ''");
    }

    #[test]
    fn a_value_cannot_leave_its_place() {
        assert_eq!(
            with_x("WHERE a = ${x}", "1; DROP TABLE t"),
            "WHERE a = '1; DROP TABLE t'"
        );
        assert_eq!(
            with_x("WHERE a = '${x}'", "' OR '1'='1"),
            "WHERE a = ''' OR ''1''=''1'"
        );
    }

    #[test]
    fn codes_stay_text() {
        for code in ["007", "1e", "1.", ".5", "0x10", "1_000", "--1", "1-1"] {
            assert_eq!(with_x("${x}", code), format!("'{code}'"), "{code}");
        }
        for number in ["0", "0.50", "10", "2E+9"] {
            assert_eq!(with_x("${x}", number), number);
        }
    }

    #[test]
    fn comments_are_left_alone() {
        let script = "-- ${a}'\n/* ${b} /* ' */ ${c} */ SELECT ${x} -- ${d}";
        assert_eq!(with_x(script, "1"), script.replace("${x}", "1"));
    }

    #[test]
    fn the_characters_themselves() {
        assert_eq!(
            substitute("SELECT '$${x}', '$5'", &[]).unwrap(),
            "SELECT '${x}', '$5'"
        );
    }

    #[test]
    fn a_missing_value_is_named_with_its_line() {
        let e = substitute("SELECT 1;\nSELECT ${day}", &[]).unwrap_err();
        assert_eq!(e.to_string(), "parameter `day` at line 2 has no value");
        assert!(substitute("SELECT ${", &[]).is_err());
        assert!(substitute("SELECT ${a b}", &[]).is_err());
    }

    #[test]
    fn a_value_that_nothing_wants_is_named() {
        let e = substitute(
            "SELECT ${limit}",
            &params(&[("limit", "1"), ("limti", "2")]),
        )
        .unwrap_err();
        assert_eq!(e.to_string(), "the script has no parameter `limti`");
    }
}
