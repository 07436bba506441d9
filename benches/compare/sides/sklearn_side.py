"""scikit-learn in one process: reads by PyArrow, fits by NumPy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import ElasticNet, LinearRegression

from compare.sides.side import COLUMNS, FEATURES, Done, Given, Side, coefficients


class Sklearn(Side):
    """Estimators over arrays."""

    can = ("linreg", "kmeans")

    def version(self) -> str:
        """The version of the library."""
        return str(sklearn.__version__)

    def start(self) -> None:
        """There is no session."""

    def linreg(self, given: Given) -> pa.Table:
        """Reads and fits."""
        rows = _matrix(given["path"], [*FEATURES, "label"])
        x, y = rows[:, :-1], rows[:, -1]
        if not given["params"]:
            model = LinearRegression().fit(x, y)
            return coefficients([*model.coef_, model.intercept_])
        return coefficients(_elastic_net(x, y, **given["params"]))

    def kmeans(self, given: Given) -> Done:
        """Reads and fits from one choice of first centres."""
        params = given["params"]

        def work() -> KMeans:
            rows = _matrix(given["path"], COLUMNS)
            model = KMeans(
                params["k"], n_init=1, max_iter=params["maxIter"], tol=params["tol"], random_state=params["seed"]
            )
            return model.fit(rows)

        seconds, model = self.timed(work)
        return Done(seconds, pa.table({"cost": [float(model.inertia_)]}), {"iterations": int(model.n_iter_)})


def _matrix(path: str, columns: list[str]) -> np.ndarray:
    table = pq.read_table(path, columns=columns)
    return np.column_stack([column.to_numpy() for column in table.columns])


def _elastic_net(x: np.ndarray, y: np.ndarray, regParam: float, elasticNetParam: float) -> list[float]:
    """Spark's penalty in scikit-learn's terms: features of deviation 1, the quadratic part by the label's deviation."""
    mean, deviation = x.mean(axis=0), x.std(axis=0, ddof=1)
    l1 = regParam * elasticNetParam
    l2 = regParam * (1 - elasticNetParam) / y.std(ddof=1)
    model = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), precompute=True, tol=1e-10, max_iter=10_000)
    model.fit((x - mean) / deviation, y)
    weights = model.coef_ / deviation
    return [*weights, float(model.intercept_ - weights @ mean)]
