"""Saved estimators, transformers and models: folders with a `metadata.json`.

A folder is written beside its place and then renamed, so that readers see a whole one or none.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from springald.errors import IllegalArgumentException

#: The form of `metadata.json`. To be raised when an older version would misread a newer folder.
FORMAT = 1
_METADATA = "metadata.json"


def local_path(path: str) -> Path:
    """The folder that a path or a `file:` URL means.

    Raises:
        IllegalArgumentException: If it is on another store.
    """
    url = urlparse(str(path))
    if url.scheme == "file":
        return Path(unquote(url.path))
    if url.scheme and "://" in str(path):
        hint = "save to a folder, such as one in the shared workspace, and copy it from there"
        raise IllegalArgumentException(f"models are not saved to {url.scheme}:// addresses: {path}", hint)
    return Path(path)


def write(path: str, overwrite: bool, metadata: dict[str, Any], fill: Callable[[Path], None]) -> None:
    """Makes a folder: `fill` puts what it likes into it, and the metadata comes last.

    Raises:
        IllegalArgumentException: If there is something already, and it may not be overwritten.
    """
    place = local_path(path)
    if place.exists() or place.is_symlink():
        if not overwrite:
            hint = "choose another path, or use .write().overwrite().save(path)"
            raise IllegalArgumentException(f"Path {path} already exists", hint)
        if not (place / _METADATA).is_file():
            hint = "choose another path"
            raise IllegalArgumentException(f"{path} is no saved model, so it is not overwritten", hint)
    new = _beside(place, "new")
    try:
        new.mkdir(parents=True)
        fill(new)
        text = json.dumps({"format": FORMAT, **metadata}, indent=2)
        (new / _METADATA).write_text(text + "\n", encoding="utf-8")
        _move(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def read(path: str) -> dict[str, Any]:
    """The metadata of a folder.

    Raises:
        IllegalArgumentException: If there is none, or a newer version wrote it.
    """
    place = local_path(path)
    try:
        metadata = json.loads((place / _METADATA).read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "has no metadata.json" if place.is_dir() else "is not there"
        raise IllegalArgumentException(f"no model can be loaded from {path}: it {what}", "check the path") from None
    except ValueError as error:
        hint = "save it again"
        raise IllegalArgumentException(f"the metadata.json of {path} is torn: {error}", hint) from None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("class"), str):
        hint = "load it with the class of the engine that wrote it"
        raise IllegalArgumentException(f"{path} was not saved by springald.ml", hint)
    if metadata.get("format", 0) > FORMAT:
        version = metadata.get("version", "a newer version")
        hint = f"load it with {version} or newer"
        raise IllegalArgumentException(f"{path} is of format {metadata['format']}, this version reads {FORMAT}", hint)
    return metadata


def _move(new: Path, place: Path) -> None:
    """Renames a folder. What is there steps aside first, and comes back if the renaming fails."""
    if not place.exists():
        new.rename(place)
        return
    old = _beside(place, "old")
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old)


def _beside(place: Path, what: str) -> Path:
    return place.with_name(f".{place.name}.{what}-{uuid.uuid4().hex[:8]}")
