"""What every call that runs work has around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from springald.errors import engine_errors

if TYPE_CHECKING:
    from springald.sql.session import SparkSession

__all__ = ["running"]


@contextmanager
def running(session: SparkSession) -> Iterator[None]:
    """Shows progress while the block runs, and turns the engine's errors into ours."""
    from springald.jupyter import progress

    with engine_errors(), progress.shown(session):
        yield
