"""What the extension offers the package. Everything here is private: users meet `springald.sql` and `springald.ml`.

A `Frame` is a plan whose columns have unique names, its *fields*. Names as users see them, which may repeat after a
join, are kept by `springald.sql`; the extension never sees them, but for `Frame.parse`.

Calls that run work let other threads run meanwhile, and end with `KeyboardInterrupt` when the user interrupts; on a
cluster the job is then cancelled.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pyarrow as pa

__version__: str

class EngineError(Exception):
    """`args` are the kind, the message, and a hint or None.

    The kind is `parse`, `invalid` (a name, type, value or path that cannot be) or `failed`.
    """

def main(arguments: list[str]) -> int:
    """Runs the `springald` command and gives its exit status."""

def functions() -> dict[str, str]:
    """Every function of the engine: its name, and `scalar`, `higher_order`, `aggregate` or `window`."""

class Expr:
    """An expression over the fields of a frame; bound to none until it is used."""

    @staticmethod
    def field(name: str) -> Expr: ...
    @staticmethod
    def literal(value: pa.Array[Any]) -> Expr:
        """The one value of an array of length 1."""
    @staticmethod
    def call(function: str, arguments: Sequence[Expr]) -> Expr:
        """A scalar function, by its name in the engine; arguments of a higher-order one may be lambda functions."""
    @staticmethod
    def lambda_(parameters: Sequence[str], body: Expr) -> Expr: ...
    @staticmethod
    def variable(name: str, type: pa.DataType) -> Expr:
        """A parameter of a lambda function, in its body."""
    @staticmethod
    def aggregate(
        function: str,
        arguments: Sequence[Expr],
        distinct: bool = False,
        condition: Expr | None = None,
        order_by: Sequence[SortExpr] = (),
        ignore_nulls: bool = False,
    ) -> Expr: ...
    @staticmethod
    def window(
        function: str,
        arguments: Sequence[Expr],
        partition_by: Sequence[Expr],
        order_by: Sequence[SortExpr],
        frame: tuple[Literal["rows", "range"], int | None, int | None] | None = None,
        ignore_nulls: bool = False,
    ) -> Expr:
        """An aggregate or window function over a window.

        The bounds of a frame count from the current row: negative before it, positive after it, None without limit.
        Without a frame the SQL default holds: up to the current row and its peers with an order, all rows without.
        """
    @staticmethod
    def case(base: Expr | None, branches: Sequence[tuple[Expr, Expr]], otherwise: Expr | None) -> Expr: ...
    @staticmethod
    def grouping_sets(kind: Literal["rollup", "cube"], groups: Sequence[Expr]) -> Expr: ...
    def binary(self, operator: str, other: Expr) -> Expr:
        """`operator` is one of + - * / % = != < <= > >= and or & | ^ << >> || is_distinct is_not_distinct ~ (a
        regular expression)."""
    def unary(self, operator: Literal["not", "negative", "is_null", "is_not_null", "is_true", "is_false"]) -> Expr: ...
    def like(
        self, pattern: Expr, negated: bool = False, case_insensitive: bool = False, escape: str | None = None
    ) -> Expr: ...
    def in_list(self, values: Sequence[Expr], negated: bool = False) -> Expr: ...
    def cast(self, to: pa.DataType, safe: bool = False) -> Expr:
        """With `safe`, what cannot be cast is null."""
    def alias(self, name: str) -> Expr: ...
    def sort(self, ascending: bool, nulls_first: bool) -> SortExpr: ...
    def member(self, name: str) -> Expr:
        """A field of a struct."""
    def contains_aggregate(self) -> bool: ...
    def contains_window(self) -> bool: ...

class SortExpr: ...

class Frame:
    """A lazy plan. Methods give new frames and run nothing, unless they say so."""

    def schema(self) -> pa.Schema: ...
    def names(self) -> list[str]:
        """What the fields were called where they come from; names may repeat, as in `SELECT a.id, b.id`."""
    def get(self, key: str) -> str | None:
        """A setting of the session."""
    def type_of(self, expr: Expr) -> tuple[pa.DataType, bool]:
        """The type of an expression over this frame, and whether it may be null."""
    def parse(self, sql: str, names: Sequence[tuple[str | None, str, str]]) -> Expr:
        """A SQL expression; `names` are what columns are called: an optional qualifier, a name, and the field meant."""
    def select(self, exprs: Sequence[Expr]) -> Frame:
        """Each expression is a field or has an alias; window functions may be among them."""
    def filter(self, condition: Expr) -> Frame: ...
    def aggregate(self, groups: Sequence[Expr], aggregates: Sequence[Expr]) -> Frame:
        """Groups, then expressions over aggregates and groups; each is a field or has an alias."""
    def sort(self, by: Sequence[SortExpr]) -> Frame: ...
    def limit(self, skip: int, fetch: int | None) -> Frame: ...
    def join(
        self,
        other: Frame,
        how: Literal["inner", "left", "right", "full", "left_semi", "left_anti"],
        condition: Expr | None,
    ) -> Frame:
        """No field of the one may be called like a field of the other. Without a condition, each row with each."""
    def union(self, other: Frame) -> Frame:
        """All rows of both, by place, with types that hold both; the fields keep this frame's names."""
    def intersect(self, other: Frame, distinct: bool) -> Frame: ...
    def except_(self, other: Frame, distinct: bool) -> Frame: ...
    def distinct(self) -> Frame: ...
    def distinct_on(self, fields: Sequence[str]) -> Frame:
        """One row, any, for each combination of the fields."""
    def unnest(self, field: str, keep_nulls: bool) -> Frame:
        """A row for each item of a list."""
    def repartition(self, count: int, by: Sequence[Expr]) -> Frame: ...
    def cache(self) -> Frame:
        """The same rows, kept by the workers from their first use until the last frame over them is gone."""
    def explain(self, kind: Literal["logical", "optimized", "physical", "analyze"]) -> str:
        """`analyze` runs the plan."""
    def stream(self) -> RowStream:
        """Runs the plan; batches arrive as they are asked for. Dropping the stream cancels what is left."""
    def write(
        self,
        path: str,
        format: str,
        mode: Literal["error", "append", "overwrite", "ignore"],
        partition_by: Sequence[str],
        options: Sequence[tuple[str, str]],
    ) -> int:
        """Writes a folder of files, whole or not at all, and gives the count of rows."""
    def save_as_table(self, name: str, mode: Literal["error", "append", "overwrite", "ignore"]) -> None: ...

class RowStream:
    """Batches as they come, through the Arrow C stream interface; to be read once."""

    def schema(self) -> pa.Schema: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def next(self) -> pa.RecordBatch | None:
        """The next batch, or None after the last."""
    def close(self) -> None: ...

class Session:
    """A session on a master. Threads may share it."""

    def __init__(self, master: str, conf: Sequence[tuple[str, str]]) -> None: ...
    def another(self, conf: Sequence[tuple[str, str]]) -> Session:
        """Another session on the same master, with tables and settings of its own."""
    def master(self) -> str: ...
    def id(self) -> str: ...
    def workspace(self) -> str: ...
    def rest_url(self) -> str | None:
        """Where the master answers REST calls, as http://host:port; None in local mode."""
    def cores(self) -> int:
        """Partitions that work is cut into by default."""
    def sql(self, statement: str) -> tuple[Frame, list[str | None]]:
        """Queries run when their rows are asked for; any other statement has run on return.

        For each column without a name, the SQL of its expression; or nothing if it cannot be told which column is
        which.
        """
    def table(self, name: str) -> Frame: ...
    def read(
        self, paths: Sequence[str], format: str | None, schema: pa.Schema | None, options: Sequence[tuple[str, str]]
    ) -> Frame:
        """Files, folders or globs; without a format it is told by the files' ending."""
    def upload(self, data: Any) -> Frame:
        """Rows of anything with `__arrow_c_stream__`; sent to a cluster once, and there until the session ends."""
    def range(self, start: int, end: int, step: int, partitions: int | None) -> Frame:
        """One field, `id`, of 64 bits."""
    def create_view(self, name: str, frame: Frame, replace: bool) -> None:
        """A name of this session for a plan; its fields become the columns."""
    def drop_view(self, name: str) -> bool: ...
    def tables(self) -> list[tuple[str, bool]]:
        """Names, and whether each is a view of this session alone."""
    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str) -> None: ...
    def settings(self) -> list[tuple[str, str | None, str]]:
        """Key, value and description of everything that can be set."""
    def listen(self, listener: Callable[[str, str], None] | None) -> None:
        """Who hears of jobs on the cluster: `accepted` or `ended`, and the job's id; called from other threads."""
    def job(self, id: str) -> str | None:
        """The state of a job as the master's JSON: stages, stages_done, tasks, tasks_done, tasks_running, state, …"""
    def stop(self) -> None:
        """Frees what the session holds on the cluster. Later calls fail."""

class LinearRegressionModel:
    def coefficients(self) -> list[float]: ...
    def intercept(self) -> float: ...
    def scale(self) -> float: ...
    def num_features(self) -> int: ...
    def predict(self, features: Sequence[float]) -> float: ...
    def transform(self, frame: Frame, features: str, prediction: str) -> Frame: ...
    def summary(self) -> dict[str, Any] | None:
        """numInstances, degreesOfFreedom, rootMeanSquaredError, meanSquaredError, r2, r2adj, explainedVariance,
        objectiveHistory, totalIterations; and coefficientStandardErrors, tValues, pValues, each a list, or the text of
        the reason why there is none. None for a model that was loaded."""
    def save(self, path: str, overwrite: bool) -> None: ...
    @staticmethod
    def load(path: str) -> LinearRegressionModel: ...

class KMeansModel:
    def centres(self) -> list[list[float]]: ...
    def distance_measure(self) -> str: ...
    def predict(self, features: Sequence[float]) -> int: ...
    def transform(self, frame: Frame, features: str, prediction: str) -> Frame: ...
    def summary(self) -> dict[str, Any] | None:
        """clusterSizes, trainingCost, numIter, converged. None for a model that was loaded."""
    def save(self, path: str, overwrite: bool) -> None: ...
    @staticmethod
    def load(path: str) -> KMeansModel: ...

class StandardScalerModel:
    def mean(self) -> list[float]: ...
    def std(self) -> list[float]: ...
    def transform(self, frame: Frame, input: str, output: str) -> Frame: ...
    def save(self, path: str, overwrite: bool) -> None: ...
    @staticmethod
    def load(path: str) -> StandardScalerModel: ...

def fit_linear_regression(frame: Frame, params: dict[str, Any]) -> LinearRegressionModel:
    """Params by Spark ML's names (featuresCol, labelCol, weightCol, regParam, …); columns are fields of the frame."""

def fit_linear_regression_path(
    frame: Frame,
    params: dict[str, Any],
    reg_params: Sequence[float],
    elastic_net_params: Sequence[float],
    folds: int,
    seed: int,
) -> tuple[list[tuple[float, float, float, float]], LinearRegressionModel]:
    """Cross-validation of every pair of penalties from one pass over the rows: regParam, elasticNetParam, mean and
    sample standard deviation of the folds' root mean squared errors; and the model of the best pair, fitted to all."""

def fit_k_means(frame: Frame, params: dict[str, Any]) -> KMeansModel: ...
def fit_standard_scaler(frame: Frame, params: dict[str, Any]) -> StandardScalerModel: ...
def assemble_vectors(frame: Frame, inputs: Sequence[str], output: str, handle_invalid: str) -> Frame: ...
def evaluate_regression(frame: Frame, params: dict[str, Any]) -> float: ...
def evaluate_clustering(frame: Frame, params: dict[str, Any]) -> float: ...
def random_split(frame: Frame, weights: Sequence[float], seed: int) -> list[Frame]: ...
