"""The tables that a session knows: `spark.catalog`."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, NamedTuple

from springald.errors import AnalysisException, engine_errors
from springald.sql._work import running
from springald.sql.session import plain_name

if TYPE_CHECKING:
    from springald.sql.dataframe import DataFrame
    from springald.sql.session import SparkSession

__all__ = ["Catalog", "CatalogMetadata", "Column", "Database", "Table"]

_CATALOG = "spark_catalog"
_DATABASE = "default"


class CatalogMetadata(NamedTuple):
    """A catalog."""

    name: str
    description: str | None


class Database(NamedTuple):
    """A database of a catalog."""

    name: str
    catalog: str | None
    description: str | None
    locationUri: str


class Table(NamedTuple):
    """A table or view."""

    name: str
    catalog: str | None
    namespace: list[str] | None
    description: str | None
    tableType: str
    isTemporary: bool

    @property
    def database(self) -> str | None:
        """The database it is in; None for views of a session."""
        return self.namespace[0] if self.namespace else None


class Column(NamedTuple):
    """A column of a table."""

    name: str
    description: str | None
    dataType: str
    nullable: bool
    isPartition: bool
    isBucket: bool
    isCluster: bool


class Catalog:
    """Tables, views and what is cached of them.

    >>> spark.range(1).createOrReplaceTempView("one")
    >>> spark.catalog.tableExists("one")
    True
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    # Catalogs and databases: there is one of each, under Spark's names

    def currentCatalog(self) -> str:
        """The catalog: there is one.

        >>> spark.catalog.currentCatalog()
        'spark_catalog'
        """
        return _CATALOG

    def listCatalogs(self, pattern: str | None = None) -> list[CatalogMetadata]:
        """All catalogs.

        >>> spark.catalog.listCatalogs()
        [CatalogMetadata(name='spark_catalog', description=None)]
        """
        return [CatalogMetadata(_CATALOG, None)] if _matches(_CATALOG, pattern) else []

    def currentDatabase(self) -> str:
        """The database: there is one.

        >>> spark.catalog.currentDatabase()
        'default'
        """
        return _DATABASE

    def setCurrentDatabase(self, dbName: str) -> None:
        """Chooses the database, of which there is one.

        >>> spark.catalog.setCurrentDatabase("default")
        """
        if dbName.lower() != _DATABASE:
            raise AnalysisException(f"[SCHEMA_NOT_FOUND] there is no database `{dbName}`", "there is `default` alone")

    def listDatabases(self, pattern: str | None = None) -> list[Database]:
        """All databases.

        >>> [database.name for database in spark.catalog.listDatabases()]
        ['default']
        """
        return [self.getDatabase(_DATABASE)] if _matches(_DATABASE, pattern) else []

    def getDatabase(self, dbName: str) -> Database:
        """A database.

        >>> spark.catalog.getDatabase("default").name
        'default'
        """
        self.setCurrentDatabase(dbName.split(".")[-1])
        return Database(_DATABASE, _CATALOG, "default database", str(self._spark.conf.get("spark.sql.warehouse.dir")))

    def databaseExists(self, dbName: str) -> bool:
        """Whether there is such a database.

        >>> spark.catalog.databaseExists("other")
        False
        """
        return dbName.split(".")[-1].lower() == _DATABASE

    # Tables

    def listTables(self, dbName: str | None = None, pattern: str | None = None) -> list[Table]:
        """Tables of the cluster and views of this session; of `global_temp`, the global views.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> [table.tableType for table in spark.catalog.listTables(pattern="one")]
        ['TEMPORARY']
        """
        if dbName is not None and dbName.lower() == "global_temp":
            views = self._spark._family.views
            return [
                Table(v, None, ["global_temp"], None, "TEMPORARY", True) for v in sorted(views) if _matches(v, pattern)
            ]
        if dbName is not None:
            self.getDatabase(dbName)
        with engine_errors():
            tables = self._spark._engine.tables()
        known = [(name, view) for name, view in tables if not name.startswith(("global_temp.", "_springald_"))]
        return [_table(name, view) for name, view in known if _matches(name, pattern)]

    def getTable(self, tableName: str) -> Table:
        """A table or view.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> spark.catalog.getTable("one").isTemporary
        True
        """
        wanted = plain_name(tableName).lower()
        if wanted.startswith("global_temp.") and wanted[12:] in self._spark._family.views:
            return Table(wanted[12:], None, ["global_temp"], None, "TEMPORARY", True)
        for table in self.listTables():
            if table.name.lower() == wanted:
                return table
        raise AnalysisException(f"[TABLE_OR_VIEW_NOT_FOUND] there is no table `{tableName}`", "listTables() lists them")

    def tableExists(self, tableName: str, dbName: str | None = None) -> bool:
        """Whether there is such a table or view.

        >>> spark.catalog.tableExists("no_such_table")
        False
        """
        if dbName is not None and not self.databaseExists(dbName):
            return False
        try:
            self.getTable(tableName)
        except AnalysisException:
            return False
        return True

    def listColumns(self, tableName: str, dbName: str | None = None) -> list[Column]:
        """The columns of a table or view.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> [(column.name, column.dataType) for column in spark.catalog.listColumns("one")]
        [('id', 'bigint')]
        """
        fields = self._spark.table(tableName).schema.fields
        return [Column(f.name, None, f.dataType.simpleString(), f.nullable, False, False, False) for f in fields]

    def createTable(
        self, tableName: str, path: str | None = None, source: str | None = None, schema: object = None, **options: str
    ) -> DataFrame:
        """A view of this session over the files at a path.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/numbers"
        >>> spark.range(2).write.parquet(path)
        >>> spark.catalog.createTable("numbers_of_files", path).count()
        2
        """
        if path is None:
            raise AnalysisException("createTable() needs the path of files", "df.write.saveAsTable() writes a table")
        reader = self._spark.read.options(**options)
        if schema is not None:
            reader = reader.schema(schema)  # type: ignore[arg-type]
        df = reader.load(path, source)
        df.createTempView(tableName)
        return df

    def dropTempView(self, viewName: str) -> bool:
        """Forgets a view of this session; says whether it was there.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> spark.catalog.dropTempView("one"), spark.catalog.dropTempView("one")
        (True, False)
        """
        name = plain_name(viewName)
        view = any(table.name.lower() == name.lower() and table.isTemporary for table in self.listTables())
        self._spark._cached.discard(name)
        with engine_errors():
            return view and self._spark._engine.drop_view(name)

    def dropGlobalTempView(self, viewName: str) -> bool:
        """Forgets a global view; says whether it was there.

        >>> spark.catalog.dropGlobalTempView("no_such_view")
        False
        """
        return self._spark._drop_globally(viewName)

    def functionExists(self, functionName: str, dbName: str | None = None) -> bool:
        """Whether SQL has a function of this name.

        >>> spark.catalog.functionExists("upper"), spark.catalog.functionExists("no_such_function")
        (True, False)
        """
        from springald import _internal

        return functionName.rpartition(".")[2].lower() in _internal.functions()

    # Cache

    def cacheTable(self, tableName: str, storageLevel: object = None) -> None:
        """Keeps a table's rows from their first use on.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> spark.catalog.cacheTable("one")
        >>> spark.catalog.isCached("one")
        True
        """
        name = self._existing(tableName)
        with running(self._spark):
            self._spark._engine.sql(f"CACHE LAZY TABLE {_quoted(name)}")
        self._spark._cached.add(name)

    def uncacheTable(self, tableName: str) -> None:
        """Keeps a table's rows no longer.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> spark.catalog.cacheTable("one")
        >>> spark.catalog.uncacheTable("one")
        >>> spark.catalog.isCached("one")
        False
        """
        name = self._existing(tableName)
        with running(self._spark):
            self._spark._engine.sql(f"UNCACHE TABLE IF EXISTS {_quoted(name)}")
        self._spark._cached.discard(name)

    def isCached(self, tableName: str) -> bool:
        """Whether a table's rows are kept.

        >>> spark.range(1).createOrReplaceTempView("fresh")
        >>> spark.catalog.isCached("fresh")
        False
        """
        return self._existing(tableName) in self._spark._cached

    def clearCache(self) -> None:
        """Keeps the rows of no table any longer.

        >>> spark.catalog.clearCache()
        """
        for name in list(self._spark._cached):
            self.uncacheTable(name)

    def refreshTable(self, tableName: str) -> None:
        """Forgets what is kept of a table, so that changed files are seen.

        >>> spark.range(1).createOrReplaceTempView("one")
        >>> spark.catalog.refreshTable("one")
        """
        if self.isCached(tableName):
            self.uncacheTable(tableName)
            self.cacheTable(tableName)

    def _existing(self, name: str) -> str:
        self.getTable(name)
        return plain_name(name)

    current_catalog = currentCatalog
    list_catalogs = listCatalogs
    current_database = currentDatabase
    set_current_database = setCurrentDatabase
    list_databases = listDatabases
    get_database = getDatabase
    database_exists = databaseExists
    list_tables = listTables
    get_table = getTable
    table_exists = tableExists
    list_columns = listColumns
    create_table = createTable
    function_exists = functionExists
    drop_temp_view = dropTempView
    drop_global_temp_view = dropGlobalTempView
    cache_table = cacheTable
    uncache_table = uncacheTable
    is_cached = isCached
    clear_cache = clearCache
    refresh_table = refreshTable


def _table(name: str, view: bool) -> Table:
    if view:
        return Table(name, None, [], None, "TEMPORARY", True)
    return Table(name, _CATALOG, [_DATABASE], None, "MANAGED", False)


def _matches(name: str, pattern: str | None) -> bool:
    return pattern is None or any(fnmatch.fnmatch(name.lower(), one.strip().lower()) for one in pattern.split("|"))


def _quoted(name: str) -> str:
    return '"' + name.lower().replace('"', '""') + '"'
