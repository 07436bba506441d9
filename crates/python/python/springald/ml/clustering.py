"""k-means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springald import _internal
from springald.errors import SpringaldException
from springald.ml._data import field_of, frame_of, ml_errors, running, with_column
from springald.ml._native import NativeModel, numbers_of, require, weight_field
from springald.ml.base import Estimator
from springald.ml.linalg._numbers import doubles
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import (
    HasDistanceMeasure,
    HasFeaturesCol,
    HasIntermediateStorageLevel,
    HasMaxBlockSizeInMB,
    HasMaxIter,
    HasPredictionCol,
    HasSeed,
    HasSolver,
    HasTol,
    HasWeightCol,
)
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["KMeans", "KMeansModel", "KMeansSummary"]


class _KMeansParams(
    HasMaxIter,
    HasFeaturesCol,
    HasSeed,
    HasPredictionCol,
    HasTol,
    HasDistanceMeasure,
    HasWeightCol,
    HasSolver,
    HasMaxBlockSizeInMB,
    HasIntermediateStorageLevel,
):
    """The parameters of k-means and its models."""

    k = param("k", "how many clusters to look for, at least 2", TypeConverters.toInt)
    getK = get_k = getter(k)
    setK = set_k = setter(k)
    initMode = param("initMode", "where the centres begin: 'k-means||' or 'random' rows", TypeConverters.toString)
    getInitMode = get_init_mode = getter(initMode)
    setInitMode = set_init_mode = setter(initMode)
    initSteps = param("initSteps", "rounds of k-means||, at least 1", TypeConverters.toInt)
    getInitSteps = get_init_steps = getter(initSteps)
    setInitSteps = set_init_steps = setter(initSteps)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(
            k=2,
            initMode="k-means||",
            initSteps=2,
            tol=1e-4,
            maxIter=20,
            distanceMeasure="euclidean",
            solver="auto",
            maxBlockSizeInMB=0.0,
        )


class KMeans(_KMeansParams, Estimator["KMeansModel"], DefaultParamsWritable, DefaultParamsReadable):
    """k-means by Lloyd's algorithm, with the parameters and the behaviour of Spark's.

    `solver`, `maxBlockSizeInMB` and `intermediateStorageLevel` are known for Spark's sake and have no effect.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(Vectors.dense(0.0, 0.0),), (Vectors.dense(1.0, 1.0),), (Vectors.dense(9.0, 8.0),)]
    >>> df = spark.createDataFrame(rows, ["features"])
    >>> model = KMeans(k=2, seed=1).fit(df)
    >>> sorted(center.tolist() for center in model.clusterCenters())
    [[0.5, 0.5], [9.0, 8.0]]
    >>> model.summary.trainingCost
    1.0
    """

    def __init__(
        self,
        *,
        featuresCol: str | None = None,
        predictionCol: str | None = None,
        k: int | None = None,
        initMode: str | None = None,
        initSteps: int | None = None,
        tol: float | None = None,
        maxIter: int | None = None,
        seed: int | None = None,
        distanceMeasure: str | None = None,
        weightCol: str | None = None,
        solver: str | None = None,
        maxBlockSizeInMB: float | None = None,
        intermediateStorageLevel: str | None = None,
    ) -> None:
        super().__init__()
        self._set(
            featuresCol=featuresCol,
            predictionCol=predictionCol,
            k=k,
            initMode=initMode,
            initSteps=initSteps,
            tol=tol,
            maxIter=maxIter,
            seed=seed,
            distanceMeasure=distanceMeasure,
            weightCol=weightCol,
            solver=solver,
            maxBlockSizeInMB=maxBlockSizeInMB,
            intermediateStorageLevel=intermediateStorageLevel,
        )

    def _fit(self, dataset: DataFrame) -> KMeansModel:
        require(self, "k", self.getK() > 1, "at least 2")
        require(self, "maxIter", self.getMaxIter() >= 0, "0 or more")
        require(self, "initSteps", self.getInitSteps() > 0, "at least 1")
        require(self, "solver", self.getSolver() in ("auto", "row", "block"), "auto, row or block")
        names = ("k", "initMode", "initSteps", "tol", "maxIter", "seed", "distanceMeasure")
        params = {name: self.getOrDefault(name) for name in names}
        params["featuresCol"] = field_of(dataset, self.getFeaturesCol())
        params["weightCol"] = weight_field(self, dataset)
        with running(dataset):
            native = _internal.fit_k_means(frame_of(dataset), params)
        model = KMeansModel._of(native, self)
        model._training = dataset
        return model


class KMeansModel(_KMeansParams, NativeModel):
    """Centres of clusters, and what finds the cluster of a row.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(Vectors.dense(0.0),), (Vectors.dense(1.0),), (Vectors.dense(9.0),)]
    >>> df = spark.createDataFrame(rows, ["features"])
    >>> model = KMeans(k=2, seed=1).fit(df)
    >>> found = [row.prediction for row in model.transform(df).collect()]
    >>> found[0] == found[1] != found[2]
    True
    """

    _kind = _internal.KMeansModel
    _training: DataFrame | None = None

    def clusterCenters(self) -> list[Any]:
        """The centres, as arrays, by the number of their cluster.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(0.0),), (Vectors.dense(1.0),)], ["features"])
        >>> sorted(center.tolist() for center in KMeans(k=2).fit(df).clusterCenters())
        [[0.0], [1.0]]
        """
        return [doubles(centre) for centre in self._native.centres()]

    def predict(self, value: Any) -> int:
        """The cluster of one row.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(0.0),), (Vectors.dense(1.0),)], ["features"])
        >>> model = KMeans(k=2).fit(df)
        >>> model.clusterCenters()[model.predict([0.2])].tolist()
        [0.0]
        """
        with ml_errors():
            return int(self._native.predict(numbers_of(value)))

    @property
    def numFeatures(self) -> int:
        """How long the centres are.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(0.0),), (Vectors.dense(1.0),)], ["features"])
        >>> KMeans(k=2).fit(df).numFeatures
        1
        """
        return len(self._native.centres()[0])

    @property
    def hasSummary(self) -> bool:
        """Whether the model was fitted here, and not loaded.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(0.0),), (Vectors.dense(1.0),)], ["features"])
        >>> KMeans(k=2).fit(df).hasSummary
        True
        """
        return self._training is not None and self._native.summary() is not None

    @property
    def summary(self) -> KMeansSummary:
        """How the fit went.

        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(0.0),), (Vectors.dense(1.0),)], ["features"])
        >>> KMeans(k=2).fit(df).summary.clusterSizes
        [1, 1]
        """
        if self._training is None or self._native.summary() is None:
            raise SpringaldException(
                f"No training summary available for this {type(self).__name__}", "it is not saved: fit the model anew"
            )
        return KMeansSummary(self, self._training)

    cluster_centers = clusterCenters
    num_features = numFeatures
    has_summary = hasSummary

    def _facts(self) -> dict[str, Any]:
        measure = self.getDistanceMeasure()
        return {"k": len(self._native.centres()), "distanceMeasure": measure, "numFeatures": self.numFeatures}

    def _transform(self, dataset: DataFrame) -> DataFrame:
        features = field_of(dataset, self.getFeaturesCol())
        return with_column(
            dataset, self.getPredictionCol(), lambda frame, field: self._native.transform(frame, features, field)
        )


class KMeansSummary:
    """How a fit of k-means went.

    >>> from springald.ml.linalg import Vectors
    >>> rows = [(Vectors.dense(0.0),), (Vectors.dense(1.0),), (Vectors.dense(9.0),)]
    >>> summary = KMeans(k=2, seed=1).fit(spark.createDataFrame(rows, ["features"])).summary
    >>> summary.k, sorted(summary.clusterSizes), summary.trainingCost
    (2, [1, 2], 0.5)
    >>> summary.cluster.columns, summary.predictions.columns
    (['prediction'], ['features', 'prediction'])
    """

    def __init__(self, model: KMeansModel, training: DataFrame) -> None:
        self._model = model
        self._training = training
        self._values = model._native.summary()

    @property
    def k(self) -> int:
        """How many clusters were looked for."""
        return self._model.getK()

    @property
    def numIter(self) -> int:
        """Iterations that were made."""
        return int(self._values["numIter"])

    @property
    def trainingCost(self) -> float:
        """The sum of the squared distances from the centres that the last iteration began with."""
        return float(self._values["trainingCost"])

    @property
    def clusterSizes(self) -> list[int]:
        """Rows of each cluster."""
        return list(self._values["clusterSizes"])

    @property
    def featuresCol(self) -> str:
        """The column of the features."""
        return self._model.getFeaturesCol()

    @property
    def predictionCol(self) -> str:
        """The column of the clusters."""
        return self._model.getPredictionCol()

    @property
    def predictions(self) -> DataFrame:
        """The rows of the fit with their clusters."""
        return self._model.transform(self._training)

    @property
    def cluster(self) -> DataFrame:
        """The clusters of the rows of the fit."""
        return self.predictions.select(self.predictionCol)

    num_iter = numIter
    training_cost = trainingCost
    cluster_sizes = clusterSizes
    features_col = featuresCol
    prediction_col = predictionCol
