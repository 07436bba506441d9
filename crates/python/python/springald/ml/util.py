"""Saving and loading, and what classes of one's own need for it."""

from __future__ import annotations

import importlib
import time
from abc import abstractmethod
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from springald import _internal
from springald.errors import IllegalArgumentException, PySparkNotImplementedError
from springald.ml import _folders
from springald.ml.linalg import DenseMatrix, DenseVector, SparseMatrix, SparseVector
from springald.ml.param import Params
from springald.ml.param._params import Identifiable

__all__ = [
    "DefaultParamsReadable",
    "DefaultParamsReader",
    "DefaultParamsWritable",
    "DefaultParamsWriter",
    "Identifiable",
    "MLReadable",
    "MLReader",
    "MLWritable",
    "MLWriter",
    "keyword_only",
]

A = ParamSpec("A")
R = TypeVar("R")
T = TypeVar("T")

_LINEAR_ALGEBRA = {cls.__name__: cls for cls in (DenseVector, SparseVector, DenseMatrix, SparseMatrix)}


def keyword_only(method: Callable[A, R]) -> Callable[A, R]:
    """A method that takes keywords only, and finds those that were given in `self._input_kwargs`.

    >>> class Scale:
    ...     @keyword_only
    ...     def __init__(self, *, factor=1.0):
    ...         self.given = self._input_kwargs
    >>> Scale(factor=2.0).given, Scale().given
    ({'factor': 2.0}, {})
    """

    @wraps(method)
    def inner(*args: A.args, **kwargs: A.kwargs) -> R:
        if len(args) > 1:
            raise TypeError(f"Method {method.__name__} forces keyword arguments.")
        args[0]._input_kwargs = kwargs  # type: ignore[attr-defined]
        return method(*args, **kwargs)

    return inner


class MLWriter:
    """Writes an object into a folder.

    >>> import tempfile
    >>> from springald.ml.clustering import KMeans
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     KMeans(k=3).write().save(folder + "/kmeans")
    ...     KMeans(k=4).write().overwrite().save(folder + "/kmeans")
    ...     KMeans.load(folder + "/kmeans").getK()
    4
    """

    def __init__(self) -> None:
        self.shouldOverwrite = False

    def overwrite(self) -> MLWriter:
        """Lets what was saved at the path before give way.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().write().overwrite().shouldOverwrite
        True
        """
        self.shouldOverwrite = True
        return self

    def session(self, sparkSession: object) -> MLWriter:
        """Known for Spark's sake: a folder is written by this process, whatever the session.

        >>> from springald.ml.clustering import KMeans
        >>> type(KMeans().write().session(spark)).__name__
        'DefaultParamsWriter'
        """
        return self

    def save(self, path: str) -> None:
        """Writes the folder, whole or not at all.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().write().save("s3://bucket/kmeans")
        Traceback (most recent call last):
        springald.errors.IllegalArgumentException: models are not saved to s3:// addresses: ...
        """
        self.saveImpl(path)

    def saveImpl(self, path: str) -> None:
        """What `save` does; for writers of one's own."""
        raise PySparkNotImplementedError(f"{type(self).__name__} does not say how to save: define saveImpl")


class MLReader(Generic[T]):
    """Reads an object from a folder."""

    def session(self, sparkSession: object) -> MLReader[T]:
        """Known for Spark's sake: a folder is read by this process, whatever the session.

        >>> from springald.ml.clustering import KMeans
        >>> type(KMeans.read().session(spark)).__name__
        'DefaultParamsReader'
        """
        return self

    def load(self, path: str) -> T:
        """The object that was saved at a path."""
        raise PySparkNotImplementedError(f"{type(self).__name__} does not say how to load: define load")


class MLWritable:
    """What can be saved."""

    @abstractmethod
    def write(self) -> MLWriter:
        """What writes this object."""

    def save(self, path: str) -> None:
        """Saves the object into a new folder: `write().save(path)`.

        >>> import tempfile
        >>> from springald.ml.clustering import KMeans
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     KMeans(k=3).save(folder + "/kmeans")
        ...     KMeans.load(folder + "/kmeans").getK()
        3
        """
        self.write().save(path)


class MLReadable:
    """What can be loaded."""

    @classmethod
    def read(cls) -> MLReader[Any]:
        """What reads objects of this class."""
        raise PySparkNotImplementedError(f"{cls.__name__} does not say how to load: define read")

    @classmethod
    def load(cls, path: str) -> Any:
        """The object that was saved at a path: `read().load(path)`.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans.load("/no/such/folder")
        Traceback (most recent call last):
        springald.errors.IllegalArgumentException: no model can be loaded from /no/such/folder: it is not there
        hint: check the path
        """
        return cls.read().load(path)


class DefaultParamsWriter(MLWriter):
    """Writes the parameters of an object, and what its `_save_parts` puts beside them."""

    def __init__(self, instance: Params) -> None:
        super().__init__()
        self.instance = instance

    def saveImpl(self, path: str) -> None:
        """Writes the folder."""
        save_parts: Callable[[Path], None] = getattr(self.instance, "_save_parts", lambda folder: None)
        _folders.write(path, self.shouldOverwrite, _metadata(self.instance), save_parts)


class DefaultParamsReader(MLReader[T]):
    """Reads what `DefaultParamsWriter` wrote."""

    def __init__(self, cls: type[T]) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> T:
        """The object that was saved at a path."""
        metadata = _folders.read(path)
        found = _class_of(metadata)
        if not issubclass(found, self.cls):
            hint = f"use {found.__name__}.load"
            raise IllegalArgumentException(f"{path} holds a {found.__name__}, not a {self.cls.__name__}", hint)
        return _restored(found, metadata, _folders.local_path(path))  # type: ignore[no-any-return]

    @staticmethod
    def loadParamsInstance(path: str, sc: object = None) -> Any:
        """The object that was saved at a path, of whatever class it is.

        >>> import tempfile
        >>> from springald.ml.clustering import KMeans
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     KMeans(k=3).save(folder + "/any")
        ...     type(DefaultParamsReader.loadParamsInstance(folder + "/any")).__name__
        'KMeans'
        """
        found = _class_of(_folders.read(path))
        return found.load(str(path))


class DefaultParamsWritable(MLWritable):
    """Can be saved: its parameters are all there is to it, but for what `_save_parts` writes."""

    def write(self) -> MLWriter:
        """What writes this object.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().write().shouldOverwrite
        False
        """
        if not isinstance(self, Params):
            raise TypeError(f"{type(self).__name__} has no parameters: inherit Params as well")
        return DefaultParamsWriter(self)


class DefaultParamsReadable(MLReadable):
    """Can be loaded, if it was saved as `DefaultParamsWritable` does."""

    @classmethod
    def read(cls) -> MLReader[Any]:
        """What reads objects of this class.

        >>> from springald.ml.clustering import KMeans
        >>> type(KMeans.read()).__name__
        'DefaultParamsReader'
        """
        return DefaultParamsReader(cls)


def _metadata(instance: Params) -> dict[str, Any]:
    cls = type(instance)
    encoded = [
        {param.name: _encode(value) for param, value in values.items() if param.name not in _parts_of(cls)}
        for values in (instance._paramMap, instance._defaultParamMap)
    ]
    return {
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "version": _internal.__version__,
        "timestamp": int(time.time() * 1000),
        "uid": instance.uid,
        "paramMap": encoded[0],
        "defaultParamMap": encoded[1],
    }


def _parts_of(cls: type) -> frozenset[str]:
    """Parameters that `_save_parts` saves, as they are objects."""
    return getattr(cls, "_parts", frozenset())


def _class_of(metadata: dict[str, Any]) -> Any:
    module, _, name = metadata["class"].rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        hint = f"import the module {module} where it is loaded"
        raise IllegalArgumentException(f"the class {metadata['class']} is not there", hint) from None
    if not (isinstance(found, type) and issubclass(found, MLReadable)):
        raise IllegalArgumentException(f"{metadata['class']} is nothing that can be loaded")
    return found


def _restored(cls: Any, metadata: dict[str, Any], folder: Path) -> Any:
    load_parts = getattr(cls, "_load_parts", None)
    instance = cls() if load_parts is None else load_parts(folder, metadata)
    instance._resetUid(metadata["uid"])
    for name, value in metadata["paramMap"].items():
        instance._set(**{name: _decode(value)})
    for name, value in metadata["defaultParamMap"].items():
        instance._setDefault(**{name: _decode(value)})
    return instance


def _encode(value: Any) -> Any:
    """A value as JSON has it; vectors and matrices as how they are made."""
    kind = type(value).__name__
    if kind in _LINEAR_ALGEBRA:
        makes = {
            "DenseVector": ["values"],
            "SparseVector": ["size", "indices", "values"],
            "DenseMatrix": ["numRows", "numCols", "values", "isTransposed"],
            "SparseMatrix": ["numRows", "numCols", "colPtrs", "rowIndices", "values", "isTransposed"],
        }[kind]
        arguments = [getattr(value, name) for name in makes]
        return {"class": kind, "arguments": [a.tolist() if hasattr(a, "tolist") else a for a in arguments]}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class") in _LINEAR_ALGEBRA:
        return _LINEAR_ALGEBRA[value["class"]](*value["arguments"])
    return value
