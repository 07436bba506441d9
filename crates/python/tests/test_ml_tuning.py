"""The search for good values: folds by a column as in PySpark, random ones, saving, and threads."""

import pytest
from ml_data import SPARK, close, frame
from springald.errors import IllegalArgumentException
from springald.ml import Pipeline, _penalties
from springald.ml._folds import random_folds
from springald.ml.clustering import KMeans
from springald.ml.evaluation import ClusteringEvaluator, Evaluator, RegressionEvaluator
from springald.ml.feature import VectorAssembler
from springald.ml.regression import LinearRegression
from springald.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    ParamGridBuilder,
    TrainValidationSplit,
    TrainValidationSplitModel,
)


@pytest.fixture(scope="module")
def df(spark):
    return frame(spark)


@pytest.fixture
def lr():
    return LinearRegression(tol=1e-12, maxIter=1000)


@pytest.fixture
def grid(lr):
    return ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1, 1.0]).addGrid(lr.elasticNetParam, [0.0, 0.5]).build()


def test_grid(lr, grid):
    assert [[values[lr.regParam], values[lr.elasticNetParam]] for values in grid] == SPARK["tuning"]["grid"]
    based = ParamGridBuilder().baseOn({lr.maxIter: 5}).baseOn([lr.tol, 0.5]).addGrid(lr.regParam, [1, 2]).build()
    assert [sorted([p.name, v] for p, v in values.items()) for values in based] == SPARK["tuning"]["based"]
    with pytest.raises(TypeError, match="must be an instance of Param"):
        ParamGridBuilder().addGrid("regParam", [1])


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("expected", SPARK["tuning"]["folds"], ids=lambda e: e["metricName"])
def test_cross_validation_by_a_column(df, lr, grid, expected, parallelism):
    cv = CrossValidator(
        estimator=lr,
        estimatorParamMaps=grid,
        evaluator=RegressionEvaluator(metricName=expected["metricName"]),
        numFolds=3,
        foldCol="fold",
        collectSubModels=True,
        parallelism=parallelism,
    )
    model = cv.fit(df)
    assert close(model.avgMetrics, expected["avgMetrics"])
    assert close(model.stdMetrics, expected["stdMetrics"])
    assert [model.bestModel.getRegParam(), model.bestModel.getElasticNetParam()] == expected["best"]
    assert close(list(model.bestModel.coefficients), expected["coefficients"])
    assert close(list(model.subModels[2][3].coefficients), expected["subModel"])
    assert (model.uid, model.getNumFolds(), model.getEvaluator().getMetricName()) == (
        cv.uid,
        3,
        expected["metricName"],
    )
    assert model.transform(df).columns[-1] == "prediction"
    assert model.transform(df, {lr.predictionCol: "other"}).columns[-1] == "other"


def test_random_folds_part_the_rows(df):
    folds = list(random_folds(df, 4, 7))
    rows = df.count()
    sizes = [validation.count() for _, validation in folds]
    assert sum(sizes) == rows
    assert all(sizes)
    assert [training.count() for training, _ in folds] == [rows - size for size in sizes]
    seen = [row.a for _, validation in folds for row in validation.select("a").collect()]
    assert sorted(seen) == sorted(row.a for row in df.select("a").collect())
    again = [validation.count() for _, validation in random_folds(df.repartition(3), 4, 7)]
    assert again == sizes
    assert [validation.count() for _, validation in random_folds(df, 4, 8)] != sizes


def test_penalties_are_searched_in_one_pass(df, lr, grid, monkeypatch):
    cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=3, numFolds=5)
    fits = []
    fit = LinearRegression._fit
    monkeypatch.setattr(LinearRegression, "_fit", lambda self, data: fits.append(1) or fit(self, data))
    quick = cv.fit(df)
    assert fits == []
    assert (len(quick.avgMetrics), quick.subModels, quick.bestModel.hasSummary) == (6, None, True)
    best = grid[quick.avgMetrics.index(min(quick.avgMetrics))]
    assert close(list(quick.bestModel.coefficients), list(lr.fit(df, best).coefficients), 1e-9)
    assert quick.bestModel.getRegParam() == best[lr.regParam]
    slow = cv.copy().setCollectSubModels(True).fit(df)
    assert len(fits) == 1 + 5 * 6 + 1
    # The folds are others, the errors much the same.
    assert close(slow.avgMetrics, quick.avgMetrics, 0.15)


def test_only_what_has_the_same_meaning_is_searched_in_one_pass(df, lr, grid):
    evaluator = RegressionEvaluator()
    assert _penalties.search(df, lr, grid, evaluator, 3, 1) is not None
    assert _penalties.search(df, lr, grid[:-1], evaluator, 3, 1) is None
    assert _penalties.search(df, lr, [{lr.maxIter: 3}], evaluator, 3, 1) is None
    assert _penalties.search(df, lr, grid, evaluator.copy({evaluator.metricName: "r2"}), 3, 1) is None
    assert _penalties.search(df, lr.copy({lr.weightCol: "weight"}), grid, evaluator, 3, 1) is None
    assert _penalties.search(df, KMeans(), [{}], evaluator, 3, 1) is None


class Constant(Evaluator):
    def _evaluate(self, dataset):
        return float(dataset.count())


def test_any_estimator_and_evaluator(df):
    kmeans = KMeans(seed=1)
    grid = ParamGridBuilder().addGrid(kmeans.k, [2, 3, 5]).build()
    model = CrossValidator(estimator=kmeans, estimatorParamMaps=grid, evaluator=ClusteringEvaluator(), seed=1).fit(df)
    assert model.bestModel.getK() == 3
    model = CrossValidator(estimator=kmeans, estimatorParamMaps=[{}], evaluator=Constant(), seed=1, numFolds=4).fit(df)
    assert model.avgMetrics == [15.0]


def test_parameters_of_stages(df):
    lr = LinearRegression()
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=["a", "b", "c"], outputCol="features"), lr])
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 5.0]).build()
    cv = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), seed=1)
    model = cv.fit(df.drop("features"))
    assert model.bestModel.stages[-1].getRegParam() == 0.0


def test_train_validation_split(df, lr, grid):
    search = TrainValidationSplit(
        estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), trainRatio=0.8, seed=5
    )
    model = search.fit(df)
    assert len(model.validationMetrics) == 6
    assert model.subModels is None
    best = grid[model.validationMetrics.index(min(model.validationMetrics))]
    assert model.bestModel.getRegParam() == best[lr.regParam]
    assert search.fit(df).validationMetrics == model.validationMetrics
    assert len(search.copy().setCollectSubModels(True).fit(df).subModels) == 6


@pytest.mark.parametrize("cls", [CrossValidator, TrainValidationSplit])
def test_searches_are_saved_and_loaded(df, lr, grid, tmp_path, cls):
    pipeline = Pipeline(stages=[lr])
    search = cls(estimator=pipeline, estimatorParamMaps=grid[:2], evaluator=RegressionEvaluator(metricName="mae"))
    search.setCollectSubModels(True).setSeed(3).save(str(tmp_path / "search"))
    loaded = cls.load(str(tmp_path / "search"))
    assert loaded.getEstimatorParamMaps() == grid[:2]
    assert (loaded.uid, loaded.getSeed(), loaded.getEvaluator().getMetricName()) == (search.uid, 3, "mae")
    model = search.fit(df)
    model.save(str(tmp_path / "model"))
    again = (CrossValidatorModel if cls is CrossValidator else TrainValidationSplitModel).load(str(tmp_path / "model"))
    assert again.transform(df).collect() == model.transform(df).collect()
    assert again.getEstimator().getStages()[0].uid == lr.uid
    if cls is CrossValidator:
        assert (again.avgMetrics, again.stdMetrics) == (model.avgMetrics, model.stdMetrics)
        assert [len(fold) for fold in again.subModels] == [2, 2, 2]
    else:
        assert again.validationMetrics == model.validationMetrics
        assert len(again.subModels) == 2
    assert loaded.fit(df).transform(df).collect() == model.transform(df).collect()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"numFolds": 1}, "parameter numFolds given invalid value 1"),
        ({"parallelism": 0}, "parameter parallelism given invalid value 0"),
        ({"estimatorParamMaps": []}, "at least one dict"),
        ({"evaluator": None}, "has no evaluator"),
        ({"foldCol": "weight"}, r"Fold number must be in range \[0, 3\), but got 1.0"),
        ({"foldCol": "fold", "numFolds": 2}, r"Fold number must be in range \[0, 2\), but got 2"),
        ({"foldCol": "fold", "numFolds": 4}, "The validation data at fold 3 is empty"),
        ({"foldCol": "fald"}, "fald does not exist"),
    ],
)
def test_errors(df, lr, grid, values, message):
    given = {"estimator": lr, "estimatorParamMaps": grid, "evaluator": RegressionEvaluator(), **values}
    with pytest.raises(IllegalArgumentException, match=message):
        CrossValidator(**given).fit(df)


def test_an_error_of_a_fit_ends_the_search(df, lr):
    grid = ParamGridBuilder().addGrid(lr.elasticNetParam, [0.0, 2.0, 0.5]).build()
    cv = CrossValidator(
        estimator=lr, estimatorParamMaps=grid, evaluator=RegressionEvaluator(), foldCol="fold", parallelism=2
    )
    with pytest.raises(IllegalArgumentException, match="elasticNetParam"):
        cv.fit(df)
