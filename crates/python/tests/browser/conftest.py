"""JupyterLab on a cluster of real processes, seen through a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import TOKEN, Cluster, Lab, free_port, until

PACKAGE = Path(__file__).parents[2] / "python"


@pytest.fixture(scope="session")
def processes() -> Iterator[Callable[..., None]]:
    """Starts programs, and ends those it started."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], log: Path, **environment: str) -> None:
        with log.open("wb") as out:
            started.append(
                subprocess.Popen(
                    command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
                    env={**os.environ, **environment},
                )
            )  # fmt: skip

    yield start
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def machines(processes: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A master and two workers of one core."""
    binary = os.environ.get("SPRINGALD_BIN") or shutil.which("springald")
    if binary is None:
        pytest.skip("SPRINGALD_BIN names no springald")
    folder = tmp_path_factory.mktemp("cluster")
    port, ui = free_port(), free_port()
    found = Cluster(f"springald://127.0.0.1:{port}", f"http://127.0.0.1:{ui}")
    processes(
        [binary, "master", "--host", "127.0.0.1", "--port", str(port), "--ui-port", str(ui),
         "--workspace", str(folder / "workspace")],
        folder / "master.log",
    )  # fmt: skip
    until(lambda: found.get("cluster"))
    for number in (1, 2):
        processes(
            [binary, "worker", "--master", found.url, "--host", "127.0.0.1", "--cores", "1", "--memory", "1GiB",
             "--work-dir", str(folder / f"worker-{number}")],
            folder / f"worker-{number}.log",
        )  # fmt: skip
    until(lambda: found.get("cluster")["workers"] == 2)
    return found


@pytest.fixture(scope="session")
def lab(
    processes: Callable[..., None], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Lab:
    """JupyterLab, whose kernels use the cluster where there is one to use."""
    pytest.importorskip("jupyterlab")
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    (folder / "notebooks").mkdir()
    port = free_port()
    master = request.getfixturevalue("machines").url
    processes(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
         f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder / 'notebooks'}"],
        folder / "lab.log",
        JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
        JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        IPYTHONDIR=str(folder / "ipython"),
        PYTHONPATH=os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")]),
        SPRINGALD_MASTER=master,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    until(lambda: urllib.request.urlopen(f"{url}/api?token={TOKEN}", timeout=5), 60)
    return Lab(url, folder / "notebooks", settings)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium as the system has it."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium; CHROMIUM may name one")
    with playwright.sync_playwright() as started:
        # Chromium's sandbox needs a user of its own, which containers often lack.
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are left for people to look at."""
    folder = os.environ.get("SPRINGALD_SCREENSHOTS")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
