"""Categories as numbers, and numbers of categories as vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from springald._internal import Expr
from springald.errors import IllegalArgumentException
from springald.ml._data import attribute_of
from springald.ml._native import require
from springald.ml._pairs import HasPairs, column_of, with_new
from springald.ml.base import Estimator, Model, Transformer
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import HasInputCol, HasOutputCol
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql._value import Scope, Value
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame

#: Labels of columns that a StringIndexerModel made, by the columns' identity: what Spark keeps in their metadata.
_labels_of: dict[int, list[str]] = {}

_ORDERS = ("frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc")


class _StringIndexerParams(HasPairs):
    """The parameters of a string indexer and its models."""

    stringOrderType = param(
        "stringOrderType",
        "which label gets 0: 'frequencyDesc' (the most frequent), 'frequencyAsc', 'alphabetDesc' or 'alphabetAsc'",
        TypeConverters.toString,
    )
    getStringOrderType = get_string_order_type = getter(stringOrderType)
    setStringOrderType = set_string_order_type = setter(stringOrderType)
    handleInvalid = param(
        "handleInvalid",
        "nulls and unknown labels: 'error' fails, 'skip' leaves the rows out, 'keep' gives them one more number",
        TypeConverters.toString,
    )
    getHandleInvalid = get_handle_invalid = getter(handleInvalid)
    setHandleInvalid = set_handle_invalid = setter(handleInvalid)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error", stringOrderType="frequencyDesc")


class StringIndexer(
    _StringIndexerParams, Estimator["StringIndexerModel"], DefaultParamsWritable, DefaultParamsReadable
):
    """Numbers the labels of a column, the most frequent one with 0.

    >>> df = spark.createDataFrame([("b",), ("a",), ("b",)], ["word"])
    >>> model = StringIndexer(inputCol="word", outputCol="number").fit(df)
    >>> model.labels, [row.number for row in model.transform(df).collect()]
    (['b', 'a'], [0.0, 1.0, 0.0])
    """

    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
        handleInvalid: str | None = None,
        stringOrderType: str | None = None,
    ) -> None:
        super().__init__()
        self._set(
            inputCol=inputCol,
            outputCol=outputCol,
            inputCols=inputCols,
            outputCols=outputCols,
            handleInvalid=handleInvalid,
            stringOrderType=stringOrderType,
        )

    def _fit(self, dataset: DataFrame) -> StringIndexerModel:
        require(self, "stringOrderType", self.getStringOrderType() in _ORDERS, ", ".join(_ORDERS))
        model = StringIndexerModel()
        model._labels = [self._found(dataset, name) for name, _ in self._pairs()]
        model._resetUid(self.uid)
        self._copyValues(model)
        return model

    def _found(self, dataset: DataFrame, name: str) -> list[str]:
        label = column_of(dataset, name).cast("string").alias("label")
        counts = dataset.select(label).filter("label IS NOT NULL").groupBy("label").count().collect()
        order = self.getStringOrderType()
        by_count = {"frequencyDesc": -1, "frequencyAsc": 1}.get(order, 0)
        # Of equally frequent labels the first in the alphabet comes first.
        labels = sorted((row[0] for row in counts), reverse=order == "alphabetDesc")
        found = {row[0]: by_count * row[1] for row in counts}
        return sorted(labels, key=lambda label: found[label])


class StringIndexerModel(_StringIndexerParams, Model, DefaultParamsWritable, DefaultParamsReadable):
    """Labels, and what numbers them.

    >>> model = StringIndexerModel.from_labels(["b", "a"], inputCol="word", outputCol="number")
    >>> [row.number for row in model.transform(spark.createDataFrame([("a",)], ["word"])).collect()]
    [1.0]
    """

    _labels: list[list[str]]

    @classmethod
    def from_labels(
        cls, labels: list[str], inputCol: str, outputCol: str | None = None, handleInvalid: str | None = None
    ) -> StringIndexerModel:
        """A model of known labels of one column.

        >>> StringIndexerModel.from_labels(["b", "a"], inputCol="word").labels
        ['b', 'a']
        """
        model = cls()
        model._labels = [list(labels)]
        return model._set(inputCol=inputCol, outputCol=outputCol, handleInvalid=handleInvalid)

    @classmethod
    def from_arrays_of_labels(
        cls,
        arrayOfLabels: list[list[str]],
        inputCols: list[str],
        outputCols: list[str] | None = None,
        handleInvalid: str | None = None,
    ) -> StringIndexerModel:
        """A model of known labels of several columns.

        >>> StringIndexerModel.from_arrays_of_labels([["b"], ["c"]], inputCols=["x", "y"]).labelsArray
        [('b',), ('c',)]
        """
        model = cls()
        model._labels = [list(labels) for labels in arrayOfLabels]
        return model._set(inputCols=inputCols, outputCols=outputCols, handleInvalid=handleInvalid)

    @property
    def labels(self) -> list[str]:
        """The labels of the first column, by their numbers.

        >>> StringIndexerModel.from_labels(["b", "a"], inputCol="word").labels
        ['b', 'a']
        """
        return list(self._labels[0])

    @property
    def labelsArray(self) -> list[tuple[str, ...]]:
        """The labels of each column.

        >>> StringIndexerModel.from_labels(["b", "a"], inputCol="word").labelsArray
        [('b', 'a')]
        """
        return [tuple(labels) for labels in self._labels]

    labels_array = labelsArray

    def __repr__(self) -> str:
        return f"StringIndexerModel: uid={self.uid}, handleInvalid={self.getHandleInvalid()}"

    def _transform(self, dataset: DataFrame) -> DataFrame:
        rule = self.getHandleInvalid()
        require(self, "handleInvalid", rule in ("error", "skip", "keep"), "error, skip or keep")
        # Columns that are not there are passed over, as at prediction there may be no labels.
        pairs = [
            (name, output, labels)
            for (name, output), labels in zip(self._pairs(), self._labels, strict=True)
            if dataset._relation.find(name)
        ]
        if rule == "skip":
            for name, _, labels in pairs:
                dataset = dataset.filter(column_of(dataset, name).cast("string").isin(labels))
        columns = {
            output: _index(column_of(dataset, name).cast("string"), labels, rule) for name, output, labels in pairs
        }
        indexed = with_new(dataset, columns)
        for _, output, labels in pairs:
            known = [*labels, "__unknown"] if rule == "keep" else labels
            _labels_of[attribute_of(indexed, output).identity] = known
        return indexed

    def _save_parts(self, folder: Path) -> None:
        (folder / "labels.json").write_text(json.dumps(self._labels), encoding="utf-8")

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> StringIndexerModel:
        model = cls()
        model._labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        return model


class IndexToString(HasInputCol, HasOutputCol, Transformer, DefaultParamsWritable, DefaultParamsReadable):
    """The labels of numbers, the reverse of StringIndexer. Labels that are not given are those of the column.

    >>> df = spark.createDataFrame([(1.0,), (0.0,)], ["number"])
    >>> back = IndexToString(inputCol="number", outputCol="word", labels=["b", "a"])
    >>> [row.word for row in back.transform(df).collect()]
    ['a', 'b']
    """

    labels = param("labels", "labels, by their numbers; without them those of the column", TypeConverters.toListString)
    getLabels = get_labels = getter(labels)
    setLabels = set_labels = setter(labels)

    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        labels: list[str] | None = None,
    ) -> None:
        super().__init__()
        self._set(inputCol=inputCol, outputCol=outputCol, labels=labels)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        name = self.getInputCol()
        labels = self.getLabels() if self.isSet("labels") else _labels_of.get(attribute_of(dataset, name).identity)
        if labels is None:
            raise IllegalArgumentException(
                f"the column {name} was not made by a StringIndexerModel of this session", "give its labels"
            )
        return with_new(dataset, {self.getOutputCol(): _label(column_of(dataset, name).cast("double"), labels)})


class _OneHotEncoderParams(HasPairs):
    """The parameters of a one-hot encoder and its models."""

    handleInvalid = param(
        "handleInvalid", "unknown numbers: 'error' fails, 'keep' gives them one more category", TypeConverters.toString
    )
    getHandleInvalid = get_handle_invalid = getter(handleInvalid)
    setHandleInvalid = set_handle_invalid = setter(handleInvalid)
    dropLast = param("dropLast", "whether the last category is a vector of zeros", TypeConverters.toBoolean)
    getDropLast = get_drop_last = getter(dropLast)
    setDropLast = set_drop_last = setter(dropLast)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error", dropLast=True)


class OneHotEncoder(
    _OneHotEncoderParams, Estimator["OneHotEncoderModel"], DefaultParamsWritable, DefaultParamsReadable
):
    """Numbers of categories as sparse vectors with a 1 at their place; the last category is all zeros.

    >>> df = spark.createDataFrame([(0.0,), (1.0,), (2.0,)], ["x"])
    >>> model = OneHotEncoder(inputCol="x", outputCol="v").fit(df)
    >>> [str(row.v) for row in model.transform(df).collect()]
    ['(2,[0],[1.0])', '(2,[1],[1.0])', '(2,[],[])']
    """

    def __init__(
        self,
        *,
        inputCols: list[str] | None = None,
        outputCols: list[str] | None = None,
        handleInvalid: str | None = None,
        dropLast: bool | None = None,
        inputCol: str | None = None,
        outputCol: str | None = None,
    ) -> None:
        super().__init__()
        self._set(
            inputCols=inputCols,
            outputCols=outputCols,
            handleInvalid=handleInvalid,
            dropLast=dropLast,
            inputCol=inputCol,
            outputCol=outputCol,
        )

    def _fit(self, dataset: DataFrame) -> OneHotEncoderModel:
        model = OneHotEncoderModel()
        model._sizes = [self._size(dataset, name) for name, _ in self._pairs()]
        model._resetUid(self.uid)
        self._copyValues(model)
        return model

    def _size(self, dataset: DataFrame, name: str) -> int:
        from springald.sql import functions as F

        labels = _labels_of.get(attribute_of(dataset, name).identity)
        if labels is not None:
            return len(labels)
        number = column_of(dataset, name).cast("double")
        row = dataset.agg(F.min(number).alias("least"), F.max(number).alias("most")).first()
        if row is None or row[1] is None:
            raise IllegalArgumentException(f"the column {name} has no numbers")
        if row[0] < 0 or not float(row[1]).is_integer():
            raise IllegalArgumentException(f"the column {name} has {row[0]}: categories are whole numbers from 0")
        return int(row[1]) + 1


class OneHotEncoderModel(_OneHotEncoderParams, Model, DefaultParamsWritable, DefaultParamsReadable):
    """How many categories each column has, and what makes vectors of them.

    >>> df = spark.createDataFrame([(0.0,), (1.0,)], ["x"])
    >>> OneHotEncoder(inputCol="x", outputCol="v").fit(df).categorySizes
    [2]
    """

    _sizes: list[int]

    @property
    def categorySizes(self) -> list[int]:
        """How many categories each column has.

        >>> df = spark.createDataFrame([(2.0,)], ["x"])
        >>> OneHotEncoder(inputCol="x", outputCol="v").fit(df).categorySizes
        [3]
        """
        return list(self._sizes)

    category_sizes = categorySizes

    def __repr__(self) -> str:
        dropped = str(self.getDropLast()).lower()
        return f"OneHotEncoderModel: uid={self.uid}, dropLast={dropped}, handleInvalid={self.getHandleInvalid()}"

    def _transform(self, dataset: DataFrame) -> DataFrame:
        rule = self.getHandleInvalid()
        require(self, "handleInvalid", rule in ("error", "keep"), "error or keep")
        columns = {
            output: _one_hot(column_of(dataset, name).cast("double"), size, rule == "keep", self.getDropLast())
            for (name, output), size in zip(self._pairs(), self._sizes, strict=True)
        }
        return with_new(dataset, columns)

    def _save_parts(self, folder: Path) -> None:
        (folder / "categorySizes.json").write_text(json.dumps(self._sizes), encoding="utf-8")

    @classmethod
    def _load_parts(cls, folder: Path, metadata: dict[str, Any]) -> OneHotEncoderModel:
        model = cls()
        model._sizes = json.loads((folder / "categorySizes.json").read_text(encoding="utf-8"))
        return model


def _index(column: Column, labels: list[str], rule: str) -> Column:
    """The numbers of labels."""
    from springald.sql.functions._make import call

    def build(scope: Scope, label: Value) -> Value:
        if rule == "keep":
            unknown = scope.literal(float(len(labels)), pa.float64())
        else:
            hint = "To handle unseen labels, set Param handleInvalid to keep."
            told = scope.case([(label.unary("is_null"), scope.literal("NULL", pa.string()))], label)
            message = scope.call("concat", scope.literal("Unseen label: ", pa.string()), told, f". {hint}")
            unknown = scope.fail(message, pa.float64())
        branches = [(_text(text), _number(float(at))) for at, text in enumerate(labels)]
        return scope.value(Expr.case(label.expr, branches, unknown.expr))

    return call("string_index", build, column)


def _label(column: Column, labels: list[str]) -> Column:
    """The labels of numbers."""
    from springald.sql.functions._make import call

    def build(scope: Scope, number: Value) -> Value:
        wrong = scope.call("concat", scope.literal("Unseen index: ", pa.string()), number.cast(pa.string()))
        known = [(_number(float(at)), _text(text)) for at, text in enumerate(labels)]
        found = scope.value(Expr.case(number.expr, known, scope.fail(wrong, pa.string()).expr))
        return scope.case([(number.unary("is_null"), scope.null(pa.string()))], found)

    return call("index_label", build, column)


def _one_hot(column: Column, categories: int, keep: bool, drop_last: bool) -> Column:
    """Sparse vectors of numbers of categories. With `keep` there is one category more, for unknown numbers."""
    from springald.sql.functions._make import call

    size = categories + int(keep) - int(drop_last)
    lists: dict[pa.DataType, pa.DataType] = {pa.int32(): pa.list_(pa.int32()), pa.float64(): pa.list_(pa.float64())}

    def build(scope: Scope, number: Value) -> Value:
        whole = number.cast(pa.int32())
        fine = number.binary(">=", 0.0).binary("and", number.binary("<", float(categories)))
        fine = fine.binary("and", number.binary("=", whole.cast(pa.float64())))
        if keep:
            place = scope.case([(fine, whole)], scope.literal(categories, pa.int32()))
        else:
            hint = "To handle unseen values, set Param handleInvalid to keep."
            message = scope.call(
                "concat", scope.literal("Unseen value: ", pa.string()), number.cast(pa.string()), f". {hint}"
            )
            place = scope.case([(fine, whole)], scope.fail(message, pa.int32()))
        inside = place.binary("<", scope.literal(size, pa.int32()))

        def filled(value: Value, kind: pa.DataType) -> Value:
            return scope.case([(inside, scope.call("make_array", value))], scope.literal([], lists[kind]))

        vector = scope.call(
            "named_struct",
            "size",
            scope.literal(size, pa.int32()),
            "indices",
            filled(place, pa.int32()),
            "values",
            filled(scope.literal(1.0, pa.float64()), pa.float64()),
        )
        return scope.case([(number.unary("is_not_null"), vector)])

    return call("one_hot", build, column)


def _text(value: str) -> Expr:
    return Expr.literal(pa.array([value], pa.string()))


def _number(value: float) -> Expr:
    return Expr.literal(pa.array([value], pa.float64()))
