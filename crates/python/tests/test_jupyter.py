"""Tables, progress, magics and plots, without a browser."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from springald.errors import AnalysisException, PySparkTypeError, PySparkValueError, SpringaldException
from springald.jupyter import html, interpolation, progress, tracebacks

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")


# Tables


class Parsed(HTMLParser):
    """Cells as (tag, attributes, text), and whether every tag was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.cells: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)
        if tag in ("th", "td", "caption"):
            self.cells.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] != "style" and self.cells:
            tag, attributes, text = self.cells[-1]
            self.cells[-1] = (tag, attributes, text + data)

    def texts(self, tag: str) -> list[str]:
        return [text for cell, _, text in self.cells if cell == tag]


def one(value: Any, type_: pa.DataType | None = None, **keywords: Any) -> tuple[dict[str, str | None], str]:
    """The cell of a value."""
    page = html.table(["v"], ["type"], pa.table({"v": pa.array([value], type_)}), False, **keywords)
    return next((attributes, text) for tag, attributes, text in Parsed(page).cells if tag == "td")


def test_everything_is_escaped() -> None:
    evil = '<script>alert("1")</script>&\'"'
    struct = pa.array([{evil: [evil]}])
    page = html.table([evil, "s"], [evil, evil], pa.table([pa.array([evil * 20]), struct], ["a", "b"]), False)
    assert "<script" not in page
    parsed = Parsed(page)
    assert set(parsed.tags) == {"style", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "small"}
    assert parsed.texts("th")[0] == evil + evil[:23] + "…"


def test_table_has_a_caption_and_scopes() -> None:
    parsed = Parsed(html.table(["a", "a"], ["int", "string"], pa.table([[1], ["x"]], ["x", "y"]), False))
    assert parsed.texts("caption") == ["1 row, 2 columns"]
    assert [(a["scope"], text) for tag, a, text in parsed.cells if tag == "th"] == [("col", "aint"), ("col", "astring")]
    assert parsed.texts("td") == ["1", "x"]


@pytest.mark.parametrize(
    ("rows", "more", "said", "shown"),
    [
        (0, False, "no rows, 1 column", 0),
        (3, False, "3 rows, 1 column", 3),
        (20, False, "20 rows, 1 column", 20),
        (20, True, "showing first 20 rows, 1 column", 20),
        (21, False, "showing first 20 rows, 1 column", 20),
    ],
)
def test_what_is_shown_is_said(rows: int, more: bool, said: str, shown: int) -> None:
    parsed = Parsed(html.table(["n"], ["bigint"], pa.table({"n": list(range(rows))}), more))
    assert parsed.texts("caption") == [said]
    assert len(parsed.texts("td")) == shown


def test_batches_are_taken_too_and_wide_ones_are_cut() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1])] * 100, [f"c{i}" for i in range(100)])
    parsed = Parsed(html.table(batch.schema.names, ["int"] * 100, batch, False))
    assert parsed.texts("caption") == ["1 row, first 60 of 100 columns"]
    assert len(parsed.texts("td")) == 60


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (None, pa.int64(), "null"),
        (True, None, "true"),
        (12345678901234, None, "12345678901234"),
        (0.1, None, "0.1"),
        (0.1 + 0.2, None, "0.3"),
        (1e300, None, "1e+300"),
        (float("nan"), None, "NaN"),
        (float("-inf"), None, "-Infinity"),
        (Decimal("1E+3"), pa.decimal128(10, 2), "1000.00"),
        ("two\nlines", None, "two↵lines"),
        (b"\x00\xff", None, "[00 FF]"),
        (dt.date(2026, 3, 1), None, "2026-03-01"),
        (dt.datetime(2026, 3, 1, 12, 30), None, "2026-03-01 12:30:00"),
        (1_700_000_000_000_000_001, pa.timestamp("ns"), "2023-11-14 22:13:20.000000001"),
        (500_000_000_000_000_000, pa.timestamp("us"), "17814-05-16 00:53:20.000000"),
        ([1, None, 3], None, "[1, null, 3]"),
        (list(range(100)), None, "[0, 1, 2, 3, 4, 5, 6, 7, …] of 100"),
        ({"a": 1, "b": {"c": [True]}}, None, "{a: 1, b: {c: [true]}}"),
        ([("k", 1), ("l", None)], pa.map_(pa.string(), pa.int64()), "{k → 1, l → null}"),
        ([], pa.map_(pa.string(), pa.int64()), "[]"),
        ([1.0, 0.5], pa.list_(pa.float64(), 2), "[1.0, 0.5]"),
        ({"size": 4, "indices": [1, 3], "values": [1.0, 5.5]}, None, "(4, [1, 3], [1.0, 5.5])"),
    ],
)
def test_values_are_readable(value: Any, type_: pa.DataType | None, text: str) -> None:
    assert one(value, type_)[1] == text


def test_null_is_no_text() -> None:
    page = html.table(["v"], ["string"], pa.table({"v": ["null", None]}), False)
    assert page.count("<i>null</i>") == 1


def test_timestamps_have_the_sessions_time_zone() -> None:
    moment = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    assert one(moment, pa.timestamp("us", "UTC"))[1] == "2026-07-01 12:00:00"
    assert one(moment, pa.timestamp("us", "UTC"), time_zone="Europe/Berlin")[1] == "2026-07-01 14:00:00"


def test_numbers_stand_right() -> None:
    assert "n" in (one(1)[0]["class"] or "")
    assert "n" in (one(Decimal("1.5"))[0]["class"] or "")
    assert "class" not in one("text")[0]


def test_long_text_is_cut_and_whole_in_the_title() -> None:
    attributes, text = one("x" * 500)
    assert text == "x" * 59 + "…"
    assert attributes["title"] == "x" * 500
    attributes, text = one("y" * 10_000_000)
    assert len(attributes["title"] or "") == 1000
    attributes, text = one(b"z" * 10_000_000)
    assert len(text) <= 62
    assert one(1 / 3)[0]["title"] == repr(1 / 3)


# Progress


class Jobs:
    """A cluster that is told what to say."""

    def __init__(self) -> None:
        self.listener: Callable[[str, str], None] | None = None
        self.asked = 0
        self.info: dict[str, Any] = {
            "name": "app", "state": "running", "attempts": 1,
            "stages": 3, "stages_done": 1, "tasks": 10, "tasks_done": 4, "tasks_running": 2,
        }  # fmt: skip
        self.conf = SimpleNamespace(get=lambda key, default=None: default)

    def rest_url(self) -> str | None:
        return "http://master:8080"

    def listen(self, listener: Callable[[str, str], None] | None) -> None:
        self.listener = listener

    def job(self, id: str) -> str | None:
        self.asked += 1
        return json.dumps({"id": id, **self.info})

    def begin(self, id: str = "j1") -> None:
        assert self.listener is not None
        self.listener("accepted", id)

    def end(self, id: str = "j1") -> None:
        if self.listener is not None:
            self.listener("ended", id)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.05)
    monkeypatch.setattr(progress, "INTERVAL", 0.02)
    monkeypatch.delenv("SPRINGALD_PROGRESS", raising=False)


class Screen:
    """Standard error as a terminal, and what was written to it."""

    def __init__(self, columns: int = 0) -> None:
        self.master, slave = pty.openpty()
        if columns:
            import fcntl
            import struct
            import termios

            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self.text = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        try:
            while part := os.read(self.master, 4096):
                self.text += part.decode()
        except OSError:
            pass

    def line(self) -> str:
        """What a person sees in the end."""
        time.sleep(0.05)
        seen: list[str] = []
        at = 0
        for character in self.text:
            if character == "\r":
                at = 0
            else:
                seen[at : at + 1] = [character]
                at += 1
        return "".join(seen).rstrip()


def _as_stderr(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    # pytest itself sets sys.stderr between fixture and test.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=screen.file, modules=sys.modules))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, quick: None) -> Iterator[Screen]:
    screen = Screen(100)
    _as_stderr(monkeypatch, screen)
    yield screen
    screen.file.close()


def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true")


def test_a_terminal_has_one_line_that_goes_away(screen: Screen) -> None:
    jobs = Jobs()
    with progress.shown(jobs):
        jobs.begin()
        until(lambda: "tasks 4/10" in screen.text)
        assert screen.line().startswith("[========>           ] stages 1/3, tasks 4/10 (2 running), 0 s  app")
        jobs.info.update(tasks_done=9, attempts=2)
        until(lambda: "tasks 9/10" in screen.line())
        assert "attempt 2" in screen.line()
        jobs.end()
    assert screen.line() == ""
    assert "\n" not in screen.text
    assert jobs.listener is None


def test_a_waiting_job_says_for_what(screen: Screen) -> None:
    jobs = Jobs()
    jobs.info.update(state="waiting", message="no worker is registered")
    with progress.shown(jobs):
        jobs.begin()
        until(lambda: "waiting: no worker is registered" in screen.line())


def test_a_line_never_wraps(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    screen = Screen(30)
    _as_stderr(monkeypatch, screen)
    jobs = Jobs()
    with progress.shown(jobs):
        jobs.begin()
        until(lambda: "stages" in screen.text)
    assert all(len(line) < 30 for line in screen.text.split("\r"))
    screen.file.close()


def test_quick_jobs_show_nothing(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    monkeypatch.setattr(progress, "DELAY", 5.0)
    jobs = Jobs()
    with progress.shown(jobs):
        jobs.begin()
        time.sleep(0.05)
        jobs.end()
    assert screen.line() == screen.text == ""
    assert jobs.asked == 0


def test_off_without_a_terminal(capsys: pytest.CaptureFixture[str], quick: None) -> None:
    jobs = Jobs()
    with progress.shown(jobs):
        jobs.begin()
        time.sleep(0.15)
    assert capsys.readouterr().err == ""
    assert jobs.asked == 0


def test_off_when_told(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    jobs = Jobs()
    jobs.conf = SimpleNamespace(get=lambda key, default=None: "false")
    with progress.shown(jobs):
        jobs.begin()
        time.sleep(0.15)
    monkeypatch.setenv("SPRINGALD_PROGRESS", "0")
    with progress.shown(jobs):
        assert jobs.listener is None
    assert screen.text == ""


def test_off_in_local_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    monkeypatch.setattr(jobs, "rest_url", lambda: None)
    with progress.shown(jobs):
        assert jobs.listener is None


def test_nested_and_concurrent_calls_share_one_line(screen: Screen) -> None:
    jobs = Jobs()
    begun = threading.Barrier(4)

    def call(n: int) -> None:
        with progress.shown(jobs):
            begun.wait()
            with progress.shown(jobs):
                jobs.begin(f"j{n}")
                time.sleep(0.15)
                jobs.end(f"j{n}")

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: "(and 3 more)" in screen.text)
    assert sum(t.name == "springald-progress" for t in threading.enumerate()) == 1
    for thread in threads:
        thread.join()
    assert screen.line() == ""
    assert jobs.listener is None
    assert not progress._watches


def test_errors_and_interrupts_pass_and_erase(screen: Screen) -> None:
    jobs = Jobs()

    def interrupted() -> None:
        with progress.shown(jobs):
            jobs.begin()
            until(lambda: "stages" in screen.text)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen.line() == ""
    assert jobs.listener is None


def test_a_master_that_does_not_answer_harms_nobody(monkeypatch: pytest.MonkeyPatch, screen: Screen) -> None:
    jobs = Jobs()
    monkeypatch.setattr(jobs, "job", lambda id: 1 / 0)
    with progress.shown(jobs):
        jobs.begin()
        until(lambda: "stages 0/0" in screen.text)


def test_a_notebook_has_bars_that_go_away(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    from IPython.core import display_functions

    shown: list[tuple[str, dict[str, str]]] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            shown.append(("update", bundle))

    def display(bundle: dict[str, str], raw: bool, display_id: bool) -> Handle:
        shown.append(("new", bundle))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(display_functions, "display", display)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    jobs = Jobs()
    jobs.info["name"] = "<b>evil"
    with progress.shown(jobs):
        jobs.begin()
        until(lambda: len(shown) > 2)
    assert [how for how, _ in shown].count("new") == 1
    assert "<b>evil" not in shown[1][1]["text/html"]
    assert 'value="0.4"' in shown[1][1]["text/html"]
    assert shown[-1][1] == {"text/html": "", "text/plain": ""}
    Parsed(shown[1][1]["text/html"])


# Python values in SQL


def no_view(name: str, value: Any) -> str:
    raise AssertionError(f"a view of {value!r}")


def filled(sql: str, **variables: Any) -> str:
    return interpolation.interpolated(sql, variables, no_view)


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (7, "7"),
        (-7, "(-7)"),
        (2.5, "CAST('2.5' AS DOUBLE)"),
        (float("nan"), "CAST('nan' AS DOUBLE)"),
        (Decimal("12.30"), "CAST('12.30' AS DECIMAL(4, 2))"),
        (Decimal("0.001"), "CAST('0.001' AS DECIMAL(3, 3))"),
        ("it's; -- ", "'it''s; -- '"),
        ("back\\slash", "('back' || chr(92) || 'slash')"),
        (b"\x01\xff", "X'01ff'"),
        (dt.date(2026, 1, 31), "DATE '2026-01-31'"),
        (dt.datetime(2026, 1, 31, 1, 2, 3), "CAST('2026-01-31 01:02:03' AS TIMESTAMP(6))"),
        ((1, "a", None), "(1, 'a', NULL)"),
        ([], "(SELECT NULL WHERE FALSE)"),
        (np.int32(5), "5"),
        (np.array([1, 2]), "(1, 2)"),
        (pd.Series(["a", "b"]), "('a', 'b')"),
        (pd.NaT, "NULL"),
        (np.array(["2026-01-31T01:02:03"], dtype="datetime64[ns]"), "(CAST('2026-01-31 01:02:03' AS TIMESTAMP(6)))"),
        (pa.array([1, None]), "(1, NULL)"),
    ],
)
def test_values_become_literals(value: Any, sql: str) -> None:
    assert filled("SELECT {x}", x=value) == f"SELECT {sql}"


def test_quotes_comments_and_other_braces() -> None:
    assert filled("FROM '{d}/x' WHERE \"{c}\" = `{c}`", d="a'b", c='"c`') == 'FROM \'a\'\'b/x\' WHERE """c`" = `"c```'
    assert filled("/* {x} /* */ {x} */ -- {x}\n{x} $$ {x} $$", x=1) == "/* {x} /* */ {x} */ -- {x}\n1 $$ {x} $$"
    assert filled("word_count('x', {top: 20}) {{x}} '[0-9]{3}'") == "word_count('x', {top: 20}) {x} '[0-9]{3}'"
    assert filled("'it''s {x}' {x}", x="a") == "'it''s a' 'a'"


def test_no_value_leaves_its_quotes() -> None:
    evil = "'; DROP TABLE t; --"
    assert filled("SELECT '{x}', {x}", x=evil) == "SELECT '''; DROP TABLE t; --', '''; DROP TABLE t; --'"
    with pytest.raises(PySparkValueError, match="backslash"):
        filled("SELECT '{x}'", x="\\")
    with pytest.raises(PySparkTypeError, match=r"`x`.*list"):
        filled("SELECT '{x}'", x=["a'"])


def test_wrong_variables_are_named() -> None:
    with pytest.raises(AnalysisException, match=r"no variable `y`(.|\n)*\{\{y\}\}"):
        filled("SELECT {y}", x=1)
    with pytest.raises(PySparkTypeError, match="`x`: a function"):
        filled("SELECT {x}", x=filled)


def test_statements_are_split_where_they_end() -> None:
    assert interpolation.statements("A ';' -- ;\n; /* ; */ B; \n;; -- end") == ["A ';' -- ;", "/* ; */ B"]
    assert interpolation.statements(" \n") == []


# Magics


@pytest.fixture
def shell(spark: Any) -> Iterator[Any]:
    """IPython in this process, with the magics, and a session called `spark`."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.colors = "nocolor"
    shell.extension_manager.load_extension("springald.jupyter")
    shell.user_ns["spark"] = spark
    yield shell
    InteractiveShell.clear_instance()


def ran(shell: Any, cell: str) -> Any:
    result = shell.run_cell(cell)
    result.raise_error()
    return result.result


def test_sql_of_a_line_and_of_a_cell(shell: Any) -> None:
    assert ran(shell, "%sql SELECT 1 AS a, '--' AS b").collect() == [(1, "--")]
    assert ran(shell, "x = %sql SELECT 2 AS a\nx.collect()") == [(2,)]
    assert ran(shell, "%%sql\nSELECT 3 AS a -- of;\n;").collect() == [(3,)]
    assert ran(shell, "%%sql\nSELECT 1 AS a;\nSELECT 4 AS a;").collect() == [(4,)]


def test_output_goes_to_a_variable(shell: Any) -> None:
    assert ran(shell, "%%sql -o kept --quiet\nSELECT 5 AS a") is None
    assert ran(shell, "kept.collect()") == [(5,)]
    assert ran(shell, "%sql -okept -q SELECT -6 AS a") is None
    assert ran(shell, "kept.collect()") == [(-6,)]


def test_rows_are_as_many_as_told(shell: Any, spark: Any) -> None:
    from IPython.utils.capture import capture_output

    shell.user_ns["many"] = spark.range(100)
    with capture_output() as captured:
        assert ran(shell, "%%sql -n 50 -o all_rows\nSELECT * FROM {many}") is None
    page = captured.outputs[0].data["text/html"]
    assert page.count("<td") == 50
    assert "showing first 50 rows" in page
    assert ran(shell, "all_rows.count()") == 100


def test_variables_are_values(shell: Any, spark: Any) -> None:
    shell.user_ns.update(
        name="O'Neil \\'; DROP TABLE x; --", few=[1, 2], none=[], day=dt.date(2026, 1, 2), amount=Decimal("-1.50"),
        moment=dt.datetime(1600, 1, 1, 12),
        aware=dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        infinite=float("-inf"), bits=b"\x00\xff", yes=True, rows=spark.range(5), frame=pd.DataFrame({"v": [1.5, None]}),
    )  # fmt: skip
    row = ran(shell, "%sql SELECT {name}, {day}, {amount}, {moment}, {infinite}, {bits}, {yes}, -{amount}").first()
    assert list(row) == [
        "O'Neil \\'; DROP TABLE x; --", dt.date(2026, 1, 2), Decimal("-1.50"), dt.datetime(1600, 1, 1, 12),
        float("-inf"), b"\x00\xff", True, Decimal("1.50"),
    ]  # fmt: skip
    assert ran(shell, "%sql SELECT date_part('hour', {aware}) AS h").first().h == 10
    assert ran(shell, "%sql SELECT count(*) AS n FROM {rows} WHERE id IN {few}").first().n == 2
    assert ran(shell, "%sql SELECT count(*) AS n FROM {rows} WHERE id NOT IN {none}").first().n == 5
    assert ran(shell, "%sql SELECT a.id FROM {rows} a JOIN {rows} b ON a.id = b.id + 4").collect() == [(4,)]
    assert ran(shell, "%sql SELECT count(v) AS n FROM {frame}").first().n == 1
    assert not {"rows", "frame"} & {table.name for table in spark.catalog.listTables()}
    spark.range(7).createOrReplaceTempView("rows")
    both = ran(shell, "%sql SELECT (SELECT count(*) FROM {rows}) AS a, (SELECT count(*) FROM rows) AS b")
    assert both.first() == (5, 7)
    spark.catalog.dropTempView("rows")


def test_variables_of_a_function_are_found(shell: Any) -> None:
    cell = "def f(secret):\n    return get_ipython().run_line_magic('sql', 'SELECT {secret} AS a')\nf('here').collect()"
    assert ran(shell, cell) == [("here",)]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%sql", "there is no statement"),
        ("%sql -n many SELECT 1", "invalid int value"),
        ("%sql -n -1 SELECT 1", "-n takes a number from 0 up"),
        ("%sql -o a-b SELECT 1", "no name of a variable"),
    ],
)
def test_wrong_use_is_explained(cell: str, said: str, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run_cell(cell)
    assert said in str(result.error_in_exec)
    assert "Traceback" not in capsys.readouterr().err


def test_help_is_there(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ran(shell, "%sql --help")
    assert "-o NAME" in capsys.readouterr().out
    assert "-o NAME" in shell.object_inspect("%sql")["docstring"]


def test_tables_of_others_are_taken_and_the_session_in_use(shell: Any) -> None:
    del shell.user_ns["spark"]
    shell.user_ns.update(arrow=pa.table({"a": [1, 2]}), polars=pytest.importorskip("polars").DataFrame({"a": [2, 3]}))
    assert ran(shell, "%sql SELECT a.a FROM {arrow} a JOIN {polars} p ON a.a = p.a").collect() == [(2,)]


def test_errors_of_sql_are_short(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["rows"] = shell.user_ns["spark"].range(5)
    result = shell.run_cell("%%sql\nSELECT idd FROM {rows}")
    assert isinstance(result.error_in_exec, AnalysisException)
    out = "".join(capsys.readouterr())
    assert out.startswith("AnalysisException: ")
    assert "idd" in out
    assert "File" not in out
    assert len(out.strip().splitlines()) <= 3
    shell.run_cell("spark.range(5).select('idd')")
    out = "".join(capsys.readouterr())
    assert "spark.range(5).select('idd')" in out
    assert "engine_errors" not in out
    assert "/springald/" not in out


def test_an_interrupt_shows_the_users_lines_only(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["shown"] = progress.shown
    shell.run_cell("def work():\n    with shown(spark):\n        raise KeyboardInterrupt\nwork()")
    out = "".join(capsys.readouterr())
    assert "work()" in out
    assert out.rstrip().rstrip(":").endswith("KeyboardInterrupt")
    assert "progress.py" not in out
    assert "contextlib" not in out


def test_columns_are_completed(shell: Any, spark: Any) -> None:
    from IPython.core.completer import provisionalcompleter

    shell.user_ns["df"] = spark.range(1).withColumnRenamed("id", "unusual")
    with provisionalcompleter():
        for begun in ("df.unus", 'df["unus'):
            assert [found.text for found in shell.Completer.completions(begun, len(begun))] == ["unusual"]


# Plots


@pytest.fixture
def numbers(spark: Any) -> Any:
    """10,000 rows: a number, its square, a letter, a day, and a double with holes."""
    n = np.arange(10_000)
    return spark.createDataFrame(
        pd.DataFrame(
            {
                "n": n, "square": (n % 100) ** 2, "letter": np.array(list("abc"))[n % 3],
                "day": (pd.Timestamp("2026-01-01") + pd.to_timedelta(n % 365, unit="D")).date,
                "holes": np.where(n % 10 == 0, np.nan, n / 7),
            }
        )
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def notes(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_a_histogram_counts_all_rows_as_numpy_does(numbers: Any) -> None:
    n = np.arange(10_000)
    for bins, given in ((10, None), (7, (100, 5000)), ([0, 1, 10, 100, 9999], None)):
        ax = numbers.plot.hist(y="n", bins=bins, range=given)
        counts, edges = np.histogram(n, bins=bins, range=given)
        assert [bar.get_height() for bar in ax.patches] == counts.tolist()
        assert [bar.get_x() for bar in ax.patches] == pytest.approx(edges[:-1].tolist())
    assert (ax.get_xlabel(), ax.get_ylabel(), notes(ax)) == ("n", "rows", [])


def test_a_histogram_leaves_out_what_is_no_number(spark: Any) -> None:
    values = [0.0, 0.1, 0.2, 0.3, 1.0, None, float("nan"), float("inf")]
    df = spark.createDataFrame([(value,) for value in values], "v double")
    assert [bar.get_height() for bar in df.plot.hist(bins=10).patches] == [1, 1, 1, 1, 0, 0, 0, 0, 0, 1]
    empty = spark.createDataFrame([], "v double").plot.hist(bins=2)
    assert [bar.get_height() for bar in empty.patches] == [0, 0]
    same = spark.createDataFrame([(3,), (3,)], "v int").plot.hist(bins=2)
    assert sum(bar.get_height() for bar in same.patches) == 2


def test_several_columns_share_the_bins(numbers: Any) -> None:
    ax = numbers.plot.hist(y=["n", "square"], bins=5)
    assert len(ax.patches) == 10
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["n", "square"]


def test_few_points_are_drawn_all_and_many_are_sampled(numbers: Any) -> None:
    ax = numbers.limit(100).plot.scatter(x="n", y="square")
    assert len(ax.collections[0].get_offsets()) == 100
    assert notes(ax) == []
    ax = numbers.plot.scatter(x="n", y="square", title="Many")
    shown = len(ax.collections[0].get_offsets())
    assert 4_000 < shown <= 5_000
    assert notes(ax) == [f"a sample of {shown:,} of 10,000 rows"]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Many", "n", "square")


def test_a_column_colours_points(numbers: Any) -> None:
    ax = numbers.limit(30).plot.scatter(x="n", y="square", c="letter")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]
    ax = numbers.limit(30).plot.scatter(x="n", y="square", c="holes", colormap="viridis", s="n")
    assert [label.get_label() for label in ax.figure.axes] == ["", "<colorbar>"]
    numbers.limit(30).plot.scatter(x="n", y="square", c="red", s=3)


def test_a_line_is_in_order(numbers: Any, spark: Any) -> None:
    ax = spark.createDataFrame([(3, 1.0), (1, 2.0), (2, None)], "x int, y double").plot.line(x="x")
    xs, ys = ax.lines[0].get_data()
    assert list(xs) == [1, 2, 3]
    assert list(map(str, ys)) == ["2.0", "nan", "1.0"]
    ax = numbers.groupBy("day").count().plot(x="day", y="count", figsize=(4, 2), grid=True, rot=45)
    days = list(ax.lines[0].get_xdata())
    assert days == sorted(days)
    assert len(days) == 365
    assert ax.figure.get_size_inches().tolist() == [4, 2]
    ax = numbers.limit(9).plot.line()
    assert [line.get_label() for line in ax.lines] == ["n", "square", "holes"]


def test_bars_are_rows_and_at_most_fifty(numbers: Any, spark: Any) -> None:
    df = spark.createDataFrame([("a", 1, 2), ("b", 3, 4)], ["k", "u", "v"])
    ax = df.plot.bar(x="k")
    assert [bar.get_height() for bar in ax.patches] == [1, 3, 2, 4]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    ax = df.plot.barh(x="k", y=["u", "v"], stacked=True)
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 1), (0, 3), (1, 2), (3, 4)]
    ax = numbers.plot.bar(x="n", y="square")
    assert len(ax.patches) == 50
    assert notes(ax) == ["the first 50 rows"]


def test_areas_and_pies(spark: Any) -> None:
    df = spark.createDataFrame([(i, 10 * i, f"k{i}") for i in range(1, 21)], ["a", "b", "k"])
    assert len(df.plot.area(x="a", y=["b", "a"]).collections) == 2
    assert len(df.plot.area(x="a", y=["b", "a"], stacked=False, ax=None).collections) == 2
    ax = df.plot.pie(x="k", y="b")
    labels = [text.get_text() for text in ax.texts]
    assert labels[:3] == ["k20", "k19", "k18"]
    assert "other" in labels
    assert len(ax.patches) == 12
    assert "the 11 largest" in labels[-1]


def test_a_box_has_quartiles_and_whiskers(spark: Any) -> None:
    df = spark.createDataFrame([(float(v),) for v in [*range(101), 1000]] + [(None,), (float("nan"),)], "v double")
    ax = df.plot.box(y="v")
    box, low, high, median = (line.get_ydata().tolist() for line in [*ax.lines[:3], ax.lines[5]])
    assert [min(box), max(box)] == pytest.approx([25, 75], abs=1)
    assert [min(low), max(high)] == [0, 100]
    assert median[0] == pytest.approx(50, abs=1)
    assert ax.lines[-1].get_ydata().tolist() == [1000] or 1000 in ax.lines[6].get_ydata().tolist()


def test_names_may_be_anything(spark: Any) -> None:
    df = spark.createDataFrame([(1, 2.0), (2, 3.0)], ["a.b `c`", "Ä 1"])
    assert len(df.plot.scatter(x="a.b `c`", y="ä 1").collections[0].get_offsets()) == 2
    assert sum(bar.get_height() for bar in df.plot.hist(y="a.b `c`").patches) == 2
    assert [text.get_text() for text in df.plot.pie(x="Ä 1", y="a.b `c`").texts] == ["2.0", "3.0"]
    df.plot.box()


def test_axes_are_reused(numbers: Any) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    few = numbers.limit(5)
    assert few.plot.line(x="n", y="square", ax=ax, color="black", label="mine", logy=True, ylim=(1, 20)) is ax
    assert ax.lines[0].get_color() == "black"
    assert (ax.get_yscale(), ax.get_ylim()) == ("log", (1, 20))


def test_wrong_plots_are_explained(numbers: Any) -> None:
    with pytest.raises(AnalysisException, match="did you mean `square`"):
        numbers.plot.hist(y="sqare")
    with pytest.raises(PySparkTypeError, match="`letter` is not numeric"):
        numbers.plot.line(x="n", y="letter")
    with pytest.raises(PySparkTypeError, match="no numeric column"):
        numbers.select("letter").plot()
    with pytest.raises(PySparkValueError, match="no kind of plot called `violin`"):
        numbers.plot(kind="violin")
    with pytest.raises(PySparkValueError, match="bins is 0"):
        numbers.plot.hist(y="n", bins=0)


def test_without_matplotlib_plots_say_so(numbers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        numbers.plot.hist(y="n")


def test_plots_are_the_same_on_a_cluster(numbers: Any, cluster: Any) -> None:
    there = cluster.createDataFrame(numbers.toArrow())
    here, far = (df.plot.hist(y="holes", bins=12) for df in (numbers, there))
    assert [bar.get_height() for bar in here.patches] == [bar.get_height() for bar in far.patches]


# Errors


def test_errors_show_the_users_lines_only() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.colors = "nocolor"
    try:
        result = shell.run_cell(
            "import springald.errors\ndef mine():\n    springald.errors.engine_errors()\n"
            "    raise springald.errors.AnalysisException('no column `x`', 'did you mean `y`?')\nmine()"
        )
        text = "\n".join(tracebacks.rendered(result.error_in_exec))
    finally:
        InteractiveShell.clear_instance()
    assert "mine()" in text
    assert text.rstrip().endswith("AnalysisException: no column `x`\nhint: did you mean `y`?")
    assert "IPython" not in text
    assert isinstance(result.error_in_exec, SpringaldException)
