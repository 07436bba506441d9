"""Figures about columns: describe, summary, corr, quantiles, tables of counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald._internal import Expr
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql import _text
from springald.sql._relation import Attribute
from springald.sql.frame.base import Base

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame

__all__ = ["DataFrameStatFunctions", "StatsMixin"]

_DESCRIBE = ("count", "mean", "stddev", "min", "max")
_SUMMARY = ("count", "mean", "stddev", "min", "25%", "50%", "75%", "max")

# Up to so many rows quantiles are exact whatever the error allowed, as sorting them takes no time.
_SORTED_ROWS = 1_000_000


class StatsMixin(Base):
    """describe, summary, corr, approxQuantile and `df.stat`."""

    @property
    def stat(self) -> DataFrameStatFunctions:
        """Figures about columns: `df.stat.corr("a", "b")` and so on.

        >>> spark.range(3).stat.corr("id", "id")
        1.0
        """
        return DataFrameStatFunctions(self._df)

    def describe(self, *cols: Any) -> DataFrame:
        """Count, mean, standard deviation, least and greatest value of columns of numbers and strings, as text.

        >>> spark.range(3).describe().show()
        +-------+---+
        |summary| id|
        +-------+---+
        |  count|  3|
        |   mean|1.0|
        | stddev|1.0|
        |    min|  0|
        |    max|  2|
        +-------+---+
        <BLANKLINE>
        """
        names = [part for item in cols for part in (item if isinstance(item, list | tuple) else [item])]
        return (self._df.select(*names) if names else self)._summary(_DESCRIBE)

    def summary(self, *statistics: str) -> DataFrame:
        """Figures of columns of numbers and strings, as text.

        Args:
            statistics: `count`, `mean`, `stddev`, `min`, `max`, `count_distinct`, `approx_count_distinct` and
                percentages such as `75%`; by default all but the distinct counts, with quartiles.

        >>> spark.range(5).summary("min", "50%", "max").collect()
        [Row(summary='min', id='0'), Row(summary='50%', id='2'), Row(summary='max', id='4')]
        """
        given = [part for item in statistics for part in (item if isinstance(item, list | tuple) else [item])]
        return self._summary(given or _SUMMARY)

    def _summary(self, statistics: Sequence[str]) -> DataFrame:
        from springald.sql import functions as F
        from springald.sql.types import NumericType, StringType

        chosen = [
            (attribute, self._taken(attribute), isinstance(field.dataType, StringType))
            for attribute, field in zip(self._relation.attributes, self.schema.fields, strict=True)
            if isinstance(field.dataType, NumericType | StringType)
        ]
        shares = [_share(name) for name in statistics if name.endswith("%")]
        aggregates = [
            _statistic(F, name, column.try_cast("double") if text and name in ("mean", "stddev") else column)
            for _, column, text in chosen
            for name in statistics
            if not name.endswith("%")
        ]
        figures: Iterator[str | None] = iter(())
        if aggregates:
            numbered = [one.alias(f"s{i}") for i, one in enumerate(aggregates)]
            table = self._df.agg(*numbered).toArrow()
            figures = iter([(None if c[0].as_py() is None else _text.texts(c, "UTC")[0]) for c in table.columns])
        rows: list[list[str | None]] = [[name] for name in statistics]
        for attribute, column, text in chosen:
            quantiles = iter(self._text_quantiles(attribute, column, text, shares)) if shares else iter(())
            for row, name in zip(rows, statistics, strict=True):
                row.append(next(quantiles) if name.endswith("%") else next(figures))
        fields = [pa.field("summary", pa.string()), *(pa.field(a.name, pa.string()) for a, _, _ in chosen)]
        arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return self._session.createDataFrame(pa.Table.from_arrays(arrays, schema=pa.schema(fields)))

    def _text_quantiles(
        self, attribute: Attribute, column: Column, text: bool, shares: Sequence[float]
    ) -> list[str | None]:
        if text:
            column = column.try_cast("double")
        values = self._df.select(column.alias("value"))._quantiles(shares, 0.0001)
        if values is None:
            return [None for _ in shares]
        return list(_text.texts(values, "UTC"))

    def _quantiles(self, shares: Sequence[float], error: float) -> Any:
        """Quantiles of the only column, which are values of it; None if there are none."""
        present = self._df.dropna()
        count = present.count()
        if count == 0:
            return None
        if error > 0 and count > _SORTED_ROWS:
            field = Expr.field(present._relation.attributes[0].field)
            exprs = [
                Expr.aggregate("approx_percentile_cont", [field, Expr.literal(pa.array([share]))]).alias(f"q{i}")
                for i, share in enumerate(shares)
            ]
            with engine_errors():
                frame = present._relation.frame.aggregate([], exprs)
            return pa.array([c[0].as_py() for c in present._table(frame).columns])
        name = present.columns[0]
        ordered = present.orderBy(name)
        found = []
        if count <= _SORTED_ROWS:
            values = ordered.toArrow().column(0)
            return pa.array([values[_rank(share, count)].as_py() for share in shares], values.type)
        for share in shares:
            found.append(ordered.offset(_rank(share, count)).limit(1).collect()[0][0])
        return pa.array(found, present._arrow_schema().field(0).type)

    def approxQuantile(self, col: Any, probabilities: Sequence[float], relativeError: float) -> Any:
        """Quantiles of columns of numbers; nulls and NaN are left out.

        Args:
            col: A column's name, or a list of names.
            probabilities: From 0, the least value, to 1, the greatest.
            relativeError: How far the rank of an answer may be off, as a part of all rows; 0 for exact answers.

        Returns:
            The quantiles, or a list of them for each of the columns.

        >>> spark.range(5).approxQuantile("id", [0.0, 0.5], 0.0)
        [0.0, 2.0]
        """
        if not isinstance(col, str | list | tuple):
            raise PySparkTypeError(f"`col` is a name or a list of names, not {type(col).__name__}")
        for share in probabilities:
            if not isinstance(share, int | float) or not 0 <= share <= 1:
                raise PySparkValueError(f"a probability is from 0 to 1, and not {share!r}")
        if relativeError < 0:
            raise PySparkValueError(f"`relativeError` is {relativeError}, and may not be negative")
        answers = []
        for name in [col] if isinstance(col, str) else col:
            values = self._df.select(name)._quantiles(probabilities, relativeError)
            answers.append([] if values is None else [float(value) for value in values.to_pylist()])
        return answers[0] if isinstance(col, str) else answers

    approx_quantile = approxQuantile

    def corr(self, col1: str, col2: str, method: str | None = None) -> float:
        """Pearson's correlation of two columns; as in PySpark, a null counts as 0 here.

        `functions.corr` leaves rows with nulls out.

        >>> spark.range(3).corr("id", "id")
        1.0
        """
        if method not in (None, "pearson"):
            raise PySparkValueError(f"there is no correlation by {method!r}, only by `pearson`")
        from springald.sql import functions as F

        return self._one_number(F.corr(self._number(col1), self._number(col2)), math.nan)

    def cov(self, col1: str, col2: str) -> float:
        """The sample covariance of two columns; as in PySpark, a null counts as 0 here.

        `functions.covar_samp` leaves rows with nulls out.

        >>> spark.range(3).cov("id", "id")
        1.0
        """
        from springald.sql import functions as F

        return self._one_number(F.covar_samp(self._number(col1), self._number(col2)), 0.0)

    def _number(self, name: str) -> Column:
        from springald.sql import functions as F

        return F.coalesce(self._column(name).cast("double"), F.lit(0.0))

    def _one_number(self, column: Column, of_nothing: float) -> float:
        value = self._df.agg(column).collect()[0][0]
        return of_nothing if value is None else float(value)

    def crosstab(self, col1: str, col2: str) -> DataFrame:
        """How often each value of one column comes with each value of another.

        >>> df = spark.createDataFrame([("a", 1), ("a", 2)], "x string, y int")
        >>> df.crosstab("x", "y").collect()
        [Row(x_y='a', 1=1, 2=1)]
        """
        from springald.sql import functions as F

        def text(name: str) -> Column:
            column = self._column(name)
            return F.coalesce(column.cast("string"), F.lit("null"))

        name = f"{col1}_{col2}"
        counts = self._df.select(text(col1).alias(name), text(col2).alias("value"))
        return counts.groupBy(name).pivot("value").count().fillna(0)

    def freqItems(self, cols: Sequence[str], support: float | None = None) -> DataFrame:
        """The values that make up more than a part of the rows, for each column.

        Args:
            cols: The columns.
            support: The part, 1 % by default.

        >>> spark.createDataFrame([(1,), (1,), (2,)], "a int").freqItems(["a"], 0.5).collect()
        [Row(a_freqItems=[1])]
        """
        from springald.sql import functions as F

        if not isinstance(cols, list | tuple):
            raise PySparkTypeError(f"`cols` is a list of names, not {type(cols).__name__}")
        share = 0.01 if support is None else support
        if not 0.0001 <= share <= 1:
            raise PySparkValueError(f"`support` is from 0.0001 to 1, and not {share}")
        least = self._df.count() * share
        whole: DataFrame | None = None
        for name in cols:
            counts = self._df.groupBy(name).count().filter(F.col("count") > least)
            one = counts.agg(F.collect_list(F.col(name)).alias(f"{name}_freqItems"))
            whole = one if whole is None else whole.crossJoin(one)
        if whole is None:
            raise PySparkValueError("freqItems() takes at least one column")
        return whole

    def sampleBy(self, col: Any, fractions: Mapping[Any, float], seed: int | None = None) -> DataFrame:
        """A random part of the rows, of another size for each value of a column.

        Args:
            col: The column whose values are told apart.
            fractions: The chance of a row with a value; others have none.
            seed: The same seed over the same rows draws the same.

        >>> spark.range(3).sampleBy("id", {1: 1.0}, seed=0).collect()
        [Row(id=1)]
        """
        from springald.sql import functions as F

        column = self._column(col)
        chance: Any = None
        for value, fraction in fractions.items():
            if not 0 <= fraction <= 1:
                raise PySparkValueError(f"the fraction of {value!r} is {fraction}, and is to be from 0 to 1")
            chance = (F if chance is None else chance).when(column == F.lit(value), F.lit(float(fraction)))
        if chance is None:
            return self._df.limit(0)
        draw = F.rand() if seed is None else F.rand(seed)
        return self._df.filter(draw < chance.otherwise(F.lit(0.0)))


class DataFrameStatFunctions:
    """What `df.stat` offers."""

    def __init__(self, df: DataFrame) -> None:
        self.df = df

    def approxQuantile(self, col: Any, probabilities: Sequence[float], relativeError: float) -> Any:
        """Quantiles of columns of numbers; see `DataFrame.approxQuantile`.

        >>> spark.range(5).stat.approxQuantile("id", [0.5], 0.0)
        [2.0]
        """
        return self.df.approxQuantile(col, probabilities, relativeError)

    def corr(self, col1: str, col2: str, method: str | None = None) -> float:
        """Pearson's correlation of two columns.

        >>> spark.range(3).stat.corr("id", "id")
        1.0
        """
        return self.df.corr(col1, col2, method)

    def cov(self, col1: str, col2: str) -> float:
        """The sample covariance of two columns.

        >>> spark.range(3).stat.cov("id", "id")
        1.0
        """
        return self.df.cov(col1, col2)

    def crosstab(self, col1: str, col2: str) -> DataFrame:
        """How often values of two columns come together; see `DataFrame.crosstab`.

        >>> spark.range(1).stat.crosstab("id", "id").collect()
        [Row(id_id='0', 0=1)]
        """
        return self.df.crosstab(col1, col2)

    def freqItems(self, cols: Sequence[str], support: float | None = None) -> DataFrame:
        """Frequent values; see `DataFrame.freqItems`.

        >>> spark.range(1).stat.freqItems(["id"]).collect()
        [Row(id_freqItems=[0])]
        """
        return self.df.freqItems(cols, support)

    def sampleBy(self, col: Any, fractions: Mapping[Any, float], seed: int | None = None) -> DataFrame:
        """A random part of the rows by a column's values; see `DataFrame.sampleBy`.

        >>> spark.range(2).stat.sampleBy("id", {0: 1.0}).collect()
        [Row(id=0)]
        """
        return self.df.sampleBy(col, fractions, seed)

    approx_quantile = approxQuantile


def _share(name: str) -> float:
    try:
        share = float(name[:-1]) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise PySparkValueError(f"{name!r} is no percentage from 0% to 100%")
    return share


def _rank(share: float, count: int) -> int:
    return max(0, math.ceil(share * count) - 1)


def _statistic(functions: Any, name: str, column: Column) -> Column:
    of = {
        "count": functions.count,
        "mean": functions.avg,
        "stddev": functions.stddev,
        "min": functions.min,
        "max": functions.max,
        "count_distinct": functions.count_distinct,
        "approx_count_distinct": functions.approx_count_distinct,
    }
    if name not in of:
        raise AnalysisException(f"there is no statistic {name!r}", f"there are {', '.join(of)} and percentages")
    made: Column = of[name](column)
    return made
