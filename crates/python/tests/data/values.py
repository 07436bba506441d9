"""Values of Python in JSON and back, so that expectations made by PySpark can be kept in a file."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any


def encode(value: Any) -> Any:
    """A value as JSON has it; what JSON lacks is an object with one key, the kind."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Decimal):
        return {"decimal": f"{value:f}"}
    if isinstance(value, datetime.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    if isinstance(value, datetime.time):
        return {"time": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"micros": value // datetime.timedelta(microseconds=1)}
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    if hasattr(value, "__fields__"):
        return {"row": [[name, encode(item)] for name, item in zip(value.__fields__, value, strict=True)]}
    if isinstance(value, dict):
        return {"map": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    raise TypeError(f"there is no JSON for {value!r}")


def decode(value: Any) -> Any:
    """The value that `encode` was given; rows as tuples."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "map":
        return {decode(key): decode(item) for key, item in inner}
    if kind == "row":
        return tuple(decode(item) for _, item in inner)
    return {
        "float": float,
        "decimal": Decimal,
        "datetime": datetime.datetime.fromisoformat,
        "date": datetime.date.fromisoformat,
        "time": datetime.time.fromisoformat,
        "micros": lambda n: datetime.timedelta(microseconds=n),
        "bytes": lambda text: bytearray.fromhex(text),
    }[kind](inner)
