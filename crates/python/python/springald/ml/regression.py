"""Linear regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springald import _internal
from springald.errors import SpringaldException
from springald.ml._data import field_of, frame_of, ml_errors, numeric_field, running, with_column
from springald.ml._linear_summary import LinearRegressionSummary, LinearRegressionTrainingSummary
from springald.ml._native import NativeModel, numbers_of, require, weight_field
from springald.ml.base import Estimator
from springald.ml.linalg import DenseVector
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import (
    HasAggregationDepth,
    HasElasticNetParam,
    HasFeaturesCol,
    HasFitIntercept,
    HasLabelCol,
    HasLoss,
    HasMaxBlockSizeInMB,
    HasMaxIter,
    HasPredictionCol,
    HasRegParam,
    HasSolver,
    HasStandardization,
    HasTol,
    HasWeightCol,
)
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["LinearRegression", "LinearRegressionModel", "LinearRegressionSummary", "LinearRegressionTrainingSummary"]


class _LinearRegressionParams(
    HasFeaturesCol,
    HasLabelCol,
    HasPredictionCol,
    HasRegParam,
    HasElasticNetParam,
    HasMaxIter,
    HasTol,
    HasFitIntercept,
    HasStandardization,
    HasWeightCol,
    HasSolver,
    HasAggregationDepth,
    HasLoss,
    HasMaxBlockSizeInMB,
):
    """The parameters of linear regression and its models."""

    epsilon = param("epsilon", "shape of Spark's loss 'huber', which is not supported", TypeConverters.toFloat)
    getEpsilon = get_epsilon = getter(epsilon)
    setEpsilon = set_epsilon = setter(epsilon)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            maxIter=100,
            regParam=0.0,
            elasticNetParam=0.0,
            tol=1e-6,
            fitIntercept=True,
            standardization=True,
            solver="auto",
            aggregationDepth=2,
            loss="squaredError",
            epsilon=1.35,
            maxBlockSizeInMB=0.0,
        )


class LinearRegression(
    _LinearRegressionParams, Estimator["LinearRegressionModel"], DefaultParamsWritable, DefaultParamsReadable
):
    """Linear regression by least squares with an elastic net, with the parameters and the objective of Spark's.

    One pass over the rows sums what the fit needs. `aggregationDepth`, `epsilon` and `maxBlockSizeInMB` are known for
    Spark's sake and have no effect; the loss `huber` is refused.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(1.0, Vectors.dense(0.0)), (3.0, Vectors.dense(1.0)), (5.0, Vectors.dense(2.0))]
    >>> df = spark.createDataFrame(rows, ["label", "features"])
    >>> model = LinearRegression().fit(df)
    >>> model.coefficients, round(model.intercept, 6)
    (DenseVector([2.0]), 1.0)
    """

    def __init__(
        self,
        *,
        featuresCol: str | None = None,
        labelCol: str | None = None,
        predictionCol: str | None = None,
        maxIter: int | None = None,
        regParam: float | None = None,
        elasticNetParam: float | None = None,
        tol: float | None = None,
        fitIntercept: bool | None = None,
        standardization: bool | None = None,
        solver: str | None = None,
        weightCol: str | None = None,
        aggregationDepth: int | None = None,
        loss: str | None = None,
        epsilon: float | None = None,
        maxBlockSizeInMB: float | None = None,
    ) -> None:
        super().__init__()
        self._set(
            featuresCol=featuresCol,
            labelCol=labelCol,
            predictionCol=predictionCol,
            maxIter=maxIter,
            regParam=regParam,
            elasticNetParam=elasticNetParam,
            tol=tol,
            fitIntercept=fitIntercept,
            standardization=standardization,
            solver=solver,
            weightCol=weightCol,
            aggregationDepth=aggregationDepth,
            loss=loss,
            epsilon=epsilon,
            maxBlockSizeInMB=maxBlockSizeInMB,
        )

    def _fit(self, dataset: DataFrame) -> LinearRegressionModel:
        with running(dataset):
            native = _internal.fit_linear_regression(frame_of(dataset), self._native_params(dataset))
        return LinearRegressionModel._trained(native, self, dataset)

    def _native_params(self, dataset: DataFrame) -> dict[str, Any]:
        """Checked values by name, with the fields of a DataFrame for columns."""
        require(self, "maxIter", self.getMaxIter() >= 0, "0 or more")
        require(self, "tol", self.getTol() >= 0, "0 or more")
        require(self, "regParam", self.getRegParam() >= 0, "0 or more")
        require(self, "elasticNetParam", 0 <= self.getElasticNetParam() <= 1, "a number from 0 to 1")
        require(self, "solver", self.getSolver() in ("auto", "normal", "l-bfgs"), "auto, normal or l-bfgs")
        require(self, "loss", self.getLoss() == "squaredError", "squaredError (huber is not supported)")
        names = ("regParam", "elasticNetParam", "maxIter", "tol", "fitIntercept", "standardization", "solver")
        return {
            **{name: self.getOrDefault(name) for name in names},
            "featuresCol": field_of(dataset, self.getFeaturesCol()),
            "labelCol": numeric_field(dataset, self.getLabelCol()),
            "weightCol": weight_field(self, dataset),
        }


class LinearRegressionModel(_LinearRegressionParams, NativeModel):
    """Coefficients and an intercept, and what predicts by them.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(1.0, Vectors.dense(0.0)), (3.0, Vectors.dense(1.0)), (5.0, Vectors.dense(2.0))]
    >>> df = spark.createDataFrame(rows, ["label", "features"])
    >>> [round(row.prediction, 6) for row in LinearRegression().fit(df).transform(df).collect()]
    [1.0, 3.0, 5.0]
    """

    _kind = _internal.LinearRegressionModel
    _training: DataFrame | None = None

    @classmethod
    def _trained(cls, native: Any, estimator: LinearRegression, dataset: DataFrame) -> LinearRegressionModel:
        model = cls._of(native, estimator)
        model._training = dataset
        return model

    @property
    def coefficients(self) -> DenseVector:
        """A number for each feature.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression(fitIntercept=False).fit(df).coefficients
        DenseVector([1.0])
        """
        return DenseVector(self._native.coefficients())

    @property
    def intercept(self) -> float:
        """The prediction where all features are zero.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression(fitIntercept=False).fit(df).intercept
        0.0
        """
        return float(self._native.intercept())

    @property
    def scale(self) -> float:
        """1, as for every model that was fitted by squared errors.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression().fit(df).scale
        1.0
        """
        return float(self._native.scale())

    @property
    def numFeatures(self) -> int:
        """How many features there are.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression().fit(df).numFeatures
        1
        """
        return int(self._native.num_features())

    def predict(self, value: Any) -> float:
        """The prediction for the features of one row.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression(fitIntercept=False).fit(df).predict(Vectors.dense(5.0))
        5.0
        """
        with ml_errors():
            return float(self._native.predict(numbers_of(value)))

    @property
    def hasSummary(self) -> bool:
        """Whether the model was fitted here, and not loaded.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression().fit(df).hasSummary
        True
        """
        return self._training is not None and self._native.summary() is not None

    @property
    def summary(self) -> LinearRegressionTrainingSummary:
        """How the fit went, and how well it fits.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> LinearRegression().fit(df).summary.numInstances
        2
        """
        values = None if self._training is None else self._native.summary()
        if self._training is None or values is None:
            raise SpringaldException(
                f"No training summary available for this {type(self).__name__}", "it is not saved: fit the model anew"
            )
        return LinearRegressionTrainingSummary(self, self._training, values)

    def evaluate(self, dataset: DataFrame) -> LinearRegressionSummary:
        """How well the model fits other rows.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
        >>> model = LinearRegression(fitIntercept=False).fit(df)
        >>> other = spark.createDataFrame([(2.0, Vectors.dense(1.0)), (4.0, Vectors.dense(3.0))], ["label", "features"])
        >>> model.evaluate(other).meanSquaredError
        1.0
        """
        return LinearRegressionSummary(self, dataset)

    num_features = numFeatures
    has_summary = hasSummary

    def _facts(self) -> dict[str, Any]:
        return {"numFeatures": self.numFeatures}

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = field_of(dataset, self.getFeaturesCol())
        return with_column(
            dataset, self.getPredictionCol(), lambda frame, field: self._native.transform(frame, features, field)
        )
