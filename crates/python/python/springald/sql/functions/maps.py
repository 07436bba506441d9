"""Maps."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkValueError
from springald.sql._casts import coerce
from springald.sql._value import Scope, Value
from springald.sql.column import Column, make_array
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, nodes_of, refused
from springald.sql.functions.collection import length_of, listed

__all__ = [
    "create_map",
    "map_concat",
    "map_contains_key",
    "map_entries",
    "map_from_arrays",
    "map_from_entries",
    "map_keys",
    "map_values",
    "str_to_map",
]


def _map(value: Value) -> Value:
    if not pt.is_map(value.type):
        raise refused(value, "a map")
    return value


def create_map(*cols: ColumnOrName | list[ColumnOrName]) -> Column:
    """A map of keys and values, in turn.

    >>> spark.range(1).select(F.create_map(F.lit("a"), "id")).first()[0]
    {'a': 0}
    """
    nodes = nodes_of(cols)
    if len(nodes) % 2:
        raise PySparkValueError("create_map takes keys and values, in turn")

    def build(scope: Scope, *values: Value) -> Value:
        if not values:
            return scope.literal([], pa.map_(pa.null(), pa.null()))
        keys, items = make_array(scope, *values[::2]), make_array(scope, *values[1::2])
        if all(key.constant is not None for key in values[::2]):
            return scope.call("spark_map_from_arrays", keys, items)
        return map_of(scope, keys, items)

    return call("map", build, *nodes)


def map_of(scope: Scope, keys: Value, items: Value) -> Value:
    """A map of two arrays; a null key is an error."""
    gap = length_of(scope.call("array_compact", keys)).binary("<", length_of(keys))
    made = scope.call("spark_map_from_arrays", keys, items)
    return scope.case([(gap, scope.fail("[NULL_MAP_KEY] a key of a map cannot be null", made.type))], made)


def map_keys(col: ColumnOrName) -> Column:
    """The keys of a map.

    >>> spark.range(1).select(F.map_keys(F.create_map(F.lit("a"), "id"))).first()[0]
    ['a']
    """
    return call("map_keys", lambda scope, value: scope.call("map_keys", _map(value)), col)


def map_values(col: ColumnOrName) -> Column:
    """The values of a map.

    >>> spark.range(1).select(F.map_values(F.create_map(F.lit("a"), "id"))).first()[0]
    [0]
    """
    return call("map_values", lambda scope, value: scope.call("map_values", _map(value)), col)


def map_entries(col: ColumnOrName) -> Column:
    """The keys and values of a map as an array of structs.

    >>> spark.range(1).select(F.map_entries(F.create_map(F.lit("a"), "id"))).first()[0]
    [Row(key='a', value=0)]
    """
    return call("map_entries", lambda scope, value: scope.call("map_entries", _map(value)), col)


def map_from_arrays(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """A map of an array of keys and one of values.

    >>> spark.range(1).select(F.map_from_arrays(F.lit(["a"]), F.lit([1]))).first()[0]
    {'a': 1}
    """
    return call("map_from_arrays", lambda scope, keys, items: map_of(scope, listed(keys), listed(items)), col1, col2)


def map_from_entries(col: ColumnOrName) -> Column:
    """A map of an array of structs of key and value.

    >>> spark.range(1).select(F.map_from_entries(F.array(F.struct(F.lit("a"), F.lit(1))))).first()[0]
    {'a': 1}
    """
    return call("map_from_entries", lambda scope, value: scope.call("spark_map_from_entries", listed(value)), col)


def map_contains_key(col: ColumnOrName, value: Any) -> Column:
    """Whether a key is in a map.

    >>> spark.range(1).select(F.map_contains_key(F.create_map(F.lit("a"), "id"), "b")).first()[0]
    False
    """

    def build(scope: Scope, value: Value, key: Value) -> Value:
        keys = scope.call("map_keys", _map(value))
        return scope.call("array_has", keys, coerce(key, value.type.key_type)).unless_null(value)

    return call("map_contains_key", build, col, lit_(value))


def map_concat(*cols: ColumnOrName | list[ColumnOrName]) -> Column:
    """The entries of several maps in one; a key that is there twice is an error.

    >>> a, b = F.create_map(F.lit("a"), F.lit(1)), F.create_map(F.lit("b"), F.lit(2))
    >>> spark.range(1).select(F.map_concat(a, b)).first()[0]
    {'a': 1, 'b': 2}
    """

    def build(scope: Scope, *maps: Value) -> Value:
        for value in maps:
            _map(value)
        keys = scope.call("array_concat", *(scope.call("map_keys", m) for m in maps))
        items = scope.call("array_concat", *(scope.call("map_values", m) for m in maps))
        return map_of(scope, keys, items).unless_null(*maps)

    return call("map_concat", build, *nodes_of(cols))


def str_to_map(
    text: ColumnOrName, pairDelim: ColumnOrName | None = None, keyValueDelim: ColumnOrName | None = None
) -> Column:
    """A map of a text such as `a:1,b:2`.

    >>> spark.range(1).select(F.str_to_map(F.lit("a:1,b:2"))).first()[0]
    {'a': '1', 'b': '2'}
    """
    between = lit_(",") if pairDelim is None else pairDelim
    inside = lit_(":") if keyValueDelim is None else keyValueDelim
    return call("str_to_map", engine("spark_str_to_map", "s"), text, between, inside)
