"""A cluster and a JupyterLab, as tests speak with them."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN = "browser-test"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    """What `true` gives as soon as it is something; failures count as nothing."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := true():
                return found
        except OSError:
            pass
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} seconds")
        time.sleep(0.2)


@dataclass
class Cluster:
    url: str
    rest: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.rest}/api/v1/{path}", timeout=5) as answer:
            return json.load(answer)

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.get("jobs"))


@dataclass
class Lab:
    """A JupyterLab, and the folder that it shows."""

    url: str
    folder: Path
    settings: Path

    def theme(self, dark: bool) -> None:
        """The theme of pages that are opened from now on."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        (self.settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": name}))

    def notebook(self, name: str, cells: list[str]) -> str:
        """Writes a notebook of these cells and gives its address."""
        import nbformat

        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, self.folder / f"{name}.ipynb")
        return f"{self.url}/lab/workspaces/{name}/tree/{name}.ipynb?token={TOKEN}&reset"
