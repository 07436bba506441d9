"""Where things are: the cache folder, the binary, the sources."""

from __future__ import annotations

import os
import socket
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BENCHES = REPOSITORY / "benches"
QUERIES = BENCHES / "queries"
PACKAGE = REPOSITORY / "crates" / "python" / "python"


def cache() -> Path:
    """The project's folder under the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "springald"


def binary() -> Path:
    """The `springald` that is measured."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or cache() / "target")
    path = Path(os.environ.get("SPRINGALD_BIN") or target / "release" / "springald")
    if not path.is_file():
        raise SystemExit(f"no binary at {path}: run `make build`, or set SPRINGALD_BIN")
    return path


def sail_python() -> Path:
    """The Python of Sail's environment, which `make bench WITH=sail` makes."""
    return Path(os.environ.get("SPRINGALD_BENCH_SAIL") or cache() / "bench-venv-sail" / "bin" / "python")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
