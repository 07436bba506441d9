"""Writes expressions.json: what PySpark gives for each expression of expression_texts.py.

Run with a Python that has PySpark: `TZ=UTC python make_expressions.py`.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from expression_texts import AGGREGATE, SELECT, SHIFTED, WINDOW
from tables import TABLES
from values import encode

HERE = Path(__file__).parent


def main() -> None:
    os.environ["TZ"] = "UTC"
    import pyspark
    import pyspark.sql.functions as F
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession, Window

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    names: dict[str, Any] = {
        "F": F,
        "Window": Window,
        "date": date,
        "datetime": datetime,
        "timedelta": timedelta,
        "Decimal": Decimal,
    }
    frames = {}
    for name, (ddl, rows) in TABLES.items():
        frames[name] = spark.createDataFrame(rows, ddl).coalesce(1).cache()
    cases: list[dict[str, Any]] = []
    groups = [
        ("select", SELECT, "UTC"),
        ("select", SHIFTED, "America/New_York"),
        ("aggregate", AGGREGATE, "UTC"),
        ("window", WINDOW, "UTC"),
    ]
    for how, tables, zone in groups:
        spark.conf.set("spark.sql.session.timeZone", zone)
        for table, lines in tables.items():
            for text in filter(None, map(str.strip, lines.splitlines())):
                case: dict[str, Any] = {"how": how, "table": table, "zone": zone, "expression": text}
                try:
                    column = eval(text, names)
                    frame = frames[table]
                    if how != "aggregate":
                        result = frame.select("id", column).orderBy("id")
                    elif "k" in frame.columns:
                        result = frame.groupBy("k").agg(column).orderBy("k")
                    else:
                        result = frame.agg(F.lit(0).alias("k"), column)
                    case["label"] = result.columns[1]
                    case["type"] = result.schema[1].dataType.simpleString()
                    case["values"] = [encode(row[1]) for row in result.collect()]
                except PySparkException as error:
                    condition = error.getCondition() if hasattr(error, "getCondition") else None
                    case.pop("values", None)
                    case["error"] = condition or type(error).__name__
                except Exception as error:
                    print("no expectation:", text, repr(error)[:200], file=sys.stderr)
                    continue
                cases.append(case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    text = f'{{"made_by": "PySpark {pyspark.__version__}", "cases": [\n{lines}\n]}}\n'
    (HERE / "expressions.json").write_text(text, encoding="utf-8")
    print(len(cases), "expressions,", sum("error" in case for case in cases), "of them errors")
    for case in cases:
        if "error" in case:
            print(case["error"], case["expression"], file=sys.stderr)


if __name__ == "__main__":
    main()
