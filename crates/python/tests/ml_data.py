"""The rows of ml.json, and comparing numbers with those beside them."""

import json
import math
from pathlib import Path

SPARK = json.loads((Path(__file__).parent / "data" / "ml.json").read_text())
COLUMNS = ["label", "a", "b", "c", "weight", "fold", "group"]


def frame(spark):
    """The rows, with a, b and c as features."""
    from springald.ml.feature import VectorAssembler

    df = spark.createDataFrame(SPARK["rows"], COLUMNS)
    return VectorAssembler(inputCols=["a", "b", "c"], outputCol="features").transform(df)


def close(found, expected, tolerance=1e-6):
    """Whether numbers, and lists and dicts of them, are the same but for rounding."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[k], v, tolerance) for k, v in expected.items())
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(close(a, b, tolerance) for a, b in zip(found, expected, strict=True))
    if isinstance(expected, float):
        same = math.isnan(found) if math.isnan(expected) else math.isclose(found, expected, rel_tol=tolerance)
        return same or abs(found - expected) <= tolerance
    return found == expected
