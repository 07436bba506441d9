"""Expressions give what PySpark gives: values, type and name of the column. The expectations are made by PySpark."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import springald.sql.functions as F
from springald.errors import SpringaldException
from springald.sql import DataFrame, SparkSession, Window

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA))

from tables import TABLES  # noqa: E402
from values import decode, encode  # noqa: E402

CASES: list[dict[str, Any]] = json.loads((DATA / "expressions.json").read_text(encoding="utf-8"))["cases"]
NAMES = {
    "F": F,
    "Window": Window,
    "date": date,
    "datetime": datetime,
    "timedelta": timedelta,
    "Decimal": Decimal,
}

KNOWN: dict[str, str] = {
    'dates: F.col("d") - F.col("e")': "Arrow's lengths of time do not say in which units they are shown",
    'F.expr("d + interval 1 day")': "only the name of the column: Spark shows functions of its own",
    'F.window("ts", "1 hour").getField("start")': "rows without a time are kept",
    "F.create_map()": "Arrow has no maps of nulls",
    'F.to_json("m")': "values of maps that are null are left out, as those of structs are",
    'F.str_to_map("s", F.lit(","), F.lit("b"))': "of a key that is there twice the last value is taken",
}
"""Expressions that differ from PySpark's, and why; with the table before them where they stand for several."""


@pytest.fixture(scope="module")
def frames(spark: SparkSession) -> Iterator[dict[str, DataFrame]]:
    yield {name: spark.createDataFrame(rows, ddl).coalesce(1) for name, (ddl, rows) in TABLES.items()}
    spark.conf.set("spark.sql.session.timeZone", "UTC")


def computed(case: dict[str, Any], frame: DataFrame) -> DataFrame:
    column = eval(case["expression"], dict(NAMES))
    if case["how"] != "aggregate":
        return frame.select("id", column).orderBy("id")
    if "k" in frame.columns:
        return frame.groupBy("k").agg(column).orderBy("k")
    return frame.agg(F.lit(0).alias("k"), column)


def same(expected: Any, found: Any) -> bool:
    """Equal; floating point numbers to fourteen digits, as the last ones are the mathematics library's own."""
    if isinstance(expected, float) and isinstance(found, float):
        if math.isnan(expected) or math.isnan(found):
            return math.isnan(expected) and math.isnan(found)
        return math.isclose(expected, found, rel_tol=1e-14, abs_tol=1e-14)
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[key], found[key]) for key in expected)
    if isinstance(expected, Decimal) and isinstance(found, Decimal):
        return expected.as_tuple() == found.as_tuple()
    return type(expected) is type(found) and expected == found


def parameters() -> Iterator[Any]:
    for case in CASES:
        text = case["expression"]
        key = text if case["zone"] == "UTC" else f"{case['zone']}: {text}"
        reason = KNOWN.get(f"{case['table']}: {key}") or KNOWN.get(key)
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
        yield pytest.param(case, id=f"{case['how']}-{case['table']}-{key}", marks=marks)


@pytest.mark.parametrize("case", list(parameters()))
def test_expression(case: dict[str, Any], spark: SparkSession, frames: dict[str, DataFrame]) -> None:
    spark.conf.set("spark.sql.session.timeZone", case["zone"])
    frame = frames[case["table"]]
    if "error" in case:
        with pytest.raises(SpringaldException):
            computed(case, frame).collect()
        return
    result = computed(case, frame)
    assert result.columns[1] == case["label"]
    assert result.schema[1].dataType.simpleString() == case["type"]
    expected = decode(case["values"])
    found = decode([encode(row[1]) for row in result.collect()])
    assert same(expected, found), f"{expected}\n{found}"
