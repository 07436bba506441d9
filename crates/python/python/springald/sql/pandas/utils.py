"""Checks that scripts make before they use pandas or PyArrow."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["require_minimum_pandas_version", "require_minimum_pyarrow_version"]

_PANDAS = (2, 0)
_PYARROW = (17, 0)


def require_minimum_pandas_version() -> None:
    """Raises ImportError if pandas is not there, or too old.

    >>> require_minimum_pandas_version()
    """
    _require("pandas", _PANDAS)


def require_minimum_pyarrow_version() -> None:
    """Raises ImportError if PyArrow is too old.

    >>> require_minimum_pyarrow_version()
    """
    _require("pyarrow", _PYARROW)


def _require(package: str, least: tuple[int, int]) -> None:
    wanted = ".".join(map(str, least))
    try:
        found = version(package)
    except PackageNotFoundError:
        raise ImportError(f"{package} {wanted} or later is needed: pip install {package}") from None
    if tuple(int(part) for part in found.split(".")[:2]) < least:
        raise ImportError(f"{package} {wanted} or later is needed, and {found} is there")
