"""SQL expressions as columns: read here with Spark's meaning, and by the engine where they are beyond that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from springald.errors import PySparkException, engine_errors
from springald.sql import types as t
from springald.sql._casts import cast, coerce
from springald.sql._nodes import Alias, Build, Call, Case, Cast, Literal, Node, Star, Windowed
from springald.sql._operators import arithmetic, compare, negate, nonzero
from springald.sql._types import common_type
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of

if TYPE_CHECKING:
    from springald.sql._relation import Relation

__all__ = ["parsed", "title"]


def parsed(sql: str) -> Column:
    """The column that a SQL expression means."""
    try:
        return _Parser(sql).whole()
    except _Beyond:
        match = re.search(r"""(?is)^(.*[\s)])as\s+(`[^`]+`|\w+)\s*$""", sql)
        if match and match.group(1).count("(") == match.group(1).count(")"):
            return Column(Alias(_Sql(match.group(1).strip()), (match.group(2).strip("`"),)))
        return Column(_Sql(sql.strip()))


def title(sql: str) -> str | None:
    """What Spark calls the column of an expression that has no name; None if it is beyond what is read here.

    >>> title("count(*)"), title("a + 1"), title("a -> b -> c")
    ('count(1)', '(a + 1)', None)
    """
    try:
        column = _Parser(sql).whole()
    except (_Beyond, PySparkException):
        return None
    return None if isinstance(column._node, Star) else column._label(None)


class _Beyond(Exception):
    """The text has something that is left to the engine's own reader."""


@dataclass(frozen=True, eq=False)
class _Sql(Node):
    """An expression in the engine's SQL."""

    text: str

    def resolve(self, scope: Scope) -> Value:
        names: list[tuple[str | None, str, str]] = []
        for attribute in scope.relation.attributes:
            names.append((None, attribute.name, attribute.field))
            names += [(qualifier, attribute.name, attribute.field) for qualifier in attribute.qualifiers]
        with engine_errors():
            return scope.value(scope.relation.frame.parse(self.text, names))

    def label(self, relation: Relation | None) -> str:
        return self.text


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?:BD|[LSYDF])?(?!\w))
  | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
  | (?P<quoted>`(?:[^`]|``)+`)
  | (?P<word>[^\W\d]\w*)
  | (?P<sign><=>|<>|!=|<=|>=|==|\|\||->|::|[-+*/%=<>(),.\[\]&|^~!])
    )""",
    re.VERBOSE | re.UNICODE,
)

_BINARY = [
    {"or": "or"},
    {"and": "and"},
    {},
    {s: s for s in ("=", "==", "<=>", "<>", "!=", "<", "<=", ">", ">=")},
    {"|": "|"},
    {"^": "^"},
    {"&": "&"},
    {"||": "||", "+": "+", "-": "-"},
    {"*": "*", "/": "/", "%": "%", "div": "div"},
]
_UNITS = {
    "microsecond": ("nanoseconds", 1000),
    "millisecond": ("nanoseconds", 1_000_000),
    "second": ("nanoseconds", 1_000_000_000),
    "minute": ("nanoseconds", 60_000_000_000),
    "hour": ("nanoseconds", 3_600_000_000_000),
    "day": ("days", 1),
    "week": ("days", 7),
    "month": ("months", 1),
    "year": ("months", 12),
}
_RESERVED = {
    "select", "from", "where", "group", "having", "order", "union", "end", "then", "else", "when", "as", "and", "or",
    "not", "in", "like", "ilike", "rlike", "between", "is", "over", "by", "on", "join",
}  # fmt: skip


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise _Beyond
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            place = match.end()
        self.place = 0
        self.variables: dict[str, Column] = {}

    def peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        if place >= len(self.tokens):
            return ""
        kind, text = self.tokens[place]
        return text.lower() if kind in ("word", "sign") else f"{kind}:"

    def accept(self, *words: str) -> bool:
        if all(self.peek(i) == word for i, word in enumerate(words)):
            self.place += len(words)
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise _Beyond

    def next(self) -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise _Beyond
        self.place += 1
        return self.tokens[self.place - 1]

    def name(self) -> str:
        kind, text = self.next()
        if kind == "quoted":
            return text[1:-1].replace("``", "`")
        if kind != "word":
            raise _Beyond
        return text

    def whole(self) -> Column:
        column = self.expression()
        names: list[str] = []
        if self.accept("as"):
            if self.accept("("):
                names.append(self.name())
                while self.accept(","):
                    names.append(self.name())
                self.expect(")")
            else:
                names.append(self.name())
        elif self.place < len(self.tokens) and self.peek() not in _RESERVED:
            names.append(self.name())
        if self.place < len(self.tokens):
            raise _Beyond
        return column.alias(*names) if names else column

    def expression(self, level: int = 0) -> Column:
        if level == 2:
            if self.accept("not"):
                return ~self.expression(2)
            return self.predicate()
        if level >= len(_BINARY):
            return self.unary()
        left = self.expression(level + 1)
        while self.peek() in _BINARY[level]:
            sign = self.next()[1].lower()
            left = self.binary(sign, left, self.expression(level + 1))
        return left

    def binary(self, sign: str, a: Column, b: Column) -> Column:
        from springald.sql import functions as F

        made: dict[str, Callable[[], Column]] = {
            "or": lambda: a | b, "and": lambda: a & b, "=": lambda: a == b, "==": lambda: a == b,
            "<=>": lambda: a.eqNullSafe(b), "<>": lambda: a != b, "!=": lambda: a != b, "<": lambda: a < b,
            "<=": lambda: a <= b, ">": lambda: a > b, ">=": lambda: a >= b, "|": lambda: a.bitwiseOR(b),
            "^": lambda: a.bitwiseXOR(b), "&": lambda: a.bitwiseAND(b), "||": lambda: F.concat(a, b),
            "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "%": lambda: a % b,
            "div": lambda: _made("div", _div, "({0} div {1})", a, b),
        }  # fmt: skip
        return made[sign]()

    def predicate(self) -> Column:
        left = self.expression(3)
        while True:
            negated = False
            if self.peek() == "not" and self.peek(1) in ("in", "like", "ilike", "rlike", "between", "regexp"):
                self.place += 1
                negated = True
            if self.accept("is"):
                wanted = not self.accept("not")
                left = self.fact(left, wanted)
                continue
            if self.accept("in"):
                self.expect("(")
                values = self.arguments(")")
                found = left.isin(*values)
            elif self.accept("between"):
                low = self.expression(3)
                self.expect("and")
                found = _made("between", _between, None, left, low, self.expression(3))
            elif self.accept("like"):
                found = left.like(self.expression(3))
            elif self.accept("ilike"):
                found = left.ilike(self.expression(3))
            elif self.accept("rlike") or self.accept("regexp"):
                found = left.rlike(self.expression(3))
            else:
                return left
            left = ~found if negated else found

    def fact(self, value: Column, wanted: bool) -> Column:
        if self.accept("null"):
            return value.isNull() if wanted else value.isNotNull()
        if self.accept("distinct", "from"):
            same = value.eqNullSafe(self.expression(3))
            return ~same if wanted else same
        for word, truth in (("true", True), ("false", False)):
            if self.accept(word):
                same = value.eqNullSafe(truth)
                return same if wanted else ~same
        raise _Beyond

    def unary(self) -> Column:
        if self.accept("-"):
            value = self.unary()
            if isinstance(value._node, Literal) and isinstance(value._node.value, int | float | Decimal):
                return Column(Literal(-value._node.value, value._node.kind))
            return _made("negative", negate, "(- {0})", value)
        if self.accept("+"):
            return self.unary()
        if self.accept("~"):
            from springald.sql import functions as F

            return F.bitwise_not(self.unary())
        if self.accept("!"):
            return ~self.unary()
        return self.postfix(self.primary())

    def postfix(self, value: Column) -> Column:
        while True:
            if self.accept("["):
                value = value.getItem(self.expression())
                self.expect("]")
            elif self.accept("::"):
                value = value.cast(self.type())
            elif self.peek() == "." and self.place + 1 < len(self.tokens):
                self.place += 1
                value = value.getField(self.name())
            else:
                return value

    def arguments(self, close: str) -> list[Any]:
        """Arguments: columns, and functions of columns for lambdas."""
        values: list[Any] = []
        if self.accept(close):
            return values
        values.append(self.argument())
        while self.accept(","):
            values.append(self.argument())
        self.expect(close)
        return values

    def argument(self) -> Any:
        names = self.lambda_names()
        if names is not None:
            return self.function(names)
        value = self.expression()
        return value.alias(self.name()) if self.accept("as") else value

    def lambda_names(self) -> list[str] | None:
        """The arguments of a lambda, if one starts here."""
        kinds = [kind for kind, _ in self.tokens[self.place : self.place + 2]]
        if kinds[:1] == ["word"] and self.peek(1) == "->":
            self.place += 2
            return [self.tokens[self.place - 2][1]]
        ahead = 1
        if self.peek() == "(":
            while self.place + ahead < len(self.tokens) and self.tokens[self.place + ahead][0] == "word":
                ahead += 2 if self.peek(ahead + 1) == "," else 1
            if self.peek(ahead) == ")" and self.peek(ahead + 1) == "->":
                names = [text for kind, text in self.tokens[self.place : self.place + ahead] if kind == "word"]
                self.place += ahead + 2
                return names
        return None

    def function(self, names: list[str]) -> Callable[..., Column]:
        """The lambda whose body is next, as a function of columns."""
        start = self.place

        def body(*columns: Column) -> Column:
            inner = copy(self)
            inner.place, inner.variables = start, {**self.variables, **dict(zip(names, columns, strict=True))}
            found = inner.expression()
            self.place = max(self.place, inner.place)
            return found

        # To get past the body, it is read once with its arguments as plain columns.
        body(*(Column(node_of(name)) for name in names))
        shapes: dict[int, Callable[..., Column]] = {
            1: lambda x: body(x),
            2: lambda x, y: body(x, y),
            3: lambda x, y, z: body(x, y, z),
        }
        if len(names) not in shapes:
            raise _Beyond
        return shapes[len(names)]

    def type(self) -> t.DataType:
        """A type: the tokens up to the parenthesis that closes the cast, or one word with arguments."""
        text, depth = "", 0
        while self.place < len(self.tokens):
            token = self.peek()
            if depth == 0 and text and token not in ("(", "<"):
                break
            if depth == 0 and token in (")", ","):
                break
            depth += (token in ("(", "<")) - (token in (")", ">"))
            text += " " + self.next()[1]
            if depth == 0 and text.strip().endswith((")", ">")):
                break
        return t.parse_type(text)

    def primary(self) -> Column:
        kind, text = self.next()
        if kind == "number":
            return _number(text)
        if kind == "string":
            return Column(Literal(_string(text)))
        if kind == "sign":
            if text == "(":
                inner = self.expression()
                if self.accept(","):
                    from springald.sql import functions as F

                    return F.struct(inner, *self.arguments(")"))
                self.expect(")")
                return inner
            if text == "*":
                return Column(Star())
            raise _Beyond
        if kind == "quoted":
            self.place -= 1
            return self.reference()
        return self.word(text.lower())

    def word(self, word: str) -> Column:
        if word in ("true", "false"):
            return Column(Literal(word == "true"))
        if word == "null":
            return Column(Literal(None))
        if word == "case":
            return self.case()
        if word in ("cast", "try_cast") and self.accept("("):
            value = self.expression()
            self.expect("as")
            made = Column(Cast(value._node, self.type(), safe=word == "try_cast"))
            self.expect(")")
            return made
        if word in ("date", "timestamp") and self.peek() == "string:":
            text = _string(self.next()[1])
            return Column(Literal(text)).cast(word)
        if word == "interval":
            return self.interval()
        if word == "extract" and self.peek() == "(":
            return self.extract()
        if word in ("current_date", "current_timestamp") and self.peek() != "(":
            return self.call(word, [], False)
        if self.peek() == "(":
            self.place += 1
            distinct = self.accept("distinct")
            return self.over(self.call(word, self.arguments(")"), distinct))
        if word in _RESERVED:
            raise _Beyond
        self.place -= 1
        return self.reference()

    def reference(self) -> Column:
        parts = [self.name()]
        if parts[0] in self.variables:
            return self.variables[parts[0]]
        while self.peek() == "." and self.place + 1 < len(self.tokens):
            self.place += 1
            if self.accept("*"):
                return Column(Star(".".join(parts)))
            parts.append(self.name())
        return Column(node_of(".".join(f"`{p}`" if re.search(r"\W", p) else p for p in parts)))

    def case(self) -> Column:
        base = None if self.peek() == "when" else self.expression()
        branches: list[tuple[Node, Node]] = []
        while self.accept("when"):
            condition = self.expression()
            self.expect("then")
            test = condition if base is None else base == condition
            branches.append((test._node, self.expression()._node))
        last = self.expression()._node if self.accept("else") else None
        self.expect("end")
        if not branches:
            raise _Beyond
        return Column(Case(tuple(branches), last))

    def interval(self) -> Column:
        total = {"months": 0, "days": 0, "nanoseconds": 0}
        seen = False
        while self.peek() in ("number:", "string:"):
            kind, text = self.next()
            number = _string(text) if kind == "string" else text
            unit = self.peek().rstrip("s")
            if unit not in _UNITS or not re.fullmatch(r"-?\d+", number.strip()):
                raise _Beyond
            self.place += 1
            field, factor = _UNITS[unit]
            total[field] += factor * int(number)
            seen = True
        if not seen:
            raise _Beyond
        span = _interval(total)
        return Column(Literal(span, pa.month_day_nano_interval()))

    def extract(self) -> Column:
        from springald.sql import functions as F

        self.expect("(")
        field = self.name()
        self.expect("from")
        source = self.expression()
        self.expect(")")
        return F.extract(F.lit(field), source)

    def over(self, value: Column) -> Column:
        if not self.accept("over"):
            return value
        from springald.sql.window import WindowSpec

        self.expect("(")
        partitions: list[Node] = []
        orders: list[Node] = []
        if self.accept("partition", "by"):
            partitions.append(self.expression()._node)
            while self.accept(","):
                partitions.append(self.expression()._node)
        if self.accept("order", "by"):
            orders.append(self.order())
            while self.accept(","):
                orders.append(self.order())
        if self.peek() in ("rows", "range"):
            raise _Beyond
        self.expect(")")
        return Column(Windowed(value._node, WindowSpec(tuple(partitions), tuple(orders))))

    def order(self) -> Node:
        value = self.expression()
        descending = self.accept("desc")
        if not descending:
            self.accept("asc")
        if self.accept("nulls", "first"):
            return (value.desc_nulls_first() if descending else value.asc())._node
        if self.accept("nulls", "last"):
            return (value.desc() if descending else value.asc_nulls_last())._node
        return (value.desc() if descending else value.asc())._node

    def call(self, name: str, arguments: Sequence[Any], distinct: bool) -> Column:
        from springald.sql import functions as F

        name = _NAMES.get(name, name)
        if distinct:
            known = {"count": F.count_distinct, "sum": F.sum_distinct, "listagg": F.listagg_distinct}
            if name not in known:
                raise _Beyond
            return known[name](*arguments)
        if name in ("if", "iff") and len(arguments) == 3:
            return _made("if", _if, "(IF({0}, {1}, {2}))", *arguments)
        if name in _CASTS and len(arguments) == 1:
            value: Column = arguments[0]
            return value.cast(name)
        if name not in F.__all__ or name in ("col", "column", "lit", "expr", "when", "broadcast"):
            raise _Beyond
        plain = [_plain(name, i, a) for i, a in enumerate(arguments)]
        try:
            found = getattr(F, name)(*plain)
        except TypeError:
            raise _Beyond from None
        if not isinstance(found, Column):
            raise _Beyond
        return found


_CASTS = {
    "int", "bigint", "smallint", "tinyint", "double", "float", "string", "boolean", "binary", "decimal", "timestamp",
    "date",
}  # fmt: skip
_NAMES = {"map": "create_map", "character": "char", "chr": "char", "std_dev": "stddev", "array_length": "array_size"}

# Arguments that PySpark's functions take as values of Python, by function and place.
_VALUES: dict[str, tuple[int, ...]] = {
    "add_months": (), "conv": (1, 2), "date_format": (1,), "date_trunc": (0,), "trunc": (1,), "from_unixtime": (1,),
    "unix_timestamp": (1,), "to_date": (1,), "to_timestamp": (1,), "try_to_date": (1,), "round": (1,), "bround": (1,),
    "ceil": (1,), "floor": (1,), "sha2": (1,), "lag": (1, 2), "lead": (1, 2), "ntile": (0,), "nth_value": (1,),
    "first": (1,), "last": (1,), "format_number": (1,), "format_string": (0,), "get_json_object": (1,),
    "regexp_extract": (1, 2), "substring_index": (1, 2), "locate": (0, 2), "translate": (1, 2), "encode": (1,),
    "decode": (1,), "shiftleft": (1,), "shiftright": (1,), "shiftrightunsigned": (1,), "sort_array": (1,),
    "array_join": (1, 2), "percentile": (1,), "percentile_approx": (1, 2), "approx_percentile": (1, 2),
    "concat_ws": (0,), "from_json": (1,), "months_between": (2,), "rand": (0,), "randn": (0,),
    "approx_count_distinct": (1,), "levenshtein": (2,), "next_day": (1,), "window": (1, 2, 3),
    "timestamp_add": (0,), "timestamp_diff": (0,),
}  # fmt: skip


def _plain(name: str, place: int, argument: Any) -> Any:
    if not isinstance(argument, Column):
        return argument
    node = argument._node
    if isinstance(node, Literal) and place in _VALUES.get(name, ()):
        return node.value
    return argument


def _interval(total: dict[str, int]) -> pa.MonthDayNano:
    make: Any = pa.MonthDayNano
    return make([total["months"], total["days"], total["nanoseconds"]])  # type: ignore[no-any-return]


def _made(name: str, build: Build, form: str | None, *arguments: Column) -> Column:
    return Column(Call(name, tuple(argument._node for argument in arguments), build, form))


def _between(scope: Scope, value: Value, low: Value, high: Value) -> Value:
    return compare(scope, ">=", value, low).binary("and", compare(scope, "<=", value, high))


def _if(scope: Scope, condition: Value, a: Value, b: Value) -> Value:
    kind = common_type([a.type, b.type])
    return scope.case([(coerce(condition, pa.bool_()), coerce(a, kind))], coerce(b, kind))


def _div(scope: Scope, a: Value, b: Value) -> Value:
    """The whole part of a quotient."""
    if not (pt.is_integer(a.type) and pt.is_integer(b.type)):
        return cast(arithmetic(scope, "/", a, b), pa.int64())
    a, b = a.cast(pa.int64()), b.cast(pa.int64())
    message = "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to get null instead"
    return nonzero(scope, b, a.binary("/", b), message, False, a)


def _number(text: str) -> Column:
    lower = text.lower()
    for suffix, kind in (
        ("bd", None),
        ("l", "bigint"),
        ("s", "smallint"),
        ("y", "tinyint"),
        ("d", "double"),
        ("f", "float"),
    ):
        if lower.endswith(suffix):
            digits = text[: -len(suffix)]
            if kind is None:
                return Column(Literal(Decimal(digits)))
            if kind in ("double", "float"):
                return Column(Literal(float(digits)))
            return Column(Literal(int(digits), t.to_arrow(t.parse_type(kind))))
    if "e" in lower:
        return Column(Literal(float(text)))
    return Column(Literal(Decimal(text) if "." in text else int(text)))


def _string(text: str) -> str:
    quote, inner = text[0], text[1:-1].replace(text[0] * 2, text[0])
    escapes = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "\\": "\\", quote: quote}
    return re.sub(
        r"\\(.)",
        lambda m: escapes.get(m.group(1), ("\\" if m.group(1) in "%_" else "") + m.group(1)),
        inner,
        flags=re.DOTALL,
    )
