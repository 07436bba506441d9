"""Bits and digits of whole numbers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt

from springald.sql._casts import as_text, cast, coerce
from springald.sql._nodes import Build
from springald.sql._types import is_string
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_

__all__ = [
    "bin",
    "bit_count",
    "bit_get",
    "bitwise_not",
    "conv",
    "getbit",
    "hex",
    "shiftleft",
    "shiftright",
    "shiftrightunsigned",
    "unhex",
]


def bin(col: ColumnOrName) -> Column:
    """A whole number in binary digits.

    >>> spark.range(1).select(F.bin(F.lit(5))).first()[0]
    '101'
    """
    return call("bin", engine("spark_bin", "l"), col)


def bit_count(col: ColumnOrName) -> Column:
    """How many bits are set.

    >>> spark.range(1).select(F.bit_count(F.lit(7))).first()[0]
    3
    """
    return call("bit_count", engine("spark_bit_count", "l", pa.int32()), col)


def bit_get(col: ColumnOrName, pos: ColumnOrName) -> Column:
    """The bit at a place, counted from the right from 0.

    >>> spark.range(1).select(F.bit_get(F.lit(5), F.lit(2))).first()[0]
    1
    """
    return call("bit_get", engine("spark_bit_get", ".i", pa.int8()), col, pos)


def getbit(col: ColumnOrName, pos: ColumnOrName) -> Column:
    """The bit at a place, counted from the right from 0.

    >>> spark.range(1).select(F.getbit(F.lit(5), F.lit(1))).first()[0]
    0
    """
    return call("getbit", engine("spark_bit_get", ".i", pa.int8()), col, pos)


def bitwise_not(col: ColumnOrName) -> Column:
    """The number with every bit turned.

    >>> spark.range(1).select(F.bitwise_not(F.lit(5))).first()[0]
    -6
    """
    return call("~", engine("spark_bitwise_not", "."), col, form="~{0}")


def conv(col: ColumnOrName, fromBase: int, toBase: int) -> Column:
    """Digits of one base in another.

    >>> spark.range(1).select(F.conv(F.lit("ff"), 16, 10)).first()[0]
    '255'
    """
    return call("conv", engine("conv", "sii"), col, fromBase, toBase)


def hex(col: ColumnOrName) -> Column:
    """A whole number, text or bytes in hexadecimal digits.

    >>> spark.range(1).select(F.hex(F.lit(255))).first()[0]
    'FF'
    """
    return call("hex", _hex, col)


def _hex(scope: Scope, value: Value) -> Value:
    if pt.is_integer(value.type) or pt.is_floating(value.type) or pt.is_decimal(value.type):
        value = cast(value, pa.int64())
    elif not is_string(value.type) and not pt.is_binary(value.type):
        value = as_text(value)
    return scope.call("spark_hex", value).cast(pa.string())


def unhex(col: ColumnOrName) -> Column:
    """The bytes of hexadecimal digits; null if they are not such.

    >>> spark.range(1).select(F.unhex(F.lit("4142"))).first()[0]
    bytearray(b'AB')
    """
    return call("unhex", engine("spark_unhex", "s", pa.binary()), col)


def shiftleft(col: ColumnOrName, numBits: int) -> Column:
    """The bits moved to the left.

    >>> spark.range(1).select(F.shiftleft(F.lit(1), 3)).first()[0]
    8
    """
    return call("shiftleft", _shift("spark_shiftleft"), col, lit_(numBits))


def shiftright(col: ColumnOrName, numBits: int) -> Column:
    """The bits moved to the right, the sign kept.

    >>> spark.range(1).select(F.shiftright(F.lit(-8), 1)).first()[0]
    -4
    """
    return call("shiftright", _shift("spark_shiftright"), col, lit_(numBits))


def shiftrightunsigned(col: ColumnOrName, numBits: int) -> Column:
    """The bits moved to the right, with zeros from the left.

    >>> spark.range(1).select(F.shiftrightunsigned(F.lit(-8), 28)).first()[0]
    15
    """
    return call("shiftrightunsigned", _shift("spark_shiftrightunsigned"), col, lit_(numBits))


def _shift(function: str) -> Build:
    def build(scope: Scope, value: Value, bits: Value) -> Value:
        if value.type not in (pa.int32(), pa.int64()):
            value = coerce(value, pa.int32())
        return scope.call(function, value, coerce(bits, pa.int32()))

    return build
