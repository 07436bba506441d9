"""A SQL statement as a transformer."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from springald.ml.base import Transformer
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame


class SQLTransformer(Transformer, DefaultParamsWritable, DefaultParamsReadable):
    """What a SQL query makes of the rows, which are called `__THIS__` in it.

    >>> df = spark.createDataFrame([(1.0, 3.0)], ["a", "b"])
    >>> SQLTransformer(statement="SELECT *, a + b AS c FROM __THIS__").transform(df).collect()
    [Row(a=1.0, b=3.0, c=4.0)]
    """

    statement = param("statement", "the query, with __THIS__ for the rows", TypeConverters.toString)
    getStatement = get_statement = getter(statement)
    setStatement = set_statement = setter(statement)

    def __init__(self, *, statement: str | None = None) -> None:
        super().__init__()
        self._set(statement=statement)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        # Threads may transform at once, so each has a name of its own.
        name = f"this_{uuid.uuid4().hex}"
        dataset.createOrReplaceTempView(name)
        try:
            return dataset.sparkSession.sql(self.getStatement().replace("__THIS__", name))
        finally:
            dataset.sparkSession.catalog.dropTempView(name)
