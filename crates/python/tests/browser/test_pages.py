"""The pages of the master in a browser: both themes, a phone, a join that is watched, and the end of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lab import Cluster, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAME = "<script>document.title='owned'</script> join"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Visitor:
    """A page in the browser, which notes what goes wrong and what is asked of other servers."""

    def __init__(self, page: Page, cluster: Cluster) -> None:
        self.page = page
        self.cluster = cluster
        self.elsewhere: list[str] = []
        self.wrong: list[str] = []
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda line: self.wrong.append(line.text) if line.type == "error" else None)

    def _asked(self, url: str) -> None:
        if not url.startswith(self.cluster.rest + "/"):
            self.elsewhere.append(url)

    def open(self, path: str) -> None:
        # Pages are never silent: their events go on for ever.
        self.page.goto(self.cluster.rest + path, wait_until="domcontentloaded")
        self.page.locator("h1").wait_for()

    def fits(self) -> None:
        """Only tables and drawings that say so are wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels too wide"

    def good(self) -> None:
        assert self.elsewhere == []
        assert self.wrong == []


@pytest.fixture
def visit(browser: Any, machines: Cluster) -> Iterator[Callable[..., Visitor]]:
    contexts = []

    def open_(dark: bool = False, size: dict[str, int] = DESK, script: bool = True) -> Visitor:
        context = browser.new_context(
            viewport=size, color_scheme="dark" if dark else "light", java_script_enabled=script
        )
        contexts.append(context)
        return Visitor(context.new_page(), machines)

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def data(machines: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of some rows for each of 400 keys."""
    folder = tmp_path_factory.mktemp("pages")
    file = folder / "rows.csv"
    file.write_text("k,v\n" + "".join(f"{n % 400},{n}\n" for n in range(200_000)))
    springald(machines, "-e", f"COPY (SELECT * FROM '{file}') TO '{folder}/rows/' STORED AS PARQUET")
    return folder / "rows"


def springald(cluster: Cluster, *arguments: str) -> None:
    subprocess.run([binary(), "sql", "--master", cluster.url, *arguments], check=True, capture_output=True, timeout=120)


def binary() -> str:
    found = os.environ.get("SPRINGALD_BIN") or shutil.which("springald")
    assert found
    return found


@pytest.fixture
def join(machines: Cluster, data: Path) -> Iterator[str]:
    """A join of minutes, running; gives its id."""
    before = {job["id"] for job in machines.jobs()}
    query = (
        f"SELECT a.k % 7 AS g, count(*) FROM '{data}/' a JOIN '{data}/' b ON a.k = b.k "
        f"JOIN '{data}/' c ON b.k = c.k WHERE a.v + b.v > c.v GROUP BY g"
    )
    client = subprocess.Popen(
        [binary(), "sql", "--master", machines.url, "--conf", f"springald.app_name={NAME}", "-e", query],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )

    def running() -> str | None:
        jobs = [job for job in machines.jobs() if job["id"] not in before]
        return next((job["id"] for job in jobs if job["tasks_running"]), None)

    try:
        yield until(running, 60)
    finally:
        client.kill()
        client.wait()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page(
    dark: bool, size: dict[str, int], visit: Any, join: str, machines: Cluster, screenshots: Path
) -> None:
    visitor = visit(dark, size)
    worker = machines.get("workers")[0]["id"]
    # Some lines and samples make pictures worth looking at.
    visitor.page.wait_for_timeout(5000)
    for name, path in {
        "overview": "/",
        "jobs": "/jobs",
        "job": f"/jobs/{join}",
        "worker": f"/workers/{worker}",
        "sessions": "/sessions",
        "configuration": "/configuration",
        "sql": "/sql",
    }.items():
        visitor.open(path)
        visitor.page.wait_for_timeout(1500)
        visitor.fits()
        shade = "dark" if dark else "light"
        width = "phone" if size is PHONE else "desk"
        visitor.page.screenshot(path=screenshots / f"page-{name}-{shade}-{width}.png", full_page=True)
        background = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(part) for part in re.findall(r"\d+", background)[:3]) / 3
        assert light < 60 if dark else light > 200
        assert "owned" not in visitor.page.title() or "<script>" in visitor.page.title()
    visitor.good()


def test_a_join_is_watched_and_killed(visit: Any, join: str, machines: Cluster, screenshots: Path) -> None:
    overview, job = visit(), visit()
    overview.open("/")
    job.open(f"/jobs/{join}")
    for visitor in (overview, job):
        visitor.page.evaluate("window.loadedOnce = true")
    row = overview.page.locator("#part-active tr", has_text=join)
    row.wait_for()
    assert NAME in row.inner_text()
    assert overview.page.locator("#part-active script").count() == 0
    # Times go on without a load of the page.
    before = row.inner_text()
    until(lambda: row.inner_text() != before, 10)
    job.page.locator(".graph .stage").first.wait_for(timeout=10_000)

    # What was opened stays open while parts are renewed around it.
    job.page.locator("details.stage").first.locator("summary").first.click()
    facts = job.page.locator("#part-facts")
    text = facts.inner_text()
    until(lambda: facts.inner_text() != text, 10)
    assert job.page.locator("details.stage").first.evaluate("e => e.open")
    job.page.screenshot(path=screenshots / "page-job-watched.png", full_page=True)

    job.page.locator("#kill summary").click()
    job.page.get_by_role("button", name="Kill this job").click()
    until(lambda: machines.get(f"jobs/{join}")["state"] == "cancelled", 2)
    job.page.locator("h1 .state.cancelled").wait_for(timeout=5000)
    assert job.page.locator("#kill").count() == 0
    until(lambda: all(worker["tasks"] == 0 for worker in machines.get("workers")), 2)
    overview.page.locator("#part-ended tr", has_text=join).wait_for(timeout=5000)
    assert overview.page.evaluate("window.loadedOnce") is True
    overview.page.screenshot(path=screenshots / "page-overview-killed.png", full_page=True)
    overview.good()
    job.good()


def test_pages_are_paused(visit: Any, join: str) -> None:
    visitor = visit()
    visitor.open(f"/jobs/{join}")
    live = visitor.page.locator("#live")
    live.click()
    assert live.inner_text() == "Paused"
    facts = visitor.page.locator("#part-facts")
    text = facts.inner_text()
    visitor.page.wait_for_timeout(3000)
    assert facts.inner_text() == text
    live.click()
    until(lambda: facts.inner_text() != text, 10)
    visitor.good()


def test_the_keyboard_is_enough(visit: Any, join: str) -> None:
    visitor = visit()
    visitor.open("/")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("location.hash") == "#content"
    # Where the keyboard is, it stays while the parts around it are renewed.
    link = visitor.page.locator(f"#part-active a[href='/jobs/{join}']")
    link.focus()
    visitor.page.wait_for_timeout(3000)
    assert visitor.page.evaluate("document.activeElement.getAttribute('href')") == f"/jobs/{join}"
    visitor.page.keyboard.press("Enter")
    visitor.page.locator("h1", has_text="join").wait_for()
    visitor.good()


def test_without_script(visit: Any, join: str, machines: Cluster) -> None:
    visitor = visit(script=False)
    visitor.open("/")
    visitor.page.locator(f"#part-active a[href='/jobs/{join}']").click()
    visitor.page.locator("#kill summary").click()
    visitor.page.get_by_role("button", name="Kill this job").click()
    until(lambda: machines.get(f"jobs/{join}")["state"] == "cancelled", 2)
    visitor.open("/jobs?state=cancelled")
    assert visitor.page.locator("#part-list tr", has_text=join).count() == 1
    visitor.page.get_by_label("Name, session or id").fill("no such job")
    visitor.page.get_by_role("button", name="Show").click()
    visitor.page.get_by_text("No job is like that.").wait_for()
    visitor.good()


def test_sql_is_run(visit: Any, data: Path, screenshots: Path) -> None:
    visitor = visit()
    visitor.open("/sql")
    editor = visitor.page.get_by_label("Statements, with a semicolon between two")
    editor.fill(f"SELECT k, count(*) AS n, '<b>' AS text FROM '{data}/' GROUP BY k ORDER BY k LIMIT 5;\nSELECT nothing")
    editor.press("Control+Enter")
    table = visitor.page.locator("table.result")
    table.wait_for(timeout=60_000)
    assert table.locator("tbody tr").all_inner_texts()[0].split() == ["0", "500", "<b>"]
    assert table.locator("b").count() == 0
    assert "nothing" in visitor.page.locator("pre.problem").inner_text()
    assert editor.input_value().startswith("SELECT k")
    visitor.page.screenshot(path=screenshots / "page-sql-rows.png", full_page=True)
    visitor.good()
