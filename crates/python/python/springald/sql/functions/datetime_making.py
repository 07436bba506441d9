"""Dates, moments and lengths of time of numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.sql._casts import cast, coerce
from springald.sql._nodes import Build
from springald.sql._types import MOMENT, WALL
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, taking
from springald.sql.functions._time import DAY, floor_div, micros_of, zone_of

__all__ = [
    "date_from_unix_date",
    "make_date",
    "make_dt_interval",
    "make_timestamp",
    "make_timestamp_ltz",
    "make_timestamp_ntz",
    "timestamp_micros",
    "timestamp_millis",
    "timestamp_seconds",
    "unix_date",
    "unix_micros",
    "unix_millis",
    "unix_seconds",
]


def _whole_units(divisor: int) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        return floor_div(micros_of(value), divisor)

    return build


def unix_date(col: ColumnOrName) -> Column:
    """The days since 1970-01-01.

    >>> spark.range(1).select(F.unix_date(F.lit("1970-01-03").cast("date"))).first()[0]
    2
    """
    return call("unix_date", lambda scope, value: taking("D", value, 0).cast(pa.int32()), col)


def date_from_unix_date(days: ColumnOrName) -> Column:
    """The date so many days after 1970-01-01.

    >>> spark.range(1).select(F.date_from_unix_date(F.lit(2))).first()[0]
    datetime.date(1970, 1, 3)
    """
    return call("date_from_unix_date", lambda scope, value: coerce(value, pa.int32()).cast(pa.date32()), days)


def unix_seconds(col: ColumnOrName) -> Column:
    """The whole seconds since 1970 in UTC.

    >>> spark.range(1).select(F.unix_seconds(F.lit("1970-01-01 00:01:00").cast("timestamp"))).first()[0]
    60
    """
    return call("unix_seconds", _whole_units(1_000_000), col)


def unix_millis(col: ColumnOrName) -> Column:
    """The whole milliseconds since 1970 in UTC.

    >>> spark.range(1).select(F.unix_millis(F.lit("1970-01-01 00:00:01").cast("timestamp"))).first()[0]
    1000
    """
    return call("unix_millis", _whole_units(1000), col)


def unix_micros(col: ColumnOrName) -> Column:
    """The microseconds since 1970 in UTC.

    >>> spark.range(1).select(F.unix_micros(F.lit("1970-01-01 00:00:01").cast("timestamp"))).first()[0]
    1000000
    """
    return call("unix_micros", lambda scope, value: micros_of(value), col)


def _moment_of(factor: int) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        if pt.is_integer(value.type):
            micros = scope.call("checked_multiply", value.cast(pa.int64()), scope.literal(factor, pa.int64()))
        else:
            number = value if pt.is_floating(value.type) else cast(value, pa.decimal128(38, 6))
            scale = scope.literal(float(factor)) if pt.is_floating(value.type) else scope.literal(factor, pa.int64())
            micros = number.binary("*", scale).cast(pa.int64())
        return micros.cast(WALL).cast(MOMENT)

    return build


def timestamp_seconds(col: ColumnOrName) -> Column:
    """The moment so many seconds after 1970 in UTC.

    >>> spark.range(1).select(F.timestamp_seconds(F.lit(60))).first()[0]
    datetime.datetime(1970, 1, 1, 0, 1)
    """
    return call("timestamp_seconds", _moment_of(1_000_000), col)


def timestamp_millis(col: ColumnOrName) -> Column:
    """The moment so many milliseconds after 1970 in UTC.

    >>> spark.range(1).select(F.timestamp_millis(F.lit(1500))).first()[0]
    datetime.datetime(1970, 1, 1, 0, 0, 1, 500000)
    """
    return call("timestamp_millis", _moment_of(1000), col)


def timestamp_micros(col: ColumnOrName) -> Column:
    """The moment so many microseconds after 1970 in UTC.

    >>> spark.range(1).select(F.timestamp_micros(F.lit(5))).first()[0]
    datetime.datetime(1970, 1, 1, 0, 0, 0, 5)
    """
    return call("timestamp_micros", _moment_of(1), col)


def make_date(year: ColumnOrName, month: ColumnOrName, day: ColumnOrName) -> Column:
    """A date of its year, month and day.

    >>> spark.range(1).select(F.make_date(F.lit(2024), F.lit(2), F.lit(29))).first()[0]
    datetime.date(2024, 2, 29)
    """
    return call("make_date", engine("make_date", "i", pa.date32()), year, month, day)


def _made_wall(scope: Scope, *parts: Value) -> Value:
    years, months, days, hours, mins, secs = parts
    date = scope.call("make_date", *(coerce(v, pa.int32()) for v in (years, months, days))).cast(pa.date32())
    hour, minute = (coerce(v, pa.int64()) for v in (hours, mins))
    micros = coerce(secs, pa.decimal128(16, 6)).binary("*", scope.literal(1_000_000, pa.int32())).cast(pa.int64())
    bad = hour.binary("<", 0).binary("or", hour.binary(">", 23)).binary("or", minute.binary("<", 0))
    bad = bad.binary("or", minute.binary(">", 59)).binary("or", micros.binary("<", 0))
    bad = bad.binary("or", micros.binary(">", 60_000_000))
    total = date.cast(pa.int32()).cast(pa.int64()).binary("*", scope.literal(DAY, pa.int64()))
    total = total.binary("+", hour.binary("*", scope.literal(3_600_000_000, pa.int64())))
    total = total.binary("+", minute.binary("*", scope.literal(60_000_000, pa.int64()))).binary("+", micros)
    message = "[DATETIME_FIELD_OUT_OF_BOUNDS] hour, minute or second is out of its range"
    return scope.case([(bad, scope.fail(message, WALL))], total.cast(WALL))


def make_timestamp(
    years: ColumnOrName,
    months: ColumnOrName,
    days: ColumnOrName,
    hours: ColumnOrName,
    mins: ColumnOrName,
    secs: ColumnOrName,
    timezone: ColumnOrName | None = None,
) -> Column:
    """A moment of its year, month, day, hour, minute and second in the session's time zone or another.

    >>> parts = map(F.lit, (2024, 2, 29, 12, 34, 56.5))
    >>> spark.range(1).select(F.make_timestamp(*parts)).first()[0]
    datetime.datetime(2024, 2, 29, 12, 34, 56, 500000)
    """
    return _making("make_timestamp", (years, months, days, hours, mins, secs), timezone)


def make_timestamp_ltz(
    years: ColumnOrName,
    months: ColumnOrName,
    days: ColumnOrName,
    hours: ColumnOrName,
    mins: ColumnOrName,
    secs: ColumnOrName,
    timezone: ColumnOrName | None = None,
) -> Column:
    """A moment of its year, month, day, hour, minute and second in the session's time zone or another.

    >>> parts = map(F.lit, (2024, 2, 29, 12, 34, 56))
    >>> spark.range(1).select(F.make_timestamp_ltz(*parts)).first()[0]
    datetime.datetime(2024, 2, 29, 12, 34, 56)
    """
    return _making("make_timestamp_ltz", (years, months, days, hours, mins, secs), timezone)


def _making(name: str, parts: tuple[ColumnOrName, ...], timezone: ColumnOrName | None) -> Column:
    if timezone is None:
        return call(name, lambda scope, *values: _made_wall(scope, *values).in_zone(), *parts)
    zone = zone_of(timezone)
    return call(name, lambda scope, *values: _made_wall(scope, *values[:6]).in_zone_of(zone), *parts, timezone)


def make_timestamp_ntz(
    years: ColumnOrName,
    months: ColumnOrName,
    days: ColumnOrName,
    hours: ColumnOrName,
    mins: ColumnOrName,
    secs: ColumnOrName,
) -> Column:
    """Date and time of day of year, month, day, hour, minute and second, in no time zone.

    >>> parts = map(F.lit, (2024, 2, 29, 12, 34, 56))
    >>> spark.range(1).select(F.make_timestamp_ntz(*parts)).first()[0]
    datetime.datetime(2024, 2, 29, 12, 34, 56)
    """
    return call("make_timestamp_ntz", _made_wall, years, months, days, hours, mins, secs)


def make_dt_interval(
    days: ColumnOrName | None = None,
    hours: ColumnOrName | None = None,
    mins: ColumnOrName | None = None,
    secs: ColumnOrName | None = None,
) -> Column:
    """A length of time of days, hours, minutes and seconds.

    >>> spark.range(1).select(F.make_dt_interval(F.lit(1), F.lit(2))).first()[0]
    datetime.timedelta(days=1, seconds=7200)
    """
    given = [days, hours, mins, secs]
    while given and given[-1] is None:
        given.pop()

    def build(scope: Scope, *parts: Value) -> Value:
        total = scope.literal(0, pa.int64())
        for part, factor in zip(parts, (DAY, 3_600_000_000, 60_000_000, 1_000_000), strict=False):
            if factor == 1_000_000:
                seconds = coerce(part, pa.decimal128(18, 6)).binary("*", scope.literal(factor, pa.int32()))
                total = total.binary("+", seconds.cast(pa.int64()))
            else:
                total = total.binary("+", coerce(part, pa.int64()).binary("*", scope.literal(factor, pa.int64())))
        return total.cast(pa.duration("us"))

    return call("make_dt_interval", build, *(lit_(0) if part is None else part for part in given))
