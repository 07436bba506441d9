"""Arrays and structs."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException, PySparkValueError
from springald.sql._casts import as_text, cast, coerce
from springald.sql._lambda import mapped
from springald.sql._nodes import Build, Call, Field, Literal, Name, Node, Reference, map_item
from springald.sql._types import common_type, is_binary, is_list
from springald.sql._value import Scope, Value
from springald.sql.column import Column, make_array
from springald.sql.functions._make import ColumnOrName, call, lit_, nodes_of, refused, taking

__all__ = [
    "array",
    "array_append",
    "array_compact",
    "array_contains",
    "array_distinct",
    "array_except",
    "array_insert",
    "array_intersect",
    "array_join",
    "array_max",
    "array_min",
    "array_position",
    "array_prepend",
    "array_remove",
    "array_repeat",
    "array_size",
    "array_union",
    "arrays_overlap",
    "arrays_zip",
    "cardinality",
    "concat",
    "element_at",
    "flatten",
    "get",
    "named_struct",
    "reverse",
    "sequence",
    "shuffle",
    "size",
    "slice",
    "sort_array",
    "struct",
    "try_element_at",
]


def listed(value: Value) -> Value:
    """An array as the engine's plain list."""
    if pt.is_null(value.type):
        return value.cast(pa.list_(pa.null()))
    if not is_list(value.type):
        raise refused(value, "an array")
    return value if pt.is_list(value.type) else value.cast(pa.list_(value.type.value_type))


def length_of(value: Value) -> Value:
    """The count of items, as 64 bits."""
    return value.scope.call("array_length", value).cast(pa.int64())


def _item(array: Value, value: Value) -> tuple[Value, Value]:
    """An array and an item in the type that holds both."""
    array = listed(array)
    kind = common_type([array.type.value_type, value.type])
    if kind != array.type.value_type:
        array = cast(array, pa.list_(kind))
    return array, coerce(value, kind)


def _alike(a: Value, b: Value) -> tuple[Value, Value]:
    """Two arrays of one type of item."""
    a, b = listed(a), listed(b)
    kind = common_type([a.type.value_type, b.type.value_type])
    return tuple(v if v.type.value_type == kind else cast(v, pa.list_(kind)) for v in (a, b))  # type: ignore[return-value]


def array(*cols: ColumnOrName | list[ColumnOrName]) -> Column:
    """An array of columns.

    >>> spark.range(1).select(F.array("id", F.lit(5))).first()[0]
    [0, 5]
    """
    return call("array", make_array, *nodes_of(cols))


def array_append(col: ColumnOrName, value: Any) -> Column:
    """The array with an item more at its end.

    >>> spark.range(1).select(F.array_append(F.lit([1]), 2)).first()[0]
    [1, 2]
    """

    def build(scope: Scope, array: Value, item: Value) -> Value:
        array, item = _item(array, item)
        return scope.call("array_append", array, item).unless_null(array)

    return call("array_append", build, col, lit_(value))


def array_prepend(col: ColumnOrName, value: Any) -> Column:
    """The array with an item more at its start.

    >>> spark.range(1).select(F.array_prepend(F.lit([1]), 2)).first()[0]
    [2, 1]
    """

    def build(scope: Scope, array: Value, item: Value) -> Value:
        array, item = _item(array, item)
        return scope.call("array_prepend", item, array).unless_null(array)

    return call("array_prepend", build, col, lit_(value))


def array_compact(col: ColumnOrName) -> Column:
    """The array without nulls.

    >>> spark.range(1).select(F.array_compact(F.array(F.lit(1), F.lit(None)))).first()[0]
    [1]
    """
    return call("array_compact", lambda scope, array: scope.call("array_compact", listed(array)), col)


def array_contains(col: ColumnOrName, value: Any) -> Column:
    """Whether an item is in the array; null if it is not and the array has a null.

    >>> spark.range(1).select(F.array_contains(F.lit([1, 2]), 2)).first()[0]
    True
    """

    def build(scope: Scope, array: Value, item: Value) -> Value:
        array, item = _item(array, item)
        return scope.call("spark_array_contains", array, item)

    return call("array_contains", build, col, lit_(value))


def array_distinct(col: ColumnOrName) -> Column:
    """The array with each item once.

    >>> spark.range(1).select(F.array_distinct(F.lit([2, 1, 2]))).first()[0]
    [2, 1]
    """
    return call("array_distinct", lambda scope, array: scope.call("array_distinct", listed(array)), col)


def _sets(function: str) -> Build:
    def build(scope: Scope, a: Value, b: Value) -> Value:
        a, b = _alike(a, b)
        return scope.call(function, a, b).unless_null(a, b)

    return build


def array_union(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The items of either array, each once.

    >>> spark.range(1).select(F.array_union(F.lit([1, 2]), F.lit([2, 3]))).first()[0]
    [1, 2, 3]
    """
    return call("array_union", _sets("array_union"), col1, col2)


def array_intersect(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The items of both arrays, each once.

    >>> spark.range(1).select(F.array_intersect(F.lit([1, 2]), F.lit([2, 3]))).first()[0]
    [2]
    """
    return call("array_intersect", _sets("array_intersect"), col1, col2)


def array_except(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The items of the first array that are not in the second, each once.

    >>> spark.range(1).select(F.array_except(F.lit([1, 2]), F.lit([2, 3]))).first()[0]
    [1]
    """
    return call("array_except", _sets("array_except"), col1, col2)


def arrays_overlap(a1: ColumnOrName, a2: ColumnOrName) -> Column:
    """Whether two arrays have an item in common; null if none is known and one has a null.

    >>> spark.range(1).select(F.arrays_overlap(F.lit([1, 2]), F.lit([2, 3]))).first()[0]
    True
    """

    def build(scope: Scope, a: Value, b: Value) -> Value:
        a, b = _alike(a, b)
        full = [scope.call("array_compact", v) for v in (a, b)]
        common = scope.call("array_has_any", *full)
        some = length_of(a).binary(">", 0).binary("and", length_of(b).binary(">", 0))
        gaps = [length_of(f).binary("<", length_of(v)) for f, v in zip(full, (a, b), strict=True)]
        unknown = some.binary("and", gaps[0].binary("or", gaps[1]))
        answer = scope.case([(common, scope.literal(True)), (unknown, scope.null(pa.bool_()))], scope.literal(False))
        return answer.unless_null(a, b)

    return call("arrays_overlap", build, a1, a2)


def _field_name(node: Node, place: int) -> str:
    from springald.sql._nodes import Alias

    named = isinstance(node, Name | Reference | Alias | Field)
    return node.name if isinstance(node, Field) else node.title(None) if named else str(place)


def arrays_zip(*cols: ColumnOrName) -> Column:
    """An array of structs of the items at the same place.

    >>> df = spark.createDataFrame([([1, 2], ["x"])], ["a", "b"])
    >>> df.select(F.arrays_zip("a", "b")).first()[0]
    [Row(a=1, b='x'), Row(a=2, b=None)]
    """
    nodes = nodes_of(cols)
    names = [_field_name(node, i) for i, node in enumerate(nodes)]
    return Column(Call("arrays_zip", nodes, lambda scope, *arrays: zipped(scope, list(arrays), names)))


def zipped(scope: Scope, arrays: list[Value], names: list[str]) -> Value:
    """An array of structs with fields of these names."""
    arrays = [listed(a) for a in arrays]
    rows = scope.call("arrays_zip", *arrays)
    fields = [field.name for field in rows.type.value_type]

    def renamed(row: Value) -> Value:
        parts: list[Value] = []
        for field, name in zip(fields, names, strict=True):
            parts += [scope.literal(name, pa.string()), scope.value(row.expr.member(field))]
        return scope.call("named_struct", *parts)

    return mapped(rows, renamed).unless_null(*arrays)


def array_insert(arr: ColumnOrName, pos: ColumnOrName | int, value: Any) -> Column:
    """The array with an item put in at a place, from 1 or from the end below zero; gaps are filled with nulls.

    >>> spark.range(1).select(F.array_insert(F.lit([1, 3]), 2, 2)).first()[0]
    [1, 2, 3]
    """

    def build(scope: Scope, array: Value, place: Value, item: Value) -> Value:
        array, item = _item(array, item)
        place = coerce(place, pa.int64())
        size = length_of(array)
        after = scope.case([(place.binary("<", 0), size.binary("+", place).binary("+", 2))], place)
        one = scope.call("make_array", item)
        head = scope.call("array_resize", array, after.binary("-", 1), scope.null(array.type.value_type))
        # Past the end there is no tail: the engine's slice of nothing may be null.
        tail = scope.call("coalesce", scope.call("array_slice", array, after, size), scope.literal([], array.type))
        tail = scope.case([(after.binary(">", size), scope.literal([], array.type))], tail)
        inside = scope.call("array_concat", head, one, tail)
        gap = scope.call(
            "array_repeat", scope.null(array.type.value_type), scope.literal(1, pa.int64()).binary("-", after)
        )
        before = scope.call("array_concat", one, gap, array)
        zero = scope.fail("[INVALID_INDEX_OF_ZERO] the place of array_insert counts from 1, or from -1", array.type)
        cases = [(place.binary("=", 0), zero), (after.binary(">=", 1), inside.cast(array.type))]
        return scope.case(cases, before.cast(array.type)).unless_null(array, place)

    return call("array_insert", build, arr, pos, lit_(value))


def array_join(col: ColumnOrName, delimiter: str, null_replacement: str | None = None) -> Column:
    """The items as one text with a text between; nulls left out or replaced.

    >>> spark.range(1).select(F.array_join(F.lit(["a", "b"]), "-")).first()[0]
    'a-b'
    """

    def build(scope: Scope, array: Value, *rest: Value) -> Value:
        array = cast(listed(array), pa.list_(pa.string()))
        joined = scope.call("array_to_string", array, *rest)
        return scope.case([(array.is_not_null(), scope.call("coalesce", joined, ""))])

    rest = [] if null_replacement is None else [lit_(null_replacement)]
    return call("array_join", build, col, lit_(delimiter), *rest)


def array_max(col: ColumnOrName) -> Column:
    """The greatest item, nulls left out.

    >>> spark.range(1).select(F.array_max(F.lit([1, 3, 2]))).first()[0]
    3
    """
    return call("array_max", _extreme(False), col)


def array_min(col: ColumnOrName) -> Column:
    """The least item, nulls left out.

    >>> spark.range(1).select(F.array_min(F.lit([3, 1, 2]))).first()[0]
    1
    """
    return call("array_min", _extreme(True), col)


def _extreme(least: bool) -> Build:
    def build(scope: Scope, array: Value) -> Value:
        items = scope.call("array_compact", listed(array))
        order = scope.call("array_sort", items, "ASC" if least else "DESC", "NULLS LAST")
        return scope.call("array_element", order, 1)

    return build


def array_position(col: ColumnOrName, value: Any) -> Column:
    """The place of an item, from 1; 0 if it is not there.

    >>> spark.range(1).select(F.array_position(F.lit([3, 1]), 1)).first()[0]
    2
    """

    def build(scope: Scope, array: Value, item: Value) -> Value:
        array, item = _item(array, item)
        place = scope.call("array_position", array, item).cast(pa.int64())
        return scope.call("coalesce", place, 0).unless_null(array, item)

    return call("array_position", build, col, lit_(value))


def array_remove(col: ColumnOrName, element: Any) -> Column:
    """The array without the items that equal one.

    >>> spark.range(1).select(F.array_remove(F.lit([1, 2, 1]), 1)).first()[0]
    [2]
    """

    def build(scope: Scope, array: Value, item: Value) -> Value:
        array, item = _item(array, item)
        return scope.call("array_remove_all", array, item).unless_null(array, item)

    return call("array_remove", build, col, lit_(element))


def array_repeat(col: ColumnOrName, count: ColumnOrName | int) -> Column:
    """An array of a value so many times over.

    >>> spark.range(1).select(F.array_repeat(F.lit("x"), 2)).first()[0]
    ['x', 'x']
    """

    def build(scope: Scope, value: Value, count: Value) -> Value:
        number = coerce(count, pa.int64())
        number = scope.case([(number.binary("<", 0), scope.literal(0, pa.int64()))], number)
        return scope.call("array_repeat", value, number).unless_null(number)

    return call("array_repeat", build, col, count)


def _size(scope: Scope, value: Value) -> Value:
    if pt.is_map(value.type):
        value = scope.call("map_keys", value)
    return length_of(listed(value)).cast(pa.int32())


def size(col: ColumnOrName) -> Column:
    """The count of items of an array or map; null for null.

    >>> spark.range(1).select(F.size(F.lit([1, 2]))).first()[0]
    2
    """
    return call("size", _size, col)


def cardinality(col: ColumnOrName) -> Column:
    """The count of items of an array or map; null for null.

    >>> spark.range(1).select(F.cardinality(F.lit([1, 2]))).first()[0]
    2
    """
    return call("cardinality", _size, col)


def array_size(col: ColumnOrName) -> Column:
    """The count of items of an array; null for null.

    >>> spark.range(1).select(F.array_size(F.lit([1, 2]))).first()[0]
    2
    """
    return call("array_size", _size, col)


def concat(*cols: ColumnOrName) -> Column:
    """Texts, bytes or arrays one after another; null if one is null.

    >>> spark.range(1).select(F.concat(F.lit("a"), F.lit(1))).first()[0]
    'a1'
    """

    def build(scope: Scope, *values: Value) -> Value:
        if not values:
            return scope.literal("")
        if any(is_list(v.type) for v in values):
            kind = common_type([listed(v).type.value_type for v in values])
            lists = [cast(listed(v), pa.list_(kind)) for v in values]
            return scope.call("array_concat", *lists).unless_null(*lists)
        if all(is_binary(v.type) for v in values):
            return scope.call("spark_concat", *values).cast(pa.binary())
        texts = [as_text(v) for v in values]
        return scope.call("concat", *texts).unless_null(*texts)

    return call("concat", build, *nodes_of(cols))


def _element(trying: bool) -> Build:
    def build(scope: Scope, value: Value, key: Value) -> Value:
        if pt.is_map(value.type):
            return map_item(value, key)
        array, place = listed(value), coerce(key, pa.int64())
        item = scope.call("array_element", array, place)
        zero = (place.binary("=", 0), scope.fail("[INVALID_INDEX_OF_ZERO] places count from 1, or from -1", item.type))
        if trying:
            return scope.case([zero], item)
        size = length_of(array)
        outside = place.binary(">", size).binary(
            "or", place.binary("<", scope.literal(0, pa.int64()).binary("-", size))
        )
        message = (
            "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] the place is out of bounds. Use `try_element_at` to get null instead"
        )
        return scope.case([zero, (outside, scope.fail(message, item.type))], item)

    return build


def element_at(col: ColumnOrName, extraction: Any) -> Column:
    """The item of an array at a place, from 1 or from the end below zero; the value of a map's key.

    >>> spark.range(1).select(F.element_at(F.lit([7, 8]), -1)).first()[0]
    8
    """
    return call("element_at", _element(False), col, lit_(extraction))


def try_element_at(col: ColumnOrName, extraction: ColumnOrName) -> Column:
    """The item of an array at a place, or null where there is none; the value of a map's key.

    >>> spark.range(1).select(F.try_element_at(F.lit([7, 8]), F.lit(3))).first()[0] is None
    True
    """
    return call("try_element_at", _element(True), col, extraction)


def get(col: ColumnOrName, index: ColumnOrName | int) -> Column:
    """The item of an array at a place, from 0; null where there is none.

    >>> spark.range(1).select(F.get(F.lit([7, 8]), 1)).first()[0]
    8
    """

    def build(scope: Scope, array: Value, place: Value) -> Value:
        place = coerce(place, pa.int64())
        item = scope.call("array_element", listed(array), place.binary("+", 1))
        return scope.case([(place.binary(">=", 0), item)])

    return call("get", build, col, index)


def flatten(col: ColumnOrName) -> Column:
    """An array of arrays as one array; null if one of them is null.

    >>> spark.range(1).select(F.flatten(F.lit([[1, 2], [3]]))).first()[0]
    [1, 2, 3]
    """

    def build(scope: Scope, value: Value) -> Value:
        value = listed(value)
        gap = length_of(scope.call("array_compact", value)).binary("<", length_of(value))
        flat = scope.call("flatten", value)
        return scope.case([(gap, scope.null(flat.type))], flat)

    return call("flatten", build, col)


def reverse(col: ColumnOrName) -> Column:
    """Text or array from its end to its start.

    >>> spark.range(1).select(F.reverse(F.lit("abc"))).first()[0]
    'cba'
    """

    def build(scope: Scope, value: Value) -> Value:
        if is_list(value.type):
            return scope.call("array_reverse", listed(value))
        return scope.call("reverse", as_text(value))

    return call("reverse", build, col)


def sequence(start: ColumnOrName, stop: ColumnOrName, step: ColumnOrName | None = None) -> Column:
    """An array from one number or date to another, by steps of 1 or as given.

    >>> spark.range(1).select(F.sequence(F.lit(1), F.lit(3))).first()[0]
    [1, 2, 3]
    """

    def build(scope: Scope, first: Value, last: Value, *by: Value) -> Value:
        kind = common_type([first.type, last.type])
        if pt.is_date(kind):
            ends = [coerce(v, kind).cast(pa.int32()) for v in (first, last)]
        elif pt.is_integer(kind):
            ends = [coerce(v, kind) for v in (first, last)]
        else:
            raise AnalysisException(
                "[DATATYPE_MISMATCH.SEQUENCE_WRONG_INPUT_TYPES] sequence goes over integers and dates"
            )
        a, b = (v.cast(pa.int64()) for v in ends)
        if by and pt.is_duration(by[0].type):
            width = by[0].cast(pa.int64()).binary("/", scope.literal(86_400_000_000, pa.int64()))
        elif by:
            width = coerce(by[0], pa.int64())
        else:
            down = scope.literal(-1, pa.int64())
            width = scope.case([(a.binary(">", b), down)], scope.literal(1, pa.int64()))
        wide = scope.call("generate_series", a, b, width)
        middle = pa.list_(pa.int32()) if pt.is_date(kind) else pa.list_(kind)
        found = wide.cast(middle)
        return (found.cast(pa.list_(kind)) if pt.is_date(kind) else found).unless_null(a, b)

    return call("sequence", build, start, stop, *([] if step is None else [step]))


def shuffle(col: ColumnOrName, seed: ColumnOrName | int | None = None) -> Column:
    """The array in a random order.

    >>> sorted(spark.range(1).select(F.shuffle(F.lit([1, 2, 3]))).first()[0])
    [1, 2, 3]
    """
    rest = [] if seed is None else [lit_(seed)]

    def build(scope: Scope, array: Value, *seeds: Value) -> Value:
        return scope.call("spark_shuffle", listed(array), *(coerce(s, pa.int64()) for s in seeds))

    return call("shuffle", build, col, *rest, form="shuffle({0})")


def slice(x: ColumnOrName, start: ColumnOrName | int, length: ColumnOrName | int) -> Column:
    """Part of an array: where it starts, from 1 or from the end below zero, and how long it is.

    >>> spark.range(1).select(F.slice(F.lit([1, 2, 3]), 2, 2)).first()[0]
    [2, 3]
    """

    def build(scope: Scope, array: Value, first: Value, count: Value) -> Value:
        return scope.call("spark_slice", listed(array), coerce(first, pa.int64()), coerce(count, pa.int64()))

    return call("slice", build, x, start, length)


def sort_array(col: ColumnOrName, asc: bool = True) -> Column:
    """The array sorted; nulls come first ascending, last descending.

    >>> spark.range(1).select(F.sort_array(F.lit([2, 1, 3]), asc=False)).first()[0]
    [3, 2, 1]
    """
    order, nulls = ("ASC", "NULLS FIRST") if asc else ("DESC", "NULLS LAST")
    return call(
        "sort_array", lambda scope, array, _: scope.call("array_sort", listed(array), order, nulls), col, lit_(asc)
    )


def struct(*cols: ColumnOrName | list[ColumnOrName]) -> Column:
    """A struct of columns, its fields called as they are.

    >>> spark.range(1).select(F.struct("id", F.lit("x").alias("s"))).first()[0]
    Row(id=0, s='x')
    """
    nodes = nodes_of(cols)

    def build(scope: Scope, *values: Value) -> Value:
        parts: list[Value] = []
        for i, (node, value) in enumerate(zip(nodes, values, strict=True)):
            plain = isinstance(node, Literal | Call)
            name = f"col{i + 1}" if plain else node.title(scope.relation)
            parts += [scope.literal(name, pa.string()), value]
        return scope.call("named_struct", *parts)

    return Column(Call("struct", nodes, build))


def named_struct(*cols: ColumnOrName) -> Column:
    """A struct of names, as F.lit, and columns, in turn.

    >>> spark.range(1).select(F.named_struct(F.lit("a"), "id")).first()[0]
    Row(a=0)
    """
    nodes = nodes_of(cols)
    names = [node.value for node in nodes[::2] if isinstance(node, Literal)]
    if len(nodes) % 2 or len(names) != len(nodes) // 2:
        raise PySparkValueError("named_struct takes names, as F.lit, and columns, in turn")

    def build(scope: Scope, *values: Value) -> Value:
        return scope.call("named_struct", *(taking("s.", v, i % 2) for i, v in enumerate(values)))

    return Column(Call("named_struct", nodes, build))
