"""Windows that functions run over, by PySpark's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from springald.sql._nodes import Call, Literal, Node, Sorted

if TYPE_CHECKING:
    from springald.sql._relation import Relation
    from springald.sql._value import Frame
    from springald.sql.column import Column

ColumnOrName: TypeAlias = "Column | str"

__all__ = ["Window", "WindowSpec"]

# Spark takes bounds this far out for no bound at all.
_FAR = (1 << 31) - 1


class WindowSpec:
    """Partitions, order and frame of a window; made by `Window`."""

    def __init__(
        self, partitions: tuple[Node, ...] = (), orders: tuple[Node, ...] = (), frame: Frame | None = None
    ) -> None:
        self._partitions = partitions
        self._orders = orders
        self._frame = frame

    def partitionBy(self, *cols: ColumnOrName | list[ColumnOrName]) -> WindowSpec:
        """This window within rows that agree in some columns.

        >>> from springald.sql import functions as F
        >>> w = Window.orderBy("b").partitionBy("a")
        >>> df = spark.createDataFrame([(1, 5), (1, 7), (2, 9)], ["a", "b"])
        >>> df.select(F.row_number().over(w).alias("n")).collect()
        [Row(n=1), Row(n=2), Row(n=1)]
        """
        return WindowSpec(_nodes(cols), self._orders, self._frame)

    partition_by = partitionBy

    def orderBy(self, *cols: ColumnOrName | list[ColumnOrName]) -> WindowSpec:
        """This window with its rows in an order.

        >>> from springald.sql import functions as F
        >>> df = spark.createDataFrame([(5,), (7,)], ["b"])
        >>> df.select(F.lag("b").over(Window.partitionBy().orderBy("b")).alias("before")).collect()
        [Row(before=None), Row(before=5)]
        """
        return WindowSpec(self._partitions, _nodes(cols), self._frame)

    order_by = orderBy

    def rowsBetween(self, start: int, end: int) -> WindowSpec:
        """This window from one row to another, counted from the current row.

        >>> from springald.sql import functions as F
        >>> df = spark.createDataFrame([(1,), (2,), (4,)], ["b"])
        >>> w = Window.orderBy("b").rowsBetween(-1, Window.currentRow)
        >>> df.select(F.sum("b").over(w).alias("s")).collect()
        [Row(s=1), Row(s=3), Row(s=6)]
        """
        return WindowSpec(self._partitions, self._orders, ("rows", *_bounds(start, end)))

    rows_between = rowsBetween

    def rangeBetween(self, start: int, end: int) -> WindowSpec:
        """This window from one value of the order's column to another, counted from the current row's.

        >>> from springald.sql import functions as F
        >>> df = spark.createDataFrame([(1,), (2,), (4,)], ["b"])
        >>> w = Window.orderBy("b").rangeBetween(-1, Window.currentRow)
        >>> df.select(F.count("b").over(w).alias("n")).collect()
        [Row(n=1), Row(n=2), Row(n=1)]
        """
        return WindowSpec(self._partitions, self._orders, ("range", *_bounds(start, end)))

    range_between = rangeBetween

    def _label(self, relation: Relation | None, child: Node) -> str:
        parts = []
        if self._partitions:
            parts.append("PARTITION BY " + ", ".join(node.label(relation) for node in self._partitions))
        if self._orders:
            orders = (node if isinstance(node, Sorted) else Sorted(node, True, True) for node in self._orders)
            parts.append("ORDER BY " + ", ".join(node.label(relation) for node in orders))
        parts.append(_frame_label(self._frame, bool(self._orders), child))
        return " ".join(parts)


class Window:
    """Where windows start.

    >>> from springald.sql import functions as F
    >>> df = spark.createDataFrame([("a", 1), ("a", 2), ("b", 3)], ["k", "v"])
    >>> df.select("k", F.sum("v").over(Window.partitionBy("k")).alias("total")).orderBy("k").collect()
    [Row(k='a', total=3), Row(k='a', total=3), Row(k='b', total=3)]
    """

    unboundedPreceding: int = -(1 << 63)
    unboundedFollowing: int = (1 << 63) - 1
    currentRow: int = 0
    unbounded_preceding = unboundedPreceding
    unbounded_following = unboundedFollowing
    current_row = currentRow

    @staticmethod
    def partitionBy(*cols: ColumnOrName | list[ColumnOrName]) -> WindowSpec:
        """A window within rows that agree in some columns."""
        return WindowSpec().partitionBy(*cols)

    @staticmethod
    def orderBy(*cols: ColumnOrName | list[ColumnOrName]) -> WindowSpec:
        """A window over all rows in an order."""
        return WindowSpec().orderBy(*cols)

    @staticmethod
    def rowsBetween(start: int, end: int) -> WindowSpec:
        """A window from one row to another, counted from the current row."""
        return WindowSpec().rowsBetween(start, end)

    @staticmethod
    def rangeBetween(start: int, end: int) -> WindowSpec:
        """A window from one value of the order's column to another, counted from the current row's."""
        return WindowSpec().rangeBetween(start, end)

    partition_by = partitionBy
    order_by = orderBy
    rows_between = rowsBetween
    range_between = rangeBetween


def _nodes(cols: tuple[ColumnOrName | list[ColumnOrName], ...]) -> tuple[Node, ...]:
    from springald.sql.column import node_of

    flat = cols[0] if len(cols) == 1 and isinstance(cols[0], list | tuple) else cols
    return tuple(node_of(col) for col in flat if not isinstance(col, list))


def _bounds(start: int, end: int) -> tuple[int | None, int | None]:
    return (None if start <= -_FAR else int(start)), (None if end >= _FAR else int(end))


def _frame_label(frame: Frame | None, ordered: bool, child: Node) -> str:
    function = child.name.lower() if isinstance(child, Call) else ""
    if function in ("lag", "lead") and isinstance(child, Call) and isinstance(child.arguments[1], Literal):
        offset = child.arguments[1].value * (-1 if function == "lag" else 1)
        return f"ROWS BETWEEN {_bound(offset, '')} AND {_bound(offset, '')}"
    if frame is None:
        if function in ("row_number", "rank", "dense_rank", "ntile", "percent_rank"):
            return "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
        last = "CURRENT ROW" if ordered else "UNBOUNDED FOLLOWING"
        return f"{'RANGE' if ordered else 'ROWS'} BETWEEN UNBOUNDED PRECEDING AND {last}"
    kind, start, end = frame
    return f"{kind.upper()} BETWEEN {_bound(start, 'PRECEDING')} AND {_bound(end, 'FOLLOWING')}"


def _bound(value: int | None, far: str) -> str:
    if value is None:
        return f"UNBOUNDED {far}"
    if value == 0:
        return "CURRENT ROW"
    return f"{value} FOLLOWING"
