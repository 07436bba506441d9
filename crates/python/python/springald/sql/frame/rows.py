"""Order, number, uniqueness and place of rows."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald import _internal
from springald._internal import Expr
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql._relation import Relation, project
from springald.sql.frame.base import Base

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame

__all__ = ["RowsMixin"]

# Above this the chance of a row to be drawn more often is below 1e-12 for fractions up to 1.
_MOST_COPIES = 60


class RowsMixin(Base):
    """orderBy, limit, distinct, sample, repartition and the like."""

    def orderBy(self, *cols: Any, ascending: bool | Sequence[bool | int] | int = True) -> DataFrame:
        """The rows in order.

        Nulls come first where the order ascends, and last where it descends, unless the Column says otherwise.

        Args:
            cols: Names, places from 1 (negative to descend) or Columns such as `df.a.desc()`.
            ascending: For all columns, or one for each.

        >>> spark.range(3).orderBy("id", ascending=False).collect()
        [Row(id=2), Row(id=1), Row(id=0)]
        """
        items = [part for item in cols for part in (item if isinstance(item, list | tuple) else [item])]
        if not items:
            raise PySparkValueError("orderBy() takes at least one column")
        columns = [self._sort_column(item) for item in items]
        if isinstance(ascending, list | tuple):
            if len(ascending) != len(columns):
                raise PySparkValueError(f"`ascending` has {len(ascending)} values for {len(columns)} columns")
            columns = [c if up else c.desc() for c, up in zip(columns, ascending, strict=True)]
        elif isinstance(ascending, bool | int):
            columns = columns if ascending else [c.desc() for c in columns]
        else:
            raise PySparkTypeError(f"`ascending` is a bool or a list of them, not {type(ascending).__name__}")
        return self._apply(
            lambda relation: [c._sort(relation) for c in columns], lambda frame, resolved: frame.sort(resolved)
        )

    sort = orderBy
    order_by = orderBy

    def sortWithinPartitions(self, *cols: Any, ascending: bool | Sequence[bool | int] | int = True) -> DataFrame:
        """The rows of each partition in order; here, all rows are.

        >>> spark.range(3).sortWithinPartitions("id").count()
        3
        """
        return self.orderBy(*cols, ascending=ascending)

    sort_within_partitions = sortWithinPartitions

    def _sort_column(self, item: Any) -> Column:
        if isinstance(item, int) and not isinstance(item, bool) and item < 0:
            return self._column(-item).desc()
        return self._column(item)

    def limit(self, num: int) -> DataFrame:
        """At most so many rows, the first ones.

        >>> spark.range(10).limit(2).count()
        2
        """
        _not_negative("limit", num)
        return self._over(lambda frame: frame.limit(0, num))

    def offset(self, num: int) -> DataFrame:
        """The rows without the first ones.

        >>> spark.range(3).orderBy("id").offset(2).collect()
        [Row(id=2)]
        """
        _not_negative("offset", num)
        return self._over(lambda frame: frame.limit(num, None))

    def distinct(self) -> DataFrame:
        """Each row once.

        >>> spark.createDataFrame([(1,), (1,)], "a int").distinct().count()
        1
        """
        relation = self._visible()
        with engine_errors():
            return self._derive(relation.with_frame(relation.frame.distinct()))

    def dropDuplicates(self, *subset: Any) -> DataFrame:
        """One row for each combination of these columns, or of all.

        >>> df = spark.createDataFrame([(1, "a"), (1, "b")], "n int, s string")
        >>> df.dropDuplicates(["n"]).count()
        1
        """
        names = [
            part for item in subset if item is not None for part in (item if isinstance(item, list | tuple) else [item])
        ]
        if not names:
            return self.distinct()
        relation = self._visible()
        fields = [self._attribute(name).field for name in names]
        with engine_errors():
            return self._derive(relation.with_frame(relation.frame.distinct_on(fields)))

    drop_duplicates = dropDuplicates

    def sample(
        self,
        withReplacement: bool | float | None = None,
        fraction: float | int | None = None,
        seed: int | None = None,
    ) -> DataFrame:
        """A random part of the rows, each of them drawn on its own, so that their number varies.

        Args:
            withReplacement: Whether a row may be drawn more than once.
            fraction: The chance of each row, or with replacement the mean number of its copies.
            seed: The same seed over the same rows draws the same.

        >>> 400 < spark.range(1000).sample(0.5, seed=1).count() < 600
        True
        """
        if isinstance(withReplacement, float):
            # sample(fraction, seed), as PySpark takes it too.
            seed = int(fraction) if fraction is not None else seed
            withReplacement, fraction = False, withReplacement
        if fraction is not None and fraction > 1 and not withReplacement:
            raise PySparkValueError(f"`fraction` is {fraction}, and without replacement it is from 0 to 1")
        if fraction is None or fraction < 0 or math.isnan(fraction):
            raise PySparkValueError(f"`fraction` is to be a number from 0, not {fraction}")
        chosen = random.getrandbits(31) if seed is None else seed
        if withReplacement:
            return self._sample_copies(float(fraction), chosen)
        return (
            self.randomSplit([fraction, 1 - fraction], chosen)[0] if 0 < fraction < 1 else self._all_or_none(fraction)
        )

    def _all_or_none(self, fraction: float) -> DataFrame:
        return self._over(lambda frame: frame) if fraction else self.limit(0)

    def _sample_copies(self, fraction: float, seed: int) -> DataFrame:
        """Each row so many times as a Poisson distribution says."""
        from springald.sql import functions as F

        relation = self._visible()
        with engine_errors():
            chance = project(relation, [*relation.attributes, ("chance", F.rand(seed)._resolve(relation))])
            drawn = Expr.field(chance.attributes[-1].field)
            term = total = math.exp(-fraction)
            branches = []
            for copies in range(_MOST_COPIES):
                branches.append((drawn.binary("<", _literal(total)), _literal(copies)))
                term *= fraction / (copies + 1)
                total += term
            count = Expr.case(None, branches, _literal(_MOST_COPIES))
            copies_of = Expr.call("range", [_literal(0), count])
            many = project(chance, [*chance.attributes[:-1], ("copies", copies_of)])
            frame = many.frame.unnest(many.attributes[-1].field, False)
            return self._derive(project(Relation(frame, many.attributes), many.attributes[:-1]))

    def randomSplit(self, weights: Sequence[float], seed: int | None = None) -> list[DataFrame]:
        """The rows dealt out at random into DataFrames of about these weights.

        >>> parts = spark.range(1000).randomSplit([3, 1], seed=7)
        >>> sum(part.count() for part in parts)
        1000
        """
        for weight in weights:
            if weight < 0:
                raise PySparkValueError(f"a weight is {weight}, and none may be negative")
        relation = self._visible()
        chosen = random.getrandbits(31) if seed is None else seed
        with engine_errors():
            frames = _internal.random_split(relation.frame, [float(weight) for weight in weights], chosen)
        return [self._derive(relation.with_frame(frame)) for frame in frames]

    random_split = randomSplit

    def repartition(self, numPartitions: Any, *cols: Any) -> DataFrame:
        """The rows spread anew over partitions: evenly, or by the values of columns.

        >>> spark.range(10).repartition(4).count()
        10
        """
        count = numPartitions if isinstance(numPartitions, int) else self._session._engine.cores()
        by = list(cols) if isinstance(numPartitions, int) else [numPartitions, *cols]
        if count < 1:
            raise PySparkValueError(f"the number of partitions is {count}, and it must be at least 1")
        columns = self._columns(by)
        with engine_errors():
            exprs = [column._resolve(self._relation) for column in columns]
        return self._over(lambda frame: frame.repartition(count, exprs))

    def coalesce(self, numPartitions: int) -> DataFrame:
        """The rows in so many partitions.

        >>> spark.range(10).coalesce(1).count()
        10
        """
        return self.repartition(numPartitions)

    def hint(self, name: str, *parameters: Any) -> DataFrame:
        """A hint to Spark's optimizer, which this engine has no need of; the rows stay as they are.

        >>> spark.range(1).hint("broadcast").count()
        1
        """
        if not isinstance(name, str):
            raise PySparkTypeError(f"a hint is a name, not {type(name).__name__}")
        return self._df


def _not_negative(what: str, number: int) -> None:
    if number < 0:
        raise AnalysisException(f"[INVALID_LIMIT_LIKE_EXPRESSION] {what}({number}): the number must be 0 or more")


def _literal(value: float) -> Expr:
    return Expr.literal(pa.array([value]))
