"""Reports, receipts and fingerprints, from runs that are made up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from compare import docs, plots, receipts, report
from compare.answers import digest
from compare.fingerprint import EDGE, fingerprint
from compare.results import Outcome, Row, Run, Turn, ratios, total
from compare.workloads import Work


def outcome(engine: str, first: float, *others: float, same: bool | None = None, error: str | None = None) -> Outcome:
    peak = {"master": 50 << 20, "workers": 300 << 20, "client": 100 << 20}
    made = Outcome(engine, Turn(first, peak), [Turn(seconds, peak) for seconds in others], same=same, error=error)
    made.rows, made.how = 4, "every value" if same else ""
    return made


def row(work: str, suite: str, *outcomes: Outcome) -> Row:
    return Row(work, suite, work, {one.engine: one for one in outcomes})


@pytest.fixture
def run() -> Run:
    """Two queries and a word count on two engines, and one engine in one process that is faster in a query."""
    engines = {
        name: {"name": name, "label": label, "version": "1.0", "settings": {"a": "b"} if name == "spark" else {}}
        for name, label in (("springald", "Springald"), ("spark", "Spark"), ("duckdb", "DuckDB"))
    }
    machine = {
        "date": "2026-01-01", "commit": "abc", "processor": "P", "cores": 2, "memory_gib": 24.0, "system": "Linux",
        "java": "17", "python": "3.11", "load_before": 0.1,
    }  # fmt: skip
    sizes = {
        "strings": "utf8",
        "compression": "snappy",
        "tpch": "1",
        "tpcds": "1",
        "text": "1GB",
        "rows": 1000,
        "log_rows": 1000,
    }
    made = Run(machine, "small", sizes, {"workers": 2, "cores": 1, "memory": 3}, 2, engines, "spark")
    made.rows = [
        row(
            "tpch.q1", "tpch", outcome("springald", 1.0, 0.5, 0.6, same=True), outcome("spark", 9.0, 5.0, 5.5),
            outcome("duckdb", 0.2, 0.1, 0.1, same=True),
        ),
        row(
            "tpch.q2", "tpch", outcome("springald", 1.0, 1.0, 1.0, same=True), outcome("spark", 9.0, 3.0, 3.0),
            outcome("duckdb", 2.0, 2.0, 2.0, same=True),
        ),
        row("wordcount", "wordcount", outcome("springald", 0.3, 0.2, 0.2, same=True), outcome("spark", 4.0, 2.0, 2.2)),
    ]  # fmt: skip
    made.starts = {name: {"cluster": [1.0], "session": [2.0, 1.0, 1.1]} for name in engines}
    rest = {"master": 20 << 20, "workers": 60 << 20, "client": 80 << 20}
    made.rest = {name: {"before": rest, "after": rest} for name in ("springald", "spark")}
    made.scaling = {
        workers: [row("tpch.q1", "tpch", outcome("springald", t, t, same=True), outcome("spark", 5 * t, 5 * t))]
        for workers, t in (("1", 4.0), ("2", 2.0), ("4", 2.1))
    }
    return made


def test_the_report_names_ratios_losses_and_answers(run: Run) -> None:
    text = report.markdown(run)
    assert "| TPC-H, 2 queries | 1.55 s | 8.25 s | 5.3 (5.3 to 5.3) |" in text
    assert "2 of 2 the same" in text
    assert "DuckDB is faster in 1: tpch.q1 550 ms" not in text, "times from 0.1 s on are in seconds"
    assert "DuckDB is faster in 1: tpch.q1 0.550 s against 0.100 s." in text
    assert "Spark is faster in nothing" in text
    assert "All were the same." in text
    assert "Linux" in text
    assert "This machine has 2 cores for the 4 of the largest." in text
    assert "{{" not in text


def test_what_differs_or_fails_stands_in_the_report(run: Run) -> None:
    run.rows[0].outcomes["springald"].same = False
    run.rows[0].outcomes["springald"].differences = ["n is 1 for 2 where k = 'a'"]
    run.rows[2].outcomes["spark"].error = "spark gave no answer in 600 s"
    text = report.markdown(run)
    assert "**Springald DIFFERENT**" in text
    assert "n is 1 for 2 where k = 'a'" in text
    assert "spark gave no answer in 600 s" in text
    assert "All were the same." not in text
    assert [o.engine for _, o in run.wrong()] == ["springald", "spark"]


def test_nothing_is_rounded_in_our_favour() -> None:
    assert report.seconds(1.2341, True) == "1.24 s"
    assert report.seconds(1.2349, False) == "1.23 s"
    assert report.seconds(0.00612, True) == "6.12 ms"
    assert [report.times(x) for x in (28.97, 9.99, 1.0, 0.876)] == ["28", "9.9", "1.0", "0.87"]
    assert report.mebibytes((1 << 20) + 1, True) == "2"
    assert report.mebibytes((2 << 20) - 1, False) == "1"


def test_totals_add_round_by_round_and_want_all_queries(run: Run) -> None:
    whole = total(run.suite("tpch"), "springald")
    assert whole is not None
    assert whole.seconds == [1.5, 1.6]
    assert whole.how == "2 of 2 the same"
    run.rows[1].outcomes["springald"].error = "no"
    assert total(run.suite("tpch"), "springald") is None
    assert total(run.suite("tpch"), "polars") is None


def test_ratios_are_of_turns_side_by_side() -> None:
    assert ratios(outcome("springald", 9, 1.0, 2.0), outcome("spark", 9, 4.0, 4.0)) == [4.0, 2.0]


def test_a_run_survives_its_file(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run.json")
    assert Run.load(tmp_path / "run.json") == run


def test_plots_are_made(run: Run, tmp_path: Path) -> None:
    made = plots.write(run, tmp_path)
    assert [path.name for path in made] == ["ratio.png", "memory.png", "scaling.png"]
    assert all(path.stat().st_size > 10_000 for path in made)


def test_the_page_keeps_what_stands_around_the_report(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Measured\nbefore\n{docs.BEGIN}\nold\n{docs.END}\nafter\n")
    docs.publish(run, page)
    text = page.read_text()
    assert text.startswith("# Measured\nbefore\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "## Springald beside" in text
    assert "\n### All work\n" in text
    assert "(images/bench-ratio.png)" in text
    assert (tmp_path / "images" / "bench-ratio.png").exists()
    page.write_text("# Measured\n")
    with pytest.raises(SystemExit, match="lacks the lines"):
        docs.publish(run, page)


def test_a_receipt_holds_what_a_repetition_needs(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "data" / "t"
    table.mkdir(parents=True)
    (table / "part-0.parquet").write_bytes(b"abc")
    repeat = {"kind": "sql", "tables": {"t": {"format": "parquet", "path": "t"}}, "sql": "SELECT 1"}
    work = Work("tpch.q1", "tpch", "TPC-H q1", "sql", {}, (table,), repeat=repeat)
    made = receipts.receipt(
        work, run.rows[0].outcomes["springald"], digest(pa.table({"n": [1], "x": [0.5]})), {"name": "springald"},
        tmp_path / "data", "plan", {"machine": run.machine},
    )  # fmt: skip
    path = receipts.save(made, tmp_path / "receipts")
    read = json.loads(path.read_text())
    assert path.name == "tpch.q1.springald.json"
    assert read["receipt"] == 1
    assert read["repeat"] == repeat
    assert read["inputs"][0]["path"] == "t"
    assert read["inputs"][0]["files"] == fingerprint(table)
    assert read["answer"]["form"] == 1
    assert read["answer"]["floats"][0] is None
    assert read["timings"]["others"][0]["seconds"] == 0.5


def test_fingerprints_are_of_content_or_of_edges(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"abc")
    large = bytes(range(256)) * 8192
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "large").write_bytes(large)
    (tmp_path / "_truth.json").write_text("{}")
    (tmp_path / ".crc").write_text("")
    deep, small = fingerprint(tmp_path)
    assert small == {"name": "small", "bytes": 3, "of": "content", "sha256": hashlib.sha256(b"abc").hexdigest()}
    assert (deep["name"], deep["of"]) == ("deep/large", "edges")
    assert deep["sha256"] == hashlib.sha256(large[:EDGE] + large[-EDGE:]).hexdigest()
    assert fingerprint(tmp_path / "small")[0]["name"] == "small"
    with pytest.raises(FileNotFoundError, match="made anew"):
        fingerprint(tmp_path / "nothing")


def test_plans_are_the_same_from_run_to_run() -> None:
    root = Path("/a/data")
    one = "Scan [n#12L] file:/a/data/t/part.parquet plan_id=7 at 127.0.0.1:41234  \n"
    two = "Scan [n#99L] file:/a/data/t/part.parquet plan_id=8 at 127.0.0.1:5  "
    assert receipts.normalised(one, root) == receipts.normalised(two, root)
    assert "{data}/t/part.parquet" in receipts.normalised(one, root)
