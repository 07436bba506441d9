"""Types and schemas from DDL text."""

from __future__ import annotations

import re

from springald.errors import ParseException
from springald.sql import types as t

__all__ = ["parse_ddl", "parse_type"]

_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)+`)|('(?:[^'\\]|\\.)*')|([^\W]\w*|\d+)|([<>(),:]))", re.UNICODE)

_SIMPLE: dict[str, type[t.DataType]] = {
    "boolean": t.BooleanType,
    "tinyint": t.ByteType,
    "byte": t.ByteType,
    "smallint": t.ShortType,
    "short": t.ShortType,
    "int": t.IntegerType,
    "integer": t.IntegerType,
    "bigint": t.LongType,
    "long": t.LongType,
    "float": t.FloatType,
    "real": t.FloatType,
    "double": t.DoubleType,
    "date": t.DateType,
    "timestamp": t.TimestampType,
    "timestamp_ltz": t.TimestampType,
    "timestamp_ntz": t.TimestampNTZType,
    "string": t.StringType,
    "binary": t.BinaryType,
    "void": t.NullType,
}


def parse_ddl(ddl: str) -> t.StructType:
    """The schema that a DDL text means; one type alone is the type of a column `value`.

    >>> parse_ddl("a int, b: decimal(10,2) NOT NULL")["b"]
    StructField('b', DecimalType(10,2), False)
    """
    kind = parse_type(ddl)
    return kind if isinstance(kind, t.StructType) else t.StructType([t.StructField("value", kind)])


def parse_type(ddl: str) -> t.DataType:
    """The type that a DDL text means.

    >>> parse_type("map<string, array<int>>")
    MapType(StringType(), ArrayType(IntegerType(), True), True)
    """
    try:
        parser = _Parser(ddl)
        kind = parser.type()
        parser.end()
    except ParseException as error:
        try:
            parser = _Parser(ddl)
            kind = parser.columns(None)
            parser.end()
        except ParseException:
            # The message about the one that went further would need positions; a lone word was meant as a type.
            raise error from None
    return kind


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                raise self.error(text[place:].strip()[:20])
            self.tokens.append(match.group().strip())
            place = match.end()
        self.place = 0

    def error(self, found: str) -> ParseException:
        return ParseException(
            f"[PARSE_SYNTAX_ERROR] `{found}` in the schema `{self.text}` is neither a type nor a list of columns",
            "write `name type, name type`, with types such as int, bigint, string, decimal(10,2), array<int>",
        )

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        if not token:
            raise self.error("the end")
        self.place += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek().lower() == token:
            self.place += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.error(self.peek() or "the end")

    def end(self) -> None:
        if self.place < len(self.tokens):
            raise self.error(self.peek())

    def numbers(self) -> list[int]:
        found: list[int] = []
        if self.accept("("):
            while not self.accept(")"):
                token = self.next()
                if not token.isdigit():
                    raise self.error(token)
                found.append(int(token))
                self.accept(",")
        return found

    def type(self) -> t.DataType:
        word = self.next().lower()
        if word in _SIMPLE:
            return _SIMPLE[word]()
        if word in ("decimal", "dec", "numeric"):
            return t.DecimalType(*self.numbers())
        if word in ("char", "character"):
            return t.CharType(*self.numbers())
        if word == "varchar":
            return t.VarcharType(*self.numbers())
        if word == "time":
            return t.TimeType(*self.numbers())
        if word == "interval":
            return self.interval()
        if word == "array":
            self.expect("<")
            element = self.type()
            self.expect(">")
            return t.ArrayType(element)
        if word == "map":
            self.expect("<")
            key = self.type()
            self.expect(",")
            value = self.type()
            self.expect(">")
            return t.MapType(key, value)
        if word == "struct":
            self.expect("<")
            return self.columns(">")
        raise self.error(word)

    def interval(self) -> t.DataType:
        units: list[str] = []
        while self.peek().lower() in ("year", "month", "day", "hour", "minute", "second"):
            units.append(self.next().lower())
            if not self.accept("to"):
                break
        if not units:
            return t.CalendarIntervalType()
        kind: type[t.YearMonthIntervalType] | type[t.DayTimeIntervalType]
        kind = t.YearMonthIntervalType if units[0] in ("year", "month") else t.DayTimeIntervalType
        return kind(*(kind._units.index(unit) for unit in units))

    def columns(self, close: str | None) -> t.StructType:
        schema = t.StructType()
        while not (close is not None and self.accept(close)):
            name = self.next()
            if name.startswith("`"):
                name = name[1:-1].replace("``", "`")
            elif not (name[0].isalpha() or name[0] == "_" or name[0].isdigit()):
                raise self.error(name)
            self.accept(":")
            kind = self.type()
            nullable = True
            if self.accept("not"):
                self.expect("null")
                nullable = False
            metadata = None
            if self.accept("comment"):
                metadata = {"comment": self.next()[1:-1]}
            schema.add(t.StructField(name, kind, nullable, metadata))
            if self.accept(","):
                continue
            if close is not None:
                self.expect(close)
            break
        return schema
