"""A run: engines take turns at each piece of work, and every answer is compared."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from compare import answers, engines, machine, memory, receipts, workloads
from compare.data import Data
from compare.engines import Engine, Shape
from compare.processes import Failed, Refused
from compare.results import Outcome, Row, Run, Turn
from compare.sizes import Size
from compare.spoil import spoil
from compare.workloads import Work

REST_SECONDS = 5.0


@dataclass
class Plan:
    """What is to be run."""

    size: Size
    shape: Shape
    engines: list[str]
    suites: list[str]
    rounds: int
    out: Path
    # Seconds that one turn may take.
    limit: float = 600.0
    # Of an engine, by its name.
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    # The work of which one answer is falsified on purpose.
    spoil: str | None = None
    scaling: tuple[int, ...] = (1, 2, 4)


class Runner:
    """Runs a plan; `run` gives what was found."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.data = Data.of(plan.size)
        self.answers = plan.out / "answers"
        self.result = Run(
            machine=machine.describe(),
            size=plan.size.name,
            sizes=dataclasses.asdict(plan.size),
            shape=dataclasses.asdict(plan.shape),
            rounds=plan.rounds,
            engines={},
            reference="spark" if "spark" in plan.engines else plan.engines[0],
        )

    def run(self) -> Run:
        """All of it. Clusters are ended whatever happens."""
        begun = time.monotonic()
        self._clean()
        works = [
            work
            for suite in self.plan.suites
            if suite in workloads.SUITES
            for work in workloads.SUITES[suite](self.data)
        ]
        scaled = workloads.scaling(self.data) if "scaling" in self.plan.suites else []
        if self.plan.spoil and self.plan.spoil not in {work.name for work in works}:
            raise SystemExit(f"--spoil {self.plan.spoil}: no such work; there are {', '.join(w.name for w in works)}")
        # What the making of data took is no part of the run.
        made = time.monotonic()
        self.result.rows = self._all(works)
        if scaled:
            self._scale(scaled)
        self.result.seconds = time.monotonic() - made
        say(f"data {made - begun:.0f} s, the rest {self.result.seconds:.0f} s")
        return self.result

    def _all(self, works: list[Work]) -> list[Row]:
        there = [self._engine(name, self.plan.shape) for name in self.plan.engines]
        sampler = memory.Sampler({engine.name: engine.roles for engine in there})
        try:
            self._start(there)
            self._rest(there, "before")
            sampler.start()
            rows = [self._turns(work, there, self.plan.rounds, sampler, number) for number, work in enumerate(works)]
            self._rest(there, "after")
            return [row for row in rows if row.outcomes]
        finally:
            if sampler.is_alive():
                sampler.stop()
            for engine in there:
                engine.end()

    def _start(self, there: list[Engine]) -> None:
        """Starts clusters and then sessions, several times each if that is measured: the last session stays.

        Takes out of `there` who does not start, unless it has a cluster.
        """
        times = 1 + self.plan.rounds if "session" in self.plan.suites else 1
        for engine in there:
            self.result.starts[engine.name] = {"cluster": [engine.begin()], "session": []}
        for number in range(times):
            for engine in list(_in_turn(there, number)):
                # One session at a time: each of Spark's takes all cores of its cluster.
                engine.close()
                try:
                    self.result.starts[engine.name]["session"].append(engine.open())
                except Failed as e:
                    if engine.is_cluster:
                        raise
                    # Others are extra: the report says that they are missing.
                    self.result.left_out[engine.label] = str(e)
                    del self.result.starts[engine.name]
                    there.remove(engine)
                    engine.end()
        for engine in there:
            self.result.engines[engine.name] = {"label": engine.label, **engine.described()}
            seconds = self.result.starts[engine.name]["session"]
            say(f"{engine.label} {engine.version}: session in {' '.join(f'{s:.2f}' for s in seconds)} s")

    def _rest(self, there: list[Engine], moment: str) -> None:
        if "memory" not in self.plan.suites:
            return
        time.sleep(REST_SECONDS)
        for engine in there:
            self.result.rest.setdefault(engine.name, {})[moment] = memory.proportional(engine.roles())

    def _turns(
        self,
        work: Work,
        there: Sequence[Engine],
        rounds: int,
        sampler: memory.Sampler | None,
        number: int = 0,
        keep: bool = True,
    ) -> Row:
        """Every engine that can does the work, `1 + rounds` times, in alternating order; `keep` writes receipts."""
        row = Row(work.name, work.suite, work.title)
        able = [engine for engine in there if work.kind in engine.can]
        row.outcomes = {engine.name: Outcome(engine.name) for engine in able}
        found: dict[str, pa.Table] = {}
        for round_ in range(1 + rounds):
            for engine in _in_turn(able, number + round_):
                outcome = row.outcomes[engine.name]
                if outcome.error is None:
                    self._turn(work, engine, outcome, found, sampler, first=round_ == 0)
        self._judge(work, row, found)
        say(_line(row))
        if keep:
            for engine in able:
                self._receipt(work, engine, row.outcomes[engine.name], found.get(engine.name))
        return row

    def _turn(
        self,
        work: Work,
        engine: Engine,
        outcome: Outcome,
        found: dict[str, pa.Table],
        sampler: memory.Sampler | None,
        first: bool,
    ) -> None:
        path = self.answers / f"{work.name}.{engine.name}.arrow"
        given = dict(work.given)
        if work.writes:
            given["out"] = str(self.answers / f"{work.name}.{engine.name}.out")
            shutil.rmtree(given["out"], ignore_errors=True)
        begun = time.monotonic()
        try:
            reply = engine.ask({"do": "run", "work": work.kind, "given": given, "answer": str(path)}, self.plan.limit)
        except Failed as e:
            outcome.error = str(e)
            if not isinstance(e, Refused):
                # It hangs or is gone. The next work finds a new cluster.
                engine.keep_logs(self.plan.out / "logs" / f"{work.name}.{engine.name}")
                engine.end()
            return
        peak = sampler.peak(engine.name, begun, time.monotonic()) if sampler else None
        turn = Turn(float(reply["seconds"]), peak)
        outcome.notes = reply["notes"]
        if first:
            outcome.first = turn
        else:
            outcome.turns.append(turn)
        if reply["has_answer"]:
            self._keep(work, engine, outcome, found, answers.read(path))
        if work.writes:
            shutil.rmtree(given["out"], ignore_errors=True)

    def _keep(self, work: Work, engine: Engine, outcome: Outcome, found: dict[str, pa.Table], answer: pa.Table) -> None:
        """Keeps the answer of the first turn, which those of the others must equal."""
        # Springald is the first, unless it was left out.
        if self.plan.spoil == work.name and engine.name == self.plan.engines[0]:
            answer = spoil(answer)
        outcome.rows = answer.num_rows
        before = found.setdefault(engine.name, answer)
        if before is answer:
            return
        verdict = work.judge(answer, before, work.tolerance)
        if not verdict.same:
            outcome.error = f"another answer than in its first turn: {'; '.join(verdict.differences)}"

    def _judge(self, work: Work, row: Row, found: dict[str, pa.Table]) -> None:
        reference = found.get(self.result.reference)
        if reference is None:
            # Whoever answers first is compared with, so that no answer goes without a look.
            reference = next(iter(found.values()), None)
        for name, answer in found.items():
            if answer is reference or reference is None:
                continue
            verdict = work.judge(answer, reference, work.tolerance)
            outcome = row.outcomes[name]
            outcome.same, outcome.how, outcome.differences = verdict.same, verdict.how, list(verdict.differences)

    def _receipt(self, work: Work, engine: Engine, outcome: Outcome, answer: pa.Table | None) -> None:
        plan = None
        if work.kind == "sql" and outcome.error is None:
            try:
                asked = {"do": "plan", "tables": work.given["tables"], "sql": work.given["sql"]}
                plan = receipts.normalised(engine.ask(asked, self.plan.limit)["plan"], self.data.root)
            except Failed as e:
                say(f"  no plan of {work.name}: {e}")
        digest = None if answer is None else answers.digest(answer)
        run = {"machine": self.result.machine, "size": self.plan.size.name}
        made = receipts.receipt(work, outcome, digest, engine.described(), self.data.root, plan, run)
        receipts.save(made, self.plan.out / "receipts")

    def _scale(self, works: list[Work]) -> None:
        """The same works with other numbers of workers, each in clusters of their own."""
        for workers in self.plan.scaling:
            shape = dataclasses.replace(self.plan.shape, workers=workers)
            there = [engine for name in self.plan.engines if (engine := self._engine(name, shape)).is_cluster]
            say(f"{workers} workers")
            try:
                for engine in there:
                    engine.begin()
                    engine.open()
                rows = [
                    self._turns(w, there, max(1, self.plan.rounds - 1), None, i, keep=False)
                    for i, w in enumerate(works)
                ]
                self.result.scaling[str(workers)] = rows
            finally:
                for engine in there:
                    engine.end()

    def _engine(self, name: str, shape: Shape) -> Engine:
        return engines.make(name, shape, self.plan.settings.get(name, {}))

    def _clean(self) -> None:
        for folder in (self.answers, self.plan.out / "receipts", self.plan.out / "logs"):
            shutil.rmtree(folder, ignore_errors=True)
        self.answers.mkdir(parents=True)


def say(line: str) -> None:
    """A line on standard error."""
    print(line, file=sys.stderr, flush=True)


def _in_turn(there: Sequence[Engine], number: int) -> Sequence[Engine]:
    """The engines, each time beginning with the next one."""
    start = number % len(there) if there else 0
    return [*there[start:], *there[:start]]


def _line(row: Row) -> str:
    parts: list[Any] = []
    for outcome in row.outcomes.values():
        verdict = {True: "", False: " DIFFERENT", None: ""}[outcome.same]
        seconds = "failed" if outcome.median is None else f"{outcome.median:.3f} s"
        parts.append(f"{outcome.engine} {seconds}{verdict}")
        if outcome.error:
            parts.append(f"\n    {outcome.error}\n   ")
        parts += [f"\n    {line}" for line in outcome.differences]
    return f"{row.title}: {', '.join(parts)}"
