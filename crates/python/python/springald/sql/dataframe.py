"""`DataFrame`: rows with named columns, computed when they are asked for."""

from __future__ import annotations

from springald.sql.frame.actions import ActionsMixin
from springald.sql.frame.combine import CombineMixin
from springald.sql.frame.groups import GroupMixin
from springald.sql.frame.missing import DataFrameNaFunctions, MissingMixin
from springald.sql.frame.reshape import ReshapeMixin
from springald.sql.frame.rows import RowsMixin
from springald.sql.frame.select import SelectMixin
from springald.sql.frame.stats import DataFrameStatFunctions, StatsMixin
from springald.sql.frame.store import StoreMixin

__all__ = ["DataFrame", "DataFrameNaFunctions", "DataFrameStatFunctions"]


class DataFrame(
    SelectMixin,
    RowsMixin,
    CombineMixin,
    GroupMixin,
    MissingMixin,
    ReshapeMixin,
    StatsMixin,
    ActionsMixin,
    StoreMixin,
):
    """Rows with named columns.

    Methods that choose, compute and combine give new DataFrames and run nothing; `show`, `collect`, `count`, `write`
    and `toPandas` run what is asked for, in this process or on the cluster. Columns are called `df.a`, `df["a"]` or
    `functions.col("a")`.

    >>> df = spark.createDataFrame([("Ada", 36), ("Bob", 41)], ["name", "age"])
    >>> df.filter(df.age > 40).select("name").show()
    +----+
    |name|
    +----+
    | Bob|
    +----+
    <BLANKLINE>
    """
