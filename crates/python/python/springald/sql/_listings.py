"""Statements of SQL that list what there is: SHOW and DESCRIBE, with Spark's columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from springald.sql.dataframe import DataFrame
    from springald.sql.session import SparkSession

__all__ = ["listing"]

_NAME = r"(?P<name>`[^`]+`|[\w.]+)"
_LIKE = r"(?:\s+(?:like\s+)?'(?P<pattern>[^']*)')?"


def listing(spark: SparkSession, sql: str) -> DataFrame | None:
    """What the statement lists, if it is one of those that list.

    >>> spark.range(1).createOrReplaceTempView("one")
    >>> listing(spark, "SHOW TABLES LIKE 'one'").columns
    ['namespace', 'tableName', 'isTemporary']
    >>> listing(spark, "DESCRIBE one").collect()
    [Row(col_name='id', data_type='bigint', comment=None)]
    >>> listing(spark, "SELECT 1") is None
    True
    """
    for form, lister in _LISTERS:
        match = form.fullmatch(sql)
        if match is not None:
            return lister(spark, match.groupdict())
    return None


def _tables(spark: SparkSession, parts: dict[str, Any]) -> DataFrame:
    database = None if parts["database"] is None else parts["database"].strip("`")
    tables = spark.catalog.listTables(database, parts["pattern"])
    rows = [(table.database or "", table.name, table.isTemporary) for table in tables]
    return spark.createDataFrame(rows, "namespace string, tableName string, isTemporary boolean")


def _databases(spark: SparkSession, parts: dict[str, Any]) -> DataFrame:
    found = spark.catalog.listDatabases(parts["pattern"])
    return spark.createDataFrame([(database.name,) for database in found], "namespace string")


def _columns(spark: SparkSession, parts: dict[str, Any]) -> DataFrame:
    names = spark.table(parts["name"]).columns
    return spark.createDataFrame([(name,) for name in names], "col_name string")


def _table(spark: SparkSession, parts: dict[str, Any]) -> DataFrame:
    return _described(spark, spark.table(parts["name"]))


def _query(spark: SparkSession, parts: dict[str, Any]) -> DataFrame:
    return _described(spark, spark.sql(parts["query"]))


def _described(spark: SparkSession, df: DataFrame) -> DataFrame:
    rows = [(name, kind, None) for name, kind in df.dtypes]
    return spark.createDataFrame(rows, "col_name string, data_type string, comment string")


def _form(text: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{text}\s*;?\s*", re.IGNORECASE | re.DOTALL)


_LISTERS: list[tuple[re.Pattern[str], Callable[[SparkSession, dict[str, Any]], DataFrame]]] = [
    (_form(rf"show\s+tables(?:\s+(?:in|from)\s+(?P<database>`[^`]+`|\w+))?{_LIKE}"), _tables),
    (_form(rf"show\s+(?:databases|schemas){_LIKE}"), _databases),
    (_form(rf"show\s+columns\s+(?:in|from)\s+{_NAME}"), _columns),
    (_form(r"desc(?:ribe)?\s+(?:query\s+)?(?P<query>(?:select|with)\s.*)"), _query),
    (_form(rf"desc(?:ribe)?\s+(?:table\s+)?(?:extended\s+)?(?!query\s|function\s){_NAME}"), _table),
]
