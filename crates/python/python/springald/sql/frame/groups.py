"""Grouping, and aggregates of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from springald.sql.frame.base import Base

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame
    from springald.sql.group import GroupedData

__all__ = ["GroupMixin"]


class GroupMixin(Base):
    """groupBy, rollup, cube, agg."""

    def groupBy(self, *cols: Any) -> GroupedData:
        """The rows in groups of equal values.

        >>> df = spark.createDataFrame([("a", 1), ("a", 2)], "k string, v int")
        >>> df.groupBy("k").count().collect()
        [Row(k='a', count=2)]
        """
        return self._grouped(cols, "groupby")

    groupby = groupBy
    group_by = groupBy

    def rollup(self, *cols: Any) -> GroupedData:
        """Groups by all the columns, by all but the last, and so on up to one group of everything.

        >>> df = spark.createDataFrame([("a", 1), ("b", 2)], "k string, v int")
        >>> df.rollup("k").sum("v").orderBy("k").collect()
        [Row(k=None, sum(v)=3), Row(k='a', sum(v)=1), Row(k='b', sum(v)=2)]
        """
        return self._grouped(cols, "rollup")

    def cube(self, *cols: Any) -> GroupedData:
        """Groups by every choice of the columns.

        >>> df = spark.createDataFrame([("a", "x", 1)], "k string, p string, v int")
        >>> df.cube("k", "p").count().count()
        4
        """
        return self._grouped(cols, "cube")

    def groupingSets(self, groupingSets: Sequence[Sequence[Any]], *cols: Any) -> GroupedData:
        """Groups by each of the sets of columns.

        >>> df = spark.createDataFrame([("a", "x", 1)], "k string, p string, v int")
        >>> sorted(df.groupingSets([("k",), ("p",)], "k", "p").sum("v").collect(), key=str)
        [Row(k='a', p=None, sum(v)=1), Row(k=None, p='x', sum(v)=1)]
        """
        from springald.sql.group import GroupedData

        sets = [self._columns(one) for one in groupingSets]
        return GroupedData(self._df, self._columns(cols), "sets", sets)

    grouping_sets = groupingSets

    def agg(self, *exprs: Any) -> DataFrame:
        """Aggregates of all rows.

        >>> from springald.sql import functions as F
        >>> spark.range(4).agg(F.max("id"), F.sum("id").alias("total")).collect()
        [Row(max(id)=3, total=6)]
        """
        return self.groupBy().agg(*exprs)

    def _grouped(self, cols: Any, kind: Any) -> GroupedData:
        from springald.sql.group import GroupedData

        return GroupedData(self._df, self._columns(cols), kind)
