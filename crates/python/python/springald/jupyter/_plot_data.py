"""What plots ask of the engine: few rows, or aggregates of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError

if TYPE_CHECKING:
    from springald.sql import Column, DataFrame

MOST_POINTS = 5_000
MOST_BARS = 50
MOST_SLICES = 12
MOST_OUTLIERS = 500
MOST_BINS = 1_000

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


@dataclass(frozen=True)
class Rows:
    """Columns as matplotlib takes them, and what is to be said of the rows that are not there."""

    columns: dict[str, Any]
    note: str | None = None

    def __len__(self) -> int:
        return max((len(column) for column in self.columns.values()), default=0)


@dataclass(frozen=True)
class Box:
    """What a box plot draws of one column, by matplotlib's names."""

    label: str
    q1: float
    med: float
    q3: float
    whislo: float
    whishi: float
    fliers: list[float]


def known(df: DataFrame, name: str) -> str:
    """A column's name as the DataFrame has it."""
    names = list(df.columns)
    if name in names:
        return name
    same: list[str] = [n for n in names if n.casefold() == name.casefold()]
    if len(same) != 1:
        raise AnalysisException.unresolved(name, names)
    return same[0]


def numbers(df: DataFrame, wanted: str | Sequence[str] | None, but: Sequence[str | None] = ()) -> list[str]:
    """The columns to draw: those that are wanted, else every numeric one but those in `but`."""
    numeric = [name for name, type_ in df.dtypes if type_.partition("(")[0] in _NUMBERS]
    if wanted is None:
        found = [name for name in numeric if name not in but]
        if not found:
            raise PySparkTypeError("there is no numeric column to plot", "cast one: df.withColumn(…cast('double'))")
        return found
    found = [known(df, name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
    for name in found:
        if name not in numeric:
            raise PySparkTypeError(f"column `{name}` is not numeric, so it cannot be plotted", "cast it to double")
    return found


def _named(name: str) -> Column:
    """The column of this name, whatever is in it."""
    from springald.sql import functions as F

    return F.col("`" + name.replace("`", "``") + "`")


def points(df: DataFrame, names: Sequence[str]) -> Rows:
    """All rows if they are few, else a sample."""
    wanted = df.select(*map(_named, dict.fromkeys(names)))
    table = wanted.limit(MOST_POINTS + 1).toArrow()
    if table.num_rows <= MOST_POINTS:
        return Rows(_columns(table))
    rows = wanted.count()
    # A sample's size varies; a little less than what may be shown seldom loses a row to the limit.
    table = wanted.sample(fraction=0.97 * MOST_POINTS / rows, seed=0).limit(MOST_POINTS).toArrow()
    return Rows(_columns(table), f"a sample of {table.num_rows:,} of {rows:,} rows")


def ordered(rows: Rows, by: str) -> Rows:
    """In the order of a column of numbers or times; text keeps the order of its rows."""
    keys = list(rows.columns[by])
    if any(isinstance(key, str) for key in keys):
        return rows
    order = sorted((i for i, key in enumerate(keys) if key is not None and key == key), key=lambda i: keys[i])
    return Rows({name: [column[i] for i in order] for name, column in rows.columns.items()}, rows.note)


def first(df: DataFrame, names: Sequence[str], most: int) -> Rows:
    """The first rows."""
    table = df.select(*map(_named, dict.fromkeys(names))).limit(most + 1).toArrow()
    note = f"the first {most} rows" if table.num_rows > most else None
    return Rows(_columns(table.slice(0, most)), note)


def slices(df: DataFrame, label: str | None, value: str) -> Rows:
    """The rows of a pie; of many, the largest, and the sum of the others."""
    from springald.sql import functions as F

    names = [value] if label is None else [label, value]
    rows = first(df, names, MOST_SLICES)
    if rows.note is None:
        return rows
    largest = df.select(*map(_named, names)).orderBy(_named(value).desc()).limit(MOST_SLICES - 1)
    rows = Rows(_columns(largest.toArrow()))
    total = float(df.agg(F.sum(_named(value).cast("double")).alias("total")).toArrow().column(0)[0].as_py() or 0.0)
    values = [*map(float, rows.columns[value]), total - sum(map(float, rows.columns[value]))]
    columns: dict[str, Any] = {value: values}
    if label is not None:
        columns[label] = [*rows.columns[label], "other"]
    return Rows(columns, f"the {MOST_SLICES - 1} largest, and the sum of the others")


def bin_edges(
    df: DataFrame, names: Sequence[str], bins: int | Sequence[float], within: tuple[float, float] | None
) -> list[float]:
    """The edges of the bins of a histogram, from the least value to the greatest."""
    if not isinstance(bins, int):
        edges = [float(edge) for edge in bins]
        if len(edges) < 2 or len(edges) > MOST_BINS + 1 or edges != sorted(edges):
            raise PySparkValueError(f"the edges of bins ascend, and are 2 to {MOST_BINS + 1}")
        return edges
    if not 1 <= bins <= MOST_BINS:
        raise PySparkValueError(f"bins is {bins}, and must be from 1 to {MOST_BINS}")
    low, high = within if within is not None else _bounds(df, names)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return [low + (high - low) * i / bins for i in range(bins)] + [high]


def bin_counts(df: DataFrame, name: str, edges: Sequence[float]) -> list[int]:
    """How many values are in each bin; each holds its lower edge, and the last its upper one as well."""
    from springald.sql import functions as F

    value = _named(name).cast("double")
    inside = df.filter((value >= F.lit(edges[0])) & (value <= F.lit(edges[-1])))
    counted = inside.groupBy(_bin(value, edges, 0, len(edges) - 2).alias("bin")).agg(F.count("*").alias("n")).toArrow()
    counts = [0] * (len(edges) - 1)
    for row in counted.to_pylist():
        counts[row["bin"]] = row["n"]
    return counts


def box(df: DataFrame, name: str) -> Box:
    """Quartiles, whiskers at the last values within 1.5 times their distance, and values beyond."""
    from springald.sql import functions as F

    value = _named(name).cast("double")
    finite = df.select(value.alias("v")).filter(_finite(F.col("v")))
    value = F.col("v")
    quartiles = [F.percentile_approx(value, q).alias(f"q{i}") for i, q in enumerate((0.25, 0.5, 0.75))]
    q1, median, q3 = (column[0].as_py() for column in finite.agg(*quartiles).toArrow().columns)
    if q1 is None:
        raise PySparkValueError(f"column `{name}` has no values to plot")
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inside = finite.filter((value >= F.lit(low)) & (value <= F.lit(high)))
    least, greatest = (c[0].as_py() for c in inside.agg(F.min("v").alias("a"), F.max("v").alias("b")).toArrow().columns)
    beyond = finite.filter((value < F.lit(low)) | (value > F.lit(high))).limit(MOST_OUTLIERS).toArrow()
    fliers = [row["v"] for row in beyond.to_pylist()]
    return Box(name, q1, median, q3, least, greatest, fliers)


def _bounds(df: DataFrame, names: Sequence[str]) -> tuple[float, float]:
    from springald.sql import functions as F

    wanted = []
    for i, name in enumerate(names):
        value = _named(name).cast("double")
        value = F.when(_finite(value), value)
        wanted += [F.min(value).alias(f"low{i}"), F.max(value).alias(f"high{i}")]
    found = [column[0].as_py() for column in df.agg(*wanted).toArrow().columns]
    lows, highs = [v for v in found[::2] if v is not None], [v for v in found[1::2] if v is not None]
    return (min(lows), max(highs)) if lows else (0.0, 1.0)


def _finite(value: Column) -> Column:
    from springald.sql import functions as F

    # NaN is greater than infinity.
    return F.abs(value) < F.lit(math.inf)


def _bin(value: Column, edges: Sequence[float], low: int, high: int) -> Column:
    """The number of the bin, by halving."""
    from springald.sql import functions as F

    if low == high:
        return F.lit(low)
    middle = (low + high + 1) // 2
    below, above = _bin(value, edges, low, middle - 1), _bin(value, edges, middle, high)
    return F.when(value < F.lit(edges[middle]), below).otherwise(above)


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: _values(column) for name, column in zip(table.column_names, table.columns, strict=True)}


def _values(column: pa.ChunkedArray[Any]) -> Any:
    type_ = column.type
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        values = [math.nan if value is None else float(value) for value in column.to_pylist()]
        return [int(v) for v in values] if pa.types.is_integer(type_) and not column.null_count else values
    if pa.types.is_temporal(type_):
        return column.to_pylist()
    return ["null" if value is None else str(value) for value in column.to_pylist()]
