"""A parameter, and what has parameters."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, overload

from springald.ml.param._converters import TypeConverters

T = TypeVar("T")
P = TypeVar("P", bound="Params")
C = TypeVar("C", bound="Callable[..., Any]")

ParamMap: TypeAlias = "dict[Param[Any], Any]"

#: The parent of the parameters of classes, of which each object gets its own.
_CLASS = "undefined"


class Identifiable:
    """What has a `uid`: the name of its class and a random number.

    >>> Identifiable().uid.startswith("Identifiable_")
    True
    """

    def __init__(self) -> None:
        self.uid = f"{type(self).__name__}_{uuid.uuid4().hex[-12:]}"

    def __repr__(self) -> str:
        return self.uid


class Param(Generic[T]):
    """The name of a parameter, what it means, and what its values are turned into. Its parent is what has it.

    >>> from springald.ml.clustering import KMeans
    >>> KMeans.k.name, KMeans.k.typeConverter(3.0)
    ('k', 3)
    """

    def __init__(
        self,
        parent: Identifiable,
        name: str,
        doc: str,
        typeConverter: Callable[[Any], T] | None = None,
    ) -> None:
        if not isinstance(parent, Identifiable):
            raise TypeError(f"Parent must be an Identifiable but got type {type(parent)}.")
        self.parent = parent.uid
        self.name = name
        self.doc = doc
        self.typeConverter: Callable[[Any], T] = typeConverter or TypeConverters.identity

    def _of(self, parent: str) -> Param[T]:
        param = copy.copy(self)
        param.parent = parent
        return param

    def __str__(self) -> str:
        return f"{self.parent}__{self.name}"

    def __repr__(self) -> str:
        return f"Param(parent={self.parent!r}, name={self.name!r}, doc={self.doc!r})"

    def __hash__(self) -> int:
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Param) and (self.parent, self.name) == (other.parent, other.name)


class Params(Identifiable):
    """What has parameters: those of its class, with values and defaults.

    >>> from springald.ml.clustering import KMeans
    >>> kmeans = KMeans(k=3)
    >>> print(kmeans.explainParam("k"))
    k: how many clusters to look for, at least 2 (default: 2, current: 3)
    """

    def __init__(self) -> None:
        super().__init__()
        self._paramMap: ParamMap = {}
        self._defaultParamMap: ParamMap = {}
        for param in _class_params(type(self)):
            setattr(self, param.name, param._of(self.uid))

    @staticmethod
    def _dummy() -> Params:
        """The parent of parameters that are declared in a class."""
        dummy = Params()
        dummy.uid = _CLASS
        return dummy

    @property
    def params(self) -> list[Param[Any]]:
        """All parameters, by name.

        >>> from springald.ml.feature import VectorAssembler
        >>> [param.name for param in VectorAssembler().params]
        ['handleInvalid', 'inputCols', 'outputCol']
        """
        names = sorted(name for name, value in vars(self).items() if isinstance(value, Param))
        return [getattr(self, name) for name in names]

    def explainParam(self, param: str | Param[Any]) -> str:
        """Name, meaning, default and value of a parameter.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().explainParam("maxIter")
        'maxIter: most iterations, 0 or more (default: 20)'
        """
        param = self._resolve(param)
        values = []
        if param in self._defaultParamMap:
            values.append(f"default: {self._defaultParamMap[param]}")
        if param in self._paramMap:
            values.append(f"current: {self._paramMap[param]}")
        return f"{param.name}: {param.doc} ({', '.join(values) or 'undefined'})"

    def explainParams(self) -> str:
        """A line for each parameter: its name, meaning, default and value.

        >>> from springald.ml.feature import VectorAssembler
        >>> print(VectorAssembler(outputCol="features").explainParams())
        handleInvalid: rows with a null or NaN: 'error' fails, 'skip' leaves them out, 'keep' puts NaN (default: error)
        inputCols: names of the input columns (undefined)
        outputCol: name of the output column (default: VectorAssembler_...__output, current: features)
        """
        return "\n".join(self.explainParam(param) for param in self.params)

    def getParam(self, paramName: str) -> Param[Any]:
        """The parameter of a name.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().getParam("k").name
        'k'
        """
        param = getattr(self, paramName, None)
        if isinstance(param, Param):
            return param
        known = ", ".join(param.name for param in self.params)
        raise ValueError(f"Cannot find param with name {paramName}. {type(self).__name__} has {known}.")

    def hasParam(self, paramName: str) -> bool:
        """Whether there is a parameter of a name.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().hasParam("regParam")
        False
        """
        if not isinstance(paramName, str):
            raise TypeError("hasParam(): paramName must be a string")
        return isinstance(getattr(self, paramName, None), Param)

    def isSet(self, param: str | Param[Any]) -> bool:
        """Whether a value was set.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans(k=3).isSet("k"), KMeans().isSet("k")
        (True, False)
        """
        return self._resolve(param) in self._paramMap

    def hasDefault(self, param: str | Param[Any]) -> bool:
        """Whether there is a default.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().hasDefault("k"), KMeans().hasDefault("weightCol")
        (True, False)
        """
        return self._resolve(param) in self._defaultParamMap

    def isDefined(self, param: str | Param[Any]) -> bool:
        """Whether there is a value or a default.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().isDefined("k"), KMeans().isDefined("weightCol")
        (True, False)
        """
        return self.isSet(param) or self.hasDefault(param)

    @overload
    def getOrDefault(self, param: str) -> Any: ...
    @overload
    def getOrDefault(self, param: Param[T]) -> T: ...
    def getOrDefault(self, param: str | Param[Any]) -> Any:
        """The value of a parameter, or else its default.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().getOrDefault("k")
        2

        Raises:
            KeyError: If there is neither.
        """
        param = self._resolve(param)
        return self._paramMap[param] if param in self._paramMap else self._defaultParamMap[param]

    def extractParamMap(self, extra: ParamMap | None = None) -> ParamMap:
        """Defaults, values over them, and `extra` over these.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans(k=3)
        >>> kmeans.extractParamMap({kmeans.k: 4})[kmeans.k]
        4
        """
        return {**self._defaultParamMap, **self._paramMap, **(extra or {})}

    def copy(self: P, extra: ParamMap | None = None) -> P:
        """A copy with the same uid, and with some values over its own.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans(k=3)
        >>> kmeans.copy({kmeans.k: 4}).getK(), kmeans.getK()
        (4, 3)
        """
        that = copy.copy(self)
        that._paramMap, that._defaultParamMap = {}, {}
        return self._copyValues(that, extra)

    def set(self, param: Param[Any], value: Any) -> None:
        """Sets a value.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans()
        >>> kmeans.set(kmeans.k, 5)
        >>> kmeans.getK()
        5
        """
        self._set(**{self._resolve(param).name: value})

    def setParams(self: P, **params: Any) -> P:
        """Sets several values by name.

        >>> from springald.ml.clustering import KMeans
        >>> KMeans().setParams(k=5, seed=1).getK()
        5
        """
        return self._set(**params)

    def clear(self, param: Param[Any]) -> None:
        """Forgets the value that was set.

        >>> from springald.ml.clustering import KMeans
        >>> kmeans = KMeans(k=3)
        >>> kmeans.clear(kmeans.k)
        >>> kmeans.getK()
        2
        """
        self._paramMap.pop(self._resolve(param), None)

    explain_param = explainParam
    explain_params = explainParams
    get_param = getParam
    has_param = hasParam
    is_set = isSet
    has_default = hasDefault
    is_defined = isDefined
    get_or_default = getOrDefault
    extract_param_map = extractParamMap
    set_params = setParams

    def _set(self: P, **values: Any) -> P:
        """Sets those that are not None."""
        for name, value in values.items():
            if value is not None:
                param = self.getParam(name)
                self._paramMap[param] = _converted(param, value)
        return self

    def _setDefault(self: P, **values: Any) -> P:
        for name, value in values.items():
            param = self.getParam(name)
            self._defaultParamMap[param] = None if value is None else _converted(param, value)
        return self

    def _copyValues(self, to: P, extra: ParamMap | None = None) -> P:
        """Defaults and values of the parameters that `to` has as well."""
        extra = {} if extra is None else extra
        if not isinstance(extra, dict) or not all(isinstance(param, Param) for param in extra):
            raise TypeError("extra values are a dict from Param to value, such as {lr.regParam: 0.1}")
        values = {**self._paramMap, **extra}
        for param in self.params:
            if to.hasParam(param.name):
                if param in self._defaultParamMap:
                    to._defaultParamMap[to.getParam(param.name)] = self._defaultParamMap[param]
                if param in values:
                    to._set(**{param.name: values[param]})
        return to

    def _resetUid(self: P, uid: str) -> P:
        """Another uid, in the parameters as well."""
        for name in [param.name for param in self.params]:
            setattr(self, name, self.getParam(name)._of(uid))
        self._paramMap = {param._of(uid): value for param, value in self._paramMap.items()}
        self._defaultParamMap = {param._of(uid): value for param, value in self._defaultParamMap.items()}
        self.uid = uid
        return self

    def _shouldOwn(self, param: Param[Any]) -> None:
        if not (self.uid == param.parent and self.hasParam(param.name)):
            raise ValueError(f"Param {param!r} does not belong to {self!r}.")

    def _resolve(self, param: str | Param[Any]) -> Param[Any]:
        if isinstance(param, str):
            return self.getParam(param)
        if not isinstance(param, Param):
            raise TypeError(f"Cannot resolve {param!r} as a param.")
        self._shouldOwn(param)
        return param

    _resolveParam = _resolve


def param(name: str, doc: str, convert: Callable[[Any], T]) -> Param[T]:
    """A parameter to be declared in a class."""
    return Param(Params._dummy(), name, doc, convert)


def getter(param: Param[T]) -> Callable[[Params], T]:
    """A method that gives the value of a parameter, or its default."""

    def get(self: Params) -> T:
        value: T = self.getOrDefault(param.name)
        return value

    return _described(get, param, "get", f"The value of `{param.name}`, or its default: {param.doc}.")


def setter(param: Param[T]) -> Callable[[P, T], P]:
    """A method that sets the value of a parameter."""

    def set_value(self: P, value: T) -> P:
        return self._set(**{param.name: value})

    return _described(set_value, param, "set", f"Sets `{param.name}`, and gives the object itself: {param.doc}.")


def _described(method: C, param: Param[Any], verb: str, doc: str) -> C:
    """A method with the name and the text that `help` shows."""
    method.__name__ = method.__qualname__ = f"{verb}{param.name[0].upper()}{param.name[1:]}"
    method.__doc__ = doc
    return method


def _converted(param: Param[Any], value: Any) -> Any:
    try:
        return param.typeConverter(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f'Invalid param value given for param "{param.name}". {error}') from None


def _class_params(cls: type) -> list[Param[Any]]:
    found = (getattr(cls, name) for name in dir(cls) if name != "params")
    return [value for value in found if isinstance(value, Param)]
