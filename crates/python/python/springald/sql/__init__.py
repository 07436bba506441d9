"""DataFrames and SQL, under PySpark's names."""

from springald.sql import functions, types
from springald.sql.catalog import Catalog
from springald.sql.column import Column
from springald.sql.conf import RuntimeConfig
from springald.sql.dataframe import DataFrame, DataFrameNaFunctions, DataFrameStatFunctions
from springald.sql.group import GroupedData
from springald.sql.readwriter import DataFrameReader, DataFrameWriter
from springald.sql.session import SparkSession
from springald.sql.types import Row
from springald.sql.window import Window, WindowSpec

__all__ = [
    "Catalog",
    "Column",
    "DataFrame",
    "DataFrameNaFunctions",
    "DataFrameReader",
    "DataFrameStatFunctions",
    "DataFrameWriter",
    "GroupedData",
    "Row",
    "RuntimeConfig",
    "SparkSession",
    "Window",
    "WindowSpec",
    "functions",
    "types",
]
