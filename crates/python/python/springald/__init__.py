"""Springald: distributed dataframes and SQL with PySpark's interface and a native engine.

>>> from springald.sql import SparkSession
>>> spark = SparkSession.builder.getOrCreate()
>>> spark.range(3).count()
3
"""

from typing import Any

from springald._internal import __version__
from springald.conf import SparkConf
from springald.context import SparkContext
from springald.rdd import RDD
from springald.sql import Row, SparkSession
from springald.storagelevel import StorageLevel

Session = SparkSession


def __getattr__(name: str) -> Any:
    if name == "keyword_only":
        # The ML package is large, and few need it at once.
        from springald.ml.util import keyword_only

        return keyword_only
    raise AttributeError(f"Springald has no `{name}`; `dir(springald)` lists what there is")


__all__ = [
    "RDD",
    "Row",
    "Session",
    "SparkConf",
    "SparkContext",
    "SparkSession",
    "StorageLevel",
    "__version__",
    "keyword_only",
]
