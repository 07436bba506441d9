"""What a cluster learns is what one process learns."""

import pytest
from ml_data import close, frame
from springald.ml import Pipeline
from springald.ml.clustering import KMeans
from springald.ml.evaluation import ClusteringEvaluator, RegressionEvaluator
from springald.ml.feature import StandardScaler
from springald.ml.linalg import Vectors
from springald.ml.regression import LinearRegression
from springald.ml.tuning import CrossValidator, ParamGridBuilder


@pytest.fixture(scope="module")
def both(spark, cluster):
    return frame(spark), frame(cluster)


def test_linear_regression(both):
    one, other = (LinearRegression(regParam=0.1, elasticNetParam=0.5).fit(df) for df in both)
    assert close(list(one.coefficients), list(other.coefficients), 1e-9)
    assert close(one.summary.r2, other.summary.r2, 1e-9)
    assert close(one.summary.devianceResiduals, other.summary.devianceResiduals, 1e-9)
    assert close(one.summary.meanAbsoluteError, other.summary.meanAbsoluteError, 1e-9)


def test_pipeline_of_k_means(both):
    scaler = StandardScaler(inputCol="features", outputCol="scaled", withMean=True)
    pipeline = Pipeline(stages=[scaler, KMeans(k=3, seed=1, featuresCol="scaled")])
    models = [pipeline.fit(df) for df in both]
    centers = [model.stages[1].clusterCenters() for model in models]
    assert close([c.tolist() for c in centers[0]], [c.tolist() for c in centers[1]], 1e-9)
    predicted = [model.transform(df) for model, df in zip(models, both, strict=True)]
    evaluator = ClusteringEvaluator(featuresCol="scaled")
    assert close(*(evaluator.evaluate(df) for df in predicted), 1e-9)
    found = [sorted((row.a, row.prediction) for row in df.collect()) for df in predicted]
    assert found[0] == found[1]


@pytest.mark.parametrize("kept", [False, True])
def test_cross_validation(both, kept):
    lr = LinearRegression()
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 1.0]).build()
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=2, parallelism=2)
    models = [cv.setCollectSubModels(kept).fit(df) for df in both]
    assert close(models[0].avgMetrics, models[1].avgMetrics, 1e-9)
    assert close(models[0].stdMetrics, models[1].stdMetrics, 1e-9)


def test_sparse_vectors_are_scaled(cluster):
    rows = [(Vectors.sparse(3, {0: 2.0}),), (Vectors.sparse(3, {0: 4.0, 2: 1.0}),)]
    df = cluster.createDataFrame(rows, ["v"])
    model = StandardScaler(inputCol="v", outputCol="s").fit(df)
    assert [type(row.s).__name__ for row in model.transform(df).collect()] == ["SparseVector"] * 2
