"""Estimators, transformers and models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from springald.ml.param import Params
from springald.ml.param._params import ParamMap

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["Estimator", "Model", "Transformer"]

M = TypeVar("M")


class _FitMultiple(Iterator[tuple[int, M]], Generic[M]):
    """Fits as they are asked for, by any thread."""

    def __init__(self, estimator: Estimator[M], dataset: DataFrame, maps: Sequence[ParamMap]) -> None:
        # Later changes of the estimator do not reach fits that are yet to come.
        self._estimator = estimator.copy()
        self._dataset = dataset
        self._maps = list(maps)
        self._next = 0
        self._lock = Lock()

    def __next__(self) -> tuple[int, M]:
        with self._lock:
            at = self._next
            if at >= len(self._maps):
                raise StopIteration
            self._next += 1
        return at, self._estimator.fit(self._dataset, self._maps[at])


class Estimator(Params, ABC, Generic[M]):
    """What learns from a DataFrame. A subclass defines `_fit`.

    >>> from springald.ml.feature import StandardScaler
    >>> isinstance(StandardScaler(), Estimator)
    True
    """

    @abstractmethod
    def _fit(self, dataset: DataFrame) -> M:
        """The model of a DataFrame, by the parameters of this object."""

    @overload
    def fit(self, dataset: DataFrame, params: ParamMap | None = None) -> M: ...
    @overload
    def fit(self, dataset: DataFrame, params: list[ParamMap] | tuple[ParamMap, ...]) -> list[M]: ...
    def fit(self, dataset: DataFrame, params: Any = None) -> M | list[M]:
        """Fits a model to a DataFrame, with other values of parameters if some are given.

        Args:
            dataset: The rows to learn from.
            params: A dict from parameter to value. Of a list of dicts, a list of models is made.

        >>> from springald.ml.feature import StandardScaler
        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
        >>> scaler = StandardScaler(inputCol="x", outputCol="y")
        >>> scaler.fit(df).mean
        DenseVector([2.0])
        >>> [m.getOutputCol() for m in scaler.fit(df, [{scaler.outputCol: "a"}, {scaler.outputCol: "b"}])]
        ['a', 'b']
        """
        if isinstance(params, (list, tuple)):
            return [model for _, model in sorted(self.fitMultiple(dataset, params), key=lambda found: found[0])]
        if params is not None and not isinstance(params, dict):
            raise TypeError(f"Params must be either a param map or a list/tuple of param maps, but got {type(params)}.")
        return self.copy(params)._fit(dataset) if params else self._fit(dataset)

    def fitMultiple(self, dataset: DataFrame, paramMaps: Sequence[ParamMap]) -> Iterator[tuple[int, M]]:
        """Fits a model for each dict of parameters, as the iterator is asked for them; threads may share it.

        >>> from springald.ml.feature import StandardScaler
        >>> from springald.ml.linalg import Vectors
        >>> df = spark.createDataFrame([(Vectors.dense(1.0),), (Vectors.dense(3.0),)], ["x"])
        >>> scaler = StandardScaler(inputCol="x")
        >>> [(at, m.getOutputCol()) for at, m in scaler.fitMultiple(df, [{scaler.outputCol: "a"}])]
        [(0, 'a')]
        """
        return _FitMultiple(self, dataset, paramMaps)

    fit_multiple = fitMultiple


class Transformer(Params, ABC):
    """What makes a DataFrame of another. A subclass defines `_transform`.

    >>> from springald.ml.feature import VectorAssembler
    >>> isinstance(VectorAssembler(), Transformer)
    True
    """

    @abstractmethod
    def _transform(self, dataset: DataFrame) -> DataFrame:
        """The DataFrame that is made, by the parameters of this object."""

    def transform(self, dataset: DataFrame, params: ParamMap | None = None) -> DataFrame:
        """Makes a DataFrame of another, with other values of parameters if some are given.

        >>> from springald.ml.feature import VectorAssembler
        >>> assembler = VectorAssembler(inputCols=["a", "b"], outputCol="v")
        >>> df = spark.createDataFrame([(1, 2.0)], ["a", "b"])
        >>> assembler.transform(df, {assembler.inputCols: ["b"]}).first().v
        DenseVector([2.0])
        """
        if params is not None and not isinstance(params, dict):
            raise TypeError(f"Params must be a param map but got {type(params)}.")
        return self.copy(params)._transform(dataset) if params else self._transform(dataset)


class Model(Transformer, ABC):
    """What an estimator learned.

    >>> from springald.ml.clustering import KMeansModel
    >>> issubclass(KMeansModel, Model)
    True
    """
