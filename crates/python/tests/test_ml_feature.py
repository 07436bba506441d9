"""Transformers of columns against what PySpark makes of the same rows."""

import pytest
from ml_data import SPARK, close
from springald.errors import IllegalArgumentException, SpringaldException
from springald.ml import Pipeline, PipelineModel
from springald.ml.feature import (
    Binarizer,
    Bucketizer,
    Imputer,
    IndexToString,
    OneHotEncoder,
    SQLTransformer,
    StringIndexer,
    StringIndexerModel,
)
from springald.ml.functions import vector_to_array
from springald.ml.linalg import Vectors

EXPECTED = SPARK["feature"]
SPLITS = [-float("inf"), -0.5, 0.0, 0.5, float("inf")]


@pytest.fixture(scope="module")
def words(spark):
    return spark.createDataFrame([tuple(row) for row in EXPECTED["words"]], ["word", "number"])


@pytest.mark.parametrize("order", EXPECTED["labels"])
def test_labels(words, order):
    model = StringIndexer(inputCol="word", outputCol="i", stringOrderType=order).fit(words)
    assert model.labels == EXPECTED["labels"][order]


@pytest.mark.parametrize("rule", EXPECTED["indexed"])
def test_string_indexer(words, rule, tmp_path):
    few = words.filter("word != 'd'")
    model = StringIndexer(inputCol="word", outputCol="i", handleInvalid=rule).fit(few)
    model.save(str(tmp_path / "m"))
    for one in (model, StringIndexerModel.load(str(tmp_path / "m"))):
        assert [row.i for row in one.transform(words).collect()] == EXPECTED["indexed"][rule]


def test_unknown_labels_are_errors(words):
    model = StringIndexer(inputCol="word", outputCol="i").fit(words.filter("word != 'd'"))
    with pytest.raises(SpringaldException, match="Unseen label: d"):
        model.transform(words.filter("word = 'd'")).collect()
    with pytest.raises(SpringaldException, match="Unseen label: NULL"):
        model.transform(words.filter("word IS NULL")).collect()


def test_several_columns_are_indexed(words):
    known = words.filter("word is not null")
    model = StringIndexer(inputCols=["word", "number"], outputCols=["i", "j"]).fit(known)
    assert [list(labels) for labels in model.labelsArray] == EXPECTED["several"]["labelsArray"]
    assert [[row.i, row.j] for row in model.transform(known).collect()] == EXPECTED["several"]["rows"]


def test_index_to_string(words, spark):
    few = words.filter("word is not null").filter("word != 'd'")
    model = StringIndexer(inputCol="word", outputCol="i").fit(few)
    indexed = model.transform(few)
    for back in (
        IndexToString(inputCol="i", outputCol="back", labels=model.labels),
        IndexToString(inputCol="i", outputCol="back"),
    ):
        made = back.transform(indexed.select("number", "i").filter("number > 0"))
        assert [row.back for row in made.collect()] == EXPECTED["back"]
    numbers = spark.createDataFrame([(9.0,)], ["i"])
    with pytest.raises(IllegalArgumentException, match="was not made by a StringIndexerModel"):
        IndexToString(inputCol="i", outputCol="back").transform(numbers)
    with pytest.raises(SpringaldException, match="Unseen index"):
        IndexToString(inputCol="i", outputCol="back", labels=["a"]).transform(numbers).collect()


@pytest.mark.parametrize("expected", EXPECTED["encoded"], ids=lambda e: f"dropLast={e['dropLast']}")
def test_one_hot_encoder(spark, expected, tmp_path):
    codes = spark.createDataFrame([tuple(row) for row in EXPECTED["codes"]], ["x", "y"])
    encoder = OneHotEncoder(inputCols=["x", "y"], outputCols=["u", "v"], dropLast=expected["dropLast"])
    model = encoder.fit(codes)
    assert model.categorySizes == expected["sizes"]
    assert [[str(row.u), str(row.v)] for row in model.transform(codes).collect()] == expected["rows"]
    model.save(str(tmp_path / "m"))
    assert type(model).load(str(tmp_path / "m")).transform(codes).collect() == model.transform(codes).collect()


def test_unknown_categories(spark):
    model = OneHotEncoder(inputCol="x", outputCol="v").fit(spark.createDataFrame([(0.0,), (1.0,)], ["x"]))
    other = spark.createDataFrame([(1.0,), (5.0,), (None,)], "x double")
    with pytest.raises(SpringaldException, match="Unseen value: 5"):
        model.transform(other).collect()
    kept = model.setHandleInvalid("keep").transform(other).collect()
    assert [str(row.v) for row in kept] == ["(2,[1],[1.0])", "(2,[],[])", "None"]


@pytest.mark.parametrize("strategy", EXPECTED["imputed"])
def test_imputer(spark, strategy, tmp_path):
    nan = float("nan")
    rows = [(1.0, None), (2.0, 4.0), (nan, 4.0), (7.0, 9.0), (-1.0, 5.0)]
    df = spark.createDataFrame(rows, ["p", "q"])
    model = Imputer(inputCols=["p", "q"], outputCols=["r", "s"], strategy=strategy).fit(df)
    expected = EXPECTED["imputed"][strategy]
    assert close(list(model.surrogateDF.first()), expected["surrogates"])
    assert close([[row.r, row.s] for row in model.transform(df).collect()], expected["rows"])
    model.save(str(tmp_path / "m"))
    assert type(model).load(str(tmp_path / "m")).transform(df).select("r").collect()[0].r == expected["rows"][0][0]
    with pytest.raises(IllegalArgumentException, match="All the values in p are Null, Nan"):
        Imputer(inputCol="p", outputCol="r").fit(df.filter("p = 7 AND p = 1"))


def test_integers_are_filled_with_integers(spark):
    df = spark.createDataFrame([(1,), (4,), (None,)], "x int")
    model = Imputer(inputCol="x", outputCol="y").fit(df)
    assert [row.y for row in model.transform(df).collect()] == [1, 4, 2]


def test_numbers_in_classes(spark):
    df = spark.createDataFrame([(x,) for x in EXPECTED["floats"]], ["x"])
    found = Binarizer(threshold=0.2, inputCol="x", outputCol="y").transform(df)
    assert [row.y for row in found.collect()] == EXPECTED["binarized"]
    buckets = Bucketizer(splits=SPLITS, inputCol="x", outputCol="y")
    assert [row.y for row in buckets.transform(df).collect()] == EXPECTED["bucketed"]
    nans = spark.createDataFrame([(0.1,), (float("nan"),)], ["x"])
    for rule, expected in EXPECTED["bucketedInvalid"].items():
        assert [row.y for row in buckets.setHandleInvalid(rule).transform(nans).collect()] == expected
    with pytest.raises(SpringaldException, match="encountered NaN"):
        buckets.setHandleInvalid("error").transform(nans).collect()
    bounded = Bucketizer(splits=[0.0, 1.0, 2.0], inputCol="x", outputCol="y")
    top = spark.createDataFrame([(0.0,), (1.0,), (2.0,)], ["x"])
    assert [row.y for row in bounded.transform(top).collect()] == EXPECTED["bucketedTop"]
    with pytest.raises(SpringaldException, match="out of Bucketizer bounds"):
        bounded.transform(df).collect()
    several = Binarizer(inputCols=["x", "x"], outputCols=["y", "z"], thresholds=[0.2, 99.0]).transform(df)
    assert [row.z for row in several.collect()] == [0.0] * 6 + [1.0]
    special = spark.createDataFrame([(None,), (float("nan"),)], "x double")
    assert [row.y for row in Binarizer(inputCol="x", outputCol="y").transform(special).collect()] == [None, 0.0]


def test_sql(spark):
    df = spark.createDataFrame([(0, 1.0, 3.0), (2, 2.0, 5.0)], ["id", "v1", "v2"])
    made = SQLTransformer(statement="SELECT *, (v1 + v2) AS v3 FROM __THIS__ WHERE id > 0").transform(df)
    assert made.columns == EXPECTED["sql"]["columns"]
    assert [list(row) for row in made.collect()] == EXPECTED["sql"]["rows"]
    assert not [table for table in spark.catalog.listTables() if table.name.startswith("this_")]


def test_vector_to_array(spark):
    df = spark.createDataFrame([(Vectors.dense(1, 2),)], ["v"])
    assert df.select(vector_to_array("v").alias("a")).first().a == EXPECTED["arrays"][0]
    df = spark.createDataFrame([(Vectors.sparse(3, {1: 5.0}),), (None,)], ["v"])
    rows = df.select(vector_to_array("v").alias("a"), vector_to_array(df.v, "float32").alias("b")).collect()
    assert [row.a for row in rows] == [EXPECTED["arrays"][1], None]
    assert rows[0].b == EXPECTED["arrays"][1]
    with pytest.raises(IllegalArgumentException, match="float64 or float32"):
        vector_to_array("v", "int")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda df: StringIndexer().fit(df), "needs either inputCol or inputCols"),
        (lambda df: StringIndexer(inputCol="x", inputCols=["x"]).fit(df), "needs either inputCol or inputCols"),
        (lambda df: StringIndexer(inputCols=["x"]).fit(df), "1 inputCols and 0 outputCols"),
        (lambda df: StringIndexer(inputCol="x", stringOrderType="best").fit(df), "stringOrderType"),
        (lambda df: OneHotEncoder(inputCol="x", outputCol="y").fit(df), "categories are whole numbers from 0"),
        (lambda df: Bucketizer(splits=[0.0, 1.0], inputCol="x").transform(df), "3 or more numbers"),
        (lambda df: Bucketizer(splits=[0.0, 1.0, 1.0], inputCol="x").transform(df), "each above the last"),
        (lambda df: Binarizer(inputCol="x", outputCol="x").transform(df), "Column x already exists"),
        (lambda df: Binarizer(inputCol="y").transform(df), "y does not exist"),
    ],
)
def test_errors(spark, make, message):
    df = spark.createDataFrame([(0.5,)], ["x"])
    with pytest.raises(IllegalArgumentException, match=message):
        make(df)


def test_in_a_pipeline(words, tmp_path):
    known = words.filter("word is not null")
    indexer = StringIndexer(inputCol="word", outputCol="i")
    encoder = OneHotEncoder(inputCol="i", outputCol="v")
    model = Pipeline(stages=[indexer, encoder]).fit(known)
    model.save(str(tmp_path / "m"))
    loaded = PipelineModel.load(str(tmp_path / "m"))
    assert loaded.transform(known).collect() == model.transform(known).collect()
    assert model.stages[1].categorySizes == [4]
