"""Rows in parts to fit to and to judge by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from springald._internal import Expr
from springald.errors import IllegalArgumentException
from springald.ml._data import attribute_of, running
from springald.sql._relation import Attribute, Relation

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame


def random_folds(dataset: DataFrame, count: int, seed: int) -> Iterator[tuple[DataFrame, DataFrame]]:
    """Training and validation rows of each fold; each row is in one of the folds."""
    numbered = Numbered(dataset, seed)
    for fold in range(count):
        yield numbered.outside_and_inside(fold / count, (fold + 1) / count)


def folds_of(dataset: DataFrame, column: str, count: int) -> Iterator[tuple[DataFrame, DataFrame]]:
    """Training and validation rows of each fold, by a column of their numbers.

    Raises:
        IllegalArgumentException: If a number is none of a fold, or a fold has no rows.
    """
    from springald.sql import functions as F

    name = attribute_of(dataset, column).name
    with running(dataset):
        relation = dataset._visible()
        cached = dataset._derive(relation.with_frame(relation.frame.cache()))
    sizes = {row[0]: row[1] for row in cached.groupBy(name).count().collect()}
    wrong = sorted((fold for fold in sizes if not isinstance(fold, int) or not 0 <= fold < count), key=str)
    if wrong:
        raise IllegalArgumentException(
            f"Fold number must be in range [0, {count}), but got {wrong[0]}.", f"mend the column {column}"
        )
    empty = [fold for fold in range(count) if fold not in sizes]
    if empty:
        raise IllegalArgumentException(
            f"The validation data at fold {empty[0]} is empty.", f"set numFolds to {len(sizes)}, or fill the fold"
        )
    for fold in range(count):
        yield cached.filter(F.col(name) != F.lit(fold)), cached.filter(F.col(name) == F.lit(fold))


class Numbered:
    """Rows with a random number from 0 to 1 each, kept by the workers as long as parts of them are in use.

    A number depends on a row's values and the seed, and not on its place: equal rows are always in the same part.
    """

    def __init__(self, dataset: DataFrame, seed: int) -> None:
        relation = dataset._visible()
        types = relation.frame.schema()
        fields = [attribute.field for attribute in relation.attributes]
        # Maps have no order, so equal ones may differ in their bytes.
        hashed = [Expr.field(field) for field in fields if not pa.types.is_map(types.field(field).type)]
        number = Expr.call("row_uniform", [Expr.literal(pa.array([seed], pa.int64())), *hashed])
        self._field = relation.fresh("number")
        with running(dataset):
            frame = relation.frame.select([*map(Expr.field, fields), number.alias(self._field)]).cache()
        self._dataset = dataset
        self._relation = Relation(frame, relation.attributes, [Attribute(self._field, self._field)])

    def outside_and_inside(self, start: float, end: float) -> tuple[DataFrame, DataFrame]:
        """Rows whose number is not from `start` and below `end`, and those whose number is."""
        number = Expr.field(self._field)
        low, high = (Expr.literal(pa.array([bound], pa.float64())) for bound in (start, end))
        inside = number.binary(">=", low).binary("and", number.binary("<", high))
        return self._part(inside.unary("not")), self._part(inside)

    def _part(self, condition: Expr) -> DataFrame:
        with running(self._dataset):
            frame = self._relation.frame.filter(condition)
        return self._dataset._derive(self._relation.with_frame(frame))
