"""Spark and Springald, by one program that differs in its import; and Sail, which Spark's own client talks to."""

from __future__ import annotations

import importlib

import pyarrow as pa

from compare.sides.side import COLUMNS, FEATURES, WORD_COUNT_ROWS, Done, Given, Side, coefficients, written_csv

EVENTS = "id BIGINT, timestamp STRING, level STRING, message STRING"
ACTIONS = "id BIGINT, user STRING, action STRING, duration_ms BIGINT"


class SparkLike(Side):
    """A session of PySpark's interface."""

    library = "pyspark"
    can: tuple[str, ...] = (
        "sql",
        "latency",
        "clients",
        "wordcount",
        "wordcount_dataframe",
        "linreg",
        "kmeans",
        "logjoin",
    )

    def version(self) -> str:
        """The version of the library."""
        return str(importlib.import_module(self.library).__version__)

    def start(self) -> None:
        """Begins a session and asks SELECT 1."""
        builder = importlib.import_module(f"{self.library}.sql").SparkSession.builder
        builder = builder.appName("compare").master(self.settings["master"])
        for key, value in self.settings.get("conf", {}).items():
            builder = builder.config(key, value)
        self.spark = builder.getOrCreate()
        self.spark.sql("SELECT 1").collect()

    def stop(self) -> None:
        """Ends the session."""
        self.spark.stop()

    def make_table(self, name: str, path: str) -> None:
        """A temporary view."""
        self.spark.read.parquet(path).createOrReplaceTempView(name)

    def query(self, sql: str) -> pa.Table:
        """The rows, as Arrow."""
        return self.spark.sql(sql).toArrow()

    def wordcount(self, given: Given) -> pa.Table:
        """The most frequent words; Spark has no operator of its own for it."""
        return self.wordcount_dataframe(given)

    def wordcount_dataframe(self, given: Given) -> pa.Table:
        """The most frequent words, as programs for PySpark count them."""
        functions = importlib.import_module(f"{self.library}.sql.functions")
        lines = self.spark.read.text(given["path"])
        words = lines.select(functions.explode(functions.split(functions.col("value"), " ")).alias("word"))
        counts = words.where("word != ''").groupBy("word").count()
        return counts.orderBy(functions.desc("count"), "word").limit(WORD_COUNT_ROWS).toArrow()

    def linreg(self, given: Given) -> pa.Table:
        """Reads the rows and fits."""
        regression = importlib.import_module(f"{self.library}.ml.regression")
        rows = self._assembled(given["path"], FEATURES)
        model = regression.LinearRegression(**given["params"]).fit(rows)
        return coefficients([*model.coefficients.toArray(), model.intercept])

    def kmeans(self, given: Given) -> Done:
        """Reads the rows, keeps them in memory, and fits."""
        clustering = importlib.import_module(f"{self.library}.ml.clustering")

        def work():
            rows = self._cached(self._assembled(given["path"], COLUMNS).select("features"))
            model = clustering.KMeans(**given["params"]).fit(rows)
            return rows, model.summary, float(model.summary.trainingCost)

        seconds, (rows, summary, cost) = self.timed(work)
        self._uncached(rows)
        return Done(seconds, pa.table({"cost": [cost]}), {"iterations": int(summary.numIter)})

    def logjoin(self, given: Given) -> Done:
        """Joins two CSV logs on their ids and writes what is in a range of ids to a folder."""

        def work() -> None:
            between = f"id BETWEEN {given['least']} AND {given['most']}"
            events = self.spark.read.csv(given["events"], schema=EVENTS, header=True).where(between)
            actions = self.spark.read.csv(given["actions"], schema=ACTIONS, header=True).where(between)
            events.join(actions, "id").write.csv(given["out"], header=True)

        seconds, _ = self.timed(work)
        return Done(seconds, written_csv(given["out"]))

    def _assembled(self, path: str, columns: list[str]):
        feature = importlib.import_module(f"{self.library}.ml.feature")
        return feature.VectorAssembler(inputCols=columns, outputCol="features").transform(self.spark.read.parquet(path))

    def _cached(self, rows):
        # Spark asks for this, and warns without it.
        return rows.cache()

    def _uncached(self, rows) -> None:
        rows.unpersist(True)


class Springald(SparkLike):
    """A session of Springald."""

    library = "springald"

    def wordcount(self, given: Given) -> pa.Table:
        """The most frequent words by the operator that counts them while it reads."""
        path = given["path"].replace("'", "''")
        counts = f"SELECT word, count FROM word_count('{path}') ORDER BY count DESC, word LIMIT {WORD_COUNT_ROWS}"
        return self.query(counts)

    def _cached(self, rows):
        # Its KMeans keeps its rows in memory by itself.
        return rows

    def _uncached(self, rows) -> None:
        pass


class Sail(SparkLike):
    """Sail's server in this process, and Spark's client."""

    can = ("sql", "latency", "clients", "wordcount", "logjoin")

    def version(self) -> str:
        """The version of the server."""
        return str(importlib.import_module("pysail").__version__)

    def start(self) -> None:
        """Starts the server, then a session."""
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self._server = SparkConnectServer("127.0.0.1", 0)
        self._server.start()
        _, port = self._server.listening_address
        self.spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        self.spark.sql("SELECT 1").collect()

    def stop(self) -> None:
        """Ends session and server."""
        super().stop()
        self._server.stop()
