"""Parameters: names, defaults and conversions as in PySpark."""

import json
from pathlib import Path

import numpy
import pytest
from springald.ml import Estimator, Pipeline, Transformer, clustering, evaluation, feature, regression, tuning
from springald.ml.linalg import DenseMatrix, Vectors
from springald.ml.param import Param, Params, TypeConverters
from springald.ml.param.shared import HasInputCol, HasOutputCol
from springald.ml.regression import LinearRegression
from springald.ml.util import DefaultParamsReadable, DefaultParamsWritable, keyword_only

SPARK = json.loads((Path(__file__).parent / "data" / "ml.json").read_text())["params"]
OURS = [Pipeline, *(getattr(m, n) for m in (clustering, evaluation, feature, regression, tuning) for n in m.__all__)]
SHARED = [cls for cls in OURS if cls.__name__ in SPARK]


@pytest.mark.parametrize("cls", SHARED, ids=lambda cls: cls.__name__)
def test_names_and_defaults(cls):
    instance = cls()
    explained = {}
    for param in instance.params:
        text = instance.explainParam(param)
        assert text.startswith(f"{param.name}: {param.doc} (")
        value = text.removeprefix(f"{param.name}: {param.doc} ").replace(instance.uid, "<uid>")
        explained[param.name] = "<seed>" if param.name == "seed" else value
    assert explained == SPARK[cls.__name__]
    assert instance.explainParams().splitlines() == [instance.explainParam(param) for param in instance.params]
    assert instance.uid.startswith(f"{cls.__name__}_")
    assert repr(instance) == instance.uid


def test_all_estimators_of_the_contract_are_compared():
    assert {cls.__name__ for cls in SHARED} >= {
        "LinearRegression",
        "KMeans",
        "StandardScaler",
        "VectorAssembler",
        "Pipeline",
        "CrossValidator",
        "TrainValidationSplit",
        "RegressionEvaluator",
        "ClusteringEvaluator",
    }


@pytest.mark.parametrize("cls", SHARED, ids=lambda cls: cls.__name__)
def test_each_has_a_getter_and_a_setter(cls):
    instance = cls()
    for param in instance.params:
        name = param.name[0].upper() + param.name[1:]
        setter, getter = getattr(instance, f"set{name}"), getattr(instance, f"get{name}")
        if instance.isDefined(param):
            value = getter()
            assert setter(value) is instance
            assert instance.isSet(param)
            assert getter() is value or getter() == value
        else:
            with pytest.raises(KeyError):
                getter()


def test_values():
    lr = LinearRegression(maxIter=7).setRegParam(0.5)
    expected = SPARK["set"]
    shown = lr.explainParam("maxIter")
    assert shown[shown.rindex("(") :] == expected["explainParam"]
    assert [lr.isSet(lr.maxIter), lr.isSet("tol")] == expected["isSet"]
    assert [lr.hasDefault(lr.weightCol), lr.hasDefault("tol")] == expected["hasDefault"]
    assert [lr.isDefined(lr.weightCol), lr.isDefined("tol")] == expected["isDefined"]
    assert [lr.copy({lr.maxIter: 9}).getMaxIter(), lr.getMaxIter()] == expected["copy"]
    extracted = sorted([p.name, v] for p, v in lr.extractParamMap({lr.tol: 0.25}).items())
    assert extracted == expected["extract"]
    lr.clear(lr.maxIter)
    assert lr.getMaxIter() == 100
    assert lr.set(lr.tol, 1) is None
    assert lr.getTol() == 1.0
    assert lr.setParams(tol=2).get_tol() == 2.0
    assert lr.set_tol(3).explain_param("tol").endswith("(default: 1e-06, current: 3.0)")


def test_copies_have_values_of_their_own():
    lr = LinearRegression(maxIter=7)
    copy = lr.copy()
    copy.setMaxIter(8)
    assert (lr.getMaxIter(), copy.getMaxIter(), copy.uid) == (7, 8, lr.uid)
    assert lr.maxIter == copy.maxIter
    assert lr.maxIter != LinearRegression().maxIter
    assert {lr.maxIter: 1} == {copy.maxIter: 1}


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [
        (TypeConverters.toInt, 3.0, 3),
        (TypeConverters.toInt, numpy.int64(3), 3),
        (TypeConverters.toInt, 3.5, TypeError),
        (TypeConverters.toInt, "3", TypeError),
        (TypeConverters.toInt, True, TypeError),
        (TypeConverters.toFloat, 3, 3.0),
        (TypeConverters.toFloat, numpy.float64(0.5), 0.5),
        (TypeConverters.toFloat, "a", TypeError),
        (TypeConverters.toBoolean, True, True),
        (TypeConverters.toBoolean, 1, TypeError),
        (TypeConverters.toString, numpy.str_("a"), "a"),
        (TypeConverters.toString, 1, TypeError),
        (TypeConverters.toList, Vectors.dense(1, 2), [1.0, 2.0]),
        (TypeConverters.toList, numpy.array([1, 2]), [1, 2]),
        (TypeConverters.toList, "ab", TypeError),
        (TypeConverters.toListFloat, (1, 2.5), [1.0, 2.5]),
        (TypeConverters.toListInt, [1.0, 2], [1, 2]),
        (TypeConverters.toListInt, [1.5], TypeError),
        (TypeConverters.toListString, ["a"], ["a"]),
        (TypeConverters.toListString, "a", TypeError),
        (TypeConverters.toListListFloat, [[1], (2,)], [[1.0], [2.0]]),
        (TypeConverters.toVector, [1, 2], Vectors.dense(1, 2)),
        (TypeConverters.toVector, ["a"], TypeError),
        (TypeConverters.toMatrix, DenseMatrix(1, 1, [1.0]), DenseMatrix(1, 1, [1.0])),
        (TypeConverters.toMatrix, [1.0], TypeError),
        (TypeConverters.identity, "a", "a"),
    ],
)
def test_conversions(convert, value, expected):
    if expected is TypeError:
        with pytest.raises(TypeError):
            convert(value)
    else:
        assert convert(value) == expected
        assert type(convert(value)) is type(expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda lr: lr.setMaxIter("a"), TypeError, 'Invalid param value given for param "maxIter"'),
        (lambda lr: LinearRegression(maxIter=1.5), TypeError, "Could not convert 1.5 to int"),
        (lambda lr: LinearRegression(maxIters=1), TypeError, "maxIters"),
        (lambda lr: lr.setParams(maxIters=1), ValueError, "Cannot find param with name maxIters"),
        (lambda lr: lr.getParam("uid"), ValueError, "Cannot find param with name uid"),
        (lambda lr: lr.getOrDefault(LinearRegression().tol), ValueError, "does not belong to"),
        (lambda lr: lr.copy({"tol": 1.0}), TypeError, "extra values are a dict from Param"),
        (lambda lr: lr.isSet(3), TypeError, "Cannot resolve 3 as a param"),
        (lambda lr: lr.hasParam(3), TypeError, "must be a string"),
        (lambda lr: lr.getWeightCol(), KeyError, "weightCol"),
        (lambda lr: lr.fit(None, 3), TypeError, "param map"),
        (lambda lr: Param("x", "a", "b"), TypeError, "Parent must be an Identifiable"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(LinearRegression())


class Suffix(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
    suffix = Param(Params._dummy(), "suffix", "what is put behind", typeConverter=TypeConverters.toString)

    @keyword_only
    def __init__(self, inputCol=None, outputCol=None, suffix="!"):
        super().__init__()
        self._setDefault(suffix="!")
        self.setParams(**self._input_kwargs)

    def _transform(self, dataset):
        from springald.sql import functions as F

        joined = F.concat(F.col(self.getInputCol()), F.lit(self.getOrDefault(self.suffix)))
        return dataset.withColumn(self.getOutputCol(), joined)


def test_transformers_of_ones_own(tmp_path):
    suffix = Suffix(inputCol="a", outputCol="b", suffix="?")
    assert [param.name for param in suffix.params] == ["inputCol", "outputCol", "suffix"]
    with pytest.raises(TypeError, match="forces keyword arguments"):
        Suffix("a")
    suffix.save(str(tmp_path / "suffix"))
    loaded = Suffix.load(str(tmp_path / "suffix"))
    assert (loaded.uid, loaded.extractParamMap()) == (suffix.uid, suffix.extractParamMap())
    pipeline = Pipeline(stages=[suffix, LinearRegression(maxIter=3)])
    pipeline.save(str(tmp_path / "pipeline"))
    first, second = Pipeline.load(str(tmp_path / "pipeline")).getStages()
    assert (first.getOrDefault("suffix"), second.getMaxIter(), second.getTol()) == ("?", 3, 1e-6)


class Unsaved(Estimator):
    def _fit(self, dataset):
        raise NotImplementedError


def test_a_pipeline_says_which_stage_cannot_be_saved(tmp_path):
    with pytest.raises(Exception, match=r"as its stage Unsaved_\w+ cannot"):
        Pipeline(stages=[Unsaved()]).save(str(tmp_path / "p"))
    assert list(tmp_path.iterdir()) == []
