"""`SparkContext`: what scripts ask of it beside the session."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from springald._internal import __version__
from springald.errors import IllegalArgumentException, engine_errors
from springald.rdd import RDD, partition_count

if TYPE_CHECKING:
    from springald.conf import SparkConf
    from springald.sql.session import SparkSession

__all__ = ["SparkContext"]

T = TypeVar("T")

_LEVELS = {
    "ALL": logging.DEBUG,
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "OFF": logging.CRITICAL + 1,
}


class SparkContext:
    """A session's facts, and its few ways to rows of plain Python.

    >>> spark.sparkContext.version == spark.version
    True
    """

    def __init__(
        self,
        master: str | None = None,
        appName: str | None = None,
        conf: SparkConf | None = None,
        *,
        session: SparkSession | None = None,
    ) -> None:
        """The context of a session; without one, of the active session or of a new one with these settings."""
        if session is None:
            from springald.sql.session import SparkSession

            given = {"spark.master": master, "spark.app.name": appName}
            settings = {key: value for key, value in given.items() if value is not None}
            session = SparkSession.builder.config(conf=conf, map=settings).getOrCreate()
        self._session = session

    @classmethod
    def getOrCreate(cls, conf: SparkConf | None = None) -> SparkContext:
        """The context of the active session, which is made if there is none.

        >>> SparkContext.getOrCreate().appName == spark.sparkContext.appName
        True
        """
        return cls(conf=conf)

    @property
    def appName(self) -> str:
        """The name of the application.

        >>> isinstance(spark.sparkContext.appName, str)
        True
        """
        return str(self._session.conf.get("spark.app.name"))

    @property
    def master(self) -> str:
        """The master's URL.

        >>> spark.sparkContext.master
        'local[2]'
        """
        with engine_errors():
            return self._session._engine.master()

    @property
    def version(self) -> str:
        """Springald's version."""
        return __version__

    @property
    def applicationId(self) -> str:
        """The session's id.

        >>> spark.sparkContext.applicationId == spark.sparkContext.applicationId
        True
        """
        with engine_errors():
            return self._session._engine.id()

    @property
    def defaultParallelism(self) -> int:
        """How many partitions work is cut into by default.

        >>> spark.sparkContext.defaultParallelism > 0
        True
        """
        with engine_errors():
            return self._session._engine.cores()

    @property
    def uiWebUrl(self) -> str | None:
        """Where the master shows its pages; None in local mode.

        >>> spark.sparkContext.uiWebUrl is None
        True
        """
        with engine_errors():
            return self._session._engine.rest_url()

    def setLogLevel(self, logLevel: str) -> None:
        """Sets how much the logger `springald` says.

        >>> spark.sparkContext.setLogLevel("WARN")
        """
        if logLevel.upper() not in _LEVELS:
            raise IllegalArgumentException(f"there is no log level {logLevel!r}", f"there are {', '.join(_LEVELS)}")
        logging.getLogger("springald").setLevel(_LEVELS[logLevel.upper()])

    def parallelize(self, c: Iterable[T], numSlices: int | None = None) -> RDD[T]:
        """Python's items for functions of this process.

        >>> spark.sparkContext.parallelize([("a", 1)]).toDF(["k", "v"]).collect()
        [Row(k='a', v=1)]
        """
        items: Sequence[T] = c if isinstance(c, Sequence) else list(c)
        return RDD(self, lambda: items, partition_count(items, numSlices, self.defaultParallelism))

    def emptyRDD(self) -> RDD[Any]:
        """No items.

        >>> spark.sparkContext.emptyRDD().count()
        0
        """
        return RDD(self, list)

    def textFile(self, name: str, minPartitions: int | None = None, use_unicode: bool = True) -> RDD[str]:
        """The lines of text files.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/lines.txt"
        >>> _ = open(path, "w").write("a\\nb\\n")
        >>> spark.sparkContext.textFile(path).collect()
        ['a', 'b']
        """
        lines = self._session.read.text(name)
        return RDD(self, lambda: (row[0] for row in lines.toLocalIterator()), minPartitions or 1)

    def stop(self) -> None:
        """Stops the session."""
        self._session.stop()

    def __enter__(self) -> SparkContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<SparkContext master={self.master} appName={self.appName}>"
