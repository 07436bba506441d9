"""The Docker command line: the tests use it as people do, and no library for it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

IMAGE = os.environ.get("SPRINGALD_IMAGE", "springald")
JUPYTER_IMAGE = os.environ.get("JUPYTER_IMAGE", "springald-jupyter")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    command: str
    code: int
    out: str
    err: str
    seconds: float

    def ok(self) -> Done:
        assert self.code == 0, f"should have succeeded: {self}"
        return self

    def refused(self, *words: str) -> Done:
        """Fails the test unless the command failed in the user's words, with each of `words` among them."""
        assert self.code != 0, f"should have failed: {self}"
        said = self.err.lower()
        assert "panicked" not in said, f"should have failed in the user's words: {self}"
        missing = [word for word in words if word.lower() not in said]
        assert not missing, f"should have said {missing}: {self}"
        return self

    def error(self) -> str:
        """The line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("error")), lines[-1] if lines else "")

    def __str__(self) -> str:
        return (
            f"{self.command}\nexit {self.code} after {self.seconds:.1f} s"
            f"\n-- stdout\n{self.out[-3000:]}\n-- stderr\n{self.err[-3000:]}"
        )


def run(*args: str, seconds: float = 120, env: dict[str, str] | None = None) -> Done:
    """Runs a command to its end; one that takes longer than `seconds` fails the test."""
    begin = time.monotonic()
    command = " ".join(args)
    try:
        done = subprocess.run(
            args, capture_output=True, text=True, timeout=seconds, env=env, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise AssertionError(f"still ran after {seconds} s: {command}\n{e.stdout}\n{e.stderr}") from None
    return Done(command, done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def docker(*args: str, seconds: float = 60) -> Done:
    return run("docker", *args, seconds=seconds)


@functools.cache
def compose_command() -> tuple[str, ...]:
    """`docker compose` where the engine's client has it, else `docker-compose`."""
    if docker("compose", "version").code == 0:
        return ("docker", "compose")
    return ("docker-compose",)


def missing() -> str | None:
    """Why tests over containers cannot run here; `None` if they can."""
    if not shutil.which("docker"):
        return "docker is not installed"
    answer = docker("version", "--format", "{{.Server.Version}}")
    if answer.code != 0:
        return f"the Docker engine does not answer: {answer.error()}"
    if compose_command() == ("docker-compose",) and not shutil.which("docker-compose"):
        return "neither `docker compose` nor docker-compose is installed"
    for image in (IMAGE, JUPYTER_IMAGE):
        if docker("image", "inspect", image).code != 0:
            return f"there is no image {image}: run `make images`"
    return None


def within(seconds: float, what: str, found: Callable[[], T | None]) -> T:
    """What `found` gives once it gives something; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)


class Background(threading.Thread):
    """A command that goes on while the test does something to the cluster."""

    def __init__(self, work: Callable[[], Done]):
        super().__init__(daemon=True)
        self._work = work
        self._done: Done | BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._done = self._work()
        except BaseException as e:
            self._done = e

    def done(self) -> Done:
        self.join()
        if isinstance(self._done, BaseException):
            raise self._done
        assert self._done is not None
        return self._done
