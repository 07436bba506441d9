"""Vectors and matrices in Python's memory, as PySpark's `ml.linalg` has them.

A column of dense vectors is an Arrow list of a fixed size, one of sparse vectors a struct of size, indices and values.
NumPy does the arithmetic where it is installed; without it vectors can be made, read, compared and printed, and
`dot`, `norm` and `squared_distance` work as well, only slower.
"""

from springald.ml.linalg._matrices import DenseMatrix, Matrices, Matrix, SparseMatrix
from springald.ml.linalg._vectors import DenseVector, SparseVector, Vector, Vectors
from springald.sql.types import VectorUDT

__all__ = [
    "DenseMatrix",
    "DenseVector",
    "Matrices",
    "Matrix",
    "SparseMatrix",
    "SparseVector",
    "Vector",
    "VectorUDT",
    "Vectors",
]
