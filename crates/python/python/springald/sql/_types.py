"""Spark's rules of which type holds values of two others."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.types as pt

__all__ = [
    "Kind",
    "arithmetic_type",
    "bounded_decimal",
    "common_type",
    "decimal_of",
    "is_string",
    "is_textual",
    "sql_name",
]

_INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
_DIGITS = {pa.int8(): 3, pa.int16(): 5, pa.int32(): 10, pa.int64(): 20, pa.uint64(): 20, pa.uint32(): 20}
Kind: TypeAlias = Any
"""An Arrow type. Not `pa.DataType`: the parts of lists, decimals and the like are attributes it does not declare."""

MOMENT = pa.timestamp("us", "UTC")
WALL = pa.timestamp("us")


def is_string(kind: Kind) -> bool:
    """Whether a type is text."""
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def is_binary(kind: Kind) -> bool:
    """Whether a type is bytes."""
    return bool(
        pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind)
    )


def is_textual(kind: Kind) -> bool:
    """Whether a type is text or bytes."""
    return is_string(kind) or is_binary(kind)


def is_list(kind: Kind) -> bool:
    """Whether a type is a list of any form."""
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind) or pt.is_list_view(kind))


def is_numeric(kind: Kind) -> bool:
    """Whether a type is a number."""
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def decimal_of(kind: Kind) -> Kind:
    """The decimal that holds every value of an integer type; decimals as they are."""
    return kind if pt.is_decimal(kind) else pa.decimal128(_DIGITS[kind], 0)


def bounded_decimal(precision: int, scale: int) -> Kind:
    """The decimal of this precision and scale; past 38 digits Spark gives up digits after the point, but for six."""
    if precision <= 38:
        return pa.decimal128(precision, scale)
    whole = precision - scale
    return pa.decimal128(38, max(38 - whole, min(scale, 6)))


def wider_decimal(a: Kind, b: Kind) -> Kind:
    """The decimal that holds both."""
    a, b = decimal_of(a), decimal_of(b)
    scale = max(a.scale, b.scale)
    whole = max(a.precision - a.scale, b.precision - b.scale)
    return bounded_decimal(whole + scale, scale)


def arithmetic_type(a: Kind, b: Kind) -> Kind | None:
    """The type in which two numbers, or texts of numbers, are computed; None if they are not such."""
    if is_string(a) and is_string(b):
        return pa.float64()
    if is_string(a) or is_string(b):
        other = b if is_string(a) else a
        if pt.is_integer(other):
            return pa.int64()
        return pa.float64() if is_numeric(other) or pt.is_null(other) else None
    if pt.is_null(a) or pt.is_null(b):
        other = b if pt.is_null(a) else a
        return pa.float64() if pt.is_null(other) else other if is_numeric(other) else None
    if not (is_numeric(a) and is_numeric(b)):
        return None
    if pt.is_decimal(a) or pt.is_decimal(b):
        if pt.is_floating(a) or pt.is_floating(b):
            return pa.float64()
        return wider_decimal(a, b)
    if pt.is_floating(a) or pt.is_floating(b):
        single = (pt.is_float32(a) and not pt.is_float64(b)) or (pt.is_float32(b) and not pt.is_float64(a))
        return pa.float32() if single else pa.float64()
    if a in _INTEGERS and b in _INTEGERS:
        return _INTEGERS[max(_INTEGERS.index(a), _INTEGERS.index(b))]
    return pa.int64()


def common_type(kinds: Iterable[Kind]) -> Kind:
    """The type that holds values of all of these, as comparison, CASE, coalesce, array and the like need it."""
    return reduce(_common, kinds)


def _common(a: Kind, b: Kind) -> Kind:
    if a == b or pt.is_null(b):
        return a
    if pt.is_null(a):
        return b
    if is_string(a) and is_string(b):
        return pa.string()
    if is_string(a) or is_string(b):
        other = b if is_string(a) else a
        if pt.is_integer(other):
            return pa.int64()
        if pt.is_floating(other) or pt.is_decimal(other):
            return pa.float64()
        return other
    numeric = arithmetic_type(a, b)
    if numeric is not None:
        return numeric
    if pt.is_temporal(a) and pt.is_temporal(b) and not pt.is_duration(a) and not pt.is_duration(b):
        zoned = any(pt.is_timestamp(k) and k.tz is not None for k in (a, b))
        return MOMENT if zoned else WALL
    if is_list(a) and is_list(b):
        return pa.list_(_common(a.value_type, b.value_type))
    if pt.is_struct(a) and pt.is_struct(b) and a.num_fields == b.num_fields:
        return pa.struct([pa.field(x.name, _common(x.type, y.type)) for x, y in zip(a, b, strict=True)])
    if pt.is_map(a) and pt.is_map(b):
        return pa.map_(_common(a.key_type, b.key_type), _common(a.item_type, b.item_type))
    return a


def sql_name(kind: Kind) -> str:
    """A type as Spark's messages and labels write it."""
    from springald.sql.types import from_arrow

    return type_label(from_arrow(kind))


def type_label(kind: object) -> str:
    """A type as Spark's messages and labels write it, such as `ARRAY<INT>`."""
    from springald.sql import types as t

    if isinstance(kind, t.ArrayType):
        return f"ARRAY<{type_label(kind.elementType)}>"
    if isinstance(kind, t.MapType):
        return f"MAP<{type_label(kind.keyType)}, {type_label(kind.valueType)}>"
    if isinstance(kind, t.StructType):
        inner = ", ".join(f"{f.name}: {type_label(f.dataType)}{'' if f.nullable else ' NOT NULL'}" for f in kind.fields)
        return f"STRUCT<{inner}>"
    assert isinstance(kind, t.DataType)
    return kind.simpleString().upper()
