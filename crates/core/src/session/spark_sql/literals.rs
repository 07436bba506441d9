//! Tokens of Spark that are others in DataFusion's dialect.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// `1.5D` as `1.5::DOUBLE`, and so with `5L`, `2S`, `3Y`, `1.5F`, `1.50BD`; `a div b` as `a // b`; `array(…)` of anything
/// but a query as `make_array(…)`.
///
/// With a blank before it the ending is an alias, as in `SELECT 1 d`; so is `div` where no operand follows.
pub(super) fn spelled_out(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for (place, token) in tokens.iter().enumerate() {
        let Some(word) = plain(&token.token) else {
            out.push(token.clone());
            continue;
        };
        if let Some((digits, kind)) = out.last().and_then(|number| typed(number, word)) {
            out.pop();
            let span = token.span;
            out.extend([digits, Token::DoubleColon].map(|t| TokenWithSpan::new(t, span)));
            out.extend(kind.into_iter().map(|t| TokenWithSpan::new(t, span)));
        } else if word.value.eq_ignore_ascii_case("div")
            && out.iter().rev().find(|t| !is_blank(t)).is_some_and(ends)
            && (tokens[place + 1..].iter().find(|t| !is_blank(t))).is_some_and(begins)
        {
            out.push(TokenWithSpan::new(Token::DuckIntDiv, token.span));
        } else if word.keyword == Keyword::ARRAY && lists_items(&tokens[place + 1..]) {
            let name = Token::make_word("make_array", None);
            out.push(TokenWithSpan::new(name, token.span));
        } else {
            out.push(token.clone());
        }
    }
    out
}

/// Whether an open parenthesis is next, and no query in it.
fn lists_items(rest: &[TokenWithSpan]) -> bool {
    let mut rest = rest.iter().filter(|token| !is_blank(token));
    let is_open = rest.next().is_some_and(|t| t.token == Token::LParen);
    let first = rest.find(|token| token.token != Token::LParen);
    let queries = [
        Keyword::SELECT,
        Keyword::WITH,
        Keyword::VALUES,
        Keyword::FROM,
        Keyword::TABLE,
    ];
    is_open
        && first
            .and_then(|token| plain(&token.token))
            .is_none_or(|word| !queries.contains(&word.keyword))
}

fn plain(token: &Token) -> Option<&Word> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word),
        _ => None,
    }
}

/// The number and the tokens of its type, if `ending` right behind it names one.
fn typed(number: &TokenWithSpan, ending: &Word) -> Option<(Token, Vec<Token>)> {
    let Token::Number(digits, false) = &number.token else {
        return None;
    };
    let is_whole = digits.bytes().all(|b| b.is_ascii_digit());
    let of = |kind: &str| Some((number.token.clone(), vec![Token::make_keyword(kind)]));
    match ending.value.to_ascii_uppercase().as_str() {
        "D" => of("DOUBLE"),
        "F" => of("REAL"),
        "L" if is_whole => of("BIGINT"),
        "S" if is_whole => of("SMALLINT"),
        "Y" if is_whole => of("TINYINT"),
        "BD" if !digits.contains(['e', 'E']) => {
            let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
            let scale = part.len();
            let precision = (whole.trim_start_matches('0').len() + scale).max(1);
            let digit = |n: usize| Token::Number(n.to_string(), false);
            let kind = vec![
                Token::make_keyword("DECIMAL"),
                Token::LParen,
                digit(precision),
                Token::Comma,
                digit(scale),
                Token::RParen,
            ];
            // As text, of which no digit is lost.
            Some((Token::SingleQuotedString(digits.clone()), kind))
        }
        _ => None,
    }
}

fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// Whether an operand may end with the token.
fn ends(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => {
            word.quote_style.is_some()
                || matches!(
                    word.keyword,
                    Keyword::NoKeyword | Keyword::END | Keyword::NULL
                )
                || !RESERVED.contains(&word.keyword)
        }
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
        _ => false,
    }
}

/// Whether an operand begins with the token.
fn begins(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => word.quote_style.is_some() || !RESERVED.contains(&word.keyword),
        Token::Number(..) | Token::SingleQuotedString(_) | Token::LParen | Token::Minus => true,
        _ => false,
    }
}

/// What stands between expressions, and so makes a word beside it a name.
const RESERVED: &[Keyword] = &[
    Keyword::SELECT,
    Keyword::DISTINCT,
    Keyword::ALL,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::ORDER,
    Keyword::BY,
    Keyword::LIMIT,
    Keyword::OFFSET,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::JOIN,
    Keyword::INNER,
    Keyword::LEFT,
    Keyword::RIGHT,
    Keyword::FULL,
    Keyword::CROSS,
    Keyword::LATERAL,
    Keyword::ON,
    Keyword::USING,
    Keyword::AS,
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::BETWEEN,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::END,
    Keyword::ASC,
    Keyword::DESC,
    Keyword::NULLS,
    Keyword::WINDOW,
    Keyword::QUALIFY,
];

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::super::GENERIC;
    use super::*;

    fn spelled(sql: &str) -> String {
        let tokens = Tokenizer::new(&GENERIC, sql)
            .tokenize_with_location()
            .unwrap();
        let texts = spelled_out(tokens).into_iter().map(|t| t.token.to_string());
        texts.collect()
    }

    #[test]
    fn endings_name_types() {
        assert_eq!(
            spelled("SELECT 1.5D, 2s"),
            "SELECT 1.5::DOUBLE, 2::SMALLINT"
        );
        assert_eq!(spelled("-012.50BD"), "-'012.50'::DECIMAL(4,2)");
        assert_eq!(spelled("1e3F"), "1e3::REAL");
        // Aliases, names, and texts.
        for same in ["1 d", "1.5S", "a1.d", "'1D'", "1 AS D", "x.1D2"] {
            assert_eq!(spelled(same), same);
        }
    }

    #[test]
    fn arrays_list_items_or_query_them() {
        assert_eq!(spelled("array(1, (2))"), "make_array(1, (2))");
        assert_eq!(spelled("ARRAY ((a), b)"), "make_array ((a), b)");
        for same in [
            "array(SELECT 1)",
            "array((SELECT 1))",
            "array[1]",
            "x.\"array\"(1)",
        ] {
            assert_eq!(spelled(same), same);
        }
    }

    #[test]
    fn div_needs_operands() {
        assert_eq!(spelled("a div b"), "a // b");
        assert_eq!(spelled("(a) DIV -1"), "(a) // -1");
        for same in [
            "SELECT a div, b",
            "SELECT div FROM t",
            "a AS div",
            "FROM t div WHERE x",
        ] {
            assert_eq!(spelled(same), same);
        }
    }
}
