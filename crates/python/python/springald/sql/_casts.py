"""CAST and TRY_CAST with Spark's meaning, from what the engine's own casts do."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException
from springald.sql._types import MOMENT, WALL, Kind, is_binary, is_list, is_numeric, is_string, sql_name
from springald.sql._value import Value

__all__ = ["as_text", "cast", "coerce"]

MICROS = 1_000_000


def coerce(value: Value, kind: Kind) -> Value:
    """The cast that Spark puts in by itself where a value of another type is needed."""
    return value if _same(value.type, kind) else cast(value, kind)


def cast(value: Value, kind: Kind, safe: bool = False) -> Value:
    """`value` as `kind`. What cannot be cast is an error, or null with `safe`."""
    source = value.type
    if _same(source, kind):
        return value
    if pt.is_null(source):
        # Not a literal in its place: raise_error is of this type.
        return value.cast(kind)
    if is_string(kind):
        return as_text(value)
    if is_string(source):
        return _of_text(value, kind, safe)
    if pt.is_timestamp(source) or pt.is_date(source):
        return _of_moment(value, kind, safe)
    if is_numeric(source) or pt.is_boolean(source):
        return _of_number(value, kind, safe)
    if pt.is_duration(source) and is_numeric(kind):
        raise _impossible(source, kind)
    return value.cast(kind, safe)


def as_text(value: Value) -> Value:
    """A value as Spark's CAST(… AS STRING) writes it."""
    kind = value.type
    scope = value.scope
    if is_string(kind):
        # Files give views of text, which functions take as they are.
        return value
    if pt.is_floating(kind):
        return scope.call("spark_text", value)
    if pt.is_timestamp(kind):
        text = scope.call("to_char", value.local(), "%Y-%m-%d %H:%M:%S%.6f")
        return scope.call("rtrim", scope.call("rtrim", text, "0"), ".")
    if is_list(kind):
        return _brackets(value, "[", "]", _joined(value))
    if pt.is_map(kind):
        keys, items = scope.call("map_keys", value), scope.call("map_values", value)
        entries = scope.call("arrays_zip", _texts(keys), _texts(items))
        raise _impossible(entries.type, pa.string())
    if pt.is_struct(kind):
        parts: list[Value | str] = []
        for field in kind:
            member = as_text(Value(scope, value.expr.member(field.name)))
            parts += [", ", scope.call("coalesce", member, "null")]
        return _brackets(value, "{", "}", scope.call("concat", *parts[1:]) if parts else scope.literal(""))
    return value.cast(pa.string())


def _brackets(value: Value, opening: str, closing: str, inner: Value) -> Value:
    text = value.scope.call("concat", opening, inner, closing)
    return value.scope.case([(value.is_not_null(), text)])


def _texts(value: Value) -> Value:
    """The elements of a list as text."""
    element = value.type.value_type
    if is_string(element) or not (pt.is_floating(element) or pt.is_timestamp(element) or pt.is_nested(element)):
        return value.cast(pa.list_(pa.string()))
    from springald.sql._lambda import mapped

    return mapped(value, as_text)


def _joined(value: Value) -> Value:
    return value.scope.call("array_to_string", _texts(value), ", ", "null")


def _of_text(value: Value, kind: Kind, safe: bool) -> Value:
    scope = value.scope
    if is_binary(kind):
        return value.cast(kind)
    text = scope.call("btrim", value.cast(pa.string()))
    if pt.is_boolean(kind):
        return scope.call("lower", text).cast(kind, safe)
    if pt.is_timestamp(kind):
        if kind.tz is None:
            return text.cast(WALL, safe)
        return text.cast(pa.timestamp("us", scope.time_zone()), safe).cast(MOMENT)
    if pt.is_decimal(kind):
        # The engine reads no exponents in decimals.
        exponent = scope.call("contains", scope.call("lower", text), "e")
        return scope.case([(exponent, text.cast(pa.float64(), safe).cast(kind, safe))], text.cast(kind, safe))
    return text.cast(kind, safe)


def _of_moment(value: Value, kind: Kind, safe: bool) -> Value:
    source = value.type
    scope = value.scope
    if pt.is_date(source):
        if pt.is_timestamp(kind):
            wall = value.cast(WALL)
            return wall if kind.tz is None else wall.in_zone()
        if is_numeric(kind) or pt.is_boolean(kind):
            raise _impossible(source, kind)
        return value.cast(kind, safe)
    if pt.is_date(kind):
        return value.local().cast(kind)
    if pt.is_timestamp(kind):
        return value.local() if kind.tz is None else value.in_zone()
    if source.tz is not None and is_numeric(kind):
        micros = value.cast(MOMENT).cast(pa.int64())
        if pt.is_integer(kind):
            seconds = scope.call("floor", micros.cast(pa.float64()).binary("/", 1e6)).cast(pa.int64())
            return seconds.cast(kind, safe)
        if pt.is_decimal(kind):
            return micros.cast(pa.decimal128(38, 0)).cast(pa.decimal128(38, 6)).binary("/", 1e6).cast(kind, safe)
        return micros.cast(pa.float64()).binary("/", 1e6).cast(kind, safe)
    if pt.is_time(kind):
        return value.local().cast(kind)
    raise _impossible(source, kind)


def _of_number(value: Value, kind: Kind, safe: bool) -> Value:
    source = value.type
    scope = value.scope
    if pt.is_timestamp(kind):
        if kind.tz is None or pt.is_boolean(source):
            raise _impossible(source, kind)
        if pt.is_integer(source):
            return value.cast(pa.int64()).binary("*", scope.literal(MICROS, pa.int64())).cast(WALL).cast(MOMENT)
        micros = value.cast(pa.float64()).binary("*", 1e6)
        return micros.cast(pa.int64(), safe).cast(WALL).cast(MOMENT)
    if pt.is_date(kind) or is_binary(kind):
        raise _impossible(source, kind)
    if pt.is_boolean(kind):
        return value.binary("!=", scope.literal(0, pa.int32()).cast(source))
    if pt.is_boolean(source) and pt.is_decimal(kind):
        return value.cast(pa.int32()).cast(kind, safe)
    if pt.is_floating(source) and pt.is_decimal(kind):
        return as_text(value).cast(kind, safe)
    if pt.is_decimal(source) and pt.is_integer(kind):
        return scope.call("trunc", value).cast(kind, safe) if source.scale > 0 else value.cast(kind, safe)
    return value.cast(kind, safe)


def _same(a: Kind, b: Kind) -> bool:
    return bool(a == b) or (is_string(a) and is_string(b)) or (is_binary(a) and is_binary(b))


def _impossible(source: Kind, kind: Kind) -> AnalysisException:
    return AnalysisException(
        f"[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] a {sql_name(source)} cannot be cast to {sql_name(kind)}"
    )
