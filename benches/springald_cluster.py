"""A cluster of real processes for the benches."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path


def cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "springald"


def binary():
    target = os.environ.get("CARGO_TARGET_DIR") or cache() / "target"
    path = Path(os.environ.get("SPRINGALD_BIN") or Path(target) / "release/springald")
    if not path.is_file():
        raise SystemExit(f"no binary at {path}: run make build")
    return str(path)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """One master and `workers` workers of `cores` cores; use it in a `with` statement."""

    def __init__(self, workers=2, cores=1, memory="3GiB"):
        self.workers, self.cores, self.memory = workers, cores, memory

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="springald-bench-")
        self.port, ui_port = free_port(), free_port()
        self.url = f"springald://127.0.0.1:{self.port}"
        self.processes = []
        try:
            self._start("master", "--port", self.port, "--ui-port", ui_port, "--workspace", self._path("workspace"))
            for i in range(self.workers):
                self._start(
                    "worker", "--master", self.url, "--cores", self.cores, "--memory", self.memory,
                    "--work-dir", self._path(f"worker-{i}"),
                )  # fmt: skip
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.folder.cleanup()

    def peak_memory(self):
        """The most resident memory of each worker so far, in MiB."""
        return [self._peak(process.pid) for process in self.processes[1:]]

    @staticmethod
    def _peak(pid):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
        return 0

    def _path(self, name):
        path = Path(self.folder.name) / name
        path.mkdir()
        return path

    def _start(self, role, *args):
        log = open(Path(self.folder.name) / f"{role}-{len(self.processes)}.log", "w")
        command = [binary(), role, "--host", "127.0.0.1", *map(str, args)]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _wait(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/workers", timeout=2) as answer:
                    if sum(w["state"] == "active" for w in json.load(answer)) == self.workers:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        logs = "\n".join(p.read_text()[-2000:] for p in Path(self.folder.name).glob("*.log"))
        raise SystemExit(f"the cluster did not come up\n{logs}")
