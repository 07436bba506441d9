"""Parts of dates and times."""

from __future__ import annotations

import pyarrow as pa

from springald.errors import PySparkValueError
from springald.sql._nodes import Build, Literal
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of
from springald.sql.functions._make import ColumnOrName, call, taking

__all__ = [
    "date_part",
    "datepart",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "extract",
    "hour",
    "minute",
    "month",
    "monthname",
    "quarter",
    "second",
    "weekday",
    "weekofyear",
    "year",
]


def _part(name: str, kinds: str = "W", plus: int = 0) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        found = scope.call("date_part", name, taking(kinds, value, 0)).cast(pa.int32())
        return found.binary("+", plus) if plus else found

    return build


def year(col: ColumnOrName) -> Column:
    """The year.

    >>> spark.range(1).select(F.year(F.lit("2024-02-29"))).first()[0]
    2024
    """
    return call("year", _part("year"), col)


def quarter(col: ColumnOrName) -> Column:
    """The quarter of the year, 1 to 4.

    >>> spark.range(1).select(F.quarter(F.lit("2024-02-29"))).first()[0]
    1
    """
    return call("quarter", _part("quarter"), col)


def month(col: ColumnOrName) -> Column:
    """The month, 1 to 12.

    >>> spark.range(1).select(F.month(F.lit("2024-02-29"))).first()[0]
    2
    """
    return call("month", _part("month"), col)


def day(col: ColumnOrName) -> Column:
    """The day of the month.

    >>> spark.range(1).select(F.day(F.lit("2024-02-29"))).first()[0]
    29
    """
    return call("day", _part("day"), col)


def dayofmonth(col: ColumnOrName) -> Column:
    """The day of the month.

    >>> spark.range(1).select(F.dayofmonth(F.lit("2024-02-29"))).first()[0]
    29
    """
    return call("dayofmonth", _part("day"), col)


def dayofweek(col: ColumnOrName) -> Column:
    """The day of the week, 1 (Sunday) to 7.

    >>> spark.range(1).select(F.dayofweek(F.lit("2024-02-29"))).first()[0]
    5
    """
    return call("dayofweek", _part("dow", plus=1), col)


def dayofyear(col: ColumnOrName) -> Column:
    """The day of the year.

    >>> spark.range(1).select(F.dayofyear(F.lit("2024-02-29"))).first()[0]
    60
    """
    return call("dayofyear", _part("doy"), col)


def weekday(col: ColumnOrName) -> Column:
    """The day of the week, 0 (Monday) to 6.

    >>> spark.range(1).select(F.weekday(F.lit("2024-02-29"))).first()[0]
    3
    """
    return call("weekday", _weekday, col)


def _weekday(scope: Scope, value: Value) -> Value:
    return _part("dow")(scope, value).binary("+", 6).binary("%", 7)


def weekofyear(col: ColumnOrName) -> Column:
    """The week of the year by ISO 8601, whose first has most of its days in the year.

    >>> spark.range(1).select(F.weekofyear(F.lit("2024-02-29"))).first()[0]
    9
    """
    return call("weekofyear", _part("week"), col)


def dayname(col: ColumnOrName) -> Column:
    """The day of the week in three letters.

    >>> spark.range(1).select(F.dayname(F.lit("2024-02-29"))).first()[0]
    'Thu'
    """
    return call("dayname", lambda scope, value: scope.call("to_char", taking("W", value, 0), "%a"), col)


def monthname(col: ColumnOrName) -> Column:
    """The month in three letters.

    >>> spark.range(1).select(F.monthname(F.lit("2024-02-29"))).first()[0]
    'Feb'
    """
    return call("monthname", lambda scope, value: scope.call("to_char", taking("W", value, 0), "%b"), col)


def hour(col: ColumnOrName) -> Column:
    """The hour, 0 to 23, in the session's time zone.

    >>> spark.range(1).select(F.hour(F.lit("2024-02-29 12:34:56"))).first()[0]
    12
    """
    return call("hour", _part("hour"), col)


def minute(col: ColumnOrName) -> Column:
    """The minute, 0 to 59.

    >>> spark.range(1).select(F.minute(F.lit("2024-02-29 12:34:56"))).first()[0]
    34
    """
    return call("minute", _part("minute"), col)


def second(col: ColumnOrName) -> Column:
    """The whole second, 0 to 59.

    >>> spark.range(1).select(F.second(F.lit("2024-02-29 12:34:56"))).first()[0]
    56
    """
    return call("second", _part("second"), col)


_FIELDS: dict[tuple[str, ...], Build] = {
    ("year", "y", "years", "yr", "yrs"): _part("year"),
    ("quarter", "qtr"): _part("quarter"),
    ("month", "mon", "mons", "months"): _part("month"),
    ("week", "w", "weeks"): _part("week"),
    ("day", "d", "days"): _part("day"),
    ("dayofweek", "dow"): _part("dow", plus=1),
    ("dayofweek_iso", "dow_iso"): lambda scope, value: _weekday(scope, value).binary("+", 1),
    ("doy",): _part("doy"),
    ("hour", "h", "hours", "hr", "hrs"): _part("hour"),
    ("minute", "m", "min", "mins", "minutes"): _part("minute"),
}


def _field(field: ColumnOrName) -> Build:
    node = node_of(field)
    name = str(node.value).lower() if isinstance(node, Literal) else ""
    for names, build in _FIELDS.items():
        if name in names:
            return lambda scope, _, value: build(scope, value)
    if name in ("second", "s", "sec", "seconds", "secs"):

        def seconds(scope: Scope, _: Value, value: Value) -> Value:
            micros = scope.call("date_part", "microsecond", taking("W", value, 0)).cast(pa.decimal128(10, 0))
            return (
                micros.cast(pa.decimal128(20, 6))
                .binary("/", scope.literal(1_000_000, pa.int32()))
                .cast(pa.decimal128(8, 6))
            )

        return seconds
    raise PySparkValueError(
        f"[INVALID_EXTRACT_FIELD] there is no field {name or field!r} of dates and times",
        "F.lit of year, quarter, month, week, day, dow, doy, hour, minute or second",
    )


def extract(field: Column, source: ColumnOrName) -> Column:
    """A field such as `year` or `dow` of a date or time.

    >>> spark.range(1).select(F.extract(F.lit("year"), F.lit("2024-02-29"))).first()[0]
    2024
    """
    return call("extract", _field(field), field, source, form="extract({0} FROM {1})")


def date_part(field: Column, source: ColumnOrName) -> Column:
    """A field such as `year` or `dow` of a date or time.

    >>> spark.range(1).select(F.date_part(F.lit("doy"), F.lit("2024-02-29"))).first()[0]
    60
    """
    return call("date_part", _field(field), field, source)


def datepart(field: Column, source: ColumnOrName) -> Column:
    """A field such as `year` or `dow` of a date or time.

    >>> spark.range(1).select(F.datepart(F.lit("week"), F.lit("2024-02-29"))).first()[0]
    9
    """
    return call("datepart", _field(field), field, source, form="datepart({0} FROM {1})")
