"""Dense and sparse vectors."""

from __future__ import annotations

import operator
import struct
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from springald.ml.linalg import _numbers as numbers

#: Values that the hash of a vector reads at most.
_HASHED = 128


class Vector(ABC):
    """A dense or a sparse vector of 64-bit floats.

    >>> isinstance(Vectors.dense(1.0), Vector)
    True
    """

    @abstractmethod
    def toArray(self) -> Any:
        """All values, as an array of NumPy (or of Python, where NumPy is not installed)."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _entries(self) -> Iterator[tuple[int, float]]:
        """Index and value of what is not zero, in order."""

    @abstractmethod
    def dot(self, other: Any) -> Any:
        """The sum of the products with another vector."""

    @abstractmethod
    def norm(self, p: float) -> float:
        """The p-norm."""

    @abstractmethod
    def squared_distance(self, other: Any) -> float:
        """The squared Euclidean distance from another vector."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return len(self) == len(other) and list(self._entries()) == list(other._entries())

    def __hash__(self) -> int:
        result = 31 + len(self)
        for count, (index, value) in enumerate(self._entries()):
            if count == _HASHED:
                break
            bits = struct.unpack("Q", struct.pack("d", value))[0]
            result = 31 * (31 * result + index) + (bits ^ (bits >> 32))
        return hash(result)


class DenseVector(Vector):
    """A vector with all of its values.

    Arithmetic works element by element, and needs NumPy.

    >>> v = DenseVector([1, 2])
    >>> v
    DenseVector([1.0, 2.0])
    >>> print(v)
    [1.0,2.0]
    >>> v + Vectors.dense(3, 4), 2 - v, -v / 2
    (DenseVector([4.0, 6.0]), DenseVector([1.0, 0.0]), DenseVector([-0.5, -1.0]))
    """

    array: Any

    def __init__(self, ar: Iterable[float] | bytes) -> None:
        known = isinstance(ar, (bytes, list, tuple, array)) or numbers.is_array(ar)
        self.array = numbers.doubles(ar if known else list(ar))

    @property
    def values(self) -> Any:
        """The array of the values.

        >>> list(DenseVector([1.0, 2.0]).values) == [1.0, 2.0]
        True
        """
        return self.array

    def toArray(self) -> Any:
        """The array of the values, not copied.

        >>> list(DenseVector([1.0, 2.0]).toArray()) == [1.0, 2.0]
        True
        """
        return self.array

    to_array = toArray

    def numNonzeros(self) -> int:
        """How many values are not zero.

        >>> DenseVector([0.0, 2.0]).numNonzeros()
        1
        """
        return sum(value != 0 for value in self)

    num_nonzeros = numNonzeros

    def norm(self, p: float) -> float:
        """The p-norm.

        >>> DenseVector([3.0, -4.0]).norm(2)
        5.0
        """
        return numbers.norm(self.array, p)

    def dot(self, other: Any) -> Any:
        """The sum of the products with a vector, list or array; with a matrix of NumPy, one sum for each column.

        >>> DenseVector([1.0, 2.0]).dot(Vectors.sparse(2, {1: 3.0}))
        6.0
        """
        if numbers.is_array(other) and other.ndim > 1:
            _check_length(self, other)
            return self.array.dot(other)
        other = as_vector(other)
        _check_length(self, other)
        return other.dot(self) if isinstance(other, SparseVector) else numbers.dot(self.array, other.array)

    def squared_distance(self, other: Any) -> float:
        """The squared Euclidean distance from a vector, list or array.

        >>> DenseVector([1.0, 2.0]).squared_distance([2.0, 1.0])
        2.0
        """
        other = as_vector(other)
        _check_length(self, other)
        if isinstance(other, SparseVector):
            return other.squared_distance(self)
        difference = [a - b for a, b in zip(self, other, strict=True)]
        return numbers.dot(difference, difference)

    def _entries(self) -> Iterator[tuple[int, float]]:
        return ((at, value) for at, value in enumerate(self) if value != 0)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[float]:
        return iter(self.array.tolist())

    def __getitem__(self, item: int | slice) -> Any:
        return self.array[item] if isinstance(item, slice) else float(self.array[item])

    def __getattr__(self, name: str) -> Any:
        """What arrays of NumPy offer: `sum()`, `mean()`, `shape`, …"""
        if name.startswith("__") or name == "array":
            raise AttributeError(name)
        return getattr(self.array, name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """For NumPy's own functions."""
        return numbers.require_numpy("an array").array(self.array, dtype=dtype, copy=bool(copy) or None)

    def __str__(self) -> str:
        return "[" + ",".join(str(value) for value in self) + "]"

    def __repr__(self) -> str:
        return f"DenseVector([{', '.join(numbers.printed(self))}])"

    def __reduce__(self) -> tuple[type[DenseVector], tuple[bytes]]:
        return DenseVector, (self.array.tobytes(),)

    def _with(self, operation: Callable[[Any, Any], Any], other: Any, swapped: bool = False) -> DenseVector:
        numbers.require_numpy("arithmetic of vectors")
        other = other.array if isinstance(other, DenseVector) else other
        return DenseVector(operation(other, self.array) if swapped else operation(self.array, other))

    def __neg__(self) -> DenseVector:
        return DenseVector([-value for value in self])

    def __add__(self, other: Any) -> DenseVector:
        return self._with(operator.add, other)

    def __sub__(self, other: Any) -> DenseVector:
        return self._with(operator.sub, other)

    def __mul__(self, other: Any) -> DenseVector:
        return self._with(operator.mul, other)

    def __truediv__(self, other: Any) -> DenseVector:
        return self._with(operator.truediv, other)

    def __mod__(self, other: Any) -> DenseVector:
        return self._with(operator.mod, other)

    def __radd__(self, other: Any) -> DenseVector:
        return self._with(operator.add, other, swapped=True)

    def __rsub__(self, other: Any) -> DenseVector:
        return self._with(operator.sub, other, swapped=True)

    def __rmul__(self, other: Any) -> DenseVector:
        return self._with(operator.mul, other, swapped=True)

    def __rtruediv__(self, other: Any) -> DenseVector:
        return self._with(operator.truediv, other, swapped=True)

    def __rmod__(self, other: Any) -> DenseVector:
        return self._with(operator.mod, other, swapped=True)


class SparseVector(Vector):
    """A vector with its size, and the indices and values of what is in it; all else is zero.

    Made of a dict, of pairs, or of ascending indices and their values.

    >>> SparseVector(4, {3: 5.5, 1: 1.0})
    SparseVector(4, {1: 1.0, 3: 5.5})
    >>> print(SparseVector(4, [1, 3], [1.0, 5.5]))
    (4,[1,3],[1.0,5.5])
    >>> SparseVector(4, [(1, 1.0)]) == Vectors.dense(0, 1, 0, 0)
    True
    """

    def __init__(self, size: int, *args: Any) -> None:
        self.size = int(size)
        if len(args) == 1:
            pairs = sorted(args[0].items() if isinstance(args[0], dict) else args[0])
            indices, values = [p[0] for p in pairs], [p[1] for p in pairs]
            self.indices, self.values = numbers.integers(indices), numbers.doubles(values)
        elif len(args) == 2:
            self.indices, self.values = numbers.integers(args[0]), numbers.doubles(args[1])
        else:
            raise TypeError("a SparseVector is made of its size and a dict, pairs, or indices and values")
        self._check()

    def _check(self) -> None:
        indices = self.indices.tolist()
        assert len(indices) == len(self.values), f"there are {len(indices)} indices and {len(self.values)} values"
        for a, b in pairwise(indices):
            if a >= b:
                raise TypeError(f"Indices {a} and {b} are not strictly increasing")
        if indices:
            assert indices[-1] < self.size, f"Index {indices[-1]} is out of the size of vector with size={self.size}"
            assert indices[0] >= 0, f"Contains negative index {indices[0]}"

    def toArray(self) -> Any:
        """All values, as an array.

        >>> list(SparseVector(3, {1: 2.0}).toArray()) == [0.0, 2.0, 0.0]
        True
        """
        values = numbers.zeros(self.size)
        for index, value in zip(self.indices, self.values, strict=True):
            values[index] = value
        return values

    to_array = toArray

    def numNonzeros(self) -> int:
        """How many values are not zero.

        >>> SparseVector(3, {1: 2.0, 2: 0.0}).numNonzeros()
        1
        """
        return sum(1 for _ in self._entries())

    num_nonzeros = numNonzeros

    def norm(self, p: float) -> float:
        """The p-norm.

        >>> SparseVector(4, [0, 1], [3.0, -4.0]).norm(1)
        7.0
        """
        return numbers.norm(self.values, p)

    def dot(self, other: Any) -> Any:
        """The sum of the products with a vector, list or array; with a matrix of NumPy, one sum for each column.

        >>> SparseVector(4, [1, 3], [3.0, 4.0]).dot([1.0, 2.0, 3.0, 4.0])
        22.0
        """
        if numbers.is_array(other) and other.ndim > 1:
            _check_length(self, other)
            return self.values.dot(other[self.indices])
        other = as_vector(other)
        _check_length(self, other)
        if isinstance(other, SparseVector):
            mine = dict(self._entries())
            common = [(mine[at], value) for at, value in other._entries() if at in mine]
            return numbers.dot([a for a, _ in common], [b for _, b in common])
        return numbers.dot(self.values, numbers.doubles([other.array[at] for at in self.indices.tolist()]))

    def squared_distance(self, other: Any) -> float:
        """The squared Euclidean distance from a vector, list or array.

        >>> SparseVector(4, [1, 3], [3.0, 4.0]).squared_distance(Vectors.sparse(4, {2: 1.0}))
        26.0
        """
        other = as_vector(other)
        _check_length(self, other)
        differences = dict(other._entries())
        for at, value in self._entries():
            differences[at] = value - differences.get(at, 0.0)
        values = list(differences.values())
        return numbers.dot(values, values)

    def _entries(self) -> Iterator[tuple[int, float]]:
        pairs = zip(self.indices.tolist(), self.values.tolist(), strict=True)
        return ((at, value) for at, value in pairs if value != 0)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> float:
        if not isinstance(index, int):
            raise TypeError(f"an index is an integer, not {type(index).__name__}")
        if not -self.size <= index < self.size:
            raise IndexError(f"Index {index} out of bounds.")
        index %= self.size
        at = bisect_left(self.indices, index)
        return float(self.values[at]) if at < len(self.indices) and self.indices[at] == index else 0.0

    def __str__(self) -> str:
        indices = ",".join(str(index) for index in self.indices.tolist())
        values = ",".join(str(value) for value in self.values.tolist())
        return f"({self.size},[{indices}],[{values}])"

    def __repr__(self) -> str:
        values = zip(self.indices.tolist(), numbers.printed(self.values), strict=True)
        return f"SparseVector({self.size}, {{{', '.join(f'{at}: {value}' for at, value in values)}}})"

    def __reduce__(self) -> tuple[type[SparseVector], tuple[int, bytes, bytes]]:
        return SparseVector, (self.size, self.indices.tobytes(), self.values.tobytes())


class Vectors:
    """Makes vectors.

    >>> Vectors.dense(1.0, 2.0), Vectors.sparse(3, {1: 2.0})
    (DenseVector([1.0, 2.0]), SparseVector(3, {1: 2.0}))
    """

    @staticmethod
    def dense(*elements: Any) -> DenseVector:
        """A dense vector of numbers, or of a list or array of them.

        >>> Vectors.dense([1, 2, 3])
        DenseVector([1.0, 2.0, 3.0])
        """
        if len(elements) == 1 and not isinstance(elements[0], (float, int)):
            return DenseVector(elements[0])
        return DenseVector(elements)

    @staticmethod
    def sparse(size: int, *args: Any) -> SparseVector:
        """A sparse vector of a dict, of pairs, or of ascending indices and their values.

        >>> Vectors.sparse(4, [(1, 1.0), (3, 5.5)])
        SparseVector(4, {1: 1.0, 3: 5.5})
        """
        return SparseVector(size, *args)

    @staticmethod
    def zeros(size: int) -> DenseVector:
        """A dense vector of zeros.

        >>> Vectors.zeros(2)
        DenseVector([0.0, 0.0])
        """
        return DenseVector([0.0] * size)

    @staticmethod
    def squared_distance(v1: Any, v2: Any) -> float:
        """The squared Euclidean distance between two vectors.

        >>> Vectors.squared_distance(Vectors.sparse(2, {0: 1.0}), [0.0, 2.0])
        5.0
        """
        return float(as_vector(v1).squared_distance(v2))

    @staticmethod
    def norm(vector: Any, p: float) -> float:
        """The p-norm of a vector.

        >>> Vectors.norm([3.0, 4.0], 2)
        5.0
        """
        return float(as_vector(vector).norm(p))


def as_vector(values: Any) -> Any:
    """A vector, or a dense one of a list, tuple, range or array.

    Raises:
        TypeError: If it is none of these.
        ValueError: If it is an array of more than one dimension.
    """
    if isinstance(values, Vector):
        return values
    if numbers.is_array(values):
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise ValueError(f"Cannot treat an ndarray of shape {values.shape} as a vector")
        return DenseVector(values)
    if isinstance(values, (list, tuple, range, array)):
        return DenseVector(values)
    raise TypeError(f"Cannot convert type {type(values)} into Vector")


def _check_length(one: Vector, other: Any) -> None:
    # An AssertionError is what PySpark raises here.
    assert len(one) == len(other), "dimension mismatch"
