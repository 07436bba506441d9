"""Receipts: what was asked, of which files, by which engine with which settings, and the checksum of the answer.

`springald verify` (`crates/cli/src/verify`) reads them; README.md beside this file defines the form.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compare.answers import Digest
from compare.fingerprint import fingerprint
from compare.results import Outcome
from compare.workloads import Work

FORM = 1


def receipt(
    work: Work,
    outcome: Outcome,
    answer: Digest | None,
    engine: dict[str, Any],
    root: Path,
    plan: str | None,
    run: dict[str, Any],
) -> dict[str, Any]:
    """The receipt of an engine's turns at a piece of work. `root` is the folder of all data."""
    return {
        "receipt": FORM,
        "work": work.name,
        "title": work.title,
        "repeat": work.repeat,
        "data": str(root),
        "inputs": [{"path": str(path.relative_to(root)), "files": fingerprint(path)} for path in work.inputs],
        "answer": answer and {**answer.as_json(), "tolerance": work.tolerance},
        "verdict": {"same": outcome.same, "how": outcome.how, "differences": outcome.differences},
        "plan": plan and {"sha256": hashlib.sha256(plan.encode()).hexdigest(), "text": plan},
        "engine": engine,
        "timings": {
            "first": outcome.first and asdict(outcome.first),
            "others": [asdict(turn) for turn in outcome.turns],
        },
        "notes": outcome.notes,
        "error": outcome.error,
        **run,
    }


def save(receipt: dict[str, Any], folder: Path) -> Path:
    """Writes a receipt, under the names of its work and engine."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{receipt['work']}.{receipt['engine']['name']}.json"
    path.write_text(json.dumps(receipt, indent=1) + "\n")
    return path


def normalised(plan: str, root: Path) -> str:
    """A plan without what differs from run to run: the folder of the data, numbers of columns, ids, addresses."""
    plan = plan.replace(str(root), "{data}").replace(str(root).lstrip("/"), "{data}")
    for pattern, put in _VOLATILE:
        plan = pattern.sub(put, plan)
    return "\n".join(line.rstrip() for line in plan.strip().splitlines())


_VOLATILE = [
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "{id}"),
    (re.compile(r"#\d+L?"), "#"),
    (re.compile(r"\[?plan_id=\d+\]?"), ""),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost):\d+"), "{address}"),
    (re.compile(r"__view_?\d+"), "{view}"),
]
