"""The canonical form of an answer's cells, and the checksum over them.

`springald verify` computes the same in Rust (`crates/cli/src/verify/digest.rs`); README.md beside this file is the
definition of both. Whoever changes one changes all three, and the number of the form.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

# The number of this definition; a receipt says which one it was made by.
FORM = 1
_MODULUS = 1 << 128


@dataclass(frozen=True)
class Digest:
    """What is kept of an answer.

    `checksum` covers the number of rows and columns and every cell that is no finite float. A column of floats has its
    weighted sum and the same of the sizes: sums differ by tiny amounts where values do, and so cannot flip.
    """

    rows: int
    columns: tuple[str, ...]
    checksum: str
    floats: tuple[tuple[float, float] | None, ...]

    def as_json(self) -> dict[str, object]:
        """The form that receipts have."""
        return {
            "form": FORM,
            "rows": self.rows,
            "columns": list(self.columns),
            "checksum": self.checksum,
            "floats": [None if pair is None else {"sum": pair[0], "size": pair[1]} for pair in self.floats],
        }

    def agrees(self, other: Digest, tolerance: float) -> bool:
        """Whether both are of the same answer, floats within `tolerance` of the size of their column."""
        if (self.rows, self.checksum, len(self.floats)) != (other.rows, other.checksum, len(other.floats)):
            return False
        return all(map(lambda a, b: _near(a, b, tolerance), self.floats, other.floats))


def digest(table: pa.Table) -> Digest:
    """The digest of the rows, whatever their order."""
    columns = [cells(column) for column in table.columns]
    is_float = [pa.types.is_floating(field.type) for field in table.schema]
    total = 0
    weighted: list[list[float]] = [[] for _ in columns]
    for row in zip(*columns, strict=True) if columns else ():
        exact = hashlib.sha256(b"".join(map(_encoded, row))).digest()
        total = (total + int.from_bytes(exact[:16], "little")) % _MODULUS
        weight = 1 + int.from_bytes(exact[16:18], "little") / 65536
        for values, cell, floating in zip(weighted, row, is_float, strict=True):
            if floating and isinstance(cell, float) and math.isfinite(cell):
                values.append(weight * cell)
    floats = tuple(
        (math.fsum(values), math.fsum(map(abs, values))) if floating else None
        for values, floating in zip(weighted, is_float, strict=True)
    )
    names = tuple(str(field.name) for field in table.schema)
    return Digest(table.num_rows, names, f"{total:032x}", floats)


def read(path: Path) -> pa.Table:
    """An answer that a side wrote as an Arrow file."""
    with pa.ipc.open_file(str(path)) as file:
        return file.read_all()


def write(table: pa.Table, path: Path) -> None:
    """Writes an answer as an Arrow file."""
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


# A cell is None, a float, or its kind and canonical text.
Cell = None | float | tuple[str, str]


def cells(column: pa.ChunkedArray) -> Iterator[Cell]:
    """The cells of a column in canonical form."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return cells(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        return iter(column.cast(pa.float64()).to_pylist())
    if pa.types.is_timestamp(kind):
        # To nanoseconds, which Python's own type does not hold. Times of a zone are instants, written in UTC.
        return (None if n is None else ("s", _timestamp(n)) for n in _nanoseconds(column))
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        raise TypeError(f"no canonical form of {kind}; let the work give plain columns")
    return (None if value is None else _cell(value) for value in column.to_pylist())


def decimal_text(value: Decimal | int) -> str:
    """Whole numbers and decimals in one form: no exponent, no zeros at the end, no minus before zero.

    >>> decimal_text(Decimal("1.50")), decimal_text(Decimal("-0.00")), decimal_text(1200)
    ('1.5', '0', '1200')
    """
    if isinstance(value, int):
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _cell(value: object) -> Cell:
    match value:
        case bool():
            return ("b", "true" if value else "false")
        case int() | Decimal():
            return ("i", decimal_text(value))
        case str():
            return ("t", value)
        case bytes():
            return ("x", value.hex())
        case datetime():
            raise TypeError("timestamps are read as whole numbers")
        case date():
            return ("d", value.isoformat())
    raise TypeError(f"no canonical form of {type(value).__name__}")


def _encoded(cell: Cell) -> bytes:
    if cell is None:
        return b"n\0\0\0\0"
    if isinstance(cell, float):
        kind, text = "f", "nan" if math.isnan(cell) else str(cell) if math.isinf(cell) else ""
    else:
        kind, text = cell
    data = text.encode()
    return kind.encode() + len(data).to_bytes(4, "little") + data


def _nanoseconds(column: pa.ChunkedArray) -> list[int | None]:
    nanoseconds = column.cast(pa.timestamp("ns", column.type.tz))
    numbers: list[int | None] = pc.cast(nanoseconds, pa.int64()).to_pylist()
    return numbers


def _timestamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    days, second = divmod(seconds, 86_400)
    day = date.fromordinal(date(1970, 1, 1).toordinal() + days)
    return f"{day.isoformat()}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{rest:09}"


def _near(a: tuple[float, float] | None, b: tuple[float, float] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    most = tolerance * max(a[1], b[1])
    return abs(a[0] - b[0]) <= most and abs(a[1] - b[1]) <= most
