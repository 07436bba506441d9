"""`Column`: an expression over the columns of a DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, engine_errors
from springald.sql import types as t
from springald.sql._casts import as_text, coerce
from springald.sql._nodes import (
    Alias,
    Build,
    Call,
    Case,
    Cast,
    Extract,
    Field,
    Generator,
    Literal,
    Name,
    Node,
    Reference,
    Sorted,
    Star,
    Windowed,
    parts_of,
    sort_of,
)
from springald.sql._operators import arithmetic, compare, logic, negate, same
from springald.sql._types import common_type
from springald.sql._value import Scope, Value

if TYPE_CHECKING:
    from springald._internal import Expr, SortExpr
    from springald.sql._relation import Attribute, Relation
    from springald.sql.window import WindowSpec

__all__ = ["Column", "node_of"]


def _operator(sign: str, build: Build) -> Callable[[Column, Any], Column]:
    form = f"({{0}} {sign} {{1}})"

    def method(self: Column, other: Any) -> Column:
        if sign in "+-":
            return Column(_Sum(sign, (self._node, literal_of(other)), build, form))
        return _call(sign, build, form, self, other)

    return method


def _reverse(sign: str, build: Build) -> Callable[[Column, Any], Column]:
    form = f"({{0}} {sign} {{1}})"

    def method(self: Column, other: Any) -> Column:
        return _call(sign, build, form, other, self)

    return method


def _call(name: str, build: Build, form: str | None, *arguments: Any) -> Column:
    return Column(Call(name, tuple(literal_of(argument) for argument in arguments), build, form))


def _arithmetic(operator: str) -> Build:
    return lambda scope, a, b: arithmetic(scope, operator, a, b)


class _Sum(Call):
    """`a + b` or `a - b`: of dates Spark calls it by other names."""

    def label(self, relation: Relation | None) -> str:
        first, second = self.arguments
        if relation is not None and isinstance(first, Name | Reference) and isinstance(second, Literal):
            kind = first.resolve(Scope(relation)).type
            if pt.is_date(kind) and isinstance(second.value, int):
                return f"date_{'add' if self.name == '+' else 'sub'}({first.label(relation)}, {second.label(relation)})"
            if pt.is_timestamp(kind):
                return f"{first.label(relation)} {self.name} {second.label(relation)}"
        return super().label(relation)


def _comparison(operator: str) -> Build:
    return lambda scope, a, b: compare(scope, operator, a, b)


def _logic(operator: str) -> Build:
    return lambda scope, a, b: logic(scope, operator, a, b)


def _bits(operator: str) -> Build:
    def build(scope: Scope, a: Value, b: Value) -> Value:
        kind = common_type([a.type, b.type])
        return coerce(a, kind).binary(operator, coerce(b, kind))

    return build


def _test(operator: str) -> Build:
    return lambda scope, a: a.unary(operator)


def _textual(function: str) -> Build:
    return lambda scope, a, b: scope.call(function, as_text(a), as_text(b))


def _power(scope: Scope, a: Value, b: Value) -> Value:
    return scope.call("power", coerce(a, pa.float64()), coerce(b, pa.float64()))


class Column:
    """An expression over the columns of a DataFrame: `df.a`, `df["a"]`, `F.col("a") + 1`.

    >>> df = spark.createDataFrame([(1, "x"), (2, None)], ["a", "b"])
    >>> df.select(df.a + 1, df["b"].isNull().alias("none")).collect()
    [Row((a + 1)=2, none=False), Row((a + 1)=3, none=True)]
    """

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    # What `springald.sql.dataframe` asks of a column.

    def _resolve(self, relation: Relation) -> Expr:
        with engine_errors():
            return self._node.resolve(Scope(relation)).expr

    def _label(self, relation: Relation | None) -> str:
        return self._node.title(relation)

    def _attribute(self, relation: Relation) -> Attribute | None:
        if isinstance(self._node, Name | Reference):
            return self._node.attribute(relation)
        return None

    def _sort(self, relation: Relation) -> SortExpr:
        with engine_errors():
            return cast("SortExpr", sort_of(self._node, Scope(relation)))

    def _references(self) -> list[Column]:
        return [Column(node) for node in self._node.walk() if isinstance(node, Name | Reference)]

    def _generator(self) -> tuple[str, Column] | None:
        node = self._node.child if isinstance(self._node, Alias) else self._node
        return (node.name, Column(node.child)) if isinstance(node, Generator) else None

    def _generator_names(self) -> list[str]:
        """The names that an alias gives to the columns of a generator."""
        return list(self._node.names) if isinstance(self._node, Alias) else []

    def _is_star(self) -> bool | str:
        """Whether this is `*`; for `a.*` it is the text `a`."""
        return (self._node.qualifier or True) if isinstance(self._node, Star) else False

    @classmethod
    def _of_attribute(cls, attribute: Attribute) -> Column:
        return cls(Reference(attribute))

    # Arithmetic.

    __add__ = _operator("+", _arithmetic("+"))
    __sub__ = _operator("-", _arithmetic("-"))
    __mul__ = _operator("*", _arithmetic("*"))
    __truediv__ = _operator("/", _arithmetic("/"))
    __mod__ = _operator("%", _arithmetic("%"))
    # PySpark turns these round.
    __radd__ = _operator("+", _arithmetic("+"))
    __rsub__ = _reverse("-", _arithmetic("-"))
    __rmul__ = _operator("*", _arithmetic("*"))
    __rtruediv__ = _reverse("/", _arithmetic("/"))
    __rmod__ = _reverse("%", _arithmetic("%"))

    def __pow__(self, other: Any) -> Column:
        return _call("POWER", _power, None, self, other)

    def __rpow__(self, other: Any) -> Column:
        return _call("POWER", _power, None, other, self)

    def __neg__(self) -> Column:
        return _call("negative", negate, None, self)

    # Comparison and logic.

    __eq__ = _operator("=", _comparison("="))  # type: ignore[assignment]
    __lt__ = _operator("<", _comparison("<"))
    __le__ = _operator("<=", _comparison("<="))
    __gt__ = _operator(">", _comparison(">"))
    __ge__ = _operator(">=", _comparison(">="))
    __and__ = _operator("AND", _logic("and"))
    __or__ = _operator("OR", _logic("or"))
    __rand__ = _operator("AND", _logic("and"))
    __ror__ = _operator("OR", _logic("or"))
    __hash__ = None  # type: ignore[assignment]

    def __ne__(self, other: object) -> Column:  # type: ignore[override]
        return ~(self == other)

    def __invert__(self) -> Column:
        return _call("NOT", lambda scope, a: coerce(a, pa.bool_()).unary("not"), "(NOT {0})", self)

    def eqNullSafe(self, other: Any) -> Column:
        """Equal, where two nulls are equal and the answer is never null.

        >>> df = spark.createDataFrame([(None,), (1,)], "a int")
        >>> df.select(df.a.eqNullSafe(None).alias("none")).collect()
        [Row(none=True), Row(none=False)]
        """
        return _call("<=>", same, "({0} <=> {1})", self, other)

    def bitwiseAND(self, other: Any) -> Column:
        """Bits set in both.

        >>> spark.range(6, 7).select((F.col("id").bitwiseAND(3)).alias("n")).collect()
        [Row(n=2)]
        """
        return _call("&", _bits("&"), "({0} & {1})", self, other)

    def bitwiseOR(self, other: Any) -> Column:
        """Bits set in either.

        >>> spark.range(6, 7).select((F.col("id").bitwiseOR(1)).alias("n")).collect()
        [Row(n=7)]
        """
        return _call("|", _bits("|"), "({0} | {1})", self, other)

    def bitwiseXOR(self, other: Any) -> Column:
        """Bits set in one of the two.

        >>> spark.range(6, 7).select((F.col("id").bitwiseXOR(3)).alias("n")).collect()
        [Row(n=5)]
        """
        return _call("^", _bits("^"), "({0} ^ {1})", self, other)

    # Tests.

    def isNull(self) -> Column:
        """Whether there is no value.

        >>> df = spark.createDataFrame([("x",), (None,)], ["a"])
        >>> df.filter(df.a.isNull()).count()
        1
        """
        return _call("isnull", _test("is_null"), "({0} IS NULL)", self)

    def isNotNull(self) -> Column:
        """Whether there is a value.

        >>> df = spark.createDataFrame([("x",), (None,)], ["a"])
        >>> df.filter(df.a.isNotNull()).collect()
        [Row(a='x')]
        """
        return _call("isnotnull", _test("is_not_null"), "({0} IS NOT NULL)", self)

    def isNaN(self) -> Column:
        """Whether a number is NaN; null is not.

        >>> df = spark.createDataFrame([(1.0,), (float("nan"),)], ["a"])
        >>> df.select(df.a.isNaN().alias("nan")).collect()
        [Row(nan=False), Row(nan=True)]
        """
        return _call("isnan", is_nan, None, self)

    def isin(self, *cols: Any) -> Column:
        """Whether the value is among these.

        >>> df = spark.createDataFrame([(1,), (2,), (3,)], ["a"])
        >>> df.filter(df.a.isin(1, 3)).collect()
        [Row(a=1), Row(a=3)]
        """
        values = cols[0] if len(cols) == 1 and isinstance(cols[0], list | tuple | set) else cols
        form = "({0} IN (" + ", ".join(f"{{{i + 1}}}" for i in range(len(values))) + "))"
        return _call("in", _in, form, self, *values)

    def between(self, lowerBound: Any, upperBound: Any) -> Column:
        """Whether the value lies between two others, both included.

        >>> df = spark.createDataFrame([(1,), (2,), (3,)], ["a"])
        >>> df.filter(df.a.between(2, 3)).collect()
        [Row(a=2), Row(a=3)]
        """
        found: Column = (self >= lowerBound) & (self <= upperBound)
        return found

    def like(self, other: str | Column) -> Column:
        """Whether text matches a SQL pattern: `%` is any text, `_` any letter.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.like("A_a")).collect()
        [Row(name='Ada')]
        """
        return _call("like", _like(False), "{0} LIKE {1}", self, other)

    def ilike(self, other: str | Column) -> Column:
        """Like `like`, whatever the case of letters.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.ilike("%AN")).collect()
        [Row(name='Alan')]
        """
        return _call("ilike", _like(True), "ilike({0}, {1})", self, other)

    def rlike(self, other: str | Column) -> Column:
        """Whether a regular expression is found in the text.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.rlike("n$")).collect()
        [Row(name='Alan')]
        """
        return _call("RLIKE", regexp_like, None, self, other)

    def contains(self, other: Any) -> Column:
        """Whether the text has another inside.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.contains("la")).collect()
        [Row(name='Alan')]
        """
        return _call("contains", _textual("contains"), None, self, other)

    def startswith(self, other: Any) -> Column:
        """Whether the text starts with another.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.startswith("Al")).collect()
        [Row(name='Alan')]
        """
        return _call("startswith", _textual("starts_with"), None, self, other)

    def endswith(self, other: Any) -> Column:
        """Whether the text ends with another.

        >>> df = spark.createDataFrame([("Ada",), ("Alan",)], ["name"])
        >>> df.filter(df.name.endswith("a")).collect()
        [Row(name='Ada')]
        """
        return _call("endswith", _textual("ends_with"), None, self, other)

    # Parts.

    def getItem(self, key: Any) -> Column:
        """An item of an array, counted from 0, or of a map.

        >>> df = spark.createDataFrame([([1, 2], {"k": 5})], ["l", "m"])
        >>> df.select(df.l.getItem(0).alias("first"), df.m.getItem("k").alias("k")).collect()
        [Row(first=1, k=5)]
        """
        return Column(Extract(self._node, literal_of(key)))

    def getField(self, name: Any) -> Column:
        """A field of a struct.

        >>> df = spark.createDataFrame([((1, "x"),)], "s struct<a:int,b:string>")
        >>> df.select(df.s.getField("b").alias("b")).collect()
        [Row(b='x')]
        """
        return Column(Field(self._node, name)) if isinstance(name, str) else self.getItem(name)

    def __getitem__(self, key: Any) -> Column:
        if isinstance(key, slice):
            if key.step is not None:
                raise PySparkValueError("a slice of a column has no step")
            return self.substr(key.start, key.stop)
        return self.getItem(key)

    def __getattr__(self, name: str) -> Column:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.getField(name)

    def substr(self, startPos: int | Column, length: int | Column) -> Column:
        """Part of the text: where it starts, from 1, and how long it is.

        >>> df = spark.createDataFrame([("Ada",)], ["name"])
        >>> df.select(df.name.substr(2, 2).alias("s")).collect()
        [Row(s='da')]
        """
        if type(startPos) is not type(length):
            raise PySparkTypeError("start and length of substr are both numbers or both columns")
        return _call("substr", substring, None, self, startPos, length)

    def withField(self, fieldName: str, col: Column) -> Column:
        """A struct with a field more, or with another value for one.

        >>> df = spark.createDataFrame([((1, "x"),)], "s struct<a:int,b:string>")
        >>> df.select(df.s.withField("a", F.lit(5)).alias("s")).collect()
        [Row(s=Row(a=5, b='x'))]
        """
        path = parts_of(fieldName)
        form = "{1}"
        for i in reversed(range(len(path))):
            form = f"update_fields({'.'.join(['{0}', *path[:i]])}, WithField({form}))"
        return _call("update_fields", lambda scope, s, v: _with_field(s, path, v), form, self, col)

    def dropFields(self, *fieldNames: str) -> Column:
        """A struct without some of its fields.

        >>> df = spark.createDataFrame([((1, "x"),)], "s struct<a:int,b:string>")
        >>> df.select(df.s.dropFields("a").alias("s")).collect()
        [Row(s=Row(b='x'))]
        """
        paths = [parts_of(name) for name in fieldNames]

        def build(scope: Scope, value: Value) -> Value:
            for path in paths:
                value = _with_field(value, path, None)
            return value

        return _call("update_fields", build, f"update_fields({{0}}{', dropfield()' * len(paths)})", self)

    # Types, names, order.

    def cast(self, dataType: t.DataType | str) -> Column:
        """The value as another type; what cannot be cast is an error.

        >>> df = spark.createDataFrame([("7",)], ["a"])
        >>> df.select(df.a.cast("int")).collect()
        [Row(a=7)]
        """
        return Column(Cast(self._node, _type(dataType)))

    astype = cast

    def try_cast(self, dataType: t.DataType | str) -> Column:
        """The value as another type; what cannot be cast is null.

        >>> df = spark.createDataFrame([("7",), ("x",)], ["a"])
        >>> df.select(df.a.try_cast("int").alias("n")).collect()
        [Row(n=7), Row(n=None)]
        """
        return Column(Cast(self._node, _type(dataType), safe=True))

    def alias(self, *alias: str, **kwargs: Any) -> Column:
        """The column under another name.

        >>> df = spark.createDataFrame([(1,)], ["a"])
        >>> df.select(df.a.alias("b")).columns
        ['b']
        """
        if not alias:
            raise PySparkValueError("alias takes a name")
        return Column(Alias(self._node, tuple(alias)))

    name = alias

    def asc(self) -> Column:
        """Ascending, nulls first.

        >>> df = spark.createDataFrame([(2,), (None,), (1,)], "a int")
        >>> [row.a for row in df.orderBy(df.a.asc()).collect()]
        [None, 1, 2]
        """
        return Column(Sorted(self._node, True, True))

    def asc_nulls_first(self) -> Column:
        """Ascending, nulls first."""
        return self.asc()

    def asc_nulls_last(self) -> Column:
        """Ascending, nulls last.

        >>> df = spark.createDataFrame([(2,), (None,), (1,)], "a int")
        >>> [row.a for row in df.orderBy(df.a.asc_nulls_last()).collect()]
        [1, 2, None]
        """
        return Column(Sorted(self._node, True, False))

    def desc(self) -> Column:
        """Descending, nulls last.

        >>> df = spark.createDataFrame([(2,), (None,), (1,)], "a int")
        >>> [row.a for row in df.orderBy(df.a.desc()).collect()]
        [2, 1, None]
        """
        return Column(Sorted(self._node, False, False))

    def desc_nulls_last(self) -> Column:
        """Descending, nulls last."""
        return self.desc()

    def desc_nulls_first(self) -> Column:
        """Descending, nulls first.

        >>> df = spark.createDataFrame([(2,), (None,), (1,)], "a int")
        >>> [row.a for row in df.orderBy(df.a.desc_nulls_first()).collect()]
        [None, 2, 1]
        """
        return Column(Sorted(self._node, False, True))

    # Conditions, windows and functions.

    def when(self, condition: Column, value: Any) -> Column:
        """A further branch after `F.when`.

        >>> n = F.col("id")
        >>> df = spark.range(3).select(F.when(n == 0, "none").when(n == 1, "one").otherwise("more").alias("s"))
        >>> [row.s for row in df.collect()]
        ['none', 'one', 'more']
        """
        if not isinstance(self._node, Case) or self._node.otherwise is not None:
            raise PySparkValueError("when() follows F.when(), before otherwise()")
        if not isinstance(condition, Column):
            raise PySparkTypeError(f"the condition of when is a Column, not {type(condition).__name__}")
        return Column(Case((*self._node.branches, (condition._node, literal_of(value)))))

    def otherwise(self, value: Any) -> Column:
        """The value where no branch of `F.when` holds; null if it is never called.

        >>> df = spark.range(2).select(F.when(F.col("id") == 0, "none").otherwise("some").alias("s"))
        >>> [row.s for row in df.collect()]
        ['none', 'some']
        """
        if not isinstance(self._node, Case) or self._node.otherwise is not None:
            raise PySparkValueError("otherwise() follows F.when(), once")
        return Column(Case(self._node.branches, literal_of(value)))

    def over(self, window: WindowSpec) -> Column:
        """A function over a window.

        >>> from springald.sql import Window
        >>> df = spark.createDataFrame([("a", 1), ("a", 2)], ["k", "v"])
        >>> df.select(F.max("v").over(Window.partitionBy("k")).alias("m")).collect()
        [Row(m=2), Row(m=2)]
        """
        return Column(Windowed(self._node, window))

    def transform(self, f: Callable[[Column], Column]) -> Column:
        """What a function makes of this column, to be called in a chain.

        >>> df = spark.createDataFrame([(" a ",)], ["s"])
        >>> df.select(df.s.transform(F.trim).transform(F.upper).alias("s")).collect()
        [Row(s='A')]
        """
        return f(self)

    def __contains__(self, item: object) -> NoReturn:
        raise PySparkValueError(
            "[CANNOT_APPLY_IN_FOR_COLUMN] `in` does not work on columns", "use column.contains(x) or column.isin(…)"
        )

    def __iter__(self) -> NoReturn:
        raise PySparkTypeError("[NOT_ITERABLE] a Column cannot be iterated over", "collect() the DataFrame first")

    def __bool__(self) -> NoReturn:
        raise PySparkValueError(
            "[CANNOT_CONVERT_COLUMN_INTO_BOOL] a Column is neither true nor false",
            "use & for and, | for or, ~ for not, with parentheses around each comparison",
        )

    def __repr__(self) -> str:
        return f"Column<'{self._node.label(None)}'>"

    eq_null_safe = eqNullSafe
    bitwise_and = bitwiseAND
    bitwise_or = bitwiseOR
    bitwise_xor = bitwiseXOR
    is_null = isNull
    is_not_null = isNotNull
    is_nan = isNaN
    is_in = isin
    starts_with = startswith
    ends_with = endswith
    get_item = getItem
    get_field = getField
    with_field = withField
    drop_fields = dropFields


def node_of(col: object) -> Node:
    """The node of a column given as such or by name; `*` is all columns."""
    if isinstance(col, Column):
        return col._node
    if isinstance(col, str):
        if col == "*":
            return Star()
        return Star(col[:-2]) if col.endswith(".*") else Name(col)
    raise PySparkTypeError(
        f"[NOT_COLUMN_OR_STR] a Column or the name of one is needed, not {type(col).__name__}",
        "F.lit(…) makes a column of a value",
    )


def literal_of(value: Any) -> Node:
    """The node of a column, or of a value of Python."""
    if isinstance(value, Column):
        return value._node
    if isinstance(value, Node):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        kind = None if getattr(value, "ndim", 0) else pa.from_numpy_dtype(value.dtype)
        if kind is not None and not pt.is_temporal(kind):
            return Literal(value.item(), kind)
        value = value.tolist()
    if isinstance(value, list | tuple):
        return Call("array", tuple(literal_of(item) for item in value), make_array)
    if isinstance(value, dict | set):
        raise PySparkTypeError(
            f"[UNSUPPORTED_LITERAL] there is no column of a {type(value).__name__}",
            "F.create_map and F.array make columns of maps and arrays",
        )
    return Literal(value)


def _type(kind: t.DataType | str) -> t.DataType:
    if isinstance(kind, str):
        return t.parse_type(kind)
    if isinstance(kind, t.DataType):
        return kind
    raise PySparkTypeError(f"[NOT_DATATYPE_OR_STR] a type is needed, not {kind!r}", 'such as "int" or LongType()')


def is_nan(scope: Scope, value: Value) -> Value:
    """Whether a number is NaN; false for null."""
    number = coerce(value, pa.float64()) if not pt.is_floating(value.type) else value
    return scope.call("coalesce", scope.call("isnan", number), False)


def make_array(scope: Scope, *values: Value) -> Value:
    """An array of values, in the type that holds them all."""
    if not values:
        return scope.literal([], pa.list_(pa.null()))
    kind = common_type([value.type for value in values])
    return scope.call("make_array", *(coerce(value, kind) for value in values))


def regexp_like(scope: Scope, text: Value, pattern: Value) -> Value:
    """Whether a regular expression is found in a text."""
    return scope.call("regexp_like", as_text(text), as_text(pattern))


def substring(scope: Scope, text: Value, start: Value, length: Value) -> Value:
    """Spark's substring: a start below zero counts from the end, zero is as one."""
    if not (pt.is_binary(text.type) or pt.is_large_binary(text.type)):
        text = as_text(text)
    return scope.call("spark_substring", text, coerce(start, pa.int64()), coerce(length, pa.int64()))


def _in(scope: Scope, value: Value, *values: Value) -> Value:
    if not values:
        return scope.literal(False)
    kind = common_type([value.type, *(v.type for v in values)])
    exprs = [coerce(v, kind).expr for v in values]
    return scope.value(coerce(value, kind).expr.in_list(exprs))


def _like(fold: bool) -> Build:
    def build(scope: Scope, text: Value, pattern: Value) -> Value:
        return scope.value(as_text(text).expr.like(as_text(pattern).expr, case_insensitive=fold))

    return build


def _with_field(value: Value, path: list[str], new: Value | None) -> Value:
    """The struct with the field at a path set, or dropped where `new` is None."""
    scope, kind = value.scope, value.type
    if not pt.is_struct(kind):
        raise AnalysisException("[DATATYPE_MISMATCH] only structs have fields to set or drop")
    parts: list[tuple[str, Value]] = []
    found = False
    for field in kind:
        part = scope.value(value.expr.member(field.name))
        if field.name.casefold() != path[0].casefold():
            parts.append((field.name, part))
            continue
        found = True
        if len(path) > 1:
            parts.append((field.name, _with_field(part, path[1:], new)))
        elif new is not None:
            parts.append((path[0], new))
    if not found and new is not None:
        if len(path) > 1:
            raise AnalysisException(f"[FIELD_NOT_FOUND] there is no field `{path[0]}` to set a field of")
        parts.append((path[0], new))
    if not parts:
        raise AnalysisException("[CANNOT_DROP_ALL_FIELDS] a struct keeps at least one field")
    named = [item for name, part in parts for item in (scope.literal(name, pa.string()), part)]
    return scope.case([(value.is_not_null(), scope.call("named_struct", *named))])
