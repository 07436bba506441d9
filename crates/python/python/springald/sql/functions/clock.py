"""The clock, time zones and windows of time."""

from __future__ import annotations

import pyarrow as pa

from springald.errors import PySparkValueError
from springald.sql._casts import coerce
from springald.sql._types import MOMENT, WALL
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, lit_, taking
from springald.sql.functions._time import SPANS, floor_div, micros_of, zone_of

__all__ = [
    "convert_timezone",
    "curdate",
    "current_date",
    "current_timestamp",
    "current_timezone",
    "from_utc_timestamp",
    "localtimestamp",
    "now",
    "to_utc_timestamp",
    "window",
    "window_time",
]


def current_date() -> Column:
    """Today, in the session's time zone.

    >>> spark.range(1).select(F.current_date() > "2024-01-01").first()[0]
    True
    """
    return call("current_date", lambda scope: scope.call("now").cast(MOMENT).local().cast(pa.date32()))


def curdate() -> Column:
    """Today, in the session's time zone.

    >>> spark.range(1).select(F.curdate() > "2024-01-01").first()[0]
    True
    """
    return call(
        "curdate", lambda scope: scope.call("now").cast(MOMENT).local().cast(pa.date32()), form="current_date()"
    )


def current_timestamp() -> Column:
    """The moment at which the query began.

    >>> spark.range(1).select(F.current_timestamp() > "2024-01-01").first()[0]
    True
    """
    return call("current_timestamp", lambda scope: scope.call("now").cast(MOMENT))


def now() -> Column:
    """The moment at which the query began.

    >>> spark.range(1).select(F.now() > "2024-01-01").first()[0]
    True
    """
    return call("now", lambda scope: scope.call("now").cast(MOMENT))


def localtimestamp() -> Column:
    """Date and time of day at which the query began, in the session's time zone.

    >>> spark.range(1).select(F.localtimestamp() > "2024-01-01").first()[0]
    True
    """
    return call("localtimestamp", lambda scope: scope.call("now").cast(MOMENT).local())


def current_timezone() -> Column:
    """The session's time zone.

    >>> spark.range(1).select(F.current_timezone()).first()[0]
    'UTC'
    """
    return call("current_timezone", lambda scope: scope.literal(scope.time_zone()))


def from_utc_timestamp(timestamp: ColumnOrName, tz: Column | str) -> Column:
    """A moment in UTC as clocks in a time zone show it.

    >>> spark.range(1).select(F.from_utc_timestamp(F.lit("2024-01-01 12:00:00"), "Asia/Tokyo")).first()[0]
    datetime.datetime(2024, 1, 1, 21, 0)
    """
    zone = zone_of(tz)

    def build(scope: Scope, value: Value, _: Value) -> Value:
        there = taking("T", value, 0).cast(pa.timestamp("us", zone))
        return scope.call("to_local_time", there).cast(WALL).cast(MOMENT)

    return call("from_utc_timestamp", build, timestamp, lit_(tz))


def to_utc_timestamp(timestamp: ColumnOrName, tz: Column | str) -> Column:
    """What clocks in a time zone show as a moment in UTC.

    >>> spark.range(1).select(F.to_utc_timestamp(F.lit("2024-01-01 12:00:00"), "Asia/Tokyo")).first()[0]
    datetime.datetime(2024, 1, 1, 3, 0)
    """
    zone = zone_of(tz)

    def build(scope: Scope, value: Value, _: Value) -> Value:
        wall = scope.call("to_local_time", taking("T", value, 0)).cast(WALL)
        return wall.in_zone_of(zone)

    return call("to_utc_timestamp", build, timestamp, lit_(tz))


def convert_timezone(sourceTz: Column | None, targetTz: Column, sourceTs: ColumnOrName) -> Column:
    """What clocks in one time zone show when those in another show a time.

    >>> berlin = F.convert_timezone(F.lit("UTC"), F.lit("Europe/Berlin"), F.lit("2024-01-01 12:00:00"))
    >>> spark.range(1).select(berlin).first()[0]
    datetime.datetime(2024, 1, 1, 13, 0)
    """
    target = zone_of(targetTz)

    def build(scope: Scope, source: Value, _: Value, value: Value) -> Value:
        zone = scope.time_zone() if sourceTz is None else zone_of(sourceTz)
        moment = coerce(value, WALL).in_zone_of(zone)
        return scope.call("to_local_time", moment.cast(pa.timestamp("us", target))).cast(WALL)

    first = call("current_timezone", lambda scope: scope.literal(scope.time_zone())) if sourceTz is None else sourceTz
    return call("convert_timezone", build, first, targetTz, sourceTs)


def window(
    timeColumn: ColumnOrName,
    windowDuration: str,
    slideDuration: str | None = None,
    startTime: str | None = None,
) -> Column:
    """The window of time that a moment falls in, as a struct of start and end, to group by.

    >>> at = F.lit("2024-01-01 12:34:56").cast("timestamp")
    >>> spark.range(1).select(F.window(at, "1 hour").start.alias("start")).first()[0]
    datetime.datetime(2024, 1, 1, 12, 0)
    """
    length = span_of(windowDuration)
    if slideDuration is not None and span_of(slideDuration) != length:
        raise PySparkValueError("windows that overlap are not there", "leave slideDuration out")
    offset = 0 if startTime is None else span_of(startTime)

    def build(scope: Scope, value: Value) -> Value:
        shifted = micros_of(value).binary("-", scope.literal(offset, pa.int64()))
        number = floor_div(shifted, length).binary("*", scope.literal(length, pa.int64()))
        start = number.binary("+", scope.literal(offset, pa.int64()))
        end = start.binary("+", scope.literal(length, pa.int64()))
        struct = scope.call("named_struct", "start", start.cast(WALL).cast(MOMENT), "end", end.cast(WALL).cast(MOMENT))
        return scope.case([(value.is_not_null(), struct)])

    return call("window", build, timeColumn, form="window")


def span_of(text: str) -> int:
    """The microseconds of a length of time such as `1 hour 30 minutes`."""
    words = text.lower().removeprefix("interval ").split()
    total = 0
    for number, unit in zip(words[::2], words[1::2], strict=False):
        if unit.rstrip("s") not in SPANS or not number.lstrip("-").isdigit():
            break
        total += int(number) * SPANS[unit.rstrip("s")]
    else:
        if len(words) % 2 == 0 and words:
            return total
    raise PySparkValueError(f"`{text}` is no length of time", 'such as "10 minutes" or "1 hour 30 minutes"')


def window_time(windowColumn: ColumnOrName) -> Column:
    """The last moment of a window of time.

    >>> at = F.lit("2024-01-01 12:34:56").cast("timestamp")
    >>> spark.range(1).select(F.window_time(F.window(at, "1 hour"))).first()[0]
    datetime.datetime(2024, 1, 1, 12, 59, 59, 999999)
    """

    def build(scope: Scope, value: Value) -> Value:
        end = scope.value(value.expr.member("end")).cast(pa.int64())
        return end.binary("-", scope.literal(1, pa.int64())).cast(WALL).cast(MOMENT)

    return call("window_time", build, windowColumn)
