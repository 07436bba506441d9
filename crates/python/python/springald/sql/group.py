"""Rows in groups: `df.groupBy(...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr, Frame
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql._relation import Attribute, Relation, project

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame

__all__ = ["GroupedData"]

Kind = Literal["groupby", "rollup", "cube", "sets"]

# Of a pivot without values, as in Spark: more are probably a mistake.
_MOST_VALUES = 10_000


class GroupedData:
    """Groups of a DataFrame's rows, to be aggregated.

    >>> df = spark.createDataFrame([("a", 1), ("a", 2), ("b", 3)], "k string, v int")
    >>> df.groupBy("k").sum("v").orderBy("k").collect()
    [Row(k='a', sum(v)=3), Row(k='b', sum(v)=3)]
    """

    def __init__(
        self,
        df: DataFrame,
        groups: Sequence[Column],
        kind: Kind,
        sets: Sequence[Sequence[Column]] = (),
        pivot: tuple[Column, list[Any] | None] | None = None,
    ) -> None:
        self._df = df
        self._groups = list(groups)
        self._kind: Kind = kind
        self._sets = [list(one) for one in sets]
        self._pivot = pivot

    @property
    def session(self) -> Any:
        """The session of the DataFrame.

        >>> spark.range(1).groupBy().session is spark
        True
        """
        return self._df.sparkSession

    def agg(self, *exprs: Any) -> DataFrame:
        """One row for each group, with these aggregates.

        Args:
            exprs: Columns, or one dict from a column's name to the name of a function.

        >>> from springald.sql import functions as F
        >>> df = spark.createDataFrame([("a", 1), ("a", 2)], "k string, v int")
        >>> df.groupBy("k").agg(F.min("v"), F.avg("v").alias("mean")).collect()
        [Row(k='a', min(v)=1, mean=1.5)]
        >>> df.groupBy("k").agg({"v": "max"}).collect()
        [Row(k='a', max(v)=2)]
        """
        from springald.sql.column import Column

        if not exprs:
            raise PySparkValueError("agg() takes at least one aggregate")
        columns: list[Column] = []
        for item in exprs:
            if isinstance(item, dict):
                columns += [_by_name(name, item[name]) for name in sorted(item, key=_place)]
            elif isinstance(item, Column):
                columns.append(item)
            else:
                raise PySparkTypeError(f"an aggregate is a Column or a dict, not {type(item).__name__}")
        with engine_errors():
            if self._pivot is not None:
                return self._pivoted(columns, *self._pivot)
            if self._kind == "sets":
                return self._united(columns)
            return self._df._derive(self._aggregated(self._df._relation, self._groups, columns))

    def count(self) -> DataFrame:
        """The number of rows of each group, as `count`.

        >>> spark.range(3).groupBy().count().collect()
        [Row(count=3)]
        """
        from springald.sql import functions as F

        return self.agg(F.count(F.lit(1)).alias("count"))

    def sum(self, *cols: str) -> DataFrame:
        """Sums of these columns of numbers, or of all.

        >>> spark.range(3).groupBy().sum("id").collect()
        [Row(sum(id)=3)]
        """
        return self._numeric("sum", cols)

    def avg(self, *cols: str) -> DataFrame:
        """Means of these columns of numbers, or of all.

        >>> spark.range(3).groupBy().avg("id").collect()
        [Row(avg(id)=1.0)]
        """
        return self._numeric("avg", cols)

    mean = avg

    def min(self, *cols: str) -> DataFrame:
        """Least values of these columns of numbers, or of all.

        >>> spark.range(3).groupBy().min("id").collect()
        [Row(min(id)=0)]
        """
        return self._numeric("min", cols)

    def max(self, *cols: str) -> DataFrame:
        """Greatest values of these columns of numbers, or of all.

        >>> spark.range(3).groupBy().max("id").collect()
        [Row(max(id)=2)]
        """
        return self._numeric("max", cols)

    def pivot(self, pivot_col: Any, values: Sequence[Any] | None = None) -> GroupedData:
        """A column for each value of this column, with the aggregates of the rows that have it.

        Args:
            pivot_col: The column whose values become columns.
            values: The values; without them they are looked up first, in order, at most 10,000.

        >>> df = spark.createDataFrame([("a", "x", 1), ("a", "y", 2)], "k string, p string, v int")
        >>> df.groupBy("k").pivot("p").sum("v").collect()
        [Row(k='a', x=1, y=2)]
        """
        if self._kind != "groupby":
            raise AnalysisException("[UNSUPPORTED_FEATURE] pivot() follows groupBy() only")
        if self._pivot is not None:
            raise AnalysisException("[REPEATED_CLAUSE] pivot() can be called only once")
        chosen = None if values is None else list(values)
        return GroupedData(self._df, self._groups, self._kind, pivot=(self._df._column(pivot_col), chosen))

    def __repr__(self) -> str:
        names = [column._label(self._df._relation) for column in self._groups]
        kinds = {"groupby": "GroupBy", "rollup": "Rollup", "cube": "Cube", "sets": "GroupingSets"}
        kind = "Pivot" if self._pivot is not None else kinds[self._kind]
        fields = [f"{name}: {kind}" for name, kind in self._df.dtypes]
        more = f" ... {len(fields) - 2} more field{'s' * (len(fields) > 3)}" if len(fields) > 2 else ""
        grouped, shown = ", ".join(names), ", ".join(fields[:2]) + more
        return f"GroupedData[grouping expressions: [{grouped}], value: [{shown}], type: {kind}]"

    def _numeric(self, function: str, cols: Sequence[str]) -> DataFrame:
        from springald.sql.types import NumericType

        names = [part for item in cols for part in (item if isinstance(item, list | tuple) else [item])]
        df = self._df
        if names:
            for name in names:
                kind = df.select(name).schema[0].dataType
                if not isinstance(kind, NumericType):
                    raise AnalysisException(
                        f'"{name}" is not a numeric column, and {function}() of groups takes such columns only',
                        f"use agg(functions.{function}({name!r}))" if function in ("min", "max") else None,
                    )
            return self.agg(*[_by_name(name, function) for name in names])
        grouped = {attribute.identity for c in self._groups if (attribute := c._attribute(df._relation)) is not None}
        columns = [
            _function(function)(df._taken(attribute)).alias(f"{function}({attribute.name})")
            for attribute, field in zip(df._relation.attributes, df.schema.fields, strict=True)
            if isinstance(field.dataType, NumericType) and attribute.identity not in grouped
        ]
        return self.agg(*columns)

    def _aggregated(self, relation: Relation, groups: Sequence[Column], columns: Sequence[Column]) -> Relation:
        keys: list[Attribute | tuple[str, Expr]] = []
        for column in groups:
            attribute = column._attribute(relation)
            keys.append(attribute or (column._label(relation), column._resolve(relation)))
        if self._kind in ("rollup", "cube") and any(not isinstance(key, Attribute) for key in keys):
            # The engine names the columns of grouping sets by fields only.
            computed = [key for key in keys if not isinstance(key, Attribute)]
            wider = project(relation, [*relation.all(), *computed])
            added = iter(wider.attributes[len(relation.all()) :])
            keys = [key if isinstance(key, Attribute) else next(added) for key in keys]
            shown = len(relation.attributes)
            relation = Relation(wider.frame, wider.attributes[:shown], wider.attributes[shown:])
        relation = Relation(relation.frame, relation.attributes, relation.hidden, relation.wide)
        relation.groups = tuple(key for key in keys if isinstance(key, Attribute))
        aggregates = [(column._label(relation), column._resolve(relation)) for column in columns]
        return _aggregate(relation, keys, aggregates, self._kind)

    def _pivoted(self, columns: Sequence[Column], pivot: Column, values: list[Any] | None) -> DataFrame:
        df = self._df
        first = self._aggregated(df._relation, [*self._groups, pivot], columns)
        count = len(self._groups)
        keys, value, aggregates = first.attributes[:count], first.attributes[count], first.attributes[count + 1 :]
        if values is None:
            values = self._values(pivot)
        schema = first.frame.schema()
        kind = schema.field(value.field).type
        of_nothing = None
        if not all(_is_simple(schema.field(a.field).type) for a in aggregates):
            first, of_nothing = self._with_empty(first, aggregates, columns)
        made = []
        for one in values:
            wanted, text = _pivot_value(one, kind, df._session.time_zone)
            same = Expr.field(value.field).binary("is_not_distinct", wanted)
            for i, aggregate in enumerate(aggregates):
                name = text if len(aggregates) == 1 else f"{text}_{aggregate.name}"
                found = Expr.aggregate("first_value", [Expr.field(aggregate.field)], condition=same)
                if of_nothing is not None:
                    default = Expr.aggregate("first_value", [Expr.field(of_nothing[i].field)])
                    found = Expr.call("coalesce", [found, default])
                made.append((name, found))
        return df._derive(_aggregate(first, list(keys), made, "groupby"))

    def _with_empty(
        self, first: Relation, aggregates: Sequence[Attribute], columns: Sequence[Column]
    ) -> tuple[Relation, Sequence[Attribute]]:
        """Each row of `first` with the aggregates of no rows beside it.

        As in Spark, a pivot some of whose aggregates are texts, dates or lists gives these where a group has no rows of
        a value, such as 0 for a count; with numbers alone it gives nulls.
        """
        nothing = self._df._relation.with_frame(self._df._relation.frame.limit(0, 0))
        empty = self._aggregated(nothing, [], columns)
        taken = [a.field for a in first.attributes]
        renamed, items = [], []
        for attribute in empty.attributes:
            place = first.fresh(attribute.field, taken)
            taken.append(place)
            items.append(Expr.field(attribute.field).alias(place))
            renamed.append(Attribute(attribute.name, place))
        frame = first.frame.join(empty.frame.select(items), "inner", None)
        return Relation(frame, first.attributes, renamed), renamed

    def _values(self, pivot: Column) -> list[Any]:
        found = self._df.select(pivot.alias("value")).distinct().orderBy("value").limit(_MOST_VALUES + 1).collect()
        if len(found) > _MOST_VALUES:
            raise AnalysisException(
                f"the pivot column has more than {_MOST_VALUES} values",
                "name those that are wanted: pivot(column, [value, …])",
            )
        return [row[0] for row in found]

    def _united(self, columns: Sequence[Column]) -> DataFrame:
        """Grouping sets: the rows of one grouping after the other, with nulls for columns not grouped by."""
        df = self._df
        labels = [column._label(df._relation) for column in self._groups]
        whole: Frame | None = None
        shape: Relation | None = None
        for chosen in self._sets:
            wanted = {column._label(df._relation) for column in chosen}
            part = self._aggregated(df._relation, chosen, columns)
            present = {a.name: a for a in part.attributes[: len(chosen)]}
            items: list[Attribute | tuple[str, Expr]] = []
            for label, column in zip(labels, self._groups, strict=True):
                if label in wanted:
                    items.append((label, Expr.field(present[label].field)))
                else:
                    kind: Any = df._relation.frame.type_of(column._resolve(df._relation))[0]
                    items.append((label, Expr.literal(pa.nulls(1, kind))))
            items += part.attributes[len(chosen) :]
            laid_out = project(part, items)
            whole = laid_out.frame if whole is None else whole.union(laid_out.frame)
            shape = shape or laid_out
        if whole is None or shape is None:
            raise PySparkValueError("groupingSets() takes at least one set")
        return df._derive(shape.with_frame(whole))


def _aggregate(
    relation: Relation,
    keys: Sequence[Attribute | tuple[str, Expr]],
    aggregates: Sequence[tuple[str, Expr]],
    kind: Kind,
) -> Relation:
    # Fields that go into the aggregation keep their names; what comes out must not be called like any of them.
    taken = {attribute.field for attribute in relation.all()}
    attributes: list[Attribute] = []
    groups: list[Expr] = []
    seen: set[str] = set()
    for key in keys:
        if isinstance(key, Attribute) and key.field not in seen:
            attributes.append(key)
            groups.append(Expr.field(key.field))
        else:
            name, expr = (key.name, Expr.field(key.field)) if isinstance(key, Attribute) else key
            place = relation.fresh(name, taken)
            taken.add(place)
            attributes.append(Attribute(name, place))
            groups.append(expr.alias(place))
        seen.add(attributes[-1].field)
    made: list[Expr] = []
    for name, expr in aggregates:
        place = relation.fresh(name, taken)
        taken.add(place)
        attributes.append(Attribute(name, place))
        made.append(expr.alias(place))
    if kind in ("rollup", "cube") and groups:
        groups = [Expr.grouping_sets("rollup" if kind == "rollup" else "cube", groups)]
    frame = relation.frame.aggregate(groups, made)
    return Relation(frame, attributes)


def _is_simple(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind))


def _pivot_value(value: Any, kind: pa.DataType, time_zone: str) -> tuple[Expr, str]:
    from springald.sql._text import texts

    if pt.is_timestamp(kind) and kind.tz is not None and getattr(value, "tzinfo", "") is None:
        value = value.astimezone()
    plain = pa.array([value], None if isinstance(value, str) and not pt.is_string(kind) else kind)
    shown = plain if plain.type == kind else plain.cast(kind)
    return Expr.literal(shown), "null" if value is None else texts(shown, time_zone)[0]


def _by_name(name: str, function: str) -> Column:
    from springald.sql import functions as F

    if name == "*":
        if function.lower() != "count":
            raise AnalysisException(f"only count takes `*`, and not {function}")
        return F.count(F.lit(1)).alias("count(1)")
    return _function(function)(F.col(name))


def _place(name: str) -> int:
    """Where a key comes in a hash table of Java's, the order in which PySpark takes a dict."""
    code = 0
    for letter in name:
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    return (code ^ code >> 16) & 15


def _function(name: str) -> Callable[..., Column]:
    from springald.sql import functions as F

    found: Callable[..., Column] | None = getattr(F, "avg" if name == "mean" else name, None)
    if found is None:
        raise AnalysisException(f"[UNRESOLVED_ROUTINE] there is no aggregate function `{name}`")
    return found
