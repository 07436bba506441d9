"""SQL text with parameters: `:name`, `?` and `{name}`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from springald.errors import AnalysisException, ParseException, PySparkTypeError

__all__ = ["View", "bound", "formatted", "setting", "view"]

# Quoted text and comments, which stay as they are; a cast `::`; and parameters.
_PIECES = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/|::|:(?P<name>[A-Za-z_]\w*)|(?P<place>\?)""",
    re.S,
)

_VIEW = re.compile(
    r"\s*create\s+(?P<replace>or\s+replace\s+)?(?P<everywhere>global\s+)?temp(?:orary)?\s+view\s+"
    r"(?P<absent>if\s+not\s+exists\s+)?(?P<name>`[^`]+`|[\w.]+)\s+as\s+(?P<query>.*?)\s*;?\s*",
    re.I | re.S,
)

_SET = re.compile(r"\s*set\s+(?P<key>spark\.[\w.]+)\s*=\s*(?P<value>.*?)\s*;?\s*", re.I | re.S)


def bound(sql: str, args: Mapping[str, Any] | Sequence[Any]) -> str:
    """`sql` with literals in place of `:name` parameters, or of `?`.

    >>> bound("SELECT :a, ':a'", {"a": "it's"})
    "SELECT 'it''s', ':a'"
    >>> bound("SELECT ?, ?", [1, None])
    'SELECT CAST(1 AS INT), NULL'
    """
    by_name = args if isinstance(args, Mapping) else {}
    named, places = isinstance(args, Mapping), iter(() if isinstance(args, Mapping) else args)

    def replaced(match: re.Match[str]) -> str:
        name, place = match["name"], match["place"]
        if (name and not named) or (place and named):
            raise AnalysisException(
                "[INVALID_QUERY_MIXED_QUERY_PARAMETERS] parameters are all named, or all positional",
                "give a dict for `:name`, a list for `?`",
            )
        if name:
            if name not in by_name:
                raise AnalysisException(f"[UNBOUND_SQL_PARAMETER] there is no argument for `:{name}`")
            return _literal(by_name[name])
        if place:
            try:
                return _literal(next(places))
            except StopIteration:
                raise AnalysisException("[UNBOUND_SQL_PARAMETER] there are more `?` than arguments") from None
        return match[0]

    return _PIECES.sub(replaced, sql)


def formatted(sql: str, values: Mapping[str, Any], view_of: Callable[[Any], str]) -> str:
    """`sql` with `{name}` replaced by a literal, a column's name, or a view of a DataFrame.

    >>> formatted("SELECT * FROM t WHERE s = {s} AND n > {n}", {"s": "x", "n": 1}, str)
    "SELECT * FROM t WHERE s = 'x' AND n > CAST(1 AS INT)"
    """
    return _Formatter(view_of).vformat(sql, (), values)


def setting(sql: str) -> tuple[str, str] | None:
    """Key and value of a statement like `SET spark.x = y`.

    >>> setting("set spark.sql.session.timeZone = UTC")
    ('spark.sql.session.timeZone', 'UTC')
    """
    match = _SET.fullmatch(sql)
    return None if match is None else (match["key"], match["value"].strip("'\""))


class View(NamedTuple):
    """A statement that makes a view of a session."""

    name: str
    query: str
    replace: bool
    everywhere: bool
    if_absent: bool


def view(sql: str) -> View | None:
    """The parts of `CREATE [OR REPLACE] [GLOBAL] TEMPORARY VIEW name AS query`.

    >>> view("CREATE TEMP VIEW v AS SELECT 1")
    View(name='v', query='SELECT 1', replace=False, everywhere=False, if_absent=False)
    """
    match = _VIEW.fullmatch(sql)
    if match is None:
        return None
    return View(
        match["name"].strip("`"),
        match["query"],
        bool(match["replace"]),
        bool(match["everywhere"]),
        bool(match["absent"]),
    )


class _Formatter(string.Formatter):
    def __init__(self, view_of: Callable[[Any], str]) -> None:
        self._view_of = view_of

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int) or key not in kwargs:
            raise ParseException(f"there is no argument for {{{key}}}", "write {{ and }} for braces")
        return kwargs[key]

    def format_field(self, value: Any, format_spec: str) -> str:
        from springald.sql.column import Column
        from springald.sql.dataframe import DataFrame

        if isinstance(value, Column):
            return "`" + value._label(None).replace("`", "``") + "`"
        if isinstance(value, DataFrame):
            return self._view_of(value)
        if not isinstance(value, str) and hasattr(value, "__arrow_c_stream__"):
            return self._view_of(value)
        if isinstance(value, str) or not format_spec:
            return _literal(value)
        return format(value, format_spec)


def _literal(value: Any) -> str:
    from springald.jupyter.interpolation import literal
    from springald.sql.column import Column

    if isinstance(value, Column):
        raise PySparkTypeError("a SQL parameter is a value, and not a Column", "give the plain Python value")
    text = literal(value)
    # A whole number is an INT where it fits, as PySpark's are.
    is_int = isinstance(value, int) and not isinstance(value, bool) and -(1 << 31) <= value < 1 << 31
    return f"CAST({text} AS INT)" if is_int else text
