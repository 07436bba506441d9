"""The `%sql` and `%%sql` magics."""

from __future__ import annotations

import argparse
import inspect
import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.display_functions import display
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand

from springald.jupyter import html
from springald.jupyter.interpolation import interpolated, statements

if TYPE_CHECKING:
    from springald.sql import DataFrame, SparkSession

__all__ = ["SqlMagics"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise UsageError(f"{message}; %sql --help tells more")


_parser = _Parser(prog="%sql", add_help=False, allow_abbrev=False)
_parser.add_argument("-o", "--output")
_parser.add_argument("-n", "--rows", type=int)
_parser.add_argument("-q", "--quiet", action="store_true")

# Options come first; the SQL after them may have dashes and quotes of its own.
_OPTIONS = re.compile(r"\s*((?:(?:-q|--quiet)(?=\s|$)|(?:-[on]|--output|--rows)(?:\s+|=)\S+|-[on]\w+)\s*)*")


@magics_class
class SqlMagics(Magics):
    """SQL in cells."""

    # IPython would put variables into the line as bare text.
    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    def sql(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> DataFrame | None:
        """%sql [-o NAME] [-n ROWS] [--quiet] STATEMENT

        %%sql [-o NAME] [-n ROWS] [--quiet]
        STATEMENTS

        Runs SQL on the session: the one called `spark`, else the one in use, else a new one. Gives the DataFrame of the
        last statement.

          -o NAME, --output NAME   keep the DataFrame in this variable
          -n ROWS, --rows ROWS     show so many rows instead of 20
          -q, --quiet              show nothing

        {variable} stands for a Python variable: strings, numbers, dates and lists (for IN) become SQL literals,
        DataFrames become tables. Within quotes, as in '{folder}/*.parquet', the bare text goes in. {{variable}} stands
        for {variable}.
        """
        if line.strip() in ("-h", "--help"):
            print(inspect.getdoc(SqlMagics.sql))
            return None
        head = _OPTIONS.match(line)
        end = head.end() if head else 0
        options = _parser.parse_args(line[:end].split())
        if options.output and not options.output.isidentifier():
            raise UsageError(f"{options.output!r} is no name of a variable")
        if options.rows is not None and options.rows < 0:
            raise UsageError("-n takes a number from 0 up")
        text = f"{line[end:]}\n{cell}" if cell is not None else line[end:]
        names: dict[str, Any] = self.shell.user_ns if self.shell else {}
        variables = {**names, **(local_ns or {})}
        frame = _run(_session(variables), text, variables)
        if options.output:
            names[options.output] = frame
        if options.quiet or not frame.columns:
            return None
        if options.rows is None:
            return frame
        _show(frame, options.rows)
        return None


def _session(variables: Mapping[str, Any]) -> SparkSession:
    from springald.sql import SparkSession

    named = variables.get("spark")
    if isinstance(named, SparkSession):
        return named
    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


def _run(session: SparkSession, text: str, variables: Mapping[str, Any]) -> DataFrame:
    """The DataFrame of the last statement; those before it have run."""
    from springald.sql import DataFrame

    views: dict[int, str] = {}

    def view(variable: str, value: Any) -> str:
        if id(value) in views:
            return f'"{views[id(value)]}"'
        frame = value if isinstance(value, DataFrame) else session.createDataFrame(value)
        # Called like the variable, as errors speak of it, unless that would hide a table.
        names = (f"{variable.lower()}{suffix}" for suffix in itertools.chain([""], itertools.count(2)))
        name = views[id(value)] = next(name for name in names if not session.catalog.tableExists(name))
        frame.createOrReplaceTempView(name)
        return f'"{name}"'

    parts = statements(text)
    if not parts:
        raise UsageError("there is no statement; %sql --help tells more")
    try:
        for part in parts:
            frame = session.sql(interpolated(part, variables, view))
        return frame
    finally:
        # The plans that were made hold the rows themselves.
        for name in views.values():
            session.catalog.dropTempView(name)


def _show(frame: DataFrame, rows: int) -> None:
    data = frame.limit(rows + 1).toArrow()
    types = [field.dataType for field in frame.schema.fields]
    page = html.table(frame.columns, types, data, False, rows=rows, time_zone=frame.sparkSession.time_zone)
    display({"text/html": page, "text/plain": repr(frame)}, raw=True)  # type: ignore[no-untyped-call]
