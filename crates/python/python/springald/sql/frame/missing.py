"""Missing values: dropna, fillna, replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr
from springald.errors import PySparkTypeError, PySparkValueError, engine_errors
from springald.sql._relation import Attribute
from springald.sql.frame.base import Base

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame

__all__ = ["DataFrameNaFunctions", "MissingMixin"]

_NOTHING: Any = object()


class MissingMixin(Base):
    """dropna, fillna, replace and `df.na`."""

    @property
    def na(self) -> DataFrameNaFunctions:
        """What deals with missing values: `df.na.drop()`, `df.na.fill(0)`, `df.na.replace(…)`.

        >>> spark.createDataFrame([(None,)], "a int").na.fill(7).collect()
        [Row(a=7)]
        """
        return DataFrameNaFunctions(self._df)

    def dropna(self, how: str = "any", thresh: int | None = None, subset: Any = None) -> DataFrame:
        """The rows without missing values, null or NaN.

        Args:
            how: `any` drops rows with a missing value, `all` those with nothing else.
            thresh: Drops rows with fewer values than this; then `how` does not matter.
            subset: The columns that are looked at, all by default.

        >>> spark.createDataFrame([(1, None), (2, "b")], "n int, s string").dropna().collect()
        [Row(n=2, s='b')]
        """
        if how not in ("any", "all"):
            raise PySparkValueError(f"`how` is `any` or `all`, not {how!r}")
        chosen = self._names_of(subset)
        least = thresh if thresh is not None else len(chosen) if how == "any" else 1
        kinds = self._kinds()
        one, none = _number(1), _number(0)
        present: Expr | None = None
        for attribute in chosen:
            case = Expr.case(None, [(_missing(attribute, kinds[attribute.field]), none)], one)
            present = case if present is None else present.binary("+", case)
        if present is None:
            return self._df
        enough = present.binary(">=", _number(least))
        return self._over(lambda frame: frame.filter(enough))

    drop_na = dropna

    def fillna(self, value: Any, subset: Any = None) -> DataFrame:
        """The rows with a value in place of null, and of NaN; only columns that can hold the value change.

        Args:
            value: A number, string or bool; or a dict from columns to values.
            subset: The columns that change, all by default; not used with a dict.

        >>> spark.createDataFrame([(None, None)], "n int, s string").fillna({"n": 0, "s": "-"}).collect()
        [Row(n=0, s='-')]
        """
        if isinstance(value, Mapping):
            wanted = {self._attribute(name).field: _checked_fill(one) for name, one in value.items()}
        else:
            wanted = {attribute.field: _checked_fill(value) for attribute in self._names_of(subset)}
        kinds = self._kinds()

        def filled(attribute: Attribute) -> Attribute | tuple[str, Expr]:
            kind = kinds[attribute.field]
            value = wanted.get(attribute.field)
            if value is None or not _holds(kind, value):
                return attribute
            literal = Expr.literal(pa.array([value])).cast(kind)
            missing = _missing(attribute, kind)
            return attribute.name, Expr.case(None, [(missing, literal)], Expr.field(attribute.field))

        return self._replaced(filled)

    fill_na = fillna

    def replace(self, to_replace: Any, value: Any = _NOTHING, subset: Any = None) -> DataFrame:
        """The rows with some values in place of others.

        Args:
            to_replace: A value, a list of values, or a dict from values to their replacements.
            value: The replacement, or a list of them.
            subset: The columns that change, all by default.

        >>> spark.createDataFrame([("a",), ("b",)], "s string").replace("a", "z").collect()
        [Row(s='z'), Row(s='b')]
        """
        if isinstance(to_replace, Mapping):
            pairs = list(to_replace.items())
        elif value is _NOTHING:
            raise PySparkTypeError("replace() needs `value`, unless `to_replace` is a dict")
        elif isinstance(to_replace, list | tuple):
            values = list(value) if isinstance(value, list | tuple) else [value] * len(to_replace)
            if len(values) != len(to_replace):
                raise PySparkValueError(
                    f"there are {len(to_replace)} values to replace, and {len(values)} replacements"
                )
            pairs = list(zip(to_replace, values, strict=True))
        else:
            pairs = [(to_replace, value)]
        for old, new in pairs:
            _check_pair(old, new)
        chosen = {attribute.field for attribute in self._names_of(subset)}
        kinds = self._kinds()

        def replaced(attribute: Attribute) -> Attribute | tuple[str, Expr]:
            kind = kinds[attribute.field]
            fitting = [pair for pair in pairs if any(part is not None for part in pair) and _matches(kind, *pair)]
            if attribute.field not in chosen or not fitting:
                return attribute
            column = Expr.field(attribute.field)
            branches = []
            for old, new in fitting:
                wanted = Expr.literal(pa.nulls(1, kind)) if old is None else Expr.literal(pa.array([old]))
                to = pa.nulls(1, kind) if new is None else pa.array([new])
                branches.append((column.binary("=", wanted), Expr.literal(to).cast(kind)))
            return attribute.name, Expr.case(None, branches, column)

        return self._replaced(replaced)

    def _replaced(self, change: Callable[[Attribute], Attribute | tuple[str, Expr]]) -> DataFrame:
        with engine_errors():
            items = [change(attribute) for attribute in self._relation.attributes]
        return self._project(items)

    def _kinds(self) -> dict[str, Any]:
        with engine_errors():
            return {field.name: field.type for field in self._relation.frame.schema()}


class DataFrameNaFunctions:
    """What `df.na` offers."""

    def __init__(self, df: DataFrame) -> None:
        self.df = df

    def drop(self, how: str = "any", thresh: int | None = None, subset: Any = None) -> DataFrame:
        """The rows without missing values; see `DataFrame.dropna`.

        >>> spark.createDataFrame([(None,)], "a int").na.drop().count()
        0
        """
        return self.df.dropna(how, thresh, subset)

    def fill(self, value: Any, subset: Any = None) -> DataFrame:
        """The rows with a value in place of missing ones; see `DataFrame.fillna`.

        >>> spark.createDataFrame([(None,)], "a string").na.fill("-").collect()
        [Row(a='-')]
        """
        return self.df.fillna(value, subset)

    def replace(self, to_replace: Any, value: Any = _NOTHING, subset: Any = None) -> DataFrame:
        """The rows with some values in place of others; see `DataFrame.replace`.

        >>> spark.createDataFrame([(1,)], "a int").na.replace({1: 2}).collect()
        [Row(a=2)]
        """
        return self.df.replace(to_replace, value, subset)


def _missing(attribute: Attribute, kind: pa.DataType) -> Expr:
    column = Expr.field(attribute.field)
    null = column.unary("is_null")
    if not pt.is_floating(kind):
        return null
    return null.binary("or", Expr.call("isnan", [column]))


def _checked_fill(value: Any) -> Any:
    if value is None or not isinstance(value, bool | int | float | str):
        raise PySparkTypeError(f"a missing value is filled with a number, string or bool, not {type(value).__name__}")
    return value


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _holds(kind: pa.DataType, value: Any) -> bool:
    if isinstance(value, bool):
        return bool(pt.is_boolean(kind))
    return _is_text(kind) if isinstance(value, str) else _is_number(kind)


def _matches(kind: pa.DataType, *values: Any) -> bool:
    return all(value is None or _holds(kind, value) for value in values)


def _check_pair(old: Any, new: Any) -> None:
    groups = (bool, str, (int, float))
    for group in groups:
        if isinstance(old, group) and (group is bool or not isinstance(old, bool)):
            if new is None or (isinstance(new, group) and (group is bool or not isinstance(new, bool))):
                return
            raise PySparkValueError(f"{old!r} is replaced by a value of its kind or None, not by {new!r}")
    if old is not None:
        raise PySparkTypeError(f"replace() takes numbers, strings and bools, not {type(old).__name__}")


def _number(value: int) -> Expr:
    return Expr.literal(pa.array([value], pa.int64()))
