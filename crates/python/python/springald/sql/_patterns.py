"""Spark's patterns of dates and times: writing by them and reading by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from springald.errors import PySparkValueError

if TYPE_CHECKING:
    from springald.sql._value import Value

__all__ = ["chrono", "format_by", "parse_by"]


@dataclass(frozen=True)
class _Part:
    """Letters of a pattern, plain text (no letter), or a bracket of an optional section."""

    letter: str
    count: int
    text: str = ""


_CHRONO: dict[str, list[tuple[int, str]]] = {
    # For each letter: up to how many of it, and what chrono calls it.
    "y": [(1, "%-Y"), (2, "%y"), (3, "%Y"), (4, "%Y")],
    "u": [(1, "%-Y"), (2, "%y"), (3, "%Y"), (4, "%Y")],
    "M": [(1, "%-m"), (2, "%m"), (3, "%b"), (4, "%B")],
    "L": [(1, "%-m"), (2, "%m"), (3, "%b"), (4, "%B")],
    "d": [(1, "%-d"), (2, "%d")],
    "D": [(1, "%-j"), (3, "%j")],
    "E": [(3, "%a"), (4, "%A")],
    "H": [(1, "%-H"), (2, "%H")],
    "h": [(1, "%-I"), (2, "%I")],
    "m": [(1, "%-M"), (2, "%M")],
    "s": [(1, "%-S"), (2, "%S")],
    "a": [(1, "%p")],
    "X": [(3, "%:z")],
    "x": [(3, "%:z")],
    "Z": [(3, "%z")],
}
_KNOWN = set(_CHRONO) | {"S", "Q", "V", "z", "G"}


def parts_of(pattern: str) -> list[_Part]:
    """The parts of a pattern."""
    parts: list[_Part] = []
    for match in re.finditer(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|\[|\]|(.)", pattern, re.DOTALL):
        text = match.group()
        if text == "''":
            parts.append(_Part("", 0, "'"))
        elif match.group(1) is not None:
            parts.append(_Part("", 0, match.group(1).replace("''", "'")))
        elif match.group(2):
            if match.group(2) not in _KNOWN:
                raise _unknown(text, pattern)
            parts.append(_Part(match.group(2), len(text)))
        elif text in "[]":
            parts.append(_Part(text, 0))
        else:
            parts.append(_Part("", 0, text))
    return parts


def _unknown(text: str, pattern: str) -> PySparkValueError:
    return PySparkValueError(
        f"[INVALID_DATETIME_PATTERN] `{text}` in the pattern `{pattern}` means nothing here",
        "letters are y M d E D Q H h m s S a z V X x Z; others stand in single quotes",
    )


def _chrono_of(part: _Part, pattern: str) -> str:
    if not part.letter:
        return part.text.replace("%", "%%")
    for most, item in _CHRONO.get(part.letter, []):
        if part.count <= most:
            return item
    if part.letter == "S" and part.count in (3, 6, 9):
        return f"%{part.count}f"
    raise _unknown(part.letter * part.count, pattern)


def chrono(pattern: str) -> str:
    """A pattern of Spark as chrono's, where there is one.

    >>> chrono("yyyy-MM-dd'T'HH:mm:ss.SSS")
    '%Y-%m-%dT%H:%M:%S.%3f'
    """
    return "".join(_chrono_of(part, pattern) for part in parts_of(pattern) if part.letter not in ("[", "]"))


def format_by(value: Value, pattern: str, moment: Value | None) -> Value:
    """Date and time of day as text. The moment is asked where the pattern has a time zone."""
    scope = value.scope
    pieces: list[Value] = []
    run = ""

    def close() -> None:
        nonlocal run
        if run:
            pieces.append(scope.call("to_char", value, run))
            run = ""

    for part in parts_of(pattern):
        if part.letter == "S" and part.count not in (3, 6, 9):
            close()
            digits = scope.call("to_char", value, "%9f")
            pieces.append(scope.call("left", digits, part.count))
        elif part.letter == "Q":
            close()
            number = scope.call("date_part", "quarter", value).cast(pa.string())
            pieces.append(number if part.count == 1 else scope.call("lpad", number, part.count, "0"))
        elif part.letter == "G":
            run += "AD"
        elif part.letter in "VzXxZ" and part.letter:
            close()
            zone = scope.time_zone()
            if part.letter == "V":
                pieces.append(scope.literal(zone, pa.string()))
            else:
                zoned = (moment or value).cast(pa.timestamp("us", zone))
                text = scope.call("to_char", zoned, "%Z" if part.letter == "z" else _chrono_of(part, pattern))
                pieces.append(scope.call("replace", text, "+00:00", "Z") if part.letter == "X" else text)
        elif part.letter not in ("[", "]"):
            run += _chrono_of(part, pattern)
    close()
    if not pieces:
        return scope.case([(value.is_not_null(), scope.literal(""))])
    text = pieces[0] if len(pieces) == 1 else scope.call("concat", *pieces)
    # The engine's concat leaves nulls out.
    return scope.case([(value.is_not_null(), text)]) if len(pieces) > 1 else text


_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]


def _expression(part: _Part, pattern: str) -> tuple[str, str]:
    """The regular expression that a part is read by, and what it tells."""
    letter, count = part.letter, part.count
    if letter in "yu":
        return (r"\d{2}" if count == 2 else r"\d{4}" if count == 4 else r"\d+"), (
            "short year" if count == 2 else "year"
        )
    if letter in "ML" and count >= 3:
        names = _MONTHS if count == 4 else [name[:3] for name in _MONTHS]
        return f"(?i:{'|'.join(names)})", "month name"
    if letter == "E":
        return r"[A-Za-z]+", ""
    if letter == "a":
        return "(?i:am|pm)", "half"
    if letter == "S":
        return rf"\d{{{count}}}", "fraction"
    if letter in "VzXxZ":
        return r"Z|[+-]\d{2}:?\d{2}|[A-Za-z_]+(?:/[A-Za-z_]+)*", "zone"
    names_of = {"M": "month", "L": "month", "d": "day", "H": "hour", "h": "hour", "m": "minute", "s": "second"}
    if letter not in names_of:
        raise _unknown(letter * count, pattern)
    return (r"\d{1,2}" if count == 1 else r"\d{2}"), names_of[letter]


def parse_by(text: Value, pattern: str) -> tuple[Value, bool]:
    """What a text says by a pattern, as `yyyy-MM-dd HH:mm:ss.SSSSSS` with any zone; and whether there is a zone.

    What does not fit the pattern becomes a text that is no time at all.
    """
    scope = text.scope
    regex = "^"
    told: dict[str, int] = {}
    for part in parts_of(pattern):
        if not part.letter:
            regex += re.escape(part.text)
        elif part.letter == "[":
            regex += "(?:"
        elif part.letter == "]":
            regex += ")?"
        else:
            inner, name = _expression(part, pattern)
            regex += f"({inner})"
            told.setdefault(name or f"unused {len(told)}", len(told) + 1)
    groups = scope.call("regexp_match", text, regex + "$")

    def group(name: str, default: str) -> Value:
        if name not in told:
            return scope.literal(default, pa.string())
        return scope.call("coalesce", scope.call("array_element", groups, told[name]), default)

    year = group("year", "1970")
    if "short year" in told:
        year = scope.call("concat", "20", group("short year", "70"))
    month = group("month", "1")
    if "month name" in told:
        start = scope.call("lower", scope.call("left", group("month name", "jan"), 3))
        place = scope.call("strpos", "".join(name[:3] for name in _MONTHS), start).cast(pa.int32())
        month = place.binary("+", 2).binary("/", 3).cast(pa.string())
    hour = group("hour", "0")
    if "half" in told:
        number = hour.cast(pa.int32(), safe=True).binary("%", 12)
        late = scope.call("lower", group("half", "am")).binary("=", "pm")
        hour = scope.case([(late, number.binary("+", 12))], number).cast(pa.string())

    def two(value: Value) -> Value:
        return scope.call("lpad", value, 2, "0")

    zone = group("zone", "")
    whole = scope.call(
        "concat",
        scope.call("lpad", year, 4, "0"), "-", two(month), "-", two(group("day", "1")), " ",
        two(hour), ":", two(group("minute", "0")), ":", two(group("second", "0")), ".",
        scope.call("rpad", group("fraction", "0"), 6, "0"), zone,
    )  # fmt: skip
    unfit = scope.call("concat", "`", text, f"`, which does not fit the pattern {pattern}")
    fits = groups.is_not_null()
    return scope.case([(text.is_null(), scope.null(pa.string())), (fits, whole)], unfit), "zone" in told
