"""The notebooks, from top to bottom on a cluster: no cell fails, and the answers are the stored ones."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

PACKAGE = Path(__file__).parents[1] / "python"
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
NAMES = [
    "01-first-steps",
    "02-linear-regression",
    "03-kmeans",
    "04-wordcount",
    "05-sql-and-parquet-jobs",
    "06-from-pyspark",
]
MASTER = os.environ.get("SPRINGALD_TEST_MASTER", "local-cluster[2,1]")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the notebooks, with a workspace and a master for them."""
    if "cluster" in MASTER and not (os.environ.get("SPRINGALD_BIN") or shutil.which("springald")):
        pytest.skip("SPRINGALD_BIN names no springald")
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("SPRINGALD_MASTER", MASTER)
    monkeypatch.setenv("SPRINGALD_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # `springald submit` calls python3.
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return tmp_path


def _run(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("refresh", NOTEBOOKS / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    refresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(refresh)
    return refresh.run(path, path.parent)


def _texts(notebook: Any) -> list[list[str]]:
    """What each cell shows; of plots, that there is one."""
    shown = []
    for cell in notebook.cells:
        texts: list[str] = []
        printed = ""
        for output in cell.get("outputs", []):
            assert output.output_type != "error", output
            if output.output_type == "stream":
                printed += output.text if output.name == "stdout" else ""
            elif "image/png" in output.data:
                texts.append("plot")
            else:
                text = output.data.get("text/html") or output.data["text/plain"]
                # The order of a sum tells on the last digits; titles have all of them.
                text = re.sub(r"<style>.*?</style>| title=\"[^\"]*\"", "", text, flags=re.S)
                texts.append(re.sub(r"\d+\.\d{7,}", lambda number: f"{float(number[0]):.9g}", text))
        shown.append([printed, *texts] if printed else texts)
    return shown


def test_all_notebooks_are_here() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_notebook(name: str, place: Path) -> None:
    path = place / "notebooks" / f"{name}.ipynb"
    stored = nbformat.read(path, as_version=4)
    assert path.stat().st_size < 300_000
    assert any(cell.cell_type == "markdown" for cell in stored.cells)
    told = _texts(stored)
    assert ["plot"] in told
    assert any("<table>" in text for cell in told for text in cell)
    assert _texts(_run(path)) == told


def test_two_import_lines_make_a_pyspark_notebook() -> None:
    notebook = nbformat.read(NOTEBOOKS / "06-from-pyspark.ipynb", as_version=4)
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert [line for line in lines if "springald" in line.casefold() and "environ" not in line] == [
        "from springald.sql import SparkSession, Window",
        "from springald.sql import functions as F",
    ]


def test_the_pyspark_notebook_prints_what_pyspark_prints() -> None:
    """The file holds what the notebook printed with PySpark 4.3.0, with `pyspark` in its two import lines."""
    notebook = nbformat.read(NOTEBOOKS / "06-from-pyspark.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert printed == (Path(__file__).parent / "data" / "notebook_06_pyspark_4.3.0.txt").read_text()


def _submit(place: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "springald", "submit", *map(str, arguments)],
        cwd=place / "notebooks" / "jobs", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_wordcount_job(place: Path) -> None:
    (place / "texts").mkdir()
    (place / "texts" / "a.txt").write_text("One two, TWO.\nthree's three's three's")
    done = _submit(place, "wordcount.py", place / "texts", "--top", "2", "--out", place / "words")
    assert (done.returncode, done.stdout.split()) == (0, ["3", "three's", "2", "two"]), done.stderr
    assert list((place / "words").glob("*.parquet"))


def test_train_model_job(place: Path) -> None:
    rows = "\n".join(f"{x},{x % 7},{3 * x + 2 * (x % 7) + 1}" for x in range(200))
    (place / "rows.csv").write_text(f"a,b,y\n{rows}\n")
    flags = ["--format", "csv", "--label", "y", "--features", "a,b", "--out", place / "model"]
    done = _submit(place, "train_model.py", "--data", place / "rows.csv", *flags)
    assert done.returncode == 0, done.stderr
    told = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert [float(told[name]) for name in ("a", "b", "intercept")] == pytest.approx([3, 2, 1], abs=1e-3)
    assert any((place / "model").iterdir())


def test_a_day_without_sales_is_a_failure(place: Path) -> None:
    import datetime as dt

    import pyarrow as pa
    import pyarrow.parquet as pq

    day = pa.array([dt.date(2026, 9, 1)])
    (place / "sales").mkdir()
    columns = {"day": day, "shop": ["north"], "product": ["milk"], "pieces": [2], "price": [1.5]}
    pq.write_table(pa.table(columns), place / "sales" / "a.parquet")
    flags = ["--sales", place / "sales", "--out", place / "reports", "--day"]
    done = _submit(place, "daily_sales.py", *flags, "2026-09-01")
    assert (done.returncode, done.stdout) == (0, "2026-09-01: 1 rows, income 3.00\n"), done.stderr
    done = _submit(place, "daily_sales.py", *flags, "2026-09-02")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "there are no sales of 2026-09-02" in done.stderr
