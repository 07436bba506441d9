"""Text as bytes, and bytes as text."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from springald.sql._casts import as_text, cast
from springald.sql._nodes import Build
from springald.sql._types import is_binary
from springald.sql._value import Scope, Value
from springald.sql.column import Column, node_of
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, taking

__all__ = [
    "ascii",
    "base64",
    "bit_length",
    "char",
    "decode",
    "encode",
    "is_valid_utf8",
    "make_valid_utf8",
    "octet_length",
    "to_binary",
    "try_to_binary",
    "try_validate_utf8",
    "unbase64",
    "validate_utf8",
]


def ascii(col: ColumnOrName) -> Column:
    """The code of the first character, 0 for empty text.

    >>> spark.range(1).select(F.ascii(F.lit("A"))).first()[0]
    65
    """
    return call("ascii", engine("ascii", "s", pa.int32()), col)


def base64(col: ColumnOrName) -> Column:
    """Bytes or text in base 64.

    >>> spark.range(1).select(F.base64(F.lit("ab"))).first()[0]
    'YWI='
    """
    return call("base64", engine("spark_base64", "B", pa.string()), col)


def unbase64(col: ColumnOrName) -> Column:
    """The bytes that text in base 64 means.

    >>> spark.range(1).select(F.unbase64(F.lit("YWI="))).first()[0]
    bytearray(b'ab')
    """
    return call("unbase64", engine("spark_unbase64", "s", pa.binary()), col)


def bit_length(col: ColumnOrName) -> Column:
    """The length in bits.

    >>> spark.range(1).select(F.bit_length(F.lit("ab"))).first()[0]
    16
    """
    return call("bit_length", _octets(8), col)


def octet_length(col: ColumnOrName) -> Column:
    """The length in bytes.

    >>> spark.range(1).select(F.octet_length(F.lit("ä"))).first()[0]
    2
    """
    return call("octet_length", _octets(1), col)


def _octets(factor: int) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        value = taking("t", value, 0)
        count = scope.call("spark_length" if is_binary(value.type) else "octet_length", value).cast(pa.int32())
        return count.binary("*", factor)

    return build


def encode(col: ColumnOrName, charset: str) -> Column:
    """Text as bytes of a charset; here UTF-8 and US-ASCII.

    >>> spark.range(1).select(F.encode(F.lit("ä"), "UTF-8")).first()[0]
    bytearray(b'\\xc3\\xa4')
    """
    _charset(charset)
    return call("encode", lambda scope, text, _: cast(as_text(text), pa.binary()), col, lit_(charset))


def decode(col: ColumnOrName, charset: str) -> Column:
    """Bytes of a charset as text; here UTF-8 and US-ASCII.

    >>> spark.range(1).select(F.decode(F.lit(b"ab"), "UTF-8")).first()[0]
    'ab'
    """
    _charset(charset)
    return call("decode", lambda scope, data, _: taking("B", data, 0).cast(pa.string()), col, lit_(charset))


def _charset(name: str) -> None:
    from springald.errors import PySparkValueError

    if name.upper() not in ("UTF-8", "US-ASCII"):
        raise PySparkValueError(f"[INVALID_PARAMETER_VALUE.CHARSET] there is no charset {name} here", "use UTF-8")


def to_binary(col: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """Bytes of a text in `hex` (the default), `base64` or `utf-8`.

    >>> spark.range(1).select(F.to_binary(F.lit("4142"), F.lit("hex"))).first()[0]
    bytearray(b'AB')
    """
    return call("to_binary", _to_binary(format, safe=False), col, *([] if format is None else [format]))


def try_to_binary(col: ColumnOrName, format: ColumnOrName | None = None) -> Column:
    """Bytes of a text in `hex` (the default), `base64` or `utf-8`; null where it is not such.

    >>> spark.range(1).select(F.try_to_binary(F.lit("zz"), F.lit("hex"))).first()[0] is None
    True
    """
    return call("try_to_binary", _to_binary(format, safe=True), col, *([] if format is None else [format]))


def _to_binary(format: Any, safe: bool) -> Build:
    from springald.errors import PySparkValueError
    from springald.sql._nodes import Literal

    node = node_of(format) if format is not None else Literal("hex")
    name = str(node.value).lower() if isinstance(node, Literal) else ""
    if name not in ("hex", "base64", "utf-8", "utf8"):
        raise PySparkValueError("the format of to_binary is F.lit of hex, base64 or utf-8")

    def build(scope: Scope, text: Value, *_: Value) -> Value:
        value = taking("s", text, 0)
        if name.startswith("utf"):
            return value.cast(pa.binary())
        found = scope.call("spark_unhex" if name == "hex" else "spark_unbase64", value).cast(pa.binary())
        if safe:
            return found
        bad = found.is_null().binary("and", value.is_not_null())
        return scope.case([(bad, scope.fail("[CONVERSION_INVALID_INPUT] the text is no " + name, pa.binary()))], found)

    return build


def char(col: ColumnOrName) -> Column:
    """The character of a code.

    >>> spark.range(1).select(F.char(F.lit(65))).first()[0]
    'A'
    """
    return call("char", engine("spark_char", "l"), col)


def is_valid_utf8(str: ColumnOrName) -> Column:
    """Whether bytes are UTF-8.

    >>> spark.range(1).select(F.is_valid_utf8(F.lit("a"))).first()[0]
    True
    """
    return call("is_valid_utf8", engine("spark_is_valid_utf8", "t"), str)


def make_valid_utf8(str: ColumnOrName) -> Column:
    """Text with what is not UTF-8 replaced by the replacement character.

    >>> spark.range(1).select(F.make_valid_utf8(F.lit("a"))).first()[0]
    'a'
    """
    return call("make_valid_utf8", engine("spark_make_valid_utf8", "t", pa.string()), str)


def validate_utf8(str: ColumnOrName) -> Column:
    """Bytes of UTF-8 as text; others are an error.

    >>> spark.range(1).select(F.validate_utf8(F.lit("a"))).first()[0]
    'a'
    """
    return call("validate_utf8", lambda scope, value: taking("t", value, 0).cast(pa.string()), str)


def try_validate_utf8(str: ColumnOrName) -> Column:
    """Bytes of UTF-8 as text; null for others.

    >>> spark.range(1).select(F.try_validate_utf8(F.lit(b"\\xff"))).first()[0] is None
    True
    """
    return call("try_validate_utf8", lambda scope, value: taking("t", value, 0).cast(pa.string(), safe=True), str)
