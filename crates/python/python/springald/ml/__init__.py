"""Machine learning over DataFrames, as in PySpark's `ml`: estimators are fitted to DataFrames, and give models.

>>> from springald.ml.clustering import KMeans
>>> from springald.ml.feature import VectorAssembler
>>> assembler = VectorAssembler(inputCols=["x", "y"], outputCol="features")
>>> pipeline = Pipeline(stages=[assembler, KMeans(k=2, seed=1)])
>>> df = spark.createDataFrame([(0.0, 0.0), (0.0, 1.0), (9.0, 8.0), (9.0, 9.0)], ["x", "y"])
>>> [row.prediction for row in pipeline.fit(df).transform(df).collect()] in ([0, 0, 1, 1], [1, 1, 0, 0])
True
"""

from typing import Any

from springald.ml.base import Estimator, Model, Transformer
from springald.ml.pipeline import Pipeline, PipelineModel

__all__ = ["Estimator", "Model", "Pipeline", "PipelineModel", "Transformer"]

_MODULES = ("clustering", "evaluation", "feature", "functions", "linalg", "param", "regression", "tuning", "util")


def __getattr__(name: str) -> Any:
    """Modules, when they are first used, as after `import springald.ml`."""
    if name in _MODULES:
        import importlib

        return importlib.import_module(f"springald.ml.{name}")
    raise AttributeError(f"springald.ml has no {name}: it has {', '.join(sorted([*__all__, *_MODULES]))}")
