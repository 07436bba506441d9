"""The values of a key, as `RDD.groupByKey` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

__all__ = ["ResultIterable"]

V = TypeVar("V", covariant=True)


class ResultIterable(Generic[V]):
    """Values that can be counted and gone through more than once.

    >>> len(ResultIterable([1, 2]))
    2
    """

    def __init__(self, data: Sequence[V]) -> None:
        self.data = data

    def __iter__(self) -> Iterator[V]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
