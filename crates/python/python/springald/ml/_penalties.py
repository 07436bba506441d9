"""Cross-validation of the penalties of linear regression from one pass over the rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald import _internal
from springald.ml._data import attribute_of, frame_of, running
from springald.ml._native import weight_of
from springald.ml._search import best
from springald.ml.base import Estimator
from springald.ml.evaluation import Evaluator, RegressionEvaluator
from springald.ml.param._params import ParamMap
from springald.ml.regression import LinearRegression, LinearRegressionModel

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

#: Beyond these the sums of all pairs of features are too large, and each fit reads the rows itself.
_MAX_FEATURES = 4096
_MAX_FOLDS = 1000


def search(
    dataset: DataFrame,
    estimator: Estimator[Any],
    maps: list[ParamMap],
    evaluator: Evaluator,
    folds: int,
    seed: int,
) -> tuple[LinearRegressionModel, list[float], list[float]] | None:
    """The best model, and the means and standard deviations of the folds' errors.

    None if this is no search over penalties, judged by the unweighted root mean squared error.
    """
    if type(estimator) is not LinearRegression or type(evaluator) is not RegressionEvaluator or folds > _MAX_FOLDS:
        return None
    points = _points(estimator, maps)
    if points is None or not _plain(estimator, evaluator) or not _narrow(dataset, estimator.getFeaturesCol()):
        return None
    regs, nets = (list(dict.fromkeys(point[at] for point in points)) for at in (0, 1))
    if len(set(points)) != len(regs) * len(nets):
        return None
    with running(dataset):
        found, native = _internal.fit_linear_regression_path(
            frame_of(dataset), estimator._native_params(dataset), regs, nets, folds, seed
        )
    # The engine divides by one less than the folds, Spark by the folds.
    to_population = math.sqrt((folds - 1) / folds)
    errors = {(reg, net): (mean, std * to_population) for reg, net, mean, std in found}
    averages = [errors[point][0] for point in points]
    deviations = [errors[point][1] for point in points]
    chosen = best(averages, larger=False)
    if points[chosen] != min(found, key=lambda point: point[2])[:2]:
        return estimator.fit(dataset, maps[chosen]), averages, deviations
    return LinearRegressionModel._trained(native, estimator.copy(maps[chosen]), dataset), averages, deviations


def _points(estimator: LinearRegression, maps: list[ParamMap]) -> list[tuple[float, float]] | None:
    """The penalties of each of the dicts; None if there are other parameters in them."""
    penalties = {estimator.regParam, estimator.elasticNetParam}
    if any(set(values) - penalties for values in maps):
        return None
    copies = [estimator.copy(values) for values in maps]
    return [(copy.getRegParam(), copy.getElasticNetParam()) for copy in copies]


def _plain(estimator: LinearRegression, evaluator: RegressionEvaluator) -> bool:
    """Whether the evaluator judges what the estimator predicts, by the error that the engine sums."""
    return (
        evaluator.getMetricName() == "rmse"
        and evaluator.getLabelCol() == estimator.getLabelCol()
        and evaluator.getPredictionCol() == estimator.getPredictionCol()
        and weight_of(evaluator) is None
        and weight_of(estimator) is None
    )


def _narrow(dataset: DataFrame, features: str) -> bool:
    data_type = frame_of(dataset).schema().field(attribute_of(dataset, features).field).type
    if pa.types.is_fixed_size_list(data_type):
        return bool(data_type.list_size <= _MAX_FEATURES)
    first = dataset.select(features).first()
    return first is not None and first[0] is not None and len(first[0]) <= _MAX_FEATURES
