"""What people see in JupyterLab: a table, the progress of a job, a plot, and what the stop button does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lab import Cluster, Lab, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

START = """\
from springald.sql import SparkSession, functions as F
%load_ext springald.jupyter
spark = SparkSession.builder.appName("browser").getOrCreate()"""


TABLE = """\
spark.range(30).select(
    "id", (F.col("id") / 7).alias("seventh"), F.concat(F.lit("row "), F.col("id").cast("string")).alias("name"),
    F.when(F.col("id") % 3 != 0, F.col("id") % 2 == 0).alias("even"), F.array("id", "id").alias("twice"),
    F.lit("<b>bold</b> " + 20 * "long ").alias("text"), F.date_add(F.lit("2026-01-01").cast("date"), 3).alias("day"),
)"""


class Notebook:
    """A notebook in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")

    def ready(self) -> None:
        self.cells.first.wait_for(timeout=60_000)
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        # What is begun before the page and the kernel have agreed on a protocol is forgotten.
        self.page.wait_for_timeout(1000)

    def start(self, index: int) -> None:
        """Begins to run a cell."""
        prompt = self.cells.nth(index).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        # The page ignores keys while it still gets to know the kernel.
        for _ in range(10):
            self.cells.nth(index).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(500)
            if prompt.inner_text() != before:
                return
        raise AssertionError("the cell does not run")

    def run(self, index: int, seconds: float = 60) -> None:
        """Runs a cell to its end."""
        self.start(index)
        self.ended(index, seconds)

    def ended(self, index: int, seconds: float = 60) -> None:
        prompt = self.cells.nth(index).locator(".jp-InputPrompt")
        until(lambda: (prompt.inner_text().strip("[]: \n") or "*").isdigit(), seconds)

    def output(self, index: int) -> Locator:
        return self.cells.nth(index).locator(".jp-OutputArea")

    def text(self, index: int) -> str:
        """What stands below a cell."""
        return "\n".join(self.output(index).locator(".jp-OutputArea-output").all_inner_texts()).strip()


@pytest.fixture
def opened(browser: Any, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Any]:
    pages = []

    def open_(cells: list[str], dark: bool = False) -> Notebook:
        lab.theme(dark)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        pages.append(page)
        page.goto(lab.notebook(re.sub(r"\W+", "-", request.node.name).strip("-"), cells))
        notebook = Notebook(page)
        notebook.ready()
        return notebook

    yield open_
    for page in pages:
        page.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_table_is_shown(dark: bool, opened: Any, screenshots: Path) -> None:
    notebook = opened([START, TABLE], dark)
    notebook.run(0)
    notebook.run(1)
    table = notebook.output(1).locator(".springald-table table")
    cells = table.locator("tbody td")
    assert table.locator("tbody tr").count() == 20
    assert table.locator("thead th").first.inner_text().split() == ["id", "bigint"]
    assert "showing first 20 rows, 7 columns" in table.locator("caption").inner_text()
    assert table.locator("b").count() == 0
    assert cells.nth(0).evaluate("e => getComputedStyle(e).textAlign") == "right"
    assert cells.nth(2).evaluate("e => getComputedStyle(e).textAlign") == "left"
    assert cells.nth(5).get_attribute("title")
    colour = cells.nth(2).evaluate("e => getComputedStyle(e).color")
    shades = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    assert min(shades) > 150 if dark else max(shades) < 100
    notebook.page.screenshot(path=screenshots / f"table-{'dark' if dark else 'light'}.png")


def test_sql_shows_rows_and_short_errors(opened: Any, screenshots: Path) -> None:
    notebook = opened(
        [
            START,
            "low = 2\nnumbers = spark.range(5)",
            "%%sql -o kept\nSELECT id, id * id AS square\nFROM {numbers}\nWHERE id >= {low}\nORDER BY id",
            "kept.count()",
            "%%sql\nSELECT nothing FROM {numbers}",
            "numbers.select('nothing')",
        ]
    )
    for index in range(6):
        notebook.run(index)
    assert notebook.output(2).locator("tbody tr").all_inner_texts() == ["2\t4", "3\t9", "4\t16"]
    assert notebook.text(3) == "3"
    for index in (4, 5):
        text = notebook.text(index)
        assert "nothing" in text
        assert "site-packages" not in text
        assert "springald/sql" not in text
    assert len(notebook.text(4).splitlines()) <= 4
    notebook.page.screenshot(path=screenshots / "sql.png")


def test_a_long_job_has_a_bar_until_it_ends(opened: Any, screenshots: Path) -> None:
    notebook = opened(
        [
            START,
            'spark.range(0, 1_000_000_000, 1, 16).groupBy((F.col("id") % 97).alias("k")).agg(F.sum("id")).count()',
        ]
    )
    notebook.run(0)
    notebook.start(1)
    bar = notebook.output(1).locator(".springald-progress")
    bar.wait_for(timeout=20_000)
    until(lambda: re.search(r"tasks [1-9]", bar.inner_text()))
    assert bar.locator("progress").count() >= 1
    notebook.page.screenshot(path=screenshots / "progress.png")
    notebook.ended(1, 180)
    assert notebook.text(1) == "97"
    assert bar.count() == 0
    notebook.page.screenshot(path=screenshots / "progress-ended.png")


def test_a_plot_is_shown(opened: Any, screenshots: Path) -> None:
    notebook = opened(
        [
            START,
            'points = spark.range(20_000).select((F.col("id") % 100).alias("x"), F.sin(F.col("id") / 500).alias("y"))\n'
            'points.plot.hist(y="y", bins=30, figsize=(6, 2.5))\n'
            'points.plot.scatter(x="x", y="y", figsize=(6, 2.5), title="Points");',
        ]
    )
    notebook.run(0)
    notebook.run(1)
    images = notebook.output(1).locator("img")
    until(lambda: images.count() == 2)
    assert all(images.nth(i).evaluate("e => e.naturalWidth") > 300 for i in range(2))
    notebook.page.screenshot(path=screenshots / "plot.png")


def test_columns_are_completed(opened: Any, screenshots: Path) -> None:
    notebook = opened([START, 'df = spark.range(3).withColumnRenamed("id", "unusual_name")', 'df["un'])
    notebook.run(0)
    notebook.run(1)
    notebook.cells.nth(2).locator(".cm-content").click()
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.press("Tab")
    # One completion is put in at once, of several there is a list.
    editor, listed = notebook.cells.nth(2).locator(".cm-content"), notebook.page.locator(".jp-Completer")
    until(lambda: any("unusual_name" in text for text in [*editor.all_inner_texts(), *listed.all_inner_texts()]))
    notebook.page.screenshot(path=screenshots / "completion.png")


def test_the_stop_button_cancels_the_job(opened: Any, machines: Cluster, screenshots: Path) -> None:
    notebook = opened(
        [
            START,
            'spark.range(0, 10**11, 1, 8).groupBy((F.col("id") % 97).alias("k")).agg(F.sum("id")).count()',
            "spark.range(10).count()",
        ]
    )
    notebook.run(0)
    before = {job["id"] for job in machines.jobs()}
    notebook.start(1)
    running = until(lambda: [j for j in machines.jobs() if j["id"] not in before and j["state"] == "running"])
    notebook.output(1).locator(".springald-progress").wait_for(timeout=20_000)
    notebook.page.locator("[data-command='notebook:interrupt-kernel']").first.click()
    notebook.ended(1, 20)
    assert "KeyboardInterrupt" in notebook.text(1)
    assert "springald/sql" not in notebook.text(1)
    until(lambda: machines.get(f"jobs/{running[0]['id']}")["state"] == "cancelled", 20)
    assert notebook.output(1).locator(".springald-progress").count() == 0
    notebook.page.screenshot(path=screenshots / "interrupted.png")
    notebook.run(2)
    assert notebook.text(2) == "10"
