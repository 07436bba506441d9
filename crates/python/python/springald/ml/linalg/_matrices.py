"""Dense and sparse matrices, by columns. They need NumPy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from springald.ml.linalg import _numbers as numbers

#: Values that a `repr` shows before it leaves out the middle.
_SHOWN = 16


class Matrix(ABC):
    """A dense or a sparse matrix of 64-bit floats.

    >>> isinstance(Matrices.dense(1, 1, [2.0]), Matrix)
    True
    """

    def __init__(self, numRows: int, numCols: int, isTransposed: bool = False) -> None:
        self._numpy = numbers.require_numpy("a matrix")
        self.numRows = numRows
        self.numCols = numCols
        self.isTransposed = isTransposed

    @abstractmethod
    def toArray(self) -> Any:
        """The values as a two-dimensional array of NumPy."""

    def __getitem__(self, indices: tuple[int, int]) -> float:
        i, j = indices
        if not 0 <= i < self.numRows:
            raise IndexError(f"Row index {i} is out of range [0, {self.numRows})")
        if not 0 <= j < self.numCols:
            raise IndexError(f"Column index {j} is out of range [0, {self.numCols})")
        return float(self.toArray()[i, j])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matrix):
            return NotImplemented
        return bool(self._numpy.array_equal(self.toArray(), other.toArray()))

    __hash__ = None  # type: ignore[assignment]


class DenseMatrix(Matrix):
    """A matrix with all of its values, column by column, or row by row if it is transposed.

    >>> m = DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0])
    >>> m
    DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0], False)
    >>> m[0, 1]
    2.0
    """

    def __init__(self, numRows: int, numCols: int, values: Iterable[float] | bytes, isTransposed: bool = False) -> None:
        super().__init__(numRows, numCols, bool(isTransposed))
        self.values = numbers.doubles(list(values) if isinstance(values, range) else values)
        assert len(self.values) == numRows * numCols, f"{numRows} x {numCols} values are needed"

    def toArray(self) -> Any:
        """The values as a two-dimensional array.

        >>> DenseMatrix(1, 2, [0.0, 1.0]).toArray().tolist()
        [[0.0, 1.0]]
        """
        return self.values.reshape((self.numRows, self.numCols), order="C" if self.isTransposed else "F")

    to_array = toArray

    def toSparse(self) -> SparseMatrix:
        """The same matrix without its zeros.

        >>> DenseMatrix(2, 2, [0.0, 1.0, 2.0, 0.0]).toSparse()
        SparseMatrix(2, 2, [0, 1, 2], [1, 0], [1.0, 2.0], False)
        """
        by_column = self.toArray().T
        counts = (by_column != 0).sum(axis=1)
        pointers = self._numpy.concatenate(([0], self._numpy.cumsum(counts)))
        rows = self._numpy.nonzero(by_column)[1]
        return SparseMatrix(self.numRows, self.numCols, pointers, rows, by_column[by_column != 0])

    to_sparse = toSparse

    def __str__(self) -> str:
        first, *lines = repr(self.toArray()).replace("array", "DenseMatrix").splitlines()
        return "\n".join([first, *(" " * 6 + line for line in lines)])

    def __repr__(self) -> str:
        values = ", ".join(_ends(numbers.printed(self.values)))
        return f"DenseMatrix({self.numRows}, {self.numCols}, [{values}], {self.isTransposed})"

    def __reduce__(self) -> tuple[type[DenseMatrix], tuple[int, int, bytes, bool]]:
        return DenseMatrix, (self.numRows, self.numCols, self.values.tobytes(), self.isTransposed)


class SparseMatrix(Matrix):
    """A matrix without its zeros: for each column (or row, if it is transposed) where its values begin.

    >>> m = SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2.0, 3.0, 4.0])
    >>> m.toArray().tolist()
    [[2.0, 0.0], [3.0, 4.0]]
    >>> print(m)
    2 X 2 CSCMatrix
    (0,0) 2.0
    (1,0) 3.0
    (1,1) 4.0
    """

    def __init__(
        self,
        numRows: int,
        numCols: int,
        colPtrs: Any,
        rowIndices: Any,
        values: Any,
        isTransposed: bool = False,
    ) -> None:
        super().__init__(numRows, numCols, bool(isTransposed))
        self.colPtrs = numbers.integers(colPtrs)
        self.rowIndices = numbers.integers(rowIndices)
        self.values = numbers.doubles(values)
        expected = (numRows if isTransposed else numCols) + 1
        if self.colPtrs.size != expected:
            raise ValueError(f"Expected colPtrs of size {expected}, got {self.colPtrs.size}.")
        if self.rowIndices.size != self.values.size:
            raise ValueError(f"Expected rowIndices of length {self.values.size}, got {self.rowIndices.size}.")

    def toArray(self) -> Any:
        """The values as a two-dimensional array.

        >>> SparseMatrix(1, 2, [0, 0, 1], [0], [5.0]).toArray().tolist()
        [[0.0, 5.0]]
        """
        dense = self._numpy.zeros((self.numRows, self.numCols), order="F")
        for row, column, value in self._entries():
            dense[row, column] = value
        return dense

    to_array = toArray

    def toDense(self) -> DenseMatrix:
        """The same matrix with its zeros.

        >>> SparseMatrix(1, 2, [0, 0, 1], [0], [5.0]).toDense()
        DenseMatrix(1, 2, [0.0, 5.0], False)
        """
        return DenseMatrix(self.numRows, self.numCols, self.toArray().ravel(order="F"))

    to_dense = toDense

    def _entries(self) -> list[tuple[int, int, float]]:
        lines = self._numpy.repeat(self._numpy.arange(self.colPtrs.size - 1), self._numpy.diff(self.colPtrs)).tolist()
        others = self.rowIndices.tolist()
        rows, columns = (lines, others) if self.isTransposed else (others, lines)
        return list(zip(rows, columns, self.values.tolist(), strict=True))

    def __str__(self) -> str:
        entries = self._entries()
        lines = [f"({i},{j}) {text}" for (i, j, _), text in zip(entries, numbers.printed(self.values), strict=True)]
        shown = lines[:_SHOWN] + ([".."] * 2 if len(lines) > _SHOWN else [])
        kind = "CSR" if self.isTransposed else "CSC"
        return "\n".join([f"{self.numRows} X {self.numCols} {kind}Matrix", *shown])

    def __repr__(self) -> str:
        lists = [self.colPtrs.tolist(), self.rowIndices.tolist(), numbers.printed(self.values)]
        parts = [f"[{', '.join(_ends([str(v) for v in values]))}]" for values in lists]
        return f"SparseMatrix({self.numRows}, {self.numCols}, {', '.join(parts)}, {self.isTransposed})"

    def __reduce__(self) -> tuple[type[SparseMatrix], tuple[int, int, bytes, bytes, bytes, bool]]:
        arrays = (self.colPtrs.tobytes(), self.rowIndices.tobytes(), self.values.tobytes())
        return SparseMatrix, (self.numRows, self.numCols, *arrays, self.isTransposed)


class Matrices:
    """Makes matrices.

    >>> Matrices.dense(1, 2, [1.0, 2.0])
    DenseMatrix(1, 2, [1.0, 2.0], False)
    """

    @staticmethod
    def dense(numRows: int, numCols: int, values: Iterable[float] | bytes) -> DenseMatrix:
        """A dense matrix of its values, column by column.

        >>> Matrices.dense(2, 1, [1.0, 2.0]).numRows
        2
        """
        return DenseMatrix(numRows, numCols, values)

    @staticmethod
    def sparse(numRows: int, numCols: int, colPtrs: Any, rowIndices: Any, values: Any) -> SparseMatrix:
        """A sparse matrix by columns.

        >>> Matrices.sparse(1, 2, [0, 0, 1], [0], [5.0])
        SparseMatrix(1, 2, [0, 0, 1], [0], [5.0], False)
        """
        return SparseMatrix(numRows, numCols, colPtrs, rowIndices, values)


def _ends(texts: list[str]) -> list[str]:
    """All texts, or the first and the last eight of many."""
    return texts if len(texts) <= _SHOWN else [*texts[:8], "...", *texts[-8:]]
