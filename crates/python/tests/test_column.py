"""Columns: what PySpark's table of expressions does not show: errors, labels without a DataFrame, and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import springald.sql.functions as F
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, SparkRuntimeException
from springald.sql import Column, DataFrame, SparkSession, Window


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    rows = [(1, "a", [1, 2], {"k": 1}, (5, "x")), (2, None, None, None, None)]
    return spark.createDataFrame(rows, "i int, s string, l array<int>, m map<string,int>, p struct<a:int,b:string>")


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: F.col("a") + 1, "Column<'(a + 1)'>"),
        (lambda: F.col("a").alias("b"), "Column<'a AS b'>"),
        (lambda: F.col("a.b"), "Column<'a.b'>"),
        (lambda: F.col("`a.b`").cast("int"), "Column<'CAST(a.b AS INT)'>"),
        (lambda: F.sum("x").over(Window.partitionBy("k")), None),
        (lambda: F.lit(None), "Column<'NULL'>"),
        (lambda: F.col("a").desc(), "Column<'a DESC NULLS LAST'>"),
        (lambda: F.count("*"), "Column<'count(1)'>"),
        (lambda: F.explode("a"), "Column<'explode(a)'>"),
    ],
)
def test_columns_are_shown_without_a_session(made: Callable[[], Column], shown: str | None) -> None:
    text = repr(made())
    assert text.startswith("Column<'")
    assert shown is None or text == shown


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda c: bool(c), "use &"),
        (lambda c: c and c, "use &"),
        (lambda c: 1 in c, "isin"),
        (lambda c: list(c), "collect"),
        (lambda c: c.when(c, 1), "when"),
        (lambda c: c.otherwise(1), "otherwise"),
        (lambda c: F.when(c, 1).otherwise(2).otherwise(3), "otherwise"),
        (lambda c: F.when(True, 1), "Column"),  # type: ignore[arg-type]
        (lambda c: c.substr(1, c), "substr"),
        (lambda c: c.cast(5), "type"),
        (lambda c: c.alias(), "name"),
        (lambda c: c + {"a": 1}, "dict"),
        (lambda c: F.lit({1}), "set"),
        (lambda c: F.upper(None), "Column or the name"),  # type: ignore[arg-type]
        (lambda c: F.lit(1 << 70), "bigint"),
    ],
)
def test_misuse_says_what_to_do(use: Callable[[Column], Any], error: str, df: DataFrame) -> None:
    with pytest.raises((PySparkTypeError, PySparkValueError), match=error):
        df.select(use(F.col("i")))


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (lambda: F.col("nope"), "did you mean|there are"),
        (lambda: F.col("p.c"), "no field `c`"),
        (lambda: F.col("i.x"), "no field `x`"),
        (lambda: F.col("i")[0], "no items"),
        (lambda: F.col("l") + 1, "cast one"),
        (lambda: F.col("i") & F.col("s"), "parentheses"),
        (lambda: F.col("i") == F.current_date(), "cannot be compared"),
        (lambda: F.year("i"), "timestamp"),
        (lambda: F.sqrt("l"), "number"),
        (lambda: F.size("i"), "array"),
        (lambda: F.rank(), "over"),
        (lambda: F.col("i").cast("date"), "cannot be cast"),
        (lambda: F.col("p").dropFields("a", "b"), "at least one"),
        (lambda: F.count_distinct("i").over(Window.partitionBy("s")), "distinct"),
    ],
)
def test_what_cannot_be(column: Callable[[], Column], error: str, df: DataFrame) -> None:
    with pytest.raises(AnalysisException, match=error):
        df.select(column()).collect()


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (lambda: F.col("i") / 0, "DIVIDE_BY_ZERO"),
        (lambda: F.col("i") + 2147483647, "overflow"),
        (lambda: F.raise_error(F.lit("my words")), "my words"),
        (lambda: F.assert_true(F.col("i") > 1), "is not true"),
        (lambda: F.col("s").cast("int"), "a"),
        (lambda: F.col("l")[7], "INVALID_ARRAY_INDEX"),
    ],
)
def test_what_fails_on_the_way(column: Callable[[], Column], error: str, df: DataFrame) -> None:
    with pytest.raises(SparkRuntimeException, match=error):
        df.select(column()).collect()


def test_failures_are_only_where_they_are_computed(df: DataFrame) -> None:
    guarded = F.when(F.col("i") > 5, F.raise_error(F.lit("never"))).otherwise(F.lit(None))
    assert df.select(guarded.alias("x")).collect() == [(None,), (None,)]
    with pytest.raises(SparkRuntimeException, match="always"):
        df.select(F.raise_error(F.lit("always")).cast("double")).collect()
    with pytest.raises(SparkRuntimeException, match="once"):
        df.select(F.when(F.col("i") > 1, F.raise_error(F.lit("once"))).otherwise(F.lit(1))).collect()
    assert df.filter(F.col("i") > 5).select(F.col("i") / 0).collect() == []


def test_numpy_scalars(df: DataFrame) -> None:
    found = df.select((F.col("i") + np.int64(2)).alias("a"), F.lit(np.float32(1.5)).alias("b"))
    assert [f.dataType.simpleString() for f in found.schema] == ["bigint", "float"]
    assert found.first() == (3, 1.5)


def test_names_whatever_their_case(df: DataFrame) -> None:
    assert df.select("I", F.col("P.A")).columns == ["I", "A"]


def test_fields_by_attribute(df: DataFrame) -> None:
    assert df.select(df.p.a, df.p["b"], df["p"].getField("a").alias("c")).first() == (5, "x", 5)


def test_columns_of_a_dataframe_live_on(df: DataFrame) -> None:
    later = df.withColumn("i", F.col("i") * 10).filter(df.s.isNotNull())
    assert later.select("i").first() == (10,)


def test_snake_case_twins() -> None:
    for camel, snake in [("isNull", "is_null"), ("getItem", "get_item"), ("eqNullSafe", "eq_null_safe")]:
        assert getattr(Column, camel) is getattr(Column, snake)
