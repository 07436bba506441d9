"""Processes of a run: started with a log each, asked by lines of JSON, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from compare.places import BENCHES


class Failed(Exception):
    """An engine did not do what it was asked; the message says which and how."""


class Processes:
    """Processes with their logs in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen] = []

    def start(
        self, name: str, command: Sequence[object], env: dict[str, str] | None = None, **more: Any
    ) -> subprocess.Popen:
        """Starts a process in a group of its own; what it prints goes to a log unless `more` says otherwise."""
        with (self.folder / f"{name}.log").open("ab") as log:
            more = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, **more}
            texts = [str(part) for part in command]
            process = subprocess.Popen(texts, env={**os.environ, **(env or {})}, start_new_session=True, **more)
        self._started.append(process)
        return process

    def log(self, name: str, characters: int = 1500) -> str:
        """The end of a log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-characters:].strip()

    def end(self, process: subprocess.Popen) -> None:
        """Ends a process and its group, at once if it does not listen."""
        for signal, patience in ((15, 10), (9, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal)
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        if process in self._started:
            self._started.remove(process)

    def end_all(self) -> None:
        """Ends every process, the last one first."""
        for process in reversed(list(self._started)):
            self.end(process)


class Asked:
    """The process of a side (`sides/serve.py`)."""

    def __init__(
        self,
        processes: Processes,
        side: str,
        settings: dict[str, Any],
        env: dict[str, str],
        cpus: int | None = None,
        python: Path | None = None,
    ) -> None:
        self._processes, self._side = processes, side
        command = [python or sys.executable, "-m", "compare.sides.serve", side, json.dumps(settings)]
        path = os.pathsep.join(filter(None, [str(BENCHES), env.get("PYTHONPATH"), os.environ.get("PYTHONPATH")]))
        self.begun = time.monotonic()
        self.process = processes.start(
            side, command, {**env, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if cpus is not None:
            os.sched_setaffinity(self.process.pid, set(sorted(os.sched_getaffinity(0))[:cpus]))

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """The answer to a request, within `limit` seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Failed(f"{self._side} ended: {self._processes.log(self._side)}") from None
        line = b""
        end = time.monotonic() + limit
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise Failed(f"{self._side} gave no answer in {limit:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise Failed(f"{self._side} ended: {self._processes.log(self._side)}")
            line += part
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise Refused(f"{self._side}: {reply['error']}")
        return reply


class Refused(Failed):
    """The engine said that it cannot do it; it still runs."""


def wait_until(done: Callable[[], bool], limit: float, failure: Callable[[], str]) -> None:
    """Waits until `done`, or fails with what `failure` says."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise Failed(failure())
        time.sleep(0.05)
