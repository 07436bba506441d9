"""explode() and its kin: a column that makes many rows of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr
from springald.errors import AnalysisException
from springald.sql._relation import Attribute, Relation, project

if TYPE_CHECKING:
    from springald.sql.column import Column

__all__ = ["generated"]


def generated(relation: Relation, column: Column) -> tuple[Relation, list[Attribute | tuple[str, Expr]]]:
    """The relation with a row for each item of a list or map, and the columns that the generator makes there."""
    generator = column._generator()
    assert generator is not None
    function, child = generator
    outer = function.endswith("_outer")
    kind = function.removesuffix("_outer")
    items = child._resolve(relation)
    data_type = relation.frame.type_of(items)[0]
    if not (pt.is_map(data_type) or pt.is_list(data_type) or pt.is_large_list(data_type)):
        raise AnalysisException(
            f"[DATATYPE_MISMATCH] {function}() takes an array or a map, and `{child._label(relation)}` is {data_type}",
            "make an array of values with functions.array()",
        )
    is_map = pt.is_map(data_type)
    if is_map:
        items = Expr.call("map_entries", [items])
    if kind == "posexplode":
        length = Expr.call("array_length", [items]).cast(pa.int64())
        places = Expr.call("range", [_number(0), length])
        items = Expr.call("arrays_zip", [places, items])
    hidden = relation.fresh("generated")
    wide = project(relation, [*relation.all(), (hidden, items)])
    made = wide.attributes[-1]
    unnested = wide.frame.unnest(made.field, outer)
    kept = wide.attributes[: len(relation.attributes)]
    others = wide.attributes[len(relation.attributes) : -1]
    item = Expr.field(made.field)
    after = Relation(unnested, kept, (*others, made))
    return after, _named(column, function, _parts(kind, item, is_map, after))


def _parts(kind: str, item: Expr, is_map: bool, relation: Relation) -> list[tuple[str, Expr]]:
    if kind == "posexplode":
        place = ("pos", item.member("1").cast(pa.int32()))
        value = item.member("2")
        if is_map:
            return [place, ("key", value.member("key")), ("value", value.member("value"))]
        return [place, ("col", value)]
    if kind == "inline":
        struct = relation.frame.type_of(item)[0]
        if not pt.is_struct(struct):
            raise AnalysisException(f"inline() takes an array of structs, and not of {struct}")
        return [(field.name, item.member(field.name)) for field in struct]
    if is_map:
        return [("key", item.member("key")), ("value", item.member("value"))]
    return [("col", item)]


def _named(column: Column, function: str, parts: list[tuple[str, Expr]]) -> list[Attribute | tuple[str, Expr]]:
    """The columns under the names that an alias gives them."""
    names = column._generator_names()
    if not names:
        return list(parts)
    if len(names) != len(parts):
        raise AnalysisException(
            f"[UDTF_ALIAS_NUMBER_MISMATCH] {function}() makes {len(parts)} columns, and the alias names {len(names)}",
            f"give {len(parts)} names: alias({', '.join(repr(name) for name, _ in parts)})",
        )
    return [(name, expr) for name, (_, expr) in zip(names, parts, strict=True)]


def _number(value: int) -> Expr:
    return Expr.literal(pa.array([value], pa.int64()))
