"""Functions of columns of vectors."""

from __future__ import annotations

from springald.errors import IllegalArgumentException
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call

__all__ = ["vector_to_array"]


def vector_to_array(col: ColumnOrName, dtype: str = "float64") -> Column:
    """The values of vectors, dense or sparse, as arrays of doubles (or of floats, with the dtype `float32`).

    >>> from springald.ml.linalg import Vectors
    >>> df = spark.createDataFrame([(Vectors.dense(1.0, 2.0),)], ["v"])
    >>> df.select(vector_to_array("v").alias("a")).first().a
    [1.0, 2.0]
    """
    if dtype not in ("float64", "float32"):
        raise IllegalArgumentException(f"dtype is {dtype}: it is float64 or float32")
    array = call("vector_to_array", _to_array, col, form="UDF({0})")
    return array if dtype == "float64" else array.cast("array<float>")


def _to_array(scope: Scope, vector: Value) -> Value:
    return scope.call("vector_to_array", vector)
