"""Files and tables, read and written."""

from __future__ import annotations

import datetime
import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from springald.errors import AnalysisException, IllegalArgumentException, PySparkTypeError
from springald.sql import Row, SparkSession
from springald.sql.readwriter import _pattern


@pytest.fixture
def people(tmp_path: Path) -> str:
    (tmp_path / "people.csv").write_text("name;age;job\nJorge;30;Developer\nBob;32;\n")
    return str(tmp_path / "people.csv")


def test_csv_as_it_is(spark: SparkSession, people: str) -> None:
    df = spark.read.csv(people)
    assert df.columns == ["_c0"]
    assert df.collect()[0] == Row(_c0="name;age;job")
    df = spark.read.option("delimiter", ";").csv(people)
    assert df.dtypes == [("_c0", "string"), ("_c1", "string"), ("_c2", "string")]


def test_csv_options(spark: SparkSession, people: str) -> None:
    df = spark.read.csv(people, sep=";", header=True)
    assert df.dtypes == [("name", "string"), ("age", "string"), ("job", "string")]
    assert df.collect()[1] == Row(name="Bob", age="32", job=None)
    df = spark.read.options(SEP=";", HEADER="true", inferSchema=True).csv(people)
    assert dict(df.dtypes)["age"] in ("int", "bigint")


def test_csv_with_a_schema(spark: SparkSession, people: str) -> None:
    df = spark.read.schema("name string, age int, job string").csv(people, sep=";", header=True)
    assert df.collect()[0] == Row(name="Jorge", age=30, job="Developer")
    assert spark.read.csv(people, "a string, b int, c string", sep=";", header=True).columns == ["a", "b", "c"]


def test_quotes_nulls_and_lines(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('1,"a\nb"\n-,c\n')
    df = spark.read.csv(str(tmp_path / "q.csv"), multiLine=True, nullValue="-")
    assert sorted(map(str, df.collect())) == ["Row(_c0='1', _c1='a\\nb')", "Row(_c0=None, _c1='c')"]


def test_packed_files(spark: SparkSession, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "p.csv.gz", "wt") as out:
        out.write("1,2\n")
    assert spark.read.csv(str(tmp_path / "p.csv.gz")).collect() == [Row(_c0="1", _c1="2")]


def test_unknown_options_are_refused_with_what_there_is(spark: SparkSession, people: str) -> None:
    with pytest.raises(AnalysisException, match="headers") as error:
        spark.read.csv(people, headers=True)
    assert "header" in str(error.value)
    with pytest.raises(AnalysisException, match="UTF-8"):
        spark.read.csv(people, encoding="latin1")


def test_json(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"name":"Michael"}\n{"name":"Andy", "age":30}\n')
    df = spark.read.json(str(tmp_path / "p.json"))
    assert df.dtypes == [("age", "bigint"), ("name", "string")]
    assert df.orderBy("name").collect() == [Row(age=30, name="Andy"), Row(age=None, name="Michael")]
    assert spark.read.json(str(tmp_path / "p.json"), "name string").columns == ["name"]
    texts = spark.sparkContext.parallelize(['{"a": {"b": "x"}}'])
    assert spark.read.json(texts).collect() == [Row(a=Row(b="x"))]


def test_text(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\n\nb\n")
    df = spark.read.text(str(tmp_path / "t.txt"))
    assert df.dtypes == [("value", "string")]
    assert [row.value for row in df.collect()] == ["a", "", "b"]


def test_libsvm(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "p.libsvm").write_text("1 1:1.5 3:2\n0 2:1\n")
    df = spark.read.format("libsvm").load(str(tmp_path / "p.libsvm"))
    assert df.columns == ["label", "features"]
    assert "(3,[0,2],[1.5,2.0])" in df._show_string()


def test_parquet_and_modes(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "n")
    df = spark.range(3)
    df.write.parquet(path)
    with pytest.raises(AnalysisException):
        df.write.parquet(path)
    df.write.mode("ignore").parquet(path)
    assert spark.read.parquet(path).count() == 3
    df.write.mode("append").parquet(path)
    assert spark.read.parquet(path).count() == 6
    df.write.save(path, mode="overwrite", compression="zstd")
    assert spark.read.load(path).count() == 3
    df.write.parquet(path + "2")
    assert spark.read.parquet(path, path + "2").count() == 6
    with pytest.raises(IllegalArgumentException, match="upsert"):
        df.write.mode("upsert")


def test_every_type_through_parquet(spark: SparkSession, tmp_path: Path) -> None:
    row = (
        1,
        2.5,
        "x",
        True,
        Decimal("1.50"),
        datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
        [1, None],
        {"k": 1},
        Row(a=1, b="y"),
        bytearray(b"z"),
    )
    schema = (
        "i bigint, d double, s string, b boolean, m decimal(6,2), y date, t timestamp, l array<int>, "
        "k map<string,int>, r struct<a:int,b:string>, z binary"
    )
    df = spark.createDataFrame([row, (None,) * 11], schema)
    df.write.parquet(str(tmp_path / "all"))
    again = spark.read.parquet(str(tmp_path / "all"))
    assert again.dtypes == df.dtypes
    assert [tuple(r) for r in again.orderBy("i").collect()] == [(None,) * 11, row]


def test_partitions(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "p")
    df = spark.createDataFrame([(1, "a", 2024), (2, "b", 2025)], "n int, s string, year int")
    df.write.partitionBy("year").parquet(path)
    assert (tmp_path / "p" / "year=2024").is_dir()
    again = spark.read.parquet(path)
    assert again.columns == ["n", "s", "year"]
    assert again.filter("year = 2025").collect() == [Row(n=2, s="b", year=2025)]


def test_csv_json_and_text_written(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.createDataFrame([(1, "a,b"), (None, "c")], "n int, s string").coalesce(1)
    df.write.csv(str(tmp_path / "c"), header=True)
    text = "".join(f.read_text() for f in sorted((tmp_path / "c").iterdir()) if f.suffix == ".csv")
    assert text.splitlines()[0] == "n,s"
    assert '"a,b"' in text
    assert spark.read.csv(str(tmp_path / "c"), header=True, inferSchema=True).count() == 2
    df.write.json(str(tmp_path / "j"))
    assert spark.read.json(str(tmp_path / "j")).orderBy("n").collect() == [Row(n=None, s="c"), Row(n=1, s="a,b")]
    df.select("s").write.text(str(tmp_path / "t"))
    assert spark.read.text(str(tmp_path / "t")).count() == 2
    with pytest.raises(AnalysisException, match="one column"):
        df.write.text(str(tmp_path / "u"))
    df.write.csv(str(tmp_path / "g"), compression="gzip")
    assert any(f.name.endswith(".gz") for f in (tmp_path / "g").iterdir())


def test_dates_in_a_pattern(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.createDataFrame([(datetime.date(2024, 2, 29),)], "y date")
    df.write.csv(str(tmp_path / "d"), dateFormat="dd/MM/yyyy")
    assert spark.read.csv(str(tmp_path / "d")).collect() == [Row(_c0="29/02/2024")]
    assert _pattern("yyyy-MM-dd HH:mm:ss.SSS") == "%Y-%m-%d %H:%M:%S.%3f"
    with pytest.raises(IllegalArgumentException, match="Q"):
        _pattern("QQ")


def test_what_cannot_be_written(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.range(1)
    with pytest.raises(AnalysisException, match="more than one column `id`"):
        df.crossJoin(df).write.parquet(str(tmp_path / "x"))
    with pytest.raises(IllegalArgumentException, match="path"):
        df.write.save()
    with pytest.raises(IllegalArgumentException, match="path"):
        spark.read.load()
    with pytest.raises(PySparkTypeError):
        spark.read.schema(3)  # type: ignore[arg-type]


def test_missing_paths_are_named(spark: SparkSession) -> None:
    with pytest.raises(AnalysisException, match="/no/such/folder"):
        spark.read.parquet("/no/such/folder")
    with pytest.raises(AnalysisException, match="zip"):
        spark.read.format("zip").load(__file__)


def test_tables(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, "a")], "n int, s string")
    df.write.mode("overwrite").saveAsTable("rw_kept")
    with pytest.raises(AnalysisException):
        df.write.saveAsTable("rw_kept")
    df.write.insertInto("rw_kept")
    df.write.mode("append").saveAsTable("rw_kept")
    assert spark.table("rw_kept").count() == 3
    spark.range(1).select("id", spark.range(1).id.cast("string")).write.insertInto("rw_kept", overwrite=True)
    assert spark.table("rw_kept").count() == 1
    with pytest.raises(AnalysisException, match="columns"):
        spark.range(1).write.insertInto("rw_kept")
    spark.sql("DROP TABLE rw_kept")


def test_a_cluster_writes_and_reads(cluster: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "n")
    cluster.range(100).write.parquet(path)
    assert cluster.read.parquet(path).count() == 100


def test_files_of_others(spark: SparkSession, tmp_path: Path) -> None:
    table = pa.table({"s": pa.array(["a", None], pa.large_string()), "t": pa.array([1, 2], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "f.parquet")
    df = spark.read.parquet(str(tmp_path / "f.parquet"))
    assert df.count() == 2
    assert df.dtypes[0] == ("s", "string")
