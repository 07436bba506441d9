"""`Row`: a tuple whose values have names."""

from __future__ import annotations

from typing import Any

from springald.errors import PySparkTypeError, PySparkValueError

__all__ = ["Row"]


class Row(tuple[Any, ...]):
    """A row of a DataFrame: values by name, by attribute or by place.

    >>> row = Row(name="Ada", age=36)
    >>> row.name, row["age"], row[0], "age" in row
    ('Ada', 36, 'Ada', True)

    With names alone it makes rows of these names.

    >>> Person = Row("name", "age")
    >>> Person("Ada", 36)
    Row(name='Ada', age=36)
    """

    __fields__: tuple[str, ...] | list[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Row:
        if args and kwargs:
            raise PySparkValueError("a Row takes values by name, or values alone, not both")
        if kwargs:
            row = tuple.__new__(cls, kwargs.values())
            row.__fields__ = list(kwargs)
            return row
        return tuple.__new__(cls, args)

    @classmethod
    def _of(cls, names: list[str], values: Any) -> Row:
        """Values under names that may repeat; rows of a batch share the list of names."""
        row = tuple.__new__(cls, values)
        row.__fields__ = names
        return row

    def asDict(self, recursive: bool = False) -> dict[str, Any]:
        """The row as a dict; with `recursive`, rows inside it as well.

        >>> Row(a=1, b=Row(c=2)).asDict(recursive=True)
        {'a': 1, 'b': {'c': 2}}
        """
        names = self.__dict__.get("__fields__")
        if names is None:
            raise PySparkTypeError("a Row of names alone is no dict", 'give values by name: Row(name="Ada")')
        if not recursive:
            return dict(zip(names, self, strict=True))
        return {name: _plain(value) for name, value in zip(names, self, strict=True)}

    as_dict = asDict

    def __contains__(self, item: object) -> bool:
        names = self.__dict__.get("__fields__")
        return item in names if names is not None else tuple.__contains__(self, item)

    def __call__(self, *args: Any) -> Row:
        if len(args) > len(self):
            raise PySparkValueError(f"this Row has {len(self)} names, and {len(args)} values were given")
        return Row._of(list(self)[: len(args)] if len(args) < len(self) else list(self), args)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | slice):
            return tuple.__getitem__(self, item)
        try:
            return tuple.__getitem__(self, self.__fields__.index(item))
        except (AttributeError, IndexError, ValueError):
            raise PySparkValueError(f"there is no value called {item!r} in {self!r}") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        names = self.__dict__.get("__fields__", ())
        if name in names:
            return tuple.__getitem__(self, list(names).index(name))
        raise AttributeError(f"there is no value called {name!r} in this Row")

    def __setattr__(self, name: str, value: object) -> None:
        if name != "__fields__":
            raise RuntimeError("a Row cannot be changed")
        self.__dict__[name] = value

    def __reduce__(self) -> Any:
        names = self.__dict__.get("__fields__")
        return (Row, tuple(self)) if names is None else (_restored, (list(names), tuple(self)))

    def __repr__(self) -> str:
        names = self.__dict__.get("__fields__")
        if names is None:
            return f"<Row({', '.join(repr(value) for value in self)})>"
        return f"Row({', '.join(f'{name}={value!r}' for name, value in zip(names, self, strict=False))})"


def _restored(names: list[str], values: tuple[Any, ...]) -> Row:
    return Row._of(names, values)


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.asDict(recursive=True)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
