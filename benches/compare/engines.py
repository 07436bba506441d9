"""The engines: how each is started, and which processes are its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare import memory
from compare.machine import java
from compare.places import BENCHES, PACKAGE, binary, cache, free_port, sail_python
from compare.processes import Asked, Failed, Processes, wait_until

START_LIMIT = 120.0


@dataclass(frozen=True)
class Shape:
    """What every engine is given."""

    workers: int
    cores: int
    # GiB of each worker.
    memory: int

    @property
    def threads(self) -> int:
        """Cores of all workers together."""
        return self.workers * self.cores


class Engine:
    """An engine of one process. Those with a cluster start it in `_begin` and name its processes in `_roles`."""

    is_cluster = False

    def __init__(self, name: str, shape: Shape, settings: dict[str, str]) -> None:
        self.name, self.shape, self.settings = name, shape, settings
        self.version = ""
        self.can: tuple[str, ...] = ()
        self._asked: Asked | None = None
        self._folder: Path | None = None

    @property
    def label(self) -> str:
        """What the report calls it."""
        return LABELS[self.name]

    def begin(self) -> float:
        """Starts the cluster, if there is one; the seconds until all workers are there."""
        scratch = cache() / "compare" / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=scratch))
        self.processes = Processes(self._folder)
        begun = time.monotonic()
        self._begin(self._folder)
        return time.monotonic() - begun

    def open(self) -> float:
        """Starts a client with a session; the seconds from the start of its process to its first answer."""
        self._asked = self._client()
        reply = self._asked.ask({"do": "start"}, START_LIMIT)
        self.version, self.can = str(reply["version"]), tuple(reply["can"])
        return time.monotonic() - self._asked.begun

    def close(self) -> None:
        """Ends the client."""
        if self._asked is not None:
            with contextlib.suppress(Failed):
                self._asked.ask({"do": "stop"}, 30)
            self.processes.end(self._asked.process)
            self._asked = None

    def keep_logs(self, where: Path) -> None:
        """Copies what its processes said, for whoever asks why it failed."""
        if self._folder is not None:
            where.mkdir(parents=True, exist_ok=True)
            for log in self._folder.glob("*.log"):
                shutil.copy(log, where)

    def end(self) -> None:
        """Ends everything, and removes its files."""
        if self._folder is None:
            return
        self.processes.end_all()
        self._asked = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """Asks the client; begins again where there is none, as after a failure."""
        if self._asked is None:
            self.begin()
            self.open()
        assert self._asked is not None
        return self._asked.ask(request, limit)

    def roles(self) -> memory.Roles:
        """Its processes now."""
        roles = {role: [p.pid for p in group] for role, group in self._roles().items()} if self._folder else {}
        return {**roles, **({"client": [self._asked.process.pid]} if self._asked else {})}

    def described(self) -> dict[str, object]:
        """Version and settings, for receipts."""
        shape = {"workers": self.shape.workers, "cores": self.shape.cores, "memory_gib": self.shape.memory}
        return {"name": self.name, "version": self.version, "shape": shape, "settings": self.settings}

    def _begin(self, folder: Path) -> None:
        pass

    def _client(self) -> Asked:
        # One process has as many processors as the workers of a cluster have cores.
        env = {"POLARS_MAX_THREADS": str(self.shape.threads), "OMP_NUM_THREADS": str(self.shape.threads)}
        settings = {"threads": self.shape.threads}
        return Asked(self.processes, self.name, settings, env, self.shape.threads, self._python())

    def _python(self) -> Path | None:
        return None

    def _roles(self) -> dict[str, list]:
        return {}


@dataclass
class _Cluster:
    master: Any
    workers: list = field(default_factory=list)


class ClusterEngine(Engine):
    """A master, workers and a client."""

    is_cluster = True
    _cluster: _Cluster

    def _roles(self) -> dict[str, list]:
        return {"master": [self._cluster.master], "workers": self._cluster.workers}


class SpringaldEngine(ClusterEngine):
    """Springald's master and workers, and its Python package as the client."""

    _flags: tuple[str, ...] = ()

    def _begin(self, folder: Path) -> None:
        port, ui = free_port(), free_port()
        self._pages = f"http://127.0.0.1:{ui}"
        self._url = f"springald://127.0.0.1:{port}"
        workspace = folder / "workspace"
        workspace.mkdir()
        host = ["--host", "127.0.0.1"]
        command = [binary(), "master", *host, "--port", port, "--ui-port", ui, "--workspace", workspace]
        command += self._flags
        self._cluster = _Cluster(self.processes.start("master", command))
        for i in range(self.shape.workers):
            command = [
                binary(), "worker", *host, "--master", self._url, "--cores", self.shape.cores,
                "--memory", f"{self.shape.memory}GiB", "--work-dir", folder / f"worker-{i}",
            ]  # fmt: skip
            self._cluster.workers.append(self.processes.start(f"worker-{i}", command))
        url = f"http://127.0.0.1:{port}/api/v1/workers"
        wait_until(
            lambda: sum(worker.get("state") == "active" for worker in _json(url) or []) == self.shape.workers,
            START_LIMIT,
            lambda: f"Springald's cluster did not come up: {self.processes.log('master')}",
        )

    def _client(self) -> Asked:
        env = {"PYTHONPATH": str(PACKAGE)}
        return Asked(self.processes, "springald", {"master": self._url, "conf": self.settings}, env)


class SpringaldWatched(SpringaldEngine):
    """The same with somebody at its pages and a collector of its metrics, for what that costs."""

    def _begin(self, folder: Path) -> None:
        super()._begin(folder)
        self.processes.start(
            "watch", [sys.executable, "-m", "compare.watch", self._pages], {"PYTHONPATH": str(BENCHES)}
        )


class SpringaldUnrecorded(SpringaldEngine):
    """The same without a record of its jobs."""

    _flags = ("--history-size", "0")


class SpringaldLocal(Engine):
    """Springald without a cluster, in the process of its Python package."""

    def _client(self) -> Asked:
        settings = {"master": f"local[{self.shape.threads}]", "conf": self.settings}
        return Asked(self.processes, "springald", settings, {"PYTHONPATH": str(PACKAGE)})


class SparkEngine(ClusterEngine):
    """Spark's standalone cluster from PyPI's `pyspark`, started by its own scripts."""

    def __init__(self, name: str, shape: Shape, settings: dict[str, str]) -> None:
        given = {
            "spark.executor.memory": f"{shape.memory}g",
            "spark.driver.memory": "2g",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            # Of 200, as released, most tasks would be empty at these sizes.
            "spark.sql.shuffle.partitions": str(4 * shape.threads),
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            # Parallel clients share the cores.
            "spark.scheduler.mode": "FAIR",
        }
        super().__init__(name, shape, {**given, **settings})

    def _begin(self, folder: Path) -> None:
        found = importlib.util.find_spec("pyspark")
        assert found is not None
        assert found.submodule_search_locations is not None
        home = found.submodule_search_locations[0]
        local = folder / "local"
        local.mkdir()
        self._env = {
            "SPARK_HOME": home, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(local),
            "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1",
        }  # fmt: skip
        port, ui = free_port(), free_port()
        self._url = f"spark://127.0.0.1:{port}"
        start = [f"{home}/bin/spark-class"]
        deploy = "org.apache.spark.deploy"
        host = ["--host", "127.0.0.1"]
        command = [*start, f"{deploy}.master.Master", *host, "--port", port, "--webui-port", ui]
        self._cluster = _Cluster(self.processes.start("master", command, self._env))
        for i in range(self.shape.workers):
            command = [
                *start, f"{deploy}.worker.Worker", self._url, *host, "--cores", self.shape.cores,
                "--memory", f"{self.shape.memory}g", "--webui-port", free_port(), "--work-dir", folder / f"work-{i}",
            ]  # fmt: skip
            self._cluster.workers.append(self.processes.start(f"worker-{i}", command, self._env))
        url = f"http://127.0.0.1:{ui}/json/"
        wait_until(
            lambda: (_json(url) or {}).get("aliveworkers") == self.shape.workers,
            START_LIMIT,
            lambda: f"Spark's cluster did not come up: {self.processes.log('master')}",
        )

    def _client(self) -> Asked:
        # The memory of the driver must be known before its JVM starts.
        submit = f"--driver-memory {self.settings['spark.driver.memory']} pyspark-shell"
        env = {**self._env, "PYSPARK_SUBMIT_ARGS": submit}
        return Asked(self.processes, self.name, {"master": self._url, "conf": self.settings}, env)


class SailEngine(Engine):
    """Sail's server and Spark's client in one process, in an environment of their own."""

    def _python(self) -> Path | None:
        return sail_python()


LABELS = {
    "springald": "Springald", "spark": "Spark", "springald-local": "Springald, one process",
    "springald-watched": "Springald, watched", "springald-unrecorded": "Springald, unrecorded", "duckdb": "DuckDB",
    "datafusion": "DataFusion", "polars": "Polars", "sail": "Sail", "sklearn": "scikit-learn",
}  # fmt: skip
_KINDS = {
    "springald": SpringaldEngine, "springald-watched": SpringaldWatched, "springald-unrecorded": SpringaldUnrecorded,
    "springald-local": SpringaldLocal, "spark": SparkEngine, "sail": SailEngine,
}  # fmt: skip


def make(name: str, shape: Shape, settings: dict[str, str]) -> Engine:
    """The engine of that name."""
    return _KINDS.get(name, Engine)(name, shape, settings)


def missing(name: str) -> str | None:
    """The Python library that an engine wants and this environment lacks."""
    if name.startswith("springald"):
        return None if any(PACKAGE.glob("springald/_internal*.so")) else "springald (run `make python`)"
    if name == "sail":
        return None if sail_python().exists() else "pysail"
    library = "pyspark" if name == "spark" else name
    if importlib.util.find_spec(library) is None:
        return library
    return "Java 17 or newer" if name == "spark" and java() is None else None


def _json(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return json.load(answer)
    except (OSError, urllib.error.URLError, ValueError):
        return None
