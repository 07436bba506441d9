"""How IPython shows Springald's errors: the user's own lines, the message and the hint."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType, TracebackType

__all__ = ["rendered"]

_PACKAGE = str(Path(__file__).parent.parent)
_MAGICS = str(Path(__file__).with_name("magics.py"))


def rendered(error: BaseException) -> list[str]:
    """The lines that IPython shows: those of the user's code, then the message."""
    from IPython.core.getipython import get_ipython

    frames = _frames(error.__traceback__)
    shell = get_ipython()
    # A cell of SQL has no lines of Python to show.
    if shell is None or any(_file(frame.tb_frame) == _MAGICS for frame in frames):
        return [f"{type(error).__name__}: {error}"]
    own = _linked([frame for frame in frames if _is_the_users(frame.tb_frame)])
    shown: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, own, tb_offset=0)
    return shown


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    return frames


def _file(frame: FrameType) -> str:
    return frame.f_code.co_filename


def _is_the_users(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    if module.partition(".")[0] in ("IPython", "ipykernel", "contextlib"):
        return False
    return not _file(frame).startswith((_PACKAGE, f"{sys.prefix}/lib/python"))


def _linked(frames: list[TracebackType]) -> TracebackType | None:
    trace: TracebackType | None = None
    for frame in reversed(frames):
        trace = TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trace
