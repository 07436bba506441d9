"""How good predictions are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from springald import _internal
from springald.ml._data import field_of, frame_of, numeric_field, running
from springald.ml._native import require, weight_field
from springald.ml.param import Params, TypeConverters
from springald.ml.param._params import ParamMap, getter, param, setter
from springald.ml.param.shared import HasFeaturesCol, HasLabelCol, HasPredictionCol, HasWeightCol
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["ClusteringEvaluator", "Evaluator", "RegressionEvaluator"]

_REGRESSION = ("rmse", "mse", "r2", "mae", "var")


class Evaluator(Params, ABC):
    """What makes a number of a DataFrame with predictions. A subclass defines `_evaluate`.

    >>> isinstance(RegressionEvaluator(), Evaluator)
    True
    """

    @abstractmethod
    def _evaluate(self, dataset: DataFrame) -> float:
        """The number, by the parameters of this object."""

    def evaluate(self, dataset: DataFrame, params: ParamMap | None = None) -> float:
        """The number, with other values of parameters if some are given.

        >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 5.0)], ["label", "prediction"])
        >>> evaluator = RegressionEvaluator()
        >>> evaluator.evaluate(df, {evaluator.metricName: "mae"})
        2.0
        """
        if params is not None and not isinstance(params, dict):
            raise TypeError(f"Params must be a param map but got {type(params)}.")
        return self.copy(params)._evaluate(dataset) if params else self._evaluate(dataset)

    def isLargerBetter(self) -> bool:
        """Whether more is better.

        >>> RegressionEvaluator(metricName="r2").isLargerBetter(), RegressionEvaluator().isLargerBetter()
        (True, False)
        """
        return True

    is_larger_better = isLargerBetter


class RegressionEvaluator(
    Evaluator, HasLabelCol, HasPredictionCol, HasWeightCol, DefaultParamsWritable, DefaultParamsReadable
):
    """Compares predicted numbers with labels.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 5.0)], ["label", "prediction"])
    >>> RegressionEvaluator(metricName="mse").evaluate(df)
    5.0
    """

    metricName = param(
        "metricName",
        "'rmse' (root mean squared error), 'mse' (mean squared error), 'r2', 'mae' (mean absolute error) or "
        "'var' (explained variance)",
        TypeConverters.toString,
    )
    getMetricName = get_metric_name = getter(metricName)
    setMetricName = set_metric_name = setter(metricName)
    throughOrigin = param(
        "throughOrigin", "whether r2 is about 0, as for a model without an intercept", TypeConverters.toBoolean
    )
    getThroughOrigin = get_through_origin = getter(throughOrigin)
    setThroughOrigin = set_through_origin = setter(throughOrigin)

    def __init__(
        self,
        *,
        predictionCol: str | None = None,
        labelCol: str | None = None,
        metricName: str | None = None,
        weightCol: str | None = None,
        throughOrigin: bool | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(metricName="rmse", throughOrigin=False)
        self._set(
            predictionCol=predictionCol,
            labelCol=labelCol,
            metricName=metricName,
            weightCol=weightCol,
            throughOrigin=throughOrigin,
        )

    def isLargerBetter(self) -> bool:
        """Whether more is better: it is for r2 and var.

        >>> RegressionEvaluator(metricName="var").isLargerBetter()
        True
        """
        return self.getMetricName() in ("r2", "var")

    is_larger_better = isLargerBetter

    def _evaluate(self, dataset: DataFrame) -> float:
        require(self, "metricName", self.getMetricName() in _REGRESSION, ", ".join(_REGRESSION))
        params = {
            "metricName": self.getMetricName(),
            "labelCol": numeric_field(dataset, self.getLabelCol()),
            "predictionCol": numeric_field(dataset, self.getPredictionCol()),
            "weightCol": weight_field(self, dataset),
            "throughOrigin": self.getThroughOrigin(),
        }
        with running(dataset):
            return _internal.evaluate_regression(frame_of(dataset), params)


class ClusteringEvaluator(
    Evaluator, HasFeaturesCol, HasPredictionCol, HasWeightCol, DefaultParamsWritable, DefaultParamsReadable
):
    """The mean silhouette of clustered rows: how much nearer they are to their own cluster than to the next.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(Vectors.dense(0.0), 0), (Vectors.dense(1.0), 0), (Vectors.dense(9.0), 1), (Vectors.dense(9.0), 1)]
    >>> df = spark.createDataFrame(rows, ["features", "prediction"])
    >>> round(ClusteringEvaluator().evaluate(df), 6)
    0.993007
    """

    metricName = param("metricName", "'silhouette'", TypeConverters.toString)
    getMetricName = get_metric_name = getter(metricName)
    setMetricName = set_metric_name = setter(metricName)
    distanceMeasure = param(
        "distanceMeasure", "how distances are measured: 'squaredEuclidean' or 'cosine'", TypeConverters.toString
    )
    getDistanceMeasure = get_distance_measure = getter(distanceMeasure)
    setDistanceMeasure = set_distance_measure = setter(distanceMeasure)

    def __init__(
        self,
        *,
        predictionCol: str | None = None,
        featuresCol: str | None = None,
        metricName: str | None = None,
        distanceMeasure: str | None = None,
        weightCol: str | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(metricName="silhouette", distanceMeasure="squaredEuclidean")
        self._set(
            predictionCol=predictionCol,
            featuresCol=featuresCol,
            metricName=metricName,
            distanceMeasure=distanceMeasure,
            weightCol=weightCol,
        )

    def _evaluate(self, dataset: DataFrame) -> float:
        require(self, "metricName", self.getMetricName() == "silhouette", "silhouette")
        params = {
            "featuresCol": field_of(dataset, self.getFeaturesCol()),
            "predictionCol": numeric_field(dataset, self.getPredictionCol()),
            "weightCol": weight_field(self, dataset),
            "distanceMeasure": self.getDistanceMeasure(),
        }
        with running(dataset):
            return _internal.evaluate_clustering(frame_of(dataset), params)
