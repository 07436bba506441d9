"""Between DataFrames, whose columns have the names that users see, and the fields of the engine's frames."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from springald._internal import EngineError, Frame
from springald.errors import IllegalArgumentException, engine_errors
from springald.sql._relation import Attribute, Relation

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame


@contextmanager
def ml_errors() -> Iterator[None]:
    """Turns errors of the engine into exceptions; what cannot be is an argument's fault, as in PySpark's `ml`."""
    with engine_errors():
        try:
            yield
        except EngineError as error:
            kind, message, hint = error.args
            if kind != "invalid":
                raise
            raise IllegalArgumentException(message, hint) from None


@contextmanager
def running(dataset: DataFrame) -> Iterator[None]:
    """Around work of the engine: errors are turned, and progress is shown."""
    from springald.jupyter import progress

    with ml_errors(), progress.shown(dataset.sparkSession):
        yield


def frame_of(dataset: DataFrame) -> Frame:
    """The engine's frame of a DataFrame."""
    return dataset._relation.frame


def attribute_of(dataset: DataFrame, name: str) -> Attribute:
    """The column of a name.

    Raises:
        IllegalArgumentException: If there is none, or more than one.
    """
    relation = dataset._relation
    found = relation.find(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise IllegalArgumentException(f"{len(found)} columns are called {name}", "drop or rename all but one")
    near = difflib.get_close_matches(name, relation.names(), n=3, cutoff=0.5)
    hint = "did you mean " + ", ".join(near) + "?" if near else None
    raise IllegalArgumentException(f"{name} does not exist. Available: {', '.join(relation.names())}", hint)


def field_of(dataset: DataFrame, name: str) -> str:
    """The field of the column of a name."""
    return attribute_of(dataset, name).field


def type_of(dataset: DataFrame, name: str) -> pa.DataType:
    """The Arrow type of the column of a name."""
    kind: pa.DataType = frame_of(dataset).schema().field(field_of(dataset, name)).type
    return kind


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of a type are numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def numeric_field(dataset: DataFrame, name: str) -> str:
    """The field of a column of numbers.

    Raises:
        IllegalArgumentException: If it holds something else.
    """
    kind = type_of(dataset, name)
    if not is_numeric(kind):
        raise IllegalArgumentException(
            f"Column {name} must be of type numeric but was actually of type {spark_name(kind)}.", "cast it"
        )
    return field_of(dataset, name)


def spark_name(kind: pa.DataType) -> str:
    """What Spark calls a type."""
    from springald.sql.types import from_arrow

    return str(from_arrow(kind).simpleString())


def with_columns(dataset: DataFrame, names: list[str], make: Callable[[Frame, list[str]], Frame]) -> DataFrame:
    """A DataFrame with columns more. `make` adds fields of the names it gets to a frame, in order.

    Raises:
        IllegalArgumentException: If there is a column of such a name already.
    """
    relation = dataset._relation
    fields: list[str] = []
    for name in names:
        if relation.find(name):
            raise IllegalArgumentException(
                f"Column {name} already exists.", "drop it, or choose another name for the new one"
            )
        fields.append(relation.fresh(name, fields))
    with ml_errors():
        frame = make(relation.frame, fields)
    added = [Attribute(name, field) for name, field in zip(names, fields, strict=True)]
    return dataset._derive(Relation(frame, [*relation.attributes, *added], relation.hidden))


def with_column(dataset: DataFrame, name: str, make: Callable[[Frame, str], Frame]) -> DataFrame:
    """A DataFrame with one column more."""
    return with_columns(dataset, [name], lambda frame, fields: make(frame, fields[0]))
