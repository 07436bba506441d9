"""Digests and hash values."""

from __future__ import annotations

import pyarrow as pa

from springald.errors import PySparkValueError
from springald.sql._casts import as_text
from springald.sql._nodes import Build
from springald.sql._types import Kind, is_binary
from springald.sql._value import Scope, Value
from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, nodes_of

__all__ = ["crc32", "hash", "md5", "sha", "sha1", "sha2", "xxhash64"]


def _digest(function: str, result: Kind) -> Build:
    def build(scope: Scope, value: Value) -> Value:
        data = value if is_binary(value.type) else as_text(value).cast(pa.binary())
        return scope.call(function, data).cast(result)

    return build


def md5(col: ColumnOrName) -> Column:
    """The MD5 digest in hexadecimal digits.

    >>> spark.range(1).select(F.md5(F.lit("a"))).first()[0]
    '0cc175b9c0f1b6a831c399e269772661'
    """
    return call("md5", _digest("md5", pa.string()), col)


def sha1(col: ColumnOrName) -> Column:
    """The SHA-1 digest in hexadecimal digits.

    >>> spark.range(1).select(F.sha1(F.lit("a"))).first()[0]
    '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8'
    """
    return call("sha1", _digest("spark_sha1", pa.string()), col)


def sha(col: ColumnOrName) -> Column:
    """The SHA-1 digest in hexadecimal digits.

    >>> spark.range(1).select(F.sha(F.lit("a"))).first()[0]
    '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8'
    """
    return call("sha", _digest("spark_sha1", pa.string()), col)


def sha2(col: ColumnOrName, numBits: int) -> Column:
    """The SHA-2 digest of 224, 256 (or 0), 384 or 512 bits in hexadecimal digits.

    >>> spark.range(1).select(F.substring(F.sha2(F.lit("a"), 256), 1, 8)).first()[0]
    'ca978112'
    """
    if numBits not in (0, 224, 256, 384, 512):
        raise PySparkValueError(f"[VALUE_NOT_ALLOWED] there is no SHA-2 of {numBits} bits", "224, 256, 384 or 512")

    def build(scope: Scope, value: Value, bits: Value) -> Value:
        data = value if is_binary(value.type) else as_text(value).cast(pa.binary())
        return scope.call("spark_sha2", data, bits).cast(pa.string())

    return call("sha2", build, col, lit_(numBits))


def crc32(col: ColumnOrName) -> Column:
    """The cyclic redundancy check of 32 bits.

    >>> spark.range(1).select(F.crc32(F.lit("a"))).first()[0]
    3904355907
    """
    return call("crc32", _digest("spark_crc32", pa.int64()), col)


def xxhash64(*cols: ColumnOrName) -> Column:
    """The hash value of 64 bits by xxHash, with seed 42.

    >>> spark.range(1).select(F.xxhash64(F.lit("a"))).first()[0]
    -8582455328737087284
    """
    return call("xxhash64", engine("spark_xxhash64", "."), *nodes_of(cols))


def hash(*cols: ColumnOrName) -> Column:
    """The hash value of 32 bits by Murmur3, with seed 42.

    >>> spark.range(1).select(F.hash(F.lit(1))).first()[0]
    -559580957
    """
    return call("hash", engine("spark_hash", ".", pa.int32()), *nodes_of(cols))
