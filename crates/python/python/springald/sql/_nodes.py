"""The tree of a Column: what it computes, before it is known over which columns."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError
from springald.sql import types as t
from springald.sql._casts import cast, coerce
from springald.sql._types import Kind, common_type, is_list, sql_name, type_label
from springald.sql._value import Over, Scope, Value

if TYPE_CHECKING:
    from springald.sql._relation import Attribute, Relation
    from springald.sql.window import WindowSpec

__all__ = [
    "Alias",
    "Build",
    "Call",
    "Case",
    "Cast",
    "Extract",
    "Field",
    "Generator",
    "Literal",
    "Name",
    "Node",
    "Reference",
    "Sorted",
    "Star",
    "Variable",
    "Windowed",
    "parts_of",
]

Build = Callable[..., Value]
"""Makes a value of a scope and the values of the arguments."""


class Node:
    """A part of an expression."""

    def resolve(self, scope: Scope) -> Value:
        """The value over the columns of a scope."""
        raise NotImplementedError

    def label(self, relation: Relation | None) -> str:
        """The name of a column that is this, as Spark gives it."""
        raise NotImplementedError

    def title(self, relation: Relation | None) -> str:
        """The label when nothing is around this node."""
        return self.label(relation)

    def children(self) -> Sequence[Node]:
        """The parts of this part."""
        return ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children():
            yield from child.walk()


def parts_of(name: str) -> list[str]:
    """The parts of a dotted name; a part in backticks may hold dots.

    >>> parts_of("a.`b.c`")
    ['a', 'b.c']
    """
    if "`" not in name:
        return name.split(".")
    parts = re.findall(r"`((?:[^`]|``)*)`|([^.`]+)", name)
    return [(quoted or plain).replace("``", "`") for quoted, plain in parts]


@dataclass(frozen=True, eq=False)
class Name(Node):
    """A column by its name, maybe with an alias before and fields of a struct after it."""

    name: str

    def resolve(self, scope: Scope) -> Value:
        parts = parts_of(self.name)
        if parts[0] in scope.variables:
            value, rest = scope.variables[parts[0]], parts[1:]
        else:
            attribute, rest = scope.relation.resolve(parts)
            value = scope.value(Expr.field(attribute.field))
        for name in rest:
            value = member(value, name)
        return value

    def attribute(self, relation: Relation) -> Attribute | None:
        attribute, rest = relation.resolve(parts_of(self.name))
        # The column is called as it was asked for.
        return None if rest else replace(attribute, name=parts_of(self.name)[-1])

    def label(self, relation: Relation | None) -> str:
        parts = parts_of(self.name)
        if relation is not None and len(parts) > 1:
            rest = relation.resolve(parts)[1]
            return ".".join(parts[len(parts) - len(rest) - 1 :])
        return ".".join(parts)

    def title(self, relation: Relation | None) -> str:
        return parts_of(self.name)[-1]


@dataclass(frozen=True, eq=False)
class Reference(Node):
    """A column of a DataFrame, found again by its identity."""

    of: Attribute

    def attribute(self, relation: Relation) -> Attribute:
        found = relation.locate(self.of)
        if found is None:
            found = relation.resolve([self.of.name])[0]
        return found

    def resolve(self, scope: Scope) -> Value:
        return scope.value(Expr.field(self.attribute(scope.relation).field))

    def label(self, relation: Relation | None) -> str:
        return self.of.name


@dataclass(frozen=True, eq=False)
class Variable(Node):
    """The argument of a lambda."""

    name: str
    shown: str

    def resolve(self, scope: Scope) -> Value:
        value = scope.variables[self.name]
        return Value(scope, value.expr, value.type)

    def label(self, relation: Relation | None) -> str:
        return f"namedlambdavariable({self.shown})" if self.shown else "namedlambdavariable()"


@dataclass(frozen=True, eq=False)
class Star(Node):
    """All columns, or all of an alias or struct."""

    qualifier: str | None = None

    def resolve(self, scope: Scope) -> Value:
        raise AnalysisException("[INVALID_USAGE_OF_STAR] `*` stands alone in select, or in count(*)")

    def label(self, relation: Relation | None) -> str:
        return "unresolvedstar()"


def _literal_type(value: object) -> Kind | None:
    """The Arrow type of a Python value; None leaves it to PyArrow."""
    if isinstance(value, bool | float | str | type(None)):
        return {bool: pa.bool_(), float: pa.float64(), str: pa.string()}.get(type(value), pa.null())
    if isinstance(value, int):
        if -(1 << 31) <= value < 1 << 31:
            return pa.int32()
        if -(1 << 63) <= value < 1 << 63:
            return pa.int64()
        raise PySparkValueError(f"{value} is greater than any bigint", "give it as decimal.Decimal")
    if isinstance(value, decimal.Decimal):
        digits, exponent = value.as_tuple().digits, value.as_tuple().exponent
        assert isinstance(exponent, int)
        scale = max(-exponent, 0)
        return pa.decimal128(max(len(digits) + max(exponent, 0), scale), scale)
    if isinstance(value, bytes | bytearray):
        return pa.binary()
    if isinstance(value, datetime.datetime):
        return pa.timestamp("us", "UTC")
    if isinstance(value, datetime.timedelta):
        return pa.duration("us")
    if isinstance(value, datetime.time):
        return pa.time64("us")
    return None


@dataclass(frozen=True, eq=False)
class Literal(Node):
    """A value of Python."""

    value: Any
    kind: Kind | None = None

    def resolve(self, scope: Scope) -> Value:
        value = self.value
        kind = self.kind or _literal_type(value)
        if isinstance(value, datetime.datetime) and kind is not None and pt.is_timestamp(kind) and kind.tz is not None:
            value = value if value.tzinfo is not None else value.astimezone()
        try:
            array = pa.array([value], kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise PySparkTypeError(
                f"[UNSUPPORTED_LITERAL] there is no column of {value!r}: {error}",
                "F.lit takes numbers, text, bytes, dates, times, lists of them and None",
            ) from None
        return Value(scope, Expr.literal(array), array.type, value)

    def label(self, relation: Relation | None) -> str:
        value = self.value
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return java_double(value)
        if isinstance(value, datetime.datetime):
            shown = value.astimezone(datetime.UTC) if value.tzinfo else value
            text = f"{shown:%Y-%m-%d %H:%M:%S}" + (f".{shown.microsecond:06}".rstrip("0") if shown.microsecond else "")
            return f"TIMESTAMP '{text}'"
        if isinstance(value, datetime.date):
            return f"DATE '{value}'"
        if isinstance(value, pa.MonthDayNano):
            return f"INTERVAL '{value.days}' DAY"
        if isinstance(value, datetime.timedelta):
            return interval_label(value)
        if isinstance(value, bytes | bytearray):
            return f"X'{bytes(value).hex().upper()}'"
        if isinstance(value, decimal.Decimal):
            return f"{value:f}"
        return str(value)


def java_double(value: float) -> str:
    """A double as Java writes it.

    >>> java_double(1e10), java_double(0.001), java_double(1e-5), java_double(float("inf"))
    ('1.0E10', '0.001', '1.0E-5', 'Infinity')
    """
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{decimal.Decimal(repr(value)):f}"
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{exponent + len(text) - 1}"


def interval_label(value: datetime.timedelta) -> str:
    """A length of time as Spark writes it in a label."""
    micros = value // datetime.timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"INTERVAL '{sign}{day} {hour:02}:{minute:02}:{second:02}{fraction}' DAY TO SECOND"


@dataclass(frozen=True, eq=False)
class Alias(Node):
    """A name, or names, for a column."""

    child: Node
    names: tuple[str, ...]

    def resolve(self, scope: Scope) -> Value:
        return self.child.resolve(scope)

    def label(self, relation: Relation | None) -> str:
        return f"{self.child.label(relation)} AS {self.names[0]}"

    def title(self, relation: Relation | None) -> str:
        return self.names[0]

    def children(self) -> Sequence[Node]:
        return (self.child,)


@dataclass(frozen=True, eq=False)
class Cast(Node):
    """CAST and TRY_CAST."""

    child: Node
    to: t.DataType
    safe: bool = False

    def resolve(self, scope: Scope) -> Value:
        return cast(self.child.resolve(scope), t.to_arrow(self.to), self.safe)

    def label(self, relation: Relation | None) -> str:
        return f"{'TRY_' * self.safe}CAST({self.child.label(relation)} AS {type_label(self.to)})"

    def title(self, relation: Relation | None) -> str:
        # A plain column that is cast keeps its name.
        plain = isinstance(self.child, Name | Reference | Cast)
        title = self.child.title(relation)
        return title if plain and not title.startswith(("CAST(", "TRY_CAST(")) else self.label(relation)

    def children(self) -> Sequence[Node]:
        return (self.child,)


@dataclass(frozen=True, eq=False)
class Call(Node):
    """A function or operator. `form` is the label, with `{0}`, `{1}`… for the arguments, or `name(…)`."""

    name: str
    arguments: tuple[Node, ...]
    build: Build
    form: str | None = None
    kind: str = "scalar"
    """scalar, aggregate or window"""

    def resolve(self, scope: Scope) -> Value:
        inner = scope if self.kind == "scalar" else scope.inside()
        return self.build(scope, *(argument.resolve(inner) for argument in self.arguments))

    def label(self, relation: Relation | None) -> str:
        labels = [argument.label(relation) for argument in self.arguments]
        if self.form is None:
            return f"{self.name}({', '.join(labels)})"
        return self.form.format(*labels)

    def children(self) -> Sequence[Node]:
        return self.arguments


@dataclass(frozen=True, eq=False)
class Case(Node):
    """CASE WHEN … THEN … ELSE … END."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None = None

    def resolve(self, scope: Scope) -> Value:
        conditions = [coerce(condition.resolve(scope), pa.bool_()) for condition, _ in self.branches]
        values = [value.resolve(scope) for _, value in self.branches]
        last = self.otherwise.resolve(scope) if self.otherwise is not None else None
        kind = common_type([value.type for value in [*values, *([last] if last else [])]])
        values = [coerce(value, kind) for value in values]
        return scope.case(list(zip(conditions, values, strict=True)), coerce(last, kind) if last is not None else None)

    def label(self, relation: Relation | None) -> str:
        whens = " ".join(f"WHEN {c.label(relation)} THEN {v.label(relation)}" for c, v in self.branches)
        last = f" ELSE {self.otherwise.label(relation)}" if self.otherwise is not None else ""
        return f"CASE {whens}{last} END"

    def children(self) -> Sequence[Node]:
        last = () if self.otherwise is None else (self.otherwise,)
        return (*(node for branch in self.branches for node in branch), *last)


@dataclass(frozen=True, eq=False)
class Sorted(Node):
    """A column and the direction to sort it in."""

    child: Node
    ascending: bool
    nulls_first: bool

    def resolve(self, scope: Scope) -> Value:
        return self.child.resolve(scope)

    def label(self, relation: Relation | None) -> str:
        direction = "ASC" if self.ascending else "DESC"
        return f"{self.child.label(relation)} {direction} NULLS {'FIRST' if self.nulls_first else 'LAST'}"

    def children(self) -> Sequence[Node]:
        return (self.child,)


def member(value: Value, name: str) -> Value:
    """A field of a struct, of each struct of a list, or the value of a map's key."""
    kind = value.type
    if pt.is_map(kind):
        return map_item(value, value.scope.literal(name, pa.string()))
    if is_list(kind) and pt.is_struct(kind.value_type):
        from springald.sql._lambda import mapped

        return mapped(value, lambda item: member(item, name))
    if not pt.is_struct(kind):
        raise AnalysisException(
            f"[INVALID_EXTRACT_BASE_FIELD_TYPE] there is no field `{name}` in a column of {sql_name(kind)}",
            "fields are parts of structs; a column whose name has a dot is asked for in backticks: `a.b`",
        )
    names = [field.name for field in kind]
    exact = [n for n in names if n == name] or [n for n in names if n.casefold() == name.casefold()]
    if not exact:
        raise AnalysisException(f"[FIELD_NOT_FOUND] there is no field `{name}`; there are {', '.join(names)}")
    return value.scope.value(value.expr.member(exact[0]))


def map_item(value: Value, key: Value) -> Value:
    """The value of a key of a map, null where there is none."""
    found = value.scope.call("map_extract", value, coerce(key, value.type.key_type))
    return value.scope.call("array_element", found, 1)


@dataclass(frozen=True, eq=False)
class Field(Node):
    """A field of a struct, by name."""

    child: Node
    name: str

    def resolve(self, scope: Scope) -> Value:
        return member(self.child.resolve(scope), self.name)

    def label(self, relation: Relation | None) -> str:
        return f"{self.child.label(relation)}.{self.name}"

    def children(self) -> Sequence[Node]:
        return (self.child,)


@dataclass(frozen=True, eq=False)
class Extract(Node):
    """An item of an array, from 0; of a map, by key; or a field of a struct, by name."""

    child: Node
    key: Node

    def resolve(self, scope: Scope) -> Value:
        value = self.child.resolve(scope)
        if pt.is_map(value.type):
            return map_item(value, self.key.resolve(scope))
        if isinstance(self.key, Literal) and isinstance(self.key.value, str):
            return member(value, self.key.value)
        if not is_list(value.type):
            raise AnalysisException(
                f"[INVALID_EXTRACT_BASE_FIELD_TYPE] a column of {sql_name(value.type)} has no items",
                "items are taken of arrays, maps and structs",
            )
        place = coerce(self.key.resolve(scope), pa.int64())
        size = scope.call("array_length", value).cast(pa.int64())
        item = scope.call("array_element", value, place.binary("+", 1))
        outside = place.binary("<", 0).binary("or", place.binary(">=", scope.call("coalesce", size, 0)))
        outside = outside.binary("and", value.is_not_null())
        message = "[INVALID_ARRAY_INDEX] the index is out of bounds. Use `get` to get null instead"
        return scope.case([(outside, scope.fail(message, item.type))], item)

    def label(self, relation: Relation | None) -> str:
        if isinstance(self.key, Literal) and isinstance(self.key.value, str):
            struct = isinstance(self.child, Variable)
            if relation is not None and isinstance(self.child, Name | Reference):
                struct = pt.is_struct(self.child.resolve(Scope(relation)).type)
            if struct:
                return f"{self.child.label(relation)}.{self.key.value}"
        return f"{self.child.label(relation)}[{self.key.label(relation)}]"

    def children(self) -> Sequence[Node]:
        return (self.child, self.key)


@dataclass(frozen=True, eq=False)
class Windowed(Node):
    """A function over a window."""

    child: Node
    window: WindowSpec

    def resolve(self, scope: Scope) -> Value:
        plain = scope.inside()
        partitions = tuple(node.resolve(plain).expr for node in self.window._partitions)
        orders = tuple(sort_of(node, plain) for node in self.window._orders)
        return self.child.resolve(replace(scope, over=Over(partitions, orders, self.window._frame)))

    def label(self, relation: Relation | None) -> str:
        return f"{self.child.label(relation)} OVER ({self.window._label(relation, self.child)})"

    def children(self) -> Sequence[Node]:
        return (self.child, *self.window._partitions, *self.window._orders)


def sort_of(node: Node, scope: Scope) -> Any:
    """A sort key of the engine; nulls come first ascending, last descending, if nothing else was said."""
    ascending, nulls_first = True, True
    if isinstance(node, Sorted):
        ascending, nulls_first = node.ascending, node.nulls_first
    return node.resolve(scope).expr.sort(ascending, nulls_first)


@dataclass(frozen=True, eq=False)
class Generator(Node):
    """A function that makes rows of the items of a column."""

    name: str
    child: Node

    def resolve(self, scope: Scope) -> Value:
        raise AnalysisException(
            f"[UNSUPPORTED_GENERATOR] {self.name}() stands alone in select or withColumn, once in each"
        )

    def label(self, relation: Relation | None) -> str:
        return f"{self.name}({self.child.label(relation)})"

    def title(self, relation: Relation | None) -> str:
        return "col"

    def children(self) -> Sequence[Node]:
        return (self.child,)
