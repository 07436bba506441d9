"""Running a DataFrame and taking its rows out: as Python rows, Arrow, pandas, Polars or text."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr, Frame, RowStream
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql import _text
from springald.sql._work import running
from springald.sql.frame.base import Base

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped]
    import polars

    from springald.sql.types import Row

__all__ = ["ActionsMixin"]


class ActionsMixin(Base):
    """collect, count, show, toPandas and the like."""

    def collect(self) -> list[Row]:
        """All rows.

        >>> spark.range(2).collect()
        [Row(id=0), Row(id=1)]
        """
        return list(self._rows(self._frame()))

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[Row]:
        """The rows one after the other, of which only a batch at a time is held here.

        >>> [row.id for row in spark.range(3).toLocalIterator()]
        [0, 1, 2]
        """
        return self._rows(self._frame())

    to_local_iterator = toLocalIterator

    def count(self) -> int:
        """The number of rows.

        >>> spark.range(5).count()
        5
        """
        one = Expr.literal(pa.array([1], pa.int64()))
        with engine_errors():
            frame = self._relation.frame.aggregate([], [Expr.aggregate("count", [one]).alias("count")])
        return int(self._table(frame).column(0)[0].as_py())

    def take(self, num: int) -> list[Row]:
        """The first rows.

        >>> spark.range(5).take(2)
        [Row(id=0), Row(id=1)]
        """
        return self._df.limit(num).collect()

    def head(self, n: int | None = None) -> Row | list[Row] | None:
        """The first row, or None; with a number, a list of the first rows.

        >>> spark.range(5).head()
        Row(id=0)
        >>> spark.range(5).head(1)
        [Row(id=0)]
        """
        if n is not None:
            return self.take(n)
        rows = self.take(1)
        return rows[0] if rows else None

    def first(self) -> Row | None:
        """The first row, or None.

        >>> spark.range(5).first()
        Row(id=0)
        """
        rows = self.take(1)
        return rows[0] if rows else None

    def tail(self, num: int) -> list[Row]:
        """The last rows.

        >>> spark.range(5).tail(2)
        [Row(id=3), Row(id=4)]
        """
        if num < 0:
            raise PySparkValueError(f"tail({num}): the number must be 0 or more")
        kept: deque[pa.RecordBatch] = deque()
        held = 0
        for batch in self._batches(self._frame()):
            kept.append(batch)
            held += batch.num_rows
            while kept and held - kept[0].num_rows >= num:
                held -= kept.popleft().num_rows
        rows = [row for batch in kept for row in self._python(batch)]
        return rows[len(rows) - num :] if num < len(rows) else rows

    def isEmpty(self) -> bool:
        """Whether there is no row.

        >>> spark.range(0).isEmpty()
        True
        """
        return not self.take(1)

    is_empty = isEmpty

    def foreach(self, f: Callable[[Row], Any]) -> None:
        """Calls a function for each row, in this process.

        >>> spark.range(2).foreach(lambda row: print(row.id))
        0
        1
        """
        for row in self.toLocalIterator():
            f(row)

    def foreachPartition(self, f: Callable[[Iterator[Row]], Any]) -> None:
        """Calls a function with all rows, in this process.

        >>> spark.range(3).foreachPartition(lambda rows: print(sum(row.id for row in rows)))
        3
        """
        f(self.toLocalIterator())

    foreach_partition = foreachPartition

    def toArrow(self) -> pa.Table:
        """All rows as a PyArrow table.

        >>> spark.range(2).toArrow().to_pydict()
        {'id': [0, 1]}
        """
        return self._table(self._frame()).rename_columns(self.columns)

    to_arrow = toArrow

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as an Arrow stream, which libraries that speak Arrow read without a copy."""
        names = self.columns
        with running(self._session):
            stream = self._frame().stream()
        schema = pa.schema([field.with_name(name) for field, name in zip(stream.schema(), names, strict=True)])
        batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in _read(stream))
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        stream_of: Callable[[object | None], object] = reader.__arrow_c_stream__
        return stream_of(requested_schema)

    def toPandas(self) -> pandas.DataFrame:
        """All rows as a pandas DataFrame.

        Timestamps are in the session's time zone, without saying so, as in PySpark.

        >>> spark.range(2).toPandas()
           id
        0   0
        1   1
        """
        import pandas

        table = self._table(self._frame())
        names = self.columns
        columns = [_local(column, self._session.time_zone) for column in table.columns]
        del table
        # Under unique names, as pandas' own way from Arrow needs.
        places = [str(i) for i in range(len(columns))]
        plain = pa.Table.from_arrays([_simple(column) for column in columns], places)
        rows = plain.num_rows
        made = plain.to_pandas(self_destruct=True, split_blocks=True, date_as_object=True, maps_as_pydicts="strict")
        del plain
        for i, column in enumerate(columns):
            if _is_nested(column.type):
                from springald.sql._arrow import rows as to_rows

                values = [row[0] for row in to_rows(pa.table([column], ["value"]), ["value"])]
                made[str(i)] = pandas.Series(values, dtype=object, index=range(rows))
        made.columns = pandas.Index(names)
        return made

    to_pandas = toPandas

    def toPolars(self) -> polars.DataFrame:
        """All rows as a Polars DataFrame.

        >>> spark.range(2).toPolars()["id"].to_list()
        [0, 1]
        """
        import polars

        made = polars.from_arrow(self.toArrow())
        assert isinstance(made, polars.DataFrame)
        return made

    to_polars = toPolars

    def show(self, n: int = 20, truncate: bool | int = True, vertical: bool = False) -> None:
        """Prints the first rows as a table.

        Args:
            n: How many rows.
            truncate: Cuts cells after 20 characters, or after as many as it says; False cuts none.
            vertical: A line for each value instead of a line for each row.

        >>> spark.range(2).show()
        +---+
        | id|
        +---+
        |  0|
        |  1|
        +---+
        <BLANKLINE>
        """
        if not isinstance(n, int) or isinstance(n, bool):
            raise PySparkTypeError(f"`n` is a number of rows, not {type(n).__name__}", "is it meant for `truncate`?")
        if not isinstance(vertical, bool):
            raise PySparkTypeError(f"`vertical` is a bool, not {type(vertical).__name__}")
        print(self._show_string(n, truncate, vertical))

    def _show_string(self, n: int = 20, truncate: bool | int = True, vertical: bool = False) -> str:
        try:
            width = 20 if truncate is True else int(truncate)
        except (TypeError, ValueError):
            raise PySparkTypeError(f"`truncate` is a bool or a number, not {truncate!r}") from None
        count = max(0, n)
        table, more = self._peek(count)
        columns = [_text.texts(column, self._session.time_zone) for column in table.columns]
        footer = f"only showing top {count} row{'' if count == 1 else 's'}" if more else None
        return (_text.records if vertical else _text.grid)(self.columns, columns, width, footer)

    def _repr_html_(self) -> str | None:
        """The first rows as a table, for notebooks."""
        from springald.jupyter import html

        table, more = self._peek(html.ROWS)
        types = [field.dataType for field in self.schema.fields]
        return html.table(self.columns, types, table, more, time_zone=self._session.time_zone)

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def explain(self, extended: bool | str | None = None, mode: str | None = None) -> None:
        """Prints the plan.

        Args:
            extended: True for the logical plans as well; or the mode.
            mode: `simple`, `extended`, `formatted` or `cost`; `analyze` runs the plan and shows what it took.

        >>> spark.range(1).explain()
        == Physical Plan ==
        ...
        """
        chosen = mode or (extended if isinstance(extended, str) else "extended" if extended else "simple")
        if chosen not in ("simple", "extended", "formatted", "cost", "codegen", "analyze"):
            raise PySparkValueError(
                f"explain() has no mode {chosen!r}", "there are simple, extended, formatted, cost and analyze"
            )
        parts: list[tuple[str, Any]] = [("Physical Plan", "physical")]
        if chosen in ("extended", "cost"):
            parts = [("Analyzed Logical Plan", "logical"), ("Optimized Logical Plan", "optimized"), *parts]
        if chosen == "analyze":
            parts = [("Physical Plan", "analyze")]
        frame = self._frame()
        with running(self._session):
            print("\n".join(f"== {title} ==\n{frame.explain(kind).rstrip()}\n" for title, kind in parts))

    # Helpers

    def _peek(self, n: int) -> tuple[pa.Table, bool]:
        """The first rows, and whether there are more."""
        with engine_errors():
            frame = self._frame().limit(0, n + 1)
        table = self._table(frame)
        return table.slice(0, n), table.num_rows > n

    def _table(self, frame: Frame) -> pa.Table:
        with running(self._session):
            stream = frame.stream()
            schema = stream.schema()
            return pa.Table.from_batches(list(_read(stream)), schema)

    def _batches(self, frame: Frame) -> Iterator[pa.RecordBatch]:
        with running(self._session):
            stream = frame.stream()
        try:
            while True:
                with running(self._session):
                    batch = stream.next()
                if batch is None:
                    return
                yield batch
        finally:
            stream.close()

    def _rows(self, frame: Frame) -> Iterator[Row]:
        for batch in self._batches(frame):
            yield from self._python(batch)

    def _python(self, batch: pa.RecordBatch) -> list[Row]:
        from springald.sql._arrow import rows

        return rows(batch, self.columns)


def _read(stream: RowStream) -> Iterator[pa.RecordBatch]:
    while (batch := stream.next()) is not None:
        yield batch


def _local(column: Any, time_zone: str) -> Any:
    """Moments as local times of the zone."""
    kind = column.type
    if not pt.is_timestamp(kind) or kind.tz is None:
        return column
    if time_zone.upper() in ("UTC", "Z", "GMT", "+00:00"):
        return column.cast(pa.timestamp(kind.unit))
    import pyarrow.compute as pc

    return pc.local_timestamp(column.cast(pa.timestamp(kind.unit, time_zone)))


def _simple(column: Any) -> Any:
    """The column; in place of nested values, which Arrow makes other Python values of, nulls."""
    return pa.chunked_array([pa.nulls(len(column))]) if _is_nested(column.type) else column


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pt.is_nested(kind))


def check_text(kinds: list[str]) -> None:
    """Text files have one column of strings."""
    if kinds != ["string"]:
        raise AnalysisException(
            f"text files take one column of strings, and there are {len(kinds)}: {', '.join(kinds) or 'none'}",
            "make one with functions.concat_ws() or functions.to_json()",
        )
