"""The command `springald`, also as `python -m springald`."""

from __future__ import annotations

import os
import sys

from springald import _internal

__all__ = ["main"]


def main() -> int:
    """Runs the command with this process's arguments and gives its exit status."""
    # Scripts that are submitted run under the Python that has this package.
    os.environ.setdefault("SPRINGALD_PYTHON", sys.executable)
    return _internal.main(["springald", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
