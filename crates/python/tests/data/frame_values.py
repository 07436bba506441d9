"""Results of programs as JSON, the same for PySpark's values and Springald's."""

import datetime
import math
from decimal import Decimal
from typing import Any


def encoded(result: Any) -> Any:
    """A result, with types beside values where JSON has no such values."""
    if hasattr(result, "collect") and hasattr(result, "dtypes"):
        return {
            "columns": [list(pair) for pair in result.dtypes],
            "rows": [[value(v) for v in row] for row in result.collect()],
        }
    return {"value": value(result)}


def value(v: Any) -> Any:
    """A value of a row."""
    if v is None or isinstance(v, bool | int | str):
        return v
    if isinstance(v, float):
        return {"float": repr(v)}
    if isinstance(v, Decimal):
        return {"decimal": str(v)}
    if isinstance(v, datetime.datetime | datetime.date):
        return {"time": v.isoformat()}
    if isinstance(v, bytes | bytearray):
        return {"bytes": v.hex()}
    if isinstance(v, dict):
        return {"map": sorted(([value(k), value(i)] for k, i in v.items()), key=repr)}
    if isinstance(v, tuple) and hasattr(v, "__fields__"):
        return {"row": [[name, value(i)] for name, i in zip(v.__fields__, v, strict=True)]}
    return [value(i) for i in v]


def same(a: Any, b: Any) -> bool:
    """Whether two encoded values are equal; floats may differ in their last digits."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() == {"float"}:
        x, y = float(a["float"]), float(b["float"])
        return math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-15) or (math.isnan(x) and math.isnan(y))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b
