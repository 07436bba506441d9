"""Functions that take functions of items."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError
from springald.sql._casts import coerce
from springald.sql._lambda import fresh, lambda_of, mapped, variable
from springald.sql._nodes import Node, Variable
from springald.sql._types import common_type, sql_name
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of
from springald.sql.functions._make import ColumnOrName
from springald.sql.functions.collection import length_of, listed, zipped

if TYPE_CHECKING:
    from springald.sql._relation import Relation

__all__ = [
    "aggregate",
    "array_sort",
    "exists",
    "filter",
    "forall",
    "map_filter",
    "map_zip_with",
    "reduce",
    "transform",
    "transform_keys",
    "transform_values",
    "zip_with",
]


@dataclass(frozen=True, eq=False)
class _Lambda(Node):
    """A Python function of columns, called once with the arguments of the lambda."""

    variables: tuple[Variable, ...]
    body: Node

    @classmethod
    def of(cls, function: Callable[..., Column], least: int, most: int) -> _Lambda:
        parameters = list(inspect.signature(function).parameters.values())
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
            raise PySparkValueError("the function takes its arguments by place")
        if not least <= len(parameters) <= most:
            raise PySparkValueError(
                f"[WRONG_NUM_ARGS_FOR_HIGHER_ORDER_FUNCTION] the function takes {least}"
                + (f" to {most}" if most > least else "")
                + f" arguments, not {len(parameters)}"
            )
        variables = tuple(Variable(fresh(p.name), "") for p in parameters)
        body = function(*(Column(v) for v in variables))
        if not isinstance(body, Column):
            raise PySparkTypeError(f"the function gives a Column, not {type(body).__name__}")
        return cls(variables, body._node)

    def apply(self, scope: Scope, *values: Value) -> Value:
        bound = {v.name: value for v, value in zip(self.variables, values, strict=False)}
        return self.body.resolve(scope.with_variables(bound))

    def label(self, relation: Relation | None) -> str:
        names = [self.body.label(relation), *(v.label(relation) for v in self.variables)]
        return f"lambdafunction({', '.join(names)})"

    def resolve(self, scope: Scope) -> Value:
        raise NotImplementedError

    def children(self) -> Sequence[Node]:
        return ()


@dataclass(frozen=True, eq=False)
class _HigherOrder(Node):
    name: str
    arguments: tuple[Node, ...]
    function: _Lambda
    build: Callable[..., Value]

    def resolve(self, scope: Scope) -> Value:
        return self.build(scope, self.function, *(a.resolve(scope) for a in self.arguments))

    def label(self, relation: Relation | None) -> str:
        labels = [node.label(relation) for node in (*self.arguments, self.function)]
        return f"{self.name}({', '.join(labels)})"

    def children(self) -> Sequence[Node]:
        return self.arguments


def _call(name: str, build: Callable[..., Value], function: _Lambda, *cols: ColumnOrName) -> Column:
    return Column(_HigherOrder(name, tuple(node_of(c) for c in cols), function, build))


def _mapped(scope: Scope, function: _Lambda, array: Value) -> Value:
    """The array of what a function of an item, or of item and place, makes of each."""
    array = listed(array)
    if len(function.variables) == 1:
        return mapped(array, lambda item: function.apply(scope, item))
    pairs = _indexed(scope, array)

    def body(pair: Value) -> Value:
        item, place = (scope.value(pair.expr.member(name)) for name in ("item", "place"))
        return function.apply(scope, item, place)

    return mapped(pairs, body).unless_null(array)


def _indexed(scope: Scope, array: Value) -> Value:
    places = scope.call("range", 0, length_of(array)).cast(pa.list_(pa.int32()))
    return zipped(scope, [array, places], ["item", "place"])


def transform(col: ColumnOrName, f: Callable[..., Column]) -> Column:
    """The array of what a function makes of each item; it may take the item's place, from 0, as well.

    >>> spark.range(1).select(F.transform(F.lit([1, 2]), lambda x: x * 2)).first()[0]
    [2, 4]
    """
    return _call("transform", _mapped, _Lambda.of(f, 1, 2), col)


def kept(scope: Scope, array: Value, test: Callable[[Value], Value]) -> Value:
    """The items for which a test holds."""
    name = fresh()
    item = variable(scope, name, array.type.value_type)
    body = scope.call("coalesce", coerce(test(item), pa.bool_()), False)
    return scope.call("array_filter", array, lambda_of(scope, [name], body))


def _filter(scope: Scope, function: _Lambda, array: Value) -> Value:
    array = listed(array)
    if len(function.variables) == 1:
        return kept(scope, array, lambda item: function.apply(scope, item))
    pairs = kept(
        scope,
        _indexed(scope, array),
        lambda pair: function.apply(scope, *(scope.value(pair.expr.member(n)) for n in ("item", "place"))),
    )
    return mapped(pairs, lambda pair: scope.value(pair.expr.member("item"))).unless_null(array)


def filter(col: ColumnOrName, f: Callable[..., Column]) -> Column:
    """The items for which a function holds; it may take the item's place, from 0, as well.

    >>> spark.range(1).select(F.filter(F.lit([1, 2, 3]), lambda x: x > 1)).first()[0]
    [2, 3]
    """
    return _call("filter", _filter, _Lambda.of(f, 1, 2), col)


def _any(wanted: bool) -> Callable[..., Value]:
    """Whether some (True) item holds, or none fails (False), in logic of three values."""

    def build(scope: Scope, function: _Lambda, array: Value) -> Value:
        array = listed(array)
        answers = mapped(array, lambda item: coerce(function.apply(scope, item), pa.bool_()))
        known = scope.call("array_compact", answers)
        found = scope.call("array_has", known, wanted)
        unknown = length_of(known).binary("<", length_of(answers))
        cases = [(found, scope.literal(wanted)), (unknown, scope.null(pa.bool_()))]
        return scope.case(cases, scope.literal(not wanted)).unless_null(array)

    return build


def exists(col: ColumnOrName, f: Callable[[Column], Column]) -> Column:
    """Whether a function holds for an item.

    >>> spark.range(1).select(F.exists(F.lit([1, 2]), lambda x: x > 1)).first()[0]
    True
    """
    return _call("exists", _any(True), _Lambda.of(f, 1, 1), col)


def forall(col: ColumnOrName, f: Callable[[Column], Column]) -> Column:
    """Whether a function holds for every item.

    >>> spark.range(1).select(F.forall(F.lit([1, 2]), lambda x: x > 1)).first()[0]
    False
    """
    return _call("forall", _any(False), _Lambda.of(f, 1, 1), col)


def zip_with(left: ColumnOrName, right: ColumnOrName, f: Callable[[Column, Column], Column]) -> Column:
    """The array of what a function makes of the items of two arrays at the same place, the shorter filled with nulls.

    >>> spark.range(1).select(F.zip_with(F.lit([1, 2]), F.lit([10, 20]), lambda x, y: x + y)).first()[0]
    [11, 22]
    """

    def build(scope: Scope, function: _Lambda, a: Value, b: Value) -> Value:
        pairs = zipped(scope, [a, b], ["a", "b"])
        return mapped(pairs, lambda pair: function.apply(scope, *(scope.value(pair.expr.member(n)) for n in "ab")))

    return _call("zip_with", build, _Lambda.of(f, 2, 2), left, right)


def _entries(scope: Scope, value: Value) -> tuple[Value, Value]:
    return scope.call("map_keys", value), scope.call("map_values", value)


def _pairs(scope: Scope, value: Value) -> Value:
    return zipped(scope, list(_entries(scope, value)), ["key", "value"])


def _parts(scope: Scope, pair: Value) -> tuple[Value, Value]:
    return scope.value(pair.expr.member("key")), scope.value(pair.expr.member("value"))


def map_filter(col: ColumnOrName, f: Callable[[Column, Column], Column]) -> Column:
    """The entries of a map for which a function of key and value holds.

    >>> m = F.create_map(F.lit("a"), F.lit(1), F.lit("b"), F.lit(2))
    >>> spark.range(1).select(F.map_filter(m, lambda k, v: v > 1)).first()[0]
    {'b': 2}
    """

    def build(scope: Scope, function: _Lambda, value: Value) -> Value:
        entries = kept(scope, _pairs(scope, value), lambda pair: function.apply(scope, *_parts(scope, pair)))
        return scope.call("spark_map_from_entries", entries)

    return _call("map_filter", build, _Lambda.of(f, 2, 2), col)


def transform_values(col: ColumnOrName, f: Callable[[Column, Column], Column]) -> Column:
    """The map with what a function makes of each key and value as values.

    >>> m = F.create_map(F.lit("a"), F.lit(1))
    >>> spark.range(1).select(F.transform_values(m, lambda k, v: v + 1)).first()[0]
    {'a': 2}
    """

    def build(scope: Scope, function: _Lambda, value: Value) -> Value:
        items = mapped(_pairs(scope, value), lambda pair: function.apply(scope, *_parts(scope, pair)))
        return scope.call("spark_map_from_arrays", scope.call("map_keys", value), items)

    return _call("transform_values", build, _Lambda.of(f, 2, 2), col)


def transform_keys(col: ColumnOrName, f: Callable[[Column, Column], Column]) -> Column:
    """The map with what a function makes of each key and value as keys.

    >>> m = F.create_map(F.lit("a"), F.lit(1))
    >>> spark.range(1).select(F.transform_keys(m, lambda k, v: F.upper(k))).first()[0]
    {'A': 1}
    """

    def build(scope: Scope, function: _Lambda, value: Value) -> Value:
        keys = mapped(_pairs(scope, value), lambda pair: function.apply(scope, *_parts(scope, pair)))
        return scope.call("spark_map_from_arrays", keys, scope.call("map_values", value))

    return _call("transform_keys", build, _Lambda.of(f, 2, 2), col)


def map_zip_with(col1: ColumnOrName, col2: ColumnOrName, f: Callable[[Column, Column, Column], Column]) -> Column:
    """A map of the keys of either map to what a function makes of the key and the value in each, null where it lacks.

    >>> a, b = F.create_map(F.lit("k"), F.lit(1)), F.create_map(F.lit("k"), F.lit(10))
    >>> spark.range(1).select(F.map_zip_with(a, b, lambda k, x, y: x + y)).first()[0]
    {'k': 11}
    """

    def build(scope: Scope, function: _Lambda, a: Value, b: Value) -> Value:
        keys = scope.call("array_union", scope.call("map_keys", a), scope.call("map_keys", b))

        def found(value: Value) -> Value:
            own, items = _entries(scope, value)
            return mapped(
                keys,
                lambda key: scope.call("array_element", items, scope.call("array_position", own, key).cast(pa.int64())),
            )

        rows = zipped(scope, [keys, found(a), found(b)], ["key", "a", "b"])
        items = mapped(
            rows, lambda row: function.apply(scope, *(scope.value(row.expr.member(n)) for n in ("key", "a", "b")))
        )
        return scope.call("spark_map_from_arrays", keys, items).unless_null(a, b)

    return _call("map_zip_with", build, _Lambda.of(f, 3, 3), col1, col2)


def array_sort(col: ColumnOrName, comparator: Callable[[Column, Column], Column] | None = None) -> Column:
    """The array sorted, nulls last.

    >>> spark.range(1).select(F.array_sort(F.lit([2, 1, 3]))).first()[0]
    [1, 2, 3]
    """
    if comparator is not None:
        raise PySparkValueError(
            "array_sort takes no comparator here", "sort an array of structs whose first field is what to sort by"
        )
    from springald.sql.functions._make import call

    return call(
        "array_sort", lambda scope, a: scope.call("array_sort", listed(a), "ASC", "NULLS LAST"), col, form=_SORTED
    )


# What Spark calls the column when no comparator is given.
_X = "namedlambdavariable()"
_SORTED = (
    f"array_sort({{0}}, lambdafunction((IF((({_X} IS NULL) AND ({_X} IS NULL)), 0, (IF(({_X} IS NULL), 1, "
    f"(IF(({_X} IS NULL), -1, (IF(({_X} < {_X}), -1, (IF(({_X} > {_X}), 1, 0)))))))))), {_X}, {_X}))"
)


@dataclass(frozen=True, eq=False)
class _Fold(Node):
    """Items taken into a total, one after the other, and what is made of the last total."""

    name: str
    array: Node
    start: Node
    merge: _Lambda
    finish: _Lambda

    def resolve(self, scope: Scope) -> Value:
        array, start = listed(self.array.resolve(scope)), self.start.resolve(scope)
        names = [fresh("total"), fresh("item")]
        total, item = (
            variable(scope, name, kind) for name, kind in zip(names, (start.type, array.type.value_type), strict=True)
        )
        merged = self.merge.apply(scope, total, item)
        if not pt.is_nested(start.type) and common_type([start.type, merged.type]) != start.type:
            raise AnalysisException(
                f"[DATATYPE_MISMATCH] {self.name} begins with {sql_name(start.type)}, and its function gives "
                f"{sql_name(merged.type)}",
                "cast the start to the type of the result",
            )
        body = lambda_of(scope, names, coerce(merged, start.type))
        folded = self.finish.apply(scope, scope.call("array_fold", array, start, body))
        # Of no array nothing is made, whatever would be made of a null.
        return scope.case([(array.is_not_null(), folded)])

    def label(self, relation: Relation | None) -> str:
        parts = (self.array, self.start, self.merge, self.finish)
        return f"{self.name}({', '.join(part.label(relation) for part in parts)})"

    def children(self) -> Sequence[Node]:
        return (self.array, self.start)


def _fold(
    name: str,
    col: ColumnOrName,
    start: ColumnOrName,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None,
) -> Column:
    last = _Lambda.of(finish or (lambda x: x), 1, 1)
    return Column(_Fold(name, node_of(col), node_of(start), _Lambda.of(merge, 2, 2), last))


def aggregate(
    col: ColumnOrName,
    initialValue: ColumnOrName,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None = None,
) -> Column:
    """What a function makes of a start and the first item, of that and the second, and so on; and of the last, if
    asked for, another function.

    >>> spark.range(1).select(F.aggregate(F.lit([1, 2]), F.lit(0), lambda total, x: total + x * x)).first()[0]
    5
    """
    return _fold("aggregate", col, initialValue, merge, finish)


def reduce(
    col: ColumnOrName,
    initialValue: ColumnOrName,
    merge: Callable[[Column, Column], Column],
    finish: Callable[[Column], Column] | None = None,
) -> Column:
    """What a function makes of a start and the first item, of that and the second, and so on; as `aggregate`.

    >>> spark.range(1).select(F.reduce(F.lit([1, 2]), F.lit(0), lambda total, x: total - x)).first()[0]
    -3
    """
    return _fold("reduce", col, initialValue, merge, finish)
