"""Dates and times from text and to text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkTypeError
from springald.sql._casts import as_text, cast, coerce
from springald.sql._nodes import Build, Literal
from springald.sql._patterns import format_by, parse_by
from springald.sql._types import MOMENT, WALL, Kind, is_string
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, lit_, taking

__all__ = [
    "date_format",
    "from_unixtime",
    "to_date",
    "to_timestamp",
    "to_timestamp_ltz",
    "to_timestamp_ntz",
    "to_unix_timestamp",
    "try_to_date",
    "try_to_timestamp",
    "unix_timestamp",
]

_DEFAULT = "yyyy-MM-dd HH:mm:ss"


def _pattern(format: Column | str) -> str:
    if isinstance(format, str):
        return format
    if isinstance(format._node, Literal) and isinstance(format._node.value, str):
        return format._node.value
    raise PySparkTypeError("a pattern of dates and times is one text, not a column", 'such as "yyyy-MM-dd"')


def date_format(date: ColumnOrName, format: str) -> Column:
    """A date or time as text by a pattern of Spark.

    >>> spark.range(1).select(F.date_format(F.lit("2024-02-29"), "d MMM yyyy")).first()[0]
    '29 Feb 2024'
    """

    def build(scope: Scope, value: Value, _: Value) -> Value:
        moment = value if pt.is_timestamp(value.type) and value.type.tz is not None else None
        return format_by(taking("W", value, 0), format, moment)

    return call("date_format", build, date, lit_(format))


def from_unixtime(timestamp: ColumnOrName, format: str = _DEFAULT) -> Column:
    """Seconds since 1970 in UTC as text by a pattern, in the session's time zone.

    >>> spark.range(1).select(F.from_unixtime(F.lit(60))).first()[0]
    '1970-01-01 00:01:00'
    """

    def build(scope: Scope, seconds: Value, _: Value) -> Value:
        micros = coerce(seconds, pa.int64()).binary("*", scope.literal(1_000_000, pa.int64()))
        moment = micros.cast(WALL).cast(MOMENT)
        return format_by(moment.local(), format, moment)

    return call("from_unixtime", build, timestamp, lit_(format))


def _parsed(value: Value, pattern: str, kind: Kind, safe: bool) -> Value:
    """A text by a pattern as a date, moment, or date and time of day."""
    text, zoned = parse_by(as_text(value), pattern)
    if pt.is_date(kind):
        return text.cast(WALL, safe).cast(kind)
    if zoned:
        moment = text.cast(pa.timestamp("us", "UTC"), safe)
        return moment if kind.tz is not None else moment.local()
    wall = text.cast(WALL, safe)
    return wall if kind.tz is None else wall.in_zone()


def _reading(format: Column | str | None, kind: Kind, safe: bool) -> Build:
    def build(scope: Scope, value: Value, *_: Value) -> Value:
        if format is None or not is_string(value.type):
            return cast(value, kind, safe)
        return _parsed(value, _pattern(format), kind, safe)

    return build


def _read(name: str, col: ColumnOrName, format: Column | str | None, kind: Kind, safe: bool = False) -> Column:
    rest = [] if format is None else [lit_(format)]
    return call(name, _reading(format, kind, safe), col, *rest)


def to_date(col: ColumnOrName, format: str | None = None) -> Column:
    """A date of text, by a pattern of Spark if there is one, or of a time.

    >>> spark.range(1).select(F.to_date(F.lit("29.02.2024"), "dd.MM.yyyy")).first()[0]
    datetime.date(2024, 2, 29)
    """
    return _read("to_date", col, format, pa.date32())


def try_to_date(col: ColumnOrName, format: str | None = None) -> Column:
    """A date of text; null where it is none.

    >>> spark.range(1).select(F.try_to_date(F.lit("soon"))).first()[0] is None
    True
    """
    return _read("try_to_date", col, format, pa.date32(), safe=True)


def to_timestamp(col: ColumnOrName, format: str | None = None) -> Column:
    """A moment of text, by a pattern of Spark if there is one, in the session's time zone if the text names none.

    >>> spark.range(1).select(F.to_timestamp(F.lit("29.02.2024 12:30"), "dd.MM.yyyy HH:mm")).first()[0]
    datetime.datetime(2024, 2, 29, 12, 30)
    """
    return _read("to_timestamp", col, format, MOMENT)


def to_timestamp_ltz(timestamp: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """A moment of text, in the session's time zone if the text names none.

    >>> spark.range(1).select(F.to_timestamp_ltz(F.lit("2024-02-29 12:30:00"))).first()[0]
    datetime.datetime(2024, 2, 29, 12, 30)
    """
    return _read("to_timestamp_ltz", timestamp, format, MOMENT)


def to_timestamp_ntz(timestamp: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """Date and time of day of text, in no time zone.

    >>> spark.range(1).select(F.to_timestamp_ntz(F.lit("2024-02-29 12:30:00"))).first()[0]
    datetime.datetime(2024, 2, 29, 12, 30)
    """
    return _read("to_timestamp_ntz", timestamp, format, WALL)


def try_to_timestamp(col: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """A moment of text; null where it is none.

    >>> spark.range(1).select(F.try_to_timestamp(F.lit("soon"))).first()[0] is None
    True
    """
    return _read("try_to_timestamp", col, format, MOMENT, safe=True)


def _seconds(format: Column | str) -> Build:
    def build(scope: Scope, value: Value, _: Value) -> Value:
        text = is_string(value.type)
        moment = _parsed(value, _pattern(format), MOMENT, False) if text else taking("T", value, 0)
        # Parts of a second are cut, also before 1970.
        return moment.cast(pa.int64()).binary("/", scope.literal(1_000_000, pa.int64()))

    return build


def unix_timestamp(timestamp: ColumnOrName | None = None, format: str = _DEFAULT) -> Column:
    """The seconds since 1970 in UTC of a time, or of text by a pattern; of now without either.

    >>> spark.range(1).select(F.unix_timestamp(F.lit("1970-01-01 00:01:00"))).first()[0]
    60
    """
    if timestamp is None:
        from springald.sql.functions.clock import current_timestamp

        timestamp = current_timestamp()
    return call("unix_timestamp", _seconds(format), timestamp, lit_(format))


def to_unix_timestamp(timestamp: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """The seconds since 1970 in UTC of a time, or of text by a pattern.

    >>> spark.range(1).select(F.to_unix_timestamp(F.lit("1970-01-02"), F.lit("yyyy-MM-dd"))).first()[0]
    86400
    """
    pattern = lit_(_DEFAULT) if format is None else lit_(format)
    return call("to_unix_timestamp", _seconds(pattern), timestamp, pattern)
