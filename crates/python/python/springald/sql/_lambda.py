"""Lambdas over the items of arrays."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from springald._internal import Expr
from springald.sql._types import Kind
from springald.sql._value import Scope, Value

__all__ = ["fresh", "lambda_of", "mapped"]

_numbers = itertools.count()


def fresh(hint: str = "x") -> str:
    """A name for a lambda's argument that no other has."""
    return f"{hint}_{next(_numbers)}"


def lambda_of(scope: Scope, names: list[str], body: Value) -> Value:
    """A function of items, as an argument of a function of arrays."""
    return Value(scope, Expr.lambda_(names, body.expr))


def mapped(array: Value, function: Callable[[Value], Value]) -> Value:
    """The array of what a function makes of each item."""
    name = fresh()
    item = variable(array.scope, name, array.type.value_type)
    return array.scope.call("array_transform", array, lambda_of(array.scope, [name], function(item)))


def variable(scope: Scope, name: str, kind: Kind) -> Value:
    """The argument of a lambda inside its body."""
    return Value(scope, Expr.variable(name, kind), kind)
