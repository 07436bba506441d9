"""Spark's part of analytics.py: one session, each work in rounds; prints medians and answers as JSON."""

import json
import statistics
import sys
import time

from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, desc, explode, split

FEATURES = [f"f{i}" for i in range(20)]
COLUMNS = [f"x{i}" for i in range(16)]


def main():
    given = json.loads(sys.argv[1])
    spark = (
        SparkSession.builder.master(given["master"]).appName("compare")
        .config("spark.executor.memory", "3g").config("spark.driver.memory", "2g")
        .config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "ERROR").getOrCreate()
    )  # fmt: skip

    def fit(**params):
        rows = spark.read.parquet(given["linreg"])
        rows = VectorAssembler(inputCols=FEATURES, outputCol="features").transform(rows)
        model = LinearRegression(**params).fit(rows)
        return [*model.coefficients.tolist(), model.intercept]

    def kmeans():
        rows = spark.read.parquet(given["kmeans"])
        rows = VectorAssembler(inputCols=COLUMNS, outputCol="features").transform(rows).select("features").cache()
        model = KMeans(k=16, maxIter=20, tol=0.0, seed=1).fit(rows)
        cost = model.summary.trainingCost
        rows.unpersist(True)
        return [cost]

    def words():
        lines = spark.read.text(given["text"])
        words = lines.select(explode(split(col("value"), " ")).alias("word")).where("word != ''")
        top = words.groupBy("word").count().orderBy(desc("count"), "word").limit(10)
        return [[row["word"], row["count"]] for row in top.collect()]

    answers = {}
    for work, run in {
        "linear regression": fit,
        "elastic net": lambda: fit(regParam=0.3, elasticNetParam=0.8),
        "k-means": kmeans,
        "word count": words,
    }.items():
        seconds = []
        for _ in range(given["rounds"] + 1):
            begun = time.monotonic()
            answer = run()
            seconds.append(time.monotonic() - begun)
        # The first run warms up.
        answers[work] = [statistics.median(seconds[1:]), answer]
    spark.stop()
    print(json.dumps(answers))


main()
