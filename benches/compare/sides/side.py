"""What every side can be asked."""

from __future__ import annotations

import functools
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.csv

from compare.answers import digest

Given = dict[str, Any]
T = TypeVar("T")
FEATURES = [f"f{i}" for i in range(20)]
COLUMNS = [f"x{i}" for i in range(16)]
WORD_COUNT_ROWS = 100


@dataclass
class Done:
    """A piece of work: seconds, its rows, and what else there is to say."""

    seconds: float
    answer: pa.Table | None = None
    notes: dict[str, Any] = field(default_factory=dict)


class Side:
    """An engine that is asked for work by name: the work `logjoin` is the method `logjoin`.

    A method that gives rows is timed as a whole; one that gives `Done` has timed itself.
    """

    # The pieces of work it knows.
    can: tuple[str, ...] = ()

    def __init__(self, settings: Given) -> None:
        self.settings = settings
        self._made: dict[str, str] = {}

    def version(self) -> str:
        """The version of the library."""
        raise NotImplementedError

    def start(self) -> None:
        """Begins a session and has one query answered."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends the session."""

    def make_table(self, name: str, path: str) -> None:
        """Gives a folder of Parquet files a name for queries."""
        raise NotImplementedError

    def query(self, sql: str) -> pa.Table:
        """The rows of a query."""
        raise NotImplementedError

    def plan(self, sql: str) -> str:
        """What EXPLAIN says of a query."""
        table = self.query(f"EXPLAIN {sql}")
        return "\n".join(str(value) for column in table.columns for value in column.to_pylist())

    def tables(self, wanted: dict[str, str]) -> None:
        """Makes the tables that are not there yet."""
        for name, path in wanted.items():
            if self._made.get(name) != path:
                self.make_table(name, path)
                self._made[name] = path

    def run(self, work: str, given: Given) -> Done:
        """Does a piece of work."""
        self.tables(given.get("tables", {}))
        begun = time.perf_counter()
        answer: pa.Table | Done = getattr(self, work)(given)
        seconds = time.perf_counter() - begun
        return answer if isinstance(answer, Done) else Done(seconds, answer)

    @staticmethod
    def timed(work: Callable[[], T]) -> tuple[float, T]:
        """Seconds that work took, and what it gave: for sides that do more than the work itself."""
        begun = time.perf_counter()
        made = work()
        return time.perf_counter() - begun, made

    def sql(self, given: Given) -> pa.Table:
        """One query."""
        return self.query(given["sql"])

    def latency(self, given: Given) -> Done:
        """A small query again and again, for some seconds."""
        sql, times = given["sql"], list[float]()
        for _ in range(5):
            answer = self.query(sql)
        end = time.perf_counter() + given["seconds"]
        while len(times) < given["most"] and (len(times) < 10 or time.perf_counter() < end):
            begun = time.perf_counter()
            self.query(sql)
            times.append(time.perf_counter() - begun)
        slow = sorted(times)[int(len(times) * 0.95)]
        notes = {"queries": len(times), "p95_ms": round(slow * 1000, 3)}
        return Done(statistics.median(times), answer, notes)

    def clients(self, given: Given) -> Done:
        """Several clients, each asking all queries, each beginning with another one."""
        queries: dict[str, str] = given["queries"]
        names, answers, failed = list(queries), [], []

        def client(number: int) -> None:
            try:
                for i in range(len(names)):
                    name = names[(number + i) % len(names)]
                    answers.append((name, self.query(queries[name])))
            except BaseException as e:
                failed.append(e)

        begun = time.perf_counter()
        run_all([functools.partial(client, number) for number in range(given["clients"])])
        seconds = time.perf_counter() - begun
        if failed:
            raise failed[0]
        # Each client's rows count, so that one wrong answer among them shows.
        found = sorted({(name, table.num_rows, digest(table).checksum) for name, table in answers})
        columns = dict(zip(("query", "rows", "checksum"), map(list, zip(*found, strict=True)), strict=True))
        return Done(seconds, pa.table(columns), {"queries": len(answers)})


def run_all(tasks: list[Callable[[], None]]) -> None:
    """Runs tasks on a thread each."""
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def coefficients(values: list[float]) -> pa.Table:
    """The answer of a linear regression: its coefficients, the intercept last."""
    return pa.table({"term": [*FEATURES, "intercept"], "coefficient": [float(v) for v in values]})


def written_csv(folder: str) -> pa.Table:
    """The rows of the CSV files in a folder, all but `id` as text."""
    text = dict.fromkeys(("timestamp", "level", "message", "user", "action"), pa.string())
    options = pyarrow.csv.ConvertOptions(column_types={"id": pa.int64(), "duration_ms": pa.int64(), **text})
    files = sorted(p for p in Path(folder).rglob("*.csv") if p.stat().st_size)
    return pa.concat_tables([pyarrow.csv.read_csv(file, convert_options=options) for file in files])
