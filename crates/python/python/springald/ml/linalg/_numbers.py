"""Arrays of numbers: NumPy's where it is installed, else Python's."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

numpy: ModuleType | None
try:
    import numpy
except ImportError:
    numpy = None


def doubles(values: Any) -> Any:
    """An array of 64-bit floats; one that is such already is not copied."""
    if numpy is not None:
        return numpy.frombuffer(values) if isinstance(values, bytes) else numpy.asarray(values, dtype=numpy.float64)
    if isinstance(values, array) and values.typecode == "d":
        return values
    return array("d", values if isinstance(values, bytes) else [float(v) for v in values])


def integers(values: Any) -> Any:
    """An array of 32-bit integers."""
    if numpy is not None:
        if isinstance(values, bytes):
            return numpy.frombuffer(values, dtype=numpy.int32)
        return numpy.asarray(values, dtype=numpy.int32)
    return array("i", values if isinstance(values, bytes) else [int(v) for v in values])


def zeros(count: int) -> Any:
    """An array of zeros."""
    return array("d", bytes(8 * count)) if numpy is None else numpy.zeros(count)


def require_numpy(what: str) -> ModuleType:
    """NumPy, for what cannot do without."""
    if numpy is None:
        raise ImportError(f"{what} needs NumPy: install it with `pip install numpy`")
    return numpy


def is_array(value: object) -> bool:
    """Whether this is an array of NumPy."""
    return numpy is not None and isinstance(value, numpy.ndarray)


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The sum of the products of two arrays of one length."""
    if numpy is not None:
        return float(numpy.dot(a, b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def norm(values: Sequence[float], p: float) -> float:
    """The p-norm; with p 0 the count of what is not zero, with infinity the largest."""
    if numpy is not None:
        return float(numpy.linalg.norm(values, p))
    sizes = [abs(v) for v in values]
    if p == math.inf:
        return max(sizes, default=0.0)
    if p == -math.inf:
        return min(sizes, default=0.0)
    if p == 0:
        return float(sum(s != 0 for s in sizes))
    return float(math.fsum(s**p for s in sizes) ** (1 / p))


def printed(values: Iterable[float]) -> list[str]:
    """Numbers rounded to four places, for a `repr`."""
    return [str(round(float(value), 4)) for value in values]
