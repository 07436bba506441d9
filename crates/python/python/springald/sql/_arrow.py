"""Types and values between Arrow and PySpark's."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkTypeError
from springald.sql import types as t
from springald.sql._row import Row
from springald.sql._types import Kind

__all__ = ["from_arrow", "rows", "to_arrow"]

_TO_ARROW: dict[type[t.DataType], pa.DataType] = {
    t.NullType: pa.null(),
    t.StringType: pa.string(),
    t.CharType: pa.string(),
    t.VarcharType: pa.string(),
    t.BinaryType: pa.binary(),
    t.BooleanType: pa.bool_(),
    t.ByteType: pa.int8(),
    t.ShortType: pa.int16(),
    t.IntegerType: pa.int32(),
    t.LongType: pa.int64(),
    t.FloatType: pa.float32(),
    t.DoubleType: pa.float64(),
    t.DateType: pa.date32(),
    t.TimestampType: pa.timestamp("us", "UTC"),
    t.TimestampNTZType: pa.timestamp("us"),
    t.TimeType: pa.time64("us"),
    t.DayTimeIntervalType: pa.duration("us"),
    t.CalendarIntervalType: pa.month_day_nano_interval(),
    t.YearMonthIntervalType: pa.month_day_nano_interval(),
}

_SPARSE = ("size", "indices", "values")

_FROM_ARROW: list[tuple[Callable[[pa.DataType], bool], Callable[[], t.DataType]]] = [
    (lambda k: pt.is_string(k) or pt.is_large_string(k) or pt.is_string_view(k), t.StringType),
    (pt.is_int64, t.LongType),
    (pt.is_float64, t.DoubleType),
    (pt.is_int32, t.IntegerType),
    (pt.is_boolean, t.BooleanType),
    (pt.is_date, t.DateType),
    (pt.is_int8, t.ByteType),
    (lambda k: pt.is_int16(k) or pt.is_uint8(k), t.ShortType),
    (pt.is_uint16, t.IntegerType),
    (lambda k: pt.is_uint32(k) or pt.is_uint64(k), t.LongType),
    (lambda k: pt.is_float32(k) or pt.is_float16(k), t.FloatType),
    (pt.is_null, t.NullType),
    (pt.is_time, t.TimeType),
    (pt.is_duration, t.DayTimeIntervalType),
    (pt.is_interval, t.CalendarIntervalType),
    (
        lambda k: pt.is_binary(k) or pt.is_large_binary(k) or pt.is_fixed_size_binary(k) or pt.is_binary_view(k),
        t.BinaryType,
    ),
]


def to_arrow(kind: t.DataType) -> Kind:
    """The Arrow type that holds a type.

    >>> to_arrow(t.DecimalType(10, 2))
    Decimal128Type(decimal128(10, 2))
    """
    found = _TO_ARROW.get(type(kind))
    if found is not None:
        return found
    if isinstance(kind, t.DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, t.ArrayType):
        return pa.list_(pa.field("item", to_arrow(kind.elementType), kind.containsNull))
    if isinstance(kind, t.MapType):
        value = pa.field("value", to_arrow(kind.valueType), kind.valueContainsNull)
        make: Any = pa.map_
        return make(pa.field("key", to_arrow(kind.keyType), nullable=False), value)
    if isinstance(kind, t.StructType):
        return pa.struct([pa.field(field.name, to_arrow(field.dataType), field.nullable) for field in kind.fields])
    if isinstance(kind, t.VectorUDT):
        return pa.list_(pa.float64()) if kind.size is None else pa.list_(pa.float64(), kind.size)
    raise PySparkTypeError(f"there are no columns of type {kind!r}")


def from_arrow(kind: Kind) -> t.DataType:
    """The type of a column of an Arrow type.

    >>> import pyarrow as pa
    >>> from_arrow(pa.list_(pa.int32()))
    ArrayType(IntegerType(), True)
    """
    for test, make in _FROM_ARROW:
        if test(kind):
            return make()
    if pt.is_timestamp(kind):
        return t.TimestampNTZType() if kind.tz is None else t.TimestampType()
    if pt.is_decimal(kind):
        return t.DecimalType(min(kind.precision, 38), kind.scale)
    if pt.is_fixed_size_list(kind) and pt.is_float64(kind.value_type):
        return t.VectorUDT(kind.list_size)
    if _is_list(kind):
        return t.ArrayType(from_arrow(kind.value_type), kind.value_field.nullable)
    if pt.is_map(kind):
        return t.MapType(from_arrow(kind.key_type), from_arrow(kind.item_type), kind.item_field.nullable)
    if pt.is_struct(kind):
        if _is_sparse(kind):
            return t.VectorUDT()
        return t.StructType([t.StructField(field.name, from_arrow(field.type), field.nullable) for field in kind])
    if pt.is_dictionary(kind) or pt.is_run_end_encoded(kind):
        return from_arrow(kind.value_type)
    raise PySparkTypeError(f"there is no type for Arrow's {kind}", "cast the column first")


def rows(batch: pa.RecordBatch | pa.Table, names: Sequence[str]) -> list[Row]:
    """The rows of a batch as Python values, under these names.

    >>> import pyarrow as pa
    >>> rows(pa.record_batch({"x": [1, None]}), ["a"])
    [Row(a=1), Row(a=None)]
    """
    shared = list(names)
    columns = [_values(column) for column in batch.columns]
    if not columns:
        return [Row._of(shared, ()) for _ in range(batch.num_rows)]
    return [Row._of(shared, values) for values in zip(*columns, strict=True)]


def _is_list(kind: Kind) -> bool:
    return bool(
        pt.is_list(kind)
        or pt.is_large_list(kind)
        or pt.is_fixed_size_list(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
    )


def _is_sparse(kind: pa.StructType) -> bool:
    return tuple(field.name for field in kind) == _SPARSE and pt.is_int32(kind.field("size").type)


def _values(array: Any) -> list[Any]:
    """PySpark's Python values of a column."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in _values(chunk)]
    kind = array.type
    if pt.is_timestamp(kind):
        return _moments(array) if kind.tz is not None else array.cast(pa.timestamp("us"), safe=False).to_pylist()
    if pt.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if pt.is_fixed_size_list(kind) and pt.is_float64(kind.value_type):
        from springald.ml.linalg import DenseVector

        return [None if value is None else DenseVector(value) for value in array.to_pylist()]
    if pt.is_map(kind):
        keys, items = _values(array.keys), _values(array.items)
        return _cut(array, lambda a, b: dict(zip(keys[a:b], items[a:b], strict=True)))
    if _is_list(kind):
        if not pt.is_list(kind):
            array = array.cast(pa.list_(kind.value_field))
        values = _values(array.values)
        return _cut(array, lambda a, b: values[a:b])
    if pt.is_struct(kind):
        return _structs(array, kind)
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind) or pt.is_binary_view(kind):
        return [None if value is None else bytearray(value) for value in array.to_pylist()]
    if pt.is_duration(kind) or pt.is_time(kind):
        unit = pa.duration("us") if pt.is_duration(kind) else pa.time64("us")
        return array.cast(unit, safe=False).to_pylist()  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def _cut(array: Any, take: Callable[[int, int], Any]) -> list[Any]:
    offsets = array.offsets.to_pylist()
    if array.null_count == 0:
        return [take(a, b) for a, b in pairwise(offsets)]
    valid = array.is_valid().to_pylist()
    return [take(a, b) if v else None for (a, b), v in zip(pairwise(offsets), valid, strict=True)]


def _structs(array: Any, kind: pa.StructType) -> list[Any]:
    names = [field.name for field in kind]
    parts = [_values(part) for part in array.flatten()]
    found: list[Any] = [Row._of(names, values) for values in zip(*parts, strict=True)] if parts else []
    if not parts:
        found = [Row._of(names, ()) for _ in range(len(array))]
    if _is_sparse(kind):
        from springald.ml.linalg import SparseVector

        found = [row if row[0] is None else SparseVector(*row) for row in found]
    if array.null_count:
        valid = array.is_valid().to_pylist()
        found = [row if v else None for row, v in zip(found, valid, strict=True)]
    return found


def _moments(array: Any) -> list[Any]:
    """Moments as PySpark gives them: naive, in this process's own time zone."""
    micros = array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.int64()).to_pylist()
    local = datetime.datetime.fromtimestamp
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    found: list[Any] = []
    for value in micros:
        if value is None:
            found.append(None)
            continue
        try:
            found.append(local(value // 1_000_000).replace(microsecond=value % 1_000_000))
        except (OverflowError, OSError, ValueError):
            moment = epoch + datetime.timedelta(microseconds=value)
            found.append(moment.astimezone().replace(tzinfo=None))
    return found
