"""Functions that make rows of the items of a column."""

from __future__ import annotations

from springald.errors import PySparkValueError
from springald.sql._nodes import Generator, Literal
from springald.sql.column import Column, node_of
from springald.sql.functions._make import ColumnOrName, call, engine, lit_, nodes_of
from springald.sql.functions.collection import array, named_struct

__all__ = [
    "explode",
    "explode_outer",
    "inline",
    "inline_outer",
    "json_tuple",
    "posexplode",
    "posexplode_outer",
    "stack",
]


def explode(col: ColumnOrName) -> Column:
    """A row for each item of an array, as `col`, or of a map, as `key` and `value`.

    >>> df = spark.createDataFrame([(1, [5, 6])], ["id", "a"])
    >>> df.select("id", F.explode("a")).collect()
    [Row(id=1, col=5), Row(id=1, col=6)]
    """
    return Column(Generator("explode", node_of(col)))


def explode_outer(col: ColumnOrName) -> Column:
    """A row for each item; one with null for an empty array or null.

    >>> df = spark.createDataFrame([(1, [])], "id int, a array<int>")
    >>> df.select("id", F.explode_outer("a")).collect()
    [Row(id=1, col=None)]
    """
    return Column(Generator("explode_outer", node_of(col)))


def posexplode(col: ColumnOrName) -> Column:
    """A row for each item with its place, from 0, as `pos`.

    >>> df = spark.createDataFrame([(1, [5, 6])], ["id", "a"])
    >>> df.select(F.posexplode("a")).collect()
    [Row(pos=0, col=5), Row(pos=1, col=6)]
    """
    return Column(Generator("posexplode", node_of(col)))


def posexplode_outer(col: ColumnOrName) -> Column:
    """A row for each item with its place; one with nulls for an empty array or null.

    >>> df = spark.createDataFrame([(1, [])], "id int, a array<int>")
    >>> df.select(F.posexplode_outer("a")).collect()
    [Row(pos=None, col=None)]
    """
    return Column(Generator("posexplode_outer", node_of(col)))


def inline(col: ColumnOrName) -> Column:
    """A row for each struct of an array, with its fields as columns.

    >>> df = spark.createDataFrame([([(1, "x")],)], "a array<struct<n:int,s:string>>")
    >>> df.select(F.inline("a")).collect()
    [Row(n=1, s='x')]
    """
    return Column(Generator("inline", node_of(col)))


def inline_outer(col: ColumnOrName) -> Column:
    """A row for each struct of an array; one with nulls for an empty array or null.

    >>> df = spark.createDataFrame([([],)], "a array<struct<n:int,s:string>>")
    >>> df.select(F.inline_outer("a")).collect()
    [Row(n=None, s=None)]
    """
    return Column(Generator("inline_outer", node_of(col)))


def stack(*cols: ColumnOrName) -> Column:
    """So many rows, as the first argument says, of the other columns in turn, called `col0`, `col1`, ….

    >>> spark.range(1).select(F.stack(F.lit(2), F.lit(1), F.lit("a"), F.lit(2), F.lit("b"))).collect()
    [Row(col0=1, col1='a'), Row(col0=2, col1='b')]
    """
    nodes = nodes_of(cols)
    if not nodes or not isinstance(nodes[0], Literal) or not isinstance(nodes[0].value, int) or nodes[0].value < 1:
        raise PySparkValueError("the first argument of stack is the count of rows, as F.lit(n)")
    count, values = nodes[0].value, [Column(node) for node in nodes[1:]]
    width = -(-len(values) // count)
    names = [Column(Literal(f"col{i}")) for i in range(width)]
    rows = []
    for start in range(0, count * width, width):
        row = [*values[start : start + width]]
        row += [Column(Literal(None))] * (width - len(row))
        rows.append(named_struct(*(part for pair in zip(names, row, strict=True) for part in pair)))
    return inline(array(*rows))


def json_tuple(col: ColumnOrName, *fields: str) -> Column:
    """The values of some keys of a JSON object as text, in columns called `c0`, `c1`, ….

    >>> df = spark.createDataFrame([('{"a": 1, "b": "x"}',)], ["j"])
    >>> df.select(F.json_tuple("j", "a", "b")).collect()
    [Row(c0='1', c1='x')]
    """
    if not fields:
        raise PySparkValueError("[CANNOT_BE_EMPTY] json_tuple takes the keys that are wanted")
    values = [call("json_tuple", engine("spark_json_tuple", "s"), col, lit_(field)) for field in fields]
    parts: list[Column] = []
    for i, value in enumerate(values):
        parts += [lit_(f"c{i}"), value.getField("c0")]
    return inline(array(named_struct(*parts)))
