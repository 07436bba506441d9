"""Several DataFrames made one: joins, unions and the operations of sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from springald._internal import Expr, Frame
from springald.errors import AnalysisException, PySparkTypeError, engine_errors
from springald.sql._relation import Attribute, Relation, joined, of_same_types, project
from springald.sql.frame.base import Base, all_of

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["CombineMixin"]

Kind = Literal["inner", "left", "right", "full", "left_semi", "left_anti"]

_KINDS: dict[str, Kind] = {
    "inner": "inner",
    "cross": "inner",
    "outer": "full",
    "full": "full",
    "fullouter": "full",
    "left": "left",
    "leftouter": "left",
    "right": "right",
    "rightouter": "right",
    "semi": "left_semi",
    "leftsemi": "left_semi",
    "anti": "left_anti",
    "leftanti": "left_anti",
}


class CombineMixin(Base):
    """join, union, intersect, subtract and the like."""

    def join(self, other: Any, on: Any = None, how: str | None = None) -> DataFrame:
        """The rows of both that belong together.

        Args:
            other: The right side.
            on: A name or names that both sides have, each then given once; or a condition, or a list of conditions that
                must all hold. Without, each row with each.
            how: inner, left, right, outer, semi, anti or cross, in any of Spark's spellings.

        >>> people = spark.createDataFrame([(1, "Ada"), (2, "Bob")], "id int, name string")
        >>> ages = spark.createDataFrame([(1, 36)], "id int, age int")
        >>> people.join(ages, "id", "left").orderBy("id").collect()
        [Row(id=1, name='Ada', age=36), Row(id=2, name='Bob', age=None)]
        """
        other = self._other(other)
        kind = _kind(how)
        items = list(on) if isinstance(on, list | tuple) else [] if on is None else [on]
        names = [item for item in items if isinstance(item, str)]
        with engine_errors():
            if names:
                if len(names) < len(items):
                    raise PySparkTypeError("`on` is names, or conditions, and not both")
                return self._join_using(other, names, kind)
            return self._join_on(other, items, kind)

    def crossJoin(self, other: Any) -> DataFrame:
        """Each row with each row of the other.

        >>> spark.range(2).crossJoin(spark.range(3)).count()
        6
        """
        return self.join(other)

    cross_join = crossJoin

    def _join_on(self, other: Base, conditions: list[Any], kind: Kind) -> DataFrame:
        from springald.sql.column import Column

        for condition in conditions:
            if not isinstance(condition, Column):
                raise PySparkTypeError(f"a join condition is a Column, not {type(condition).__name__}")
        left, right, over_both = joined(self._relation, other._relation, (self._origin, other._origin))
        condition = None
        if conditions:
            condition = over_both(lambda both: all_of([column._resolve(both) for column in conditions]))
        elif kind != "inner":
            condition = Expr.literal(pa.array([True]))
        frame = left.frame.join(right.frame, kind, condition)
        if kind in ("left_semi", "left_anti"):
            return self._derive(self._relation.with_frame(frame))
        relation = Relation(frame, left.attributes + right.attributes, left.hidden + right.hidden)
        return self._derive(relation, None, other)

    def _join_using(self, other: Base, names: list[str], kind: Kind) -> DataFrame:
        left, right, _ = joined(self._relation, other._relation, (self._origin, other._origin))
        left_keys = [_key(left, name, "left") for name in names]
        right_keys = [_key(right, name, "right") for name in names]
        condition = all_of(
            [Expr.field(a.field).binary("=", Expr.field(b.field)) for a, b in zip(left_keys, right_keys, strict=True)]
        )
        frame = left.frame.join(right.frame, kind, condition)
        if kind in ("left_semi", "left_anti"):
            return self._derive(self._relation.with_frame(frame))
        left_rest = [a for a in left.attributes if a not in left_keys]
        right_rest = [a for a in right.attributes if a not in right_keys]
        hidden = left.hidden + right.hidden
        if kind == "full":
            both = Relation(frame, left.attributes + right.attributes, hidden)
            keys = [
                (a.name, Expr.call("coalesce", [Expr.field(a.field), Expr.field(b.field)]))
                for a, b in zip(left_keys, right_keys, strict=True)
            ]
            all_ = project(both, [*keys, *left_rest, *right_rest, *left_keys, *right_keys, *hidden])
            shown = len(keys) + len(left_rest) + len(right_rest)
            relation = Relation(all_.frame, all_.attributes[:shown], all_.attributes[shown:])
        elif kind == "right":
            relation = Relation(frame, [*right_keys, *left_rest, *right_rest], (*left_keys, *hidden))
        else:
            relation = Relation(frame, [*left_keys, *left_rest, *right_rest], (*right_keys, *hidden))
        return self._derive(relation, None, other)

    def union(self, other: Any) -> DataFrame:
        """All rows of both, column by column in order.

        >>> spark.range(2).union(spark.range(1)).count()
        3
        """
        left, right = self._alike(other, "UNION")
        with engine_errors():
            return self._derive(left.with_frame(left.frame.union(right.frame)))

    unionAll = union
    union_all = union

    def unionByName(self, other: Any, allowMissingColumns: bool = False) -> DataFrame:
        """All rows of both, column by column of the same name.

        Args:
            other: The DataFrame whose rows are added.
            allowMissingColumns: Whether columns that one side lacks are null there.

        >>> a = spark.createDataFrame([(1, 2)], "x int, y int")
        >>> b = spark.createDataFrame([(3, 4)], "y int, z int")
        >>> a.unionByName(b, allowMissingColumns=True).collect()
        [Row(x=1, y=2, z=None), Row(x=None, y=3, z=4)]
        """
        other = self._other(other)
        left, right = self._visible(), other._visible()
        if not allowMissingColumns:
            for name in left.names():
                if not right.find(name):
                    raise AnalysisException(
                        f"[UNRESOLVED_COLUMN] the right side of unionByName has no column `{name}`",
                        "allowMissingColumns=True fills columns that are missing with nulls",
                    )
            if len(right.attributes) > len(left.attributes):
                left_names = {name.casefold() for name in left.names()}
                extra = next(name for name in right.names() if name.casefold() not in left_names)
                raise AnalysisException(
                    f"[UNRESOLVED_COLUMN] the left side of unionByName has no column `{extra}`",
                    "allowMissingColumns=True fills columns that are missing with nulls",
                )
        with engine_errors():
            names = [*left.names(), *(name for name in right.names() if not left.find(name))]
            left_types, right_types = self._arrow_schema(), other._arrow_schema()
            whole = project(left, [_or_null(left, name, right_types) for name in names])
            added = project(right, [_or_null(right, name, left_types) for name in names])
            whole, added = of_same_types([whole, added])
            return self._derive(whole.with_frame(whole.frame.union(added.frame)))

    union_by_name = unionByName

    def intersect(self, other: Any) -> DataFrame:
        """The rows that both have, each once.

        >>> spark.range(3).intersect(spark.range(1, 5)).orderBy("id").collect()
        [Row(id=1), Row(id=2)]
        """
        return self._set(other, "INTERSECT", lambda a, b: a.intersect(b, True))

    def intersectAll(self, other: Any) -> DataFrame:
        """The rows that both have, as often as both have them.

        >>> df = spark.createDataFrame([(1,), (1,)], "a int")
        >>> df.intersectAll(df).count()
        2
        """
        return self._counted(other, "INTERSECT ALL", "least")

    intersect_all = intersectAll

    def subtract(self, other: Any) -> DataFrame:
        """The rows that the other does not have, each once.

        >>> spark.range(3).subtract(spark.range(2)).collect()
        [Row(id=2)]
        """
        return self._set(other, "EXCEPT", lambda a, b: a.except_(b, True))

    def exceptAll(self, other: Any) -> DataFrame:
        """The rows without those of the other, as often as it has them.

        >>> df = spark.createDataFrame([(1,), (1,)], "a int")
        >>> df.exceptAll(df.limit(1)).count()
        1
        """
        return self._counted(other, "EXCEPT ALL", "difference")

    except_all = exceptAll

    # Helpers

    def _other(self, other: Any) -> Base:
        if not isinstance(other, Base):
            raise PySparkTypeError(f"the other side is a DataFrame, not {type(other).__name__}")
        return other

    def _alike(self, other: Any, what: str) -> list[Relation]:
        other = self._other(other)
        left, right = self._visible(), other._visible()
        if len(left.attributes) != len(right.attributes):
            raise AnalysisException(
                f"[NUM_COLUMNS_MISMATCH] {what} takes inputs with as many columns each: the first has "
                f"{len(left.attributes)}, the other {len(right.attributes)}"
            )
        with engine_errors():
            return of_same_types([left, right])

    def _set(self, other: Any, what: str, change: Callable[[Frame, Frame], Frame]) -> DataFrame:
        left, right = self._alike(other, what)
        with engine_errors():
            return self._derive(left.with_frame(change(left.frame, right.frame)))

    def _counted(self, other: Any, what: str, keep: Literal["least", "difference"]) -> DataFrame:
        """Rows of bags: each row is counted on both sides, and given so often as `keep` says."""
        left, right = self._alike(other, what)
        with engine_errors():
            mark, copies = left.fresh("side"), left.fresh("copies")
            first = left.frame.select([*_fields(left), _number(1).alias(mark)])
            pairs = zip(left.attributes, right.attributes, strict=True)
            second = right.frame.select(
                [*(Expr.field(b.field).alias(a.field) for a, b in pairs), _number(-1).alias(mark)]
            )
            side = Expr.field(mark)
            counts = [
                Expr.aggregate("count", [side], condition=side.binary("=", _number(sign))).alias(f"{copies}{i}")
                for i, sign in enumerate((1, -1))
            ]
            counted = first.union(second).aggregate(_fields(left), counts)
            a, b = Expr.field(f"{copies}0"), Expr.field(f"{copies}1")
            times = Expr.call("least", [a, b]) if keep == "least" else a.binary("-", b)
            some = counted.select([*_fields(left), times.alias(copies)])
            some = some.filter(Expr.field(copies).binary(">", _number(0)))
            places = Expr.call("range", [_number(0), Expr.field(copies)]).alias(copies)
            many = some.select([*_fields(left), places]).unnest(copies, False)
            return self._derive(left.with_frame(many.select(_fields(left))))


def _kind(how: str | None) -> Kind:
    wanted = (how or "inner").lower().replace("_", "")
    if wanted not in _KINDS:
        raise AnalysisException(
            f"[UNSUPPORTED_JOIN_TYPE] there is no join of type `{how}`",
            "inner, left, right, outer, semi, anti and cross are there",
        )
    return _KINDS[wanted]


def _key(relation: Relation, name: str, side: str) -> Attribute:
    found = relation.find(name)
    if not found:
        error = AnalysisException.unresolved(name, relation.names())
        raise AnalysisException(
            f"[UNRESOLVED_USING_COLUMN_FOR_JOIN] the {side} side of the join has no column `{name}`", error.hint
        )
    if len(found) > 1:
        raise AnalysisException.ambiguous(name, [a.name for a in found])
    return found[0]


def _or_null(relation: Relation, name: str, others: pa.Schema) -> Attribute | tuple[str, Expr]:
    found = relation.find(name)
    if found:
        return found[0]
    return name, Expr.literal(pa.nulls(1, others.field(others.names.index(name)).type))


def _fields(relation: Relation) -> list[Expr]:
    return [Expr.field(attribute.field) for attribute in relation.attributes]


def _number(value: int) -> Expr:
    return Expr.literal(pa.array([value], pa.int64()))
