"""Tables of other libraries as Arrow streams of the types that DataFrames have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from springald.errors import PySparkTypeError, PySparkValueError
from springald.sql._arrow import from_arrow, to_arrow
from springald.sql.types import DataType, StructType

__all__ = ["arrow_stream"]


def arrow_stream(data: Any, schema: DataType | Sequence[str] | None, time_zone: str) -> pa.RecordBatchReader | None:
    """The rows of pandas, Polars, PyArrow, NumPy and whatever speaks Arrow; None for anything else.

    Args:
        data: The table.
        schema: Types and names, or names alone, for its columns in order.
        time_zone: Where moments without a zone are taken to be.
    """
    reader = _reader(data, schema)
    if reader is None:
        return None
    wanted = _wanted(reader.schema, schema)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = [_cast(c, f, time_zone) for c, f in zip(batch.columns, wanted, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=wanted)

    return pa.RecordBatchReader.from_batches(wanted, batches())


def _reader(data: Any, schema: DataType | Sequence[str] | None) -> pa.RecordBatchReader | None:
    library = type(data).__module__.partition(".")[0]
    if library == "pandas" and hasattr(data, "columns"):
        # pandas takes NaN for missing, and so does PySpark when it reads pandas.
        plain = data.set_axis([str(name) for name in data.columns], axis=1, copy=None) if _odd(data) else data
        return pa.Table.from_pandas(plain, preserve_index=False).to_reader()
    if library == "numpy" and hasattr(data, "ndim"):
        return _numpy(data, schema)
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data]).to_reader()
    if isinstance(data, pa.Table):
        return data.to_reader()
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    if hasattr(data, "__arrow_c_array__"):
        return pa.Table.from_batches([pa.record_batch(data)]).to_reader()
    return None


def _odd(data: Any) -> bool:
    return any(not isinstance(name, str) for name in data.columns)


def _numpy(data: Any, schema: DataType | Sequence[str] | None) -> pa.RecordBatchReader:
    if data.ndim not in (1, 2):
        raise PySparkValueError(f"a DataFrame takes arrays of 1 or 2 dimensions, and this has {data.ndim}")
    columns = [data] if data.ndim == 1 else [data[:, i] for i in range(data.shape[1])]
    names = ["value"] if data.ndim == 1 else [f"_{i + 1}" for i in range(len(columns))]
    return pa.Table.from_arrays([pa.array(column) for column in columns], names).to_reader()


def _wanted(schema: pa.Schema, given: DataType | Sequence[str] | None) -> pa.Schema:
    """The schema of the rows: `given` where it is, else the types that a DataFrame has for these."""
    if isinstance(given, DataType):
        struct = given if isinstance(given, StructType) else StructType().add("value", given)
        wanted = struct.toArrow()
        if len(wanted) != len(schema):
            raise PySparkValueError(f"the schema has {len(wanted)} columns, and the data {len(schema)}")
        return wanted
    names = list(schema.names)
    if given is not None:
        if len(given) > len(names):
            raise PySparkValueError(f"there are {len(names)} columns, and {len(given)} names were given")
        names = [*given, *names[len(given) :]]
    fields = [
        pa.field(str(name), _plain(field.type), field.nullable) for name, field in zip(names, schema, strict=True)
    ]
    return pa.schema(fields)


def _plain(kind: Any) -> Any:
    if pt.is_fixed_size_list(kind) and pt.is_float64(kind.value_type):
        return kind
    if pt.is_struct(kind) and [field.name for field in kind] == ["size", "indices", "values"]:
        return kind
    if pt.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    return to_arrow(from_arrow(kind))


def _cast(column: Any, field: Any, time_zone: str) -> Any:
    if column.type == field.type:
        return column
    if pt.is_timestamp(column.type) and pt.is_timestamp(field.type):
        if column.type.tz is None and field.type.tz is not None and time_zone.upper() not in ("UTC", "GMT", "Z"):
            column = pc.assume_timezone(column, time_zone, ambiguous="earliest", nonexistent="earliest")
        return column.cast(field.type, safe=False)
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise PySparkTypeError(
            f"the column `{field.name}` of {column.type} cannot be read as {field.type}: {error}"
        ) from None
