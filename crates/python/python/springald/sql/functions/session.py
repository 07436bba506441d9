"""What a session knows of itself."""

from __future__ import annotations

import getpass

from springald.sql._nodes import Build
from springald.sql.column import Column
from springald.sql.functions._make import call

__all__ = ["current_catalog", "current_database", "current_schema", "current_user", "session_user", "user"]


def _text(value: str) -> Build:
    return lambda scope: scope.literal(value)


def current_catalog() -> Column:
    """The name of the catalog.

    >>> spark.range(1).select(F.current_catalog()).first()[0]
    'spark_catalog'
    """
    return call("current_catalog", _text("spark_catalog"))


def current_database() -> Column:
    """The name of the database.

    >>> spark.range(1).select(F.current_database()).first()[0]
    'default'
    """
    return call("current_schema", _text("default"))


def current_schema() -> Column:
    """The name of the database.

    >>> spark.range(1).select(F.current_schema()).first()[0]
    'default'
    """
    return call("current_schema", _text("default"))


def current_user() -> Column:
    """The name of the user of this process.

    >>> import getpass
    >>> spark.range(1).select(F.current_user()).first()[0] == getpass.getuser()
    True
    """
    return call("current_user", _text(getpass.getuser()))


def session_user() -> Column:
    """The name of the user of this process.

    >>> import getpass
    >>> spark.range(1).select(F.session_user()).first()[0] == getpass.getuser()
    True
    """
    return call("session_user", _text(getpass.getuser()))


def user() -> Column:
    """The name of the user of this process.

    >>> import getpass
    >>> spark.range(1).select(F.user()).first()[0] == getpass.getuser()
    True
    """
    return call("user", _text(getpass.getuser()))
