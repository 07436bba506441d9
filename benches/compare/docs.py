"""Puts the report of a run into docs/benchmarks.md, between two marks; what stands around them stays."""

from __future__ import annotations

import shutil
from pathlib import Path

from compare import plots, report
from compare.places import REPOSITORY
from compare.results import Run

PAGE = REPOSITORY / "docs" / "benchmarks.md"
BEGIN = "<!-- Made by `make bench DOCS=1`: from here -->"
END = "<!-- to here -->"


def publish(run: Run, page: Path = PAGE) -> None:
    """Writes the report between the marks of the page, and its plots beside it in `images`."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} lacks the lines `{BEGIN}` and `{END}`; put them where the figures belong")
    images = page.parent / "images"
    images.mkdir(exist_ok=True)
    for path in plots.write(run, images):
        shutil.move(path, images / f"bench-{path.name}")
    body = report.markdown(run, level=2, images="images/bench-")
    page.write_text(f"{before}{BEGIN}\n{body}{END}{after}")
