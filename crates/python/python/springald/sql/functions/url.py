"""URLs."""

from __future__ import annotations

from springald.sql.column import Column
from springald.sql.functions._make import ColumnOrName, call, engine

__all__ = [
    "parse_url",
    "try_parse_url",
    "try_url_decode",
    "url_decode",
    "url_encode",
]


def parse_url(url: ColumnOrName, partToExtract: ColumnOrName, key: ColumnOrName | None = None) -> Column:
    """A part of a URL: HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY, USERINFO; or a key of the query.

    >>> spark.range(1).select(F.parse_url(F.lit("http://a.org/p?x=1"), F.lit("HOST"))).first()[0]
    'a.org'
    """
    rest = () if key is None else (key,)
    return call("parse_url", engine("spark_parse_url", "s"), url, partToExtract, *rest)


def try_parse_url(url: ColumnOrName, partToExtract: ColumnOrName, key: ColumnOrName | None = None) -> Column:
    """A part of a URL; null where it is no URL.

    >>> spark.range(1).select(F.try_parse_url(F.lit("http://a.org/p"), F.lit("PATH"))).first()[0]
    '/p'
    """
    rest = () if key is None else (key,)
    return call("try_parse_url", engine("spark_try_parse_url", "s"), url, partToExtract, *rest)


def url_encode(str: ColumnOrName) -> Column:
    """Text as a part of a URL.

    >>> spark.range(1).select(F.url_encode(F.lit("a b&c"))).first()[0]
    'a+b%26c'
    """
    return call("url_encode", engine("spark_url_encode", "s"), str)


def url_decode(str: ColumnOrName) -> Column:
    """Text that was a part of a URL.

    >>> spark.range(1).select(F.url_decode(F.lit("a+b%26c"))).first()[0]
    'a b&c'
    """
    return call("url_decode", engine("spark_url_decode", "s"), str)


def try_url_decode(str: ColumnOrName) -> Column:
    """Text that was a part of a URL; null where it was none.

    >>> spark.range(1).select(F.try_url_decode(F.lit("a%2"))).first()[0] is None
    True
    """
    return call("try_url_decode", engine("spark_try_url_decode", "s"), str)
