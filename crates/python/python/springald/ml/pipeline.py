"""Transformers and estimators, one after another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from springald.errors import IllegalArgumentException
from springald.ml.base import Estimator, Model, Transformer
from springald.ml.param import Params, TypeConverters
from springald.ml.param._params import ParamMap, getter, param, setter
from springald.ml.util import DefaultParamsReadable, DefaultParamsReader, DefaultParamsWritable, MLWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["Pipeline", "PipelineModel"]


class Pipeline(Estimator["PipelineModel"], DefaultParamsWritable, DefaultParamsReadable):
    """Stages that are fitted one after another, each to what those before make of the rows.

    >>> from springald.ml.feature import StandardScaler, VectorAssembler
    >>> assembler = VectorAssembler(inputCols=["a"], outputCol="v")
    >>> scaler = StandardScaler(inputCol="v", outputCol="scaled")
    >>> df = spark.createDataFrame([(1.0,), (3.0,)], ["a"])
    >>> model = Pipeline(stages=[assembler, scaler]).fit(df)
    >>> model.transform(df).columns
    ['a', 'v', 'scaled']
    """

    stages = param("stages", "estimators and transformers, in order", TypeConverters.toList)
    getStages = get_stages = getter(stages)
    setStages = set_stages = setter(stages)
    _parts = frozenset({"stages"})

    def __init__(self, *, stages: list[Any] | None = None) -> None:
        super().__init__()
        self._set(stages=stages)

    def _fit(self, dataset: DataFrame) -> PipelineModel:
        stages = self.getStages() if self.isDefined("stages") else []
        for stage in stages:
            if not isinstance(stage, (Estimator, Transformer)):
                raise TypeError(f"a stage of a pipeline is an Estimator or a Transformer, not {stage!r}")
        estimators = [at for at, stage in enumerate(stages) if isinstance(stage, Estimator)]
        last = estimators[-1] if estimators else -1
        fitted: list[Transformer] = []
        for at, stage in enumerate(stages):
            transformer = stage.fit(dataset) if isinstance(stage, Estimator) else stage
            fitted.append(transformer)
            if at < last:
                dataset = transformer.transform(dataset)
        return PipelineModel(fitted)

    def copy(self, extra: ParamMap | None = None) -> Pipeline:
        """A copy with copies of the stages, and with some values over their own.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans(k=2)
        >>> Pipeline(stages=[kmeans]).copy({kmeans.k: 5}).getStages()[0].getK()
        5
        """
        that = super().copy(extra)
        if that.isSet("stages"):
            that.setStages([_copied(stage, extra) for stage in that.getStages()])
        return that

    def _save_parts(self, folder: Path) -> None:
        _save_stages(self, self.getStages() if self.isDefined("stages") else [], folder)

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> Pipeline:
        return cls(stages=_load_stages(folder))


class PipelineModel(Model, DefaultParamsWritable, DefaultParamsReadable):
    """The fitted stages of a pipeline.

    >>> from springald.ml.feature import VectorAssembler
    >>> model = PipelineModel([VectorAssembler(inputCols=["a"], outputCol="v")])
    >>> model.transform(spark.createDataFrame([(1.0,)], ["a"])).first().v
    DenseVector([1.0])
    """

    def __init__(self, stages: list[Transformer]) -> None:
        super().__init__()
        self.stages = stages

    def _transform(self, dataset: DataFrame) -> DataFrame:
        for stage in self.stages:
            dataset = stage.transform(dataset)
        return dataset

    def copy(self, extra: ParamMap | None = None) -> PipelineModel:
        """A copy with copies of the stages, and with some values over their own.

        >>> from springald.ml.feature import VectorAssembler
        >>> assembler = VectorAssembler(inputCols=["a"], outputCol="v")
        >>> PipelineModel([assembler]).copy({assembler.outputCol: "w"}).stages[0].getOutputCol()
        'w'
        """
        that = super().copy()
        that.stages = [_copied(stage, extra) for stage in self.stages]
        return that

    def _save_parts(self, folder: Path) -> None:
        _save_stages(self, self.stages, folder)

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> PipelineModel:
        return cls(_load_stages(folder))


def _copied(stage: Any, extra: ParamMap | None) -> Any:
    return stage.copy(extra) if isinstance(stage, Params) else stage


def _save_stages(owner: Params, stages: list[Any], folder: Path) -> None:
    for stage in stages:
        if not isinstance(stage, MLWritable):
            hint = "let its class inherit DefaultParamsWritable and DefaultParamsReadable"
            raise IllegalArgumentException(f"{owner} cannot be saved, as its stage {stage!r} cannot", hint)
    for at, stage in enumerate(stages):
        stage.save(str(folder / "stages" / f"{at:04}_{stage.uid}"))


def _load_stages(folder: Path) -> list[Any]:
    found = sorted((folder / "stages").glob("[0-9]*_*"))
    return [DefaultParamsReader.loadParamsInstance(str(stage)) for stage in found]
