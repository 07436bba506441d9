"""Sessions: builder, settings, catalog, SQL parameters, contexts."""

from __future__ import annotations

import datetime
import subprocess
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import springald
from springald.errors import (
    AnalysisException,
    IllegalArgumentException,
    ParseException,
    PySparkTypeError,
    PySparkValueError,
)
from springald.sql import Row, SparkSession
from springald.sql.types import LongType, StringType, StructField, StructType


def test_one_active_session(spark: SparkSession) -> None:
    assert springald.Session is SparkSession
    assert SparkSession.builder.getOrCreate() is spark
    assert SparkSession.active() is spark
    assert SparkSession.getActiveSession() is spark
    assert spark.version == springald.__version__


def test_new_settings_of_the_builder_apply(spark: SparkSession) -> None:
    SparkSession.builder.appName("renamed").config("spark.sql.shuffle.partitions", 3).getOrCreate()
    assert spark.conf.get("spark.app.name") == "renamed"
    assert spark.conf.get("datafusion.execution.target_partitions") == "3"
    assert spark.sparkContext.appName == "renamed"


def test_another_master_brings_a_warning(spark: SparkSession) -> None:
    with pytest.warns(UserWarning, match="stop"):
        assert SparkSession.builder.master("local[7]").getOrCreate() is spark


def test_builders_share_nothing() -> None:
    SparkSession.builder.config("spark.app.name", "lost")
    assert SparkSession.builder._options == {}


def test_config_takes_maps_and_confs() -> None:
    conf = springald.SparkConf().setAppName("a").set("x", True)
    builder = SparkSession.builder.config(conf=conf).config(map={"spark.app.name": "b", "n": 1})
    assert builder._options == {"spark.app.name": "b", "x": "true", "n": "1"}


def test_stop_and_context_manager() -> None:
    with SparkSession.newSession(SparkSession.active()) as session:
        assert session.range(2).count() == 2
    with pytest.raises(AnalysisException, match="stopped"):
        session.range(2).count()


def test_unknown_settings_are_refused_with_the_nearest(spark: SparkSession) -> None:
    with pytest.raises(AnalysisException, match="job_wait_seconds"):
        spark.conf.set("springald.job_wait_second", "1")


def test_keys_of_spark_without_effect_bring_one_warning(spark: SparkSession) -> None:
    with pytest.warns(UserWarning, match="no effect"):
        spark.conf.set("spark.executor.extraJavaOptions", "-X")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spark.conf.set("spark.executor.extraJavaOptions", "-Y")
    assert spark.conf.get("spark.executor.extraJavaOptions") == "-Y"
    spark.conf.unset("spark.executor.extraJavaOptions")
    assert spark.conf.get("spark.executor.extraJavaOptions", None) is None


def test_settings(spark: SparkSession) -> None:
    with pytest.raises(IllegalArgumentException, match="SQL_CONF_NOT_FOUND"):
        spark.conf.get("spark.nope")
    with pytest.raises(IllegalArgumentException, match="master"):
        spark.conf.set("spark.master", "local[1]")
    assert spark.conf.isModifiable("spark.sql.session.timeZone")
    assert not spark.conf.isModifiable("spark.nope")
    assert spark.conf.getAll["spark.master"] == "local[2]"


def test_time_zone(spark: SparkSession) -> None:
    moment = datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.UTC)
    df = spark.createDataFrame([(moment,)], ["t"])
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        assert "2024-07-01 08:00:00" in df._show_string()
        assert df.toPandas()["t"][0] == pd.Timestamp("2024-07-01 08:00:00")
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert "2024-07-01 12:00:00" in df._show_string()


def test_sql_sets_keys_of_spark(spark: SparkSession) -> None:
    spark.sql("SET spark.sql.session.timeZone = UTC")
    assert spark.time_zone == "UTC"


def test_sql_parameters(spark: SparkSession) -> None:
    one = spark.sql("SELECT :a AS a, ':a' AS b, '?' AS c", {"a": "x'y"}).collect()
    assert one == [Row(a="x'y", b=":a", c="?")]
    values = [1, 2.5, None, True, datetime.date(2024, 1, 2)]
    assert list(spark.sql("SELECT ? a, ? b, ? c, ? d, ? e", values).collect()[0]) == values
    assert spark.sql("SELECT CAST(:n AS STRING) AS s", {"n": 1}).collect() == [Row(s="1")]
    with pytest.raises(AnalysisException, match="`:b`"):
        spark.sql("SELECT :b", {"a": 1})
    with pytest.raises(AnalysisException, match="positional"):
        spark.sql("SELECT :a, ?", {"a": 1})


def test_sql_with_frames(spark: SparkSession) -> None:
    df = spark.range(5)
    assert spark.sql("SELECT sum(id) AS s FROM {df} WHERE id < {n}", df=df, n=3).collect() == [Row(s=3)]
    assert spark.sql("SELECT {c} FROM {df}", df=df, c=df.id).count() == 5
    assert spark.sql("SELECT count(*) AS n FROM {t}", t=pa.table({"a": [1]})).collect() == [Row(n=1)]
    assert not [t for t in spark.catalog.listTables() if t.name.startswith("_springald")]
    with pytest.raises(ParseException):
        spark.sql("SELECT {nope}", df=df)


def test_syntax_errors(spark: SparkSession) -> None:
    with pytest.raises(AnalysisException) as error:
        spark.sql("SELEC 1")
    assert "SELEC" in str(error.value)


def test_same_names_in_sql(spark: SparkSession) -> None:
    spark.range(2).createOrReplaceTempView("r")
    df = spark.sql("SELECT a.id, b.id FROM r a JOIN r b ON a.id = b.id")
    assert df.columns == ["id", "id"]
    with pytest.raises(AnalysisException, match="AMBIGUOUS"):
        df.select("id")


# createDataFrame


def test_rows_of_python(spark: SparkSession) -> None:
    assert spark.createDataFrame([(1, "a")], ["n", "s"]).collect() == [Row(n=1, s="a")]
    assert spark.createDataFrame([(1, "a")]).columns == ["_1", "_2"]
    assert spark.createDataFrame([{"b": 1, "a": "x"}]).columns == ["a", "b"]
    assert spark.createDataFrame([Row(b=1, a="x")]).columns == ["b", "a"]
    assert spark.createDataFrame([1, 2], "int").collect() == [Row(value=1), Row(value=2)]
    schema = StructType([StructField("n", LongType()), StructField("s", StringType())])
    assert spark.createDataFrame([[1, None]], schema).collect() == [Row(n=1, s=None)]
    assert spark.createDataFrame([], schema).count() == 0
    assert spark.createDataFrame((i, str(i)) for i in range(3)).count() == 3


def test_rows_that_do_not_fit(spark: SparkSession) -> None:
    with pytest.raises(PySparkTypeError, match="MERGE"):
        spark.createDataFrame([(1,), (1.5,)])
    with pytest.raises(PySparkTypeError, match="UNACCEPTABLE"):
        spark.createDataFrame([("x",)], "a int")
    with pytest.raises(PySparkValueError, match="CANNOT_DETERMINE_TYPE"):
        spark.createDataFrame([(None,)], ["a"])
    with pytest.raises(PySparkTypeError):
        spark.createDataFrame("text")
    with pytest.raises(PySparkTypeError):
        spark.createDataFrame(spark.range(1))


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"n": [1, 2], "s": ["x", None]}),
        pl.DataFrame({"n": [1, 2], "s": ["x", None]}),
        pa.table({"n": [1, 2], "s": ["x", None]}),
        pa.record_batch({"n": [1, 2], "s": ["x", None]}),
        pa.table({"n": [1, 2], "s": ["x", None]}).to_reader(),
        pa.table({"n": pa.array([1, 2]), "s": pa.array(["x", None]).dictionary_encode()}),
        pa.table({"n": pa.array([1, 2], pa.uint32()), "s": pa.array(["x", None], pa.string_view())}),
    ],
    ids=["pandas", "polars", "table", "batch", "reader", "dictionary", "views"],
)
def test_tables_of_others(spark: SparkSession, data: Any) -> None:
    df = spark.createDataFrame(data)
    assert df.dtypes == [("n", "bigint"), ("s", "string")]
    assert df.orderBy("n").collect() == [Row(n=1, s="x"), Row(n=2, s=None)]


def test_streams_of_anything(spark: SparkSession) -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.table({"a": [1, 2]}).__arrow_c_stream__(requested_schema)

    assert spark.createDataFrame(Stream()).count() == 2
    assert spark.createDataFrame(spark.range(3).toArrow()).count() == 3


def test_numpy(spark: SparkSession) -> None:
    assert spark.createDataFrame(np.array([[1, 2], [3, 4]])).collect() == [Row(_1=1, _2=2), Row(_1=3, _2=4)]
    assert spark.createDataFrame(np.array([1.5])).dtypes == [("value", "double")]
    assert spark.createDataFrame(np.array([[1, 2]]), ["a", "b"]).columns == ["a", "b"]


def test_pandas_types(spark: SparkSession) -> None:
    frame = pd.DataFrame(
        {"x": [1.0, np.nan], "t": pd.to_datetime(["2024-01-01", "2024-01-02"]), "c": pd.Categorical(["a", "b"])}
    )
    df = spark.createDataFrame(frame)
    assert df.dtypes == [("x", "double"), ("t", "timestamp"), ("c", "string")]
    assert df.filter("x IS NULL").count() == 1
    again = df.orderBy("t").toPandas()
    assert list(again["t"]) == list(frame["t"])


def test_schemas_for_tables(spark: SparkSession) -> None:
    table = pa.table({"n": [1, 2], "s": ["x", "y"]})
    assert spark.createDataFrame(table, ["a", "b"]).columns == ["a", "b"]
    assert spark.createDataFrame(table, "a double, b string").dtypes == [("a", "double"), ("b", "string")]
    with pytest.raises(PySparkValueError):
        spark.createDataFrame(table, "a int")


def test_decimals_and_days(spark: SparkSession) -> None:
    row = (Decimal("1.50"), datetime.date(2024, 2, 29), datetime.timedelta(days=1, seconds=2))
    df = spark.createDataFrame([row], "d decimal(6,2), y date, i interval day to second")
    assert tuple(df.collect()[0]) == row


# Catalog


def test_catalog(spark: SparkSession) -> None:
    spark.range(2).createOrReplaceTempView("cat_a")
    assert spark.catalog.tableExists("cat_a")
    assert [t.name for t in spark.catalog.listTables(pattern="cat_*")] == ["cat_a"]
    assert spark.catalog.listColumns("cat_a")[0].dataType == "bigint"
    with pytest.raises(AnalysisException, match="already"):
        spark.range(1).createTempView("cat_a")
    assert spark.catalog.dropTempView("cat_a")
    assert not spark.catalog.dropTempView("cat_a")
    assert spark.catalog.listDatabases()[0].name == "default"
    with pytest.raises(AnalysisException):
        spark.catalog.setCurrentDatabase("other")


def test_cached_tables(spark: SparkSession) -> None:
    spark.range(3).createOrReplaceTempView("cat_b")
    spark.catalog.cacheTable("cat_b")
    assert spark.catalog.isCached("cat_b")
    assert spark.table("cat_b").count() == 3
    spark.catalog.clearCache()
    assert not spark.catalog.isCached("cat_b")
    with pytest.raises(AnalysisException, match="no table"):
        spark.catalog.cacheTable("nope")


def test_views_are_of_one_session_and_global_views_of_all(spark: SparkSession) -> None:
    other = spark.newSession()
    spark.range(2).createOrReplaceTempView("mine")
    with pytest.raises(AnalysisException):
        other.table("mine")
    spark.range(4).createOrReplaceGlobalTempView("ours")
    assert other.sql("SELECT count(*) AS n FROM global_temp.ours").collect() == [Row(n=4)]
    assert spark.newSession().table("global_temp.ours").count() == 4
    with pytest.raises(AnalysisException, match="already"):
        other.range(1).createGlobalTempView("ours")
    assert spark.catalog.dropGlobalTempView("ours")
    assert not other.catalog.dropGlobalTempView("ours")


# Contexts and rows for Python functions


def test_context(spark: SparkSession) -> None:
    sc = spark.sparkContext
    assert sc.master == "local[2]"
    assert sc.defaultParallelism >= 1
    assert sc.uiWebUrl is None
    sc.setLogLevel("WARN")
    with pytest.raises(IllegalArgumentException):
        sc.setLogLevel("LOUD")
    assert sc.parallelize([(1, "a")]).toDF(["n", "s"]).collect() == [Row(n=1, s="a")]


def test_word_count_with_functions(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("b a\na\n")
    lines = spark.read.text(str(tmp_path / "w.txt")).rdd.map(lambda row: row[0])
    counts = lines.flatMap(str.split).map(lambda w: (w, 1)).reduceByKey(lambda x, y: x + y).sortByKey()
    assert counts.collect() == [("a", 2), ("b", 1)]


def test_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "springald", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert springald.__version__ in done.stdout


# The same on a cluster


def test_a_cluster_answers_alike(cluster: SparkSession, spark: SparkSession) -> None:
    data = pa.table({"k": [1, 1, 2, None], "x": [1.0, 2.0, None, 4.0]})
    answers = []
    for session in (spark, cluster):
        df = session.createDataFrame(data)
        answers.append(df.groupBy("k").agg({"x": "sum", "*": "count"}).orderBy("k").collect())
    assert answers[0] == answers[1]
    assert cluster.sparkContext.uiWebUrl
    assert cluster.range(1000).count() == 1000
