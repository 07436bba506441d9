"""Where the time of a cluster's jobs went: `python -m compare.profile http://HOST:8080 [JOBS]`, of the newest so many.

Read from the master's records. Operators count what they compute; what a task took beyond their counts is "the rest":
waiting for one another within a task, and what no operator counts. Cores without a task are "idle". Partitions of one
task read shuffles at the same time, so that their times add up to more than went by.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

NS = 1e-9
MS = 1e-3
KINDS = ("read and decode", "filter, project", "join", "aggregate", "sort", "write shuffle", "read shuffle")
_MEASURED = {
    "DataSourceExec": ("read and decode", ("time_elapsed_processing", "metadata_load_time")),
    "HashJoinExec": ("join", ("build_time", "join_time")),
    "NestedLoopJoinExec": ("join", ("build_time", "join_time")),
    "SortShuffleWriterExec": ("write shuffle", ("repart_time", "write_time")),
    "ShuffleWriterExec": ("write shuffle", ("write_time",)),
    "ShuffleReaderExec": ("read shuffle", ("fetch_time", "local_read_time")),
}
_COMPUTING = (("Aggregate", "aggregate"), ("Sort", "sort"), ("Join", "join"))


def parts(record: dict[str, Any]) -> dict[str, float]:
    """Seconds of one job by kind of work, over all cores."""
    found = dict.fromkeys([*KINDS, "the rest"], 0.0)
    for stage in record["stages"]:
        worked = (
            sum((t["ended_at_ms"] or 0) - (t["started_at_ms"] or 0) for t in stage["tasks"] if t["ended_at_ms"]) * MS
        )
        counted = 0.0
        for operator in stage["operators"]:
            kind, seconds = _seconds(operator)
            found[kind] += seconds
            counted += seconds
        found["the rest"] += max(0.0, worked - counted)
    return found


def _seconds(operator: dict[str, Any]) -> tuple[str, float]:
    if operator["name"] in _MEASURED:
        kind, names = _MEASURED[operator["name"]]
        metrics = dict(operator["metrics"])
        return kind, sum(metrics.get(name, 0) for name in names) * NS
    kinds = (kind for word, kind in _COMPUTING if word in operator["name"])
    return next(kinds, "filter, project"), (operator["cpu_ms"] or 0.0) * MS


def rows(master: str, most: int) -> Iterator[tuple[float, dict[str, float]]]:
    """Each job's seconds, and where these went."""
    cores = sum(worker["cores"] for worker in _get(f"{master}/api/v1/workers"))
    for job in reversed(_get(f"{master}/api/v1/jobs?state=done&limit={most}")):
        record = _get(f"{master}/api/v1/jobs/{job['id']}/record")
        took = (job["ended_at_ms"] - job["submitted_at_ms"]) * MS
        found = parts(record)
        found["idle"] = max(0.0, took * cores - sum(found.values()))
        yield took, found


def main(master: str, most: int = 22) -> None:
    """Prints a Markdown table: seconds of the job, and the share of each kind in the time of all cores."""
    names = [*KINDS, "the rest", "idle"]
    print(f"| job | seconds | {' | '.join(names)} |\n| --- |{' --- |' * (1 + len(names))}")
    total, seconds = dict.fromkeys(names, 0.0), 0.0
    for number, (took, found) in enumerate(rows(master, most), 1):
        print(_line(str(number), took, found))
        total = {name: total[name] + found[name] for name in names}
        seconds += took
    print(_line("all", seconds, total))


def _line(name: str, seconds: float, found: dict[str, float]) -> str:
    whole = sum(found.values()) or 1.0
    return f"| {name} | {seconds:.2f} | {' | '.join(f'{part / whole:.0%}' for part in found.values())} |"


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
