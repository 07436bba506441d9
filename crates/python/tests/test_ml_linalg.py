"""Vectors and matrices against what PySpark makes of the same expressions."""

import json
import pickle
import subprocess
import sys
from array import array
from pathlib import Path

import numpy
import pyarrow as pa
import pytest
from springald.ml.linalg import DenseMatrix, DenseVector, SparseMatrix, SparseVector, Vectors
from springald.ml.linalg._arrow import is_vector_type, vectors_from_arrow, vectors_to_arrow

SPARK = json.loads((Path(__file__).parent / "data" / "ml.json").read_text())
NAMES = {
    "DenseMatrix": DenseMatrix,
    "DenseVector": DenseVector,
    "SparseMatrix": SparseMatrix,
    "SparseVector": SparseVector,
    "Vectors": Vectors,
    "pickle": pickle,
}


@pytest.mark.parametrize("text", SPARK["linalg"])
def test_as_pyspark(text):
    assert eval(text, NAMES) == SPARK["linalg"][text]


def test_arrays_are_taken_as_they_are():
    values = numpy.array([1.0, 2.0])
    assert DenseVector(values).toArray() is values
    assert DenseVector(array("d", [1.0, 2.0])) == Vectors.dense(1, 2) == Vectors.dense(values)
    assert Vectors.dense(values).sum() == 3.0
    assert numpy.asarray(Vectors.dense(1, 2)).tolist() == [1.0, 2.0]
    assert DenseVector([1, 2]).dot(numpy.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [7.0, 10.0]
    assert SparseVector(2, {1: 2.0}).dot(numpy.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [6.0, 8.0]
    assert Vectors.dense(range(3))[1:].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Vectors.sparse(2, {2: 1.0}), AssertionError, "Index 2 is out of the size of vector with size=2"),
        (lambda: Vectors.sparse(2, {-1: 1.0}), AssertionError, "Contains negative index -1"),
        (lambda: Vectors.sparse(3, [1, 1], [1.0, 2.0]), TypeError, "not strictly increasing"),
        (lambda: Vectors.sparse(3, [1], [1.0, 2.0]), AssertionError, "1 indices and 2 values"),
        (lambda: Vectors.dense(1, 2).dot([1.0]), AssertionError, "dimension mismatch"),
        (lambda: Vectors.sparse(2, {}).squared_distance([1.0]), AssertionError, "dimension mismatch"),
        (lambda: Vectors.sparse(2, {})[2], IndexError, "Index 2 out of bounds"),
        (lambda: Vectors.squared_distance("ab", [1.0]), TypeError, "Cannot convert type"),
        (lambda: Vectors.dense(1).dot(numpy.zeros((1, 2, 3))[0].T[0:0]), AssertionError, "dimension mismatch"),
        (lambda: DenseMatrix(2, 2, [1.0]), AssertionError, "2 x 2 values are needed"),
        (lambda: DenseMatrix(1, 1, [1.0])[0, 1], IndexError, r"Column index 1 is out of range \[0, 1\)"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_to_arrow_and_back():
    dense = [Vectors.dense(1, 2), None, Vectors.dense(3, 4)]
    column = vectors_to_arrow(dense)
    assert column.type == pa.list_(pa.float64(), 2)
    assert vectors_from_arrow(column) == dense
    mixed = [Vectors.dense(1, 0), None, Vectors.sparse(3, {1: 2.0})]
    column = vectors_to_arrow(mixed)
    assert is_vector_type(column.type)
    assert vectors_from_arrow(column) == mixed
    assert not is_vector_type(pa.struct([("a", pa.int32())]))


def test_works_without_numpy():
    script = """
import sys
sys.modules["numpy"] = None
import pickle
from springald.ml.linalg import DenseVector, Vectors
v, s = Vectors.dense(3, -4), Vectors.sparse(2, {1: 2.0})
assert (repr(v), str(s)) == ("DenseVector([3.0, -4.0])", "(2,[1],[2.0])")
assert (v.dot(s), v.norm(2), v.norm(1), v.squared_distance(s), s[1], len(v)) == (-8.0, 5.0, 7.0, 45.0, 2.0, 2)
assert pickle.loads(pickle.dumps(v)) == v and pickle.loads(pickle.dumps(s)) == s
assert s.toArray().tolist() == [0.0, 2.0] and list(-v) == [-3.0, 4.0]
try:
    v + v
except ImportError as error:
    assert "pip install numpy" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", script], check=True)
