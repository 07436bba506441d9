"""DataFrame methods: names and identities of columns, joins, groups, errors, ways out."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError
from springald.sql import DataFrame, Row, SparkSession, Window
from springald.sql import functions as F


@pytest.fixture(scope="module")
def people(spark: SparkSession) -> DataFrame:
    rows = [(1, "Ada", 36), (2, "Bob", None), (3, "Cyd", 25)]
    return spark.createDataFrame(rows, "id int, name string, age int")


# Columns


def test_columns_by_attribute_and_item(people: DataFrame) -> None:
    assert people.select(people.name, people["age"], people[0]).columns == ["name", "age", "id"]
    assert people[1:].columns == ["name", "age"]
    assert people[["id", "name"]].columns == ["id", "name"]
    assert people[people.age > 30].count() == 1
    assert people.select(people.NAME).columns == ["name"]
    assert people.select("NAME").columns == ["NAME"]


def test_unknown_columns_are_named_with_the_nearest(people: DataFrame) -> None:
    with pytest.raises(AttributeError, match="`name`"):
        _ = people.nme
    for wrong in (lambda: people["nme"], lambda: people.select("nme"), lambda: people.filter("nme > 1")):
        with pytest.raises(AnalysisException, match="nme"):
            wrong()
    assert not hasattr(people, "mapInPandas")


def test_completion_and_repr(people: DataFrame) -> None:
    assert {"name", "age", "select"} <= set(dir(people))
    assert people._ipython_key_completions_() == ["id", "name", "age"]
    assert repr(people) == "DataFrame[id: int, name: string, age: int]"
    assert "<table" in str(people._repr_html_())


def test_identity_lives_on(people: DataFrame) -> None:
    later = people.filter("id > 1").orderBy("id").limit(5).withColumn("x", F.lit(1))
    assert later.select(people.name).collect() == [Row(name="Bob"), Row(name="Cyd")]
    assert people.select("id").filter(people.age > 30).collect() == [Row(id=1)]
    assert people.select("name").orderBy(people.age.desc()).first() == Row(name="Ada")
    renamed = people.withColumnRenamed("age", "years")
    assert renamed.filter(people.age > 30).count() == 1


def test_a_filter_sees_the_column_before(people: DataFrame) -> None:
    assert people.withColumn("age", F.col("age") + 100).filter(people.age > 36).count() == 0
    assert people.withColumn("age", F.col("age") + 100).filter(F.col("age") > 130).count() == 1


def test_filters_on_hidden_columns_chain(people: DataFrame) -> None:
    chosen = people.select("name").filter(people.age > 20).filter(people.id < 3).orderBy(people.id)
    assert chosen.collect() == [Row(name="Ada")]
    assert chosen.columns == ["name"]


def test_repeated_columns(people: DataFrame) -> None:
    twice = people.select("id", "id", F.col("id") + 1, (F.col("id") + 1).alias("id"))
    assert twice.columns == ["id", "id", "(id + 1)", "id"]
    assert tuple(twice.orderBy(1).first()) == (1, 1, 2, 2)
    with pytest.raises(AnalysisException, match="AMBIGUOUS"):
        twice.select("id")
    assert twice.toDF("a", "b", "c", "d").select("d").first() == Row(d=2)


def test_odd_names(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, 2, 3)], ["a.b", "c d", "Sum(X)"])
    assert df.select("`a.b`", "c d", df["`a.b`"], "Sum(X)").columns == ["a.b", "c d", "a.b", "Sum(X)"]
    assert df.withColumn("e`f", F.lit(1)).columns[-1] == "e`f"
    assert df.groupBy("`a.b`").count().columns == ["a.b", "count"]


def test_with_column_needs_a_column(people: DataFrame) -> None:
    with pytest.raises(PySparkTypeError, match="lit"):
        people.withColumn("x", 1)  # type: ignore[arg-type]
    with pytest.raises(PySparkTypeError):
        people.select(1.5)
    with pytest.raises(PySparkValueError, match="3 columns"):
        people.toDF("a")


def test_snake_case(people: DataFrame) -> None:
    df = people.with_column("x", F.lit(1)).with_column_renamed("x", "y").drop_duplicates(["id"])
    assert df.group_by("y").count().collect() == [Row(y=1, count=3)]
    assert people.order_by("id").to_pandas()["id"].tolist() == [1, 2, 3]


# Joins


def test_self_joins(people: DataFrame) -> None:
    assert people.join(people, people.id == people.id).count() == 3
    older = people.filter(people.age > 30)
    both = people.join(older, people.id == older.id)
    assert both.select(people.name, older.age).collect() == [Row(name="Ada", age=36)]
    crossed = people.join(older.withColumnRenamed("name", "other"), people.age < older.age)
    assert crossed.select(people.name, "other").collect() == [Row(name="Cyd", other="Ada")]
    with pytest.raises(AnalysisException, match="AMBIGUOUS"):
        people.join(people, people.id == people.id).select(people.name)
    with pytest.raises(AnalysisException, match="AMBIGUOUS"):
        people.join(people, people.id > 1)
    three = people.alias("a").join(people.alias("b"), "id").join(people.alias("c"), "id")
    assert tuple(three.select("id", "a.name", "b.age", "c.age").orderBy("id").first()) == (1, "Ada", 36, 36)
    assert three.count() == 3


def test_names_of_both_sides(people: DataFrame, spark: SparkSession) -> None:
    other = spark.createDataFrame([(1, "x"), (4, "y")], "id int, name string")
    joined = people.join(other, people.id == other.id, "full")
    assert joined.columns == ["id", "name", "age", "id", "name"]
    assert joined.drop(other.id).columns == ["id", "name", "age", "name"]
    assert {r[0] for r in joined.select(other.name).collect()} == {"x", "y", None}
    with pytest.raises(AnalysisException, match="AMBIGUOUS"):
        joined.select("name")
    assert joined.toDF(*"abcde").filter("a IS NULL").collect()[0][:] == (None, None, None, 4, "y")


def test_outer_joins_by_name_keep_the_right_key(people: DataFrame, spark: SparkSession) -> None:
    other = spark.createDataFrame([(1, "x"), (4, "y")], "id int, tag string")
    full = people.join(other, "id", "full").orderBy("id").collect()
    assert [tuple(r) for r in full] == [
        (1, "Ada", 36, "x"),
        (2, "Bob", None, None),
        (3, "Cyd", 25, None),
        (4, None, None, "y"),
    ]
    left = people.join(other, "id", "left")
    assert left.filter(other.id.isNull()).count() == 2
    assert left.select(other.id, people.id).orderBy(people.id).first()[:] == (1, 1)
    assert people.alias("a").join(other.alias("b"), "id", "left").select("b.id").filter("id IS NULL").count() == 2


@pytest.mark.parametrize(
    ("how", "count"),
    [
        *(("inner", 1), ("outer", 4), ("fullouter", 4), ("full_outer", 4), ("leftouter", 3), ("right", 2)),
        *(("right_outer", 2), ("leftsemi", 1), ("left_semi", 1), ("leftanti", 2), ("anti", 2), ("LEFT", 3)),
    ],
)
def test_kinds_of_joins(people: DataFrame, spark: SparkSession, how: str, count: int) -> None:
    other = spark.createDataFrame([(1,), (4,)], "id int")
    assert people.join(other, "id", how).count() == count
    assert people.join(other, people.id == other.id, how).count() == count


def test_wrong_joins(people: DataFrame) -> None:
    with pytest.raises(AnalysisException, match="sideways"):
        people.join(people, "id", "sideways")
    with pytest.raises(AnalysisException, match="left side"):
        people.join(people, "nope")
    with pytest.raises(PySparkTypeError):
        people.join(3)


# Groups


def test_groups(people: DataFrame) -> None:
    assert people.groupBy().count().columns == ["count"]
    with pytest.raises(AnalysisException, match="not a numeric column"):
        people.groupBy("id").sum("name")
    with pytest.raises(AnalysisException, match="only once"):
        people.groupBy("id").pivot("name").pivot("age")
    with pytest.raises(PySparkValueError):
        people.groupBy("id").agg()
    with pytest.raises(AnalysisException, match="no aggregate"):
        people.groupBy("id").agg({"age": "nope"})


def test_a_column_called_like_its_aggregate(spark: SparkSession) -> None:
    df = spark.createDataFrame([("a", 1), ("a", 2)], "k string, count int")
    assert df.groupBy("k").count().collect() == [Row(k="a", count=2)]
    assert df.groupBy("k").agg(F.sum("count").alias("k")).columns == ["k", "k"]
    assert df.groupBy("count").agg(F.count("*").alias("n")).orderBy("count").collect()[0] == Row(count=1, n=1)


def test_pivot_of_dates_and_nulls(spark: SparkSession) -> None:
    rows = [(1, datetime.date(2024, 1, 1), True), (1, None, False)]
    df = spark.createDataFrame(rows, "k int, d date, b boolean")
    assert df.groupBy("k").pivot("d").count().columns == ["k", "null", "2024-01-01"]
    assert df.groupBy("k").pivot("b", [True, False]).count().collect() == [Row(k=1, true=1, false=1)]


# Windows and generators in projections


def test_windows_mix_with_columns(people: DataFrame) -> None:
    w = Window.orderBy("id")
    df = people.withColumn("n", F.row_number().over(w) * 10).select("n", people.name, F.sum("age").over(w).alias("s"))
    assert df.orderBy("n").collect()[2] == Row(n=30, name="Cyd", s=61)


def test_generators(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, [2, 3]), (2, [])], "id int, xs array<int>")
    assert df.select("*", F.explode("xs").alias("x")).orderBy("x").collect()[1] == Row(id=1, xs=[2, 3], x=3)
    assert df.select(F.explode(df.xs)).filter("col > 2").count() == 1
    with pytest.raises(AnalysisException, match="UNSUPPORTED_GENERATOR"):
        df.select(F.explode("xs"), F.explode("xs"))
    with pytest.raises(AnalysisException, match="array or a map"):
        df.select(F.explode("id"))
    with pytest.raises(AnalysisException, match="makes 2 columns"):
        df.select(F.posexplode("xs").alias("p"))


# Samples


def test_samples(spark: SparkSession) -> None:
    df = spark.range(10_000)
    counts = [df.sample(0.3, seed=5).count() for _ in range(2)]
    assert counts[0] == counts[1]
    assert 2_700 < counts[0] < 3_300
    assert 19_000 < df.sample(True, 2.0, 5).count() < 21_000
    parts = df.randomSplit([1, 3], seed=3)
    assert sum(part.count() for part in parts) == 10_000
    assert parts[0].intersect(parts[1]).count() == 0
    with pytest.raises(PySparkValueError):
        df.sample(2.0)
    with pytest.raises(PySparkValueError):
        df.randomSplit([-1, 2])


# Ways out


def test_rows_out(people: DataFrame) -> None:
    ordered = people.orderBy("id")
    assert [row.id for row in ordered.toLocalIterator()] == [1, 2, 3]
    assert isinstance(people.toLocalIterator(), Iterator)
    assert ordered.tail(2)[0].id == 2
    assert ordered.tail(9) == ordered.collect()
    assert ordered.head() == ordered.first() == ordered.take(1)[0]
    assert people.limit(0).head() is None
    with pytest.raises(AnalysisException):
        people.limit(-1)
    seen: list[int] = []
    ordered.foreach(lambda row: seen.append(row.id))
    assert seen == [1, 2, 3]


def test_tables_out(people: DataFrame) -> None:
    ordered = people.orderBy("id")
    assert ordered.toArrow().to_pydict()["age"] == [36, None, 25]
    assert pa.table(ordered).column_names == ["id", "name", "age"]
    assert pl.DataFrame(ordered).shape == (3, 3)
    assert ordered.toPolars()["name"].to_list() == ["Ada", "Bob", "Cyd"]
    frame = ordered.toPandas()
    assert math.isnan(frame["age"][1])
    assert list(frame.columns) == ["id", "name", "age"]
    assert ordered.crossJoin(ordered).toPandas().shape == (9, 6)


def test_pandas_values(spark: SparkSession) -> None:
    row = ([1, 2], Row(a=1), {"k": 1}, datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1, 12), True)
    schema = "l array<int>, s struct<a:int>, m map<string,int>, d date, t timestamp, b boolean"
    df = spark.createDataFrame([row, (None,) * 6], schema)
    frame = df.toPandas()
    assert frame["m"][0] == {"k": 1}
    assert frame["s"][0] == Row(a=1)
    assert list(frame["l"][0]) == [1, 2]
    assert frame["d"][0] == datetime.date(2024, 1, 1)
    assert frame["t"][0] == pd.Timestamp("2024-01-01 12:00")
    assert frame["l"][1] is None
    assert frame["t"].dt.tz is None


def test_show_checks_its_arguments(people: DataFrame) -> None:
    with pytest.raises(PySparkTypeError):
        people.show("5")  # type: ignore[arg-type]
    with pytest.raises(PySparkTypeError):
        people.show(5, "x")  # type: ignore[arg-type]
    with pytest.raises(PySparkTypeError):
        people.show(5, True, 1)  # type: ignore[arg-type]


def test_explain(people: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    people.filter("id > 1").explain(True)
    out = capsys.readouterr().out
    assert "== Optimized Logical Plan ==" in out
    assert "== Physical Plan ==" in out
    people.filter("id > 1").explain("analyze")
    assert "output_rows" in capsys.readouterr().out
    with pytest.raises(PySparkValueError, match="wrong"):
        people.explain(mode="wrong")


# Cache and views


def test_cache(spark: SparkSession) -> None:
    df = spark.range(5)
    kept = df.cache()
    assert kept is df
    assert df.is_cached
    assert str(df.storageLevel) == "Disk Memory Deserialized 1x Replicated"
    assert df.filter("id > 2").count() == 2
    assert df.select(df.id).count() == 5
    assert not df.unpersist().is_cached
    assert df.count() == 5


def test_views(people: DataFrame, spark: SparkSession) -> None:
    people.createOrReplaceTempView("df_people")
    assert spark.sql("SELECT name FROM df_people WHERE age > 30").collect() == [Row(name="Ada")]
    people.limit(1).createOrReplaceTempView("df_people")
    assert spark.table("df_people").count() == 1
    with pytest.raises(AnalysisException, match="more than one column"):
        people.crossJoin(people).createOrReplaceTempView("twice")
    spark.catalog.dropTempView("df_people")


def test_other_statistics(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, "a"), (1, "b"), (2, "b")], "n int, s string")
    assert df.freqItems(["n", "s"], 0.5).collect() == [Row(n_freqItems=[1], s_freqItems=["b"])]
    assert df.stat.approxQuantile("n", [0.5], 0.25) == [1.0]
    assert math.isnan(df.corr("n", "n")) or df.corr("n", "n") == pytest.approx(1.0)
    with pytest.raises(PySparkValueError):
        df.approxQuantile("n", [2.0], 0.0)
    with pytest.raises(AnalysisException, match="mode"):
        df.summary("mode")


def test_no_columns(people: DataFrame) -> None:
    assert people.select().count() == 3
    assert people.drop("id", "name", "age").columns == []


# The same on a cluster


def test_a_cluster_answers_alike(cluster: SparkSession, spark: SparkSession) -> None:
    rows = [(i, i % 3, float(i) if i % 7 else None) for i in range(200)]
    answers = []
    for session in (spark, cluster):
        df = session.createDataFrame(rows, "id int, k int, x double")
        w = Window.partitionBy("k").orderBy("id")
        ranked = df.withColumn("r", F.row_number().over(w)).filter("r <= 5")
        joined = ranked.join(df.groupBy("k").agg(F.sum("x").alias("s")), "k", "left").orderBy("id")
        pivoted = df.groupBy("k").pivot("k").count().orderBy("k")
        answers.append((joined.collect(), pivoted.collect(), df.describe().collect(), df.dropDuplicates(["k"]).count()))
    assert answers[0] == answers[1]
    assert sum(1 for _ in cluster.range(5000).toLocalIterator()) == 5000
    kept = cluster.range(100).cache()
    assert (kept.count(), kept.filter("id > 10").count()) == (100, 89)
    kept.unpersist()
