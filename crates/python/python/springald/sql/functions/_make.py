"""How functions are made of functions of the engine: arguments, their types, and the label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException
from springald.sql._casts import as_text, cast, coerce
from springald.sql._nodes import Build, Call, Node
from springald.sql._types import MOMENT, WALL, Kind, common_type, is_binary, is_list, is_numeric, is_string, sql_name
from springald.sql._value import Scope, Value
from springald.sql.column import Column, literal_of, node_of

ColumnOrName = Column | str

__all__ = ["ColumnOrName", "aggregate", "call", "engine", "lit_", "nodes_of", "refused", "taking"]


def lit_(value: Any) -> Column:
    """A column of a value, where a text is no column's name."""
    return value if isinstance(value, Column) else Column(literal_of(value))


def nodes_of(cols: tuple[Any, ...]) -> tuple[Node, ...]:
    """Nodes of columns, names and values; one list of them is as good as them."""
    if len(cols) == 1 and isinstance(cols[0], list | tuple | set):
        cols = tuple(cols[0])
    return tuple(node_of(c) if isinstance(c, Column | str) else literal_of(c) for c in cols)


def call(name: str, build: Build, *cols: Any, form: str | None = None, kind: str = "scalar") -> Column:
    """A function; texts are names of columns, other values are literals."""
    # None stands for no column: node_of says what is needed.
    nodes = tuple(node_of(c) if c is None or isinstance(c, Column | str) else literal_of(c) for c in cols)
    return Column(Call(name, nodes, build, form, kind))


def taking(kinds: str, value: Value, place: int) -> Value:
    """An argument as the kind that the letter at its place asks for; the last letter goes on.

    s text · d double · n number · i int · l bigint · b boolean · B bytes · D date · W date and time of day in the
    session's zone · T moment · t text or bytes · . anything
    """
    letter = kinds[min(place, len(kinds) - 1)]
    return _TAKE[letter](value)


def engine(function: str, kinds: str, result: Kind | None = None) -> Build:
    """Calls a function of the engine with arguments of these kinds: see `taking`; `c` is the type that holds all."""

    def build(scope: Scope, *values: Value) -> Value:
        values = _common(kinds, [taking(kinds, value, i) for i, value in enumerate(values)])
        found = scope.call(function, *values)
        return found.cast(result) if result is not None else found

    return build


def aggregate(function: str, kinds: str, result: Kind | None = None, distinct: bool = False) -> Build:
    """Calls an aggregate function of the engine with arguments of these kinds."""

    def build(scope: Scope, *values: Value) -> Value:
        values = _common(kinds, [taking(kinds, value, i) for i, value in enumerate(values)])
        found = scope.aggregate(function, *values, distinct=distinct)
        return found.cast(result) if result is not None else found

    return build


def _common(kinds: str, values: list[Value]) -> tuple[Value, ...]:
    if "c" not in kinds:
        return tuple(values)
    places = [i for i in range(len(values)) if kinds[min(i, len(kinds) - 1)] == "c"]
    kind = common_type([values[i].type for i in places])
    return tuple(coerce(value, kind) if i in places else value for i, value in enumerate(values))


def refused(value: Value, wanted: str) -> AnalysisException:
    return AnalysisException(
        f"[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] {wanted} is needed, and not a column of {sql_name(value.type)}"
    )


def _text(value: Value) -> Value:
    if is_list(value.type) or pt.is_map(value.type) or pt.is_struct(value.type):
        raise refused(value, "text")
    return as_text(value)


def _number(kind: Kind, name: str) -> Callable[[Value], Value]:
    def take(value: Value) -> Value:
        if not (is_numeric(value.type) or is_string(value.type) or pt.is_null(value.type)):
            raise refused(value, name)
        return coerce(value, kind)

    return take


def _any_number(value: Value) -> Value:
    if is_string(value.type) or pt.is_null(value.type):
        return coerce(value, pa.float64())
    if not is_numeric(value.type) and not pt.is_duration(value.type):
        raise refused(value, "a number")
    return value


def _date(value: Value) -> Value:
    if is_numeric(value.type) or pt.is_boolean(value.type):
        raise refused(value, "a date")
    return coerce(value, pa.date32())


def _moment(value: Value) -> Value:
    if is_numeric(value.type) or pt.is_boolean(value.type):
        raise refused(value, "a timestamp")
    return coerce(value, MOMENT)


def _wall(value: Value) -> Value:
    if pt.is_timestamp(value.type):
        return value.local()
    if pt.is_date(value.type):
        return value.cast(WALL)
    return _moment(value).local()


def _bytes(value: Value) -> Value:
    return cast(value, pa.binary())


def _text_or_bytes(value: Value) -> Value:
    return value if is_binary(value.type) else _text(value)


_TAKE: dict[str, Callable[[Value], Value]] = {
    "s": _text,
    "d": _number(pa.float64(), "a number"),
    "i": _number(pa.int32(), "an integer"),
    "l": _number(pa.int64(), "an integer"),
    "n": _any_number,
    "b": lambda value: coerce(value, pa.bool_()),
    "B": _bytes,
    "t": _text_or_bytes,
    "D": _date,
    "T": _moment,
    "W": _wall,
    ".": lambda value: value,
    "c": lambda value: value,
}
