"""Runs the notebooks from top to bottom and stores their outputs, the same ones each time.

python refresh.py [NOTEBOOK...]

SPRINGALD_MASTER names the master; what the notebooks write goes to a temporary workspace.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent


def run(path: Path, folder: Path) -> Any:
    """The notebook with its outputs, run in `folder`.

    Raises:
        CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources=resources,
        record_timing=False,
    ).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _kept(output)) is not None]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _kept(output: Any) -> Any:
    if output.output_type == "stream" and output.name == "stderr":
        return None
    data = output.get("data", {})
    # What a progress bar leaves.
    if output.output_type == "display_data" and not any(data.values()):
        return None
    # Nobody reads the words for a table or plot.
    if "text/html" in data or "image/png" in data:
        data.pop("text/plain", None)
    return output


def main() -> None:
    """Refreshes the notebooks that are named, or all."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("0*.ipynb")):
        with tempfile.TemporaryDirectory() as workspace:
            os.environ["SPRINGALD_WORKSPACE"] = workspace
            try:
                notebook = run(path, HERE)
            except CellExecutionError as error:
                sys.exit(f"{path.name}: {error}")
            text = nbformat.writes(notebook)
            for hidden in (
                workspace,
                tempfile.gettempdir() + "/",
                str(Path.home()),
                str(HERE),
            ):
                if hidden in text:
                    sys.exit(f"{path.name}: an output names {hidden}, which is not there on other machines")
            path.write_text(text + "\n", encoding="utf-8")
            print(f"{path.name}: {len(text) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
