"""Functions: SQL expressions, patterns of dates, what is missing; and that a cluster computes what one process does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
import springald.sql.functions as F
from springald.errors import PySparkValueError
from springald.sql import Column, SparkSession, Window
from springald.sql._patterns import chrono


def test_all_are_there_and_documented() -> None:
    assert len(set(F.__all__)) == len(F.__all__) >= 350
    for name in F.__all__:
        function = getattr(F, name)
        assert inspect.isfunction(function), name
        assert ">>>" in (function.__doc__ or ""), f"{name} has no example"


@pytest.mark.parametrize("name", ["udf", "spark_partition_id", "no_such_function"])
def test_what_is_missing_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(F, name)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-id - 1", -1),
        ("7 div 2", 3),
        ("7 / 2", 3.5),
        ("'it''s' || ' ' || \"so\"", "it's so"),
        ("not true or true", True),
        ("id between -1 and 1 and id is not null", True),
        ("id not in (1, 2)", True),
        ("'abc' like 'a%' and 'abc' not rlike '^b'", True),
        ("case id when 0 then 'none' else 'some' end", "none"),
        ("case when id > 0 then 1 end", None),
        ("if(id = 0, 'yes', 'no')", "yes"),
        ("cast('12' as int) + try_cast('x' as int)", None),
        ("'12'::int", 12),
        ("date '2024-02-29' + interval 1 day", date(2024, 3, 1)),
        ("timestamp '2024-02-29 12:00:00' + interval 2 hours 30 minutes", datetime(2024, 2, 29, 14, 30)),
        ("date_format(date '2024-02-29', 'dd.MM.yy')", "29.02.24"),
        ("extract(year from date '2024-02-29')", 2024),
        ("array(1, 2, 3)[1]", 2),
        ("struct(1 as a, 2 as b).b", 2),
        ("transform(array(1, 2), x -> x + 1)[0]", 2),
        ("size(filter(array(1, 2, 3), (x, i) -> x > 1 and i < 2))", 1),
        ("map('k', 5)['k']", 5),
        ("concat_ws('-', 'a', 'b')", "a-b"),
        ("regexp_replace('a1', '[0-9]', '#')", "a#"),
        ("substring_index('a.b.c', '.', 2)", "a.b"),
        ("1e3", 1000.0),
        ("5L", 5),
    ],
)
def test_sql_expressions(sql: str, value: Any, spark: SparkSession) -> None:
    assert spark.range(1).select(F.expr(sql).alias("v")).first() == (value,)


def test_sql_windows_and_aggregates(spark: SparkSession) -> None:
    df = spark.createDataFrame([("a", 1), ("a", 2), ("b", 5)], ["k", "v"])
    ranked = df.select(F.expr("row_number() over (partition by k order by v desc) as n"), "v").orderBy("v")
    assert [row.n for row in ranked.collect()] == [2, 1, 1]
    assert df.agg(F.expr("sum(v) + count(distinct k) as t")).first() == (10,)
    assert df.selectExpr("v as w", "upper(k)").columns == ["w", "upper(k)"]
    assert df.filter("v > 1 and k = 'a'").count() == 1


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"),
        ("d/M/yy", "%-d/%-m/%y"),
        ("EEEE, d. MMMM", "%A, %-d. %B"),
        ("hh 'o''clock' a", "%I o'clock %p"),
        ("HH:mm:ss.SSSSSS", "%H:%M:%S.%6f"),
        ("100%", "100%%"),
    ],
)
def test_patterns(pattern: str, wanted: str) -> None:
    assert chrono(pattern) == wanted


def test_unknown_pattern() -> None:
    with pytest.raises(PySparkValueError, match="quotes"):
        chrono("bbb")


@pytest.mark.parametrize(
    ("text", "pattern", "wanted"),
    [
        ("2024-02-29", "yyyy-MM-dd", datetime(2024, 2, 29)),
        ("29.2.24 7:05 PM", "d.M.yy h:mm a", datetime(2024, 2, 29, 19, 5)),
        ("Feb 2024", "MMM yyyy", datetime(2024, 2, 1)),
        ("12:30", "HH:mm", datetime(1970, 1, 1, 12, 30)),
        ("2024-02-29T12:00:00+02:00", "yyyy-MM-dd'T'HH:mm:ssXXX", datetime(2024, 2, 29, 10)),
        ("2024-02-29 12:00", "yyyy-MM-dd[ HH:mm]", datetime(2024, 2, 29, 12)),
        ("2024-02-29", "yyyy-MM-dd[ HH:mm]", datetime(2024, 2, 29)),
        ("2024-2-9", "yyyy-MM-dd", None),
        ("2023-02-29", "yyyy-MM-dd", None),
    ],
)
def test_reading_by_patterns(text: str, pattern: str, wanted: datetime | None, spark: SparkSession) -> None:
    assert spark.range(1).select(F.try_to_timestamp(F.lit(text), F.lit(pattern))).first() == (wanted,)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_clock_changes_and_zones(zone: str, spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        text = F.lit("2024-07-01 12:00:00").cast("timestamp")
        assert spark.range(1).select(text.cast("string"), F.hour(text)).first() == ("2024-07-01 12:00:00", 12)
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


CLUSTER: list[Callable[[], Column]] = [
    lambda: F.col("i") * 2 + 1,
    lambda: F.col("i") / 4,
    lambda: F.upper("s"),
    lambda: F.col("x").cast("string"),
    lambda: F.when(F.col("i") > 10, F.raise_error(F.lit("never"))).otherwise(F.lit(1)),
    lambda: F.transform("l", lambda x: x + 1),
    lambda: F.filter("l", lambda x: x > 1),
    lambda: F.exists("l", lambda x: x > 1),
    lambda: F.map_filter(F.create_map(F.lit("a"), F.col("i")), lambda k, v: v > 1),
    lambda: F.date_format(F.lit("2024-02-29"), "d MMM yyyy"),
    lambda: F.to_timestamp(F.lit("29.02.2024"), "dd.MM.yyyy"),
    lambda: F.get_json_object(F.lit('{"a": [1]}'), "$.a[0]"),
    lambda: F.from_json(F.lit('{"a": 1}'), "a int"),
    lambda: F.to_json(F.struct("i", "s")),
    lambda: F.sha2("s", 256),
    lambda: F.split("s", ""),
    lambda: F.struct("i", "s").withField("i", F.lit(5)),
    lambda: F.row_number().over(Window.partitionBy("s").orderBy("i")),
    lambda: F.sum("i").over(Window.orderBy("i")),
]


@pytest.mark.parametrize("number", range(len(CLUSTER)))
def test_a_cluster_computes_the_same(number: int, spark: SparkSession, cluster: SparkSession) -> None:
    rows = [(1, "a", 1.5, [1, 2]), (2, None, 1e10, None), (3, "b", None, [])]
    found = []
    for session in (spark, cluster):
        df = session.createDataFrame(rows, "i int, s string, x double, l array<int>")
        found.append(df.select("i", CLUSTER[number]().alias("v")).orderBy("i").collect())
    assert found[0] == found[1]
