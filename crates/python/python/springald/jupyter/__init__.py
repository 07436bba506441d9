"""Notebooks: tables, progress of jobs, plots, and the `%sql` and `%%sql` magics.

Tables, progress and plots need nothing but a notebook. The magics come with `%load_ext springald.jupyter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Adds the `%sql` and `%%sql` magics to an IPython session, and short displays of Springald's errors.

    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> shell = InteractiveShell()
    >>> shell.extension_manager.load_extension("springald.jupyter")
    >>> "sql" in shell.magics_manager.magics["cell"]
    True
    """
    from springald.jupyter.magics import SqlMagics

    shell.register_magics(SqlMagics(shell))
