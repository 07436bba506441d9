"""Doctests of the package find the functions as `F`."""

from __future__ import annotations

from typing import Any

import pytest
import springald.sql.functions


@pytest.fixture(autouse=True)
def _functions(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["F"] = springald.sql.functions
