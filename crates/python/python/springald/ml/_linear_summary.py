"""How well a linear model fits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from springald.errors import IllegalArgumentException
from springald.ml._native import weight_of
from springald.ml.evaluation import RegressionEvaluator

if TYPE_CHECKING:
    from springald.ml.regression import LinearRegressionModel
    from springald.sql.dataframe import DataFrame

_NO_ERRORS = "this model has no standard errors for rows that it was not fitted to"


class LinearRegressionSummary:
    """How well a linear model fits the rows of a DataFrame. What needs the rows is worked out when it is asked for.

    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> df = spark.createDataFrame([(1.0, Vectors.dense(1.0)), (2.0, Vectors.dense(2.0))], ["label", "features"])
    >>> other = spark.createDataFrame([(2.0, Vectors.dense(1.0)), (4.0, Vectors.dense(3.0))], ["label", "features"])
    >>> summary = LinearRegression(fitIntercept=False).fit(df).evaluate(other)
    >>> summary.meanAbsoluteError, summary.numInstances, summary.degreesOfFreedom
    (1.0, 2, 1)
    >>> summary.devianceResiduals, summary.residuals.columns
    ([1.0, 1.0], ['residuals'])
    """

    def __init__(self, model: LinearRegressionModel, dataset: DataFrame) -> None:
        # Later changes of the model's parameters do not reach its summary.
        self._model = model.copy()
        self._dataset = dataset

    @property
    def featuresCol(self) -> str:
        """The column of the features."""
        return self._model.getFeaturesCol()

    @property
    def labelCol(self) -> str:
        """The column of the labels."""
        return self._model.getLabelCol()

    @property
    def predictionCol(self) -> str:
        """The column of the predictions."""
        return self._model.getPredictionCol()

    @property
    def predictions(self) -> DataFrame:
        """The rows with their predictions."""
        return self._model.transform(self._dataset)

    @property
    def residuals(self) -> DataFrame:
        """Label less prediction of each row."""
        from springald.sql import functions as F

        difference = F.col(self.labelCol).cast("double") - F.col(self.predictionCol)
        return self.predictions.select(difference.alias("residuals"))

    @property
    def meanSquaredError(self) -> float:
        """The mean of the squared residuals."""
        return self._metric("mse")

    @property
    def rootMeanSquaredError(self) -> float:
        """The square root of the mean of the squared residuals."""
        return self._metric("rmse")

    @property
    def meanAbsoluteError(self) -> float:
        """The mean of the residuals without their signs."""
        return self._metric("mae")

    @property
    def explainedVariance(self) -> float:
        """The mean squared distance of the predictions from the mean label."""
        return self._metric("var")

    @property
    def r2(self) -> float:
        """How much of the labels' variance the predictions explain, 1 being all of it."""
        return self._metric("r2")

    @property
    def r2adj(self) -> float:
        """r2, adjusted by the degrees of freedom."""
        rows = self.numInstances - int(self._model.getFitIntercept())
        return 1.0 - (1.0 - self.r2) * rows / self.degreesOfFreedom

    @cached_property
    def _count(self) -> int:
        return self._dataset.count()

    @property
    def numInstances(self) -> int:
        """How many rows there are."""
        return self._count

    @property
    def degreesOfFreedom(self) -> int:
        """Rows less what was fitted: coefficients and intercept."""
        return self.numInstances - self._model.numFeatures - int(self._model.getFitIntercept())

    @cached_property
    def _deviance(self) -> list[float]:
        from springald.sql import functions as F

        residual = F.col(self.labelCol).cast("double") - F.col(self.predictionCol)
        weight = weight_of(self._model)
        if weight is not None:
            residual = residual * F.sqrt(F.col(weight))
        row = self.predictions.agg(F.min(residual).alias("least"), F.max(residual).alias("most")).first()
        return [] if row is None else [row["least"], row["most"]]

    @property
    def devianceResiduals(self) -> list[float]:
        """The least and the largest residual, by the square root of its weight."""
        return list(self._deviance)

    @property
    def coefficientStandardErrors(self) -> list[float]:
        """Standard errors of the coefficients, and of the intercept last; only of rows that were fitted to."""
        raise IllegalArgumentException(_NO_ERRORS, "use model.summary")

    @property
    def tValues(self) -> list[float]:
        """Coefficients, and the intercept last, by their standard errors; only of rows that were fitted to."""
        raise IllegalArgumentException(_NO_ERRORS, "use model.summary")

    @property
    def pValues(self) -> list[float]:
        """Two-sided p-values of the t-values; only of rows that were fitted to."""
        raise IllegalArgumentException(_NO_ERRORS, "use model.summary")

    @cached_property
    def _metrics(self) -> dict[str, float]:
        return {}

    def _metric(self, name: str) -> float:
        if name not in self._metrics:
            evaluator = RegressionEvaluator(
                metricName=name,
                labelCol=self.labelCol,
                predictionCol=self.predictionCol,
                throughOrigin=not self._model.getFitIntercept(),
                weightCol=weight_of(self._model),
            )
            self._metrics[name] = evaluator.evaluate(self.predictions)
        return self._metrics[name]

    features_col = featuresCol
    label_col = labelCol
    prediction_col = predictionCol
    mean_squared_error = meanSquaredError
    root_mean_squared_error = rootMeanSquaredError
    mean_absolute_error = meanAbsoluteError
    explained_variance = explainedVariance
    num_instances = numInstances
    degrees_of_freedom = degreesOfFreedom
    deviance_residuals = devianceResiduals


class LinearRegressionTrainingSummary(LinearRegressionSummary):
    """How a fit went, and how well the model fits its own rows: most of it follows from the fit itself.

    >>> from springald.ml.linalg import Vectors
    >>> from springald.ml.regression import LinearRegression
    >>> rows = [(label, Vectors.dense(x)) for x, label in enumerate([1.0, 3.0, 5.0, 6.0])]
    >>> summary = LinearRegression().fit(spark.createDataFrame(rows, ["label", "features"])).summary
    >>> round(summary.r2, 6), round(summary.rootMeanSquaredError, 6)
    (0.979661, 0.273861)
    >>> [round(p, 6) for p in summary.pValues]
    [0.010222, 0.065801]
    """

    def __init__(self, model: LinearRegressionModel, dataset: DataFrame, values: dict[str, Any]) -> None:
        super().__init__(model, dataset)
        self._values = values
        names = {"mse": "meanSquaredError", "rmse": "rootMeanSquaredError", "var": "explainedVariance", "r2": "r2"}
        self._metrics = {metric: values[name] for metric, name in names.items()}
        self._count = values["numInstances"]

    @property
    def objectiveHistory(self) -> list[float]:
        """The objective before the first iteration and after each; one 0 if none was needed."""
        return list(self._values["objectiveHistory"])

    @property
    def totalIterations(self) -> int:
        """Iterations that were made; 0 if the coefficients were solved for directly."""
        return int(self._values["totalIterations"])

    @property
    def coefficientStandardErrors(self) -> list[float]:
        """Standard errors of the coefficients, and of the intercept last.

        Raises:
            IllegalArgumentException: If there are none, as after an iterative fit.
        """
        return self._list("coefficientStandardErrors")

    @property
    def tValues(self) -> list[float]:
        """Coefficients, and the intercept last, by their standard errors.

        Raises:
            IllegalArgumentException: If there are none, as after an iterative fit.
        """
        return self._list("tValues")

    @property
    def pValues(self) -> list[float]:
        """Two-sided p-values of the t-values.

        Raises:
            IllegalArgumentException: If there are none, as after an iterative fit.
        """
        return self._list("pValues")

    def _list(self, name: str) -> list[float]:
        value = self._values[name]
        if isinstance(value, str):
            raise IllegalArgumentException(value)
        return list(value)

    objective_history = objectiveHistory
    total_iterations = totalIterations
    coefficient_standard_errors = coefficientStandardErrors
    t_values = tValues
    p_values = pValues
