"""Expressions while they are resolved: typed values over a relation."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr, SortExpr
from springald.errors import AnalysisException
from springald.sql._types import Kind

if TYPE_CHECKING:
    from springald.sql._relation import Relation

__all__ = ["Frame", "Over", "Scope", "Value"]

Frame = tuple[Literal["rows", "range"], int | None, int | None]
"""Kind and bounds of a window's frame, counted from the current row."""


@dataclass(frozen=True)
class Over:
    """The window that functions run over."""

    partition_by: tuple[Expr, ...]
    order_by: tuple[SortExpr, ...]
    frame: Frame | None


@dataclass(frozen=True)
class Scope:
    """Where names are looked up, and the window, if any, that functions run over."""

    relation: Relation
    over: Over | None = None
    variables: dict[str, Value] = field(default_factory=dict)

    def value(self, expr: Expr) -> Value:
        return Value(self, expr)

    def inside(self) -> Scope:
        """The scope of a window function's arguments."""
        return replace(self, over=None)

    def with_variables(self, variables: dict[str, Value]) -> Scope:
        return replace(self, variables={**self.variables, **variables})

    def time_zone(self) -> str:
        """The session's time zone."""
        return self.relation.frame.get("datafusion.execution.time_zone") or "UTC"

    def literal(self, value: object, kind: Kind | None = None) -> Value:
        kind = kind or (pa.int32() if type(value) is int else None)
        if isinstance(value, datetime.datetime) and kind is None:
            kind = pa.timestamp("us")
        return Value(self, Expr.literal(pa.array([value], kind)), kind)

    def null(self, kind: Kind) -> Value:
        return self.literal(None, kind)

    def call(self, function: str, *arguments: Value | int | float | str | bool) -> Value:
        """A scalar function of the engine; plain values become literals, integers those of 64 bits."""
        return Value(self, Expr.call(function, [self.operand(a).expr for a in arguments]))

    def operand(self, argument: Value | int | float | str | bool) -> Value:
        if isinstance(argument, Value):
            return argument
        return self.literal(argument, pa.int64() if type(argument) is int else None)

    def aggregate(
        self,
        function: str,
        *arguments: Value,
        distinct: bool = False,
        condition: Value | None = None,
        order_by: Sequence[SortExpr] = (),
        ignore_nulls: bool = False,
    ) -> Value:
        """An aggregate function; inside of `over`, over its window."""
        exprs = [a.expr for a in arguments]
        if self.over is None:
            where = condition.expr if condition is not None else None
            return Value(self, Expr.aggregate(function, exprs, distinct, where, order_by, ignore_nulls))
        if distinct or order_by:
            raise AnalysisException(
                "[UNSUPPORTED_WINDOW] distinct and ordered aggregates cannot run over a window",
                "aggregate by groups, and join the result",
            )
        if condition is not None:
            exprs[0] = self.case([(condition, arguments[0])]).expr
        return self.window(function, *(Value(self, e) for e in exprs), ignore_nulls=ignore_nulls)

    def window(self, function: str, *arguments: Value, ignore_nulls: bool = False, frame: bool = True) -> Value:
        """A window function over the window of this scope."""
        if self.over is None:
            raise AnalysisException(
                f"[MISSING_WINDOW] {function}() runs over a window", "add .over(Window.partitionBy(…).orderBy(…))"
            )
        over = self.over
        exprs = [a.expr for a in arguments]
        bounds = over.frame if frame else None
        return Value(
            self, Expr.window(function, exprs, over.partition_by, over.order_by, bounds, ignore_nulls=ignore_nulls)
        )

    def case(self, branches: Sequence[tuple[Value, Value]], otherwise: Value | None = None) -> Value:
        pairs = [(condition.expr, value.expr) for condition, value in branches]
        return Value(self, Expr.case(None, pairs, otherwise.expr if otherwise is not None else None))

    def fail(self, message: str | Value, kind: Kind) -> Value:
        """A value of any type that fails with a message where it is computed."""
        text = message if isinstance(message, Value) else self.literal(message, pa.string())
        return self.call("raise_error", text).cast(kind)


@dataclass(frozen=True, eq=False)
class Value:
    """An expression in a scope. Operators here are the engine's own, without Spark's coercions."""

    scope: Scope
    expr: Expr
    _type: Kind | None = None
    constant: object = None
    """What a literal holds."""

    @property
    def type(self) -> Kind:
        """The Arrow type."""
        if self._type is None:
            found = self.scope.relation.frame.type_of(self.expr)[0]
            object.__setattr__(self, "_type", found)
            return found
        return self._type

    def binary(self, operator: str, other: Value | int | float | str) -> Value:
        operand = other if isinstance(other, Value) else self.scope.literal(other, self._literal_type(other))
        return Value(self.scope, self.expr.binary(operator, operand.expr))

    def _literal_type(self, other: object) -> Kind | None:
        return self.type if isinstance(other, int) and (pt.is_integer(self.type)) else None

    def unary(self, operator: Any) -> Value:
        return Value(self.scope, self.expr.unary(operator))

    def cast(self, kind: Kind, safe: bool = False) -> Value:
        """The engine's own cast."""
        if self.type == kind:
            return self
        return Value(self.scope, self.expr.cast(kind, safe), kind, self.constant)

    def alias(self, name: str) -> Value:
        return Value(self.scope, self.expr.alias(name), self._type)

    def is_null(self) -> Value:
        return self.unary("is_null")

    def is_not_null(self) -> Value:
        return self.unary("is_not_null")

    def or_null(self, where: Value) -> Value:
        """This value where a condition holds, else null."""
        return self.scope.case([(where, self)])

    def unless_null(self, *others: Value) -> Value:
        """This value, but null where one of the others is."""
        missing = others[0].is_null()
        for other in others[1:]:
            missing = missing.binary("or", other.is_null())
        return self.scope.case([(missing, self.scope.null(self.type))], self)

    def local(self) -> Value:
        """A moment as date and time of day in the session's time zone; others as they are."""
        kind = self.type
        if not pt.is_timestamp(kind) or kind.tz is None:
            return self
        zone = self.scope.time_zone()
        moved = self.cast(pa.timestamp("us", zone)) if kind.tz != zone else self
        return self.scope.call("to_local_time", moved).cast(pa.timestamp("us"))

    def in_zone(self) -> Value:
        """Date and time of day in the session's time zone as a moment."""
        return self.in_zone_of(self.scope.time_zone())

    def in_zone_of(self, zone: str) -> Value:
        """Date and time of day in a time zone as a moment."""
        moment = pa.timestamp("us", "UTC")
        wall = self.cast(pa.timestamp("us"))
        if zone in ("UTC", "Z", "+00:00"):
            return wall.cast(moment)
        # When clocks are set, some times are there twice or never: Spark counts on from an hour before.
        hour = self.scope.literal(3_600_000_000, pa.int64())
        before = wall.cast(pa.int64()).binary("-", hour).cast(pa.timestamp("us"))
        after = before.cast(pa.timestamp("us", zone), safe=True).cast(moment).cast(pa.int64()).binary("+", hour)
        plain = wall.cast(pa.timestamp("us", zone), safe=True).cast(moment)
        return self.scope.call("coalesce", plain, after.cast(pa.timestamp("us")).cast(moment))
