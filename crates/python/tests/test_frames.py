"""DataFrame programs give what PySpark gives; `data/make_frames.py` made the results."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from springald.sql import Row, SparkSession, Window
from springald.sql import functions as F

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA))

from frame_programs import PRELUDE, PROGRAMS  # noqa: E402
from frame_values import encoded, same  # noqa: E402

NAMES = "two columns of one select need different names in the engine, before Spark's are given to them"
QUALIFIED = "Spark leaves a table's alias out of an expression's name; here it stays"
# Where the answer differs, and why.
KNOWN = {
    "sql names of arithmetic": NAMES,
    "sql names of casts": NAMES,
    "sql names of functions": "the engine's concat passes over nulls in SQL; F.concat does not",
    "sql names of qualified columns": QUALIFIED,
    "sql files by their format": QUALIFIED,
    "sql lateral view without a column": "the parser wants a name for the column",
}

RESULTS = json.loads((DATA / "frames.json").read_text())["results"]


@pytest.fixture(scope="module")
def names(spark: SparkSession) -> dict[str, Any]:
    """What the programs find."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    found = {"spark": spark, "F": F, "Window": Window, "Row": Row, "datetime": datetime, "Decimal": Decimal}
    exec(PRELUDE, found)
    return found


def programs() -> Iterator[Any]:
    for name in RESULTS:
        marks = [pytest.mark.xfail(reason=KNOWN[name], strict=True)] if name in KNOWN else []
        yield pytest.param(name, id=name, marks=marks)


@pytest.mark.parametrize("name", list(programs()))
def test_as_pyspark(name: str, names: dict[str, Any]) -> None:
    source = PROGRAMS[name]
    scope = dict(names)
    exec(source, scope)
    found, wanted = json.loads(json.dumps(encoded(scope["result"]))), RESULTS[name]
    ordered = "order" in source.replace("orders", "").lower() or "sort(" in source
    if "rows" in wanted and not ordered:
        for one in (found, wanted):
            one["rows"].sort(key=lambda row: json.dumps(row, sort_keys=True))
    assert same(found, wanted), f"\n{source}\nSpringald: {found}\nPySpark:   {wanted}"


def test_every_program_has_a_result() -> None:
    assert set(PROGRAMS) == set(RESULTS) >= set(KNOWN)
