"""Aggregate functions of statistics: spread, correlation, regression and percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkValueError
from springald.sql._nodes import Build
from springald.sql._types import Kind
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, aggregate, call, lit_, taking

__all__ = [
    "approx_percentile",
    "corr",
    "covar_pop",
    "covar_samp",
    "kurtosis",
    "median",
    "mode",
    "percentile",
    "percentile_approx",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "skewness",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var_pop",
    "var_samp",
    "variance",
]


def _agg(name: str, build: Build, *cols: Any) -> Column:
    return call(name, build, *cols, kind="aggregate")


def stddev(col: ColumnOrName) -> Column:
    """The standard deviation of a sample; null for one value.

    >>> spark.range(3).select(F.stddev("id")).first()[0]
    1.0
    """
    return _agg("stddev", aggregate("stddev", "d"), col)


def std(col: ColumnOrName) -> Column:
    """The standard deviation of a sample.

    >>> spark.range(3).select(F.std("id")).first()[0]
    1.0
    """
    return _agg("std", aggregate("stddev", "d"), col)


def stddev_samp(col: ColumnOrName) -> Column:
    """The standard deviation of a sample.

    >>> spark.range(3).select(F.stddev_samp("id")).first()[0]
    1.0
    """
    return _agg("stddev_samp", aggregate("stddev", "d"), col)


def stddev_pop(col: ColumnOrName) -> Column:
    """The standard deviation of all there is.

    >>> spark.range(2).select(F.stddev_pop("id")).first()[0]
    0.5
    """
    return _agg("stddev_pop", aggregate("stddev_pop", "d"), col)


def variance(col: ColumnOrName) -> Column:
    """The variance of a sample; null for one value.

    >>> spark.range(3).select(F.variance("id")).first()[0]
    1.0
    """
    return _agg("variance", aggregate("var_samp", "d"), col)


def var_samp(col: ColumnOrName) -> Column:
    """The variance of a sample.

    >>> spark.range(3).select(F.var_samp("id")).first()[0]
    1.0
    """
    return _agg("var_samp", aggregate("var_samp", "d"), col)


def var_pop(col: ColumnOrName) -> Column:
    """The variance of all there is.

    >>> spark.range(2).select(F.var_pop("id")).first()[0]
    0.25
    """
    return _agg("var_pop", aggregate("var_pop", "d"), col)


def _moments(scope: Scope, value: Value, most: int) -> list[Value]:
    """The second to the third or fourth central moment.

    They are told by variances and a covariance, which the engine sums around the mean: sums of the powers themselves
    would lose many more digits where the mean is large.
    """
    x = taking("d", value, 0)
    square = x.binary("*", x)
    mean, second = scope.aggregate("avg", x), scope.aggregate("var_pop", x)
    third = scope.aggregate("covar_pop", x, square).binary("-", mean.binary("*", second).binary("*", 2.0))
    if most == 3:
        return [second, third]
    fourth = scope.aggregate("var_pop", square).binary("-", mean.binary("*", third).binary("*", 4.0))
    fourth = fourth.binary("-", mean.binary("*", mean).binary("*", second).binary("*", 4.0))
    return [second, third, fourth.binary("+", second.binary("*", second))]


def skewness(col: ColumnOrName) -> Column:
    """How far the values lean to one side of their mean.

    >>> spark.range(3).select(F.skewness("id")).first()[0]
    0.0
    """

    def build(scope: Scope, value: Value) -> Value:
        second, third = _moments(scope, value, 3)
        result = third.binary("/", scope.call("power", second, 1.5))
        return scope.case([(second.binary(">", 0.0), result)])

    return _agg("skewness", build, col)


def kurtosis(col: ColumnOrName) -> Column:
    """How heavy the ends of the distribution are, 0 for the normal one.

    >>> spark.range(3).select(F.round(F.kurtosis("id"), 6)).first()[0]
    -1.5
    """

    def build(scope: Scope, value: Value) -> Value:
        second, _, fourth = _moments(scope, value, 4)
        result = fourth.binary("/", second.binary("*", second)).binary("-", 3.0)
        return scope.case([(second.binary(">", 0.0), result)])

    return _agg("kurtosis", build, col)


def _paired(function: str, result: Kind | None = None) -> Build:
    return aggregate(function, "d", result)


def corr(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """Pearson's correlation.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> round(df.select(F.corr("y", "x")).first()[0], 9)
    1.0
    """

    def build(scope: Scope, a: Value, b: Value) -> Value:
        a, b = taking("d", a, 0), taking("d", b, 0)
        both = scope.case([(a.is_not_null().binary("and", b.is_not_null()), scope.literal(1))])
        found = scope.aggregate("corr", a, b)
        # One pair, or none, has no correlation.
        return scope.case([(scope.aggregate("count", both).binary(">", 1), found)])

    return _agg("corr", build, col1, col2)


def covar_pop(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The covariance of all there is.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.covar_pop("y", "x")).first()[0]
    0.5
    """
    return _agg("covar_pop", _paired("covar_pop"), col1, col2)


def covar_samp(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The covariance of a sample.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.covar_samp("y", "x")).first()[0]
    1.0
    """
    return _agg("covar_samp", _paired("covar_samp"), col1, col2)


def regr_count(y: ColumnOrName, x: ColumnOrName) -> Column:
    """How many pairs are complete.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_count("y", "x")).first()[0]
    2
    """
    return _agg("regr_count", _paired("regr_count", pa.int64()), y, x)


def regr_avgx(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The mean of x over complete pairs.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_avgx("y", "x")).first()[0]
    3.0
    """
    return _agg("regr_avgx", _paired("regr_avgx"), y, x)


def regr_avgy(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The mean of y over complete pairs.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_avgy("y", "x")).first()[0]
    1.5
    """
    return _agg("regr_avgy", _paired("regr_avgy"), y, x)


def regr_slope(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The slope of the line through the pairs.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_slope("y", "x")).first()[0]
    0.5
    """
    return _agg("regr_slope", _paired("regr_slope"), y, x)


def regr_intercept(y: ColumnOrName, x: ColumnOrName) -> Column:
    """Where the line through the pairs is at x = 0.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_intercept("y", "x")).first()[0]
    0.0
    """
    return _agg("regr_intercept", _paired("regr_intercept"), y, x)


def regr_r2(y: ColumnOrName, x: ColumnOrName) -> Column:
    """How much of the variance of y the line explains.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_r2("y", "x")).first()[0]
    1.0
    """
    return _agg("regr_r2", _paired("regr_r2"), y, x)


def regr_sxx(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The sum of squares of x around its mean.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_sxx("y", "x")).first()[0]
    2.0
    """
    return _agg("regr_sxx", _paired("regr_sxx"), y, x)


def regr_syy(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The sum of squares of y around its mean.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_syy("y", "x")).first()[0]
    0.5
    """
    return _agg("regr_syy", _paired("regr_syy"), y, x)


def regr_sxy(y: ColumnOrName, x: ColumnOrName) -> Column:
    """The sum of products of y and x around their means.

    >>> df = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0)], ["y", "x"])
    >>> df.select(F.regr_sxy("y", "x")).first()[0]
    1.0
    """
    return _agg("regr_sxy", _paired("regr_sxy"), y, x)


def median(col: ColumnOrName) -> Column:
    """The value in the middle, or the mean of the two there.

    >>> spark.range(4).select(F.median("id")).first()[0]
    1.5
    """
    return _agg("median", aggregate("median", "d"), col)


def mode(col: ColumnOrName, deterministic: bool = False) -> Column:
    """The value that is there most often; the least of several, whether asked for or not.

    >>> spark.createDataFrame([(1,), (2,), (2,)], "n int").select(F.mode("n")).first()[0]
    2
    """

    def build(scope: Scope, value: Value) -> Value:
        items = scope.aggregate("array_agg", value)
        return scope.call("array_mode", items)

    form = "mode() WITHIN GROUP (ORDER BY {0} DESC)" if deterministic else None
    return call("mode", build, col, form=form, kind="aggregate")


def _shares(percentage: Any) -> tuple[list[float], bool]:
    from springald.sql._nodes import Call, Literal

    if isinstance(percentage, Column):
        node = percentage._node
        if isinstance(node, Call) and node.name == "array" and all(isinstance(a, Literal) for a in node.arguments):
            percentage = [a.value for a in node.arguments if isinstance(a, Literal)]
        elif isinstance(node, Literal):
            percentage = node.value
        else:
            raise PySparkValueError("the percentage is a number or a list of numbers, not a column")
    several = isinstance(percentage, list | tuple)
    shares = [float(p) for p in (percentage if several else [percentage])]
    if any(not 0 <= p <= 1 for p in shares):
        raise PySparkValueError(f"[VALUE_OUT_OF_RANGE] a percentage is between 0 and 1, not {percentage}")
    return shares, several


def _list_or_one(scope: Scope, values: list[Value], several: bool) -> Value:
    if not several:
        return values[0]
    found = scope.call("make_array", *values)
    return scope.case([(values[0].is_not_null(), found)])


def percentile(col: ColumnOrName, percentage: Column | float | Sequence[float], frequency: Column | int = 1) -> Column:
    """The exact value below which a share of the values lies, between two values if need be.

    >>> spark.range(5).select(F.percentile("id", 0.25)).first()[0]
    1.0
    """
    shares, several = _shares(percentage)
    if frequency != 1 if isinstance(frequency, int) else True:
        raise PySparkValueError("percentile takes no frequency here")

    def build(scope: Scope, value: Value, *_: Value) -> Value:
        number = taking("d", value, 0)
        found = [scope.aggregate("percentile_cont", number, scope.literal(p)) for p in shares]
        return _list_or_one(scope, found, several)

    return _agg("percentile", build, col, lit_(list(shares) if several else shares[0]), lit_(1))


def percentile_approx(
    col: ColumnOrName, percentage: Column | float | Sequence[float], accuracy: Column | int = 10000
) -> Column:
    """The least value that a share of the values does not exceed; exact, whatever the accuracy asked for.

    >>> spark.range(5).select(F.percentile_approx("id", 0.5)).first()[0]
    2
    """
    return _ranked("percentile_approx", col, percentage, accuracy)


def approx_percentile(
    col: ColumnOrName, percentage: Column | float | Sequence[float], accuracy: Column | int = 10000
) -> Column:
    """The least value that a share of the values does not exceed; exact, whatever the accuracy asked for.

    >>> spark.range(5).select(F.approx_percentile("id", 0.5)).first()[0]
    2
    """
    return _ranked("approx_percentile", col, percentage, accuracy)


def _ranked(name: str, col: ColumnOrName, percentage: Any, accuracy: Column | int) -> Column:
    shares, several = _shares(percentage)

    def build(scope: Scope, value: Value, *_: Value) -> Value:
        number = taking("n", value, 0) if not pt.is_temporal(value.type) else value
        if scope.over is None:
            items = scope.aggregate("array_agg", number, condition=number.is_not_null())
        else:
            items = scope.call("array_compact", scope.aggregate("array_agg", number))
        order = scope.call("array_sort", items, "ASC", "NULLS LAST")
        size = scope.call("array_length", order).cast(pa.float64())

        def ranked(share: float) -> Value:
            place = scope.call("ceil", size.binary("*", share)).cast(pa.int64())
            return scope.call("array_element", order, scope.call("greatest", place, 1))

        return _list_or_one(scope, [ranked(p) for p in shares], several)

    return _agg(name, build, col, lit_(list(shares) if several else shares[0]), lit_(accuracy))
