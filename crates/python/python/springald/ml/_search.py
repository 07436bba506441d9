"""What CrossValidator and TrainValidationSplit have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from springald.errors import IllegalArgumentException
from springald.ml._native import require
from springald.ml.base import Estimator, Model
from springald.ml.evaluation import Evaluator
from springald.ml.param import Params, TypeConverters
from springald.ml.param._params import ParamMap, getter, param, setter
from springald.ml.param.shared import HasCollectSubModels, HasParallelism, HasSeed
from springald.ml.util import DefaultParamsReadable, DefaultParamsReader, DefaultParamsWritable, MLWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

_M = TypeVar("_M", bound="SearchModel")


class SearchParams(HasSeed):
    """What is fitted, by which values of parameters, and how it is judged."""

    estimator = param("estimator", "what is fitted", TypeConverters.identity)
    getEstimator = get_estimator = getter(estimator)
    setEstimator = set_estimator = setter(estimator)
    estimatorParamMaps = param(
        "estimatorParamMaps", "values of parameters to be tried, as dicts", TypeConverters.identity
    )
    getEstimatorParamMaps = get_estimator_param_maps = getter(estimatorParamMaps)
    setEstimatorParamMaps = set_estimator_param_maps = setter(estimatorParamMaps)
    evaluator = param("evaluator", "what judges the predictions", TypeConverters.identity)
    getEvaluator = get_evaluator = getter(evaluator)
    setEvaluator = set_evaluator = setter(evaluator)
    _parts = frozenset({"estimator", "estimatorParamMaps", "evaluator"})

    def copy(self, extra: ParamMap | None = None) -> Any:
        """A copy with copies of the estimator and the evaluator, and with some values over their own."""
        that = super().copy(extra)
        for name in ("estimator", "evaluator"):
            if that.isDefined(name):
                that._set(**{name: that.getOrDefault(name).copy(extra)})
        return that

    def _save_parts(self, folder: Path) -> None:
        for name in ("estimator", "evaluator"):
            if self.isDefined(name):
                save(self, self.getOrDefault(name), folder / name)
        if self.isDefined("estimatorParamMaps"):
            maps = [
                [{"parent": p.parent, "name": p.name, "value": value} for p, value in values.items()]
                for values in self.getEstimatorParamMaps()
            ]
            (folder / "estimatorParamMaps.json").write_text(_json(self, maps), encoding="utf-8")

    def _load_params(self, folder: Path) -> None:
        owners: dict[str, Params] = {}
        for name in ("estimator", "evaluator"):
            if (folder / name).is_dir():
                part = load(folder / name)
                self._set(**{name: part})
                owners.update((owner.uid, owner) for owner in _owners(part))
        if (folder / "estimatorParamMaps.json").is_file():
            maps = json.loads((folder / "estimatorParamMaps.json").read_text(encoding="utf-8"))
            self._set(
                estimatorParamMaps=[
                    {owners[entry["parent"]].getParam(entry["name"]): entry["value"] for entry in values}
                    for values in maps
                ]
            )


class Search(SearchParams, HasParallelism, HasCollectSubModels, DefaultParamsWritable, DefaultParamsReadable):
    """An estimator that fits another with several values of parameters, and keeps the best."""

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(parallelism=1, collectSubModels=False)

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> Search:
        search = cls()
        search._load_params(folder)
        return search

    def _checked(self) -> tuple[Estimator[Any], list[ParamMap], Evaluator]:
        """What is fitted, by which values, and how it is judged.

        Raises:
            IllegalArgumentException: If one of these is missing, or nothing could run.
        """
        for name in ("estimator", "estimatorParamMaps", "evaluator"):
            if not self.isDefined(name):
                raise IllegalArgumentException(f"{type(self).__name__} has no {name}: set it")
        require(self, "estimatorParamMaps", len(self.getEstimatorParamMaps()) > 0, "a list of at least one dict")
        require(self, "parallelism", self.getParallelism() >= 1, "at least 1")
        return self.getEstimator(), list(self.getEstimatorParamMaps()), self.getEvaluator()

    def _named(self, model: _M) -> _M:
        """The model with the name and the parameters of its search."""
        model._resetUid(self.uid)
        self._copyValues(model)
        return model


class SearchModel(SearchParams, Model, DefaultParamsWritable, DefaultParamsReadable):
    """The best model of a search."""

    def __init__(self, bestModel: Any, subModels: list[Any] | None) -> None:
        super().__init__()
        self.bestModel = bestModel
        self.subModels = subModels

    @property
    def best_model(self) -> Any:
        """The same as `bestModel`."""
        return self.bestModel

    def copy(self, extra: ParamMap | None = None) -> Any:
        """A copy with a copy of the best model, and with some values over their own."""
        that = super().copy(extra)
        that.bestModel = self.bestModel.copy(extra)
        return that

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return self.bestModel.transform(dataset)  # type: ignore[no-any-return]

    def _values(self) -> dict[str, Any]:
        """What is saved beside the models."""
        raise NotImplementedError

    def _save_parts(self, folder: Path) -> None:
        super()._save_parts(folder)
        save(self, self.bestModel, folder / "bestModel")
        (folder / "metrics.json").write_text(_json(self, self._values()), encoding="utf-8")

    @classmethod
    def _loaded(cls: type[_M], folder: Path, models: list[Any]) -> _M:
        """What was saved, with the models of the search."""
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        model = cls(load(folder / "bestModel"), **metrics, subModels=models or None)
        model._load_params(folder)
        return model


def scores(
    estimator: Estimator[Any],
    maps: list[ParamMap],
    evaluator: Evaluator,
    parts: tuple[DataFrame, DataFrame],
    parallelism: int,
) -> list[tuple[float, Any]]:
    """For each of the values, what the evaluator says of the validation rows, and the model of the training rows."""
    training, validation = parts
    # A thread that fits must not see the values of another, so each has its own copy.
    models = estimator.fitMultiple(training, maps)

    def score() -> tuple[int, float, Any]:
        at, model = next(models)
        return at, evaluator.evaluate(model.transform(validation, maps[at])), model

    found = sorted(in_threads([score] * len(maps), parallelism), key=lambda scored: scored[0])
    return [(metric, model) for _, metric, model in found]


def in_threads(tasks: list[Callable[[], Any]], count: int) -> Iterator[Any]:
    """The results of calls, so many of them running at once. An interrupt or an error keeps others from beginning."""
    if count <= 1 or len(tasks) == 1:
        for task in tasks:
            yield task()
        return
    pool = ThreadPoolExecutor(min(count, len(tasks)), "springald-search")
    try:
        for future in [pool.submit(task) for task in tasks]:
            yield future.result()
    except KeyboardInterrupt:
        # Who interrupts does not want to wait for those that run.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def best(metrics: list[float], larger: bool) -> int:
    """The place of the best, and of equals the first."""
    return metrics.index(max(metrics) if larger else min(metrics))


def save(owner: Params, part: Any, path: Path) -> None:
    """Saves a part of something beside the rest.

    Raises:
        IllegalArgumentException: If it cannot be saved.
    """
    if not isinstance(part, MLWritable):
        hint = "let its class inherit DefaultParamsWritable and DefaultParamsReadable"
        raise IllegalArgumentException(f"{owner.uid} cannot be saved, as {part!r} cannot", hint)
    part.save(str(path))


def load(path: Path) -> Any:
    """A part that was saved."""
    return DefaultParamsReader.loadParamsInstance(str(path))


def _owners(part: Any) -> Iterator[Params]:
    """What has parameters: an estimator, and the stages of a pipeline."""
    yield part
    stages = part.getStages() if part.hasParam("stages") and part.isDefined("stages") else []
    nested = [part.getOrDefault(n) for n in ("estimator", "evaluator") if part.hasParam(n) and part.isDefined(n)]
    for stage in [*stages, *nested]:
        yield from _owners(stage)


def _json(owner: Params, value: Any) -> str:
    try:
        return json.dumps(value, indent=2) + "\n"
    except TypeError as error:
        raise IllegalArgumentException(f"{owner.uid} cannot be saved: {error}") from None
