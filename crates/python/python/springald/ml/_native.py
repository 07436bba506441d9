"""Models whose work the engine does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from springald.errors import IllegalArgumentException
from springald.ml._data import ml_errors, numeric_field
from springald.ml.base import Model
from springald.ml.linalg._vectors import as_vector
from springald.ml.param import Params
from springald.ml.param.shared import HasWeightCol
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

N = TypeVar("N", bound="NativeModel")


class Native(Protocol):
    """What the engine has for a model."""

    def save(self, path: str, overwrite: bool) -> None:
        """Writes the model into a folder."""

    @staticmethod
    def load(path: str) -> Any:
        """Reads what `save` wrote."""


class NativeModel(Model, DefaultParamsWritable, DefaultParamsReadable):
    """A model of the engine with its parameters. It is saved as `metadata.json` beside the engine's own `model`."""

    _kind: ClassVar[type[Native]]
    _native: Any

    @classmethod
    def _of(cls: type[N], native: Any, estimator: Params | None = None) -> N:
        """What the engine has, with the uid and the values of the estimator that was fitted, as in Spark."""
        model = cls()
        model._native = native
        if estimator is not None:
            model._resetUid(estimator.uid)
            estimator._copyValues(model)
        return model

    def _facts(self) -> dict[str, Any]:
        """What `repr` tells of the model."""
        return {}

    def __repr__(self) -> str:
        facts = {"uid": self.uid, **self._facts()}
        shown = ", ".join(f"{name}={str(v).lower() if isinstance(v, bool) else v}" for name, v in facts.items())
        return f"{type(self).__name__}: {shown}"

    def _save_parts(self, folder: Path) -> None:
        with ml_errors():
            self._native.save(str(folder / "model"), False)

    @classmethod
    def _load_parts(cls: type[N], folder: Path, metadata: dict[str, Any]) -> N:
        with ml_errors():
            return cls._of(cls._kind.load(str(folder / "model")))


def require(params: Params, name: str, fine: bool, range_: str) -> None:
    """Refuses a value of a parameter.

    Raises:
        IllegalArgumentException: If it is not fine. The message names parameter, value and range.
    """
    if not fine:
        value = params.getOrDefault(name)
        raise IllegalArgumentException(f"{params.uid} parameter {name} given invalid value {value}: it is {range_}.")


def weight_of(params: HasWeightCol) -> str | None:
    """The column of the weights; None if it is not set or, as Spark allows, empty."""
    return (params.getWeightCol() or None) if params.isDefined("weightCol") else None


def weight_field(params: HasWeightCol, dataset: DataFrame) -> str | None:
    """The field of the column of the weights, if there is one."""
    name = weight_of(params)
    return None if name is None else numeric_field(dataset, name)


def numbers_of(vector: Any) -> list[float]:
    """The values of a vector, list or array."""
    return [float(value) for value in as_vector(vector).toArray().tolist()]
