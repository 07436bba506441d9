"""What every part of `DataFrame` stands on: its relation, how names become expressions, its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pyarrow as pa

from springald._internal import Expr, Frame
from springald.errors import AnalysisException, PySparkTypeError, engine_errors
from springald.sql._relation import Attribute, Origin, Probe, Relation, project

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame
    from springald.sql.session import SparkSession
    from springald.sql.types import StructType

__all__ = ["Base"]

T = TypeVar("T")

# Methods of PySpark's that a program may ask for, so that the answer is not about columns.
_ABSENT = frozenset(
    [
        "asTable",
        "checkpoint",
        "exists",
        "inputFiles",
        "lateralJoin",
        "mapInArrow",
        "mapInPandas",
        "mergeInto",
        "observe",
        "pandas_api",
        "repartitionByRange",
        "repartitionById",
        "sameSemantics",
        "scalar",
        "semanticHash",
        "to",
        "toJSON",
        "transpose",
        "withMetadata",
        "withWatermark",
        "writeStream",
        "writeTo",
        "metadataColumn",
        "executionInfo",
    ]
)


class Base:
    """A session's relation. `_wide` makes the relation with the columns of before a projection as well, hidden."""

    def __init__(
        self,
        session: SparkSession,
        relation: Relation,
        *,
        wide: Callable[[], Relation] | None = None,
        parents: Sequence[Base] = (),
    ) -> None:
        self._session = session
        self._relation = relation
        self._wide = wide
        self._origin: Origin = Origin([parent._origin for parent in parents])
        self._uncached: Relation | None = None
        self._schema: StructType | None = None

    @property
    def sparkSession(self) -> SparkSession:
        """The session it belongs to.

        >>> spark.range(1).sparkSession is spark
        True
        """
        return self._session

    spark_session = sparkSession

    # Relations

    def _derive(self, relation: Relation, wide: Callable[[], Relation] | None = None, *others: Base) -> DataFrame:
        return type(self._df)(self._session, relation, wide=wide, parents=(self, *others))

    @property
    def _df(self) -> DataFrame:
        """This very DataFrame, for parts that use methods of others."""
        return cast("DataFrame", self)

    def _over(self, change: Callable[[Frame], Frame]) -> DataFrame:
        """The same columns, over another frame with the same fields."""
        with engine_errors():
            relation = self._relation.with_frame(change(self._relation.frame))
        wide = self._wide
        if wide is None:
            return self._derive(relation)
        return self._derive(relation, lambda: _changed(wide(), change))

    def _project(self, items: Sequence[Attribute | tuple[str, Expr]]) -> DataFrame:
        """Columns kept and computed; those of before may still be named by what filters or sorts next."""
        before = self._relation
        with engine_errors():
            relation = project(before, items)

        def wide() -> Relation:
            shown = {item.identity for item in items if isinstance(item, Attribute)}
            others = [a for a in before.all() if a.identity not in shown]
            both = project(before, [*items, *others])
            # Keep the identities that the narrow relation gave.
            attributes = [*relation.attributes]
            renamed = [
                Attribute(a.name, b.field, a.qualifiers, a.identity, a.origin, a.former)
                for a, b in zip(attributes, both.attributes, strict=False)
            ]
            return Relation(both.frame, renamed, both.attributes[len(attributes) :], wide=True)

        return self._derive(relation, wide)

    def _visible(self) -> Relation:
        """The relation with no fields but those of its columns."""
        relation = self._relation
        if not relation.hidden:
            return relation
        with engine_errors():
            return project(relation, relation.attributes)

    def _frame(self) -> Frame:
        """The frame with no fields but those of its columns, in order."""
        return self._visible().frame

    def _named_frame(self, purpose: str) -> Frame:
        """The frame whose fields are called as its columns, which then must differ."""
        relation = self._visible()
        names = relation.names()
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AnalysisException(
                f"[COLUMN_ALREADY_EXISTS] {purpose} cannot have more than one column `{twice[0]}`",
                "rename one of them with withColumnRenamed() or toDF()",
            )
        if all(a.name == a.field for a in relation.attributes):
            return relation.frame
        with engine_errors():
            return relation.frame.select([Expr.field(a.field).alias(a.name) for a in relation.attributes])

    def _resolve(self, resolve: Callable[[Relation], T]) -> tuple[T, Relation]:
        """What `resolve` gives, and the relation over which it holds: the wide one if the narrow does not do."""
        if self._wide is None:
            return resolve(self._relation), self._relation
        probe = Probe(self._relation)
        try:
            found = resolve(probe)
        except AnalysisException:
            wide = self._wide()
            try:
                return resolve(wide), wide
            except AnalysisException:
                pass
            raise
        if probe.missed:
            wide = self._wide()
            try:
                return resolve(wide), wide
            except AnalysisException:
                pass
        return found, self._relation

    def _apply(self, resolve: Callable[[Relation], T], change: Callable[[Frame, T], Frame]) -> DataFrame:
        """A filter or sort, whose expressions may name columns that a projection left out."""
        with engine_errors():
            found, relation = self._resolve(resolve)
            if relation is self._relation or not relation.wide:
                return self._over(lambda frame: change(frame, found))
            changed = relation.with_frame(change(relation.frame, found))
            narrow = project(changed, changed.attributes)
        return self._derive(narrow, lambda: changed)

    # Columns

    def _column(self, item: Any) -> Column:
        """A column of a name, a Column, or a place counted from 1 as SQL does."""
        from springald.sql.column import Column
        from springald.sql.functions import col

        if isinstance(item, Column):
            return item
        if isinstance(item, str):
            return col(item)
        if isinstance(item, int) and not isinstance(item, bool):
            if not 1 <= item <= len(self._relation.attributes):
                raise AnalysisException(f"there is no column {item}, as columns count from 1 to {len(self.columns)}")
            return Column._of_attribute(self._relation.attributes[item - 1])
        raise PySparkTypeError(f"a column is a name or a Column, not {type(item).__name__}")

    def _columns(self, items: Iterable[Any]) -> list[Column]:
        """Columns of the arguments of a method, lists of them among these."""
        given = [part for item in items for part in (item if isinstance(item, list | tuple) else [item])]
        return [self._column(item) for item in given]

    def _attribute(self, item: Any) -> Attribute:
        """The column that a name or Column refers to."""
        attribute = self._column(item)._attribute(self._relation)
        if attribute is None:
            raise AnalysisException("a column of this DataFrame is wanted here, and not an expression")
        return attribute

    def _names_of(self, subset: Any, what: str = "subset") -> list[Attribute]:
        """The columns of a `subset` argument: a name, or a list of names; all for None."""
        if subset is None:
            return list(self._relation.attributes)
        if isinstance(subset, str):
            subset = [subset]
        if not isinstance(subset, list | tuple):
            raise PySparkTypeError(f"`{what}` is a name or a list of names, not {type(subset).__name__}")
        return [self._attribute(name) for name in subset]

    def _taken(self, attribute: Attribute) -> Column:
        """A column of this DataFrame, which later frames find again by its identity."""
        from dataclasses import replace

        from springald.sql.column import Column

        return Column._of_attribute(replace(attribute, origin=self._origin))

    def __getitem__(self, item: Any) -> Any:
        """A column by name or place; for a Column the rows where it is true; for a list those columns."""
        from springald.sql.column import Column

        if isinstance(item, str):
            return self._by_name(item)
        if isinstance(item, Column):
            return self._df.filter(item)
        if isinstance(item, list | tuple):
            return self._df.select(*item)
        if isinstance(item, int):
            return self._taken(self._relation.attributes[item])
        if isinstance(item, slice):
            return self._df.select(*[self._taken(a) for a in self._relation.attributes[item]])
        raise PySparkTypeError(f"df[…] takes a name, a place, a Column or a list, not {type(item).__name__}")

    def _by_name(self, name: str) -> Column:
        column = self._column(name)
        if column._is_star():
            return column
        attribute = column._attribute(self._relation)
        if attribute is not None:
            return self._taken(attribute)
        with engine_errors():
            column._resolve(self._relation)
        return column

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        found = [a for a in self._relation.attributes if a.name == name] or self._relation.find(name)
        if len(found) > 1:
            raise AnalysisException.ambiguous(name, [a.name for a in found])
        if found:
            return self._taken(found[0])
        if name in _ABSENT:
            raise AttributeError(f"PySpark's `DataFrame.{name}` is not there in Springald")
        error = AnalysisException.unresolved(name, self.columns)
        hint = f"\nhint: {error.hint}" if error.hint else ""
        raise AttributeError(f"a DataFrame has no method or column `{name}`{hint}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self.columns if name.isidentifier())})

    # Schema

    def _arrow_schema(self) -> pa.Schema:
        """The columns' Arrow types under the users' names."""
        with engine_errors():
            schema = self._relation.frame.schema()
        fields = []
        for attribute in self._relation.attributes:
            column = schema.field(attribute.field)
            fields.append(pa.field(attribute.name, column.type, column.nullable))
        return pa.schema(fields)

    @property
    def schema(self) -> StructType:
        """Names and types of the columns.

        >>> spark.createDataFrame([(1,)], ["n"]).schema
        StructType([StructField('n', LongType(), True)])
        """
        from springald.sql.types import StructType

        if self._schema is None:
            self._schema = StructType.fromArrow(self._arrow_schema())
        return self._schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns.

        >>> spark.range(1).columns
        ['id']
        """
        return self._relation.names()

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        """Names and types of the columns, as text.

        >>> spark.range(1).dtypes
        [('id', 'bigint')]
        """
        return [(field.name, field.dataType.simpleString()) for field in self.schema.fields]

    def printSchema(self, level: int | None = None) -> None:
        """Prints the schema as a tree.

        >>> spark.createDataFrame([(1,)], ["n"]).printSchema()
        root
         |-- n: long (nullable = true)
        <BLANKLINE>
        """
        print(self.schema.treeString(level))

    print_schema = printSchema

    def __repr__(self) -> str:
        return "DataFrame[" + ", ".join(f"{name}: {kind}" for name, kind in self.dtypes) + "]"


def _changed(relation: Relation, change: Callable[[Frame], Frame]) -> Relation:
    return relation.with_frame(change(relation.frame))


def all_of(conditions: Sequence[Expr]) -> Expr:
    """True where all are."""
    return reduce(lambda a, b: a.binary("and", b), conditions)
