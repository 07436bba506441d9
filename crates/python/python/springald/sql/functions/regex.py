"""Patterns: LIKE and regular expressions."""

from __future__ import annotations

import re

import pyarrow as pa

from springald.errors import PySparkTypeError
from springald.sql._casts import as_text, coerce
from springald.sql._lambda import mapped
from springald.sql._nodes import Build, Literal
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of
from springald.sql.column import regexp_like as _regexp_like
from springald.sql.functions._make import ColumnOrName, call, lit_

__all__ = [
    "ilike",
    "like",
    "regexp",
    "regexp_count",
    "regexp_extract",
    "regexp_extract_all",
    "regexp_instr",
    "regexp_like",
    "regexp_replace",
    "regexp_substr",
    "rlike",
    "split",
]


def like(str: ColumnOrName, pattern: ColumnOrName, escapeChar: Column | None = None) -> Column:
    """Whether a text matches a SQL pattern: `%` is any text, `_` any character.

    >>> spark.range(1).select(F.like(F.lit("Ada"), F.lit("A%"))).first()[0]
    True
    """
    escape = _escape(escapeChar)
    return call("like", _like(escape, False), str, pattern, form="{0} LIKE {1}")


def ilike(str: ColumnOrName, pattern: ColumnOrName, escapeChar: Column | None = None) -> Column:
    """Whether a text matches a SQL pattern, whatever the case of letters.

    >>> spark.range(1).select(F.ilike(F.lit("Ada"), F.lit("a%"))).first()[0]
    True
    """
    return call("ilike", _like(_escape(escapeChar), True), str, pattern)


def _escape(column: Column | None) -> str:
    if column is None:
        return "\\"
    if not isinstance(column._node, Literal):
        raise PySparkTypeError("escapeChar is F.lit of one character")
    return column._node.value  # type: ignore[no-any-return]


def _like(escape: str, fold: bool) -> Build:
    def build(scope: Scope, text: Value, pattern: Value) -> Value:
        return scope.value(
            as_text(text).expr.like(
                as_text(pattern).expr, case_insensitive=fold, escape=None if escape == "\\" else escape
            )
        )

    return build


def rlike(str: ColumnOrName, regexp: ColumnOrName) -> Column:
    """Whether a regular expression is found in a text.

    >>> spark.range(1).select(F.rlike(F.lit("abc"), F.lit("b."))).first()[0]
    True
    """
    return call("RLIKE", _regexp_like, str, regexp)


def regexp(str: ColumnOrName, regexp: ColumnOrName) -> Column:
    """Whether a regular expression is found in a text.

    >>> spark.range(1).select(F.regexp(F.lit("abc"), F.lit("b."))).first()[0]
    True
    """
    return call("REGEXP", _regexp_like, str, regexp)


def regexp_like(str: ColumnOrName, regexp: ColumnOrName) -> Column:
    """Whether a regular expression is found in a text.

    >>> spark.range(1).select(F.regexp_like(F.lit("abc"), F.lit("b."))).first()[0]
    True
    """
    return call("REGEXP_LIKE", _regexp_like, str, regexp)


def regexp_count(str: ColumnOrName, regexp: ColumnOrName) -> Column:
    """How often a regular expression is found in a text.

    >>> spark.range(1).select(F.regexp_count(F.lit("a1b2"), F.lit("[0-9]"))).first()[0]
    2
    """

    def build(scope: Scope, text: Value, pattern: Value) -> Value:
        text, pattern = as_text(text), as_text(pattern)
        return scope.call("regexp_count", text, pattern).cast(pa.int32()).unless_null(text, pattern)

    return call("regexp_count", build, str, regexp)


def regexp_extract(str: ColumnOrName, pattern: str, idx: int) -> Column:
    """A group of the first place where a regular expression is found; empty if there is none.

    >>> spark.range(1).select(F.regexp_extract(F.lit("a1"), "([a-z])([0-9])", 2)).first()[0]
    '1'
    """

    def build(scope: Scope, text: Value, regex: Value, group: Value) -> Value:
        text = as_text(text)
        groups = scope.call("regexp_match", text, _grouped(regex, pattern))
        place = coerce(group, pa.int64()).binary("+", 1)
        found = scope.call("array_element", groups, place)
        return scope.case([(text.is_not_null(), scope.call("coalesce", found, ""))])

    return call("regexp_extract", build, str, lit_(pattern), lit_(idx))


def _grouped(regex: Value, pattern: str) -> Value:
    """The pattern in one group more, so that group 0 is the whole of what is found."""
    return regex.scope.literal(f"({pattern})")


def regexp_extract_all(str: ColumnOrName, regexp: ColumnOrName, idx: int | Column | None = None) -> Column:
    """A group of every place where a regular expression is found.

    >>> spark.range(1).select(F.regexp_extract_all(F.lit("a1b2"), F.lit("([a-z])[0-9]"), 1)).first()[0]
    ['a', 'b']
    """
    group = lit_(1 if idx is None else idx)
    pattern = _pattern(regexp)

    def build(scope: Scope, text: Value, regex: Value, place: Value) -> Value:
        text = as_text(text)
        # Each match ends with a mark that no text has, before the rest is cut off.
        mark, end = "\ue010", "\ue011"
        marked = scope.call("regexp_replace", text, f"(?s)({pattern})", f"{end}{mark}${{1}}{end}", "g")
        pieces = scope.call("string_to_array", marked, end)
        matches = filtered(pieces, lambda piece: scope.call("starts_with", piece, mark))
        nth = coerce(place, pa.int64()).binary("+", 1)

        def group_of(piece: Value) -> Value:
            groups = scope.call("regexp_match", scope.call("substr", piece, 2), f"({pattern})")
            return scope.call("coalesce", scope.call("array_element", groups, nth), "")

        found = mapped(matches, group_of)
        return scope.case([(text.is_not_null(), found)])

    return call("regexp_extract_all", build, str, regexp, group)


def filtered(array: Value, test: object) -> Value:
    """The items of an array for which a test holds."""
    from springald.sql._lambda import fresh, lambda_of, variable

    name = fresh()
    item = variable(array.scope, name, array.type.value_type)
    body = test(item)  # type: ignore[operator]
    return array.scope.call("array_filter", array, lambda_of(array.scope, [name], body))


def _pattern(regexp: ColumnOrName) -> str:
    node = node_of(regexp)
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        raise PySparkTypeError("the regular expression is one text, not a column", "give it as F.lit(…)")
    return node.value


def regexp_instr(str: ColumnOrName, regexp: ColumnOrName, idx: int | Column | None = None) -> Column:
    """The place, from 1, where a regular expression is first found; 0 if it is not.

    >>> spark.range(1).select(F.regexp_instr(F.lit("ab1"), F.lit("[0-9]"))).first()[0]
    3
    """

    def build(scope: Scope, text: Value, pattern: Value, _: Value) -> Value:
        text, pattern = as_text(text), as_text(pattern)
        found = scope.call("regexp_instr", text, pattern).cast(pa.int32())
        return scope.call("coalesce", found, scope.literal(0, pa.int32())).unless_null(text, pattern)

    return call("regexp_instr", build, str, regexp, lit_(0 if idx is None else idx))


def regexp_replace(string: ColumnOrName, pattern: str | Column, replacement: str | Column) -> Column:
    """Text with every place where a regular expression is found replaced; `$1` is its first group.

    >>> spark.range(1).select(F.regexp_replace(F.lit("a1b2"), "[0-9]", "#")).first()[0]
    'a#b#'
    """

    def build(scope: Scope, text: Value, regex: Value, new: Value, _: Value) -> Value:
        node = replacement if isinstance(replacement, str) else getattr(replacement._node, "value", None)
        other = scope.literal(_groups(node)) if isinstance(node, str) else as_text(new)
        return scope.call("regexp_replace", as_text(text), as_text(regex), other, "g")

    return call("regexp_replace", build, string, lit_(pattern), lit_(replacement), lit_(1))


def _groups(replacement: str) -> str:
    r"""Java's replacement as the engine's.

    >>> _groups(r"$1a\$")
    '${1}a$$'
    """
    parts = re.findall(r"\\(.)|\$\{(\w+)\}|\$(\d)|(.)", replacement, re.DOTALL)
    return "".join(
        f"${{{name or number}}}" if name or number else (escaped or plain).replace("$", "$$")
        for escaped, name, number, plain in parts
    )


def regexp_substr(str: ColumnOrName, regexp: ColumnOrName) -> Column:
    """What a regular expression first finds in a text; null if nothing.

    >>> spark.range(1).select(F.regexp_substr(F.lit("ab12"), F.lit("[0-9]+"))).first()[0]
    '12'
    """

    def build(scope: Scope, text: Value, pattern: Value) -> Value:
        whole = scope.call("concat", "(", as_text(pattern), ")")
        return scope.call("array_element", scope.call("regexp_match", as_text(text), whole), 1)

    return call("regexp_substr", build, str, regexp)


def split(str: ColumnOrName, pattern: Column | str, limit: Column | int = -1) -> Column:
    """Text cut wherever a regular expression is found; into at most so many parts, if a limit is given.

    >>> spark.range(1).select(F.split(F.lit("a,b,c"), ",")).first()[0]
    ['a', 'b', 'c']
    """

    def build(scope: Scope, text: Value, regex: Value, most: Value) -> Value:
        text = as_text(text)
        mark = "\ue012"
        pattern_text = getattr(lit_(pattern)._node, "value", None)
        if pattern_text == "":
            empty = text.binary("=", "")
            letters = scope.call("regexp_replace", text, "(?s)(.)", f"{mark}${{1}}", "g")
            parts = scope.call("string_to_array", scope.call("substr", letters, 2), mark)
            return scope.case([(empty, scope.call("make_array", ""))], parts)
        count = getattr(lit_(limit)._node, "value", -1)
        regex = as_text(regex)
        if count > 0:
            # One by one from the left: without "g" only the first is replaced, and a mark is never found again.
            marked = text
            for _ in range(count - 1):
                marked = scope.call("regexp_replace", marked, regex, mark)
        else:
            marked = scope.call("regexp_replace", text, regex, mark, "g")
        parts = scope.call("string_to_array", marked, mark)
        return scope.case([(text.binary("=", ""), scope.call("make_array", text))], parts)

    return call("split", build, str, lit_(pattern), lit_(limit))
