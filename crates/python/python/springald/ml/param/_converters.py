"""What values of parameters are turned into."""

from __future__ import annotations

from array import array
from typing import Any, TypeVar

from springald.ml.linalg import DenseVector, Matrix, Vector
from springald.ml.linalg._numbers import is_array

T = TypeVar("T")


class TypeConverters:
    """Functions for the `typeConverter` of a `Param`: each takes a value, and fails if it is of another type.

    >>> TypeConverters.toInt(2.0), TypeConverters.toListFloat((1, 2))
    (2, [1.0, 2.0])
    """

    @staticmethod
    def identity(value: T) -> T:
        """The value as it is.

        >>> TypeConverters.identity("a")
        'a'
        """
        return value

    @staticmethod
    def toList(value: Any) -> list[Any]:
        """A list of a list, tuple, range, array or vector.

        >>> TypeConverters.toList(range(2))
        [0, 1]
        """
        if is_array(value) or isinstance(value, array):
            return list(value.tolist())
        if isinstance(value, Vector):
            return list(value.toArray().tolist())
        if isinstance(value, (list, tuple, range)):
            return list(value)
        raise TypeError(f"Could not convert {value} to list")

    @staticmethod
    def toListFloat(value: Any) -> list[float]:
        """A list of floats.

        >>> TypeConverters.toListFloat([1, 2.5])
        [1.0, 2.5]
        """
        return _each(value, TypeConverters.toFloat, "list of floats")

    @staticmethod
    def toListListFloat(value: Any) -> list[list[float]]:
        """A list of lists of floats.

        >>> TypeConverters.toListListFloat([[1], [2]])
        [[1.0], [2.0]]
        """
        return _each(value, TypeConverters.toListFloat, "list of list of floats")

    @staticmethod
    def toListInt(value: Any) -> list[int]:
        """A list of integers.

        >>> TypeConverters.toListInt([1, 2.0])
        [1, 2]
        """
        return _each(value, TypeConverters.toInt, "list of ints")

    @staticmethod
    def toListString(value: Any) -> list[str]:
        """A list of texts.

        >>> TypeConverters.toListString(("a", "b"))
        ['a', 'b']
        """
        return _each(value, TypeConverters.toString, "list of strings")

    @staticmethod
    def toVector(value: Any) -> Vector:
        """A vector, dense if it was none.

        >>> TypeConverters.toVector([1, 2])
        DenseVector([1.0, 2.0])
        """
        return value if isinstance(value, Vector) else DenseVector(_each(value, TypeConverters.toFloat, "vector"))

    @staticmethod
    def toMatrix(value: Any) -> Matrix:
        """A matrix, which it has to be already.

        >>> TypeConverters.toMatrix([1.0])
        Traceback (most recent call last):
        TypeError: Could not convert [1.0] to matrix
        """
        if isinstance(value, Matrix):
            return value
        raise TypeError(f"Could not convert {value} to matrix")

    @staticmethod
    def toFloat(value: Any) -> float:
        """A float of a number.

        >>> TypeConverters.toFloat(1)
        1.0
        """
        if _is_number(value):
            return float(value)
        raise TypeError(f"Could not convert {value} to float")

    @staticmethod
    def toInt(value: Any) -> int:
        """An integer of a whole number.

        >>> TypeConverters.toInt(3.0)
        3
        """
        if _is_number(value) and float(value).is_integer():
            return int(value)
        raise TypeError(f"Could not convert {value} to int")

    @staticmethod
    def toString(value: Any) -> str:
        """A text.

        >>> TypeConverters.toString("a")
        'a'
        """
        if isinstance(value, str):
            return str(value)
        raise TypeError(f"Could not convert {type(value)} to string type")

    @staticmethod
    def toBoolean(value: Any) -> bool:
        """A boolean.

        >>> TypeConverters.toBoolean(True)
        True
        """
        if isinstance(value, bool):
            return value
        raise TypeError(f"Boolean Param requires value of type bool. Found {type(value)}.")


def _is_number(value: Any) -> bool:
    """Whether this is a number of Python or NumPy, and no boolean."""
    kind = type(value)
    return kind in (int, float) or (kind.__module__ == "numpy" and kind.__name__.startswith(("float", "int", "uint")))


def _each(value: Any, convert: Any, what: str) -> list[Any]:
    try:
        return [convert(item) for item in TypeConverters.toList(value)]
    except TypeError:
        raise TypeError(f"Could not convert {value} to {what}") from None
