"""The order of turns, the comparison within a run, and the sampling of memory, without an engine."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from compare import answers, memory
from compare.engines import Engine, Shape
from compare.processes import Failed, Refused
from compare.run import Plan, Runner
from compare.sizes import SIZES
from compare.workloads import Work

SHAPE = Shape(2, 1, 3)


class Fake(Engine):
    """An engine that answers from a list, and notes who was asked when."""

    asked: ClassVar[list[str]] = []

    def __init__(self, name: str, rows: list[pa.Table | Exception]) -> None:
        super().__init__(name, SHAPE, {})
        self.rows, self.can, self.ended = rows, ("work",), 0

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """The next of the answers, the last one again and again."""
        Fake.asked.append(self.name)
        rows = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        if isinstance(rows, Exception):
            raise rows
        answers.write(rows, Path(request["answer"]))
        return {"seconds": 1.0, "notes": {}, "has_answer": True}

    def end(self) -> None:
        """Counts."""
        self.ended += 1


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    Fake.asked = []
    made = Runner(Plan(SIZES["small"], SHAPE, ["springald", "spark"], [], 2, tmp_path))
    made._clean()
    return made


@pytest.fixture
def work(runner: Runner) -> Work:
    return Work("work", "suite", "a work", "work", {}, ())


ROWS = pa.table({"k": ["a", "b"], "n": [1, 2]})


def test_nobody_always_goes_first(runner: Runner, work: Work) -> None:
    there = [Fake("springald", [ROWS]), Fake("spark", [ROWS])]
    row = runner._turns(work, there, 2, None)
    assert Fake.asked == ["springald", "spark", "spark", "springald", "springald", "spark"]
    assert [len(o.turns) for o in row.outcomes.values()] == [2, 2]
    assert row.outcomes["springald"].same is True
    assert row.outcomes["spark"].same is None
    Fake.asked = []
    runner._turns(work, there, 0, None, number=1)
    assert Fake.asked == ["spark", "springald"]


def test_a_falsified_answer_ends_up_as_different(runner: Runner, work: Work) -> None:
    runner.plan.spoil = "work"
    row = runner._turns(work, [Fake("springald", [ROWS]), Fake("spark", [ROWS])], 1, None)
    assert row.outcomes["springald"].same is False
    assert "n = 3" in row.outcomes["springald"].differences[0]
    runner.result.rows = [row]
    assert runner.result.wrong()


def test_an_answer_that_changes_between_turns_is_an_error(runner: Runner, work: Work) -> None:
    other = pa.table({"k": ["a", "b"], "n": [1, 9]})
    row = runner._turns(work, [Fake("springald", [ROWS, other]), Fake("spark", [ROWS])], 2, None)
    assert "another answer than in its first turn" in (row.outcomes["springald"].error or "")


def test_who_refuses_goes_on_and_who_hangs_is_ended(runner: Runner, work: Work) -> None:
    refusing, hanging = Fake("springald", [Refused("no")]), Fake("spark", [Failed("no answer in 1 s")])
    row = runner._turns(work, [refusing, hanging], 2, None)
    assert Fake.asked == ["springald", "spark"], "who failed is not asked again"
    assert (refusing.ended, hanging.ended) == (0, 1)
    assert row.outcomes["spark"].error == "no answer in 1 s"
    assert row.outcomes["spark"].median is None


def test_whoever_answers_is_compared_with_if_the_reference_failed(runner: Runner, work: Work) -> None:
    wrong = pa.table({"k": ["a", "b"], "n": [1, 3]})
    there = [Fake("springald", [ROWS]), Fake("spark", [Refused("no")]), Fake("duckdb", [wrong])]
    row = runner._turns(work, there, 0, None)
    assert row.outcomes["duckdb"].same is False


def test_memory_is_sampled_with_all_descendants() -> None:
    sampler = memory.Sampler({"me": lambda: {"client": [os.getpid()]}})
    begun = time.monotonic()
    sampler.start()
    time.sleep(0.5)
    sampler.stop()
    peak = sampler.peak("me", begun, time.monotonic())
    assert peak is not None
    assert peak["client"] > 10 << 20
    assert sampler.peak("me", begun - 2, begun - 1) is None
    assert 0 < memory.proportional({"client": [os.getpid()]})["client"] <= peak["client"] * 1.5
