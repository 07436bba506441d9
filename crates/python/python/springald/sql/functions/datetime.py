"""Dates and times: parts of them, arithmetic, and the clock."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkValueError
from springald.sql._casts import coerce
from springald.sql._nodes import Build
from springald.sql._operators import days_between
from springald.sql._types import MOMENT, WALL
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, taking
from springald.sql.functions._time import DAY, SPANS, micros_of

__all__ = [
    "add_months",
    "date_add",
    "date_diff",
    "date_sub",
    "date_trunc",
    "dateadd",
    "datediff",
    "last_day",
    "months_between",
    "next_day",
    "timestamp_add",
    "timestamp_diff",
    "trunc",
]


def _shifted(sign: str) -> Build:
    def build(scope: Scope, start: Value, days: Value) -> Value:
        base = taking("D", start, 0).cast(pa.int32())
        return base.binary(sign, coerce(days, pa.int32())).cast(pa.date32())

    return build


def date_add(start: ColumnOrName, days: ColumnOrName | int) -> Column:
    """The date so many days later.

    >>> spark.range(1).select(F.date_add(F.lit("2024-02-28"), 2)).first()[0]
    datetime.date(2024, 3, 1)
    """
    return call("date_add", _shifted("+"), start, days)


def dateadd(start: ColumnOrName, days: ColumnOrName | int) -> Column:
    """The date so many days later.

    >>> spark.range(1).select(F.dateadd(F.lit("2024-02-28"), F.lit(2))).first()[0]
    datetime.date(2024, 3, 1)
    """
    return date_add(start, days)


def date_sub(start: ColumnOrName, days: ColumnOrName | int) -> Column:
    """The date so many days before.

    >>> spark.range(1).select(F.date_sub(F.lit("2024-03-01"), 1)).first()[0]
    datetime.date(2024, 2, 29)
    """
    return call("date_sub", _shifted("-"), start, days)


def _days(scope: Scope, end: Value, start: Value) -> Value:
    return days_between(scope, taking("D", end, 0), taking("D", start, 0)).cast(pa.int32())


def datediff(end: ColumnOrName, start: ColumnOrName) -> Column:
    """The days from the second date to the first.

    >>> spark.range(1).select(F.datediff(F.lit("2024-03-01"), F.lit("2024-02-28"))).first()[0]
    2
    """
    return call("datediff", _days, end, start)


def date_diff(end: ColumnOrName, start: ColumnOrName) -> Column:
    """The days from the second date to the first.

    >>> spark.range(1).select(F.date_diff(F.lit("2024-03-01"), F.lit("2024-02-28"))).first()[0]
    2
    """
    return call("date_diff", _days, end, start)


def add_months(start: ColumnOrName, months: ColumnOrName | int) -> Column:
    """The date so many months later, or the last day of that month.

    >>> spark.range(1).select(F.add_months(F.lit("2024-01-31"), 1)).first()[0]
    datetime.date(2024, 2, 29)
    """
    return call("add_months", engine("spark_add_months", "Di", pa.date32()), start, months)


def months_between(date1: ColumnOrName, date2: ColumnOrName, roundOff: bool = True) -> Column:
    """The months from the second date to the first; whole ones for the same day of the month, or both last days.

    >>> spark.range(1).select(F.months_between(F.lit("2024-03-15"), F.lit("2024-01-15"))).first()[0]
    2.0
    """

    def build(scope: Scope, end: Value, start: Value, _: Value) -> Value:
        ends = [taking("W", end, 0), taking("W", start, 0)]
        months, days, seconds, lasts = [], [], [], []
        for value in ends:
            year, month = (scope.call("date_part", name, value).cast(pa.int64()) for name in ("year", "month"))
            months.append(year.binary("*", 12).binary("+", month))
            day = scope.call("date_part", "day", value).cast(pa.int64())
            days.append(day)
            date = value.cast(pa.date32())
            micros = value.cast(pa.int64()).binary("-", date.cast(WALL).cast(pa.int64()))
            seconds.append(day.binary("*", 86400).binary("+", micros.binary("/", 1_000_000)))
            last = scope.call("spark_last_day", date).cast(pa.date32())
            lasts.append(last.binary("=", date))
        whole = months[0].binary("-", months[1]).cast(pa.float64())
        rest = seconds[0].binary("-", seconds[1]).cast(pa.float64()).binary("/", 2_678_400.0)
        exact = whole.binary("+", rest)
        if roundOff:
            exact = scope.call("spark_round", exact, scope.literal(8, pa.int32()))
        same = days[0].binary("=", days[1]).binary("or", lasts[0].binary("and", lasts[1]))
        return scope.case([(same, whole)], exact)

    return call("months_between", build, date1, date2, lit_(roundOff))


def last_day(date: ColumnOrName) -> Column:
    """The last day of the month.

    >>> spark.range(1).select(F.last_day(F.lit("2024-02-05"))).first()[0]
    datetime.date(2024, 2, 29)
    """
    return call("last_day", engine("spark_last_day", "D", pa.date32()), date)


def next_day(date: ColumnOrName, dayOfWeek: str) -> Column:
    """The first later date that is a day of the week, given as `Mon` or `Monday`.

    >>> spark.range(1).select(F.next_day(F.lit("2024-02-29"), "Mon")).first()[0]
    datetime.date(2024, 3, 4)
    """
    return call("next_day", engine("spark_next_day", "Ds", pa.date32()), date, lit_(dayOfWeek))


_UNITS = {
    "year": ("year", "yyyy", "yy"),
    "quarter": ("quarter",),
    "month": ("month", "mon", "mm"),
    "week": ("week",),
    "day": ("day", "dd"),
    "hour": ("hour",),
    "minute": ("minute",),
    "second": ("second",),
    "millisecond": ("millisecond",),
    "microsecond": ("microsecond",),
}


def _unit(name: str) -> str | None:
    return next((unit for unit, names in _UNITS.items() if name.lower() in names), None)


def first_day(date: Value, unit: str) -> Value:
    """The date on which a year, quarter, month or week began, or the date itself."""
    scope = date.scope
    if unit == "day":
        return date
    number = date.cast(pa.int32())
    if unit == "week":
        since = scope.call("date_part", "dow", date).cast(pa.int32()).binary("+", 6).binary("%", 7)
        return number.binary("-", since).cast(pa.date32())
    if unit == "month":
        return number.binary("-", scope.call("date_part", "day", date).cast(pa.int32()).binary("-", 1)).cast(
            pa.date32()
        )
    year, month = (scope.call("date_part", part, date).cast(pa.int32()) for part in ("year", "month"))
    one = scope.literal(1, pa.int32())
    if unit == "quarter":
        one = month.binary("-", month.binary("-", 1).binary("%", 3))
    return scope.call("make_date", year, one, scope.literal(1, pa.int32())).cast(pa.date32())


def truncated(wall: Value, unit: str) -> Value:
    """Date and time of day at which a unit of time began."""
    if unit in SPANS and unit not in ("day", "week"):
        micros = wall.cast(pa.int64())
        span = wall.scope.literal(SPANS[unit], pa.int64())
        rest = micros.binary("%", span).binary("+", span).binary("%", span)
        return micros.binary("-", rest).cast(WALL)
    return first_day(wall.cast(pa.date32()), unit).cast(WALL)


def date_trunc(format: str, timestamp: ColumnOrName) -> Column:
    """The moment at which the year, month, week, day, hour or the like began, in the session's time zone.

    >>> spark.range(1).select(F.date_trunc("month", F.lit("2024-02-29 12:34:56"))).first()[0]
    datetime.datetime(2024, 2, 1, 0, 0)
    """
    unit = _unit(format)

    def build(scope: Scope, _: Value, value: Value) -> Value:
        if unit is None:
            return scope.null(MOMENT)
        return truncated(taking("W", value, 0), unit).in_zone()

    return call("date_trunc", build, lit_(format), timestamp)


def trunc(date: ColumnOrName, format: str) -> Column:
    """The date on which the year, quarter, month or week began.

    >>> spark.range(1).select(F.trunc(F.lit("2024-02-29"), "month")).first()[0]
    datetime.date(2024, 2, 1)
    """
    unit = _unit(format)

    def build(scope: Scope, value: Value, _: Value) -> Value:
        if unit not in ("year", "quarter", "month", "week"):
            return scope.null(pa.date32())
        return first_day(taking("D", value, 0), unit)

    return call("trunc", build, date, lit_(format))


_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def timestamp_add(unit: str, quantity: ColumnOrName, ts: ColumnOrName) -> Column:
    """A moment so many units later: SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR.

    >>> spark.range(1).select(F.timestamp_add("HOUR", F.lit(3), F.lit("2024-01-01 00:00:00"))).first()[0]
    datetime.datetime(2024, 1, 1, 3, 0)
    """
    name = _known_unit(unit)

    def build(scope: Scope, count: Value, value: Value) -> Value:
        count = coerce(count, pa.int64())
        if not pt.is_timestamp(value.type):
            value = taking("T", value, 0)
        if name in SPANS and name not in ("day", "week", "dayofyear"):
            micros = value.cast(pa.int64()).binary("+", count.binary("*", scope.literal(SPANS[name], pa.int64())))
            return micros.cast(WALL).cast(value.type)
        # Days and months are counted on the calendar of the session's time zone.
        wall = value.local()
        date = wall.cast(pa.date32())
        rest = wall.cast(pa.int64()).binary("-", date.cast(WALL).cast(pa.int64()))
        if name in SPANS:
            days = count.binary("*", scope.literal(SPANS[name] // DAY, pa.int64())).cast(pa.int32())
            moved = date.cast(pa.int32()).binary("+", days).cast(pa.date32())
        else:
            months = count.binary("*", scope.literal(_MONTHS[name], pa.int64())).cast(pa.int32())
            moved = scope.call("spark_add_months", date, months).cast(pa.date32())
        result = moved.cast(WALL).cast(pa.int64()).binary("+", rest).cast(WALL)
        return result if value.type.tz is None else result.in_zone()

    return call("timestampadd", build, quantity, ts, form=f"timestampadd({unit}, {{0}}, {{1}})")


def timestamp_diff(unit: str, start: ColumnOrName, end: ColumnOrName) -> Column:
    """The whole units from one moment to another.

    >>> days = F.timestamp_diff("DAY", F.lit("2024-01-01 00:00:00"), F.lit("2024-01-03 12:00:00"))
    >>> spark.range(1).select(days).first()[0]
    2
    """
    name = _known_unit(unit)

    def build(scope: Scope, start: Value, end: Value) -> Value:
        if name in SPANS and name not in ("day", "week", "dayofyear"):
            gap = micros_of(end).binary("-", micros_of(start))
            return gap.binary("/", scope.literal(SPANS[name], pa.int64()))
        a, b = taking("W", start, 0), taking("W", end, 0)
        if name in SPANS:
            gap = b.cast(pa.int64()).binary("-", a.cast(pa.int64()))
            return gap.binary("/", scope.literal(SPANS[name], pa.int64()))
        months = [
            scope.call("date_part", "year", v)
            .cast(pa.int64())
            .binary("*", 12)
            .binary("+", scope.call("date_part", "month", v).cast(pa.int64()))
            for v in (a, b)
        ]
        gap = months[1].binary("-", months[0])
        # A month that is not over does not count.
        within = [v.cast(pa.int64()).binary("-", truncated(v, "month").cast(pa.int64())) for v in (a, b)]
        short = gap.binary(">", 0).binary("and", within[1].binary("<", within[0]))
        over = gap.binary("<", 0).binary("and", within[1].binary(">", within[0]))
        gap = scope.case([(short, gap.binary("-", 1)), (over, gap.binary("+", 1))], gap)
        return gap.binary("/", scope.literal(_MONTHS[name], pa.int64()))

    return call("timestampdiff", build, start, end, form=f"timestampdiff({unit}, {{0}}, {{1}})")


def _known_unit(unit: str) -> str:
    name = unit.lower()
    if name not in SPANS and name not in _MONTHS:
        raise PySparkValueError(
            f"[INVALID_PARAMETER_VALUE.DATETIME_UNIT] there is no unit {unit}",
            "SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR",
        )
    return name
