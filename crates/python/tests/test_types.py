"""Types: names, DDL, JSON, Arrow; rows of Python values and tables of them."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from springald.errors import ParseException, PySparkTypeError, PySparkValueError
from springald.sql import types as t

EVERY = t.StructType(
    [
        t.StructField("a", t.ByteType()),
        t.StructField("b", t.ShortType()),
        t.StructField("c", t.IntegerType(), False),
        t.StructField("d", t.LongType()),
        t.StructField("e", t.FloatType()),
        t.StructField("f", t.DoubleType()),
        t.StructField("g", t.DecimalType(12, 3)),
        t.StructField("h", t.StringType()),
        t.StructField("i", t.BinaryType()),
        t.StructField("j", t.BooleanType()),
        t.StructField("k", t.DateType()),
        t.StructField("l", t.TimestampType()),
        t.StructField("m", t.TimestampNTZType()),
        t.StructField("n", t.ArrayType(t.IntegerType(), False)),
        t.StructField("o", t.MapType(t.StringType(), t.DoubleType(), False)),
        t.StructField("p", t.StructType().add("x", t.DateType()).add("y", t.ArrayType(t.StringType()))),
        t.StructField("q", t.DayTimeIntervalType()),
        t.StructField("r", t.TimeType()),
    ]
)


def test_json_round_trip() -> None:
    assert t.StructType.fromJson(EVERY.jsonValue()) == EVERY


def test_arrow_round_trip() -> None:
    assert t.StructType.fromArrow(EVERY.toArrow()) == EVERY


def test_ddl_round_trip() -> None:
    plain = t.StructType([f for f in EVERY if f.nullable and f.name not in "no"])
    ddl = ", ".join(f"{f.name} {f.dataType.simpleString()}" for f in plain)
    assert t.parse_ddl(ddl) == plain


@pytest.mark.parametrize(
    ("ddl", "kind"),
    [
        ("int", t.IntegerType()),
        ("decimal(5,2)", t.DecimalType(5, 2)),
        ("decimal", t.DecimalType(10, 0)),
        ("array<map<string, struct<a: int, b: array<date>>>>", None),
        ("interval day to second", t.DayTimeIntervalType()),
        ("varchar(10)", t.VarcharType(10)),
        ("timestamp_ntz", t.TimestampNTZType()),
        ("a int NOT NULL COMMENT 'the first'", None),
        ("`odd name` string, b: bigint", t.StructType().add("odd name", "string").add("b", "bigint")),
    ],
)
def test_ddl(ddl: str, kind: t.DataType | None) -> None:
    found = t.parse_type(ddl)
    assert kind is None or found == kind


@pytest.mark.parametrize("ddl", ["", "in", "a int,, b int", "array<int", "decimal(a)", "a int b", "map<int>"])
def test_bad_ddl(ddl: str) -> None:
    with pytest.raises(ParseException):
        t.parse_type(ddl)


def test_not_null_and_comment() -> None:
    field = t.parse_ddl("a int NOT NULL COMMENT 'the first'")["a"]
    assert (field.nullable, field.metadata) == (False, {"comment": "the first"})


def test_simple_strings() -> None:
    assert EVERY.simpleString() == (
        "struct<a:tinyint,b:smallint,c:int,d:bigint,e:float,f:double,g:decimal(12,3),h:string,i:binary,j:boolean,"
        "k:date,l:timestamp,m:timestamp_ntz,n:array<int>,o:map<string,double>,p:struct<x:date,y:array<string>>,"
        "q:interval day to second,r:time(6)>"
    )


def test_struct_access() -> None:
    assert EVERY["c"] is EVERY[2]
    assert EVERY[:2].names == ["a", "b"]
    assert len(EVERY) == 18
    with pytest.raises(KeyError, match="nope"):
        EVERY["nope"]


def test_impossible_decimal() -> None:
    with pytest.raises(PySparkValueError, match="39"):
        t.DecimalType(39, 0)


def test_types_are_values() -> None:
    assert {t.LongType(), t.LongType(), t.ArrayType(t.LongType())} == {t.LongType(), t.ArrayType(t.LongType())}
    assert t.DecimalType(5, 2) != t.DecimalType(5, 3)
    assert pickle.loads(pickle.dumps(EVERY)) == EVERY


class TestRow:
    def test_access(self) -> None:
        row = t.Row(name="Ada", age=36)
        assert (row.name, row["age"], row[0], len(row), tuple(row)) == ("Ada", 36, "Ada", 2, ("Ada", 36))
        assert "age" in row
        assert row == ("Ada", 36)
        assert repr(row) == "Row(name='Ada', age=36)"

    def test_class(self) -> None:
        person = t.Row("name", "age")
        assert person("Ada", 36).asDict() == {"name": "Ada", "age": 36}
        assert repr(person) == "<Row('name', 'age')>"
        with pytest.raises(PySparkValueError):
            person(1, 2, 3)

    def test_as_dict(self) -> None:
        row = t.Row(a=[t.Row(b=1)], c={"k": t.Row(d=2)})
        assert row.asDict(True) == {"a": [{"b": 1}], "c": {"k": {"d": 2}}}

    def test_pickle(self) -> None:
        row = t.Row(a=1, b=t.Row(c=2))
        again = pickle.loads(pickle.dumps(row))
        assert again == row
        assert again.b.c == 2

    def test_refusals(self) -> None:
        row = t.Row(a=1)
        with pytest.raises(AttributeError):
            row.b  # noqa: B018
        with pytest.raises(PySparkValueError):
            row["b"]
        with pytest.raises(RuntimeError):
            row.a = 2


VALUES: dict[str, Any] = {
    "a": 1, "b": 2, "c": 3, "d": 1 << 40, "e": 1.5, "f": 2.5, "g": Decimal("1.250"), "h": "ä", "i": b"\x01", "j": True,
    "k": date(2024, 2, 29), "l": datetime(2024, 2, 29, 12, 30), "m": datetime(1969, 1, 1, 1, 2, 3, 4),
    "n": [1, 2], "o": {"k": 1.5}, "p": (date(2000, 1, 1), ["x", None]), "q": timedelta(days=1, microseconds=5),
    "r": time(1, 2, 3),
}  # fmt: skip


def test_values_round_trip() -> None:
    table = t.create_table([tuple(VALUES.values()), {"c": 5}], EVERY)
    first, second = t.rows(table, EVERY.names)
    assert first.asDict() == {**VALUES, "i": bytearray(b"\x01")}
    assert second == tuple(5 if name == "c" else None for name in EVERY.names)
    assert first.p.y == ["x", None]


def test_moments_are_of_this_process() -> None:
    table = t.create_table([(datetime(2024, 1, 1, tzinfo=UTC),)], "a timestamp")
    assert table["a"].type == pa.timestamp("us", "UTC")
    assert t.rows(table, ["a"])[0].a == datetime.fromtimestamp(1704067200)


def test_rows_of_other_arrow_types() -> None:
    table = pa.table(
        {
            "ns": pa.array([1], pa.timestamp("ns")),
            "view": pa.array(["x"], pa.string_view()),
            "dict": pa.array(["x"]).dictionary_encode(),
            "large": pa.array([[1]], pa.large_list(pa.int32())),
            "unsigned": pa.array([7], pa.uint64()),
        }
    )
    assert t.rows(table, table.schema.names)[0] == (datetime(1970, 1, 1), "x", "x", [1], 7)
    kinds = [f.dataType.simpleString() for f in t.StructType.fromArrow(table.schema)]
    assert kinds == ["timestamp_ntz", "string", "string", "array<int>", "bigint"]


def test_sliced_batches() -> None:
    table = t.create_table(
        [([i], {"k": i}, (i, [i])) for i in range(5)], "l array<int>, m map<string,int>, s struct<a:int,b:array<int>>"
    )
    assert t.rows(table.slice(3, 1), ["l", "m", "s"])[0] == ([3], {"k": 3}, (3, [3]))


class Pair(NamedTuple):
    x: int
    y: date


class Thing:
    def __init__(self) -> None:
        self.b, self.a = "x", 1


@pytest.mark.parametrize(
    ("data", "names", "wanted"),
    [
        ([(1, "a")], None, "_1:bigint,_2:string"),
        ([(1, "a")], ["n", "s"], "n:bigint,s:string"),
        ([(1, "a")], ["n"], "n:bigint,_2:string"),
        ([{"b": 1.5, "a": None}, {"a": True}], None, "a:boolean,b:double"),
        ([t.Row(b=1, a=b"x")], None, "b:bigint,a:binary"),
        ([Thing()], None, "a:bigint,b:string"),
        ([Pair(1, date(2024, 1, 1))], None, "x:bigint,y:date"),
        ([([1, None], {"k": Decimal(1)})], None, "_1:array<bigint>,_2:map<string,decimal(38,18)>"),
        ([(1,), ("a",)], None, "_1:string"),
        ([((1, "x"),)], None, "_1:struct<_1:bigint,_2:string>"),
        ([(datetime(2024, 1, 1), timedelta(1))], None, "_1:timestamp,_2:interval day to second"),
        ([(np.int64(1), np.float32(1.5), np.array([1.5]))], None, "_1:bigint,_2:double,_3:array<double>"),
    ],
)
def test_inference(data: list[Any], names: list[str] | None, wanted: str) -> None:
    assert t.infer_schema(data, names).simpleString() == f"struct<{wanted}>"
    assert t.create_table(data, names).num_rows == len(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [([], "EMPTY"), ([(None,)], "DETERMINE"), ([(1,), (1.5,)], "MERGE"), ([1, 2], "SCHEMA_FOR_TYPE")],
)
def test_what_cannot_be_inferred(data: list[Any], error: str) -> None:
    with pytest.raises((PySparkValueError, PySparkTypeError), match=error):
        t.create_table(data)


@pytest.mark.parametrize(
    ("data", "schema"),
    [
        ([("x",)], "a int"),
        ([(1,)], "a double"),
        ([(True,)], "a int"),
        ([(300,)], "a tinyint"),
        ([(None,)], "a int NOT NULL"),
        ([(1, 2)], "a int"),
        ([([None],)], None),
        ([("2024-01-01",)], "a date"),
        ([5], "a int"),
    ],
)
def test_verification(data: list[Any], schema: str | None) -> None:
    kind = schema or t.StructType().add("a", t.ArrayType(t.IntegerType(), False))
    with pytest.raises((PySparkValueError, PySparkTypeError)):
        t.create_table(data, kind)


def test_text_takes_anything() -> None:
    assert t.create_table([(1,), (True,), (None,)], "a string")["a"].to_pylist() == ["1", "true", None]


def test_single_values() -> None:
    table = t.create_table([1, None], "int")
    assert table.to_pydict() == {"value": [1, None]}


def test_decimals_are_rounded_to_their_scale() -> None:
    table = t.create_table([(Decimal("1.005"),), (Decimal("NaN"),)], "a decimal(5,2)")
    assert table["a"].to_pylist() == [Decimal("1.01"), None]
