"""JSON in text."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkTypeError
from springald.sql import types as t
from springald.sql._casts import as_text
from springald.sql._nodes import Literal
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_

__all__ = [
    "from_json",
    "get_json_object",
    "json_array_length",
    "json_object_keys",
    "to_json",
]


def get_json_object(col: ColumnOrName, path: str) -> Column:
    """What is at a path such as `$.a[0].b`, as text; null if nothing is.

    >>> spark.range(1).select(F.get_json_object(F.lit('{"a": [5]}'), "$.a[0]")).first()[0]
    '5'
    """
    return call("get_json_object", engine("get_json_object", "s"), col, lit_(path))


def json_array_length(col: ColumnOrName) -> Column:
    """The count of items of a JSON array; null if it is none.

    >>> spark.range(1).select(F.json_array_length(F.lit("[1, 2]"))).first()[0]
    2
    """
    return call("json_array_length", engine("json_array_length", "s", pa.int32()), col)


def json_object_keys(col: ColumnOrName) -> Column:
    """The keys of a JSON object; null if it is none.

    >>> spark.range(1).select(F.json_object_keys(F.lit('{"a": 1}'))).first()[0]
    ['a']
    """
    return call("json_object_keys", engine("json_object_keys", "s"), col)


def from_json(col: ColumnOrName, schema: t.DataType | Column | str, options: Mapping[str, str] | None = None) -> Column:
    """What a JSON text says, by a schema; fields that it lacks, or that are of another type, are null.

    >>> spark.range(1).select(F.from_json(F.lit('{"a": 1}'), "a int")).first()[0]
    Row(a=1)
    """
    if isinstance(schema, Column):
        if not isinstance(schema._node, Literal):
            raise PySparkTypeError("the schema of from_json is a type, its DDL text, or F.lit of that")
        schema = str(schema._node.value)
    kind = t.to_arrow(t.parse_type(schema) if isinstance(schema, str) else schema)

    def build(scope: Scope, text: Value) -> Value:
        text = as_text(text)
        found = scope.call("from_json", text, scope.null(kind))
        if not pt.is_struct(kind):
            return found
        # To Spark a text that is no object is one whose fields are all null.
        empty = scope.call("from_json", "{}", scope.null(kind))
        return scope.case([(text.is_not_null(), scope.call("coalesce", found, empty))])

    column = call("from_json", build, col)
    return column.alias("entries") if pt.is_map(kind) else column


def to_json(col: ColumnOrName, options: Mapping[str, str] | None = None) -> Column:
    """A struct, array or map as JSON; fields that are null are left out.

    >>> spark.range(1).select(F.to_json(F.struct("id"))).first()[0]
    '{"id":0}'
    """
    return call("to_json", engine("to_json", ".", pa.string()), col)
