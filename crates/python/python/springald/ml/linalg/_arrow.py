"""Vectors in and out of Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from springald.ml.linalg._vectors import DenseVector, SparseVector, Vector

#: The type of a column of sparse vectors.
SPARSE = pa.struct([("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float64()))])


def is_vector_type(data_type: pa.DataType) -> bool:
    """Whether values of this type are vectors to users.

    >>> is_vector_type(pa.list_(pa.float64(), 3)), is_vector_type(SPARSE), is_vector_type(pa.list_(pa.float64()))
    (True, True, False)
    """
    if pa.types.is_fixed_size_list(data_type):
        return bool(data_type.value_type == pa.float64())
    if not pa.types.is_struct(data_type) or data_type.num_fields != 3:
        return False
    fields = [data_type.field(at) for at in range(3)]
    if [field.name for field in fields] != ["size", "indices", "values"]:
        return False
    size, indices, values = (field.type for field in fields)
    lists = pa.types.is_list(indices) and pa.types.is_list(values)
    return bool(size == pa.int32() and lists and indices.value_type == pa.int32() and values.value_type == pa.float64())


def vectors_to_arrow(vectors: Sequence[Vector | None]) -> Any:
    """A column of vectors: dense if all of them are, and of one length; else sparse.

    >>> vectors_to_arrow([DenseVector([1.0, 2.0]), None]).type
    FixedSizeListType(fixed_size_list<item: double>[2])
    """
    lengths = {len(v) for v in vectors if v is not None}
    if len(lengths) <= 1 and all(v is None or isinstance(v, DenseVector) for v in vectors):
        width = lengths.pop() if lengths else 0
        rows = [None if v is None else list(v) for v in vectors if v is None or isinstance(v, DenseVector)]
        return pa.array(rows, pa.list_(pa.float64(), width))
    return pa.array([None if v is None else _sparse(v) for v in vectors], SPARSE)


def vectors_from_arrow(column: Any) -> list[Vector | None]:
    """The vectors of a column.

    >>> vectors_from_arrow(vectors_to_arrow([SparseVector(3, {1: 2.0}), None]))
    [SparseVector(3, {1: 2.0}), None]
    """
    if pa.types.is_fixed_size_list(column.type):
        return [None if row is None else DenseVector(row) for row in column.to_pylist()]
    rows = column.to_pylist()
    return [None if r is None else SparseVector(r["size"], r["indices"], r["values"]) for r in rows]


def _sparse(vector: Vector) -> dict[str, Any]:
    if isinstance(vector, SparseVector):
        return {"size": vector.size, "indices": vector.indices.tolist(), "values": vector.values.tolist()}
    # Every value is kept, so that a dense vector among sparse ones loses nothing.
    return {"size": len(vector), "indices": list(range(len(vector))), "values": list(vector.toArray())}
