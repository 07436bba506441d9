"""Sessions for tests and doctests: one in this process, and one on a small cluster of processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# PySpark's local times are this process's; the expected values were made in UTC.
os.environ["TZ"] = "UTC"
time.tzset()

from springald.sql import SparkSession  # noqa: E402


def _binary() -> str | None:
    """The command `springald`, which a cluster's processes run."""
    named = os.environ.get("SPRINGALD_BIN")
    if named:
        return named
    for kind in ("release", "debug"):
        for target in (Path.home() / ".cache/springald/target", Path(__file__).parents[2] / "target"):
            if (target / kind / "springald").exists():
                return str(target / kind / "springald")
    return shutil.which("springald")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session in this process."""
    session = SparkSession.builder.master("local[2]").appName("tests").getOrCreate()
    yield session
    if SparkSession.getActiveSession() is session:
        session.stop()


@pytest.fixture(scope="session")
def cluster(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on a master and two workers, each a process; the active session stays the one in this process."""
    binary = _binary()
    if binary is None:
        pytest.skip("there is no springald command: set $SPRINGALD_BIN, or build it")
    os.environ.setdefault("SPRINGALD_BIN", binary)
    os.environ.setdefault("SPRINGALD_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
    session = SparkSession.builder.master("local-cluster[2,1]").appName("cluster tests").create()
    SparkSession._active = spark
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def _doctest_names(request: pytest.FixtureRequest) -> None:
    """Doctests find a session called `spark`."""
    if type(request.node).__name__ != "DoctestItem":
        return
    names = request.getfixturevalue("doctest_namespace")
    names["spark"] = request.getfixturevalue("spark")
