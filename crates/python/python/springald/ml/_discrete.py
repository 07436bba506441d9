"""Numbers as classes of numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from springald.errors import IllegalArgumentException
from springald.ml._native import require
from springald.ml._pairs import HasPairs, column_of, with_new
from springald.ml.base import Transformer
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import HasThreshold
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame


class Binarizer(HasPairs, HasThreshold, Transformer, DefaultParamsWritable, DefaultParamsReadable):
    """1 for numbers above a threshold, 0 for all others.

    >>> df = spark.createDataFrame([(0.1,), (0.8,)], ["x"])
    >>> binarizer = Binarizer(threshold=0.5, inputCol="x", outputCol="y")
    >>> [row.y for row in binarizer.transform(df).collect()]
    [0.0, 1.0]
    """

    thresholds = param("thresholds", "a threshold for each of the input columns", TypeConverters.toListFloat)
    getThresholds = get_thresholds = getter(thresholds)
    setThresholds = set_thresholds = setter(thresholds)

    def __init__(
        self,
        *,
        threshold: float | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        thresholds: list[float] | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(threshold=0.0)
        self._set(
            threshold=threshold,
            inputCol=inputCol,
            outputCol=outputCol,
            thresholds=thresholds,
            inputCols=inputCols,
            outputCols=outputCols,
        )

    def _transform(self, dataset: DataFrame) -> DataFrame:
        from springald.sql import functions as F

        pairs = self._pairs()
        thresholds = self.getThresholds() if self.isSet("thresholds") else [self.getThreshold()] * len(pairs)
        if len(thresholds) != len(pairs):
            raise IllegalArgumentException(f"{self.uid} has {len(pairs)} inputCols and {len(thresholds)} thresholds")
        columns = {}
        for (name, output), threshold in zip(pairs, thresholds, strict=True):
            column = column_of(dataset, name).cast("double")
            above = (column > F.lit(threshold)) & ~F.isnan(column)
            columns[output] = F.when(column.isNotNull(), above.cast("double"))
        return with_new(dataset, columns)


class Bucketizer(HasPairs, Transformer, DefaultParamsWritable, DefaultParamsReadable):
    """The number of the bucket, from 0, that a number is in. A bucket has its lower bound, the last one both.

    >>> df = spark.createDataFrame([(-0.5,), (0.0,), (7.0,)], ["x"])
    >>> bucketizer = Bucketizer(splits=[-float("inf"), 0.0, 5.0, float("inf")], inputCol="x", outputCol="y")
    >>> [row.y for row in bucketizer.transform(df).collect()]
    [0.0, 1.0, 2.0]
    """

    splits = param("splits", "bounds of the buckets, rising, 3 at least", TypeConverters.toListFloat)
    getSplits = get_splits = getter(splits)
    setSplits = set_splits = setter(splits)
    splitsArray = param("splitsArray", "bounds for each of the input columns", TypeConverters.toListListFloat)
    getSplitsArray = get_splits_array = getter(splitsArray)
    setSplitsArray = set_splits_array = setter(splitsArray)
    handleInvalid = param(
        "handleInvalid",
        "rows with NaN: 'error' fails, 'skip' leaves them and those with a null out, 'keep' gives NaN a bucket",
        TypeConverters.toString,
    )
    getHandleInvalid = get_handle_invalid = getter(handleInvalid)
    setHandleInvalid = set_handle_invalid = setter(handleInvalid)

    def __init__(
        self,
        *,
        splits: list[float] | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
        handleInvalid: str | None = None,
        splitsArray: list[list[float]] | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error")
        self._set(
            splits=splits,
            inputCol=inputCol,
            outputCol=outputCol,
            handleInvalid=handleInvalid,
            splitsArray=splitsArray,
            inputCols=inputCols,
            outputCols=outputCols,
        )

    def _transform(self, dataset: DataFrame) -> DataFrame:
        require(self, "handleInvalid", self.getHandleInvalid() in ("error", "skip", "keep"), "error, skip or keep")
        pairs = self._pairs()
        every = self.getSplitsArray() if self.isSet("splitsArray") else [self.getSplits()]
        if len(every) != len(pairs):
            raise IllegalArgumentException(f"{self.uid} has {len(pairs)} inputCols and splits for {len(every)}")
        for splits in every:
            if len(splits) < 3 or any(not a < b for a, b in pairwise(splits)):
                raise IllegalArgumentException(f"splits are {splits}: they are 3 or more numbers, each above the last")
        if self.getHandleInvalid() == "skip":
            dataset = dataset.dropna(subset=[name for name, _ in pairs])
        columns = {
            output: self._bucket(column_of(dataset, name).cast("double"), splits)
            for (name, output), splits in zip(pairs, every, strict=True)
        }
        return with_new(dataset, columns)

    def _bucket(self, column: Column, splits: list[float]) -> Column:
        from springald.sql import functions as F

        buckets = len(splits) - 1
        if self.getHandleInvalid() == "keep":
            of_nan = F.lit(float(buckets))
        else:
            message = "Bucketizer encountered NaN value. To handle or skip NaNs, try setting handleInvalid."
            of_nan = _failure(F.lit(message))
        outside = F.concat(
            F.lit("Feature value "),
            column.cast("string"),
            F.lit(f" out of Bucketizer bounds [{splits[0]}, {splits[-1]}]. Check your features, or widen the splits."),
        )
        beyond = (column < F.lit(splits[0])) | (column > F.lit(splits[-1]))
        found = F.when(column.isNull(), F.lit(None).cast("double")).when(F.isnan(column), of_nan)
        found = found.when(beyond, _failure(outside))
        for bucket in range(buckets - 1, 0, -1):
            found = found.when(column >= F.lit(splits[bucket]), F.lit(float(bucket)))
        return found.otherwise(F.lit(0.0))


def _failure(message: Column) -> Column:
    """A number that fails where it is computed."""
    from springald.sql.functions._make import call

    return call("raise_error", lambda scope, text: scope.fail(text, pa.float64()), message)
