"""Estimators, models, summaries and evaluators against what PySpark answers on the same rows."""

import pytest
from ml_data import SPARK, close, frame
from springald.errors import IllegalArgumentException, SpringaldException
from springald.ml import Pipeline, PipelineModel
from springald.ml.clustering import KMeans, KMeansModel
from springald.ml.evaluation import ClusteringEvaluator, RegressionEvaluator
from springald.ml.feature import StandardScaler, StandardScalerModel, VectorAssembler
from springald.ml.linalg import Vectors
from springald.ml.regression import LinearRegression, LinearRegressionModel


@pytest.fixture(scope="module")
def df(spark):
    return frame(spark)


def name_of(values):
    return ",".join(f"{k}={v}" for k, v in values["params"].items()) or "defaults"


@pytest.mark.parametrize("expected", SPARK["regression"], ids=name_of)
def test_linear_regression(df, expected):
    train, other = df.filter("fold != 0"), df.filter("fold = 0")
    model = LinearRegression(**expected["params"]).fit(train)
    assert close(list(model.coefficients), expected["coefficients"])
    assert close(model.intercept, expected["intercept"])
    assert (model.scale, model.numFeatures, model.hasSummary) == (1.0, 3, True)
    assert close(model.predict(Vectors.dense(1.0, 2.0, 3.0)), expected["predict"])
    predicted = model.transform(other)
    assert predicted.columns == expected["columns"]
    assert close([row.prediction for row in predicted.select("prediction").collect()], expected["predictions"])
    assert repr(model).replace(model.uid, "<uid>") == expected["repr"]
    check_summary(model.summary, expected["summary"])
    check_summary(model.evaluate(other), expected["evaluate"])


def check_summary(summary, expected):
    for name, value in expected.items():
        if name.endswith("Columns"):
            assert getattr(summary, name.removesuffix("Columns")).columns == value
        elif name == "residuals":
            assert close(sorted(row[0] for row in summary.residuals.collect()), sorted(value))
        elif value is None:
            with pytest.raises(IllegalArgumentException, match="standard errors"):
                getattr(summary, name)
        else:
            assert close(getattr(summary, name), value), name


def test_iterations_are_told(df):
    summary = LinearRegression(regParam=0.3, elasticNetParam=0.8).fit(df).summary
    assert summary.totalIterations == len(summary.objectiveHistory) - 1 > 0
    assert sorted(summary.objectiveHistory, reverse=True) == summary.objectiveHistory


def test_summary_has_snake_case_names(df):
    summary = LinearRegression().fit(df).summary
    assert summary.root_mean_squared_error == summary.rootMeanSquaredError
    assert summary.p_values == summary.pValues
    assert summary.num_instances == 60


def test_values_of_the_estimator_are_the_models(df):
    lr = LinearRegression(regParam=0.5, predictionCol="guess")
    model = lr.fit(df)
    assert (model.uid, model.getRegParam(), model.getPredictionCol()) == (lr.uid, 0.5, "guess")
    assert "guess" in model.transform(df).columns
    assert "other" in model.transform(df, {lr.predictionCol: "other"}).columns
    assert "third" in model.setPredictionCol("third").transform(df).columns
    first, second = lr.fit(df, [{lr.regParam: 0.0}, {lr.regParam: 9.0}])
    assert (first.getRegParam(), second.getRegParam(), lr.getRegParam()) == (0.0, 9.0, 0.5)
    assert [at for at, _ in lr.fitMultiple(df, [{}, {}])] == [0, 1]


def test_k_means(df):
    expected = SPARK["clustering"]
    model = KMeans(k=3, seed=1).fit(df)
    assert close(sorted(c.tolist() for c in model.clusterCenters()), expected["centers"])
    found = model.clusterCenters()[model.predict(Vectors.dense(0.0, 10.0, 5.0))].tolist()
    assert close(found, expected["predict"])
    summary = model.summary
    told = expected["summary"]
    assert (summary.k, sorted(summary.clusterSizes)) == (told["k"], told["clusterSizes"])
    assert close(summary.trainingCost, told["trainingCost"])
    assert summary.numIter >= 1
    assert (summary.featuresCol, summary.predictionCol) == (told["featuresCol"], told["predictionCol"])
    assert summary.cluster.columns == told["cluster"]
    assert summary.predictions.columns == told["predictions"]
    assert model.hasSummary
    assert dict(model.transform(df).dtypes)["prediction"] == expected["type"]
    assert close(ClusteringEvaluator().evaluate(model.transform(df)), expected["silhouette"])
    assert repr(model).replace(model.uid, "<uid>") == expected["repr"]
    cosine = KMeans(k=2, seed=1, distanceMeasure="cosine").fit(df.filter("group > 0"))
    assert close(sorted(c.tolist() for c in cosine.clusterCenters()), expected["cosine"])


def test_k_means_counts_rows_by_their_weight(spark):
    rows = [(Vectors.dense(0.0), 1.0), (Vectors.dense(1.0), 3.0), (Vectors.dense(9.0), 1.0)]
    df = spark.createDataFrame(rows, ["features", "w"])
    model = KMeans(k=2, weightCol="w").fit(df)
    assert sorted(c.tolist() for c in model.clusterCenters()) == [[0.75], [9.0]]


@pytest.mark.parametrize(
    "expected", SPARK["scaler"], ids=lambda e: f"{e['data']},mean={e['withMean']},std={e['withStd']}"
)
def test_standard_scaler(spark, df, expected):
    sparse = [Vectors.sparse(3, {0: 2.0}), Vectors.sparse(3, {0: 4.0, 2: 1.0}), Vectors.sparse(3, {})]
    data = spark.createDataFrame([(v,) for v in sparse], ["features"])
    if expected["data"] == "dense":
        rows = [(Vectors.dense(row[1:4]),) for row in SPARK["rows"][:6]]
        data = spark.createDataFrame(rows, ["features"])
    values = {"withMean": expected["withMean"], "withStd": expected["withStd"]}
    model = StandardScaler(inputCol="features", outputCol="s", **values).fit(data)
    assert close([list(model.mean), list(model.std)], [expected["mean"], expected["std"]])
    scaled = [row.s for row in model.transform(data).collect()]
    assert close([v.toArray().tolist() for v in scaled], expected["scaled"])
    assert {type(v).__name__ for v in scaled} == {expected["kind"]}
    assert repr(model).replace(model.uid, "<uid>") == expected["repr"]


@pytest.mark.parametrize("rule", ["skip", "keep"])
def test_vector_assembler(spark, rule):
    nan = float("nan")
    rows = [
        (1, 2.5, True, Vectors.dense(1.0, 2.0), Vectors.sparse(3, {1: 7.0})),
        (3, None, False, Vectors.dense(3.0, 4.0), Vectors.sparse(3, {})),
        (5, nan, True, Vectors.dense(5.0, 6.0), Vectors.sparse(3, {2: 8.0})),
    ]
    df = spark.createDataFrame(rows, ["a", "b", "c", "d", "e"])
    inputs = ["a", "b", "c"] if rule == "keep" else ["a", "b", "c", "d", "e"]
    assembler = VectorAssembler(inputCols=inputs, outputCol="v", handleInvalid=rule)
    assembled = assembler.transform(df)
    assert assembled.columns == ["a", "b", "c", "d", "e", "v"]
    found = [["NaN" if x != x else x for x in row.v.toArray().tolist()] for row in assembled.collect()]
    assert found == SPARK["assembler"][rule]
    with pytest.raises(SpringaldException, match="null or NaN among its inputs"):
        assembler.setHandleInvalid("error").transform(df).collect()


@pytest.mark.parametrize("expected", SPARK["evaluators"]["regression"], ids=str)
def test_regression_evaluator(spark, expected):
    df = spark.createDataFrame(SPARK["evaluators"]["rows"], ["label", "prediction", "weight"])
    values = {k: v for k, v in expected.items() if k != "value"}
    assert close(RegressionEvaluator(**values).evaluate(df), expected["value"])


@pytest.mark.parametrize("expected", SPARK["evaluators"]["clustering"], ids=str)
def test_clustering_evaluator(spark, expected):
    points = SPARK["evaluators"]["points"]
    rows = [(Vectors.dense(p[:2]), p[2], 1.0 + at) for at, p in enumerate(points)]
    df = spark.createDataFrame(rows, ["features", "prediction", "weight"])
    values = {k: v for k, v in expected.items() if k != "value"}
    assert close(ClusteringEvaluator(**values).evaluate(df), expected["value"])


def test_what_is_better():
    expected = SPARK["evaluators"]["isLargerBetter"]
    for name, larger in expected.items():
        evaluator = ClusteringEvaluator() if name == "silhouette" else RegressionEvaluator(metricName=name)
        assert (evaluator.isLargerBetter(), evaluator.is_larger_better()) == (larger, larger)


def test_pipeline(df, tmp_path):
    expected = SPARK["pipeline"]
    data = df.drop("features")
    assembler = VectorAssembler(inputCols=["a", "b", "c"], outputCol="raw")
    scaler = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    pipeline = Pipeline(stages=[assembler, scaler, LinearRegression(regParam=0.1)])
    model = pipeline.fit(data)
    assert [type(stage).__name__ for stage in model.stages] == expected["stages"]
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert loaded.uid == model.uid
    assert [stage.uid for stage in loaded.stages] == [stage.uid for stage in model.stages]
    assert loaded.transform(data).columns == expected["columns"]
    found = [row.prediction for row in loaded.transform(data).select("prediction").collect()]
    assert close(found, expected["predictions"])
    assert found == [row.prediction for row in model.transform(data).select("prediction").collect()]
    assert loaded.stages[-1].hasSummary == expected["hasSummary"]
    assert loaded.stages[-1].getRegParam() == 0.1
    pipeline.save(str(tmp_path / "pipeline"))
    again = Pipeline.load(str(tmp_path / "pipeline")).fit(data)
    assert list(again.stages[-1].coefficients) == list(model.stages[-1].coefficients)


def test_models_are_saved_and_loaded(df, tmp_path):
    for model, cls in [
        (LinearRegression(regParam=0.1).fit(df), LinearRegressionModel),
        (KMeans(k=3, seed=1, predictionCol="cluster").fit(df), KMeansModel),
        (StandardScaler(inputCol="features", outputCol="s", withMean=True).fit(df), StandardScalerModel),
    ]:
        path = str(tmp_path / cls.__name__)
        model.save(path)
        with pytest.raises(IllegalArgumentException, match="already exists"):
            model.save(path)
        model.write().overwrite().save(path)
        loaded = cls.load(path)
        assert (repr(loaded), loaded.extractParamMap()) == (repr(model), model.extractParamMap())
        assert loaded.transform(df).collect() == model.transform(df).collect()
        assert cls.read().load("file://" + path).uid == model.uid
        if cls is not StandardScalerModel:
            assert not loaded.hasSummary
            with pytest.raises(SpringaldException, match="No training summary available"):
                _ = loaded.summary
    with pytest.raises(IllegalArgumentException, match="holds a KMeansModel, not a LinearRegressionModel"):
        LinearRegressionModel.load(str(tmp_path / "KMeansModel"))


def test_what_cannot_be_loaded_or_saved(df, tmp_path):
    (tmp_path / "other").mkdir()
    kmeans = KMeans()
    with pytest.raises(IllegalArgumentException, match="is no saved model, so it is not overwritten"):
        kmeans.write().overwrite().save(str(tmp_path / "other"))
    with pytest.raises(IllegalArgumentException, match=r"it has no metadata\.json"):
        KMeans.load(str(tmp_path / "other"))
    with pytest.raises(IllegalArgumentException, match="not saved to s3"):
        kmeans.save("s3://bucket/model")
    kmeans.save(str(tmp_path / "kmeans"))
    metadata = tmp_path / "kmeans" / "metadata.json"
    text = metadata.read_text()
    metadata.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(IllegalArgumentException, match="is of format 2, this version reads 1"):
        KMeans.load(str(tmp_path / "kmeans"))
    metadata.write_text(text[:20])
    with pytest.raises(IllegalArgumentException, match="torn"):
        KMeans.load(str(tmp_path / "kmeans"))
    metadata.write_text(text.replace("springald.ml.clustering.KMeans", "springald.ml.clustering.KMedians"))
    with pytest.raises(IllegalArgumentException, match=r"clustering\.KMedians is not there"):
        KMeans.load(str(tmp_path / "kmeans"))
    metadata.write_text(text.replace("springald.ml.clustering.KMeans", "json.JSONDecoder"))
    with pytest.raises(IllegalArgumentException, match="nothing that can be loaded"):
        KMeans.load(str(tmp_path / "kmeans"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kmeans", "other"]


def worded(df):
    from springald.sql import functions as F

    return df.withColumn("word", F.lit("a"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda df: KMeans(k=1).fit(df), "parameter k given invalid value 1: it is at least 2"),
        (lambda df: KMeans(initMode="best").fit(df), "initMode"),
        (lambda df: KMeans(distanceMeasure="far").fit(df), "distanceMeasure"),
        (lambda df: KMeans(featuresCol="feature").fit(df), "feature does not exist. Available: label, a, b"),
        (lambda df: KMeans(predictionCol="a").fit(df).transform(df), "Column a already exists"),
        (lambda df: LinearRegression(regParam=-1.0).fit(df), "parameter regParam given invalid value -1.0"),
        (lambda df: LinearRegression(elasticNetParam=2.0).fit(df), "a number from 0 to 1"),
        (lambda df: LinearRegression(maxIter=-1).fit(df), "parameter maxIter given invalid value -1"),
        (lambda df: LinearRegression(loss="huber").fit(df), "huber is not supported"),
        (lambda df: LinearRegression(featuresCol="a").fit(df), "holds no vectors"),
        (lambda df: LinearRegression(labelCol="word").fit(worded(df)), "Column word must be of type numeric but was"),
        (lambda df: LinearRegression(weightCol="word").fit(worded(df)), "actually of type string"),
        (
            lambda df: VectorAssembler(inputCols=["word"], outputCol="v").transform(worded(df)),
            "Data type string of column word is not supported",
        ),
        (lambda df: LinearRegression(weightCol="w").fit(df), "w does not exist"),
        (lambda df: LinearRegression().fit(df.filter("fold = 9")), "no rows"),
        (lambda df: LinearRegression().fit(df).predict([1.0]), "1 features where the model has 3"),
        (lambda df: StandardScaler(inputCol="a", outputCol="s").fit(df), "holds no vectors"),
        (lambda df: VectorAssembler(inputCols=["a"], outputCol="b").transform(df), "Column b already exists"),
        (lambda df: VectorAssembler(inputCols=["A", "q"], outputCol="v").transform(df), "q does not exist"),
        (lambda df: RegressionEvaluator(metricName="mape").evaluate(df), "metricName"),
        (lambda df: ClusteringEvaluator(predictionCol="fold").evaluate(df.filter("fold = 0")), "two clusters"),
    ],
)
def test_errors(df, make, message):
    with pytest.raises(IllegalArgumentException, match=message):
        make(df)


def test_columns_of_one_name_keep_apart(spark, df):
    other = df.select("label", "a").withColumnRenamed("a", "z")
    joined = df.join(other, df["a"] == other["z"])
    with pytest.raises(IllegalArgumentException, match="2 columns are called label"):
        LinearRegression().fit(joined)
    model = LinearRegression().fit(df)
    predicted = model.transform(joined)
    assert predicted.select(df["label"], "prediction").count() == predicted.count()
