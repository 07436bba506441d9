"""Features brought to one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springald import _internal
from springald.ml._data import field_of, frame_of, running, with_column
from springald.ml._native import NativeModel
from springald.ml.base import Estimator
from springald.ml.linalg import DenseVector
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import HasInputCol, HasOutputCol
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame


class _StandardScalerParams(HasInputCol, HasOutputCol):
    """The parameters of a standard scaler and its models."""

    withMean = param("withMean", "whether means are taken off, which makes vectors dense", TypeConverters.toBoolean)
    getWithMean = get_with_mean = getter(withMean)
    setWithMean = set_with_mean = setter(withMean)
    withStd = param("withStd", "whether standard deviations are divided by", TypeConverters.toBoolean)
    getWithStd = get_with_std = getter(withStd)
    setWithStd = set_with_std = setter(withStd)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(withMean=False, withStd=True)


class StandardScaler(
    _StandardScalerParams, Estimator["StandardScalerModel"], DefaultParamsWritable, DefaultParamsReadable
):
    """Divides each element of vectors by its standard deviation, that of a sample, or takes its mean off before.

    >>> from springald.ml.linalg import Vectors
    >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
    >>> model = StandardScaler(inputCol="x", outputCol="scaled", withMean=True).fit(df)
    >>> model.mean, model.std
    (DenseVector([2.0]), DenseVector([1.4142]))
    """

    def __init__(
        self,
        *,
        withMean: bool | None = None,
        withStd: bool | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
    ) -> None:
        super().__init__()
        self._set(withMean=withMean, withStd=withStd, inputCol=inputCol, outputCol=outputCol)

    def _fit(self, dataset: DataFrame) -> StandardScalerModel:
        params = {
            "inputCol": field_of(dataset, self.getInputCol()),
            "withMean": self.getWithMean(),
            "withStd": self.getWithStd(),
        }
        with running(dataset):
            native = _internal.fit_standard_scaler(frame_of(dataset), params)
        return StandardScalerModel._of(native, self)


class StandardScalerModel(_StandardScalerParams, NativeModel):
    """Means and standard deviations, and what scales by them.

    Sparse vectors stay sparse, unless means are taken off.

    >>> from springald.ml.linalg import Vectors
    >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
    >>> model = StandardScaler(inputCol="x", outputCol="scaled", withMean=True).fit(df)
    >>> [row.scaled for row in model.transform(df).collect()]
    [DenseVector([-0.7071]), DenseVector([0.7071])]
    """

    _kind = _internal.StandardScalerModel

    @property
    def mean(self) -> DenseVector:
        """The mean of each element.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
        >>> StandardScaler(inputCol="x").fit(df).mean
        DenseVector([2.0])
        """
        return DenseVector(self._native.mean())

    @property
    def std(self) -> DenseVector:
        """The standard deviation of each element.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
        >>> StandardScaler(inputCol="x").fit(df).std
        DenseVector([1.4142])
        """
        return DenseVector(self._native.std())

    def _facts(self) -> dict[str, Any]:
        return {"numFeatures": len(self.mean), "withMean": self.getWithMean(), "withStd": self.getWithStd()}

    def _transform(self, dataset: DataFrame) -> DataFrame:
        column = field_of(dataset, self.getInputCol())
        return with_column(
            dataset, self.getOutputCol(), lambda frame, field: self._native.transform(frame, column, field)
        )
