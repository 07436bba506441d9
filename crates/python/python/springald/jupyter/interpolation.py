"""Python values in SQL text: `{name}` becomes a literal, or the name of a view for a table of rows."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError

__all__ = ["interpolated", "literal", "statements"]

# What begins quoted text or a comment, and what ends a statement; all else is code.
_STARTS = re.compile(r"""['"`]|--|/\*|;|\$\w*\$""")
_NESTED = re.compile(r"/\*|\*/")
_VARIABLE = re.compile(r"\{\{(\w+)\}\}|\{([^\W\d]\w*)\}")


def interpolated(sql: str, variables: Mapping[str, Any], view: Callable[[str, Any], str]) -> str:
    """`sql` with each `{name}` replaced by the value of that variable.

    Outside quotes it becomes a literal: a string is quoted, a list takes the form of `IN`. Within quotes the bare text
    goes in, with that quote doubled, so that no value ends the quotes. `{{name}}` stands for the text `{name}`.

    Args:
        sql: One or more statements.
        variables: Values by name.
        view: Makes a view of a variable that is a table of rows, and gives the view's name.

    >>> interpolated("SELECT {a} FROM '{a}.csv' WHERE x IN {b}", {"a": "it's", "b": [1, 2]}, str)
    "SELECT 'it''s' FROM 'it''s.csv' WHERE x IN (1, 2)"
    """
    out = []
    for kind, piece in _pieces(sql):
        if kind in ("comment", "raw"):
            out.append(piece)
            continue
        quote = piece[0] if kind == "quoted" else None

        def replaced(match: re.Match[str], quote: str | None = quote) -> str:
            if match[1] is not None:
                return "{" + match[1] + "}"
            value = _look_up(match[2], variables)
            return _within(quote, match[2], value) if quote else _outside(match[2], value, view)

        out.append(_VARIABLE.sub(replaced, piece))
    return "".join(out)


def statements(sql: str) -> list[str]:
    """The statements of a text, which semicolons outside quotes and comments separate.

    >>> statements("SELECT ';'; -- one;\\nSELECT 2;")
    ["SELECT ';'", '-- one;\\nSELECT 2']
    """
    found, code = [""], [False]
    for kind, piece in _pieces(sql):
        if kind == "end":
            found.append("")
            code.append(False)
        else:
            found[-1] += piece
            code[-1] |= kind != "comment" and bool(piece.strip())
    return [statement.strip() for statement, has_code in zip(found, code, strict=True) if has_code]


def literal(value: Any) -> str:
    """A value as SQL writes it.

    >>> literal("it's"), literal(None), literal([1, 2.5])
    ("'it''s'", 'NULL', "(1, CAST('2.5' AS DOUBLE))")
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(int(value)) if value >= 0 else f"({int(value)})"
        case float():
            text = repr(float(value)) if math.isfinite(value) else str(value).replace("inf", "Infinity")
            return f"CAST('{text}' AS DOUBLE)"
        case Decimal():
            return _decimal(value)
        case str():
            # Some dialects of SQL take a backslash as it is, others let it escape the quote.
            texts = ["'" + part.replace("'", "''") + "'" for part in value.split("\\")]
            return texts[0] if len(texts) == 1 else "(" + " || chr(92) || ".join(texts) + ")"
        case bytes() | bytearray():
            return f"X'{value.hex()}'"
        case dt.datetime():
            return _moment(value)
        case dt.date():
            return f"DATE '{value.isoformat()}'"
        case list() | tuple() | set() | frozenset():
            # `IN ()` is no SQL; nothing is in no rows.
            return "(" + ", ".join(map(literal, value)) + ")" if value else "(SELECT NULL WHERE FALSE)"
    if str(getattr(value, "dtype", "")).startswith("datetime64"):
        value = value.astype("datetime64[us]")
    # Columns of pandas, Polars and PyArrow; NumPy's arrays and scalars.
    for listing in ("to_pylist", "tolist", "to_list"):
        if hasattr(type(value), listing):
            return literal(getattr(value, listing)())
    raise PySparkTypeError(
        f"a {type(value).__name__} has no form in SQL",
        "strings, numbers, dates, timestamps, bytes, lists of these, and tables of rows have",
    )


def _pieces(sql: str) -> Iterator[tuple[str, str]]:
    """The text in pieces: `code`, `quoted`, `raw` (between dollars), `comment`, and `end` for a semicolon."""
    place = 0
    while start := _STARTS.search(sql, place):
        if start.start() > place:
            yield "code", sql[place : start.start()]
        kind, end = _extent(sql, start)
        yield kind, sql[start.start() : end]
        place = end
    if place < len(sql):
        yield "code", sql[place:]


def _extent(sql: str, start: re.Match[str]) -> tuple[str, int]:
    """What begins at `start`, and where it ends; without an end, with the text."""
    begin, after = start[0], start.end()
    if begin == ";":
        return "end", after
    if begin == "--":
        return "comment", (sql.find("\n", after) + 1) or len(sql)
    if begin == "/*":
        depth = 1
        for match in _NESTED.finditer(sql, after):
            depth += 1 if match[0] == "/*" else -1
            if depth == 0:
                return "comment", match.end()
        return "comment", len(sql)
    # A doubled quote within quotes ends one piece and begins another, which comes to the same.
    end = sql.find(begin, after)
    return "raw" if begin[0] == "$" else "quoted", len(sql) if end < 0 else end + len(begin)


def _look_up(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise AnalysisException(f"there is no variable `{name}`", f"write {{{{{name}}}}} for the text {{{name}}}")
    return variables[name]


def _outside(name: str, value: Any, view: Callable[[str, Any], str]) -> str:
    if _is_table(value):
        return view(name, value)
    try:
        return literal(value)
    except PySparkTypeError as error:
        raise PySparkTypeError(f"variable `{name}`: {error.message}", error.hint) from None


def _within(quote: str, name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal, dt.date)):
        # A path is as good as its text.
        if not hasattr(value, "__fspath__"):
            kind = type(value).__name__
            raise PySparkTypeError(f"variable `{name}` is a {kind}, which has no place within quotes", "leave them out")
        value = value.__fspath__()
    text = str(value)
    if "\\" in text:
        raise PySparkValueError(f"the backslash of variable `{name}` may end the quotes", "leave the quotes out")
    return text.replace(quote, quote * 2)


def _is_table(value: object) -> bool:
    # Asked of the type, as a Column has every attribute.
    return hasattr(type(value), "columns") or hasattr(type(value), "column_names")


def _moment(value: dt.datetime) -> str:
    # pandas' NaT is a datetime that equals nothing.
    if value != value:
        return "NULL"
    if value.tzinfo is None:
        return f"CAST('{value.isoformat(' ')}' AS TIMESTAMP(6))"
    return f"arrow_cast('{value.astimezone(dt.UTC).isoformat(' ')}', 'Timestamp(Microsecond, Some(\"UTC\"))')"


def _decimal(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise PySparkTypeError(f"{value} is no decimal number of SQL")
    scale = max(0, -exponent)
    precision = max(len(digits) + max(exponent, 0), scale, 1)
    return f"CAST('{value:f}' AS DECIMAL({precision}, {scale}))"
