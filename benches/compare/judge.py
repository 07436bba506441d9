"""Whether two answers are the same, cell by cell, and the first places where they are not."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from compare.answers import Cell, cells

# Differences that are shown; one is enough to fail.
SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """`how` says what "same" means; `differences` name the first rows that differ."""

    same: bool
    how: str
    differences: tuple[str, ...] = ()


def same_cost(ours: pa.Table, theirs: pa.Table, tolerance: float) -> Verdict:
    """For work that may end in another optimum: the cost may not be above the other's by more than `tolerance`."""
    a, b = (float(table.column("cost")[0].as_py()) for table in (ours, theirs))
    how = f"cost {a / b:.6f} of the other's, up to {1 + tolerance:g} allowed"
    if a <= b * (1 + tolerance):
        return Verdict(True, how)
    return Verdict(False, how, (f"cost {a!r} for {b!r}",))


def same_rows(ours: pa.Table, theirs: pa.Table, tolerance: float) -> Verdict:
    """Compares rows in any order.

    A column is compared by value within `tolerance` if it holds floats on either side, or decimals of different scales,
    where a unit in the last place of the shorter is allowed, too. All other cells must be equal: decimals and whole
    numbers by value, texts, dates and times by their canonical form, nulls to nulls alone.
    """
    if ours.num_columns != theirs.num_columns:
        return Verdict(False, "", (f"{ours.num_columns} columns, and the other side has {theirs.num_columns}",))
    slack = [_slack(a.type, b.type, tolerance) for a, b in zip(ours.schema, theirs.schema, strict=True)]
    near = [i for i, s in enumerate(slack) if s is not None]
    exact = [i for i, s in enumerate(slack) if s is None]
    sides = [_grouped(table, exact, near) for table in (ours, theirs)]
    found = _Differences(ours.schema.names, exact, near)
    if ours.num_rows != theirs.num_rows:
        found.add(f"{ours.num_rows} rows, and the other side has {theirs.num_rows}")
    limits = [slack[i] for i in near]
    for key in {**sides[0], **sides[1]}:
        if found.full:
            break
        found.group(key, sides[0].get(key, []), sides[1].get(key, []), limits)
    how = f"floats within {tolerance:g}" if near else "every value"
    if any(limit and limit.absolute for limit in limits):
        how += ", quotients to the shorter scale"
    return Verdict(not found.lines, how, tuple(found.lines))


@dataclass(frozen=True)
class _Limit:
    """How far apart two numbers may be: relative to the larger, or absolutely."""

    relative: float
    absolute: float = 0.0

    def allows(self, a: float | Decimal | None, b: float | Decimal | None) -> bool:
        if a is None or b is None:
            return a is b
        x, y = float(a), float(b)
        if math.isnan(x) or math.isnan(y):
            return math.isnan(x) and math.isnan(y)
        if isinstance(a, Decimal) and isinstance(b, Decimal) and self.absolute:
            # As decimals, since doubles of large sums are coarser than the scale.
            return abs(a - b) <= Decimal(repr(self.absolute))
        return x == y or abs(x - y) <= max(self.relative * max(abs(x), abs(y)), self.absolute)


def _slack(a: pa.DataType, b: pa.DataType, tolerance: float) -> _Limit | None:
    floats = pa.types.is_floating(a) or pa.types.is_floating(b)
    numbers = all(pa.types.is_floating(t) or pa.types.is_decimal(t) or pa.types.is_integer(t) for t in (a, b))
    scales = [t.scale for t in (a, b) if pa.types.is_decimal(t)]
    if floats and numbers:
        return _Limit(tolerance, 10.0 ** -min(scales) if scales else 0.0)
    if len(scales) == 2 and scales[0] != scales[1]:
        return _Limit(0.0, 10.0 ** -min(scales))
    return None


_Value = float | Decimal | None
_Groups = dict[tuple[Cell, ...], list[tuple[_Value, ...]]]


def _grouped(table: pa.Table, exact: list[int], near: list[int]) -> _Groups:
    """The numbers that are compared within limits, by the cells that must be equal."""
    groups: _Groups = defaultdict(list)
    keys = [list(cells(table.column(i))) for i in exact]
    values = [[_number(v) for v in table.column(i).to_pylist()] for i in near]
    for row in range(table.num_rows):
        groups[tuple(column[row] for column in keys)].append(tuple(column[row] for column in values))
    return groups


def _number(value: object) -> _Value:
    if value is None or isinstance(value, Decimal | float):
        return value
    return Decimal(int(str(value)))


class _Differences:
    def __init__(self, names: list[str], exact: list[int], near: list[int]) -> None:
        self.names, self.exact, self.near = names, exact, near
        self.lines: list[str] = []

    @property
    def full(self) -> bool:
        return len(self.lines) >= SHOWN

    def add(self, line: str) -> None:
        if not self.full:
            self.lines.append(line)

    def group(
        self, key: tuple[Cell, ...], ours: list[tuple[_Value, ...]], theirs: list[tuple[_Value, ...]], limits: list
    ) -> None:
        """Compares rows that agree in all exact cells."""
        left = sorted(theirs, key=_order)
        for row in sorted(ours, key=_order):
            # Rows that are alike in everything but floats are paired with the first that is near enough.
            match = next((i for i, other in enumerate(left) if _all_near(row, other, limits)), None)
            if match is not None:
                left.pop(match)
            elif left:
                self._values(key, row, left.pop(0), limits)
            else:
                self.add(f"only here: {self._row(key, row)}")
        for row in left:
            self.add(f"only on the other side: {self._row(key, row)}")

    def _values(
        self, key: tuple[Cell, ...], ours: tuple[_Value, ...], theirs: tuple[_Value, ...], limits: list
    ) -> None:
        for place, a, b, limit in zip(self.near, ours, theirs, limits, strict=True):
            if not limit.allows(a, b):
                where = self._key(key)
                self.add(f"{self.names[place]} is {_shown(a)} for {_shown(b)}{' where ' + where if where else ''}")

    def _key(self, key: tuple[Cell, ...]) -> str:
        return ", ".join(f"{self.names[i]} = {_shown(cell)}" for i, cell in zip(self.exact, key, strict=True))[:200]

    def _row(self, key: tuple[Cell, ...], values: tuple[_Value, ...]) -> str:
        numbers = [f"{self.names[i]} = {_shown(v)}" for i, v in zip(self.near, values, strict=True)]
        return ", ".join(filter(None, [self._key(key), *numbers]))


def _all_near(a: tuple[_Value, ...], b: tuple[_Value, ...], limits: list) -> bool:
    return all(limit.allows(x, y) for x, y, limit in zip(a, b, limits, strict=True))


def _order(row: tuple[_Value, ...]) -> list[tuple[bool, float]]:
    return [(value is None, 0.0 if value is None or math.isnan(value) else float(value)) for value in row]


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return repr(value[1]) if value[0] == "t" else str(value[1])
    return repr(value) if isinstance(value, float) else str(value)
