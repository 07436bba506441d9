"""Rounding."""

from __future__ import annotations

import builtins

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException
from springald.sql._casts import cast
from springald.sql._nodes import Build
from springald.sql._types import bounded_decimal
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, taking

__all__ = [
    "bround",
    "ceil",
    "ceiling",
    "floor",
    "rint",
    "round",
]


def bround(col: ColumnOrName, scale: Column | int = 0) -> Column:
    """The number rounded, halves to the even digit.

    >>> spark.range(1).select(F.bround(F.lit(2.5))).first()[0]
    2.0
    """
    return call("bround", _rounding(scale, even=True), col, lit_(scale))


def round(col: ColumnOrName, scale: Column | int = 0) -> Column:
    """The number rounded to so many digits after the point, halves away from zero.

    >>> spark.range(1).select(F.round(F.lit(2.5))).first()[0]
    3.0
    """
    return call("round", _rounding(scale, even=False), col, lit_(scale))


def _constant(column: Column | int, what: str) -> int:
    from springald.sql._nodes import Literal

    if isinstance(column, int):
        return column
    if isinstance(column._node, Literal) and isinstance(column._node.value, int):
        return column._node.value
    raise AnalysisException(f"[NON_FOLDABLE_INPUT] {what} is one number, not a column")


def _rounding(scale: Column | int, even: bool) -> Build:
    places = _constant(scale, "the scale of round")
    return lambda scope, value, _: rounded(taking("n", value, 0), places, even)


def rounded(value: Value, places: int, even: bool) -> Value:
    """A number rounded to so many digits after the point, halves away from zero or to the even digit."""
    scope, kind = value.scope, value.type
    if pt.is_decimal(kind):
        return _rounded_decimal(value, places, even)
    if pt.is_integer(kind):
        if places >= 0:
            return value
        step = scope.literal(10**-places, pa.int64())
        half = scope.call("signum", value.cast(pa.float64())).cast(pa.int64()).binary("*", 10**-places // 2)
        return value.cast(pa.int64()).binary("+", half).binary("/", step).binary("*", step).cast(kind)
    if even:
        power = 10.0**places
        return scope.call("spark_rint", value.cast(pa.float64()).binary("*", power)).binary("/", power).cast(kind)
    return scope.call("spark_round", value, scope.literal(places, pa.int32()))


def _rounded_decimal(value: Value, places: int, even: bool) -> Value:
    scope, kind = value.scope, value.type
    keep = min(max(places, 0), kind.scale)
    whole = kind.precision - kind.scale + (1 if places < kind.scale else 0)
    result = bounded_decimal(max(whole + keep, 1), keep)
    if places < 0:
        step = scope.literal(10**-places, pa.int64()).cast(pa.decimal128(20, 0))
        scaled = value.cast(pa.decimal256(76, kind.scale - places)).binary("/", step)
        return scaled.cast(pa.decimal256(76, 0)).binary("*", step).cast(result)
    rounded = value.cast(pa.decimal128(min(result.precision + 1, 38), keep))
    if even and places < kind.scale:
        # A tie goes to the even digit: back by one step where the digit is odd.
        unit = scope.literal(1, pa.int32()).cast(pa.decimal128(10, 0)).cast(pa.decimal128(20, keep))
        unit = scope.value(unit.expr.binary("/", scope.literal(10**keep, pa.int64()).expr)).cast(rounded.type)
        away = scope.call("abs", rounded.binary("-", value).cast(pa.decimal128(38, kind.scale + 1)))
        half = unit.cast(pa.decimal128(38, kind.scale + 1)).binary("/", scope.literal(2, pa.int32()))
        odd = rounded.binary("%", unit.binary("+", unit)).binary("!=", scope.literal(0, pa.int32()))
        tie = away.cast(pa.decimal128(38, kind.scale + 1)).binary("=", half.cast(pa.decimal128(38, kind.scale + 1)))
        positive = value.binary(">", scope.literal(0, pa.int32()).cast(kind))
        back = scope.case(
            [(positive, rounded.binary("-", unit).cast(rounded.type))], rounded.binary("+", unit).cast(rounded.type)
        )
        rounded = scope.case([(tie.binary("and", odd), back)], rounded)
    return rounded.cast(result)


def ceil(col: ColumnOrName, scale: Column | int | None = None) -> Column:
    """The least whole number that is not smaller; with a scale, the least with so many digits after the point.

    >>> spark.range(1).select(F.ceil(F.lit(1.2))).first()[0]
    2
    """
    if scale is None:
        return call("CEIL", _bounded("ceil"), col)
    return call("ceil", _bounded_at("ceil", scale), col, lit_(scale))


def ceiling(col: ColumnOrName, scale: Column | int | None = None) -> Column:
    """The least whole number that is not smaller.

    >>> spark.range(1).select(F.ceiling(F.lit(1.2))).first()[0]
    2
    """
    return call("ceiling", _bounded("ceil"), col) if scale is None else ceil(col, scale)


def floor(col: ColumnOrName, scale: Column | int | None = None) -> Column:
    """The greatest whole number that is not greater; with a scale, the greatest with so many digits after the point.

    >>> spark.range(1).select(F.floor(F.lit(-1.2))).first()[0]
    -2
    """
    if scale is None:
        return call("FLOOR", _bounded("floor"), col)
    return call("floor", _bounded_at("floor", scale), col, lit_(scale))


def _bounded(function: str) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        value = taking("n", value, 0)
        if pt.is_integer(value.type):
            return value.cast(pa.int64())
        if pt.is_decimal(value.type):
            whole = value.type.precision - value.type.scale
            # One digit more, for what is carried over.
            wide = bounded_decimal(value.type.precision + 1, value.type.scale)
            return scope.call(function, value.cast(wide)).cast(
                bounded_decimal(whole + 1 if value.type.scale else whole, 0)
            )
        result = scope.call(function, value.cast(pa.float64()))
        # Java's conversion: NaN is zero.
        return scope.case([(scope.call("isnan", result), scope.literal(0, pa.int64()))], result.cast(pa.int64()))

    return build


def _bounded_at(function: str, scale: Column | int) -> Build:
    places = _constant(scale, f"the scale of {function}")

    def build(scope: Scope, value: Value, _: Value) -> Value:
        value = taking("n", value, 0)
        if pt.is_floating(value.type):
            value = cast(value, pa.decimal128(30, 15), safe=True)
            precision = 15 + places + 1
        elif pt.is_integer(value.type):
            value = value.cast(pa.decimal128(20, 0))
            precision = 20
        else:
            precision = value.type.precision - value.type.scale + max(places, 0) + (places < value.type.scale)
        result = bounded_decimal(max(precision, 1), max(places, 0))
        power = scope.literal(10 ** builtins.abs(places), pa.int64()).cast(pa.decimal128(20, 0))
        moved = value.cast(pa.decimal256(76, 30)).binary("*" if places >= 0 else "/", power.cast(pa.decimal256(20, 0)))
        whole = scope.call(function, moved.cast(pa.decimal128(38, 10)))
        back = whole.cast(pa.decimal256(76, 20)).binary("/" if places >= 0 else "*", power.cast(pa.decimal256(20, 0)))
        return back.cast(result)

    return build


def rint(col: ColumnOrName) -> Column:
    """The nearest whole number, halves to the even one.

    >>> spark.range(1).select(F.rint(F.lit(2.5))).first()[0]
    2.0
    """
    return call("rint", engine("spark_rint", "d"), col)
