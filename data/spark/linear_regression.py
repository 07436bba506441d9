#!/usr/bin/env python3
"""Makes linear_regression.json: what Spark ML's LinearRegression answers on Spark's own sample.

    python3 -m venv venv && venv/bin/pip install pyspark numpy && venv/bin/python linear_regression.py

The sample (501 rows, 10 features) is Spark's, under the Apache License 2.0; it is kept beside this as
../samples/sample_linear_regression_data.txt. Each row of the table is one fit. "default" is tol 1e-6 and maxIter 100;
"converged" is tol 1e-12 and maxIter 1000, where Spark's iterative answers have settled.
"""

import itertools
import json
import shutil
from pathlib import Path

import pyspark
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

HERE = Path(__file__).parent
NAME = "sample_linear_regression_data.txt"
SAMPLE = HERE.parent / "samples" / NAME
RUNS = [
    ("auto", "default", {"tol": 1e-6, "maxIter": 100}),
    ("auto", "converged", {"tol": 1e-12, "maxIter": 1000}),
    ("l-bfgs", "converged", {"tol": 1e-12, "maxIter": 1000}),
]


def main():
    if not SAMPLE.exists():
        shutil.copy(Path(pyspark.__file__).parent / "data" / "mllib" / NAME, SAMPLE)
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    data = spark.read.format("libsvm").option("numFeatures", 10).load(str(SAMPLE)).coalesce(1)
    # Weights that the reader of the table can make again: 1, 2, 3, 4, 1, … in the order of the file.
    data = data.withColumn("weight", (F.monotonically_increasing_id() % 4 + 1).cast("double")).cache()
    fits = []
    for (solver, run, limits), reg, enet, std, intercept, weight in itertools.product(
        RUNS, [0.0, 0.15, 0.3], [0.0, 0.5, 0.8, 1.0], [True, False], [True, False], [None, "weight"]
    ):
        if weight and (solver, run) != ("auto", "converged"):
            continue
        estimator = LinearRegression(
            solver=solver,
            regParam=reg,
            elasticNetParam=enet,
            standardization=std,
            fitIntercept=intercept,
            **limits,
        )
        if weight:
            estimator.setWeightCol(weight)
        fits.append(
            {
                "solver": solver,
                "run": run,
                "regParam": reg,
                "elasticNetParam": enet,
                "standardization": std,
                "fitIntercept": intercept,
                "weighted": bool(weight),
                **describe(estimator.fit(data)),
            }
        )
    table = {"spark": spark.version, "sample": NAME, "fits": fits}
    text = json.dumps(table, indent=None, separators=(",", ":")).replace('{"solver"', '\n{"solver"')
    (HERE / "linear_regression.json").write_text(text + "\n")
    spark.stop()


def describe(model):
    s = model.summary
    return {
        "coefficients": list(model.coefficients),
        "intercept": model.intercept,
        "rmse": s.rootMeanSquaredError,
        "mse": s.meanSquaredError,
        "mae": s.meanAbsoluteError,
        "r2": s.r2,
        "r2adj": s.r2adj,
        "explainedVariance": s.explainedVariance,
        "devianceResiduals": list(s.devianceResiduals),
        "degreesOfFreedom": s.degreesOfFreedom,
        "numInstances": s.numInstances,
        "standardErrors": available(lambda: list(s.coefficientStandardErrors)),
        "tValues": available(lambda: list(s.tValues)),
        "pValues": available(lambda: list(s.pValues)),
        "totalIterations": s.totalIterations,
        "objectiveHistory": list(s.objectiveHistory),
    }


def available(read):
    """Spark has no standard errors (nor t, nor p) where its solver was iterative, and throws."""
    try:
        return read()
    except Exception as e:
        if "available for this LinearRegressionModel" not in str(e):
            raise
        return None


main()
