"""Mathematics."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.sql._casts import coerce
from springald.sql._nodes import Build
from springald.sql._operators import arithmetic
from springald.sql._operators import negate as _negate
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, taking

__all__ = [
    "abs",
    "cbrt",
    "e",
    "exp",
    "expm1",
    "factorial",
    "ln",
    "log",
    "log1p",
    "log2",
    "log10",
    "negate",
    "negative",
    "pmod",
    "positive",
    "pow",
    "power",
    "sign",
    "signum",
    "sqrt",
    "try_add",
    "try_divide",
    "try_mod",
    "try_multiply",
    "try_subtract",
    "width_bucket",
]


def abs(col: ColumnOrName) -> Column:
    """The value without its sign.

    >>> spark.range(1).select(F.abs(F.lit(-2))).first()[0]
    2
    """
    return call("abs", _abs, col)


def _abs(scope: Scope, value: Value) -> Value:
    value = taking("n", value, 0)
    if pt.is_integer(value.type):
        negative = value.binary("<", scope.literal(0, value.type))
        return scope.case([(negative, _negate(scope, value))], value)
    return scope.call("abs", value)


def cbrt(col: ColumnOrName) -> Column:
    """The cube root.

    >>> spark.range(1).select(F.cbrt(F.lit(27))).first()[0]
    3.0
    """
    return call("CBRT", engine("cbrt", "d"), col)


def e() -> Column:
    """Euler's number.

    >>> spark.range(1).select(F.e()).first()[0]
    2.718281828459045
    """
    return call("E", lambda scope: scope.literal(2.718281828459045))


def exp(col: ColumnOrName) -> Column:
    """Euler's number to a power.

    >>> spark.range(1).select(F.exp(F.lit(0))).first()[0]
    1.0
    """
    return call("EXP", engine("exp", "d"), col)


def expm1(col: ColumnOrName) -> Column:
    """Euler's number to a power, less one; exact near zero.

    >>> spark.range(1).select(F.expm1(F.lit(0))).first()[0]
    0.0
    """
    return call("EXPM1", engine("spark_expm1", "d"), col)


def factorial(col: ColumnOrName) -> Column:
    """The factorial of 0 to 20; null for others.

    >>> spark.range(1).select(F.factorial(F.lit(5))).first()[0]
    120
    """
    return call("factorial", engine("spark_factorial", "i", pa.int64()), col)


def _logarithm(function: str, shift: float = 0.0) -> Build:
    """A logarithm, null where there is none."""

    def build(scope: Scope, value: Value) -> Value:
        number = taking("d", value, 0)
        found = scope.call(function, number.binary("+", 1.0) if shift else number)
        return scope.case([(number.binary("<=", -shift), scope.null(pa.float64()))], found)

    return build


def ln(col: ColumnOrName) -> Column:
    """The natural logarithm; null for numbers not above zero.

    >>> spark.range(1).select(F.ln(F.lit(1))).first()[0]
    0.0
    """
    return call("ln", _logarithm("ln"), col)


def log(arg1: ColumnOrName | float, arg2: ColumnOrName | None = None) -> Column:
    """The natural logarithm of a column, or with a base first, to that base.

    >>> spark.range(1).select(F.log(2.0, F.lit(8))).first()[0]
    3.0
    """
    if arg2 is None:
        assert isinstance(arg1, Column | str)
        return ln(arg1)

    def build(scope: Scope, base: Value, value: Value) -> Value:
        a, b = _logarithm("ln")(scope, value), _logarithm("ln")(scope, base)
        return a.binary("/", b)

    return call("LOG", build, lit_(arg1), arg2)


def log10(col: ColumnOrName) -> Column:
    """The logarithm to base 10; null for numbers not above zero.

    >>> spark.range(1).select(F.log10(F.lit(100))).first()[0]
    2.0
    """
    return call("LOG10", _logarithm("log10"), col)


def log1p(col: ColumnOrName) -> Column:
    """The natural logarithm of the number plus one.

    >>> spark.range(1).select(F.log1p(F.lit(0))).first()[0]
    0.0
    """
    return call("LOG1P", _logarithm("ln", 1.0), col)


def log2(col: ColumnOrName) -> Column:
    """The logarithm to base 2; null for numbers not above zero.

    >>> spark.range(1).select(F.log2(F.lit(8))).first()[0]
    3.0
    """
    return call("LOG2", _logarithm("log2"), col)


def negative(col: ColumnOrName) -> Column:
    """The number with the other sign.

    >>> spark.range(1).select(F.negative(F.lit(2))).first()[0]
    -2
    """
    return call("negative", _negate, col)


def negate(col: ColumnOrName) -> Column:
    """The number with the other sign.

    >>> spark.range(1).select(F.negate(F.lit(2))).first()[0]
    -2
    """
    return negative(col)


def positive(col: ColumnOrName) -> Column:
    """The number as it is.

    >>> spark.range(1).select(F.positive(F.lit(2))).first()[0]
    2
    """
    return call("positive", lambda scope, value: taking("n", value, 0), col, form="(+ {0})")


def pmod(dividend: ColumnOrName | float, divisor: ColumnOrName | float) -> Column:
    """The remainder of a division, with the sign of the divisor.

    >>> spark.range(1).select(F.pmod(F.lit(-1), F.lit(3))).first()[0]
    2
    """

    def build(scope: Scope, a: Value, b: Value) -> Value:
        rest = arithmetic(scope, "%", a, b)
        divisor = coerce(b, rest.type)
        zero = scope.literal(0, pa.int32()).cast(rest.type)
        again = rest.binary("+", divisor).binary("%", divisor).cast(rest.type)
        return scope.case([(rest.binary("<", zero), again)], rest)

    return call("pmod", build, dividend, divisor)


def pow(col1: ColumnOrName | float, col2: ColumnOrName | float) -> Column:
    """A number to a power.

    >>> spark.range(1).select(F.pow(F.lit(2), F.lit(3))).first()[0]
    8.0
    """
    return call("POWER", engine("power", "d"), col1, col2)


def power(col1: ColumnOrName | float, col2: ColumnOrName | float) -> Column:
    """A number to a power.

    >>> spark.range(1).select(F.power(F.lit(2), F.lit(3))).first()[0]
    8.0
    """
    return pow(col1, col2)


def sign(col: ColumnOrName) -> Column:
    """1, 0 or -1 by the sign of the number.

    >>> spark.range(1).select(F.sign(F.lit(-5))).first()[0]
    -1.0
    """
    return call("sign", _sign, col)


def signum(col: ColumnOrName) -> Column:
    """1, 0 or -1 by the sign of the number.

    >>> spark.range(1).select(F.signum(F.lit(-5))).first()[0]
    -1.0
    """
    return call("SIGNUM", _sign, col)


def _sign(scope: Scope, value: Value) -> Value:
    number = taking("d", value, 0)
    return scope.case([(scope.call("isnan", number), number)], scope.call("signum", number))


def sqrt(col: ColumnOrName) -> Column:
    """The square root; NaN for numbers below zero.

    >>> spark.range(1).select(F.sqrt(F.lit(9))).first()[0]
    3.0
    """
    return call("SQRT", _sqrt, col)


def _sqrt(scope: Scope, value: Value) -> Value:
    number = taking("d", value, 0)
    below = number.binary("<", 0.0)
    return scope.case([(below, scope.literal(float("nan")))], scope.call("sqrt", scope.call("abs", number)))


def _trying(operator: str) -> Build:
    return lambda scope, a, b: arithmetic(scope, operator, a, b, safe=True)


def try_add(left: ColumnOrName, right: ColumnOrName) -> Column:
    """The sum, or null where it overflows.

    >>> spark.range(1).select(F.try_add(F.lit(2147483647), F.lit(1))).first()[0] is None
    True
    """
    return call("try_add", _trying("+"), left, right)


def try_divide(left: ColumnOrName, right: ColumnOrName) -> Column:
    """The quotient, or null where the divisor is zero.

    >>> spark.range(1).select(F.try_divide(F.lit(1), F.lit(0))).first()[0] is None
    True
    """
    return call("try_divide", _trying("/"), left, right)


def try_mod(left: ColumnOrName, right: ColumnOrName) -> Column:
    """The remainder, or null where the divisor is zero.

    >>> spark.range(1).select(F.try_mod(F.lit(1), F.lit(0))).first()[0] is None
    True
    """
    return call("try_mod", _trying("%"), left, right)


def try_multiply(left: ColumnOrName, right: ColumnOrName) -> Column:
    """The product, or null where it overflows.

    >>> spark.range(1).select(F.try_multiply(F.lit(2147483647), F.lit(2))).first()[0] is None
    True
    """
    return call("try_multiply", _trying("*"), left, right)


def try_subtract(left: ColumnOrName, right: ColumnOrName) -> Column:
    """The difference, or null where it overflows.

    >>> spark.range(1).select(F.try_subtract(F.lit(-2147483648), F.lit(1))).first()[0] is None
    True
    """
    return call("try_subtract", _trying("-"), left, right)


def width_bucket(v: ColumnOrName, min: ColumnOrName, max: ColumnOrName, numBucket: ColumnOrName | int) -> Column:
    """Which of so many buckets of equal width between two bounds a number falls in, from 1; 0 and one more outside.

    >>> spark.range(1).select(F.width_bucket(F.lit(3), F.lit(0), F.lit(10), F.lit(5))).first()[0]
    2
    """

    def build(scope: Scope, value: Value, low: Value, high: Value, count: Value) -> Value:
        value, low, high = (taking("d", v, 0) for v in (value, low, high))
        # Whatever is past the end is in the bucket after it; the engine knows no infinities.
        rising = low.binary("<=", high)
        near = scope.case([(rising, scope.call("least", value, high))], scope.call("greatest", value, high))
        value = near.unless_null(value)
        return scope.call("spark_width_bucket", value, low, high, coerce(count, pa.int32())).cast(pa.int64())

    return call("width_bucket", build, v, min, max, numBucket)
