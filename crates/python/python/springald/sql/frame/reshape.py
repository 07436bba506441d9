"""Columns into rows."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald._internal import Expr, Frame
from springald.errors import AnalysisException, engine_errors
from springald.sql._relation import of_same_types, project
from springald.sql.frame.base import Base

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["ReshapeMixin"]


class ReshapeMixin(Base):
    """unpivot and melt."""

    def unpivot(self, ids: Any, values: Any, variableColumnName: str, valueColumnName: str) -> DataFrame:
        """A row for each of some columns, with its name and value.

        Args:
            ids: Columns that are kept in each row.
            values: Columns that become rows; None for all others.
            variableColumnName: What the column with the names is called.
            valueColumnName: What the column with the values is called.

        >>> df = spark.createDataFrame([(1, 10, 20)], "id int, a int, b int")
        >>> sorted(df.unpivot("id", ["a", "b"], "name", "value").collect())
        [Row(id=1, name='a', value=10), Row(id=1, name='b', value=20)]
        """
        kept = self._columns([] if ids is None else [ids])
        kept_ids = {self._attribute(column).identity for column in kept}
        if values is None:
            chosen = [a for a in self._relation.attributes if a.identity not in kept_ids]
        else:
            chosen = [self._attribute(column) for column in self._columns([values])]
        if not chosen:
            raise AnalysisException("[UNPIVOT_REQUIRES_VALUE_COLUMNS] unpivot() needs at least one value column")
        keys = [self._attribute(column) for column in kept]
        with engine_errors():
            parts = []
            for attribute in chosen:
                label = Expr.literal(pa.array([attribute.name]))
                value = (valueColumnName, Expr.field(attribute.field))
                parts.append(project(self._relation, [*keys, (variableColumnName, label), value]))
            first, *others = of_same_types(parts)
            return self._derive(first.with_frame(reduce(Frame.union, [o.frame for o in others], first.frame)))

    melt = unpivot
