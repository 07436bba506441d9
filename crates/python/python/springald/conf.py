"""`SparkConf`: settings gathered before a session begins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["SparkConf"]


class SparkConf:
    """Settings by key, for `SparkSession.builder.config(conf=…)`.

    >>> SparkConf().setAppName("app").set("spark.sql.shuffle.partitions", 8).getAll()
    [('spark.app.name', 'app'), ('spark.sql.shuffle.partitions', '8')]
    """

    def __init__(self, loadDefaults: bool = True) -> None:
        self._values: dict[str, str] = {}

    def set(self, key: str, value: Any) -> SparkConf:
        """Sets a key.

        >>> SparkConf().set("spark.app.name", "app").get("spark.app.name")
        'app'
        """
        self._values[key] = _text(value)
        return self

    def setIfMissing(self, key: str, value: Any) -> SparkConf:
        """Sets a key that has no value yet.

        >>> SparkConf().setAppName("a").setIfMissing("spark.app.name", "b").get("spark.app.name")
        'a'
        """
        self._values.setdefault(key, _text(value))
        return self

    def setMaster(self, value: str) -> SparkConf:
        """Sets the master's URL.

        >>> SparkConf().setMaster("local[2]").get("spark.master")
        'local[2]'
        """
        return self.set("spark.master", value)

    def setAppName(self, value: str) -> SparkConf:
        """Sets the name of the application.

        >>> SparkConf().setAppName("app").contains("spark.app.name")
        True
        """
        return self.set("spark.app.name", value)

    def setAll(self, pairs: Iterable[tuple[str, Any]]) -> SparkConf:
        """Sets several keys.

        >>> SparkConf().setAll([("a", 1)]).get("a")
        '1'
        """
        for key, value in pairs:
            self.set(key, value)
        return self

    def get(self, key: str, defaultValue: str | None = None) -> str | None:
        """The value of a key.

        >>> SparkConf().get("spark.app.name", "none")
        'none'
        """
        return self._values.get(key, defaultValue)

    def getAll(self) -> list[tuple[str, str]]:
        """All keys with their values.

        >>> SparkConf().getAll()
        []
        """
        return list(self._values.items())

    def contains(self, key: str) -> bool:
        """Whether a key has a value.

        >>> SparkConf().contains("spark.master")
        False
        """
        return key in self._values


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
