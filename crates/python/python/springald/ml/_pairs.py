"""Transformers that read one column or several, and make as many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springald.errors import IllegalArgumentException
from springald.ml._data import attribute_of
from springald.ml.param.shared import HasInputCol, HasInputCols, HasOutputCol, HasOutputCols

if TYPE_CHECKING:
    from springald.sql.column import Column
    from springald.sql.dataframe import DataFrame


class HasPairs(HasInputCol, HasInputCols, HasOutputCol, HasOutputCols):
    """Input and output columns: one of each, or lists of one length."""

    def _pairs(self) -> list[tuple[str, str]]:
        """Names of input and output columns.

        Raises:
            IllegalArgumentException: If none are set, one and several are, or there are not as many of each.
        """
        if self.isSet("inputCol") == self.isSet("inputCols"):
            raise IllegalArgumentException(f"{self.uid} needs either inputCol or inputCols")
        if self.isSet("inputCol"):
            return [(self.getInputCol(), self.getOutputCol())]
        inputs = self.getInputCols()
        outputs = self.getOutputCols() if self.isSet("outputCols") else []
        if len(inputs) != len(outputs):
            raise IllegalArgumentException(f"{self.uid} has {len(inputs)} inputCols and {len(outputs)} outputCols")
        return list(zip(inputs, outputs, strict=True))


def column_of(dataset: DataFrame, name: str) -> Column:
    """The column of a name, which must be there once."""
    from springald.sql.column import Column

    return Column._of_attribute(attribute_of(dataset, name))


def with_new(dataset: DataFrame, columns: dict[str, Column]) -> DataFrame:
    """A DataFrame with columns more, none of which may be there already."""
    for name in columns:
        if dataset._relation.find(name):
            raise IllegalArgumentException(
                f"Column {name} already exists.", "drop it, or choose another name for the new one"
            )
    return dataset.withColumns(columns)
