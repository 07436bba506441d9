"""Rows as text, to the letter as PySpark's `show` prints them."""

from __future__ import annotations

import datetime
import decimal
import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.types as pt

__all__ = ["double", "escaped", "grid", "records", "texts"]

_NULL = "NULL"
_LEAST = 3
_ESCAPES = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", "\v": "\\v", "\a": "\\a"})
_EPOCH = datetime.datetime(1970, 1, 1)


def grid(names: Sequence[str], columns: Sequence[Sequence[str]], truncate: int, footer: str | None) -> str:
    """A table with lines around it; cells longer than `truncate` are cut, unless it is 0.

    >>> print(grid(["n", "word"], [["1", "22"], ["a", "long word"]], 6, None))
    +---+------+
    |  n|  word|
    +---+------+
    |  1|     a|
    | 22|lon...|
    +---+------+
    <BLANKLINE>
    """
    cells = [
        [escaped(name), *(_cut(text, truncate) for text in column)] for name, column in zip(names, columns, strict=True)
    ]
    widths = [max(_LEAST, *map(_width, column)) for column in cells]
    line = "+" + "".join("-" * width + "+" for width in widths) + "\n"
    right = truncate > 0

    def padded(text: str, width: int) -> str:
        blank = " " * (width - _width(text))
        return blank + text if right else text + blank

    def row(parts: Sequence[str]) -> str:
        return "|" + "".join(padded(text, width) + "|" for text, width in zip(parts, widths, strict=True)) + "\n"

    lines = [row(parts) for parts in zip(*cells, strict=True)] if cells else ["||\n"]
    if not cells:
        line = "++\n"
    return line + lines[0] + line + "".join(lines[1:]) + line + (footer or "")


def records(names: Sequence[str], columns: Sequence[Sequence[str]], truncate: int, footer: str | None) -> str:
    """A block for each row, with a line for each column.

    >>> records(["n"], [["1"]], 0, None)
    '-RECORD 0--\\n n   | 1   \\n'
    """
    rows = len(columns[0]) if columns else 0
    if not rows:
        return "(0 rows)" if footer is None else footer
    cut = [[_cut(text, truncate) for text in column] for column in columns]
    labels = [escaped(name) for name in names]
    left = max(_LEAST, *map(_width, labels))
    right = max(_LEAST, *(_width(text) for column in cut for text in column))
    out = []
    for i in range(rows):
        out.append(f"-RECORD {i}".ljust(left + right + 5, "-") + "\n")
        for label, column in zip(labels, cut, strict=True):
            out.append(f" {label}{' ' * (left - _width(label))} | {column[i]}{' ' * (right - _width(column[i]))} \n")
    return "".join(out) + (footer or "")


def texts(column: Any, time_zone: str) -> list[str]:
    """The values of a column as text.

    >>> texts(pa.array([1.5, None, 1e10]), "UTC")
    ['1.5', 'NULL', '1.0E10']
    """
    write = _writer(column.type, time_zone)
    return [_NULL if value is None else write(value) for value in _values(column)]


def double(value: float) -> str:
    """A number as Java writes it.

    >>> double(1.0), double(12345678.9), double(0.0001), double(float("nan"))
    ('1.0', '1.23456789E7', '1.0E-4', 'NaN')
    """
    return _java(repr(float(value)))


def escaped(text: str) -> str:
    """Control characters as they are written in programs."""
    return text.translate(_ESCAPES)


def _java(shortest: str) -> str:
    """The shortest digits that give a number, in Java's notation."""
    if shortest in ("nan", "inf", "-inf"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[shortest]
    sign = "-" if shortest.startswith("-") else ""
    _, digits, exponent = decimal.Decimal(shortest).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return f"{sign}0.0"
    stripped = text.rstrip("0")
    exponent += len(text) - len(stripped)
    text = stripped
    place = len(text) + exponent
    if -3 < place <= 7:
        if place <= 0:
            return f"{sign}0.{'0' * -place}{text}"
        whole, rest = text[:place].ljust(place, "0"), text[place:]
        return f"{sign}{whole}.{rest or '0'}"
    return f"{sign}{text[0]}.{text[1:] or '0'}E{place - 1}"


def _single(value: float) -> str:
    import struct

    if not math.isfinite(value):
        return _java(repr(value))
    wanted = struct.pack("f", value)
    for digits in range(1, 10):
        short = f"{value:.{digits}g}"
        if struct.pack("f", float(short)) == wanted:
            return _java(short)
    return _java(repr(value))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, length: int) -> str:
    text = escaped(text)
    if length <= 0 or len(text) <= length:
        return text
    return text[:length] if length < 4 else text[: length - 3] + "..."


def _values(column: Any) -> list[Any]:
    kind = column.type
    if pt.is_timestamp(kind) or pt.is_duration(kind) or pt.is_time(kind):
        unit = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(kind.unit)
        numbers = column.cast(pa.int32() if pt.is_time32(kind) else pa.int64()).to_pylist()
        return [v if v is None else v * unit if unit else v // 1000 for v in numbers]
    if pt.is_struct(kind) or pt.is_map(kind) or _is_list(kind):
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return [value for chunk in chunks for value in _nested(chunk)]
    if pt.is_dictionary(kind):
        return _values(column.cast(kind.value_type))
    values: list[Any] = column.to_pylist()
    return values


def _nested(array: Any) -> list[Any]:
    """Lists, structs and maps as lists and tuples of values like those of plain columns."""
    kind, valid = array.type, array.is_valid().to_pylist()
    if pt.is_struct(kind):
        parts = [_values(part) for part in array.flatten()]
        rows = list(zip(*parts, strict=True)) if parts else [()] * len(array)
        return [row if v else None for row, v in zip(rows, valid, strict=True)]
    if pt.is_fixed_size_list(kind):
        items, size = _values(array.flatten()), kind.list_size
        starts = [0]
        for v in valid:
            starts.append(starts[-1] + (size if v else 0))
        return [items[a : a + size] if v else None for a, v in zip(starts, valid, strict=False)]
    if pt.is_map(kind):
        items = list(zip(_values(array.keys), _values(array.items), strict=True))
    else:
        if not pt.is_list(kind):
            array = array.cast(pa.list_(kind.value_field))
        items = _values(array.values)
    offsets = array.offsets.to_pylist()
    return [items[a:b] if v else None for a, b, v in zip(offsets, offsets[1:], valid, strict=False)]


def _is_list(kind: Any) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind) or pt.is_list_view(kind))


def _writer(kind: Any, time_zone: str) -> Callable[[Any], str]:
    if pt.is_boolean(kind):
        return lambda value: "true" if value else "false"
    if pt.is_float64(kind):
        return double
    if pt.is_floating(kind):
        return _single
    if pt.is_decimal(kind):
        return lambda value: format(value, "f")
    if pt.is_timestamp(kind):
        return _moment_writer(None if kind.tz is None else time_zone)
    if pt.is_duration(kind):
        return _interval
    if pt.is_time(kind):
        return lambda value: _second_text(_EPOCH + datetime.timedelta(microseconds=value), date=False)
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind) or pt.is_binary_view(kind):
        return lambda value: "[" + value.hex(" ").upper() + "]"
    if pt.is_struct(kind) or pt.is_map(kind) or _is_list(kind):
        return _nested_writer(kind, time_zone)
    if pt.is_dictionary(kind):
        return _writer(kind.value_type, time_zone)
    return str


def _nested_writer(kind: Any, time_zone: str) -> Callable[[Any], str]:
    def nullable(inner: Any) -> Callable[[Any], str]:
        write = _writer(inner, time_zone)
        return lambda value: _NULL if value is None else write(value)

    if pt.is_map(kind):
        key, item = nullable(kind.key_type), nullable(kind.item_type)
        return lambda value: "{" + ", ".join(f"{key(k)} -> {item(v)}" for k, v in value) + "}"
    if pt.is_struct(kind):
        if [field.name for field in kind] == ["size", "indices", "values"]:
            return lambda v: f"({v[0]},[{','.join(map(str, v[1]))}],[{','.join(map(double, v[2]))}])"
        parts = [nullable(field.type) for field in kind]
        return lambda value: "{" + ", ".join(write(v) for write, v in zip(parts, value, strict=True)) + "}"
    item = nullable(kind.value_type)
    # A list of fixed size is a dense vector.
    between = "," if pt.is_fixed_size_list(kind) else ", "
    return lambda value: "[" + between.join(map(item, value)) + "]"


def _moment_writer(time_zone: str | None) -> Callable[[int], str]:
    zone = None if time_zone is None or time_zone.upper() in ("UTC", "Z", "GMT", "+00:00") else _zone(time_zone)

    def write(micros: int) -> str:
        moment = _EPOCH + datetime.timedelta(microseconds=micros)
        if zone is not None:
            moment = moment.replace(tzinfo=datetime.UTC).astimezone(zone)
        return _second_text(moment, date=True)

    return write


def _zone(name: str) -> datetime.tzinfo:
    if name[:1] in "+-":
        hours, _, minutes = name[1:].partition(":")
        shift = datetime.timedelta(hours=int(hours), minutes=int(minutes or 0))
        return datetime.timezone(-shift if name[0] == "-" else shift)
    return ZoneInfo(name)


def _second_text(moment: datetime.datetime, date: bool) -> str:
    text = f"{moment.year:04}-{moment:%m-%d %H:%M:%S}" if date else f"{moment:%H:%M:%S}"
    return text + f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else text


def _interval(micros: int) -> str:
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    seconds, micros = divmod(micros, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    rest = f".{micros:06}".rstrip("0") if micros else ""
    return f"INTERVAL '{sign}{days} {hours:02}:{minutes:02}:{seconds:02}{rest}' DAY TO SECOND"
