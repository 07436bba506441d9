"""Functions over windows: ranks and neighbours."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from springald.sql._casts import coerce
from springald.sql._nodes import Build
from springald.sql._types import Kind, common_type
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, lit_

__all__ = [
    "cume_dist",
    "dense_rank",
    "lag",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
]


def _window(name: str, build: Build, *cols: Any, form: str | None = None) -> Column:
    return call(name, build, *cols, form=form, kind="window")


def _plain(function: str, result: Kind) -> Build:
    return lambda scope, *values: scope.window(function, *values, frame=False).cast(result)


def row_number() -> Column:
    """The place of the row in its window, from 1.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.row_number().over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=1), Row(n=2)]
    """
    return _window("row_number", _plain("row_number", pa.int32()))


def rank() -> Column:
    """The rank of the row, with gaps after equal ones.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.rank().over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=1), Row(n=2)]
    """
    return _window("RANK", _plain("rank", pa.int32()))


def dense_rank() -> Column:
    """The rank of the row, without gaps.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.dense_rank().over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=1), Row(n=2)]
    """
    return _window("DENSE_RANK", _plain("dense_rank", pa.int32()))


def percent_rank() -> Column:
    """The rank of the row as a share, from 0 to 1.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.percent_rank().over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=0.0), Row(n=1.0)]
    """
    return _window("PERCENT_RANK", _plain("percent_rank", pa.float64()))


def cume_dist() -> Column:
    """The share of rows that come no later.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.cume_dist().over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=0.5), Row(n=1.0)]
    """
    return _window("cume_dist", _plain("cume_dist", pa.float64()))


def ntile(n: int) -> Column:
    """Which of `n` parts of about equal size the row is in, from 1.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.ntile(2).over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=1), Row(n=2)]
    """

    def build(scope: Scope, parts: Value) -> Value:
        return scope.window("ntile", coerce(parts, pa.int64()), frame=False).cast(pa.int32())

    return _window("ntile", build, lit_(n))


def _shifted(function: str) -> Build:
    def build(scope: Scope, value: Value, offset: Value, default: Value) -> Value:
        kind = common_type([value.type, default.type])
        value, default = coerce(value, kind), coerce(default, kind)
        return scope.window(function, value, coerce(offset, pa.int64()), default, frame=False)

    return build


def lag(col: ColumnOrName, offset: int = 1, default: Any = None) -> Column:
    """The value so many rows before, or a default.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.lag("id").over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=None), Row(n=0)]
    """
    return _window("lag", _shifted("lag"), col, lit_(offset), lit_(default))


def lead(col: ColumnOrName, offset: int = 1, default: Any = None) -> Column:
    """The value so many rows after, or a default.

    >>> from springald.sql import Window
    >>> spark.range(2).select(F.lead("id").over(Window.orderBy("id")).alias("n")).collect()
    [Row(n=1), Row(n=None)]
    """
    return _window("lead", _shifted("lead"), col, lit_(offset), lit_(default))


def nth_value(col: ColumnOrName, offset: int, ignoreNulls: bool | None = False) -> Column:
    """The value of the so manieth row of the frame, from 1.

    >>> from springald.sql import Window
    >>> w = Window.orderBy("id").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    >>> spark.range(2).select(F.nth_value("id", 2).over(w).alias("n")).collect()
    [Row(n=1), Row(n=1)]
    """

    def build(scope: Scope, value: Value, place: Value) -> Value:
        return scope.window("nth_value", value, coerce(place, pa.int64()), ignore_nulls=bool(ignoreNulls))

    return _window("nth_value", build, col, lit_(offset))
