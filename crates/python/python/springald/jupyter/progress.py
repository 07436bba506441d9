"""Progress of the jobs that a session has on its cluster: a line in a terminal, a bar in a notebook."""

from __future__ import annotations

import contextvars
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from html import escape
from typing import Any, Protocol, TextIO

__all__ = ["shown"]

INTERVAL = 0.25
# Quick jobs show nothing.
DELAY = 1.0


class Source(Protocol):
    """What tells of jobs: `springald._internal.Session`."""

    def rest_url(self) -> str | None:
        """None where there are no jobs."""

    def listen(self, listener: Callable[[str, str], None] | None) -> None:
        """The listener hears `accepted` or `ended`, and a job's id."""

    def job(self, id: str) -> str | None:
        """A job as JSON."""


class View(Protocol):
    """Where progress is shown."""

    def show(self, jobs: Sequence[Job]) -> None:
        """Replaces what was shown."""

    def erase(self) -> None:
        """Leaves no trace."""


class Job:
    """A job, from when it was accepted, with what was last heard of it."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.since = time.monotonic()
        self.info: dict[str, Any] = {}

    def number(self, key: str) -> int:
        return int(self.info.get(key) or 0)

    def name(self) -> str:
        name = " ".join(str(self.info.get("name") or self.id).split())
        return name if len(name) <= 40 else name[:39] + "…"

    def fraction(self) -> float:
        tasks = self.number("tasks")
        return min(1.0, self.number("tasks_done") / tasks) if tasks else 0.0

    def words(self) -> str:
        """How far it is.

        >>> job = Job("j")
        >>> job.info = {"stages": 3, "stages_done": 1, "tasks": 8, "tasks_done": 4, "tasks_running": 2}
        >>> job.words()
        'stages 1/3, tasks 4/8 (2 running), 0 s'
        """
        if self.info.get("state") == "waiting":
            reason = self.info.get("message") or "for the cluster"
            return f"waiting: {reason}, {self.elapsed()}"
        words = f"stages {self.number('stages_done')}/{self.number('stages')}, "
        words += f"tasks {self.number('tasks_done')}/{self.number('tasks')} ({self.number('tasks_running')} running)"
        attempts = self.number("attempts")
        return f"{words}{f', attempt {attempts}' if attempts > 1 else ''}, {self.elapsed()}"

    def elapsed(self) -> str:
        seconds = int(time.monotonic() - self.since)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            return f"{hours}:{minutes:02}:{seconds:02}"
        return f"{minutes}:{seconds:02}" if minutes else f"{seconds} s"


class Watch:
    """Looks after the jobs of one source while at least one call waits for them, with one thread.

    Calls of several threads share it, as nobody can tell which of them began a job.
    """

    def __init__(self, source: Source, make_view: Callable[[], View | None]) -> None:
        self.calls = 0
        self._source = source
        self._make_view = make_view
        self._jobs: dict[str, Job] = {}
        self._over = threading.Event()
        self._view: View | None = None
        self._drawing = threading.Lock()

    def start(self) -> None:
        self._source.listen(self._hear)
        # In a notebook the context says to which cell the thread's output belongs.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._run,), name="springald-progress", daemon=True).start()

    def stop(self) -> None:
        """Erases what is shown, and waits for nobody."""
        self._over.set()
        self._source.listen(None)
        with self._drawing:
            if self._view is not None:
                self._view.erase()

    def _hear(self, event: str, id: str) -> None:
        # Called by threads of the engine; single operations on a dict need no lock.
        if event == "accepted":
            self._jobs[id] = Job(id)
        else:
            self._jobs.pop(id, None)

    def _run(self) -> None:
        if self._over.wait(DELAY):
            return
        self._view = self._make_view()
        idle = 0.0
        while self._view is not None and not self._over.wait(INTERVAL):
            jobs = list(self._jobs.values())
            for job in jobs:
                self._learn(job)
            # Training is many short jobs; the bar should not come and go between them.
            idle = 0.0 if jobs else idle + INTERVAL
            with self._drawing:
                if self._over.is_set():
                    return
                if jobs:
                    self._view.show(jobs)
                elif idle > DELAY:
                    self._view.erase()

    def _learn(self, job: Job) -> None:
        # The master may be busy, or may have forgotten a job that just ended.
        with suppress(Exception):
            told = self._source.job(job.id)
            if told is not None:
                job.info = json.loads(told)


class Terminal:
    """A line on standard error, drawn again in place."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._width = 0

    def show(self, jobs: Sequence[Job]) -> None:
        job = jobs[-1]
        done = int(job.fraction() * 20)
        bar = ("=" * done + ">" * (done < 20)).ljust(20)
        more = f" (and {len(jobs) - 1} more)" if len(jobs) > 1 else ""
        self._draw(f"[{bar}] {job.words()}{more}  {job.name()}")

    def erase(self) -> None:
        if self._width:
            self._draw("")

    def _draw(self, line: str) -> None:
        columns = 80
        with suppress(OSError, ValueError):
            columns = os.get_terminal_size(self._out.fileno()).columns or columns
        line = line[: columns - 1]
        blank = " " * (min(self._width, columns - 1) - len(line))
        with suppress(OSError, ValueError, UnicodeError):
            self._out.write(f"\r{line}{blank}\r" if not line else f"\r{line}{blank}")
            self._out.flush()
        self._width = len(line)


class Notebook:
    """Bars below the cell that waits."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, jobs: Sequence[Job]) -> None:
        self._put({"text/html": bars(jobs), "text/plain": jobs[-1].words()})

    def erase(self) -> None:
        if self._handle is not None:
            self._put({"text/html": "", "text/plain": ""})

    def _put(self, bundle: dict[str, str]) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)


def bars(jobs: Sequence[Job], most: int = 4) -> str:
    """A bar for each of the last jobs, as HTML.

    >>> job = Job("j")
    >>> job.info = {"name": "<app>", "stages": 1, "tasks": 4, "tasks_done": 1}
    >>> "&lt;app&gt;" in bars([job]), 'value="0.25"' in bars([job])
    (True, True)
    """
    rows = "".join(
        f'<progress max="1" value="{job.fraction():.4g}" aria-label="progress of {escape(job.name())}" '
        'style="width:100%;accent-color:var(--jp-brand-color1,#1976d2)"></progress>'
        f"<b>{escape(job.name())}</b><span>{escape(job.words())}</span>"
        for job in jobs[-most:]
    )
    hidden = f"<span></span><span>and {len(jobs) - most} more jobs</span>" if len(jobs) > most else ""
    return (
        '<div class="springald-progress" role="status" style="display:grid;grid-template-columns:'
        "minmax(6em,14em) max-content 1fr;gap:.2em 1em;align-items:center;font-size:.9em;"
        f'font-variant-numeric:tabular-nums">{rows}{hidden}</div>'
    )


_watches: dict[int, Watch] = {}
_entering = threading.Lock()


@contextmanager
def shown(session: Any) -> Iterator[None]:
    """Shows how the jobs of a session get on while the block runs; nothing for quick ones, and in local mode.

    `SPRINGALD_PROGRESS=0` in the environment or `spark.ui.showConsoleProgress` = `false` turns it off.
    """
    try:
        with _watched(session):
            yield
    except KeyboardInterrupt as error:
        # IPython asks the exception how it is to be shown.
        error._render_traceback_ = partial(_rendered, error)  # type: ignore[attr-defined]
        raise


@contextmanager
def _watched(session: Any) -> Iterator[None]:
    source: Source = getattr(session, "_engine", session)
    if not _in_environment() or source.rest_url() is None:
        yield
        return
    key = id(source)
    with _entering:
        watch = _watches.get(key)
        if watch is None:
            watch = _watches[key] = Watch(source, lambda: _view(session))
            watch.start()
        watch.calls += 1
    try:
        yield
    finally:
        with _entering:
            watch.calls -= 1
            if watch.calls == 0:
                del _watches[key]
                watch.stop()


def _rendered(error: BaseException) -> list[str]:
    from springald.jupyter.tracebacks import rendered

    return rendered(error)


def _in_environment() -> bool:
    return os.environ.get("SPRINGALD_PROGRESS", "").strip().casefold() not in ("0", "false", "no", "off")


def _view(session: Any) -> View | None:
    with suppress(Exception):
        if str(session.conf.get("spark.ui.showConsoleProgress", "true")).casefold() == "false":
            return None
    if in_notebook():
        return Notebook()
    stderr = sys.stderr
    return Terminal(stderr) if stderr is not None and stderr.isatty() else None


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this program.

    >>> in_notebook()
    False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
