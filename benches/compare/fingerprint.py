"""Which files an answer was made from.

A file of up to 1 MiB is known by the SHA-256 of its content, a larger one by that of its first and last 64 KiB: its end
holds a Parquet file's footer, with the sizes, places and statistics of all its columns. `springald verify` checks the
same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

WHOLE = 1 << 20
EDGE = 64 << 10


def fingerprint(path: Path) -> list[dict[str, object]]:
    """The files at a path, itself or all under it that readers see, by name."""
    if path.is_file():
        return [_file(path, path.name)]
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
    if not files:
        raise FileNotFoundError(f"no file in {path}; remove the folder, and the data is made anew")
    return [_file(file, str(file.relative_to(path))) for file in files]


def _file(path: Path, name: str) -> dict[str, object]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            return {"name": name, "bytes": size, "of": "content", "sha256": hashlib.sha256(file.read()).hexdigest()}
        edges = hashlib.sha256(file.read(EDGE))
        file.seek(size - EDGE)
        edges.update(file.read(EDGE))
    return {"name": name, "bytes": size, "of": "edges", "sha256": edges.hexdigest()}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)
