"""Makes kmeans.json: what Spark answers on small clustering work, for the tests of crates/ml.

    pip install pyspark scikit-learn numpy
    python3 kmeans.py > kmeans.json

Iris is scikit-learn's copy. The 16 clusters are made by a formula that the tests repeat: see `sixteen`.
"""

import json
import sys

import numpy as np
import pyspark
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler
from pyspark.ml.linalg import Vectors
from pyspark.mllib.common import _py2java, _to_java_object_rdd
from pyspark.mllib.linalg import Vectors as OldVectors
from pyspark.sql import SparkSession
from sklearn.datasets import load_iris

MASK = (1 << 64) - 1


class SplitMix:
    """SplitMix64 (Steele, Lea, Flood 2014), and a bell of four uniform numbers minus 2."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / (1 << 53)

    def bell(self):
        return self.uniform() + self.uniform() + self.uniform() + self.uniform() - 2.0


def sixteen(rows=4000, width=16, clusters=16):
    """Row i belongs to cluster i mod 16; centres are bells times 6, rows are their centre and bells times 2."""
    random = SplitMix(16)
    centres = [[6.0 * random.bell() for _ in range(width)] for _ in range(clusters)]
    return [[c + 2.0 * random.bell() for c in centres[i % clusters]] for i in range(rows)]


def lloyd(spark, rows, centres, iterations, epsilon, distance):
    """The old API takes the centres to begin with; the new one runs the same loop."""
    sc = spark.sparkContext
    jvm = sc._jvm.org.apache.spark.mllib.clustering
    rdd = _to_java_object_rdd(sc.parallelize([OldVectors.dense(r) for r in rows], 1))
    initial = jvm.KMeansModel(_py2java(sc, [OldVectors.dense(c) for c in centres]))
    trainer = jvm.KMeans().setK(len(centres)).setMaxIterations(iterations).setEpsilon(epsilon)
    model = trainer.setDistanceMeasure(distance).setInitialModel(initial).run(rdd.rdd())
    found = [list(c.toArray()) for c in model.clusterCenters()]
    return {
        "centres": centres,
        "maxIter": iterations,
        "tol": epsilon,
        "distanceMeasure": distance,
        "found": found,
        "trainingCost": model.trainingCost(),
        "finalCost": model.computeCost(rdd.rdd()),
        "numIter": model.numIter(),
        "sizes": np.bincount(
            [model.predict(_py2java(sc, OldVectors.dense(r))) for r in rows], minlength=len(centres)
        ).tolist(),
    }


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", False).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    iris = load_iris()
    rows, species = iris.data.tolist(), iris.target.tolist()
    begin = [rows[0], rows[50], rows[100]]
    far = [rows[0], rows[100], [100.0, 100.0, 100.0, 100.0]]
    runs = [lloyd(spark, rows, begin, n, 1e-4, "euclidean") for n in (1, 2, 3, 20)]
    runs.append(lloyd(spark, rows, begin, 20, 0.05, "euclidean"))
    runs.append(lloyd(spark, rows, far, 20, 1e-4, "euclidean"))
    runs.append(lloyd(spark, rows, rows[::15], 50, 1e-4, "euclidean"))
    runs.extend(lloyd(spark, rows, begin, n, 1e-4, "cosine") for n in (1, 20))
    runs.append(lloyd(spark, rows, begin, 20, 1e-7, "cosine"))

    weighted = [
        (Vectors.dense(r), float(s), 1.0 + i % 3) for i, (r, s) in enumerate(zip(rows, species))
    ]
    frame = spark.createDataFrame(weighted, ["features", "prediction", "weight"])
    silhouettes = []
    for distance in ("squaredEuclidean", "cosine"):
        for weight in (None, "weight"):
            weights = {"weightCol": weight} if weight else {}
            evaluator = ClusteringEvaluator(distanceMeasure=distance, **weights)
            silhouettes.append(
                {"distanceMeasure": distance, "weighted": weight is not None, "value": evaluator.evaluate(frame)}
            )

    scaled_rows = [[1.0, -2.5, 7.0], [2.0, 0.5, 7.0], [4.5, 10.0, 7.0], [-3.0, 0.25, 7.0]]
    scaled = spark.createDataFrame([(Vectors.dense(r),) for r in scaled_rows], ["features"])
    scalers = []
    for with_mean, with_std in ((False, True), (True, True), (True, False)):
        model = StandardScaler(
            inputCol="features", outputCol="scaled", withMean=with_mean, withStd=with_std
        ).fit(scaled)
        scalers.append(
            {
                "withMean": with_mean,
                "withStd": with_std,
                "mean": list(map(float, model.mean)),
                "std": list(map(float, model.std)),
                "output": [list(map(float, r.scaled)) for r in model.transform(scaled).collect()],
            }
        )

    def parallel(seed, init="k-means||"):
        data = spark.createDataFrame([(Vectors.dense(r),) for r in sixteen()], ["features"]).cache()
        model = KMeans(k=16, seed=seed, initMode=init).fit(data)
        return model.summary.trainingCost

    few = spark.createDataFrame([(Vectors.dense([float(i % 3), 1.0]),) for i in range(30)], ["features"])
    answers = {
        "pyspark": pyspark.__version__,
        "iris": rows,
        "species": species,
        "runs": runs,
        "silhouettes": silhouettes,
        "scaler_rows": scaled_rows,
        "scalers": scalers,
        "three_points_k_5": len(KMeans(k=5, seed=1).fit(few).clusterCenters()),
        "sixteen_first_row": sixteen()[0],
        "sixteen_costs": [parallel(seed) for seed in range(10)],
        "sixteen_random_costs": [parallel(seed, "random") for seed in range(10)],
    }
    # One answer a line, so that a change of one is a change of a line.
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in answers.items())
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
