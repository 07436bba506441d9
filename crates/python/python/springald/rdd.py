"""Rows for plain Python functions, which run in this process, one row after the other.

Springald's work is done on columns by the engine. An `RDD` is for the small scripts that PySpark users have: it reads
from the engine row by row, and holds no more than its operations need.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from springald.errors import PySparkValueError
from springald.resultiterable import ResultIterable

if TYPE_CHECKING:
    from springald.context import SparkContext
    from springald.sql.dataframe import DataFrame

__all__ = ["RDD"]

T = TypeVar("T")
U = TypeVar("U")


class RDD(Generic[T]):
    """Items made anew each time they are asked for.

    >>> spark.sparkContext.parallelize([3, 1, 2]).map(lambda n: n * 10).collect()
    [30, 10, 20]
    """

    def __init__(self, context: SparkContext, items: Callable[[], Iterable[T]], partitions: int = 1) -> None:
        self.context = context
        self._items = items
        self._partitions = partitions

    def _made(self, make: Callable[[Iterator[T]], Iterable[U]]) -> RDD[U]:
        return RDD(self.context, lambda: make(iter(self._items())), self._partitions)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items())

    # Items into items

    def map(self, f: Callable[[T], U], preservesPartitioning: bool = False) -> RDD[U]:
        """What a function makes of each item.

        >>> spark.sparkContext.parallelize([1, 2]).map(str).collect()
        ['1', '2']
        """
        return self._made(lambda items: map(f, items))

    def flatMap(self, f: Callable[[T], Iterable[U]], preservesPartitioning: bool = False) -> RDD[U]:
        """All the items that a function makes of each item.

        >>> spark.sparkContext.parallelize(["a b", "c"]).flatMap(str.split).collect()
        ['a', 'b', 'c']
        """
        return self._made(lambda items: itertools.chain.from_iterable(map(f, items)))

    def filter(self, f: Callable[[T], Any]) -> RDD[T]:
        """The items for which a function is true.

        >>> spark.sparkContext.parallelize([1, 2, 3]).filter(lambda n: n > 1).collect()
        [2, 3]
        """
        return self._made(lambda items: filter(f, items))

    def mapPartitions(self, f: Callable[[Iterator[T]], Iterable[U]], preservesPartitioning: bool = False) -> RDD[U]:
        """What a function makes of all items together.

        >>> spark.sparkContext.parallelize([1, 2]).mapPartitions(lambda items: [sum(items)]).collect()
        [3]
        """
        return self._made(f)

    def distinct(self, numPartitions: int | None = None) -> RDD[T]:
        """Each item once.

        >>> spark.sparkContext.parallelize([1, 1]).distinct().collect()
        [1]
        """
        return self._made(dict.fromkeys)

    def union(self, other: RDD[T]) -> RDD[T]:
        """The items of both.

        >>> sc = spark.sparkContext
        >>> sc.parallelize([1]).union(sc.parallelize([2])).collect()
        [1, 2]
        """
        return self._made(lambda items: itertools.chain(items, other))

    def sortBy(self, keyfunc: Callable[[T], Any], ascending: bool = True, numPartitions: int | None = None) -> RDD[T]:
        """The items in the order of what a function gives for them.

        >>> spark.sparkContext.parallelize([1, 3, 2]).sortBy(lambda n: -n).collect()
        [3, 2, 1]
        """
        return self._made(lambda items: sorted(items, key=keyfunc, reverse=not ascending))

    def zipWithIndex(self) -> RDD[tuple[T, int]]:
        """The items with their places from 0.

        >>> spark.sparkContext.parallelize("ab").zipWithIndex().collect()
        [('a', 0), ('b', 1)]
        """
        return self._made(lambda items: ((item, i) for i, item in enumerate(items)))

    def cache(self) -> RDD[T]:
        """The same items, held in memory from their first use.

        >>> spark.sparkContext.parallelize([1]).cache().collect()
        [1]
        """
        held = functools.cache(lambda: list(self._items()))
        return RDD(self.context, held, self._partitions)

    def persist(self, storageLevel: object = None) -> RDD[T]:
        """Like `cache`.

        >>> spark.sparkContext.parallelize([1]).persist().count()
        1
        """
        return self.cache()

    # Pairs of a key and a value

    def mapValues(self: RDD[Any], f: Callable[[Any], Any]) -> RDD[Any]:
        """Pairs with what a function makes of their values.

        >>> spark.sparkContext.parallelize([("a", 1)]).mapValues(str).collect()
        [('a', '1')]
        """
        return self.map(lambda pair: (pair[0], f(pair[1])))

    def keys(self: RDD[Any]) -> RDD[Any]:
        """The keys of pairs.

        >>> spark.sparkContext.parallelize([("a", 1)]).keys().collect()
        ['a']
        """
        return self.map(lambda pair: pair[0])

    def values(self: RDD[Any]) -> RDD[Any]:
        """The values of pairs.

        >>> spark.sparkContext.parallelize([("a", 1)]).values().collect()
        [1]
        """
        return self.map(lambda pair: pair[1])

    def reduceByKey(
        self: RDD[Any], func: Callable[[Any, Any], Any], numPartitions: int | None = None, partitionFunc: object = None
    ) -> RDD[Any]:
        """A pair for each key, with its values made one by a function of two.

        >>> spark.sparkContext.parallelize([("a", 1), ("a", 2)]).reduceByKey(lambda x, y: x + y).collect()
        [('a', 3)]
        """

        def reduced(items: Iterator[Any]) -> Iterable[Any]:
            found: dict[Any, Any] = {}
            for key, value in items:
                found[key] = func(found[key], value) if key in found else value
            return found.items()

        return self._made(reduced)

    def groupByKey(self: RDD[Any], numPartitions: int | None = None, partitionFunc: object = None) -> RDD[Any]:
        """A pair for each key, with its values.

        >>> spark.sparkContext.parallelize([("a", 1), ("a", 2)]).groupByKey().mapValues(list).collect()
        [('a', [1, 2])]
        """
        return self._made(lambda items: ((key, ResultIterable(values)) for key, values in _grouped(items).items()))

    def sortByKey(
        self: RDD[Any],
        ascending: bool = True,
        numPartitions: int | None = None,
        keyfunc: Callable[[Any], Any] = lambda k: k,
    ) -> RDD[Any]:
        """Pairs in the order of their keys.

        >>> spark.sparkContext.parallelize([(2, "b"), (1, "a")]).sortByKey().collect()
        [(1, 'a'), (2, 'b')]
        """
        return self.sortBy(lambda pair: keyfunc(pair[0]), ascending)

    def join(self: RDD[Any], other: RDD[Any], numPartitions: int | None = None) -> RDD[Any]:
        """Pairs of values of the same key.

        >>> sc = spark.sparkContext
        >>> sc.parallelize([("a", 1)]).join(sc.parallelize([("a", 2)])).collect()
        [('a', (1, 2))]
        """

        def matched(items: Iterator[Any]) -> Iterable[Any]:
            theirs = _grouped(other)
            return ((key, (value, match)) for key, value in items for match in theirs.get(key, ()))

        return self._made(matched)

    def countByKey(self: RDD[Any]) -> dict[Any, int]:
        """How many pairs each key has.

        >>> spark.sparkContext.parallelize([("a", 1), ("a", 2)]).countByKey()
        {'a': 2}
        """
        return self.keys().countByValue()

    def collectAsMap(self: RDD[Any]) -> dict[Any, Any]:
        """The pairs as a dict.

        >>> spark.sparkContext.parallelize([("a", 1)]).collectAsMap()
        {'a': 1}
        """
        return dict(iter(self))

    # Answers

    def collect(self) -> list[T]:
        """All items.

        >>> spark.sparkContext.parallelize(range(3)).collect()
        [0, 1, 2]
        """
        return list(self)

    def count(self) -> int:
        """How many there are.

        >>> spark.sparkContext.parallelize([1, 2]).count()
        2
        """
        return sum(1 for _ in self)

    def take(self, num: int) -> list[T]:
        """The first items.

        >>> spark.sparkContext.parallelize(range(9)).take(2)
        [0, 1]
        """
        return list(itertools.islice(self, num))

    def first(self) -> T:
        """The first item.

        >>> spark.sparkContext.parallelize([7, 8]).first()
        7
        """
        for item in self:
            return item
        raise PySparkValueError("there is no first item, as there are none")

    def isEmpty(self) -> bool:
        """Whether there is no item.

        >>> spark.sparkContext.parallelize([]).isEmpty()
        True
        """
        return not self.take(1)

    def reduce(self, f: Callable[[T, T], T]) -> T:
        """The items made one by a function of two.

        >>> spark.sparkContext.parallelize([1, 2, 3]).reduce(lambda x, y: x + y)
        6
        """
        return functools.reduce(f, self)

    def fold(self, zeroValue: T, op: Callable[[T, T], T]) -> T:
        """The items made one by a function of two, from a first value on.

        >>> spark.sparkContext.parallelize([1, 2]).fold(0, lambda x, y: x + y)
        3
        """
        return functools.reduce(op, self, zeroValue)

    def sum(self: RDD[Any]) -> Any:
        """The sum of the items.

        >>> spark.sparkContext.parallelize([1, 2]).sum()
        3
        """
        return sum(self)

    def max(self: RDD[Any], key: Callable[[Any], Any] | None = None) -> Any:
        """The greatest item.

        >>> spark.sparkContext.parallelize([1, 2]).max()
        2
        """
        return max(self, key=key)

    def min(self: RDD[Any], key: Callable[[Any], Any] | None = None) -> Any:
        """The least item.

        >>> spark.sparkContext.parallelize([1, 2]).min()
        1
        """
        return min(self, key=key)

    def mean(self: RDD[Any]) -> float:
        """The mean of the items.

        >>> spark.sparkContext.parallelize([1, 2]).mean()
        1.5
        """
        items = self.collect()
        return float(sum(items) / len(items))

    def countByValue(self) -> dict[T, int]:
        """How often each item is there.

        >>> spark.sparkContext.parallelize("aab").countByValue()
        {'a': 2, 'b': 1}
        """
        counts: dict[T, int] = {}
        for item in self:
            counts[item] = counts.get(item, 0) + 1
        return counts

    def foreach(self, f: Callable[[T], Any]) -> None:
        """Calls a function for each item.

        >>> spark.sparkContext.parallelize([1]).foreach(print)
        1
        """
        for item in self:
            f(item)

    def getNumPartitions(self) -> int:
        """The number of partitions that was asked for.

        >>> spark.sparkContext.parallelize([1, 2], 2).getNumPartitions()
        2
        """
        return self._partitions

    def toDF(self, schema: Any = None, sampleRatio: float | None = None) -> DataFrame:
        """The items as rows of a DataFrame.

        >>> spark.sparkContext.parallelize([(1, "a")]).toDF(["n", "s"]).collect()
        [Row(n=1, s='a')]
        """
        return self.context._session.createDataFrame(self, schema)


def _grouped(pairs: Iterable[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def partition_count(items: Sequence[Any], wanted: int | None, cores: int) -> int:
    """How many partitions items would be in."""
    return wanted if wanted else min(cores, max(1, len(items)))
