#!/usr/bin/env python3
"""Makes ml.json: what PySpark's ml answers on small data that is kept beside the answers.

python3 -m venv venv && venv/bin/pip install pyspark numpy && venv/bin/python make_ml.py
"""

import json
import math
import pickle
import random
import tempfile
from pathlib import Path

import numpy
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator, RegressionEvaluator
from pyspark.ml.feature import (
    Binarizer,
    Bucketizer,
    Imputer,
    IndexToString,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    SQLTransformer,
    StandardScaler,
    StringIndexer,
    VectorAssembler,
)
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import DenseMatrix, DenseVector, SparseMatrix, SparseVector, Vectors
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession

HERE = Path(__file__).parent

NAMES = {
    "DenseMatrix": DenseMatrix,
    "DenseVector": DenseVector,
    "SparseMatrix": SparseMatrix,
    "SparseVector": SparseVector,
    "Vectors": Vectors,
    "pickle": pickle,
}
LINALG = [
    "repr(DenseVector([1, 2.5, 1 / 3]))",
    "str(DenseVector([1, 2.5, 1 / 3]))",
    "repr(Vectors.dense(1.0, 1e-7, -0.0))",
    "str(Vectors.dense(1e20, 1e-7, float('nan')))",
    "repr(Vectors.dense([]))",
    "repr(Vectors.sparse(4, {3: 5.5, 1: 1.0}))",
    "str(Vectors.sparse(4, [1, 3], [1.0, 5.5]))",
    "str(Vectors.sparse(4, [(0, 1e-7)]))",
    "repr(Vectors.sparse(3, []))",
    "repr(Vectors.zeros(2))",
    "repr(DenseVector([1, 2]) + DenseVector([3, 4]))",
    "repr(2 - DenseVector([1, 2]))",
    "repr(DenseVector([1, 2]) / 2)",
    "repr(5 % DenseVector([3, 2]))",
    "repr(-DenseVector([1, 2]))",
    "float(DenseVector([1, 2]).dot(SparseVector(2, {1: 3.0})))",
    "float(SparseVector(3, {0: 1.0, 2: 2.0}).dot(SparseVector(3, {1: 3.0, 2: 4.0})))",
    "float(SparseVector(3, {0: 1.0, 2: 2.0}).dot([1, 2, 3]))",
    "float(DenseVector([1, 2]).squared_distance([2, 1]))",
    "float(SparseVector(3, {0: 1.0}).squared_distance(SparseVector(3, {1: 2.0})))",
    "float(DenseVector([3, -4]).norm(1))",
    "float(DenseVector([3, -4]).norm(2))",
    "float(SparseVector(3, {0: 3.0, 2: -4.0}).norm(float('inf')))",
    "float(Vectors.norm(Vectors.dense(1, 2), 3))",
    "float(Vectors.squared_distance(Vectors.dense(1, 2), Vectors.sparse(2, {0: 4.0})))",
    "int(Vectors.dense(0, 1, 2).numNonzeros())",
    "int(Vectors.sparse(3, {0: 0.0, 1: 1.0}).numNonzeros())",
    "float(Vectors.sparse(3, {1: 2.0})[1])",
    "float(Vectors.sparse(3, {1: 2.0})[-1])",
    "len(Vectors.sparse(3, {1: 2.0}))",
    "Vectors.sparse(3, {1: 2.0}).toArray().tolist()",
    "Vectors.dense(1, 0) == Vectors.sparse(2, {0: 1.0})",
    "Vectors.sparse(2, {0: 1.0, 1: 0.0}) == Vectors.dense(1, 0)",
    "Vectors.dense(1, 0) == Vectors.sparse(3, {0: 1.0})",
    "Vectors.dense(1, 0) == [1.0, 0.0]",
    "hash(Vectors.dense(1, 0)) == hash(Vectors.sparse(2, {0: 1.0}))",
    "repr(pickle.loads(pickle.dumps(Vectors.sparse(3, {1: 2.0}))))",
    "repr(pickle.loads(pickle.dumps(Vectors.dense(3, 1))))",
    "repr(DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0]))",
    "str(DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0]))",
    "str(DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0], isTransposed=True))",
    "repr(DenseMatrix(3, 6, range(18)))",
    "repr(DenseMatrix(2, 2, [0.0, 1.0, 2.0, 0.0]).toSparse())",
    "repr(SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2, 3, 4]))",
    "str(SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2, 3, 4]))",
    "str(SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2, 3, 4], True))",
    "SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2, 3, 4]).toArray().tolist()",
    "SparseMatrix(2, 2, [0, 2, 3], [0, 1, 1], [2, 3, 4]).toDense() == DenseMatrix(2, 2, [2, 3, 0, 4])",
    "float(DenseMatrix(2, 2, [0.0, 1.0, 2.0, 3.0])[0, 1])",
]


def main():
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    data = rows()
    df = frame(spark, data)
    table = {
        "spark": spark.version,
        "numpy": numpy.__version__,
        "rows": data,
        "linalg": {text: eval(text, NAMES) for text in LINALG},
        "params": params(),
        "regression": regression(df),
        "evaluators": evaluators(spark),
        "clustering": clustering(df),
        "scaler": scaler(spark, df),
        "assembler": assembler(spark),
        "tuning": tuning(df),
        "pipeline": pipeline(df),
        "feature": feature(spark),
    }
    (HERE / "ml.json").write_text(json.dumps(table, indent=1) + "\n")
    spark.stop()


def rows():
    """Columns label, a, b, c, weight, fold, group; the groups are far apart in b and c."""
    generator = random.Random(4)
    made = []
    for at in range(60):
        a = round(generator.uniform(-3, 3), 3)
        group = at % 3
        b = round(10 * group + generator.gauss(0, 0.5), 3)
        c = round(5 * (group == 1) + generator.gauss(0, 0.5), 3)
        label = round(1.5 + 2 * a - 0.3 * b + 0.8 * c + generator.gauss(0, 0.4), 3)
        made.append([label, a, b, c, float(1 + at % 4), at % 3 if at % 7 else (at + 1) % 3, group])
    return made


def frame(spark, data):
    df = spark.createDataFrame(data, ["label", "a", "b", "c", "weight", "fold", "group"]).coalesce(1)
    return VectorAssembler(inputCols=["a", "b", "c"], outputCol="features").transform(df).cache()


def params():
    """Each class's parameters and defaults, but for what differs from run to run."""
    makers = [
        LinearRegression,
        KMeans,
        StandardScaler,
        VectorAssembler,
        Pipeline,
        CrossValidator,
        TrainValidationSplit,
        RegressionEvaluator,
        ClusteringEvaluator,
        StringIndexer,
        IndexToString,
        OneHotEncoder,
        MinMaxScaler,
        MaxAbsScaler,
        Normalizer,
        Imputer,
        Binarizer,
        Bucketizer,
        SQLTransformer,
    ]
    found = {}
    for maker in makers:
        instance = maker()
        explained = {}
        for param in instance.params:
            value = instance.explainParam(param)
            assert value.startswith(f"{param.name}: {param.doc} (")
            value = value[len(f"{param.name}: {param.doc} ") :].replace(instance.uid, "<uid>")
            explained[param.name] = "<seed>" if param.name == "seed" else value
        found[maker.__name__] = explained
    lr = LinearRegression(maxIter=7).setRegParam(0.5)
    shown = lr.explainParam("maxIter")
    found["set"] = {
        "explainParam": shown[shown.rindex("(") :],
        "isSet": [lr.isSet(lr.maxIter), lr.isSet("tol")],
        "hasDefault": [lr.hasDefault(lr.weightCol), lr.hasDefault("tol")],
        "isDefined": [lr.isDefined(lr.weightCol), lr.isDefined("tol")],
        "copy": [lr.copy({lr.maxIter: 9}).getMaxIter(), lr.getMaxIter()],
        "extract": sorted([p.name, v] for p, v in lr.extractParamMap({lr.tol: 0.25}).items()),
    }
    return found


def regression(df):
    train, other = df.filter("fold != 0"), df.filter("fold = 0")
    found = []
    for values in [
        {},
        {"regParam": 0.3, "elasticNetParam": 0.8, "tol": 1e-12, "maxIter": 1000},
        {"regParam": 0.2, "elasticNetParam": 0.0},
        {"regParam": 0.2, "elasticNetParam": 0.5, "standardization": False, "tol": 1e-12, "maxIter": 1000},
        {"fitIntercept": False},
        {"weightCol": "weight"},
        {"weightCol": "weight", "fitIntercept": False, "regParam": 0.1},
        {"solver": "l-bfgs", "regParam": 0.1, "tol": 1e-12, "maxIter": 1000},
    ]:
        model = LinearRegression(**values).fit(train)
        found.append(
            {
                "params": values,
                "coefficients": list(model.coefficients),
                "intercept": model.intercept,
                "scale": model.scale,
                "numFeatures": model.numFeatures,
                "hasSummary": model.hasSummary,
                "predict": model.predict(Vectors.dense(1.0, 2.0, 3.0)),
                "predictions": [row[0] for row in model.transform(other).select("prediction").collect()],
                "columns": model.transform(other).columns,
                "summary": summary(model.summary, training=True),
                "evaluate": summary(model.evaluate(other), training=False),
                "repr": repr(model).replace(model.uid, "<uid>"),
            }
        )
    return found


def summary(s, training):
    names = "rootMeanSquaredError meanSquaredError meanAbsoluteError r2 r2adj explainedVariance numInstances "
    names += "degreesOfFreedom devianceResiduals coefficientStandardErrors tValues pValues "
    names += "featuresCol labelCol predictionCol"
    names += " totalIterations objectiveHistory" if training else ""
    found = {name: available(lambda name=name: getattr(s, name)) for name in names.split()}
    found["residuals"] = [row[0] for row in s.residuals.collect()]
    found["residualsColumns"] = s.residuals.columns
    found["predictionsColumns"] = s.predictions.columns
    return found


def available(read):
    try:
        value = read()
    except Exception:
        return None
    return list(value) if isinstance(value, (list, tuple)) or "Java" in type(value).__name__ else value


def evaluators(spark):
    data = [[1.0, 1.5, 1.0], [2.0, 1.0, 2.0], [3.5, 3.0, 0.5], [-1.0, 0.0, 3.0]]
    df = spark.createDataFrame(data, ["label", "prediction", "weight"])
    points = [[0.0, 0.5, 0], [0.5, 0.2, 0], [4.0, 5.0, 1], [5.0, 4.5, 1], [9.0, 0.5, 2], [8.0, 0.1, 2], [7.0, 1.0, 1]]
    clusters = spark.createDataFrame(
        [(Vectors.dense(p[:2]), p[2], 1.0 + at) for at, p in enumerate(points)], ["features", "prediction", "weight"]
    )
    regression = [
        {
            "metricName": metric,
            "throughOrigin": origin,
            "weightCol": weight,
            "value": RegressionEvaluator(
                metricName=metric, throughOrigin=origin, **({"weightCol": weight} if weight else {})
            ).evaluate(df),
        }
        for metric in ["rmse", "mse", "r2", "mae", "var"]
        for origin in [False, True]
        for weight in [None, "weight"]
    ]
    clustering = [
        {
            "distanceMeasure": measure,
            "weightCol": weight,
            "value": ClusteringEvaluator(distanceMeasure=measure, **({"weightCol": weight} if weight else {})).evaluate(
                clusters
            ),
        }
        for measure in ["squaredEuclidean", "cosine"]
        for weight in [None, "weight"]
    ]
    larger = {m: RegressionEvaluator(metricName=m).isLargerBetter() for m in ["rmse", "mse", "r2", "mae", "var"]}
    larger["silhouette"] = ClusteringEvaluator().isLargerBetter()
    return {
        "rows": data,
        "points": points,
        "regression": regression,
        "clustering": clustering,
        "isLargerBetter": larger,
    }


def clustering(df):
    model = KMeans(k=3, seed=1).fit(df)
    s = model.summary
    cosine = KMeans(k=2, seed=1, distanceMeasure="cosine").fit(df.filter("group > 0"))
    return {
        "centers": sorted(c.tolist() for c in model.clusterCenters()),
        "predict": model.clusterCenters()[model.predict(Vectors.dense(0.0, 10.0, 5.0))].tolist(),
        "summary": {
            "k": s.k,
            "clusterSizes": sorted(s.clusterSizes),
            "trainingCost": s.trainingCost,
            "featuresCol": s.featuresCol,
            "predictionCol": s.predictionCol,
            "cluster": s.cluster.columns,
            "predictions": s.predictions.columns,
        },
        "hasSummary": model.hasSummary,
        "type": dict(model.transform(df).dtypes)["prediction"],
        "silhouette": ClusteringEvaluator().evaluate(model.transform(df)),
        "cosine": sorted(c.tolist() for c in cosine.clusterCenters()),
        "repr": repr(model).replace(model.uid, "<uid>"),
    }


def scaler(spark, df):
    sparse = spark.createDataFrame(
        [(Vectors.sparse(3, {0: 2.0}),), (Vectors.sparse(3, {0: 4.0, 2: 1.0}),), (Vectors.sparse(3, {}),)], ["features"]
    )
    found = []
    for name, data in [("dense", df.limit(6)), ("sparse", sparse)]:
        for mean in [False, True]:
            for std in [False, True]:
                model = StandardScaler(inputCol="features", outputCol="s", withMean=mean, withStd=std).fit(data)
                found.append(
                    {
                        "data": name,
                        "withMean": mean,
                        "withStd": std,
                        "mean": list(model.mean),
                        "std": list(model.std),
                        "scaled": [row[0].toArray().tolist() for row in model.transform(data).select("s").collect()],
                        "kind": type(model.transform(data).first()["s"]).__name__,
                        "repr": repr(model).replace(model.uid, "<uid>"),
                    }
                )
    return found


def assembler(spark):
    df = spark.createDataFrame(
        [
            (1, 2.5, True, Vectors.dense(1.0, 2.0), Vectors.sparse(3, {1: 7.0})),
            (3, None, False, Vectors.dense(3.0, 4.0), Vectors.sparse(3, {})),
            (5, float("nan"), True, Vectors.dense(5.0, 6.0), Vectors.sparse(3, {2: 8.0})),
        ],
        ["a", "b", "c", "d", "e"],
    )
    found = {}
    for rule in ["skip", "keep"]:
        # Spark refuses "keep" with vectors of unknown length.
        inputs = ["a", "b", "c"] if rule == "keep" else ["a", "b", "c", "d", "e"]
        made = VectorAssembler(inputCols=inputs, outputCol="v", handleInvalid=rule).transform(df)
        found[rule] = [["NaN" if math.isnan(x) else x for x in row.v.toArray()] for row in made.collect()]
    return found


def tuning(df):
    lr = LinearRegression(tol=1e-12, maxIter=1000)
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1, 1.0]).addGrid(lr.elasticNetParam, [0.0, 0.5]).build()
    built = [[values[lr.regParam], values[lr.elasticNetParam]] for values in grid]
    based = ParamGridBuilder().baseOn({lr.maxIter: 5}).baseOn([lr.tol, 0.5]).addGrid(lr.regParam, [1, 2]).build()
    found = []
    for metric in ["rmse", "r2"]:
        cv = CrossValidator(
            estimator=lr,
            estimatorParamMaps=grid,
            evaluator=RegressionEvaluator(metricName=metric),
            numFolds=3,
            foldCol="fold",
            collectSubModels=True,
        )
        model = cv.fit(df)
        found.append(
            {
                "metricName": metric,
                "avgMetrics": [float(m) for m in model.avgMetrics],
                "stdMetrics": [float(m) for m in model.stdMetrics],
                "best": [model.bestModel.getRegParam(), model.bestModel.getElasticNetParam()],
                "coefficients": list(model.bestModel.coefficients),
                "subModel": list(model.subModels[2][3].coefficients),
            }
        )
    return {
        "grid": built,
        "based": [sorted([p.name, v] for p, v in values.items()) for values in based],
        "folds": found,
    }


def pipeline(df):
    df = df.drop("features")
    assembler = VectorAssembler(inputCols=["a", "b", "c"], outputCol="raw")
    scaler = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    lr = LinearRegression(regParam=0.1)
    model = Pipeline(stages=[assembler, scaler, lr]).fit(df)
    with tempfile.TemporaryDirectory() as folder:
        model.write().overwrite().save(folder + "/model")
        loaded = PipelineModel.load(folder + "/model")
    return {
        "stages": [type(stage).__name__ for stage in model.stages],
        "columns": loaded.transform(df).columns,
        "predictions": [row.prediction for row in loaded.transform(df).select("prediction").collect()],
        "hasSummary": loaded.stages[-1].hasSummary,
    }


def feature(spark):
    found = {}
    words = spark.createDataFrame(
        [("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 2), ("a", 1), ("d", 1), (None, 2)], ["word", "number"]
    )
    found["words"] = [list(row) for row in words.collect()]
    known = words.filter("word is not null")
    orders = ["frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"]
    found["labels"] = {
        order: StringIndexer(inputCol="word", outputCol="i", stringOrderType=order).fit(known).labels
        for order in orders
    }
    few = StringIndexer(inputCol="word", outputCol="i").fit(known.filter("word != 'd'"))
    found["indexed"] = {
        rule: [row.i for row in few.copy({few.handleInvalid: rule}).transform(words).collect()]
        for rule in ["skip", "keep"]
    }
    several = StringIndexer(inputCols=["word", "number"], outputCols=["i", "j"]).fit(known)
    found["several"] = {
        "labelsArray": [list(labels) for labels in several.labelsArray],
        "rows": [[row.i, row.j] for row in several.transform(known).collect()],
    }
    indexed = few.transform(known.filter("word != 'd'"))
    back = IndexToString(inputCol="i", outputCol="back", labels=few.labels).transform(indexed)
    found["back"] = [row.back for row in back.collect()]

    codes = spark.createDataFrame([(0.0, 1.0), (1.0, 0.0), (2.0, 1.0), (0.0, 2.0)], ["x", "y"])
    found["codes"] = [list(row) for row in codes.collect()]
    found["encoded"] = []
    for drop in [True, False]:
        model = OneHotEncoder(inputCols=["x", "y"], outputCols=["u", "v"], dropLast=drop).fit(codes)
        found["encoded"].append(
            {
                "dropLast": drop,
                "sizes": list(model.categorySizes),
                "rows": [[str(row.u), str(row.v)] for row in model.transform(codes).collect()],
            }
        )
    vectors = [[1.0, 0.1, -1.0, 3.0], [2.0, 1.1, 1.0, 3.0], [3.0, 10.1, 3.0, 3.0]]
    df = spark.createDataFrame([(Vectors.dense(v),) for v in vectors], ["v"])
    found["vectors"] = vectors
    model = MinMaxScaler(inputCol="v", outputCol="s", min=-1.0, max=2.0).fit(df)
    found["minmax"] = {
        "originalMin": list(model.originalMin),
        "originalMax": list(model.originalMax),
        "rows": [list(row.s) for row in model.transform(df).collect()],
    }
    model = MaxAbsScaler(inputCol="v", outputCol="s").fit(df)
    found["maxabs"] = {"maxAbs": list(model.maxAbs), "rows": [list(r.s) for r in model.transform(df).collect()]}
    found["normalized"] = {
        str(p): [list(r.s) for r in Normalizer(inputCol="v", outputCol="s", p=p).transform(df).collect()]
        for p in [1.0, 2.0, float("inf")]
    }
    numbers = spark.createDataFrame([(1.0, None), (2.0, 4.0), (float("nan"), 4.0), (7.0, 9.0), (-1.0, 5.0)], ["p", "q"])
    found["imputed"] = {}
    for strategy in ["mean", "median", "mode"]:
        imputer = Imputer(inputCols=["p", "q"], outputCols=["r", "s"], strategy=strategy).fit(numbers)
        found["imputed"][strategy] = {
            "surrogates": list(imputer.surrogateDF.first()),
            "rows": [[row.r, row.s] for row in imputer.transform(numbers).collect()],
        }
    floats = [-999.9, -0.5, -0.3, 0.0, 0.2, 0.5, 999.9]
    df = spark.createDataFrame([(x,) for x in floats], ["x"])
    splits = [-float("inf"), -0.5, 0.0, 0.5, float("inf")]
    found["floats"] = floats
    found["binarized"] = [r.y for r in Binarizer(threshold=0.2, inputCol="x", outputCol="y").transform(df).collect()]
    found["bucketed"] = [r.y for r in Bucketizer(splits=splits, inputCol="x", outputCol="y").transform(df).collect()]
    nans = spark.createDataFrame([(0.1,), (float("nan"),)], ["x"])
    found["bucketedInvalid"] = {
        rule: [
            r.y
            for r in Bucketizer(splits=splits, inputCol="x", outputCol="y", handleInvalid=rule)
            .transform(nans)
            .collect()
        ]
        for rule in ["skip", "keep"]
    }
    bounded = Bucketizer(splits=[0.0, 1.0, 2.0], inputCol="x", outputCol="y")
    top = spark.createDataFrame([(0.0,), (1.0,), (2.0,)], ["x"])
    found["bucketedTop"] = [r.y for r in bounded.transform(top).collect()]
    df = spark.createDataFrame([(0, 1.0, 3.0), (2, 2.0, 5.0)], ["id", "v1", "v2"])
    made = SQLTransformer(statement="SELECT *, (v1 + v2) AS v3 FROM __THIS__ WHERE id > 0").transform(df)
    found["sql"] = {"columns": made.columns, "rows": [list(row) for row in made.collect()]}
    arrays = spark.createDataFrame([(Vectors.dense(1, 2),), (Vectors.sparse(3, {1: 5.0}),)], ["v"])
    found["arrays"] = [row.a for row in arrays.select(vector_to_array("v").alias("a")).collect()]
    return found


if __name__ == "__main__":
    main()
