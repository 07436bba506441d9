"""What a run found, as it is kept in `run.json` and as reports are made from it."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Turn:
    """One engine doing one piece of work once. Bytes are by role, at the moment when their sum was highest."""

    seconds: float
    peak: dict[str, int] | None = None


@dataclass
class Outcome:
    """One engine's turns at one piece of work: the first, which finds nothing warm, and the others."""

    engine: str
    first: Turn | None = None
    turns: list[Turn] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    # Of the answer; None for work without one.
    rows: int | None = None
    error: str | None = None
    # Against the engine that others are compared with; None for itself and for work without an answer.
    same: bool | None = None
    how: str = ""
    differences: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """Of all turns but the first; the first alone if there is no other."""
        return [turn.seconds for turn in self.turns] or ([self.first.seconds] if self.first else [])

    @property
    def median(self) -> float | None:
        """Seconds; None after a failure."""
        return statistics.median(self.seconds) if self.seconds and self.error is None else None

    @property
    def peak(self) -> int | None:
        """Most bytes of all processes together."""
        turns = [turn for turn in (self.first, *self.turns) if turn and turn.peak]
        return max((sum(turn.peak.values()) for turn in turns if turn.peak), default=None)

    def peak_of(self, role: str) -> int | None:
        """Most bytes of the processes of a role."""
        turns = [turn for turn in (self.first, *self.turns) if turn and turn.peak]
        return max((turn.peak.get(role, 0) for turn in turns if turn.peak), default=None)


@dataclass
class Row:
    """A piece of work and what each engine did."""

    work: str
    suite: str
    title: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)


@dataclass
class Run:
    """All of it."""

    machine: dict[str, Any]
    size: str
    sizes: dict[str, Any]
    shape: dict[str, int]
    rounds: int
    engines: dict[str, dict[str, Any]]
    # The engine whose answers the others' are compared with.
    reference: str
    rows: list[Row] = field(default_factory=list)
    # By engine: seconds until the cluster was there, and from the start of a client to its first answer.
    starts: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    # By engine and moment (`before` and `after` all work): bytes by role, shared pages counted once.
    rest: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    # By number of workers, as text: the same works again.
    scaling: dict[str, list[Row]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def suite(self, suite: str) -> list[Row]:
        """The rows of a suite."""
        return [row for row in self.rows if row.suite == suite]

    def wrong(self) -> list[tuple[Row, Outcome]]:
        """What differed or failed."""
        rows = [*self.rows, *(row for rows in self.scaling.values() for row in rows)]
        return [(row, o) for row in rows for o in row.outcomes.values() if o.error or o.same is False]

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def load(path: Path) -> Run:
        """Reads what `save` wrote."""
        raw = json.loads(path.read_text())
        raw["rows"] = [_row(row) for row in raw["rows"]]
        raw["scaling"] = {workers: [_row(row) for row in rows] for workers, rows in raw["scaling"].items()}
        return Run(**raw)


def total(rows: list[Row], engine: str) -> Outcome | None:
    """Several rows as one: seconds added up round by round; None if one of them is missing or failed."""
    outcomes = [row.outcomes.get(engine) for row in rows]
    if not outcomes or any(o is None or o.error or o.first is None for o in outcomes):
        return None
    done = [o for o in outcomes if o is not None]
    rounds = min(len(o.turns) for o in done)
    made = Outcome(engine, Turn(sum(o.first.seconds for o in done if o.first)))
    made.turns = [Turn(sum(o.turns[i].seconds for o in done)) for i in range(rounds)]
    peaks = [turn for o in done for turn in (o.first, *o.turns) if turn and turn.peak]
    if peaks and made.first:
        made.first.peak = max((turn.peak for turn in peaks if turn.peak), key=lambda peak: sum(peak.values()))
    verdicts = [o.same for o in done]
    made.same = None if None in verdicts else all(verdicts)
    made.how = f"{sum(v is True for v in verdicts)} of {len(verdicts)} the same"
    return made


def ratios(ours: Outcome, theirs: Outcome) -> list[float]:
    """Their seconds by ours, round by round, as rounds of both lie side by side in time."""
    return [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=False)]


def _row(raw: dict[str, Any]) -> Row:
    outcomes = {name: _outcome(outcome) for name, outcome in raw["outcomes"].items()}
    return Row(raw["work"], raw["suite"], raw["title"], outcomes)


def _outcome(raw: dict[str, Any]) -> Outcome:
    first = Turn(**raw["first"]) if raw["first"] else None
    return Outcome(**{**raw, "first": first, "turns": [Turn(**turn) for turn in raw["turns"]]})
