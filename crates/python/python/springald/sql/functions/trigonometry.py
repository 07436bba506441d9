"""Angles, triangles and hyperbolas."""

from __future__ import annotations

from springald.sql._nodes import Build
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, taking

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "cot",
    "csc",
    "degrees",
    "hypot",
    "pi",
    "radians",
    "sec",
    "sin",
    "sinh",
    "tan",
    "tanh",
]


def acos(col: ColumnOrName) -> Column:
    """The angle of a cosine, in radians; NaN outside of -1 to 1.

    >>> spark.range(1).select(F.acos(F.lit(1))).first()[0]
    0.0
    """
    return call("ACOS", engine("acos", "d"), col)


def acosh(col: ColumnOrName) -> Column:
    """The inverse of the hyperbolic cosine.

    >>> spark.range(1).select(F.acosh(F.lit(1))).first()[0]
    0.0
    """
    return call("ACOSH", engine("acosh", "d"), col)


def asin(col: ColumnOrName) -> Column:
    """The angle of a sine, in radians; NaN outside of -1 to 1.

    >>> spark.range(1).select(F.asin(F.lit(0))).first()[0]
    0.0
    """
    return call("ASIN", engine("asin", "d"), col)


def asinh(col: ColumnOrName) -> Column:
    """The inverse of the hyperbolic sine.

    >>> spark.range(1).select(F.asinh(F.lit(0))).first()[0]
    0.0
    """
    return call("ASINH", engine("asinh", "d"), col)


def atan(col: ColumnOrName) -> Column:
    """The angle of a tangent, in radians.

    >>> spark.range(1).select(F.atan(F.lit(0))).first()[0]
    0.0
    """
    return call("ATAN", engine("atan", "d"), col)


def atan2(col1: ColumnOrName | float, col2: ColumnOrName | float) -> Column:
    """The angle, in radians, of the point with `col1` as y and `col2` as x.

    >>> spark.range(1).select(F.atan2(F.lit(0), F.lit(1))).first()[0]
    0.0
    """
    return call("ATAN2", engine("atan2", "d"), col1, col2)


def atanh(col: ColumnOrName) -> Column:
    """The inverse of the hyperbolic tangent.

    >>> spark.range(1).select(F.atanh(F.lit(0))).first()[0]
    0.0
    """
    return call("ATANH", engine("atanh", "d"), col)


def cos(col: ColumnOrName) -> Column:
    """The cosine of an angle in radians.

    >>> spark.range(1).select(F.cos(F.lit(0))).first()[0]
    1.0
    """
    return call("COS", engine("cos", "d"), col)


def cosh(col: ColumnOrName) -> Column:
    """The hyperbolic cosine.

    >>> spark.range(1).select(F.cosh(F.lit(0))).first()[0]
    1.0
    """
    return call("COSH", engine("cosh", "d"), col)


def cot(col: ColumnOrName) -> Column:
    """The cotangent of an angle in radians.

    >>> spark.range(1).select(F.round(F.cot(F.lit(1)), 4)).first()[0]
    0.6421
    """
    return call("COT", _inverse("tan"), col)


def csc(col: ColumnOrName) -> Column:
    """The cosecant of an angle in radians.

    >>> spark.range(1).select(F.round(F.csc(F.lit(1)), 4)).first()[0]
    1.1884
    """
    return call("CSC", _inverse("sin"), col)


def sec(col: ColumnOrName) -> Column:
    """The secant of an angle in radians.

    >>> spark.range(1).select(F.sec(F.lit(0))).first()[0]
    1.0
    """
    return call("SEC", _inverse("cos"), col)


def _inverse(function: str) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        return scope.literal(1.0).binary("/", scope.call(function, taking("d", value, 0)))

    return build


def degrees(col: ColumnOrName) -> Column:
    """An angle in radians as degrees.

    >>> spark.range(1).select(F.degrees(F.pi())).first()[0]
    180.0
    """
    return call("DEGREES", engine("degrees", "d"), col)


def radians(col: ColumnOrName) -> Column:
    """An angle in degrees as radians.

    >>> spark.range(1).select(F.radians(F.lit(180)) == F.pi()).first()[0]
    True
    """
    return call("RADIANS", engine("radians", "d"), col)


def pi() -> Column:
    """The number pi.

    >>> spark.range(1).select(F.pi()).first()[0]
    3.141592653589793
    """
    return call("PI", lambda scope: scope.literal(3.141592653589793))


def hypot(col1: ColumnOrName | float, col2: ColumnOrName | float) -> Column:
    """The length of the diagonal of two sides.

    >>> spark.range(1).select(F.hypot(F.lit(3), F.lit(4))).first()[0]
    5.0
    """
    return call("HYPOT", engine("spark_hypot", "d"), col1, col2)


def sin(col: ColumnOrName) -> Column:
    """The sine of an angle in radians.

    >>> spark.range(1).select(F.sin(F.lit(0))).first()[0]
    0.0
    """
    return call("SIN", engine("sin", "d"), col)


def sinh(col: ColumnOrName) -> Column:
    """The hyperbolic sine.

    >>> spark.range(1).select(F.sinh(F.lit(0))).first()[0]
    0.0
    """
    return call("SINH", engine("sinh", "d"), col)


def tan(col: ColumnOrName) -> Column:
    """The tangent of an angle in radians.

    >>> spark.range(1).select(F.tan(F.lit(0))).first()[0]
    0.0
    """
    return call("TAN", engine("tan", "d"), col)


def tanh(col: ColumnOrName) -> Column:
    """The hyperbolic tangent.

    >>> spark.range(1).select(F.tanh(F.lit(0))).first()[0]
    0.0
    """
    return call("TANH", engine("tanh", "d"), col)
