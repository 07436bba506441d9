"""Parameters that several estimators and transformers have: a class for each, to be inherited."""

from __future__ import annotations

import zlib

from springald.ml.param._converters import TypeConverters
from springald.ml.param._params import Params, getter, param, setter

__all__ = [
    "HasAggregationDepth",
    "HasCollectSubModels",
    "HasDistanceMeasure",
    "HasElasticNetParam",
    "HasFeaturesCol",
    "HasFitIntercept",
    "HasHandleInvalid",
    "HasInputCol",
    "HasInputCols",
    "HasIntermediateStorageLevel",
    "HasLabelCol",
    "HasLoss",
    "HasMaxBlockSizeInMB",
    "HasMaxIter",
    "HasOutputCol",
    "HasOutputCols",
    "HasParallelism",
    "HasPredictionCol",
    "HasRegParam",
    "HasSeed",
    "HasSolver",
    "HasStandardization",
    "HasThreshold",
    "HasTol",
    "HasWeightCol",
]


class HasFeaturesCol(Params):
    """`featuresCol`: which column has the features."""

    featuresCol = param("featuresCol", "name of the column of feature vectors", TypeConverters.toString)
    getFeaturesCol = get_features_col = getter(featuresCol)
    setFeaturesCol = set_features_col = setter(featuresCol)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(featuresCol="features")


class HasLabelCol(Params):
    """`labelCol`: which column has the labels."""

    labelCol = param("labelCol", "name of the column of labels", TypeConverters.toString)
    getLabelCol = get_label_col = getter(labelCol)
    setLabelCol = set_label_col = setter(labelCol)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(labelCol="label")


class HasPredictionCol(Params):
    """`predictionCol`: which column gets the predictions."""

    predictionCol = param("predictionCol", "name of the column that predictions are put into", TypeConverters.toString)
    getPredictionCol = get_prediction_col = getter(predictionCol)
    setPredictionCol = set_prediction_col = setter(predictionCol)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(predictionCol="prediction")


class HasWeightCol(Params):
    """`weightCol`: which column has the weights."""

    weightCol = param(
        "weightCol", "name of the column of weights; without it each row weighs 1", TypeConverters.toString
    )
    getWeightCol = get_weight_col = getter(weightCol)
    setWeightCol = set_weight_col = setter(weightCol)


class HasInputCol(Params):
    """`inputCol`: which column is read."""

    inputCol = param("inputCol", "name of the input column", TypeConverters.toString)
    getInputCol = get_input_col = getter(inputCol)
    setInputCol = set_input_col = setter(inputCol)


class HasInputCols(Params):
    """`inputCols`: which columns are read."""

    inputCols = param("inputCols", "names of the input columns", TypeConverters.toListString)
    getInputCols = get_input_cols = getter(inputCols)
    setInputCols = set_input_cols = setter(inputCols)


class HasOutputCol(Params):
    """`outputCol`: which column is made."""

    outputCol = param("outputCol", "name of the output column", TypeConverters.toString)
    getOutputCol = get_output_col = getter(outputCol)
    setOutputCol = set_output_col = setter(outputCol)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(outputCol=f"{self.uid}__output")


class HasOutputCols(Params):
    """`outputCols`: which columns are made."""

    outputCols = param("outputCols", "names of the output columns", TypeConverters.toListString)
    getOutputCols = get_output_cols = getter(outputCols)
    setOutputCols = set_output_cols = setter(outputCols)


class HasHandleInvalid(Params):
    """`handleInvalid`: what becomes of invalid rows."""

    handleInvalid = param("handleInvalid", "what becomes of invalid rows", TypeConverters.toString)
    getHandleInvalid = get_handle_invalid = getter(handleInvalid)
    setHandleInvalid = set_handle_invalid = setter(handleInvalid)


class HasMaxIter(Params):
    """`maxIter`: how many iterations there are at most."""

    maxIter = param("maxIter", "most iterations, 0 or more", TypeConverters.toInt)
    getMaxIter = get_max_iter = getter(maxIter)
    setMaxIter = set_max_iter = setter(maxIter)


class HasTol(Params):
    """`tol`: where iterations end."""

    tol = param("tol", "where iterations end, 0 or more", TypeConverters.toFloat)
    getTol = get_tol = getter(tol)
    setTol = set_tol = setter(tol)


class HasRegParam(Params):
    """`regParam`: how much large coefficients are penalised."""

    regParam = param("regParam", "weight of the penalty, 0 or more", TypeConverters.toFloat)
    getRegParam = get_reg_param = getter(regParam)
    setRegParam = set_reg_param = setter(regParam)


class HasElasticNetParam(Params):
    """`elasticNetParam`: whether the penalty is L1, L2 or between."""

    elasticNetParam = param("elasticNetParam", "kind of the penalty, from 0 (L2) to 1 (L1)", TypeConverters.toFloat)
    getElasticNetParam = get_elastic_net_param = getter(elasticNetParam)
    setElasticNetParam = set_elastic_net_param = setter(elasticNetParam)


class HasFitIntercept(Params):
    """`fitIntercept`: whether there is an intercept."""

    fitIntercept = param("fitIntercept", "whether an intercept is fitted", TypeConverters.toBoolean)
    getFitIntercept = get_fit_intercept = getter(fitIntercept)
    setFitIntercept = set_fit_intercept = setter(fitIntercept)


class HasStandardization(Params):
    """`standardization`: whether features are brought to one scale."""

    standardization = param(
        "standardization", "whether features are brought to one scale before the fit", TypeConverters.toBoolean
    )
    getStandardization = get_standardization = getter(standardization)
    setStandardization = set_standardization = setter(standardization)


class HasSolver(Params):
    """`solver`: how the answer is found."""

    solver = param("solver", "how the answer is found", TypeConverters.toString)
    getSolver = get_solver = getter(solver)
    setSolver = set_solver = setter(solver)


class HasLoss(Params):
    """`loss`: what is minimised."""

    loss = param("loss", "what is minimised", TypeConverters.toString)
    getLoss = get_loss = getter(loss)
    setLoss = set_loss = setter(loss)


class HasSeed(Params):
    """`seed`: what random choices depend on."""

    seed = param("seed", "what every random choice depends on", TypeConverters.toInt)
    getSeed = get_seed = getter(seed)
    setSeed = set_seed = setter(seed)

    def __init__(self) -> None:
        super().__init__()
        # The same number for a class in every process, so that a run can be repeated.
        self._setDefault(seed=zlib.crc32(type(self).__name__.encode()))


class HasDistanceMeasure(Params):
    """`distanceMeasure`: how distances are measured."""

    distanceMeasure = param(
        "distanceMeasure", "how distances are measured: 'euclidean' or 'cosine'", TypeConverters.toString
    )
    getDistanceMeasure = get_distance_measure = getter(distanceMeasure)
    setDistanceMeasure = set_distance_measure = setter(distanceMeasure)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(distanceMeasure="euclidean")


class HasAggregationDepth(Params):
    """`aggregationDepth`: known for Spark's sake."""

    aggregationDepth = param("aggregationDepth", "known for Spark's sake, without effect", TypeConverters.toInt)
    getAggregationDepth = get_aggregation_depth = getter(aggregationDepth)
    setAggregationDepth = set_aggregation_depth = setter(aggregationDepth)


class HasMaxBlockSizeInMB(Params):
    """`maxBlockSizeInMB`: known for Spark's sake."""

    maxBlockSizeInMB = param("maxBlockSizeInMB", "known for Spark's sake, without effect", TypeConverters.toFloat)
    getMaxBlockSizeInMB = get_max_block_size_in_mb = getter(maxBlockSizeInMB)
    setMaxBlockSizeInMB = set_max_block_size_in_mb = setter(maxBlockSizeInMB)


class HasIntermediateStorageLevel(Params):
    """`intermediateStorageLevel`: known for Spark's sake."""

    intermediateStorageLevel = param(
        "intermediateStorageLevel", "known for Spark's sake, without effect", TypeConverters.toString
    )
    getIntermediateStorageLevel = get_intermediate_storage_level = getter(intermediateStorageLevel)
    setIntermediateStorageLevel = set_intermediate_storage_level = setter(intermediateStorageLevel)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(intermediateStorageLevel="MEMORY_AND_DISK")


class HasParallelism(Params):
    """`parallelism`: how many fits run at once."""

    parallelism = param("parallelism", "how many fits run at once, at least 1", TypeConverters.toInt)
    getParallelism = get_parallelism = getter(parallelism)
    setParallelism = set_parallelism = setter(parallelism)


class HasCollectSubModels(Params):
    """`collectSubModels`: whether the models of the search are kept."""

    collectSubModels = param("collectSubModels", "whether the models of the search are kept", TypeConverters.toBoolean)
    getCollectSubModels = get_collect_sub_models = getter(collectSubModels)
    setCollectSubModels = set_collect_sub_models = setter(collectSubModels)


class HasThreshold(Params):
    """`threshold`: where the line is drawn."""

    threshold = param("threshold", "what is above it becomes 1, all else 0", TypeConverters.toFloat)
    getThreshold = get_threshold = getter(threshold)
    setThreshold = set_threshold = setter(threshold)
