"""Clusters of containers for tests. Each cleans up its containers, networks and volumes, whatever happens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from cluster import Cluster
from engine import docker

_REPORT: list[str] = []


@pytest.fixture(scope="session")
def containers() -> None:
    """Skips a test where containers cannot run; fails it in CI, where they must."""
    why = engine.missing()
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture
def new_cluster(containers: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Cluster]]:
    """Makes a cluster, not started, from environment variables of the compose file."""
    made: list[Cluster] = []

    def make(override: dict[str, Any] | None = None, **env: str) -> Cluster:
        made.append(Cluster(tmp_path, override, **env))
        return made[-1]

    yield make
    for cluster in made:
        show_logs(cluster, request)
        cluster.close()


@pytest.fixture(scope="module")
def shared(containers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two workers for the tests of a file, which leave it as they found it."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster(shared: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The file's cluster, whole before the test and whole afterwards."""
    shared.wait_for_workers(2)
    yield shared
    show_logs(shared, request)
    for name in shared.containers("master") + shared.containers("worker"):
        docker("unpause", name)
        docker("start", name)
    shared.wait_for_workers(2)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what happened in a case; the line is printed at the end, with the time since the test began."""
    begin = time.monotonic()

    def say(what: str) -> None:
        _REPORT.append(f"{request.node.name}: {what} [{time.monotonic() - begin:.1f} s]")

    return say


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    result = outcome.get_result()
    if result.when == "call":
        item.stash[FAILED] = result.failed


FAILED = pytest.StashKey[bool]()


def show_logs(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    """What master and workers said lately, under the report of a test that failed."""
    if request.node.stash.get(FAILED, True):
        logs = cluster.compose("logs", "--no-color", "--tail", "40", "first-start", "master", "worker")
        print(logs.out, logs.err)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _REPORT:
        terminalreporter.section("what happened")
        for line in _REPORT:
            terminalreporter.line(line)
