"""Names for a DataFrame in SQL, its cache, and its way into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from springald.errors import engine_errors
from springald.sql._work import running
from springald.sql.frame.base import Base
from springald.storagelevel import StorageLevel

if TYPE_CHECKING:
    from springald.rdd import RDD
    from springald.sql.dataframe import DataFrame
    from springald.sql.readwriter import DataFrameWriter

__all__ = ["StoreMixin"]


class StoreMixin(Base):
    """Views, cache, write."""

    def createTempView(self, name: str) -> None:
        """Gives the DataFrame a name in this session's SQL, which must be free.

        >>> spark.range(2).createTempView("brief")
        >>> spark.sql("SELECT count(*) AS n FROM brief").collect()
        [Row(n=2)]
        >>> spark.catalog.dropTempView("brief")
        True
        """
        self._session._name(name, self._named_frame("a view"), replace=False)

    create_temp_view = createTempView

    def createOrReplaceTempView(self, name: str) -> None:
        """Gives the DataFrame a name in this session's SQL.

        >>> spark.range(2).createOrReplaceTempView("two")
        >>> spark.table("two").count()
        2
        """
        self._session._name(name, self._named_frame("a view"), replace=True)

    create_or_replace_temp_view = createOrReplaceTempView
    registerTempTable = createOrReplaceTempView

    def createGlobalTempView(self, name: str) -> None:
        """Gives the DataFrame the name `global_temp.name` in the SQL of all this program's sessions; it must be free.

        >>> spark.range(2).createGlobalTempView("two")
        >>> spark.newSession().sql("SELECT count(*) AS n FROM global_temp.two").collect()
        [Row(n=2)]
        >>> spark.catalog.dropGlobalTempView("two")
        True
        """
        self._session._name_globally(name, self._named_frame("a view"), replace=False)

    create_global_temp_view = createGlobalTempView

    def createOrReplaceGlobalTempView(self, name: str) -> None:
        """Gives the DataFrame the name `global_temp.name` in the SQL of all this program's sessions.

        >>> spark.range(2).createOrReplaceGlobalTempView("pair")
        >>> spark.table("global_temp.pair").count()
        2
        """
        self._session._name_globally(name, self._named_frame("a view"), replace=True)

    create_or_replace_global_temp_view = createOrReplaceGlobalTempView

    def cache(self) -> DataFrame:
        """Keeps the rows from their first use on, for this DataFrame and those made of it later.

        >>> df = spark.range(3).cache()
        >>> df.is_cached
        True
        """
        if self._uncached is None:
            with running(self._session):
                relation = self._relation
                cached = relation.with_frame(relation.frame.cache())
            self._uncached, self._relation, self._wide = relation, cached, None
        return self._df

    def persist(self, storageLevel: StorageLevel | None = None) -> DataFrame:
        """Like `cache`; where rows are kept is the workers' to decide.

        >>> spark.range(3).persist().is_cached
        True
        """
        return self.cache()

    def unpersist(self, blocking: bool = False) -> DataFrame:
        """Keeps the rows no longer; they are freed when no other DataFrame uses them.

        >>> spark.range(3).cache().unpersist().is_cached
        False
        """
        if self._uncached is not None:
            self._relation, self._uncached = self._uncached, None
        return self._df

    def localCheckpoint(self, eager: bool = True) -> DataFrame:
        """The same rows, computed and kept, so that what comes after does not compute them again.

        >>> spark.range(3).localCheckpoint().count()
        3
        """
        with running(self._session):
            made = self._derive(self._relation.with_frame(self._relation.frame.cache()))
        if eager:
            made.count()
        return made

    local_checkpoint = localCheckpoint

    @property
    def is_cached(self) -> bool:
        """Whether `cache` was called.

        >>> spark.range(1).is_cached
        False
        """
        return self._uncached is not None

    @property
    def storageLevel(self) -> StorageLevel:
        """Where the rows are kept.

        >>> print(spark.range(1).storageLevel)
        Serialized 1x Replicated
        """
        return StorageLevel.MEMORY_AND_DISK_DESER if self.is_cached else StorageLevel.NONE

    storage_level = storageLevel

    @property
    def write(self) -> DataFrameWriter:
        """What writes the rows to files and tables.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/numbers"
        >>> spark.range(3).write.parquet(path)
        >>> spark.read.parquet(path).count()
        3
        """
        from springald.sql.readwriter import DataFrameWriter

        return DataFrameWriter(self._df)

    @property
    def rdd(self) -> RDD[Any]:
        """The rows for Python functions, which run in this process.

        >>> spark.range(3).rdd.map(lambda row: row.id * 2).collect()
        [0, 2, 4]
        """
        from springald.rdd import RDD

        return RDD(self._session.sparkContext, self._df.toLocalIterator)

    @property
    def isStreaming(self) -> bool:
        """Whether rows keep coming: never.

        >>> spark.range(1).isStreaming
        False
        """
        return False

    def isLocal(self) -> bool:
        """Whether the work runs in this process.

        >>> spark.range(1).isLocal()
        True
        """
        with engine_errors():
            return self._session._engine.rest_url() is None

    is_local = isLocal

    @property
    def plot(self) -> Any:
        """Charts: `df.plot.line(x, y)`, `bar`, `scatter`, `hist`."""
        from springald.jupyter.plot import Plot

        return Plot(self._df)
