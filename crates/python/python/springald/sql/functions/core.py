"""Columns themselves, conditions, sorting and what belongs to no other topic."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from springald._internal import Expr, __version__
from springald.errors import PySparkTypeError
from springald.sql._casts import as_text, coerce
from springald.sql._nodes import Case
from springald.sql._operators import compare, same
from springald.sql._sql import parsed
from springald.sql._types import common_type
from springald.sql._value import Scope, Value
from springald.sql.column import Column, literal_of, node_of
from springald.sql.functions._make import ColumnOrName, call, engine, nodes_of
from springald.sql.types import from_arrow

__all__ = [
    "asc",
    "asc_nulls_first",
    "asc_nulls_last",
    "assert_true",
    "broadcast",
    "call_function",
    "coalesce",
    "col",
    "column",
    "desc",
    "desc_nulls_first",
    "desc_nulls_last",
    "equal_null",
    "expr",
    "greatest",
    "ifnull",
    "isnan",
    "isnotnull",
    "isnull",
    "least",
    "lit",
    "monotonically_increasing_id",
    "nanvl",
    "nullif",
    "nullifzero",
    "nvl",
    "nvl2",
    "raise_error",
    "rand",
    "randn",
    "typeof",
    "version",
    "when",
    "zeroifnull",
]


def col(col: str) -> Column:
    """A column by name: `a`, `alias.a`, `struct.field`; a part with dots in it stands in backticks.

    >>> spark.range(2).select(F.col("id") + 1).collect()
    [Row((id + 1)=1), Row((id + 1)=2)]
    """
    return Column(node_of(col))


column = col


def lit(col: Any) -> Column:
    """A column of one value; a Column is given back.

    >>> spark.range(1).select(F.lit("x").alias("s"), F.lit([1, 2]).alias("l")).collect()
    [Row(s='x', l=[1, 2])]
    """
    return col if isinstance(col, Column) else Column(literal_of(col))


def expr(str: str) -> Column:
    """A column by a SQL expression.

    >>> spark.range(2).select(F.expr("id * 2 AS twice")).collect()
    [Row(twice=0), Row(twice=2)]
    """
    return parsed(str)


def broadcast(df: Any) -> Any:
    """The DataFrame itself: the engine finds out by itself which side of a join is small.

    >>> F.broadcast(spark.range(2)).count()
    2
    """
    return df


def call_function(funcName: str, *cols: ColumnOrName) -> Column:
    """A function by its name.

    >>> spark.range(1).select(F.call_function("upper", F.lit("x"))).first()[0]
    'X'
    """
    from springald.sql import functions

    known = getattr(functions, funcName, None) if funcName in functions.__all__ else None
    if known is not None:
        found = known(*cols)
        assert isinstance(found, Column)
        return found
    return call(funcName, engine(funcName, "."), *cols)


def asc(col: ColumnOrName) -> Column:
    """Ascending, nulls first.

    >>> spark.range(2).orderBy(F.asc("id")).first()
    Row(id=0)
    """
    return Column(node_of(col)).asc()


def asc_nulls_first(col: ColumnOrName) -> Column:
    """Ascending, nulls first.

    >>> spark.range(2).orderBy(F.asc_nulls_first("id")).first()
    Row(id=0)
    """
    return Column(node_of(col)).asc()


def asc_nulls_last(col: ColumnOrName) -> Column:
    """Ascending, nulls last.

    >>> spark.range(2).orderBy(F.asc_nulls_last("id")).first()
    Row(id=0)
    """
    return Column(node_of(col)).asc_nulls_last()


def desc(col: ColumnOrName) -> Column:
    """Descending, nulls last.

    >>> spark.range(2).orderBy(F.desc("id")).first()
    Row(id=1)
    """
    return Column(node_of(col)).desc()


def desc_nulls_first(col: ColumnOrName) -> Column:
    """Descending, nulls first.

    >>> spark.range(2).orderBy(F.desc_nulls_first("id")).first()
    Row(id=1)
    """
    return Column(node_of(col)).desc_nulls_first()


def desc_nulls_last(col: ColumnOrName) -> Column:
    """Descending, nulls last.

    >>> spark.range(2).orderBy(F.desc_nulls_last("id")).first()
    Row(id=1)
    """
    return Column(node_of(col)).desc()


def when(condition: Column, value: Any) -> Column:
    """A value where a condition holds; `.when(…)` and `.otherwise(…)` go on.

    >>> df = spark.range(2).select(F.when(F.col("id") == 0, "none").otherwise("some").alias("s"))
    >>> df.collect()
    [Row(s='none'), Row(s='some')]
    """
    if not isinstance(condition, Column):
        raise PySparkTypeError(f"[NOT_COLUMN] the condition of when is a Column, not {type(condition).__name__}")
    return Column(Case(((condition._node, literal_of(value)),)))


def _coalesce(scope: Scope, *values: Value) -> Value:
    kind = common_type([value.type for value in values])
    return scope.call("coalesce", *(coerce(value, kind) for value in values))


def coalesce(*cols: ColumnOrName) -> Column:
    """The first value that is not null.

    >>> spark.range(1).select(F.coalesce(F.lit(None), F.lit(2))).first()[0]
    2
    """
    return call("coalesce", _coalesce, *nodes_of(cols))


def ifnull(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The first value, or the second where it is null.

    >>> spark.range(1).select(F.ifnull(F.lit(None), F.lit(2))).first()[0]
    2
    """
    return call("ifnull", _coalesce, col1, col2)


def nvl(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The first value, or the second where it is null.

    >>> spark.range(1).select(F.nvl(F.lit(None), F.lit(2))).first()[0]
    2
    """
    return call("nvl", _coalesce, col1, col2)


def _nvl2(scope: Scope, test: Value, some: Value, none: Value) -> Value:
    some, none = _pair(some, none)
    return scope.case([(test.is_not_null(), some)], none)


def _pair(a: Value, b: Value) -> tuple[Value, Value]:
    kind = common_type([a.type, b.type])
    return coerce(a, kind), coerce(b, kind)


def nvl2(col1: ColumnOrName, col2: ColumnOrName, col3: ColumnOrName) -> Column:
    """The second value where the first is not null, else the third.

    >>> spark.range(1).select(F.nvl2("id", F.lit("some"), F.lit("none"))).first()[0]
    'some'
    """
    return call("nvl2", _nvl2, col1, col2, col3)


def _nullif(scope: Scope, a: Value, b: Value) -> Value:
    return scope.case([(compare(scope, "=", a, b), scope.null(a.type))], a)


def nullif(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The first value, or null where it equals the second.

    >>> spark.range(2).select(F.nullif("id", F.lit(0)).alias("n")).collect()
    [Row(n=None), Row(n=1)]
    """
    return call("nullif", _nullif, col1, col2)


def nullifzero(col: ColumnOrName) -> Column:
    """The value, or null where it is zero.

    >>> spark.range(2).select(F.nullifzero("id").alias("n")).collect()
    [Row(n=None), Row(n=1)]
    """
    return call("nullifzero", lambda scope, a: _nullif(scope, a, scope.literal(0)), col)


def zeroifnull(col: ColumnOrName) -> Column:
    """The value, or zero where it is null.

    >>> spark.range(1).select(F.zeroifnull(F.lit(None))).first()[0]
    0
    """
    return call("zeroifnull", lambda scope, a: _coalesce(scope, a, scope.literal(0)), col)


def equal_null(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """Whether two values are equal, two nulls being so.

    >>> spark.range(1).select(F.equal_null(F.lit(None), F.lit(None))).first()[0]
    True
    """
    return call("equal_null", same, col1, col2)


def isnull(col: ColumnOrName) -> Column:
    """Whether there is no value.

    >>> spark.range(1).select(F.isnull("id")).first()[0]
    False
    """
    return Column(node_of(col)).isNull()


def isnotnull(col: ColumnOrName) -> Column:
    """Whether there is a value.

    >>> spark.range(1).select(F.isnotnull("id")).first()[0]
    True
    """
    return Column(node_of(col)).isNotNull()


def isnan(col: ColumnOrName) -> Column:
    """Whether a number is NaN; null is not.

    >>> spark.range(1).select(F.isnan(F.lit(float("nan")))).first()[0]
    True
    """
    return Column(node_of(col)).isNaN()


def _nanvl(scope: Scope, a: Value, b: Value) -> Value:
    a, b = (coerce(v, pa.float64()) if not pt.is_floating(v.type) else v for v in (a, b))
    a, b = _pair(a, b)
    return scope.case([(scope.call("isnan", a), b)], a)


def nanvl(col1: ColumnOrName, col2: ColumnOrName) -> Column:
    """The first number, or the second where it is NaN.

    >>> spark.range(1).select(F.nanvl(F.lit(float("nan")), F.lit(1.5))).first()[0]
    1.5
    """
    return call("nanvl", _nanvl, col1, col2)


def greatest(*cols: ColumnOrName) -> Column:
    """The greatest value, nulls left out; NaN is greater than any number.

    >>> spark.range(1).select(F.greatest(F.lit(1), F.lit(None), F.lit(3))).first()[0]
    3
    """
    return call("greatest", engine("greatest", "c"), *nodes_of(cols))


def least(*cols: ColumnOrName) -> Column:
    """The least value, nulls left out.

    >>> spark.range(1).select(F.least(F.lit(1), F.lit(None), F.lit(3))).first()[0]
    1
    """
    return call("least", engine("least", "c"), *nodes_of(cols))


def typeof(col: ColumnOrName) -> Column:
    """The type of a column, as SQL has it.

    >>> spark.range(1).select(F.typeof("id")).first()[0]
    'bigint'
    """
    return call("typeof", lambda scope, a: scope.literal(from_arrow(a.type).simpleString()), col)


def raise_error(errMsg: ColumnOrName) -> Column:
    """Fails with a message where it is computed.

    >>> spark.range(1).select(F.raise_error(F.lit("no such thing"))).collect()
    Traceback (most recent call last):
    ...
    springald.errors.SparkRuntimeException: ...no such thing...
    """
    message = literal_of(errMsg) if isinstance(errMsg, str) else errMsg
    return call("raise_error", lambda scope, text: scope.fail(as_text(text), pa.null()), message)


def assert_true(col: ColumnOrName, errMsg: ColumnOrName | None = None) -> Column:
    """Null where a condition holds; fails where it does not.

    >>> spark.range(1).select(F.assert_true(F.col("id") == 0)).first()[0] is None
    True
    """
    label = Column(node_of(col))._label(None)
    message = literal_of(f"'{label}' is not true!" if errMsg is None else errMsg)

    def build(scope: Scope, condition: Value, text: Value) -> Value:
        test = coerce(condition, pa.bool_()).unary("is_true")
        return scope.case([(test, scope.null(pa.null()))], scope.fail(as_text(text), pa.null()))

    return call("assert_true", build, col, message)


def monotonically_increasing_id() -> Column:
    """The number of the row, from 0. Rows are brought to one place to be counted.

    >>> spark.range(3).select(F.monotonically_increasing_id().alias("n")).orderBy("n").collect()
    [Row(n=0), Row(n=1), Row(n=2)]
    """

    def build(scope: Scope) -> Value:
        number = scope.value(Expr.window("row_number", [], [], [])).cast(pa.int64())
        return number.binary("-", 1)

    return call("monotonically_increasing_id", build, kind="window")


def rand(seed: int | None = None) -> Column:
    """Random numbers from 0 to 1, evenly spread. With a seed the number belongs to the row: equal rows have equal ones.

    >>> 0 <= spark.range(1).select(F.rand(42)).first()[0] < 1
    True
    """
    return call("rand", lambda scope: _uniform(scope, seed), form=f"rand({_seed(seed)})")


def randn(seed: int | None = None) -> Column:
    """Random numbers of the standard normal distribution. With a seed the number belongs to the row.

    >>> isinstance(spark.range(1).select(F.randn(42)).first()[0], float)
    True
    """

    def build(scope: Scope) -> Value:
        # Box and Muller's transform of two evenly spread numbers; one less than the first is never zero.
        first, second = _uniform(scope, seed), _uniform(scope, None if seed is None else seed + 1)
        size = scope.call("ln", scope.literal(1.0).binary("-", first)).binary("*", -2.0)
        return scope.call("sqrt", size).binary("*", scope.call("cos", second.binary("*", math.tau)))

    return call("randn", build, form=f"randn({_seed(seed)})")


def _seed(seed: int | None) -> str:
    return "" if seed is None else str(seed)


def _uniform(scope: Scope, seed: int | None) -> Value:
    if seed is None:
        return scope.call("random")
    fields = [scope.value(Expr.field(attribute.field)) for attribute in scope.relation.attributes]
    return scope.call("row_uniform", int(seed), *fields)


def version() -> Column:
    """The version of Springald.

    >>> spark.range(1).select(F.version()).first()[0] == spark.version
    True
    """
    return call("version", lambda scope: scope.literal(__version__))
