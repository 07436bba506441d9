"""How much memory the processes of each engine take, by what they are for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

# Processes by role: `master`, `workers`, `client`. A process counts with all its descendants.
Roles = dict[str, list[int]]
INTERVAL = 0.1
# Looking for new descendants reads a file a thread, so it is not done each time.
_FAMILY_INTERVAL = 1.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Sampler(threading.Thread):
    """Notes resident memory ten times a second.

    Resident memory counts a page once for each process that maps it, which is cheap to read and does not stop the
    processes. Proportional memory, which counts shared pages once, is read by `proportional` while an engine rests.
    """

    def __init__(self, engines: dict[str, Callable[[], Roles]]) -> None:
        super().__init__(daemon=True, name="memory")
        self._engines = engines
        self._samples: dict[str, list[tuple[float, dict[str, int]]]] = {name: [] for name in engines}
        self._done = threading.Event()

    def run(self) -> None:
        """Samples until `stop`."""
        families: dict[str, Roles] = {}
        looked = 0.0
        while not self._done.wait(INTERVAL):
            now = time.monotonic()
            if now - looked >= _FAMILY_INTERVAL:
                families = {name: _families(roles()) for name, roles in self._engines.items()}
                looked = now
            for name, roles in families.items():
                sample = {role: sum(map(_resident, pids)) for role, pids in roles.items()}
                self._samples[name].append((now, sample))

    def stop(self) -> None:
        """Ends the thread."""
        self._done.set()
        self.join()

    def peak(self, engine: str, begin: float, end: float) -> dict[str, int] | None:
        """Bytes by role at the moment in which their sum was highest; None if the time was too short for a sample."""
        samples = [sample for at, sample in self._samples.get(engine, []) if begin <= at <= end]
        return max(samples, key=lambda sample: sum(sample.values()), default=None)


def proportional(roles: Roles) -> dict[str, int]:
    """Bytes by role, pages that several processes share counted once among them."""
    return {role: sum(map(_proportional, pids)) for role, pids in _families(roles).items()}


def _families(roles: Roles) -> Roles:
    return {role: [member for pid in pids for member in _family(pid)] for role, pids in roles.items()}


def _family(pid: int) -> list[int]:
    members = [pid]
    for thread in _listed(Path(f"/proc/{pid}/task")):
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            members += _family(int(child))
    return members


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
