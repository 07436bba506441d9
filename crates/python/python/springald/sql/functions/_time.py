"""What functions of dates and times have in common."""

from __future__ import annotations

import pyarrow as pa

from springald.errors import PySparkTypeError
from springald.sql._nodes import Literal
from springald.sql._value import Value
from springald.sql.functions._make import ColumnOrName, taking

__all__ = ["DAY", "SPANS", "floor_div", "micros_of", "zone_of"]

DAY = 86_400_000_000
# Microseconds of each unit of time.
SPANS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": DAY,
    "dayofyear": DAY,
    "week": 7 * DAY,
}


def micros_of(value: Value) -> Value:
    """The microseconds since 1970 of a moment."""
    return taking("T", value, 0).cast(pa.int64())


def floor_div(value: Value, divisor: int) -> Value:
    """The quotient of 64 bits, rounded down."""
    by = value.scope.literal(divisor, pa.int64())
    rest = value.binary("%", by)
    below = rest.binary("<", 0)
    return value.scope.case([(below, value.binary("/", by).binary("-", 1))], value.binary("/", by))


def zone_of(tz: ColumnOrName) -> str:
    """The name of a time zone given as text or F.lit of it."""
    if isinstance(tz, str):
        return tz
    if isinstance(tz._node, Literal) and isinstance(tz._node.value, str):
        return tz._node.value
    raise PySparkTypeError("a time zone is one text, not a column", 'such as "Europe/Berlin" or F.lit of it')
