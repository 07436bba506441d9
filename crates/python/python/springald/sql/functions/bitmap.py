"""Bitmaps: places of numbers in them, and their bits."""

from __future__ import annotations

import pyarrow as pa

from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine

__all__ = ["bitmap_bit_position", "bitmap_bucket_number", "bitmap_count"]


def bitmap_bit_position(col: ColumnOrName) -> Column:
    """The place of a number's bit in its bitmap.

    >>> spark.range(1).select(F.bitmap_bit_position(F.lit(123))).first()[0]
    122
    """
    return call("bitmap_bit_position", engine("spark_bitmap_bit_position", "l", pa.int64()), col)


def bitmap_bucket_number(col: ColumnOrName) -> Column:
    """The number of the bitmap that holds a number's bit.

    >>> spark.range(1).select(F.bitmap_bucket_number(F.lit(123))).first()[0]
    1
    """
    return call("bitmap_bucket_number", engine("spark_bitmap_bucket_number", "l", pa.int64()), col)


def bitmap_count(col: ColumnOrName) -> Column:
    """How many bits of a bitmap are set.

    >>> spark.range(1).select(F.bitmap_count(F.lit(b"\\x07"))).first()[0]
    3
    """
    return call("bitmap_count", engine("spark_bitmap_count", "B", pa.int64()), col)
