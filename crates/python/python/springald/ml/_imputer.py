"""Numbers in place of missing ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from springald.errors import IllegalArgumentException
from springald.ml._native import require
from springald.ml._pairs import HasPairs, column_of, with_new
from springald.ml.base import Estimator, Model
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame


class _ImputerParams(HasPairs):
    """The parameters of an imputer and its models."""

    strategy = param("strategy", "what fills: 'mean', 'median' or 'mode'", TypeConverters.toString)
    getStrategy = get_strategy = getter(strategy)
    setStrategy = set_strategy = setter(strategy)
    missingValue = param("missingValue", "the number that is missing, beside null", TypeConverters.toFloat)
    getMissingValue = get_missing_value = getter(missingValue)
    setMissingValue = set_missing_value = setter(missingValue)
    relativeError = param("relativeError", "how far off the median may be, from 0 to 1", TypeConverters.toFloat)
    getRelativeError = get_relative_error = getter(relativeError)
    setRelativeError = set_relative_error = setter(relativeError)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(strategy="mean", missingValue=float("nan"), relativeError=0.001)


class Imputer(_ImputerParams, Estimator["ImputerModel"], DefaultParamsWritable, DefaultParamsReadable):
    """Fills missing numbers with the mean, median or most frequent number of their column.

    >>> df = spark.createDataFrame([(1.0,), (float("nan"),), (3.0,)], ["x"])
    >>> model = Imputer(inputCol="x", outputCol="y").fit(df)
    >>> [row.y for row in model.transform(df).collect()]
    [1.0, 2.0, 3.0]
    """

    def __init__(
        self,
        *,
        strategy: str | None = None,
        missingValue: float | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        relativeError: float | None = None,
    ) -> None:
        super().__init__()
        self._set(
            strategy=strategy,
            missingValue=missingValue,
            inputCols=inputCols,
            outputCols=outputCols,
            inputCol=inputCol,
            outputCol=outputCol,
            relativeError=relativeError,
        )

    def _fit(self, dataset: DataFrame) -> ImputerModel:
        require(self, "strategy", self.getStrategy() in ("mean", "median", "mode"), "mean, median or mode")
        surrogates = {name: self._surrogate(dataset, name) for name, _ in self._pairs()}
        model = ImputerModel()
        model._surrogates = surrogates
        model._resetUid(self.uid)
        self._copyValues(model)
        return model

    def _surrogate(self, dataset: DataFrame, name: str) -> float:
        from springald.sql import functions as F

        column = column_of(dataset, name).cast("double")
        known = dataset.select(column.alias("x")).filter("x IS NOT NULL").filter(~F.isnan("x"))
        known = known.filter(F.col("x") != F.lit(self.getMissingValue()))
        found: Any
        if self.getStrategy() == "mean":
            found = known.agg(F.avg("x")).first()
        elif self.getStrategy() == "median":
            found = known.approxQuantile("x", [0.5], self.getRelativeError())
        else:
            found = known.groupBy("x").count().orderBy(F.desc("count"), F.asc("x")).first()
        if not found or found[0] is None:
            raise IllegalArgumentException(
                f"surrogate cannot be computed. All the values in {name} are Null, Nan or "
                f"missingValue({self.getMissingValue()})"
            )
        return float(found[0])


class ImputerModel(_ImputerParams, Model, DefaultParamsWritable, DefaultParamsReadable):
    """The numbers that fill, and what fills.

    >>> df = spark.createDataFrame([(1.0,), (None,), (3.0,)], "x double")
    >>> model = Imputer(inputCols=["x"], outputCols=["y"], strategy="median").fit(df)
    >>> model.surrogateDF.collect()
    [Row(x=1.0)]
    """

    _surrogates: dict[str, float]

    @property
    def surrogateDF(self) -> DataFrame:
        """One row, with what fills each of the input columns."""
        from springald.sql import SparkSession

        session = SparkSession.builder.getOrCreate()
        return session.createDataFrame([tuple(self._surrogates.values())], list(self._surrogates))

    surrogate_df = surrogateDF

    def __repr__(self) -> str:
        shown = {"uid": self.uid, "strategy": self.getStrategy(), "missingValue": self.getMissingValue()}
        return "ImputerModel: " + ", ".join(f"{name}={value}" for name, value in shown.items())

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return with_new(dataset, {output: self._filled(dataset, name) for name, output in self._pairs()})

    def _filled(self, dataset: DataFrame, name: str) -> Column:
        from springald.sql import functions as F

        column = column_of(dataset, name)
        kind = dataset.select(column).schema.fields[0].dataType
        surrogate = F.lit(self._surrogates[name]).cast(kind)
        missing = column.isNull() | (column.cast("double") == F.lit(self.getMissingValue()))
        return F.when(missing, surrogate).otherwise(column)

    def _save_parts(self, folder: Path) -> None:
        (folder / "surrogates.json").write_text(json.dumps(self._surrogates), encoding="utf-8")

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> ImputerModel:
        model = cls()
        model._surrogates = json.loads((folder / "surrogates.json").read_text(encoding="utf-8"))
        return model
