"""Columns as one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from springald import _internal
from springald.errors import IllegalArgumentException
from springald.ml._data import field_of, is_numeric, running, spark_name, type_of, with_column
from springald.ml._native import require
from springald.ml.base import Transformer
from springald.ml.linalg._arrow import is_vector_type
from springald.ml.param import TypeConverters
from springald.ml.param._params import getter, param, setter
from springald.ml.param.shared import HasInputCols, HasOutputCol
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame


class VectorAssembler(HasInputCols, HasOutputCol, Transformer, DefaultParamsWritable, DefaultParamsReadable):
    """Puts columns of numbers, booleans and vectors one after another into one column of dense vectors.

    >>> df = spark.createDataFrame([(1, 2.0, True)], ["a", "b", "c"])
    >>> assembler = VectorAssembler(inputCols=["a", "b", "c"], outputCol="features")
    >>> assembler.transform(df).first().features
    DenseVector([1.0, 2.0, 1.0])
    """

    handleInvalid = param(
        "handleInvalid",
        "rows with a null or NaN: 'error' fails, 'skip' leaves them out, 'keep' puts NaN",
        TypeConverters.toString,
    )
    getHandleInvalid = get_handle_invalid = getter(handleInvalid)
    setHandleInvalid = set_handle_invalid = setter(handleInvalid)

    def __init__(
        self,
        *,
        inputCols: list[str] | None = None,
        outputCol: str | None = None,
        handleInvalid: str | None = None,
    ) -> None:
        super().__init__()
        self._setDefault(handleInvalid="error")
        self._set(inputCols=inputCols, outputCol=outputCol, handleInvalid=handleInvalid)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        require(self, "handleInvalid", self.getHandleInvalid() in ("error", "skip", "keep"), "error, skip or keep")
        for name in self.getInputCols():
            kind = type_of(dataset, name)
            if not (is_numeric(kind) or kind == pa.bool_() or is_vector_type(kind)):
                raise IllegalArgumentException(f"Data type {spark_name(kind)} of column {name} is not supported.")
        fields = [field_of(dataset, name) for name in self.getInputCols()]
        # Sparse vectors do not say how long they are before one of them is read.
        with running(dataset):
            return with_column(
                dataset,
                self.getOutputCol(),
                lambda frame, field: _internal.assemble_vectors(frame, fields, field, self.getHandleInvalid()),
            )
