"""Choosing and computing columns, and filtering rows by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql._relation import Attribute, Relation, project
from springald.sql.frame.base import Base
from springald.sql.frame.generate import generated

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame

__all__ = ["SelectMixin"]

Item = Attribute | tuple[str, Expr]


class SelectMixin(Base):
    """select, withColumn, drop, filter and the like."""

    def select(self, *cols: Any) -> DataFrame:
        """These columns, by name or computed.

        Args:
            cols: Names, `"*"`, or Columns; or one list of them.

        >>> from springald.sql import functions as F
        >>> spark.range(3).select("id", (F.col("id") * 2).alias("twice")).show()
        +---+-----+
        | id|twice|
        +---+-----+
        |  0|    0|
        |  1|    2|
        |  2|    4|
        +---+-----+
        <BLANKLINE>
        """
        columns = self._columns(cols)
        generators = [column for column in columns if column._generator() is not None]
        if generators:
            return self._select_generated(columns, generators)
        with engine_errors():
            try:
                items = [item for column in columns for item in self._items(column)]
            except AnalysisException as error:
                return self._select_in_steps(columns, error)
            if any(not isinstance(item, Attribute) and item[1].contains_aggregate() for item in items):
                from springald.sql.group import GroupedData

                return GroupedData(self._df, [], "groupby").agg(*columns)
        return self._project(items)

    def selectExpr(self, *expr: Any) -> DataFrame:
        """Columns computed by SQL expressions.

        >>> spark.range(2).selectExpr("id", "id + 1 AS next").collect()
        [Row(id=0, next=1), Row(id=1, next=2)]
        """
        from springald.sql.functions import expr as parse

        given = expr[0] if len(expr) == 1 and isinstance(expr[0], list) else expr
        return self.select(*[parse(text) if text != "*" else text for text in given])

    select_expr = selectExpr

    def withColumn(self, colName: str, col: Column) -> DataFrame:
        """The same rows with one column more, or with that column replaced.

        >>> from springald.sql import functions as F
        >>> spark.range(2).withColumn("square", F.col("id") * F.col("id")).collect()
        [Row(id=0, square=0), Row(id=1, square=1)]
        """
        return self.withColumns({colName: col})

    with_column = withColumn

    def withColumns(self, colsMap: Mapping[str, Column]) -> DataFrame:
        """The same rows with more columns, or with these columns replaced.

        >>> from springald.sql import functions as F
        >>> spark.range(1).withColumns({"a": F.lit(1), "b": F.lit("x")}).collect()
        [Row(id=0, a=1, b='x')]
        """
        from springald.sql.column import Column

        for name, column in colsMap.items():
            if not isinstance(column, Column):
                raise PySparkTypeError(
                    f"the column `{name}` is to be a Column, not {type(column).__name__}",
                    "wrap a plain value with functions.lit()",
                )
        wanted = {name.casefold(): (name, column) for name, column in colsMap.items()}
        columns: list[Column] = []
        for attribute in self._relation.attributes:
            replacement = wanted.get(attribute.name.casefold())
            columns.append(
                Column._of_attribute(attribute) if replacement is None else replacement[1].alias(replacement[0])
            )
        present = {attribute.name.casefold() for attribute in self._relation.attributes}
        columns += [column.alias(name) for key, (name, column) in wanted.items() if key not in present]
        generators = [column for column in columns if column._generator() is not None]
        if generators:
            return self._select_generated(columns, generators)
        with engine_errors():
            return self._project([item for column in columns for item in self._items(column)])

    with_columns = withColumns

    def withColumnRenamed(self, existing: str, new: str) -> DataFrame:
        """The same rows with a column called otherwise; nothing happens if it is not there.

        >>> spark.range(1).withColumnRenamed("id", "n").columns
        ['n']
        """
        return self.withColumnsRenamed({existing: new})

    with_column_renamed = withColumnRenamed

    def withColumnsRenamed(self, colsMap: Mapping[str, str]) -> DataFrame:
        """The same rows with columns called otherwise.

        >>> spark.range(1).withColumnsRenamed({"id": "n"}).columns
        ['n']
        """
        wanted = {name.casefold(): new for name, new in colsMap.items()}
        return self._project(
            [
                (wanted[a.name.casefold()], Expr.field(a.field)) if a.name.casefold() in wanted else a
                for a in self._relation.attributes
            ]
        )

    with_columns_renamed = withColumnsRenamed

    def toDF(self, *cols: str) -> DataFrame:
        """The same rows with new names for all columns.

        >>> spark.range(1).toDF("n").columns
        ['n']
        """
        names = list(cols[0]) if len(cols) == 1 and isinstance(cols[0], list | tuple) else list(cols)
        attributes = self._relation.attributes
        if len(names) != len(attributes):
            raise PySparkValueError(
                f"there are {len(attributes)} columns, and {len(names)} names were given",
                "the columns are " + ", ".join(f"`{name}`" for name in self.columns),
            )
        return self._project([(name, Expr.field(a.field)) for name, a in zip(names, attributes, strict=True)])

    to_df = toDF

    def drop(self, *cols: Any) -> DataFrame:
        """The same rows without these columns; names that are not there are passed over.

        >>> spark.createDataFrame([(1, 2)], "a int, b int").drop("b", "c").columns
        ['a']
        """
        from springald.sql.column import Column

        gone: set[int] = set()
        for item in cols:
            if isinstance(item, str):
                gone.update(a.identity for a in self._relation.find(item))
            elif isinstance(item, Column):
                gone.update(self._dropped(item))
            else:
                raise PySparkTypeError(f"drop() takes names and Columns, not {type(item).__name__}")
        if not gone:
            return self._df
        return self._project([a for a in self._relation.attributes if a.identity not in gone])

    def _dropped(self, column: Column) -> set[int]:
        try:
            attribute = column._attribute(self._relation)
        except AnalysisException as error:
            if error.message.startswith("[UNRESOLVED_COLUMN]"):
                return set()
            raise
        return set() if attribute is None else {attribute.identity}

    def alias(self, alias: str) -> DataFrame:
        """The same rows under a name, by which columns can be told apart: `col("alias.column")`.

        >>> from springald.sql import functions as F
        >>> df = spark.range(2)
        >>> df.alias("a").join(df.alias("b"), F.col("a.id") == F.col("b.id")).count()
        2
        """
        relation = self._relation
        attributes = [attribute.under(alias) for attribute in relation.attributes]
        return self._derive(Relation(relation.frame, attributes, relation.hidden), self._wide and self._wide_as(alias))

    def _wide_as(self, alias: str) -> Callable[[], Relation]:
        make = self._wide
        assert make is not None

        def wide() -> Relation:
            relation = make()
            return Relation(relation.frame, [a.under(alias) for a in relation.attributes], relation.hidden, wide=True)

        return wide

    def colRegex(self, colName: str) -> tuple[Column, ...]:
        """The columns whose whole names match a regular expression, given in backticks; for use in `select`.

        >>> df = spark.createDataFrame([(1, 2, 3)], "a1 int, a2 int, b int")
        >>> df.select(df.colRegex("`a.`")).columns
        ['a1', 'a2']
        """
        pattern = colName[1:-1] if colName[:1] == colName[-1:] == "`" else re.escape(colName)
        found = [a for a in self._relation.attributes if re.fullmatch(pattern, a.name, re.IGNORECASE)]
        return tuple(self._taken(a) for a in found)

    col_regex = colRegex

    def transform(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a function makes of this DataFrame, for chains of them.

        >>> spark.range(3).transform(lambda df, n: df.limit(n), 1).count()
        1
        """
        return func(self, *args, **kwargs)

    def filter(self, condition: Any) -> DataFrame:
        """The rows for which a condition is true.

        Args:
            condition: A Column of booleans, or a SQL expression.

        >>> spark.range(5).filter("id > 3").collect()
        [Row(id=4)]
        """
        from springald.sql.column import Column
        from springald.sql.functions import expr

        column = expr(condition) if isinstance(condition, str) else condition
        if not isinstance(column, Column):
            raise PySparkTypeError(f"a condition is a Column or SQL text, not {type(condition).__name__}")
        return self._apply(column._resolve, lambda frame, resolved: frame.filter(resolved))

    where = filter

    # Helpers

    def _items(self, column: Column, relation: Relation | None = None) -> list[Item]:
        """A column as items of a projection; a star as many."""
        relation = relation or self._relation
        star = column._is_star()
        if star:
            return _expanded(star if isinstance(star, str) else None, relation)
        attribute = column._attribute(relation)
        if attribute is not None:
            return [attribute]
        return [(column._label(relation), column._resolve(relation))]

    def _select_in_steps(self, columns: Sequence[Column], error: AnalysisException) -> DataFrame:
        """A select whose columns use the aliases of columns before them."""
        relation, items = self._relation, list[Item]()
        for column in columns:
            try:
                items += self._items(column, relation)
                continue
            except AnalysisException:
                computed = [item for item in items if not isinstance(item, Attribute)]
                if not computed:
                    raise error from None
            wider = project(relation, [*relation.all(), *computed])
            shown = len(relation.attributes)
            made = iter(wider.attributes[len(relation.all()) :])
            items = [item if isinstance(item, Attribute) else next(made) for item in items]
            relation = Relation(wider.frame, wider.attributes[:shown], wider.attributes[shown:], wide=True)
            items += self._items(column, relation)
        return self._derive(project(relation, items))

    def _select_generated(self, columns: Sequence[Column], generators: Sequence[Column]) -> DataFrame:
        if len(generators) > 1:
            raise AnalysisException(
                "[UNSUPPORTED_GENERATOR] only one column of a select may be an explode()",
                "explode the other in another select",
            )
        with engine_errors():
            before = self._relation
            place = next(i for i, column in enumerate(columns) if column is generators[0])
            relation, made = generated(before, generators[0])
            items: list[Item] = []
            for i, column in enumerate(columns):
                items += made if i == place else self._items(column, relation)
            narrow = project(relation, items)
        return self._derive(narrow)


def _expanded(qualifier: str | None, relation: Relation) -> list[Item]:
    """The columns that `*`, `alias.*` or `struct.*` stands for."""
    if qualifier is None:
        return list(relation.attributes)
    found = [a for a in relation.attributes if qualifier.casefold() in (q.casefold() for q in a.qualifiers)]
    if found:
        return list(found)
    attribute, rest = relation.resolve(qualifier.split("."))
    inner = Expr.field(attribute.field)
    for name in rest:
        inner = inner.member(name)
    kind: pa.DataType = relation.frame.type_of(inner)[0]
    if not pt.is_struct(kind):
        raise AnalysisException(f"`{qualifier}.*` needs a struct, and `{qualifier}` is none")
    return [(field.name, inner.member(field.name)) for field in kind]
