"""Starts a cluster with a token, and has schemathesis drive its REST interface by the OpenAPI document.

Whatever the document allows must be answered as it says: no 500, no undocumented status, header, type or field; what it
does not allow must be refused. `SPRINGALD_BIN` names the binary. Further arguments go to `st run`, such as
`--max-examples 200`, `--seed 7` or `--include-tag batches`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TOKEN = secrets.token_hex(16)
LIMIT = 60.0


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def get(url: str) -> object:
    """What the master answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A master and a worker; gives the URL of the pages and REST."""
    springald = os.environ.get("SPRINGALD_BIN") or shutil.which("springald")
    if not springald:
        sys.exit("no springald binary: set SPRINGALD_BIN, or run it by `make test-rest`")
    port, ui_port = free_ports(2)
    master_url = f"springald://127.0.0.1:{port}"
    base = f"http://127.0.0.1:{ui_port}"
    workspace = folder / "workspace"
    (workspace / "notebooks" / "jobs").mkdir(parents=True)
    (workspace / "notebooks" / "jobs" / "report.sql").write_text("SELECT 1 AS one")
    known = {key: value for key, value in os.environ.items() if not key.startswith("SPRINGALD_")}
    environment = {**known, "SPRINGALD_TOKEN": TOKEN}
    commands = [
        [
            "master",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--ui-port",
            str(ui_port),
            "--batches",
            "2",
            "--workspace",
            str(workspace),
        ],
        [
            "worker",
            "--master",
            master_url,
            "--host",
            "127.0.0.1",
            "--cores",
            "1",
            "--memory",
            "1GiB",
            "--work-dir",
            str(folder / "worker"),
        ],
    ]
    processes = []
    try:
        for command in commands:
            log = (folder / f"{command[0]}.log").open("wb")
            processes.append(
                subprocess.Popen(
                    [springald, *command],
                    env=environment,
                    cwd=workspace,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )
            log.close()
        wait_for_worker(base, processes)
        yield base
        codes = [process.poll() for process in processes]
        if any(code is not None for code in codes):
            raise SystemExit(f"master and worker should still run, and ended with {codes}")
    except BaseException:
        for command in commands:
            log_file = folder / f"{command[0]}.log"
            if log_file.exists():
                print(f"--- the end of the {command[0]}'s log", *log_file.read_text().splitlines()[-60:], sep="\n")
        raise
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_worker(base: str, processes: list[subprocess.Popen[bytes]]) -> None:
    """Returns when the worker is registered."""
    begun = time.monotonic()
    while time.monotonic() - begun < LIMIT:
        if any(process.poll() is not None for process in processes):
            raise SystemExit("master or worker ended at once")
        with contextlib.suppress(OSError, urllib.error.URLError):
            if get(f"{base}/api/v1/workers"):
                return
        time.sleep(0.1)
    raise SystemExit(f"no worker within {LIMIT} s")


def main() -> int:
    """Runs schemathesis and gives its exit status."""
    st = Path(sys.executable).with_name("st")
    if not st.exists():
        print(f"schemathesis is not installed for {sys.executable}: pip install -r crates/python/requirements-test.txt")
        return 2
    with tempfile.TemporaryDirectory(prefix="springald-rest-") as folder, cluster(Path(folder)) as base:
        command = [
            *(str(st), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{base}/api/v1/openapi.json"),
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *sys.argv[1:],
        ]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
