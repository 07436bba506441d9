"""Exceptions, called as PySpark calls them. Their messages say what is wrong and, where it is known, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from springald._internal import EngineError

__all__ = [
    "AnalysisException",
    "IllegalArgumentException",
    "ParseException",
    "PySparkException",
    "PySparkNotImplementedError",
    "PySparkTypeError",
    "PySparkValueError",
    "SparkRuntimeException",
    "SpringaldException",
]

P = ParamSpec("P")
R = TypeVar("R")


class SpringaldException(Exception):
    """Whatever Springald cannot do. `hint` is the next step, if one is known.

    >>> print(SpringaldException("no file at `x.csv`", "check the path"))
    no file at `x.csv`
    hint: check the path
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def getMessage(self) -> str:
        """The message without the hint."""
        return self.message

    def _render_traceback_(self) -> list[str]:
        # IPython asks for what it shows of an exception.
        from springald.jupyter.tracebacks import rendered

        return rendered(self)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


PySparkException = SpringaldException


class AnalysisException(SpringaldException):
    """A name, type or statement that cannot be."""

    @classmethod
    def unresolved(cls, name: str, known: Sequence[str]) -> AnalysisException:
        """A column that is not there, with the nearest that is."""
        lower = {k.casefold(): k for k in known}
        near = difflib.get_close_matches(name.casefold(), lower, n=3, cutoff=0.5)
        hint: str | None = None
        if near:
            hint = "did you mean " + ", ".join(f"`{lower[n]}`" for n in near) + "?"
        elif known:
            shown = ", ".join(f"`{k}`" for k in known[:10])
            hint = f"there are {shown}" + (", …" if len(known) > 10 else "")
        return cls(f"[UNRESOLVED_COLUMN] there is no column `{name}`", hint)

    @classmethod
    def ambiguous(cls, name: str, found: Sequence[str]) -> AnalysisException:
        """A name that more than one column has."""
        return cls(
            f"[AMBIGUOUS_REFERENCE] `{name}` may mean any of {len(found)} columns",
            "use df.column of the DataFrame it came from, or give one an alias with df.alias()",
        )


class ParseException(AnalysisException):
    """A syntax error in SQL."""


class IllegalArgumentException(SpringaldException, ValueError):
    """An argument or setting out of its range."""


class PySparkValueError(IllegalArgumentException):
    """A Python value that is not allowed here."""


class PySparkTypeError(SpringaldException, TypeError):
    """A Python value of the wrong type."""


class PySparkNotImplementedError(SpringaldException, NotImplementedError):
    """What Spark has and Springald does not."""


class SparkRuntimeException(SpringaldException, RuntimeError):
    """Work that failed on the way."""


_KINDS: dict[str, type[SpringaldException]] = {
    "parse": ParseException,
    "invalid": AnalysisException,
    "failed": SparkRuntimeException,
}


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turns errors of the engine into those above, without the engine's own trace."""
    try:
        yield
    except EngineError as error:
        kind, message, hint = error.args
        raise _KINDS.get(kind, SpringaldException)(message, hint) from None


def translated(call: Callable[P, R]) -> Callable[P, R]:
    """`call`, its errors turned by [`engine_errors`]."""
    from functools import wraps

    @wraps(call)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with engine_errors():
            return call(*args, **kwargs)

    return inner
