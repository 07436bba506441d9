"""Files and tables: `spark.read` and `df.write`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from springald._internal import Frame
from springald.errors import AnalysisException, IllegalArgumentException, PySparkTypeError
from springald.sql._work import running
from springald.sql.conf import text_of
from springald.sql.frame.actions import check_text

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame
    from springald.sql.session import SparkSession
    from springald.sql.types import StructType

__all__ = ["DataFrameReader", "DataFrameWriter"]

Mode = Literal["error", "append", "overwrite", "ignore"]

_MODES: dict[str, Mode] = {
    "error": "error",
    "errorifexists": "error",
    "default": "error",
    "append": "append",
    "overwrite": "overwrite",
    "ignore": "ignore",
}

_DEFAULT_FORMAT = "parquet"

# What Spark's short names of formats are here.
_FORMATS = {"json": "json", "csv": "csv", "parquet": "parquet", "text": "text", "libsvm": "libsvm", "avro": "avro"}

# Spark's patterns of dates, letter by letter, in the engine's.
_PATTERNS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "SSSSSS": "%6f",
    "SSS": "%3f",
    "a": "%p",
    "EEEE": "%A",
    "EEE": "%a",
    "E": "%a",
    "XXX": "%:z",
    "DDD": "%j",
}


class _Options:
    """Options by name, of which case does not matter."""

    def __init__(self) -> None:
        self._options: dict[str, tuple[str, str]] = {}

    def _put(self, options: Mapping[str, Any]) -> None:
        for name, value in options.items():
            if value is not None:
                self._options[name.casefold()] = (name, text_of(value))

    def _take(self, name: str) -> str | None:
        found = self._options.pop(name.casefold(), None)
        return None if found is None else found[1]

    def _pairs(self) -> list[tuple[str, str]]:
        return list(self._options.values())


class DataFrameReader(_Options):
    """Reads files and tables.

    >>> spark.read.format("csv").option("header", True).schema("id int, name string")
    <springald.sql.readwriter.DataFrameReader object at ...>
    """

    def __init__(self, spark: SparkSession) -> None:
        super().__init__()
        self._spark = spark
        self._format: str | None = None
        self._schema: StructType | None = None

    def format(self, source: str) -> DataFrameReader:
        """Names the format: parquet, csv, json, text, avro, arrow or libsvm.

        >>> spark.read.format("parquet")
        <springald.sql.readwriter.DataFrameReader object at ...>
        """
        self._format = source.lower()
        return self

    def schema(self, schema: StructType | str) -> DataFrameReader:
        """Gives the columns, so that the files are not looked through for them.

        Args:
            schema: A `StructType` or its DDL text.

        >>> spark.read.schema("id int, name string")
        <springald.sql.readwriter.DataFrameReader object at ...>
        """
        from springald.sql.types import StructType, parse_ddl

        made = parse_ddl(schema) if isinstance(schema, str) else schema
        if not isinstance(made, StructType):
            raise PySparkTypeError(f"a schema is a StructType or DDL text, not {type(schema).__name__}")
        self._schema = made
        return self

    def option(self, key: str, value: Any) -> DataFrameReader:
        """Sets an option of the format.

        >>> spark.read.option("header", True)
        <springald.sql.readwriter.DataFrameReader object at ...>
        """
        self._put({key: value})
        return self

    def options(self, **options: Any) -> DataFrameReader:
        """Sets options of the format.

        >>> spark.read.options(header=True, sep=";")
        <springald.sql.readwriter.DataFrameReader object at ...>
        """
        self._put(options)
        return self

    def load(
        self, path: Any = None, format: str | None = None, schema: StructType | str | None = None, **options: Any
    ) -> DataFrame:
        """The rows of files, of Parquet unless a format is named.

        Args:
            path: A file, a folder or a glob, or a list of them; also a URL of a store.
            format: The format.
            schema: The columns.
            options: Options of the format; and which files are read: `pathGlobFilter`, `recursiveFileLookup`,
                `ignoreCorruptFiles` (those whose columns cannot be told), `modifiedBefore` and `modifiedAfter` (in
                UTC). Folders are listed when the rows are read, so that files which have gone are no error.

        >>> import pathlib, tempfile
        >>> path = tempfile.mkdtemp() + "/file"
        >>> _ = pathlib.Path(path).write_text("a,b\\n1,x\\n")
        >>> spark.read.load(path, format="csv", header=True).collect()
        [Row(a='1', b='x')]
        """
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self._put(options)
        paths = [] if path is None else [path] if isinstance(path, str | os.PathLike) else list(path)
        given = self._take("path")
        if given is not None:
            paths.append(given)
        if not paths:
            raise IllegalArgumentException("there is no path to read from", "load(path), or option('path', …)")
        name = self._format or _DEFAULT_FORMAT
        self._put_defaults()
        with running(self._spark):
            frame = self._spark._engine.read(
                [os.fspath(one) for one in paths],
                _FORMATS.get(name, name),
                None if self._schema is None else self._schema.toArrow(),
                self._libsvm_pairs() if name == "libsvm" else self._pairs(),
            )
            return self._spark._made(frame)

    def table(self, tableName: str) -> DataFrame:
        """A table or view by its name.

        >>> spark.range(2).createOrReplaceTempView("numbers")
        >>> spark.read.table("numbers").count()
        2
        """
        return self._spark.table(tableName)

    def parquet(self, *paths: str, **options: Any) -> DataFrame:
        """The rows of Parquet files.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/numbers"
        >>> spark.range(2).write.parquet(path)
        >>> spark.read.parquet(path).count()
        2
        """
        return self.load([one for path in paths for one in _listed(path)], "parquet", **options)

    def csv(self, path: Any, schema: StructType | str | None = None, **options: Any) -> DataFrame:
        """The rows of CSV files.

        As in Spark there is no header unless `header=True`, columns are called `_c0`, `_c1` then, and all are strings
        unless `inferSchema=True` or a schema is given.

        Args:
            path: A file, folder or glob, or a list of them.
            schema: The columns.
            options: `sep`, `header`, `inferSchema`, `quote`, `escape`, `comment`, `nullValue`, `multiLine`, `lineSep`,
                `compression`, `encoding`, `mode`, `pathGlobFilter`.

        >>> import pathlib, tempfile
        >>> path = tempfile.mkdtemp() + "/file"
        >>> _ = pathlib.Path(path).write_text("1,x\\n")
        >>> spark.read.csv(path).collect()
        [Row(_c0='1', _c1='x')]
        """
        return self.load(path, "csv", schema, **options)

    def json(self, path: Any, schema: StructType | str | None = None, **options: Any) -> DataFrame:
        """The rows of files with a JSON object in each line.

        Args:
            path: A file, folder or glob, a list of them, or an RDD of texts.
            schema: The columns.
            options: `compression`, `multiLine`, `encoding`, `mode`, `pathGlobFilter`.

        >>> import pathlib, tempfile
        >>> path = tempfile.mkdtemp() + "/file"
        >>> _ = pathlib.Path(path).write_text('{"n": 1}\\n')
        >>> spark.read.json(path).collect()
        [Row(n=1)]
        """
        from springald.rdd import RDD

        if isinstance(path, RDD):
            return self._json_texts(path)
        return self.load(path, "json", schema, **options)

    def text(self, paths: Any, wholetext: bool | None = None, lineSep: str | None = None, **options: Any) -> DataFrame:
        """The lines of text files, in a column `value`.

        Args:
            paths: A file, folder or glob, or a list of them.
            wholetext: One row for each file.
            lineSep: What ends a row, instead of a line's end.
            options: `compression`, and which files are read as for `load`.

        >>> import pathlib, tempfile
        >>> path = tempfile.mkdtemp() + "/file"
        >>> _ = pathlib.Path(path).write_text("a\\nb\\n")
        >>> spark.read.text(path).collect()
        [Row(value='a'), Row(value='b')]
        """
        return self.load(paths, "text", wholetext=wholetext, lineSep=lineSep, **options)

    def _put_defaults(self) -> None:
        """Settings of the session that stand for options."""
        for option in ("ignoreCorruptFiles", "ignoreMissingFiles"):
            value = self._spark.conf.get(f"spark.sql.files.{option}", None)
            if value is not None and option.casefold() not in self._options:
                self._put({option: value})

    def _libsvm_pairs(self) -> list[tuple[str, str]]:
        """The options, with Spark's default of sparse vectors."""
        return [("vectorType", self._take("vectorType") or "sparse"), *self._pairs()]

    def _json_texts(self, texts: Any) -> DataFrame:
        import io

        import pyarrow.json as pj

        lines = "\n".join(" ".join(text.splitlines()) for text in texts)
        table = pj.read_json(io.BytesIO(lines.encode()))
        df = self._spark.createDataFrame(table.select(sorted(table.column_names)))
        if self._schema is None:
            return df
        from springald.sql import functions as F

        return df.select(*[F.col(f.name).cast(f.dataType).alias(f.name) for f in self._schema.fields])


class DataFrameWriter(_Options):
    """Writes rows to files and tables.

    >>> spark.range(1).write.format("parquet").mode("overwrite")
    <springald.sql.readwriter.DataFrameWriter object at ...>
    """

    def __init__(self, df: DataFrame) -> None:
        super().__init__()
        self._df = df
        self._mode: Mode = "error"
        self._format: str | None = None
        self._partition_by: list[str] = []

    def mode(self, saveMode: str | None) -> DataFrameWriter:
        """What happens if something is there already: `error` (the default), `append`, `overwrite` or `ignore`.

        >>> spark.range(1).write.mode("append")
        <springald.sql.readwriter.DataFrameWriter object at ...>
        """
        if saveMode is not None:
            if saveMode.lower() not in _MODES:
                raise IllegalArgumentException(
                    f"[INVALID_SAVE_MODE] there is no save mode {saveMode!r}", "error, append, overwrite and ignore are"
                )
            self._mode = _MODES[saveMode.lower()]
        return self

    def format(self, source: str) -> DataFrameWriter:
        """Names the format: parquet, csv, json or text; `noop` runs the work and drops the rows.

        >>> spark.range(1).write.format("noop").save()
        """
        self._format = source.lower()
        return self

    def option(self, key: str, value: Any) -> DataFrameWriter:
        """Sets an option of the format.

        >>> spark.range(1).write.option("header", True)
        <springald.sql.readwriter.DataFrameWriter object at ...>
        """
        self._put({key: value})
        return self

    def options(self, **options: Any) -> DataFrameWriter:
        """Sets options of the format.

        >>> spark.range(1).write.options(header=True)
        <springald.sql.readwriter.DataFrameWriter object at ...>
        """
        self._put(options)
        return self

    def partitionBy(self, *cols: Any) -> DataFrameWriter:
        """Puts the rows into a folder for each value of these columns, such as `year=2026`.

        >>> spark.range(1).write.partitionBy("id")
        <springald.sql.readwriter.DataFrameWriter object at ...>
        """
        self._partition_by = [part for item in cols for part in _listed(item)]
        return self

    partition_by = partitionBy

    def save(
        self,
        path: str | None = None,
        format: str | None = None,
        mode: str | None = None,
        partitionBy: Any = None,
        **options: Any,
    ) -> None:
        """Writes a folder of files, as Parquet unless a format is named.

        >>> import tempfile
        >>> spark.range(3).write.save(tempfile.mkdtemp() + "/numbers", format="json")
        """
        self.mode(mode)
        if format is not None:
            self.format(format)
        if partitionBy is not None:
            self.partitionBy(partitionBy)
        self._put(options)
        name = self._format or _DEFAULT_FORMAT
        df = self._df
        if name == "noop":
            for _ in df._batches(df._frame()):
                pass
            return
        target = path if path is not None else self._take("path")
        if target is None:
            raise IllegalArgumentException("there is no path to write to", "save(path), or option('path', …)")
        frame = df._named_frame(f"a {name} file")
        partitions = [self._partition(one) for one in self._partition_by]
        if name == "text":
            check_text([kind for column, kind in df.dtypes if column not in partitions])
        with running(df._session):
            frame.write(os.fspath(target), _FORMATS.get(name, name), self._mode, partitions, self._translated())

    def parquet(
        self, path: str, mode: str | None = None, partitionBy: Any = None, compression: str | None = None
    ) -> None:
        """Writes Parquet files.

        >>> import tempfile
        >>> spark.range(3).write.parquet(tempfile.mkdtemp() + "/numbers", compression="zstd")
        """
        self.save(path, "parquet", mode, partitionBy, compression=compression)

    def csv(self, path: str, mode: str | None = None, **options: Any) -> None:
        """Writes CSV files, without a header unless `header=True`.

        Args:
            path: The folder.
            mode: What happens if it is there already.
            options: `sep`, `header`, `quote`, `escape`, `nullValue`, `compression`, `dateFormat`, `timestampFormat`.

        >>> import tempfile
        >>> spark.range(3).write.csv(tempfile.mkdtemp() + "/numbers", header=True)
        """
        self.save(path, "csv", mode, **options)

    def json(self, path: str, mode: str | None = None, **options: Any) -> None:
        """Writes files with a JSON object in each line.

        >>> import tempfile
        >>> spark.range(3).write.json(tempfile.mkdtemp() + "/numbers")
        """
        self.save(path, "json", mode, **options)

    def text(self, path: str, compression: str | None = None, lineSep: str | None = None) -> None:
        r"""Writes the only column, of strings, as lines of text.

        >>> import tempfile
        >>> spark.createDataFrame([("a",)], "value string").write.text(tempfile.mkdtemp() + "/lines")
        """
        self.save(path, "text", compression=compression, lineSep=lineSep)

    def saveAsTable(
        self, name: str, format: str | None = None, mode: str | None = None, partitionBy: Any = None, **options: Any
    ) -> None:
        """Writes the rows as a table: on a cluster one that every session sees, in local mode one of this session.

        >>> spark.range(3).write.mode("overwrite").saveAsTable("kept")
        >>> spark.table("kept").count()
        3
        """
        from springald.sql.session import plain_name

        self.mode(mode)
        if (format or self._format or _DEFAULT_FORMAT) != _DEFAULT_FORMAT:
            raise AnalysisException("tables are kept as Parquet", "leave the format out, or save() files of another")
        if partitionBy is not None:
            self.partitionBy(partitionBy)
        if self._partition_by:
            raise AnalysisException("tables are not split into folders", "partitionBy() goes with save() of files")
        df = self._df
        frame = df._named_frame("a table")
        with running(df._session):
            frame.save_as_table(plain_name(name), self._mode)

    save_as_table = saveAsTable

    def insertInto(self, tableName: str, overwrite: bool | None = None) -> None:
        """Adds the rows to a table that is there, column by column in order.

        >>> spark.range(3).write.mode("overwrite").saveAsTable("kept")
        >>> spark.range(2).write.insertInto("kept")
        >>> spark.table("kept").count()
        5
        """
        from springald.sql.session import plain_name

        df = self._df
        table = df._session.table(tableName)
        if len(table.columns) != len(df.columns):
            raise AnalysisException(
                f"[INSERT_COLUMN_ARITY_MISMATCH] the table `{tableName}` has {len(table.columns)} columns, "
                f"and {len(df.columns)} are to be inserted"
            )
        frame = _cast_to(df, table)
        mode: Mode = "overwrite" if overwrite or self._mode == "overwrite" else "append"
        with running(df._session):
            frame.save_as_table(plain_name(tableName), mode)

    insert_into = insertInto

    def _partition(self, name: str) -> str:
        return self._df._attribute(name).name

    def _translated(self) -> list[tuple[str, str]]:
        return [(k, _pattern(v) if k.lower() in ("dateformat", "timestampformat") else v) for k, v in self._pairs()]


def _cast_to(df: DataFrame, table: DataFrame) -> Frame:
    from springald.sql.column import Column

    columns = [
        Column._of_attribute(a).cast(field.dataType).alias(field.name)
        for a, field in zip(df._relation.attributes, table.schema.fields, strict=True)
    ]
    return df.select(*columns)._named_frame("a table")


def _listed(item: Any) -> Sequence[Any]:
    return list(item) if isinstance(item, list | tuple) else [item]


def _pattern(text: str) -> str:
    """Spark's pattern of a date or moment as the engine writes it.

    >>> _pattern("yyyy-MM-dd'T'HH:mm:ss")
    '%Y-%m-%dT%H:%M:%S'
    """
    out = []
    place = 0
    while place < len(text):
        if text[place] == "'":
            end = text.find("'", place + 1)
            end = len(text) if end < 0 else end
            out.append(text[place + 1 : end] or "'")
            place = end + 1
            continue
        if not text[place].isalpha():
            out.append(text[place].replace("%", "%%"))
            place += 1
            continue
        run = next((i for i in range(place, len(text)) if text[i] != text[place]), len(text))
        letters = text[place:run]
        if letters not in _PATTERNS:
            raise IllegalArgumentException(
                f"the pattern {text!r} has `{letters}`, which is not known", f"there are {', '.join(_PATTERNS)}"
            )
        out.append(_PATTERNS[letters])
        place = run
    return "".join(out)
