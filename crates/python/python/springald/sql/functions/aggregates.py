"""Aggregate functions: sums, counts, firsts and lists."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr
from springald.sql._casts import as_text, coerce
from springald.sql._nodes import Build, Call, Literal, Star
from springald.sql._operators import divided_decimal
from springald.sql._types import bounded_decimal, is_string
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of
from springald.sql.functions._make import ColumnOrName, aggregate, call, lit_, taking

__all__ = [
    "any_value",
    "approx_count_distinct",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "collect_list",
    "collect_set",
    "count",
    "count_distinct",
    "count_if",
    "every",
    "first",
    "first_value",
    "grouping",
    "grouping_id",
    "last",
    "last_value",
    "listagg",
    "listagg_distinct",
    "max",
    "max_by",
    "mean",
    "min",
    "min_by",
    "product",
    "some",
    "string_agg",
    "string_agg_distinct",
    "sum",
    "sum_distinct",
    "try_avg",
    "try_sum",
]


def _agg(name: str, build: Build, *cols: Any, form: str | None = None) -> Column:
    return call(name, build, *cols, form=form, kind="aggregate")


def count(col: ColumnOrName) -> Column:
    """How many rows have a value; `*` counts rows.

    >>> spark.range(3).select(F.count("*")).first()[0]
    3
    """
    node = node_of(col)
    if isinstance(node, Star):
        node = Literal(1)

    def build(scope: Scope, value: Value) -> Value:
        return scope.aggregate("count", value)

    return Column(Call("count", (node,), build, kind="aggregate"))


def _distinct(scope: Scope, *values: Value) -> Value:
    if len(values) == 1:
        return scope.aggregate("count", values[0], distinct=True)
    # Rows with a null in any of the columns do not count.
    parts = [part for i, v in enumerate(values) for part in (scope.literal(f"c{i}"), v)]
    missing = values[0].is_null()
    for value in values[1:]:
        missing = missing.binary("or", value.is_null())
    struct = scope.call("named_struct", *parts)
    row = scope.case([(missing.unary("not"), struct)])
    return scope.aggregate("count", row, distinct=True)


def count_distinct(col: ColumnOrName, *cols: ColumnOrName) -> Column:
    """How many different values, or combinations of values, there are.

    >>> spark.range(4).select(F.count_distinct(F.col("id") % 2)).first()[0]
    2
    """
    every_one = (col, *cols)
    form = "count(DISTINCT " + ", ".join(f"{{{i}}}" for i in range(len(every_one))) + ")"
    return _agg("count", _distinct, *every_one, form=form)


def count_if(col: ColumnOrName) -> Column:
    """How many rows a condition holds for.

    >>> spark.range(4).select(F.count_if(F.col("id") > 1)).first()[0]
    2
    """

    def build(scope: Scope, value: Value) -> Value:
        one = scope.case([(coerce(value, pa.bool_()), scope.literal(1))])
        return scope.aggregate("count", one)

    return _agg("count_if", build, col)


def summand(value: Value) -> Value:
    """A number in the type that Spark sums it in."""
    value = taking("n", value, 0)
    if pt.is_integer(value.type):
        return value.cast(pa.int64())
    return value.cast(pa.float64()) if pt.is_floating(value.type) else value


def _sum(distinct: bool) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        if pt.is_duration(value.type):
            return scope.aggregate("sum", value.cast(pa.int64()), distinct=distinct).cast(value.type)
        return total(scope, value, distinct)

    return build


def total(scope: Scope, value: Value, distinct: bool = False, safe: bool = False) -> Value:
    """The sum of numbers. Integers past 64 bits are an error, or null with `safe`."""
    exact = value.type == pa.int64()
    number = summand(value)
    if not exact:
        # Sums of 32 bits stay within 64.
        return scope.aggregate("sum", number, distinct=distinct)
    # The engine's sum of 64 bits goes round; that of decimals has digits to spare, and is as fast.
    wide = scope.aggregate("sum", number.cast(pa.decimal128(20, 0)), distinct=distinct)
    return wide.cast(pa.int64(), safe)


def sum(col: ColumnOrName) -> Column:
    """The sum, null without values.

    >>> spark.range(4).select(F.sum("id")).first()[0]
    6
    """
    return _agg("sum", _sum(False), col)


def sum_distinct(col: ColumnOrName) -> Column:
    """The sum of the different values.

    >>> spark.range(4).select(F.sum_distinct(F.col("id") % 2)).first()[0]
    1
    """
    return _agg("sum", _sum(True), col, form="sum(DISTINCT {0})")


def try_sum(col: ColumnOrName) -> Column:
    """The sum, or null where it overflows.

    >>> spark.range(4).select(F.try_sum("id")).first()[0]
    6
    """

    def build(scope: Scope, value: Value) -> Value:
        return total(scope, value, safe=True)

    return _agg("try_sum", build, col)


def _avg(scope: Scope, value: Value) -> Value:
    value = taking("n", value, 0)
    if pt.is_duration(value.type):
        mean = scope.aggregate("avg", value.cast(pa.int64()).cast(pa.float64()))
        return scope.call("round", mean).cast(pa.int64()).cast(value.type)
    if not pt.is_decimal(value.type):
        return scope.aggregate("avg", value.cast(pa.float64()))
    # The engine cuts the mean of decimals, Spark rounds it.
    kind = bounded_decimal(value.type.precision + 4, value.type.scale + 4)
    count = scope.aggregate("count", value).cast(pa.decimal128(20, 0))
    some = scope.call("nullif", count, scope.literal(0, pa.int32()).cast(count.type))
    return divided_decimal(scope.aggregate("sum", value), some, kind)


def avg(col: ColumnOrName) -> Column:
    """The mean.

    >>> spark.range(4).select(F.avg("id")).first()[0]
    1.5
    """
    return _agg("avg", _avg, col)


def mean(col: ColumnOrName) -> Column:
    """The mean.

    >>> spark.range(4).select(F.mean("id")).first()[0]
    1.5
    """
    return avg(col)


def try_avg(col: ColumnOrName) -> Column:
    """The mean, or null where it overflows.

    >>> spark.range(4).select(F.try_avg("id")).first()[0]
    1.5
    """
    return _agg("try_avg", _avg, col)


def _extreme(function: str) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        if pt.is_floating(value.type) and scope.over is None:
            # With a condition the engine looks at the values: the statistics of Parquet files know no NaN.
            return scope.aggregate(function, value, condition=value.is_not_null())
        return scope.aggregate(function, value)

    return build


def min(col: ColumnOrName) -> Column:
    """The least value.

    >>> spark.range(4).select(F.min("id")).first()[0]
    0
    """
    return _agg("min", _extreme("min"), col)


def max(col: ColumnOrName) -> Column:
    """The greatest value.

    >>> spark.range(4).select(F.max("id")).first()[0]
    3
    """
    return _agg("max", _extreme("max"), col)


def _by(least: bool) -> Build:
    def build(scope: Scope, value: Value, order: Value) -> Value:
        if scope.over is None:
            return scope.aggregate(
                "first_value", value, condition=order.is_not_null(), order_by=[order.expr.sort(least, False)]
            )
        # Windows have an order of their own: the extreme of pairs does without one.
        pair = scope.call("named_struct", "by", order, "value", value)
        found = scope.aggregate("min" if least else "max", scope.case([(order.is_not_null(), pair)]))
        return scope.value(found.expr.member("value"))

    return build


def min_by(col: ColumnOrName, ord: ColumnOrName) -> Column:
    """The value of the row where another column is least.

    >>> spark.range(4).select(F.min_by("id", -F.col("id"))).first()[0]
    3
    """
    return _agg("min_by", _by(True), col, ord)


def max_by(col: ColumnOrName, ord: ColumnOrName) -> Column:
    """The value of the row where another column is greatest.

    >>> spark.range(4).select(F.max_by("id", -F.col("id"))).first()[0]
    0
    """
    return _agg("max_by", _by(False), col, ord)


def _nth(function: str, ignore: bool) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        if scope.over is None and ignore:
            return scope.aggregate(function, value, condition=value.is_not_null())
        return scope.aggregate(function, value, ignore_nulls=ignore)

    return build


def _flag(value: bool | Column | None) -> bool:
    if isinstance(value, Column):
        return bool(isinstance(value._node, Literal) and value._node.value)
    return bool(value)


def first(col: ColumnOrName, ignorenulls: bool = False) -> Column:
    """The first value in the order of rows.

    >>> spark.range(4).orderBy("id").select(F.first("id")).first()[0]
    0
    """
    return _agg("first", _nth("first_value", ignorenulls), col)


def first_value(col: ColumnOrName, ignoreNulls: bool | Column | None = None) -> Column:
    """The first value in the order of rows.

    >>> spark.range(4).orderBy("id").select(F.first_value("id")).first()[0]
    0
    """
    return _agg("first_value", _nth("first_value", _flag(ignoreNulls)), col)


def last(col: ColumnOrName, ignorenulls: bool = False) -> Column:
    """The last value in the order of rows.

    >>> spark.range(4).orderBy("id").select(F.last("id")).first()[0]
    3
    """
    return _agg("last", _nth("last_value", ignorenulls), col)


def last_value(col: ColumnOrName, ignoreNulls: bool | Column | None = None) -> Column:
    """The last value in the order of rows.

    >>> spark.range(4).orderBy("id").select(F.last_value("id")).first()[0]
    3
    """
    return _agg("last_value", _nth("last_value", _flag(ignoreNulls)), col)


def any_value(col: ColumnOrName, ignoreNulls: bool | Column | None = None) -> Column:
    """Some value.

    >>> spark.range(1).select(F.any_value("id")).first()[0]
    0
    """
    return _agg("any_value", _nth("first_value", _flag(ignoreNulls)), col)


def _collected(function: str) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        distinct = function == "set"
        if scope.over is not None:
            found = scope.call("array_compact", scope.aggregate("array_agg", value))
            found = scope.call("array_distinct", found) if distinct else found
        else:
            found = scope.aggregate("array_agg", value, distinct=distinct, condition=value.is_not_null())
        return scope.call("coalesce", found, scope.literal([], found.type))

    return build


def collect_list(col: ColumnOrName) -> Column:
    """The values as an array, nulls left out.

    >>> spark.range(2).select(F.sort_array(F.collect_list("id"))).first()[0]
    [0, 1]
    """
    return _agg("collect_list", _collected("list"), col)


def array_agg(col: ColumnOrName) -> Column:
    """The values as an array, nulls left out.

    >>> spark.range(2).select(F.sort_array(F.array_agg("id"))).first()[0]
    [0, 1]
    """
    return _agg("collect_list", _collected("list"), col)


def collect_set(col: ColumnOrName) -> Column:
    """The different values as an array, nulls left out.

    >>> spark.range(4).select(F.sort_array(F.collect_set(F.col("id") % 2))).first()[0]
    [0, 1]
    """
    return _agg("collect_set", _collected("set"), col)


def approx_count_distinct(col: ColumnOrName, rsd: float | None = None) -> Column:
    """About how many different values there are, to a few percent.

    >>> spark.range(4).select(F.approx_count_distinct(F.col("id") % 2)).first()[0]
    2
    """

    def build(scope: Scope, value: Value) -> Value:
        if not (pt.is_integer(value.type) or is_string(value.type)):
            value = as_text(value)
        return scope.aggregate("approx_distinct", value).cast(pa.int64())

    return _agg("approx_count_distinct", build, col)


def _bits(function: str) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        return scope.aggregate(function, value)

    return build


def bit_and(col: ColumnOrName) -> Column:
    """The bits set in every value.

    >>> spark.range(2, 4).select(F.bit_and("id")).first()[0]
    2
    """
    return _agg("bit_and", _bits("bit_and"), col)


def bit_or(col: ColumnOrName) -> Column:
    """The bits set in some value.

    >>> spark.range(1, 3).select(F.bit_or("id")).first()[0]
    3
    """
    return _agg("bit_or", _bits("bit_or"), col)


def bit_xor(col: ColumnOrName) -> Column:
    """The bits set in an odd number of values.

    >>> spark.range(2, 4).select(F.bit_xor("id")).first()[0]
    1
    """
    return _agg("bit_xor", _bits("bit_xor"), col)


def bool_and(col: ColumnOrName) -> Column:
    """Whether every value is true.

    >>> spark.range(2).select(F.bool_and(F.col("id") > 0)).first()[0]
    False
    """
    return _agg("bool_and", aggregate("bool_and", "b"), col)


def every(col: ColumnOrName) -> Column:
    """Whether every value is true.

    >>> spark.range(2).select(F.every(F.col("id") >= 0)).first()[0]
    True
    """
    return _agg("every", aggregate("bool_and", "b"), col)


def bool_or(col: ColumnOrName) -> Column:
    """Whether some value is true.

    >>> spark.range(2).select(F.bool_or(F.col("id") > 0)).first()[0]
    True
    """
    return _agg("bool_or", aggregate("bool_or", "b"), col)


def some(col: ColumnOrName) -> Column:
    """Whether some value is true.

    >>> spark.range(2).select(F.some(F.col("id") > 5)).first()[0]
    False
    """
    return _agg("some", aggregate("bool_or", "b"), col)


def product(col: ColumnOrName) -> Column:
    """The product of the values.

    >>> spark.range(1, 5).select(F.product("id")).first()[0]
    24.0
    """

    def build(scope: Scope, value: Value) -> Value:
        number = taking("d", value, 0)
        condition = number.is_not_null() if scope.over is None else None
        items = scope.aggregate("array_agg", number, condition=condition)
        return scope.call("array_product", scope.call("array_compact", items))

    return _agg("product", build, col)


def _texts(distinct: bool) -> Build:
    def build(scope: Scope, value: Value, between: Value) -> Value:
        separator = scope.literal("") if pt.is_null(between.type) else as_text(between)
        return scope.aggregate("string_agg", as_text(value), separator, distinct=distinct)

    return build


def listagg(col: ColumnOrName, delimiter: Column | str | bytes | None = None) -> Column:
    """The values as one text with a text between.

    >>> spark.createDataFrame([("a",), ("a",)], ["s"]).select(F.listagg("s", F.lit("-"))).first()[0]
    'a-a'
    """
    return _agg("listagg", _texts(False), col, lit_(delimiter))


def listagg_distinct(col: ColumnOrName, delimiter: Column | str | bytes | None = None) -> Column:
    """The different values as one text with a text between.

    >>> spark.createDataFrame([("a",), ("a",)], ["s"]).select(F.listagg_distinct("s")).first()[0]
    'a'
    """
    return _agg("listagg", _texts(True), col, lit_(delimiter), form="listagg(DISTINCT {0}, {1})")


def string_agg(col: ColumnOrName, delimiter: Column | str | bytes | None = None) -> Column:
    """The values as one text with a text between.

    >>> spark.createDataFrame([("a",), ("a",)], ["s"]).select(F.string_agg("s", F.lit("-"))).first()[0]
    'a-a'
    """
    return _agg("string_agg", _texts(False), col, lit_(delimiter))


def string_agg_distinct(col: ColumnOrName, delimiter: Column | str | bytes | None = None) -> Column:
    """The different values as one text with a text between.

    >>> spark.createDataFrame([("a",), ("a",)], ["s"]).select(F.string_agg_distinct("s")).first()[0]
    'a'
    """
    return _agg("string_agg", _texts(True), col, lit_(delimiter), form="string_agg(DISTINCT {0}, {1})")


def grouping(col: ColumnOrName) -> Column:
    """1 in rows of rollup and cube over all values of a column, else 0.

    >>> df = spark.createDataFrame([("a", 1)], ["k", "v"])
    >>> [row.g for row in df.rollup("k").agg(F.grouping("k").alias("g")).orderBy("g").collect()]
    [0, 1]
    """

    def build(scope: Scope, value: Value) -> Value:
        return scope.aggregate("grouping", value).cast(pa.int8())

    return _agg("grouping", build, col)


def grouping_id(*cols: ColumnOrName) -> Column:
    """A number whose bits tell which columns a row of rollup and cube is over all values of; without arguments, of all.

    >>> df = spark.createDataFrame([("a", 1)], ["k", "v"])
    >>> [row.g for row in df.cube("k", "v").agg(F.grouping_id("k", "v").alias("g")).orderBy("g").collect()]
    [0, 1, 2, 3]
    """

    def build(scope: Scope, *values: Value) -> Value:
        if not values:
            values = tuple(scope.value(Expr.field(group.field)) for group in scope.relation.groups)
        total = scope.literal(0, pa.int64())
        for value in values:
            bit = scope.aggregate("grouping", value).cast(pa.int64())
            total = total.binary("*", scope.literal(2, pa.int64())).binary("+", bit)
        return total

    return _agg("grouping_id", build, *cols)
