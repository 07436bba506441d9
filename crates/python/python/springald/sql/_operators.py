"""Arithmetic, comparison and logic with Spark's coercions, null handling and errors."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException
from springald.sql._casts import cast, coerce
from springald.sql._types import (
    Kind,
    arithmetic_type,
    bounded_decimal,
    common_type,
    decimal_of,
    is_string,
    sql_name,
)
from springald.sql._value import Scope, Value

__all__ = ["arithmetic", "compare", "logic", "negate", "nonzero", "pair", "same"]

_CHECKED = {"+": "checked_add", "-": "checked_subtract", "*": "checked_multiply"}
_DAY = 86_400_000_000
_DIVIDE_BY_ZERO = "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to get null instead"
_REMAINDER_BY_ZERO = "[REMAINDER_BY_ZERO] Remainder by zero. Use `try_mod` to get null instead"


def arithmetic(scope: Scope, operator: str, a: Value, b: Value, safe: bool = False) -> Value:
    """`a operator b`, of + - * / %. With `safe`, what overflows or divides by zero is null."""
    temporal = _temporal(scope, operator, a, b)
    if temporal is not None:
        return temporal
    kind = arithmetic_type(a.type, b.type)
    if kind is None:
        raise AnalysisException(
            f"[DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE] {sql_name(a.type)} {operator} {sql_name(b.type)} cannot be",
            "cast one of the two",
        )
    if pt.is_decimal(kind):
        return _decimal(scope, operator, _narrow(a), _narrow(b), safe)
    if operator == "/":
        kind = pa.float64()
    a, b = coerce(a, kind), coerce(b, kind)
    if operator in "/%":
        return _divided(scope, operator, a, b, safe)
    if pt.is_floating(kind):
        return a.binary(operator, b)
    if safe:
        wide = pa.decimal128(38, 0)
        return a.cast(wide).binary(operator, b.cast(wide)).cast(kind, safe=True)
    return scope.call(_CHECKED[operator], a, b)


def negate(scope: Scope, a: Value) -> Value:
    """`-a`; the least integer has no opposite."""
    if is_string(a.type):
        a = cast(a, pa.float64())
    if pt.is_integer(a.type):
        return scope.call("checked_subtract", scope.literal(0, a.type), a)
    if pt.is_duration(a.type):
        return scope.literal(0, pa.int64()).binary("-", a.cast(pa.int64())).cast(a.type)
    return a.unary("negative")


def compare(scope: Scope, operator: str, a: Value, b: Value) -> Value:
    """A comparison in the type that holds both."""
    if pt.is_nested(a.type) and not pt.is_null(b.type) and type(a.type) is not type(b.type):
        raise _mismatch(operator, a, b)
    left, right = pair(a, b, operator)
    return left.binary(operator, right)


def pair(a: Value, b: Value, operator: str = "=") -> tuple[Value, Value]:
    """Both in the type that holds both."""
    kind = common_type([a.type, b.type])
    numbers = pt.is_primitive(a.type) and not pt.is_temporal(a.type)
    if numbers and pt.is_temporal(b.type) and not pt.is_null(a.type):
        raise _mismatch(operator, a, b)
    if pt.is_temporal(a.type) and pt.is_primitive(b.type) and not pt.is_temporal(b.type) and not pt.is_null(b.type):
        raise _mismatch(operator, a, b)
    return coerce(a, kind), coerce(b, kind)


def same(scope: Scope, a: Value, b: Value) -> Value:
    """`a <=> b`: two nulls are equal, and never is the answer null."""
    left, right = pair(a, b, "<=>")
    return left.binary("is_not_distinct", right)


def logic(scope: Scope, operator: str, a: Value, b: Value) -> Value:
    """`a and b`, `a or b`."""
    for value in (a, b):
        if not (pt.is_boolean(value.type) or pt.is_null(value.type)):
            raise AnalysisException(
                f"[DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE] {operator} takes conditions, not {sql_name(value.type)}",
                "put parentheses around each comparison: (a > 1) & (b < 2)",
            )
    return coerce(a, pa.bool_()).binary(operator, coerce(b, pa.bool_()))


def nonzero(scope: Scope, divisor: Value, result: Value, message: str, safe: bool, dividend: Value) -> Value:
    """A result that is an error, or null, where the divisor is zero; null where the dividend is."""
    if divisor.constant:
        return result
    zero = divisor.binary("=", scope.literal(0, pa.int32()).cast(divisor.type))
    if safe:
        return scope.case([(zero, scope.null(result.type))], result)
    return scope.case([(zero.binary("and", dividend.is_not_null()), scope.fail(message, result.type))], result)


def _mismatch(operator: str, a: Value, b: Value) -> AnalysisException:
    return AnalysisException(
        f"[DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES] {sql_name(a.type)} {operator} {sql_name(b.type)} cannot be compared",
        "cast one of the two",
    )


def _divided(scope: Scope, operator: str, a: Value, b: Value, safe: bool) -> Value:
    message = _DIVIDE_BY_ZERO if operator == "/" else _REMAINDER_BY_ZERO
    return nonzero(scope, b, a.binary(operator, b), message, safe, a)


def _narrow(value: Value) -> Value:
    """Numbers beside decimals: whole literals take no more digits than they have."""
    if pt.is_integer(value.type):
        # A whole literal takes no more digits than it has.
        literal = value.constant if type(value.constant) is int else None
        return value.cast(decimal_of(value.type) if literal is None else pa.decimal128(len(str(abs(literal))), 0))
    if pt.is_null(value.type):
        return value.cast(pa.decimal128(1, 0))
    return value


def _decimal(scope: Scope, operator: str, a: Value, b: Value, safe: bool) -> Value:
    p1, s1, p2, s2 = a.type.precision, a.type.scale, b.type.precision, b.type.scale
    if operator in "+-":
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
        kind = bounded_decimal(precision, scale)
        if precision > 38:
            a, b = a.cast(pa.decimal256(76, s1)), b.cast(pa.decimal256(76, s2))
        return a.binary(operator, b).cast(kind, safe)
    if operator == "*":
        kind = bounded_decimal(p1 + p2 + 1, s1 + s2)
        if s1 + s2 > kind.scale or p1 + p2 + 1 > 38:
            a, b = a.cast(pa.decimal256(76, s1)), b.cast(pa.decimal256(76, s2))
        return a.binary("*", b).cast(kind, safe)
    if operator == "/":
        scale = max(6, s1 + p2 + 1)
        kind = bounded_decimal(p1 - s1 + s2 + scale, scale)
        result = divided_decimal(a, b, kind, safe)
        message = _DIVIDE_BY_ZERO
    else:
        scale = max(s1, s2)
        kind = bounded_decimal(min(p1 - s1, p2 - s2) + scale, scale)
        result = a.binary("%", b).cast(kind, safe)
        message = _REMAINDER_BY_ZERO
    return nonzero(scope, b, result, message, safe, a)


def divided_decimal(a: Value, b: Value, kind: Kind, safe: bool = False) -> Value:
    """The quotient of decimals, its last digit rounded."""
    # The engine gives four digits more than the dividend has, and cuts: one more than needed is then rounded rightly.
    wide = pa.decimal256(76, max(kind.scale - 3, a.type.scale))
    return a.cast(wide).binary("/", b.cast(pa.decimal256(76, b.type.scale))).cast(kind, safe)


def _temporal(scope: Scope, operator: str, a: Value, b: Value) -> Value | None:
    """Arithmetic of days, moments and lengths of time; None if neither is one."""
    spans = (pt.is_duration, pt.is_interval)
    if operator not in "+-" and not any(test(a.type) or test(b.type) for test in spans):
        return None
    if pt.is_duration(a.type) and pt.is_duration(b.type):
        return a.cast(pa.int64()).binary(operator, b.cast(pa.int64())).cast(a.type)
    if pt.is_duration(a.type) or pt.is_duration(b.type):
        if operator in "*/":
            span, number = (a, b) if pt.is_duration(a.type) else (b, a)
            micros = span.cast(pa.int64()).cast(pa.float64()).binary(operator, cast(number, pa.float64()))
            return scope.call("round", micros).cast(pa.int64()).cast(span.type)
        moment, span = (b, a) if pt.is_duration(a.type) else (a, b)
        if is_string(moment.type):
            moment = cast(moment, pa.timestamp("us", "UTC"))
        if pt.is_date(moment.type):
            moment = cast(moment, pa.timestamp("us", "UTC"))
        micros = moment.cast(pa.int64()).binary(operator, span.cast(pa.int64()))
        return micros.cast(pa.timestamp("us")).cast(moment.type)
    if pt.is_interval(a.type) or pt.is_interval(b.type):
        moment, span = (b, a) if pt.is_interval(a.type) else (a, b)
        if pt.is_date(moment.type) and getattr(span.constant, "nanoseconds", False):
            moment = cast(moment, pa.timestamp("us", "UTC"))
        if pt.is_timestamp(moment.type) and moment.type.tz is not None:
            return moment.local().binary(operator, span).in_zone()
        return moment.binary(operator, span)
    if pt.is_date(a.type) and pt.is_date(b.type) and operator == "-":
        return days_between(scope, a, b).binary("*", scope.literal(_DAY, pa.int64())).cast(pa.duration("us"))
    if pt.is_date(a.type) and pt.is_integer(b.type):
        days = a.cast(pa.int32()).binary(operator, b.cast(pa.int32()))
        return days.cast(pa.date32())
    if pt.is_date(b.type) and pt.is_integer(a.type) and operator == "+":
        return b.cast(pa.int32()).binary("+", a.cast(pa.int32())).cast(pa.date32())
    if (pt.is_timestamp(a.type) and pt.is_temporal(b.type)) or (pt.is_timestamp(b.type) and pt.is_temporal(a.type)):
        if operator != "-":
            return None
        kind = common_type([a.type, b.type])
        left, right = coerce(a, kind), coerce(b, kind)
        return left.cast(pa.int64()).binary("-", right.cast(pa.int64())).cast(pa.duration("us"))
    return None


def days_between(scope: Scope, end: Value, start: Value) -> Value:
    """Days from one date to another, as 64 bits."""
    return end.cast(pa.int32()).cast(pa.int64()).binary("-", start.cast(pa.int32()).cast(pa.int64()))
