"""Rows as an HTML table for notebooks, light and dark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

__all__ = ["table"]

ROWS = 20
_COLUMNS = 60
_TEXT = 60
_ITEMS = 8
# A cell's title holds its whole text, but a notebook should not grow by megabytes.
_TITLE = 1000

# Notebooks keep the style with each table, so it is short; pages that do not trust a notebook leave it out. The doubled
# class wins over JupyterLab's own rules.
_STYLE = (
    "<style>"
    ".springald-table{overflow-x:auto;max-width:100%}"
    ".springald-table.springald-table table{border-collapse:collapse;margin:.3em 0;border:none;font-size:.9em;"
    "color:var(--jp-content-font-color1,inherit);font-variant-numeric:tabular-nums}"
    ".springald-table.springald-table :is(th,td){padding:.3em .8em;text-align:left;vertical-align:top;border:none;"
    "max-width:none;white-space:pre}"
    ".springald-table.springald-table th{font-weight:600;vertical-align:bottom;"
    "border-bottom:1px solid var(--jp-border-color1,#9998)}"
    ".springald-table.springald-table th small{font-weight:400;font-size:.85em;"
    "color:var(--jp-content-font-color2,#888)}"
    ".springald-table.springald-table .n{text-align:right}"
    ".springald-table.springald-table i{color:var(--jp-content-font-color3,#888)}"
    ".springald-table.springald-table caption{caption-side:bottom;text-align:left;padding:.4em .8em;font-size:.9em;"
    "white-space:nowrap;color:var(--jp-content-font-color2,#888)}"
    "</style>"
)


def table(
    names: Sequence[str],
    types: Sequence[object],
    data: pa.RecordBatch | pa.Table,
    more: bool,
    *,
    rows: int = ROWS,
    time_zone: str = "UTC",
) -> str:
    """The first rows of a DataFrame as HTML.

    Args:
        names: The columns as users call them; they may repeat.
        types: Their types: texts, or objects with `simpleString()`.
        data: The first rows, with a column for each name.
        more: Whether the DataFrame has rows beyond these.
        rows: How many are shown at most.
        time_zone: The zone in which timestamps with a zone are shown.

    >>> page = table(["n", "word"], ["bigint", "string"], pa.table({"n": [1], "word": ["<a>"]}), False)
    >>> "&lt;a&gt;" in page, "1 row" in page
    (True, True)
    """
    more = more or data.num_rows > rows
    data = data.slice(0, rows)
    shown = min(len(names), _COLUMNS)
    columns = [data.column(i) for i in range(shown)]
    zone = dt.UTC if time_zone.upper() in ("UTC", "Z", "GMT") else ZoneInfo(time_zone)
    kinds = [_kind(column.type) for column in columns]
    head = "".join(
        _heading(name, kind, _type_name(type_))
        for name, kind, type_ in zip(names[:shown], kinds, types[:shown], strict=True)
    )
    cells = [
        [_cell(value, kind, zone) for value in _values(column)] for column, kind in zip(columns, kinds, strict=True)
    ]
    body = "".join("<tr>" + "".join(row) + "</tr>" for row in zip(*cells, strict=True))
    return (
        f'{_STYLE}<div class="springald-table"><table>'
        f"<caption>{_caption(data.num_rows, more, len(names), shown)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _caption(rows: int, more: bool, columns: int, shown: int) -> str:
    text = _count(rows, "row") if rows else "no rows"
    if more:
        text = f"showing first {text}"
    if shown < columns:
        return f"{text}, first {shown} of {columns:,} columns"
    return f"{text}, {_count(columns, 'column')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _type_name(type_: object) -> str:
    simple = getattr(type_, "simpleString", None)
    return str(simple() if callable(simple) else type_)


def _kind(type_: pa.DataType) -> str:
    """The class of a column's cells: `n` for numbers, else nothing."""
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "n"
    return ""


def _heading(name: str, kind: str, type_: str) -> str:
    title = f' title="{escape(type_[:_TITLE])}"' if len(type_) > 24 else ""
    label = escape(_cut(name, _TEXT))
    return f'<th scope="col"{_class(kind)}>{label}<br><small{title}>{escape(_cut(type_, 24))}</small></th>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _values(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> list[Any]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, ImportError):
        # Python has no nanoseconds and no year 10000.
        return column.cast(pa.string()).to_pylist()


def _cell(value: Any, kind: str, zone: dt.tzinfo) -> str:
    if value is None:
        return f"<td{_class(kind)}><i>null</i></td>"
    full = _text(value, zone, None)
    short = _cut(_text(value, zone, _ITEMS).replace("\n", "↵"), _TEXT)
    title = f' title="{escape(_cut(full, _TITLE))}"' if full != short else ""
    return f"<td{_class(kind)}{title}>{escape(short)}</td>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _text(value: Any, zone: dt.tzinfo, items: int | None) -> str:
    """A value as people read it; with `items`, a short form with so many items of a list."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value, short=items is not None)
        case str():
            return value if items is None else _cut(value, _TEXT)
        case Decimal():
            return format(value, "f")
        case dt.datetime():
            moment = value if value.tzinfo is None else value.astimezone(zone).replace(tzinfo=None)
            return moment.isoformat(" ")
        case bytes():
            length = _TITLE if items is None else _TEXT
            return "[" + _cut(value[:length].hex(" ").upper(), length) + "]"
        case dict() if set(value) == {"size", "indices", "values"} and isinstance(value["indices"], list):
            indices, values = (_text(value[key], zone, items) for key in ("indices", "values"))
            return f"({value['size']}, {indices}, {values})"
        case dict():
            inner = [f"{k}: {_text(v, zone, items)}" for k, v in islice(value.items(), items)]
            return "{" + _ended(inner, value) + "}"
        # A map arrives as a list of pairs.
        case [(_, _), *_] if all(type(pair) is tuple for pair in value):
            inner = [f"{_text(k, zone, items)} → {_text(v, zone, items)}" for k, v in islice(value, items)]
            return "{" + _ended(inner, value) + "}"
        case list():
            inner = [_text(v, zone, items) for v in islice(value, items)]
            return "[" + _ended(inner, value) + "]" + (f" of {len(value):,}" if len(inner) < len(value) else "")
        case _:
            return str(value)


def _ended(shown: list[str], all_: Sequence[object] | dict[str, Any]) -> str:
    return ", ".join([*shown, "…"] if len(shown) < len(all_) else shown)


def _number(value: float, short: bool) -> str:
    text = repr(value)
    if short and len(text) > 12:
        text = format(value, ".7g")
    return text.replace("inf", "Infinity").replace("nan", "NaN")
