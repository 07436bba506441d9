"""A cluster of containers, started from docker/compose.yml as its users start it."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from engine import IMAGE, Background, Done, compose_command, docker, run, within

DOCKER = Path(__file__).resolve().parent.parent
_NUMBERS = itertools.count(1)

# A join, a sum and a sort over the sample data: several stages with a shuffle between them.
QUERY = """
    SELECT n_name, count(*) AS orders, sum(o_totalprice) AS total
    FROM '/opt/workspace/datain/tpch/orders'
    JOIN '/opt/workspace/datain/tpch/customer' ON o_custkey = c_custkey
    JOIN '/opt/workspace/datain/tpch/nation' ON c_nationkey = n_nationkey
    GROUP BY n_name ORDER BY n_name
"""


class Cluster:
    """Master and workers under a project name of their own; `close` leaves nothing of them."""

    def __init__(self, folder: Path, override: dict[str, Any] | None = None, **env: str):
        self.project = f"springald-test-{os.getpid()}-{next(_NUMBERS)}"
        self.network = f"{self.project}_default"
        self.port, self.ui_port, self.jupyter_port = (free_port() for _ in range(3))
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(exist_ok=True)
        # Whoever runs the tests, the containers' user may write there.
        self.notebooks.chmod(0o777)
        # Nothing that the developer has set changes what is tested.
        ours = ("SPRINGALD_", "WORKER", "AWS_", "PUBLISH", "COMPOSE_", "JUPYTER_")
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._env |= {
            "SPRINGALD_IMAGE": IMAGE,
            "JUPYTER_IMAGE": os.environ.get("JUPYTER_IMAGE", "springald-jupyter"),
            "NOTEBOOKS": str(self.notebooks),
            "MASTER_PORT": str(self.port),
            "UI_PORT": str(self.ui_port),
            "JUPYTER_PORT": str(self.jupyter_port),
            **env,
        }
        # An empty file of settings, so that docker/.env of this checkout is not read.
        settings = folder / "settings"
        settings.touch()
        self._files = ["--env-file", str(settings), "-f", str(DOCKER / "compose.yml")]
        if override:
            # JSON is YAML.
            path = folder / "override.yml"
            path.write_text(json.dumps(override))
            self._files += ["-f", str(path)]

    def compose(self, *args: str, seconds: float = 120) -> Done:
        return run(*compose_command(), "-p", self.project, *self._files, *args, seconds=seconds, env=self._env)

    def up(self, *services: str, workers: int = 2) -> None:
        """Starts services, master and workers if none is named, and waits until the workers have joined."""
        chosen = services or ("master", "worker")
        scale = ["--scale", f"worker={workers}"] if "worker" in chosen else []
        self.compose("up", "-d", "--no-build", *scale, *chosen).ok()
        self.client()
        self.wait_for_workers(workers)

    def scale(self, workers: int) -> None:
        self.compose("up", "-d", "--no-recreate", "--scale", f"worker={workers}", "master", "worker").ok()

    def down(self, *options: str) -> None:
        docker("rm", "-f", f"{self.project}-client")
        self.compose("down", "-t", "1", *options).ok()

    def close(self) -> None:
        docker("rm", "-f", f"{self.project}-client")
        self.compose("down", "-v", "-t", "0", "--remove-orphans")

    def client(self) -> str:
        """A container of this cluster that only asks: the master may die and come back meanwhile."""
        name = f"{self.project}-client"
        if docker("inspect", name).code != 0:
            where = ["--name", name, "--network", self.network, "-v", f"{self.project}_workspace:/opt/workspace"]
            where += ["-v", f"{self.notebooks}:/opt/workspace/notebooks"]
            token = ["-v", f"{self.project}_token:/run/springald:ro", "-e", "SPRINGALD_TOKEN_FILE=/run/springald/token"]
            master = ["-e", "SPRINGALD_MASTER=springald://master:7077"]
            docker("run", "-d", *where, *token, *master, "--entrypoint", "sleep", IMAGE, "1d").ok()
        return name

    def springald(self, *args: str, seconds: float = 120) -> Done:
        return docker("exec", self.client(), "springald", *args, seconds=seconds)

    def sql(self, sql: str, *options: str, seconds: float = 120) -> Done:
        return self.springald("sql", "--format", "csv", *options, "-e", sql, seconds=seconds)

    def shell(self, script: str, service: str | None = None) -> Done:
        name = self.container(service) if service else self.client()
        return docker("exec", name, "sh", "-c", script)

    def containers(self, service: str) -> list[str]:
        """The names of the containers of a service, running or not, oldest first."""
        label = ["--filter", f"label=com.docker.compose.project={self.project}"]
        label += ["--filter", f"label=com.docker.compose.service={service}"]
        done = docker("ps", "-a", "--format", "{{.Names}}", *label).ok()
        return sorted(done.out.split())

    def container(self, service: str, number: int = 0) -> str:
        return self.containers(service)[number]

    def workers(self) -> list[dict[str, str]]:
        """The workers that are active, as `springald workers` lists them; none while the master is away."""
        done = self.springald("workers", "--format", "csv", seconds=30)
        rows = csv.DictReader(io.StringIO(done.out)) if done.code == 0 else []
        return [row for row in rows if row["state"] == "active"]

    def wait_for_workers(self, count: int, seconds: float = 40) -> None:
        within(seconds, f"{count} active workers", lambda: len(self.workers()) == count)

    def inspect(self, container: str, template: str) -> str:
        return docker("inspect", "-f", template, container).ok().out.strip()


class Stream:
    """Queries one after the other, as long as the `with` block lasts; each answer is compared with the first."""

    def __init__(self, cluster: Cluster, sql: str = QUERY):
        self._cluster, self._sql = cluster, sql
        self._stop = threading.Event()
        self.asked, self.longest = 0, 0.0
        self.failed: list[Done] = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Stream:
        self._right = self._cluster.sql(self._sql).ok().out
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            done = self._cluster.sql(self._sql)
            self.asked += 1
            self.longest = max(self.longest, done.seconds)
            if done.code != 0 or done.out != self._right:
                self.failed.append(done)

    def __str__(self) -> str:
        return f"{self.asked} queries, {len(self.failed)} failed, the longest took {self.longest:.1f} s"


class Load:
    """A stream of queries and one long job, and whatever the `with` block does to the cluster meanwhile."""

    def __init__(self, cluster: Cluster, partitions: int = 200):
        self.cluster = cluster
        self.stream = Stream(cluster)
        self._partitions = partitions

    def __enter__(self) -> Load:
        self.stream.__enter__()
        job = ("run", "pi", str(self._partitions), "--format", "csv")
        self._job = Background(lambda: self.cluster.springald(*job))
        time.sleep(2)
        return self

    def __exit__(self, *failed: object) -> None:
        if not failed[0]:
            self.job = self._job.done()
        self.stream.__exit__()

    def right_but_for_lost_results(self) -> None:
        """A result that lay on the lost worker may be lost with it, and its client is told so. Nothing else fails."""
        for done in self.stream.failed:
            done.refused("was lost with results not yet read")
        assert len(self.stream.failed) <= 1, self.stream
        pi = float(self.job.ok().out.splitlines()[1].split(",")[0])
        assert abs(pi - 3.14159) < 0.01, self.job

    def __str__(self) -> str:
        return f"{self.stream}; the long job took {self.job.seconds:.1f} s"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
