"""A wrong answer on purpose, to show that the comparison finds one."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa


def spoil(table: pa.Table) -> pa.Table:
    """The answer with one value changed by little: the last column that has a number, in the row in the middle."""
    if table.num_rows == 0:
        raise ValueError("an answer without rows has no value to falsify; choose another workload")
    row = table.num_rows // 2
    for place in reversed(range(table.num_columns)):
        column = table.column(place)
        wrong = _wrong(column.type, column[row].as_py())
        if wrong is not None:
            values = column.to_pylist()
            values[row] = wrong
            return table.set_column(place, table.schema.field(place), pa.array(values, column.type))
    raise ValueError("no number in the middle row of the answer; choose another workload")


def _wrong(kind: pa.DataType, value: object) -> object:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value + 1
    if isinstance(value, Decimal):
        # Well over what a quotient may differ by, which is one unit of the shorter scale.
        unit = Decimal(1).scaleb(int(value.as_tuple().exponent))
        return value + max(abs(value) / 100, 2 * unit).quantize(unit)
    if isinstance(value, float):
        return value * 1.2 + 1e-3
    return None
