"""The work that engines are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from compare import data, judge
from compare.data import Data

Judge = Callable[[pa.Table, pa.Table, float], judge.Verdict]


@dataclass(frozen=True)
class Work:
    """One piece of work, such as a query.

    `kind` is the method of a side that does it, `given` what it gets. `inputs` are the paths it reads. `repeat` is how
    `springald verify` does it again, with `{data}` for the folder of all data; without, it cannot.
    """

    name: str
    suite: str
    title: str
    kind: str
    given: dict[str, Any]
    inputs: tuple[Path, ...]
    judge: Judge = judge.same_rows
    tolerance: float = 1e-9
    # Folders that the work writes to are new for each run: `given` gets one as `out`.
    writes: bool = False
    repeat: dict[str, Any] | None = None


def tpch(made: Data, numbers: list[int] | None = None) -> Iterator[Work]:
    """TPC-H's queries."""
    return _queries("tpch", "TPC-H", made, made.tpch(), numbers or data.queries("tpch"))


def tpcds(made: Data) -> Iterator[Work]:
    """The queries of TPC-DS that Spark and Springald both parse as they stand."""
    return _queries("tpcds", "TPC-DS", made, made.tpcds(), data.queries("tpcds"))


def wordcount(made: Data) -> Iterator[Work]:
    """The most frequent words of text files."""
    folder = made.text()
    given = {"path": str(folder)}
    path = f"{{data}}/{folder.relative_to(made.root)}"
    sql = f"SELECT word, count FROM word_count('{path}') ORDER BY count DESC, word LIMIT 100"
    yield Work(
        "wordcount",
        "wordcount",
        "word count",
        "wordcount",
        given,
        (folder,),
        repeat={"kind": "sql", "tables": {}, "sql": sql},
    )
    yield Work(
        "wordcount_dataframe",
        "wordcount",
        "word count, PySpark's program as it is",
        "wordcount_dataframe",
        given,
        (folder,),
    )


def linreg(made: Data) -> Iterator[Work]:
    """Linear regression: reading the files and fitting."""
    folder = made.linreg()
    kinds = {
        "linreg": ("linear regression", {}),
        "elastic_net": ("linear regression, elastic net", {"regParam": 0.3, "elasticNetParam": 0.8}),
    }
    for name, (title, params) in kinds.items():
        flags = {"regParam": "--reg-param", "elasticNetParam": "--elastic-net-param"}
        features = ",".join(f"f{i}" for i in range(20))
        path = f"{{data}}/{folder.relative_to(made.root)}"
        arguments = ["linreg", path, "--features", features]
        arguments += [text for key, value in params.items() for text in (flags[key], str(value))]
        yield Work(
            name, "linreg", title, "linreg", {"path": str(folder), "params": params}, (folder,), tolerance=1e-6,
            repeat={"kind": "job", "arguments": arguments, "columns": ["term", "coefficient"]},
        )  # fmt: skip


def kmeans(made: Data) -> Iterator[Work]:
    """k-means from k-means|| or k-means++. Where it ends depends on where it begins, so costs are compared."""
    folder = made.kmeans()
    params = {"k": 16, "maxIter": 20, "tol": 0.0, "seed": 1}
    given = {"path": str(folder), "params": params}
    yield Work(
        "kmeans", "kmeans", "k-means, k = 16, up to 20 iterations", "kmeans", given, (folder,), judge.same_cost, 0.1
    )


def logjoin(made: Data) -> Iterator[Work]:
    """Two CSV logs joined on ids, and a tenth of the ids written as CSV."""
    folder = made.logs()
    events, actions = folder / "events.csv", folder / "actions.csv"
    rows = made.size.log_rows
    given = {"events": str(events), "actions": str(actions), "least": rows // 2, "most": rows // 2 + rows // 10}
    yield Work("logjoin", "logjoin", "log join", "logjoin", given, (events, actions), writes=True)


def latency(made: Data) -> Iterator[Work]:
    """A small query, warm, one after the other."""
    nation = made.tpch()["nation"]
    given = {
        "sql": "SELECT count(*) AS rows FROM nation", "tables": {"nation": str(nation)},
        "seconds": made.size.latency_seconds, "most": made.size.latency_queries,
    }  # fmt: skip
    yield Work("latency", "latency", "count of a 25-row table, one query", "latency", given, (nation,))


def clients(made: Data) -> Iterator[Work]:
    """Eight clients at a time, some queries each, in one session."""
    tables = made.tpch()
    queries = {f"q{n}": data.query("tpch", n) for n in (3, 4, 5, 10, 6, 12)[: made.size.client_queries]}
    given = {"tables": _texts(tables), "queries": queries, "clients": 8}
    title = f"8 clients, {len(queries)} queries of TPC-H each"
    yield Work("clients", "clients", title, "clients", given, tuple(tables.values()))


def scaling(made: Data) -> list[Work]:
    """What is repeated with 1, 2 and 4 workers."""
    return [*tpch(made, [1, 5, 9]), next(wordcount(made))]


# By name, in the order in which they run.
SUITES: dict[str, Callable[[Data], Iterator[Work]]] = {
    "tpch": tpch, "tpcds": tpcds, "wordcount": wordcount, "linreg": linreg, "kmeans": kmeans, "logjoin": logjoin,
    "latency": latency, "clients": clients,
}  # fmt: skip
# What is no work but measured by itself.
MEASURES = ("session", "memory", "scaling")


def _queries(suite: str, title: str, made: Data, tables: dict[str, Path], numbers: list[int]) -> Iterator[Work]:
    paths = {name: {"format": "parquet", "path": str(path.relative_to(made.root))} for name, path in tables.items()}
    for number in numbers:
        sql = data.query(suite, number)
        used = {name for name in tables if name in sql}
        yield Work(
            f"{suite}.q{number}", suite, f"{title} q{number}", "sql", {"sql": sql, "tables": _texts(tables)},
            tuple(path for name, path in tables.items() if name in used),
            repeat={"kind": "sql", "tables": {name: paths[name] for name in sorted(used)}, "sql": sql},
        )  # fmt: skip


def _texts(tables: dict[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in tables.items()}
