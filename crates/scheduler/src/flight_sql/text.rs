//! What is to be known of a statement's text before it is planned.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Words that begin a statement which gives rows and changes nothing. Every other one is run when it is sent.
const QUERIES: [&str; 10] = [
    "SELECT",
    "WITH",
    "VALUES",
    "TABLE",
    "FROM",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "EXPLAIN",
    "SUMMARIZE",
];

/// Whether the statement may be planned at once and run later.
pub(super) fn is_query(sql: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
        // Planning it will say what is wrong.
        return true;
    };
    let first = tokens
        .iter()
        .find(|token| !matches!(token, Token::Whitespace(_) | Token::LParen));
    match first {
        Some(Token::Word(word)) => QUERIES.contains(&word.value.to_uppercase().as_str()),
        _ => true,
    }
}

/// The statement with the parameters that JDBC writes as `?` numbered, as the engine writes them: `$1`, `$2`, ….
pub(super) fn numbered(sql: &str) -> String {
    // Literals keep their escapes, as the tokens are written out again.
    let mut tokenizer = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false);
    let Ok(mut tokens) = tokenizer.tokenize() else {
        return sql.to_owned();
    };
    let mut count = 0;
    for token in &mut tokens {
        if let Token::Placeholder(name) = token
            && name == "?"
        {
            count += 1;
            *name = format!("${count}");
        }
    }
    match count {
        0 => sql.to_owned(),
        _ => tokens.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_told_from_the_rest() {
        for sql in [
            "select 1",
            "  -- a comment\n WITH a AS (SELECT 1) SELECT * FROM a",
            "/* x */ (SELECT 1) UNION (SELECT 2)",
            "VALUES (1)",
            "SHOW TABLES",
            "EXPLAIN ANALYZE SELECT 1",
            "'no statement",
            "",
        ] {
            assert!(is_query(sql), "{sql}");
        }
        for sql in [
            "CREATE TABLE t AS SELECT 1",
            "INSERT INTO t SELECT 1",
            "COPY t TO 'x.parquet'",
            "SET a = 1",
            "drop table t",
            "CACHE TABLE t",
        ] {
            assert!(!is_query(sql), "{sql}");
        }
    }

    #[test]
    fn question_marks_become_numbers_where_they_are_parameters() {
        assert_eq!(
            numbered("SELECT '?', \"?\" FROM t -- ?\nWHERE a = ? AND b IN (?, 'it''s', ?)"),
            "SELECT '?', \"?\" FROM t -- ?\nWHERE a = $1 AND b IN ($2, 'it''s', $3)"
        );
        for same in ["SELECT 'it''s' || $1", "SELECT 1 /* ? */", "SELECT '"] {
            assert_eq!(numbered(same), same);
        }
    }
}
