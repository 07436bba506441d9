"""Arrow tables from rows of Python values, with a schema given or told by the values."""

from __future__ import annotations

import datetime
import decimal
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import chain
from typing import Any, cast

import pyarrow as pa

from springald.errors import PySparkTypeError, PySparkValueError
from springald.sql import types as t
from springald.sql._arrow import to_arrow

__all__ = ["create_table", "infer_schema"]

_OF_VALUE: dict[type, Callable[[], t.DataType]] = {
    type(None): t.NullType,
    bool: t.BooleanType,
    int: t.LongType,
    float: t.DoubleType,
    str: t.StringType,
    bytes: t.BinaryType,
    bytearray: t.BinaryType,
    decimal.Decimal: lambda: t.DecimalType(38, 18),
    datetime.date: t.DateType,
    datetime.datetime: t.TimestampType,
    datetime.time: t.TimeType,
    datetime.timedelta: t.DayTimeIntervalType,
}

_OF_TYPECODE: dict[str, type[t.DataType]] = {
    "b": t.ByteType,
    "h": t.ShortType,
    "i": t.IntegerType,
    "l": t.LongType,
    "q": t.LongType,
    "f": t.FloatType,
    "d": t.DoubleType,
    "u": t.StringType,
}

_ACCEPTED: dict[type[t.DataType], tuple[type, ...]] = {
    t.BooleanType: (bool,),
    t.ByteType: (int,),
    t.ShortType: (int,),
    t.IntegerType: (int,),
    t.LongType: (int,),
    t.FloatType: (float,),
    t.DoubleType: (float,),
    t.DecimalType: (decimal.Decimal,),
    t.BinaryType: (bytearray, bytes),
    t.DateType: (datetime.date, datetime.datetime),
    t.TimestampType: (datetime.datetime,),
    t.TimestampNTZType: (datetime.datetime,),
    t.TimeType: (datetime.time,),
    t.DayTimeIntervalType: (datetime.timedelta,),
    t.ArrayType: (list, tuple, array),
    t.MapType: (dict,),
}

_BITS: dict[type[t.DataType], int] = {t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64}


def create_table(
    data: Iterable[Any],
    schema: t.DataType | str | Sequence[str] | None = None,
    *,
    verify: bool = True,
) -> pa.Table:
    """An Arrow table of rows, dicts, tuples, objects or single values.

    Args:
        data: The rows.
        schema: A schema, its DDL text, or names alone; without types they are told by the values.
        verify: Whether each value is checked against the schema.

    >>> create_table([(1, "a"), (2, None)], ["n", "s"]).to_pydict()
    {'n': [1, 2], 's': ['a', None]}
    """
    values = list(data)
    if any(kind.__module__ == "numpy" for kind in set(map(type, values))):
        values = [_plain(row) for row in values]
    kind = t.parse_type(schema) if isinstance(schema, str) else schema
    if isinstance(kind, t.DataType):
        if not isinstance(kind, t.StructType):
            kind = t.StructType([t.StructField("value", kind)])
            values = [(value,) for value in values]
        parts = _columns(values, kind.names)
        if verify and not (parts and all(map(_plainly_fits, parts[1], kind.fields))):
            check = _checker(kind, True, None)
            for row in values:
                check(row)
    else:
        kind = infer_schema(values, None if kind is None else list(kind))
        parts = _columns(values, kind.names)
    if parts is not None:
        columns = [_array(list(part), field.dataType) for part, field in zip(parts[1], kind.fields, strict=True)]
    else:
        columns = [_array([_part(row, i, f.name) for row in values], f.dataType) for i, f in enumerate(kind.fields)]
    if not columns:
        return pa.table({})
    # Vectors know their form only when they are made.
    fields = [pa.field(f.name, c.type, f.nullable) for f, c in zip(kind.fields, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def infer_schema(data: Sequence[Any], names: Sequence[str] | None = None) -> t.StructType:
    """The schema that holds all of these rows.

    >>> infer_schema([{"a": 1}, {"a": None, "b": "x"}]).simpleString()
    'struct<a:bigint,b:string>'
    """
    if not data:
        raise PySparkValueError(
            "[CANNOT_INFER_EMPTY_SCHEMA] there are no rows to tell the schema by",
            'give it: createDataFrame([], "a int, b string")',
        )
    parts = _columns(data, None)
    if parts is not None:
        own, columns = parts
        own = [*(names or [])[: len(own)], *own[len(names or []) :]] if not isinstance(data[0], dict) else own
        schema = t.StructType([t.StructField(n, _column_type(c)) for n, c in zip(own, columns, strict=True)])
    else:
        schemas = [_row_type(row, names) for row in data]
        merged = reduce(_merged, schemas[1:], cast(t.DataType, schemas[0]))
        assert isinstance(merged, t.StructType)
        schema = merged
    for field in schema.fields:
        if _has_null(field.dataType):
            raise PySparkValueError(
                f"[CANNOT_DETERMINE_TYPE] every value of `{field.name}` is None",
                'give the schema: createDataFrame(data, "a int, b string")',
            )
    return schema


def _columns(data: Sequence[Any], names: Sequence[str] | None) -> tuple[list[str], list[Sequence[Any]]] | None:
    """Names and columns of rows that are all of one form, as they mostly are; None if they are not.

    With `names` the columns are theirs; without, they are called as the rows say.
    """
    kinds = set(map(type, data))
    first = data[0] if data else None
    if kinds == {dict}:
        assert isinstance(first, dict)
        if names is None and any(row.keys() != first.keys() for row in data):
            return None
        own = sorted(first) if names is None else list(names)
        return [str(name) for name in own], [[row.get(name) for row in data] for name in own]
    if len(kinds) != 1 or not isinstance(first, tuple | list) or len(set(map(len, data))) != 1:
        return None
    own = (
        getattr(first, "__fields__", None)
        or getattr(first, "_fields", None)
        or [f"_{i + 1}" for i in range(len(first))]
    )
    if hasattr(first, "__fields__") and any(row.__fields__ != own for row in data):
        return None
    if names is not None and len(names) != len(first):
        return None
    return list(own if names is None else names), list(zip(*data, strict=True))


def _column_type(values: Sequence[Any]) -> t.DataType:
    """The type that holds all values of a column."""
    kinds = set(map(type, values))
    if kinds <= _OF_VALUE.keys():
        found = [_OF_VALUE[kind]() for kind in sorted(kinds, key=lambda kind: kind.__name__)]
        return reduce(_merged, found, cast(t.DataType, t.NullType()))
    some = [value for value in values if value is not None]
    if kinds <= {list, type(None)}:
        return t.ArrayType(_column_type(list(chain.from_iterable(some))))
    if kinds <= {dict, type(None)}:
        keys, items = list(chain.from_iterable(some)), [item for value in some for item in value.values()]
        return t.MapType(_column_type(keys), _column_type(items))
    return reduce(_merged, map(_type_of, values))


def _plainly_fits(values: Sequence[Any], field: t.StructField) -> bool:
    """Whether values fit a field, told without a look at each of them; False if that cannot be told."""
    kinds = set(map(type, values))
    if type(None) in kinds:
        if not field.nullable:
            return False
        kinds.remove(type(None))
    kind = type(field.dataType)
    if kind in _BITS:
        some = [value for value in values if value is not None] if kinds == {int} else []
        half = 1 << (_BITS[kind] - 1)
        return not kinds or (bool(some) and -half <= min(some) and max(some) < half)
    if kind is t.StringType:
        return True
    return kind not in (t.ArrayType, t.MapType, t.StructType) and kinds <= set(_ACCEPTED.get(kind, ()))


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays as Python's."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    return value


def _row_type(row: Any, names: Sequence[str] | None) -> t.StructType:
    items: Iterable[tuple[str, Any]]
    if isinstance(row, dict):
        items = sorted(row.items())
    elif isinstance(row, tuple | list):
        own = getattr(row, "__fields__", None) or getattr(row, "_fields", None)
        if own is None:
            own = list(names or ())
            own += [f"_{i + 1}" for i in range(len(own), len(row))]
        items = zip(own, row, strict=False)
    elif hasattr(row, "__dict__"):
        items = sorted(row.__dict__.items())
    else:
        raise PySparkTypeError(
            f"[CANNOT_INFER_SCHEMA_FOR_TYPE] a row is a tuple, dict or Row, not {type(row).__name__}",
            "give the type of a single column: createDataFrame([1, 2], 'int')",
        )
    schema = t.StructType([t.StructField(str(name), _type_of(value)) for name, value in items])
    if names is not None and not isinstance(row, dict):
        for i, name in enumerate(list(names)[: len(schema.fields)]):
            schema.fields[i].name = schema.names[i] = name
    return schema


def _type_of(value: Any) -> t.DataType:
    value = _plain(value)
    known = _OF_VALUE.get(type(value))
    if known is not None:
        return known()
    if isinstance(value, dict):
        key, item = t.NullType(), t.NullType()
        for k, v in value.items():
            key, item = _merged(key, _type_of(k)), _merged(item, _type_of(v))  # type: ignore[assignment]
        return t.MapType(key, item)
    if isinstance(value, list):
        return t.ArrayType(reduce(_merged, map(_type_of, value), cast(t.DataType, t.NullType())))
    if isinstance(value, array):
        if value.typecode not in _OF_TYPECODE:
            raise PySparkTypeError(f"[UNSUPPORTED_DATA_TYPE] there is no type for array('{value.typecode}')")
        return t.ArrayType(_OF_TYPECODE[value.typecode](), False)
    if type(value).__name__ in ("DenseVector", "SparseVector"):
        return t.VectorUDT()
    if isinstance(value, tuple) or hasattr(value, "__dict__"):
        return _row_type(value, None)
    for kind, make in _OF_VALUE.items():
        if isinstance(value, kind):
            return make()
    raise PySparkTypeError(f"[UNSUPPORTED_DATA_TYPE] there is no type for a {type(value).__name__}")


def _merged(a: t.DataType, b: t.DataType) -> t.DataType:
    if isinstance(a, t.NullType) or a == b:
        return b if isinstance(a, t.NullType) else a
    if isinstance(b, t.NullType):
        return a
    if isinstance(a, t.StructType) and isinstance(b, t.StructType):
        theirs = {field.name: field.dataType for field in b.fields}
        merged = t.StructType(
            [t.StructField(f.name, _merged(f.dataType, theirs.get(f.name, t.NullType()))) for f in a.fields]
        )
        for field in b.fields:
            if field.name not in a.names:
                merged.add(t.StructField(field.name, field.dataType))
        return merged
    if isinstance(a, t.ArrayType) and isinstance(b, t.ArrayType):
        return t.ArrayType(_merged(a.elementType, b.elementType))
    if isinstance(a, t.MapType) and isinstance(b, t.MapType):
        return t.MapType(_merged(a.keyType, b.keyType), _merged(a.valueType, b.valueType))
    if isinstance(a, t.AtomicType) and isinstance(b, t.StringType):
        return b
    if isinstance(a, t.StringType) and isinstance(b, t.AtomicType):
        return a
    raise PySparkTypeError(
        f"[CANNOT_MERGE_TYPE] a column has values of {a.simpleString()} and of {b.simpleString()}",
        "give the schema, or make the values of one type",
    )


def _has_null(kind: t.DataType) -> bool:
    if isinstance(kind, t.StructType):
        return any(_has_null(field.dataType) for field in kind.fields)
    if isinstance(kind, t.ArrayType):
        return _has_null(kind.elementType)
    if isinstance(kind, t.MapType):
        return _has_null(kind.keyType) or _has_null(kind.valueType)
    return isinstance(kind, t.NullType)


def _part(row: Any, place: int, name: str) -> Any:
    if row is None:
        return None
    if isinstance(row, dict):
        return row.get(name)
    if isinstance(row, tuple | list):
        return row[place] if place < len(row) else None
    return getattr(row, name, None)


def _checker(kind: t.DataType, nullable: bool, name: str | None) -> Callable[[Any], None]:
    where = f"the field `{name}`" if name else "the row"
    inner: Callable[[Any], None]
    if isinstance(kind, t.StructType):
        inner = _struct_checker(kind, where)
    elif isinstance(kind, t.ArrayType):
        element = _checker(kind.elementType, kind.containsNull, f"{name}.element")

        def inner(value: Any) -> None:
            _accept(kind, value, where)
            for item in value:
                element(item)

    elif isinstance(kind, t.MapType):
        key = _checker(kind.keyType, False, f"{name}.key")
        item = _checker(kind.valueType, kind.valueContainsNull, f"{name}.value")

        def inner(value: Any) -> None:
            _accept(kind, value, where)
            for k, v in value.items():
                key(k)
                item(v)

    elif type(kind) in _BITS:
        half = 1 << (_BITS[type(kind)] - 1)

        def inner(value: Any) -> None:
            _accept(kind, value, where)
            if not -half <= value < half:
                raise PySparkValueError(
                    f"[VALUE_OUT_OF_BOUNDS] {where} is a {kind.simpleString()} and cannot hold {value}",
                    "give the field a wider type, such as bigint",
                )

    elif type(kind) in _ACCEPTED:

        def inner(value: Any) -> None:
            _accept(kind, value, where)

    else:
        # Text takes anything.
        return lambda value: _refuse_none(value, nullable, where)

    def check(value: Any) -> None:
        if value is None:
            _refuse_none(value, nullable, where)
        else:
            inner(_plain(value))

    return check


def _struct_checker(kind: t.StructType, where: str) -> Callable[[Any], None]:
    checks = [(field.name, _checker(field.dataType, field.nullable, field.name)) for field in kind.fields]

    def check(value: Any) -> None:
        if isinstance(value, dict) or not isinstance(value, tuple | list):
            if not isinstance(value, dict) and not hasattr(value, "__dict__"):
                raise _unacceptable(kind, value, where)
            for i, (name, test) in enumerate(checks):
                test(_part(value, i, name))
            return
        if len(value) != len(checks):
            raise PySparkValueError(
                f"[FIELD_STRUCT_LENGTH_MISMATCH] {where} has {len(value)} values, the schema {len(checks)} fields"
            )
        for item, (_, test) in zip(value, checks, strict=True):
            test(item)

    return check


def _refuse_none(value: Any, nullable: bool, where: str) -> None:
    if value is None and not nullable:
        raise PySparkValueError(f"[FIELD_NOT_NULLABLE] {where} is None, and its type allows no nulls")


def _accept(kind: t.DataType, value: Any, where: str) -> None:
    # A bool is an int to Python, not to a schema.
    if type(value) not in _ACCEPTED[type(kind)] and (
        isinstance(value, bool) or not isinstance(value, _ACCEPTED[type(kind)])
    ):
        raise _unacceptable(kind, value, where)


def _unacceptable(kind: t.DataType, value: Any, where: str) -> PySparkTypeError:
    return PySparkTypeError(
        f"[FIELD_DATA_TYPE_UNACCEPTABLE] {where} is {kind!r}, which cannot hold {value!r}, a {type(value).__name__}"
    )


def _array(values: list[Any], kind: t.DataType) -> Any:
    """An Arrow array of Python values."""
    if isinstance(kind, t.StructType):
        parts = [_array([_part(v, i, f.name) for v in values], f.dataType) for i, f in enumerate(kind.fields)]
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.StructArray.from_arrays(parts, fields=list(to_arrow(kind)), mask=mask)
    if isinstance(kind, t.ArrayType):
        offsets, items = _flattened(values, lambda value: value)
        return pa.ListArray.from_arrays(offsets, _array(items, kind.elementType), type=to_arrow(kind))
    if isinstance(kind, t.MapType):
        offsets, keys = _flattened(values, lambda value: value.keys())
        _, items = _flattened(values, lambda value: value.values())
        make: Any = pa.MapArray.from_arrays
        return make(offsets, _array(keys, kind.keyType), _array(items, kind.valueType), type=to_arrow(kind))
    if isinstance(kind, t.VectorUDT):
        return _vectors(values)
    convert = _CONVERT.get(type(kind))
    if convert is not None and not set(map(type, values)) <= _AS_IT_IS.get(type(kind), set()):
        values = [None if value is None else convert(value) for value in values]
    if isinstance(kind, t.DecimalType):
        step = decimal.Decimal(1).scaleb(-kind.scale)
        values = [_fitted_decimal(value, step) for value in values]
    try:
        return pa.array(values, to_arrow(kind))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise PySparkTypeError(f"a {kind.simpleString()} cannot hold one of the values: {error}") from None


def _flattened(values: list[Any], parts: Callable[[Any], Iterable[Any]]) -> tuple[Any, list[Any]]:
    # The offset of a null list is null, but the last offset closes the array.
    offsets: list[int | None] = []
    items: list[Any] = []
    for value in values:
        offsets.append(None if value is None else len(items))
        if value is not None:
            items.extend(parts(_plain(value)))
    return pa.array([*offsets, len(items)], pa.int32()), items


def _vectors(values: list[Any]) -> Any:
    from springald.ml.linalg._arrow import vectors_to_arrow

    return vectors_to_arrow(values)


def _fitted_decimal(value: Any, step: decimal.Decimal) -> Any:
    if value is None or not isinstance(value, decimal.Decimal):
        return value
    if not value.is_finite():
        return None
    context = decimal.Context(prec=76, rounding=decimal.ROUND_HALF_UP)
    return value.quantize(step, context=context)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(value: datetime.datetime) -> int:
    """Microseconds since 1970; a moment without a zone is in this process's."""
    aware = value if value.tzinfo is not None else value.astimezone()
    return (aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)


def _day(value: datetime.date) -> datetime.date:
    return value.date() if isinstance(value, datetime.datetime) else value


# Values that need no conversion.
_AS_IT_IS: dict[type[t.DataType], set[type]] = {
    t.StringType: {str, type(None)},
    t.BinaryType: {bytes, type(None)},
    t.DateType: {datetime.date, type(None)},
}

_CONVERT: dict[type[t.DataType], Callable[[Any], Any]] = {
    t.StringType: _text,
    t.CharType: _text,
    t.VarcharType: _text,
    t.BinaryType: bytes,
    t.DateType: _day,
    t.TimestampType: _moment,
    t.TimestampNTZType: lambda value: value.replace(tzinfo=None),
}
