"""Settings of a session: keys of the engine, and those of Spark's that have a counterpart."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from springald.errors import IllegalArgumentException, engine_errors

if TYPE_CHECKING:
    from springald._internal import Session
    from springald.sql.session import SparkSession

__all__ = ["RuntimeConfig", "counterpart", "engine_settings"]

# Spark's keys that mean something here, and the engine's keys for it.
_COUNTERPARTS = {
    "spark.app.name": "springald.app_name",
    "spark.sql.session.timeZone": "datafusion.execution.time_zone",
    "spark.sql.shuffle.partitions": "datafusion.execution.target_partitions",
    "spark.sql.parquet.compression.codec": "datafusion.execution.parquet.compression",
    "spark.task.maxFailures": "springald.job_max_attempts",
}

# Spark's keys that Python code of this package reads, or that say what is so anyway.
_KEPT = {
    "spark.ui.showConsoleProgress": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.repl.eagerEval.enabled": "true",
}

_CODECS = {"none": "uncompressed", "gzip": "gzip(6)", "zstd": "zstd(3)", "brotli": "brotli(5)", "lz4": "lz4_raw"}

_warned: set[str] = set()
_nothing: Any = object()


class RuntimeConfig:
    """A session's settings.

    >>> spark.conf.set("spark.sql.session.timeZone", "UTC")
    >>> spark.conf.get("spark.sql.session.timeZone")
    'UTC'
    """

    def __init__(self, session: SparkSession, values: Mapping[str, str]) -> None:
        self._session = session
        # What was set under Spark's names; the engine knows its own.
        self._values = dict(values)
        self._before: dict[str, str | None] = {}

    def set(self, key: str, value: str | int | bool) -> None:
        """Sets a key from now on.

        Raises:
            IllegalArgumentException: If nobody knows the key, with the nearest that is known; or it is fixed.

        >>> spark.conf.set("spark.sql.shuffle.partitions", 4)
        >>> spark.conf.get("spark.sql.shuffle.partitions")
        '4'
        """
        text = text_of(value)
        if key == "spark.master":
            raise IllegalArgumentException(
                "[CANNOT_MODIFY_CONFIG] the master of a session cannot be changed", "stop the session and make another"
            )
        engine = self._engine()
        for name, setting in engine_settings({key: text}, self._known()):
            self._before.setdefault(key, engine.get(name))
            with engine_errors():
                engine.set(name, setting)
        if key.startswith("spark."):
            self._values[key] = text

    def get(self, key: str, default: str | None = _nothing) -> str | None:
        """The value of a key.

        Args:
            key: A key of the engine or of Spark's.
            default: What is given for a key that is not set.

        Raises:
            IllegalArgumentException: If it is not set and there is no default.

        >>> spark.conf.get("spark.no.such.key", "nothing")
        'nothing'
        """
        if key in self._values:
            return self._values[key]
        name = counterpart(key)
        found: str | None = self._engine().get(name or key)
        if found is not None:
            return found
        if key == "spark.sql.session.timeZone":
            return "UTC"
        if key == "spark.sql.warehouse.dir":
            return f"{self._engine().workspace()}/warehouse"
        if default is not _nothing:
            return default
        if key in _KEPT:
            return _KEPT[key]
        near = difflib.get_close_matches(key, [*self._known(), *_COUNTERPARTS, *_KEPT, *self._values], n=1)
        raise IllegalArgumentException(
            f"[SQL_CONF_NOT_FOUND] the key `{key}` is not set", f"did you mean `{near[0]}`?" if near else None
        )

    def unset(self, key: str) -> None:
        """Gives a key the value it had at first.

        >>> spark.conf.set("spark.my.key", "1")
        >>> spark.conf.unset("spark.my.key")
        >>> spark.conf.get("spark.my.key", "gone")
        'gone'
        """
        self._values.pop(key, None)
        before = self._before.pop(key, None)
        name = counterpart(key) or key
        if before is not None:
            with engine_errors():
                self._engine().set(name, before)

    def isModifiable(self, key: str) -> bool:
        """Whether a key can be set in a running session.

        >>> spark.conf.isModifiable("spark.master")
        False
        """
        return key != "spark.master" and (counterpart(key) is not None or key in self._known() or key in _KEPT)

    is_modifiable = isModifiable

    @property
    def getAll(self) -> dict[str, str]:
        """All keys that have a value.

        >>> "springald.job_wait_seconds" in spark.conf.getAll
        True
        """
        with engine_errors():
            known = {key: value for key, value, _ in self._engine().settings() if value is not None}
        return {**known, **self._values}

    def _engine(self) -> Session:
        return self._session._engine

    def _known(self) -> list[str]:
        with engine_errors():
            return [key for key, _, _ in self._engine().settings()]


def counterpart(key: str) -> str | None:
    """The engine's key for a key of Spark's.

    >>> counterpart("spark.app.name")
    'springald.app_name'
    """
    return _COUNTERPARTS.get(key)


def engine_settings(values: Mapping[str, str], known: list[str] | None = None) -> list[tuple[str, str]]:
    """What the engine is to be told of these settings; keys of Spark's without a counterpart bring a warning.

    >>> engine_settings({"spark.app.name": "app"})
    [('springald.app_name', 'app')]
    """
    found = []
    for key, value in values.items():
        name = counterpart(key)
        if name == "datafusion.execution.parquet.compression":
            found.append((name, _CODECS.get(value.lower(), value.lower())))
        elif name is not None:
            found.append((name, value))
        elif not key.startswith("spark.") or (known is not None and key in known):
            found.append((key, value))
        elif key not in _KEPT and key != "spark.master" and key not in _warned:
            _warned.add(key)
            warnings.warn(f"`{key}` has no effect in Springald", stacklevel=4)
    return found


def text_of(value: str | int | bool | float | None) -> str:
    """A setting's value as text.

    >>> text_of(True), text_of(3)
    ('true', '3')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)
