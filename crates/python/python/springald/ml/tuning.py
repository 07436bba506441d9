"""The search for good values of parameters."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from springald.ml import _penalties
from springald.ml._folds import Numbered, folds_of, random_folds
from springald.ml._native import require
from springald.ml._search import Search, SearchModel, SearchParams, best, load, save, scores
from springald.ml.base import Estimator
from springald.ml.evaluation import Evaluator
from springald.ml.param import Param, TypeConverters
from springald.ml.param._params import ParamMap, getter, param, setter

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = [
    "CrossValidator",
    "CrossValidatorModel",
    "ParamGridBuilder",
    "TrainValidationSplit",
    "TrainValidationSplitModel",
]


class ParamGridBuilder:
    """Every combination of values of parameters.

    >>> from springald.ml.regression import LinearRegression
    >>> lr = LinearRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.1, 0.2]).addGrid(lr.maxIter, [10]).build()
    >>> [(values[lr.regParam], values[lr.maxIter]) for values in grid]
    [(0.1, 10), (0.2, 10)]
    """

    def __init__(self) -> None:
        self._grid: dict[Param[Any], list[Any]] = {}

    def addGrid(self, param: Param[Any], values: list[Any]) -> ParamGridBuilder:
        """Values of a parameter to be tried.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans()
        >>> len(ParamGridBuilder().addGrid(kmeans.k, [2, 3]).build())
        2
        """
        if not isinstance(param, Param):
            raise TypeError("param must be an instance of Param")
        self._grid[param] = list(values)
        return self

    def baseOn(self, *args: Any) -> ParamGridBuilder:
        """One value for each of some parameters, as a dict or as pairs.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans()
        >>> [values[kmeans.k] for values in ParamGridBuilder().baseOn({kmeans.k: 3}).build()]
        [3]
        """
        for pair in args[0].items() if args and isinstance(args[0], dict) else args:
            self.addGrid(pair[0], [pair[1]])
        return self

    def build(self) -> list[ParamMap]:
        """The combinations, the last parameter changing first.

        >>> ParamGridBuilder().build()
        [{}]
        """
        params = list(self._grid)
        values = [[param.typeConverter(value) for value in self._grid[param]] for param in params]
        return [dict(zip(params, combination, strict=True)) for combination in itertools.product(*values)]

    add_grid = addGrid
    base_on = baseOn


class _CrossValidatorParams(SearchParams):
    """The parameters of cross-validation."""

    numFolds = param("numFolds", "how many folds there are, at least 2", TypeConverters.toInt)
    getNumFolds = get_num_folds = getter(numFolds)
    setNumFolds = set_num_folds = setter(numFolds)
    foldCol = param(
        "foldCol",
        "name of a column with the number of each row's fold; if empty, folds are random",
        TypeConverters.toString,
    )
    getFoldCol = get_fold_col = getter(foldCol)
    setFoldCol = set_fold_col = setter(foldCol)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(numFolds=3, foldCol="")


class CrossValidator(_CrossValidatorParams, Search, Estimator["CrossValidatorModel"]):
    """Fits an estimator with several values of parameters, each on all folds of the rows but one, and keeps the best.

    The mean over the folds of what the evaluator says decides; the model is then fitted to all rows. Which fold a row
    is in depends on its values and the seed, so equal rows are never on both sides; or a column says it (`foldCol`).

    A grid over `regParam` and `elasticNetParam` of a LinearRegression, judged by `rmse`, needs one pass over the rows
    for all fits of all folds.

    >>> from springald.ml.evaluation import RegressionEvaluator
    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> rows = [(2.0 * x + x % 3, Vectors.dense(x), x % 2) for x in range(12)]
    >>> df = spark.createDataFrame(rows, ["label", "features", "fold"])
    >>> lr = LinearRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 100.0]).build()
    >>> cv = CrossValidator(
    ...     estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), numFolds=2, foldCol="fold"
    ... )
    >>> model = cv.fit(df)
    >>> model.bestModel.getRegParam(), model.avgMetrics[0] < model.avgMetrics[1]
    (0.0, True)
    """

    def __init__(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: list[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        numFolds: int | None = None,
        seed: int | None = None,
        parallelism: int | None = None,
        collectSubModels: bool | None = None,
        foldCol: str | None = None,
    ) -> None:
        super().__init__()
        self._set(
            estimator=estimator,
            estimatorParamMaps=estimatorParamMaps,
            evaluator=evaluator,
            numFolds=numFolds,
            seed=seed,
            parallelism=parallelism,
            collectSubModels=collectSubModels,
            foldCol=foldCol,
        )

    def _fit(self, dataset: DataFrame) -> CrossValidatorModel:
        estimator, maps, evaluator = self._checked()
        require(self, "numFolds", self.getNumFolds() >= 2, "at least 2")
        if not self.getFoldCol() and not self.getCollectSubModels():
            found = _penalties.search(dataset, estimator, maps, evaluator, self.getNumFolds(), self.getSeed())
            if found is not None:
                return self._named(CrossValidatorModel(*found))
        metrics: list[list[float]] = []
        models: list[list[Any]] = []
        for parts in self._folds(dataset):
            scored = scores(estimator, maps, evaluator, parts, self.getParallelism())
            metrics.append([metric for metric, _ in scored])
            models.append([model for _, model in scored])
        averages = [statistics.fmean(of_map) for of_map in zip(*metrics, strict=True)]
        deviations = [statistics.pstdev(of_map) for of_map in zip(*metrics, strict=True)]
        chosen = best(averages, evaluator.isLargerBetter())
        model = estimator.fit(dataset, maps[chosen])
        kept = models if self.getCollectSubModels() else None
        return self._named(CrossValidatorModel(model, averages, deviations, kept))

    def _folds(self, dataset: DataFrame) -> Iterator[tuple[DataFrame, DataFrame]]:
        if self.getFoldCol():
            return folds_of(dataset, self.getFoldCol(), self.getNumFolds())
        return random_folds(dataset, self.getNumFolds(), self.getSeed())


class CrossValidatorModel(SearchModel, _CrossValidatorParams):
    """The best model of a cross-validation, and what the evaluator said of all.

    >>> from springald.ml.evaluation import RegressionEvaluator
    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> df = spark.createDataFrame([(float(x), Vectors.dense(x)) for x in range(20)], ["label", "features"])
    >>> lr = LinearRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 9.0]).build()
    >>> model = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=1).fit(df)
    >>> len(model.avgMetrics), len(model.stdMetrics), model.subModels
    (2, 2, None)
    """

    def __init__(
        self,
        bestModel: Any,
        avgMetrics: list[float] | None = None,
        stdMetrics: list[float] | None = None,
        subModels: list[list[Any]] | None = None,
    ) -> None:
        super().__init__(bestModel, subModels)
        self.avgMetrics = avgMetrics or []
        self.stdMetrics = stdMetrics or []

    @property
    def avg_metrics(self) -> list[float]:
        """The same as `avgMetrics`."""
        return self.avgMetrics

    @property
    def std_metrics(self) -> list[float]:
        """The same as `stdMetrics`."""
        return self.stdMetrics

    def _values(self) -> dict[str, Any]:
        return {"avgMetrics": self.avgMetrics, "stdMetrics": self.stdMetrics}

    def _save_parts(self, folder: Path) -> None:
        super()._save_parts(folder)
        for fold, models in enumerate(self.subModels or []):
            for at, model in enumerate(models):
                save(self, model, folder / "subModels" / f"{fold:04}" / f"{at:04}")

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> CrossValidatorModel:
        folds = sorted((folder / "subModels").glob("*"))
        return cls._loaded(folder, [[load(model) for model in sorted(fold.glob("*"))] for fold in folds])


class _TrainValidationSplitParams(SearchParams):
    """The parameters of a split in two."""

    trainRatio = param("trainRatio", "which part of the rows is fitted to, from 0 to 1", TypeConverters.toFloat)
    getTrainRatio = get_train_ratio = getter(trainRatio)
    setTrainRatio = set_train_ratio = setter(trainRatio)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(trainRatio=0.75)


class TrainValidationSplit(_TrainValidationSplitParams, Search, Estimator["TrainValidationSplitModel"]):
    """Fits an estimator with several values of parameters to a part of the rows, and keeps what is best on the others.

    >>> from springald.ml.evaluation import RegressionEvaluator
    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> df = spark.createDataFrame([(float(x), Vectors.dense(x)) for x in range(20)], ["label", "features"])
    >>> lr = LinearRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 9.0]).build()
    >>> split = TrainValidationSplit(estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=1)
    >>> split.fit(df).bestModel.getRegParam()
    0.0
    """

    def __init__(
        self,
        *,
        estimator: Estimator[Any] | None = None,
        estimatorParamMaps: list[ParamMap] | None = None,
        evaluator: Evaluator | None = None,
        trainRatio: float | None = None,
        parallelism: int | None = None,
        collectSubModels: bool | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self._set(
            estimator=estimator,
            estimatorParamMaps=estimatorParamMaps,
            evaluator=evaluator,
            trainRatio=trainRatio,
            parallelism=parallelism,
            collectSubModels=collectSubModels,
            seed=seed,
        )

    def _fit(self, dataset: DataFrame) -> TrainValidationSplitModel:
        estimator, maps, evaluator = self._checked()
        require(self, "trainRatio", 0 < self.getTrainRatio() < 1, "a number between 0 and 1")
        parts = Numbered(dataset, self.getSeed()).outside_and_inside(self.getTrainRatio(), 1.0)
        scored = scores(estimator, maps, evaluator, parts, self.getParallelism())
        metrics = [metric for metric, _ in scored]
        model = estimator.fit(dataset, maps[best(metrics, evaluator.isLargerBetter())])
        models = [model for _, model in scored] if self.getCollectSubModels() else None
        return self._named(TrainValidationSplitModel(model, metrics, models))


class TrainValidationSplitModel(SearchModel, _TrainValidationSplitParams):
    """The best model of a split in two, and what the evaluator said of all.

    >>> from springald.ml.evaluation import RegressionEvaluator
    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> df = spark.createDataFrame([(float(x), Vectors.dense(x)) for x in range(20)], ["label", "features"])
    >>> lr = LinearRegression()
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 9.0]).build()
    >>> split = TrainValidationSplit(estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=1)
    >>> len(split.fit(df).validationMetrics)
    2
    """

    def __init__(
        self, bestModel: Any, validationMetrics: list[float] | None = None, subModels: list[Any] | None = None
    ) -> None:
        super().__init__(bestModel, subModels)
        self.validationMetrics = validationMetrics or []

    @property
    def validation_metrics(self) -> list[float]:
        """The same as `validationMetrics`."""
        return self.validationMetrics

    def _values(self) -> dict[str, Any]:
        return {"validationMetrics": self.validationMetrics}

    def _save_parts(self, folder: Path) -> None:
        super()._save_parts(folder)
        for at, model in enumerate(self.subModels or []):
            save(self, model, folder / "subModels" / f"{at:04}")

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> TrainValidationSplitModel:
        return cls._loaded(folder, [load(model) for model in sorted((folder / "subModels").glob("*"))])
