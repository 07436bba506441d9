"""`SparkSession`: the way into Springald."""

from __future__ import annotations

import itertools
import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from springald import _internal
from springald._internal import Frame, __version__
from springald.errors import AnalysisException, IllegalArgumentException, PySparkTypeError, engine_errors
from springald.sql._relation import Relation
from springald.sql._work import running
from springald.sql.conf import RuntimeConfig, engine_settings, text_of
from springald.sql.dataframe import DataFrame
from springald.sql.types import StructType

if TYPE_CHECKING:
    from springald.conf import SparkConf
    from springald.context import SparkContext
    from springald.sql._statement import View
    from springald.sql.catalog import Catalog
    from springald.sql.readwriter import DataFrameReader
    from springald.sql.types import DataType

__all__ = ["SparkSession"]

_views = itertools.count(1)

# What SQL means where Spark and DataFusion differ: nulls come first in ascending order.
_SPARKS = [("datafusion.sql_parser.default_null_ordering", "nulls_min")]

# So few numbers come in one partition, and so in order.
_SHORT_RANGE = 100_000


class _BuilderOf:
    """`SparkSession.builder`: a new builder each time."""

    def __get__(self, instance: object, owner: type[SparkSession]) -> SparkSession.Builder:
        return owner.Builder()


class _Family:
    """What the sessions of a program share: their global views."""

    def __init__(self) -> None:
        self.views: dict[str, Frame] = {}
        self.sessions: weakref.WeakSet[SparkSession] = weakref.WeakSet()


class SparkSession:
    """A session on a master: `local[2]` and `local[*]` in this process, `local-cluster[2,1]`, or
    `springald://host:7077`.

    >>> spark = SparkSession.builder.master("local[2]").appName("example").getOrCreate()
    >>> spark.range(3).count()
    3
    """

    builder: ClassVar[_BuilderOf] = _BuilderOf()

    _active: ClassVar[SparkSession | None] = None
    _lock: ClassVar[threading.RLock] = threading.RLock()

    class Builder:
        """Settings, and then `getOrCreate`."""

        def __init__(self) -> None:
            self._options: dict[str, str] = {}

        def appName(self, name: str) -> SparkSession.Builder:
            """Names the application, as the master's pages show it.

            >>> isinstance(SparkSession.builder.appName("example"), SparkSession.Builder)
            True
            """
            return self.config("spark.app.name", name)

        app_name = appName

        def master(self, master: str) -> SparkSession.Builder:
            """Chooses the master; `$SPRINGALD_MASTER` by default, and without it `local[*]`.

            >>> isinstance(SparkSession.builder.master("local[*]"), SparkSession.Builder)
            True
            """
            return self.config("spark.master", master)

        def config(
            self,
            key: str | None = None,
            value: Any = None,
            conf: SparkConf | None = None,
            *,
            map: Mapping[str, Any] | None = None,
        ) -> SparkSession.Builder:
            """Sets one key, or several.

            Args:
                key: A key of the engine or of Spark's.
                value: Its value.
                conf: Settings gathered in a `SparkConf`.
                map: Settings as a dict.

            >>> isinstance(SparkSession.builder.config("spark.sql.shuffle.partitions", 4), SparkSession.Builder)
            True
            """
            if conf is not None:
                self._options.update(conf.getAll())
            if map is not None:
                self._options.update({name: text_of(one) for name, one in map.items()})
            if key is not None:
                self._options[key] = text_of(value)
            return self

        def remote(self, url: str) -> SparkSession.Builder:
            """The same as `master`.

            >>> isinstance(SparkSession.builder.remote("springald://master:7077"), SparkSession.Builder)
            True
            """
            return self.master(url)

        def enableHiveSupport(self) -> SparkSession.Builder:
            """Changes nothing: tables are kept by the cluster's own catalog.

            >>> isinstance(SparkSession.builder.enableHiveSupport(), SparkSession.Builder)
            True
            """
            return self

        def getOrCreate(self) -> SparkSession:
            """The active session with these settings, or a new one.

            >>> SparkSession.builder.getOrCreate() is SparkSession.builder.getOrCreate()
            True
            """
            with SparkSession._lock:
                active = SparkSession._active
                if active is None:
                    return self.create()
                wanted = self._options.get("spark.master")
                if wanted not in (None, active.sparkContext.master):
                    warnings.warn(
                        f"the active session on {active.sparkContext.master} is used, and not one on {wanted}; "
                        "stop() it to make another",
                        stacklevel=2,
                    )
                for key, value in self._options.items():
                    if key != "spark.master":
                        active.conf.set(key, value)
                return active

        get_or_create = getOrCreate

        def create(self) -> SparkSession:
            """A new session, which becomes the active one.

            >>> callable(SparkSession.builder.create)
            True
            """
            session = SparkSession._connect(dict(self._options), _Family())
            SparkSession._active = session
            return session

    def __init__(self, engine: _internal.Session, options: Mapping[str, str], family: _Family) -> None:
        self._engine = engine
        self._options = dict(options)
        self._family = family
        self._cached: set[str] = set()
        self._context: SparkContext | None = None
        self.conf = RuntimeConfig(self, options)
        family.sessions.add(self)

    @classmethod
    def _connect(cls, options: dict[str, str], family: _Family) -> SparkSession:
        options.setdefault("spark.master", os.environ.get("SPRINGALD_MASTER") or "local[*]")
        settings = [*_SPARKS, *engine_settings(options)]
        with engine_errors():
            engine = _internal.Session(options["spark.master"], settings)
        return cls._begun(engine, options, family)

    @classmethod
    def _begun(cls, engine: _internal.Session, options: dict[str, str], family: _Family) -> SparkSession:
        session = cls(engine, options, family)
        for name, frame in family.views.items():
            session._register(f"global_temp.{name}", frame, True)
        return session

    # The active session

    @classmethod
    def getActiveSession(cls) -> SparkSession | None:
        """The active session, or None.

        >>> SparkSession.getActiveSession() is not None
        True
        """
        return SparkSession._active

    get_active_session = getActiveSession

    @classmethod
    def active(cls) -> SparkSession:
        """The active session.

        Raises:
            IllegalArgumentException: If there is none.

        >>> SparkSession.active() is SparkSession.getActiveSession()
        True
        """
        if SparkSession._active is None:
            raise IllegalArgumentException(
                "[NO_ACTIVE_SESSION] there is no active session", "make one: SparkSession.builder.getOrCreate()"
            )
        return SparkSession._active

    def newSession(self) -> SparkSession:
        """Another session on the same master, with views and settings of its own; global views are shared. On
        `local-cluster` it shares the cluster, which ends with the last of the sessions.

        >>> spark.newSession().range(2).count()
        2
        """
        options = dict(self._options)
        with engine_errors():
            engine = self._engine.another([*_SPARKS, *engine_settings(options)])
        return SparkSession._begun(engine, options, self._family)

    new_session = newSession

    def stop(self) -> None:
        """Ends the session and frees what it holds on the cluster."""
        with SparkSession._lock:
            if SparkSession._active is self:
                SparkSession._active = None
        self._family.sessions.discard(self)
        with engine_errors():
            self._engine.stop()

    def __enter__(self) -> SparkSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Facts

    @property
    def version(self) -> str:
        """Springald's version.

        >>> spark.version == spark.sparkContext.version
        True
        """
        return __version__

    @property
    def sparkContext(self) -> SparkContext:
        """The session's context.

        >>> spark.sparkContext.master
        'local[2]'
        """
        from springald.context import SparkContext

        if self._context is None:
            self._context = SparkContext(session=self)
        return self._context

    spark_context = sparkContext

    @property
    def catalog(self) -> Catalog:
        """The tables that the session knows.

        >>> spark.catalog.currentDatabase()
        'default'
        """
        from springald.sql.catalog import Catalog

        return Catalog(self)

    @property
    def time_zone(self) -> str:
        """The time zone in which moments are shown and taken apart.

        >>> spark.time_zone
        'UTC'
        """
        return str(self.conf.get("spark.sql.session.timeZone", "UTC"))

    def __repr__(self) -> str:
        return f"<SparkSession on {self._options['spark.master']}>"

    def _repr_html_(self) -> str:
        from html import escape

        facts = {"version": self.version, "master": self._options["spark.master"], "app": self.sparkContext.appName}
        url = self.sparkContext.uiWebUrl
        link = f'<p><a href="{escape(url)}">pages of the master</a></p>' if url else ""
        rows = "".join(f"<dt>{escape(k)}</dt><dd><code>{escape(v)}</code></dd>" for k, v in facts.items())
        return f"<div><p><b>SparkSession</b> of Springald</p>{link}<dl>{rows}</dl></div>"

    # DataFrames

    def createDataFrame(
        self,
        data: Any,
        schema: DataType | str | Sequence[str] | None = None,
        samplingRatio: float | None = None,
        verifySchema: bool = True,
    ) -> DataFrame:
        """Rows that this program has, as a DataFrame. On a cluster they are sent to it once.

        Args:
            data: Tuples, dicts, Rows or single values; a table of pandas, Polars, PyArrow or anything that gives an
                Arrow stream; a NumPy array; or an RDD.
            schema: A `StructType`, its DDL text such as `"id int, name string"`, or names alone. Types that are not
                given are told by all the values.
            samplingRatio: Taken for PySpark's sake; all rows are looked at.
            verifySchema: Whether values are checked against a given schema.

        >>> spark.createDataFrame([(1, "a"), (2, None)], ["n", "s"]).collect()
        [Row(n=1, s='a'), Row(n=2, s=None)]
        >>> spark.createDataFrame([{"a": 1}], "a int").schema.simpleString()
        'struct<a:int>'
        """
        from springald.sql._infer import create_table
        from springald.sql._ingest import arrow_stream
        from springald.sql.types import parse_type

        if isinstance(data, DataFrame):
            raise PySparkTypeError("createDataFrame() takes rows, and this is a DataFrame already")
        if isinstance(data, str | bytes | Mapping):
            raise PySparkTypeError(
                f"createDataFrame() takes a list of rows, not a {type(data).__name__}", "put it into a list"
            )
        kind = parse_type(schema) if isinstance(schema, str) else schema
        stream: Any = arrow_stream(data, kind, self.time_zone)
        if stream is None:
            if not isinstance(data, Iterable):
                raise PySparkTypeError(f"createDataFrame() takes rows, not {type(data).__name__}")
            stream = create_table(list(data), kind, verify=verifySchema)
        with running(self):
            return self._made(self._engine.upload(stream))

    create_dataframe = createDataFrame

    @property
    def emptyDataFrame(self) -> DataFrame:
        """A DataFrame without columns and rows.

        >>> spark.emptyDataFrame.count()
        0
        """
        return self.createDataFrame([], StructType([]))

    def range(self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None) -> DataFrame:
        """Numbers in a column `id`.

        >>> spark.range(1, 7, 2).collect()
        [Row(id=1), Row(id=3), Row(id=5)]
        """
        first, last = (0, start) if end is None else (start, end)
        if step == 0:
            raise IllegalArgumentException("range() cannot go by steps of 0")
        if numPartitions is None and abs((last - first) / step) <= _SHORT_RANGE:
            numPartitions = 1
        with engine_errors():
            return self._made(self._engine.range(int(first), int(last), int(step), numPartitions))

    def table(self, tableName: str) -> DataFrame:
        """A table or view by its name.

        >>> spark.range(2).createOrReplaceTempView("numbers")
        >>> spark.table("numbers").count()
        2
        """
        name = plain_name(tableName)
        with engine_errors():
            frame = self._engine.table(name)
        return DataFrame(self, Relation.of(frame, (name.rpartition(".")[2],)))

    def sql(self, sqlQuery: str, args: Mapping[str, Any] | Sequence[Any] | None = None, **kwargs: Any) -> DataFrame:
        """What a SQL statement gives. Queries run when their rows are asked for, other statements at once.

        Args:
            sqlQuery: The statement.
            args: Values for `:name` parameters as a dict, or for `?` as a list.
            kwargs: What `{name}` stands for: values, Columns or DataFrames.

        >>> spark.sql("SELECT :n + 1 AS next", {"n": 1}).collect()
        [Row(next=2)]
        >>> spark.sql("SELECT count(*) AS n FROM {df} WHERE id > {least}", df=spark.range(5), least=2).collect()
        [Row(n=2)]
        """
        from springald.sql._listings import listing
        from springald.sql._statement import bound, formatted, setting
        from springald.sql._statement import view as parsed_view

        made: list[str] = []

        def view(data: Any) -> str:
            name = f"_springald_{next(_views)}"
            df = data if isinstance(data, DataFrame) else self.createDataFrame(data)
            df.createOrReplaceTempView(name)
            made.append(name)
            return name

        try:
            text = formatted(sqlQuery, kwargs, view) if kwargs else sqlQuery
            if args:
                text = bound(text, args)
            pair = setting(text)
            if pair is not None:
                self.conf.set(*pair)
                return self.createDataFrame([pair], "key string, value string")
            made_view = parsed_view(text)
            if made_view is not None:
                return self._create_view(made_view)
            listed = listing(self, text)
            if listed is not None:
                return listed
            with running(self):
                frame, texts = self._engine.sql(text)
                return DataFrame(self, Relation.of(frame).titled(texts))
        finally:
            # The plan holds what the views stood for.
            for name in made:
                self._engine.drop_view(name)

    @property
    def read(self) -> DataFrameReader:
        """What reads files and tables.

        >>> type(spark.read).__name__
        'DataFrameReader'
        """
        from springald.sql.readwriter import DataFrameReader

        return DataFrameReader(self)

    # Helpers

    def _made(self, frame: Frame) -> DataFrame:
        return DataFrame(self, Relation.of(frame))

    def _create_view(self, view: View) -> DataFrame:
        known = self._family.views if view.everywhere else [name for name, _ in self._engine.tables()]
        if not (view.if_absent and plain_name(view.name).lower() in known):
            frame = self.sql(view.query)._named_frame("a view")
            (self._name_globally if view.everywhere else self._name)(view.name, frame, view.replace)
        return self.createDataFrame([], StructType([]))

    def _name(self, name: str, frame: Frame, replace: bool) -> None:
        if "." in name.strip("`"):
            raise AnalysisException(f"a view of a session is called by one name, and not `{name}`")
        self._cached.discard(plain_name(name))
        self._register(plain_name(name), frame, replace)

    def _name_globally(self, name: str, frame: Frame, replace: bool) -> None:
        short = plain_name(name.removeprefix("global_temp."))
        if short in self._family.views and not replace:
            raise AnalysisException(
                f"[TEMP_TABLE_OR_VIEW_ALREADY_EXISTS] there is a global view `{short}` already",
                "use createOrReplaceGlobalTempView",
            )
        self._family.views[short] = frame
        for session in list(self._family.sessions):
            session._register(f"global_temp.{short}", frame, True)

    def _drop_globally(self, name: str) -> bool:
        short = plain_name(name.removeprefix("global_temp."))
        if self._family.views.pop(short, None) is None:
            return False
        for session in list(self._family.sessions):
            with engine_errors():
                session._engine.drop_view(f"global_temp.{short}")
        return True

    def _register(self, name: str, frame: Frame, replace: bool) -> None:
        with engine_errors():
            self._engine.create_view(name, frame, replace)


def plain_name(name: str) -> str:
    """A table's name without backticks and the names of the only catalog and database.

    >>> plain_name("spark_catalog.default.`people`")
    'people'
    """
    parts = [part.strip("`") for part in name.split(".")]
    for prefix in (["spark_catalog"], ["default"]):
        if len(parts) > 1 and [parts[0].lower()] == prefix:
            parts = parts[1:]
    return ".".join(parts)
